/* What is no error but hardly meant: is it told, at its place, and is nothing else? */
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "conf/load_text.h"
#include "conf/overlap.h"
#include "conf/prefixes.h"
#include "conf_bad.h"

#define BRIDGE(name, from, to) "{'name': '" name "', 'from': {" from "}, 'to': {" to "}}"
#define HOLD(bridges) BOTH " 'bridges': [\n" bridges "]}"
#define DECLARED(parts, bridges) BOTH " 'topology': {" parts "},\n 'bridges': [\n" bridges "]}"
#define TOPIC "'exchanges': [{'name': 'e', 'type': 'topic'}]"
#define BOUND(key)                                                                                 \
    TOPIC ", 'bindings': [{'source': 'e', 'destination': 'q', 'routing_key': '" key "'}]"

/* A good configuration, and its warnings without the name of the file before them. */
static const struct conf_bad cases[] = {
    {HOLD(BRIDGE("a", "'queue': 'q'", "'channel': 'c'") ",\n" BRIDGE("b", "'queue': 'q'",
                                                                     "'channel': 'd'")),
     "4:1: warning: /bridges/1: bridge 'a' (f:3) consumes the queue 'q' too: each message goes to "
     "only one of them; give each a queue of its own, bound to one exchange"},
    {HOLD(BRIDGE("a", "'channel': 'c.d'", "'queue': 'q'") ",\n" BRIDGE("b", "'pattern': 'c.*'",
                                                                       "'queue': 'q'")),
     "4:1: warning: /bridges/1: the pattern 'c.*' overlaps the channel 'c.d' of bridge 'a' (f:3), "
     "and both send to one place: what both hear arrives twice; make them disjoint, or one bridge "
     "of them"},
    {HOLD(BRIDGE("a", "'pattern': ['x.*', '*.y']", "'queue': 'q'")),
     "3:1: warning: /bridges/0: the patterns 'x.*' and '*.y' overlap: what both match is sent "
     "twice; make them disjoint"},
    {DECLARED(TOPIC ", 'queues': [{'name': 'q'}]", ""),
     "2:29: warning: /topology/exchanges/0: no bridge and no binding uses the exchange 'e'; take "
     "it out, or correct its name\n"
     "2:73: warning: /topology/queues/0: no bridge and no binding uses the queue 'q'; bind it, "
     "take it out, or correct its name"},
    {DECLARED(BOUND("a.*"), BRIDGE("a", "'channel': 'c'", "'exchange': 'e', 'routing_key': 'b'")),
     "4:1: warning: /bridges/0: none of the bindings of the exchange 'e' matches the routing key "
     "'b': its messages go nowhere; correct it, or bind a queue with it"},
    {HOLD("{'name': 'out', 'from': {'channel': 'c'}, 'to': {'queue': 'q'},\n"
          " 'filter': {'json': '/from', 'equals': 'shop'}},\n" BRIDGE("in", "'queue': 'q'",
                                                                      "'channel': 'c'")),
     "3:1: warning: /bridges/0: a circle: 'out' (f:3) feeds 'in' (f:5) feeds 'out'; what passes "
     "every filter on it would go round for ever"},
    /* And what says nothing. */
    {HOLD(BRIDGE("a", "'pattern': 'a.*'", "'queue': 'q'") ",\n" BRIDGE("b", "'pattern': 'b.*'",
                                                                       "'queue': 'q'")),
     ""},
    {HOLD(BRIDGE("a", "'pattern': 'a.*'", "'queue': 'q'") ",\n" BRIDGE("b", "'pattern': 'a.*'",
                                                                       "'queue': 'r'")),
     ""},
    {HOLD("{'name': 'off', 'enabled': false, 'from': {'queue': 'q'}, 'to': {'channel': "
          "'c'}},\n" BRIDGE("b", "'queue': 'q'", "'channel': 'd'")),
     ""},
    {DECLARED(BOUND("a.*"), BRIDGE("a", "'channel': 'c'", "'exchange': 'e', 'routing_key': 'a.b'")),
     ""},
    {DECLARED(TOPIC, BRIDGE("a", "'channel': 'c'", "'exchange': 'e', 'routing_key': 'k'")), ""},
    {DECLARED(BOUND("a.*"),
              BRIDGE("a", "'channel': 'c'", "'exchange': 'e', 'routing_key': '{json:/k}'")),
     ""},
    {DECLARED(TOPIC ", 'queues': [{'name': 'q'}]",
              BRIDGE("a", "'channel': 'c'", "'exchange': '{json:/e}', 'routing_key': 'k'")),
     ""},
    {DECLARED("'queues': [{'name': 'q', 'arguments': {'x-dead-letter-exchange': '', "
              "'x-dead-letter-routing-key': 'd'}}, {'name': 'd'}]",
              BRIDGE("a", "'channel': 'c'", "'queue': 'q'")),
     ""},
};

static void advice_is_given_where_it_is_due(void **state)
{
    (void)state;
    conf_warned_check(cases, sizeof(cases) / sizeof(cases[0]));
}

static void patterns_overlap_where_a_channel_matches_both(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool overlap;
    } pairs[] = {
        {"", "", true},           {"", "*", false},          {"*", "a", true},
        {"a*", "b*", false},      {"*a", "*b", false},       {"a*", "*b", true},
        {"a*c", "ab*", true},     {"a?", "?b", true},        {"a?", "b", false},
        {"[ab]x", "[bc]x", true}, {"[ab]x", "[cd]x", false}, {"[^a]", "a", false},
        {"\\*", "*", true},       {"\\*", "a", false},       {"a*b*c", "a*c*b", false},
        {"*a*", "*b*", true},     {"a.*.z", "a.b.*", true},  {"??", "?", false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_int_equal(conf_globs_overlap(slice_of(pairs[i].a), slice_of(pairs[i].b)),
                         pairs[i].overlap);
        assert_int_equal(conf_globs_overlap(slice_of(pairs[i].b), slice_of(pairs[i].a)),
                         pairs[i].overlap);
    }
}

/* The patterns of a search by their beginnings. */
enum { PATTERNS = 300, PATTERN_MOST = 6 };

struct search {
    char patterns[PATTERNS][PATTERN_MOST + 1];
    bool told[PATTERNS];
};

static void on_pattern(void *ctx, void *item)
{
    struct search *search = ctx;
    size_t number = (size_t)((char(*)[PATTERN_MOST + 1]) item - search->patterns);

    assert_false(search->told[number]); /* once each */
    search->told[number] = true;
}

static void no_pattern_that_overlaps_is_left_out_by_its_beginning(void **state)
{
    static const char letters[] = "aaabbb.*?";
    struct conf_prefixes prefixes = {.items = NULL};
    static struct search search;
    unsigned random = 7;
    size_t told = 0;
    size_t i;
    size_t j;

    (void)state;
    for (i = 0; i < PATTERNS; i++) {
        for (j = 0; j < i % (PATTERN_MOST + 1); j++) {
            random = random * 1103515245 + 12345;
            search.patterns[i][j] = letters[(random >> 16) % (sizeof(letters) - 1)];
        }
        assert_int_equal(conf_prefixes_add(&prefixes,
                                           conf_glob_prefix(slice_of(search.patterns[i])),
                                           search.patterns[i]),
                         0);
    }
    for (i = 0; i < PATTERNS; i++) {
        struct slice pattern = slice_of(search.patterns[i]);

        memset(search.told, 0, sizeof(search.told));
        conf_prefixes_each(&prefixes, conf_glob_prefix(pattern), on_pattern, &search);
        for (j = 0; j < PATTERNS; j++) {
            told += search.told[j];
            assert_true(search.told[j] ||
                        !conf_globs_overlap(pattern, slice_of(search.patterns[j])));
        }
    }
    assert_in_range(told, PATTERNS, PATTERNS * PATTERNS * 3 / 4); /* and many are left out */
    conf_prefixes_fini(&prefixes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(advice_is_given_where_it_is_due),
        cmocka_unit_test(patterns_overlap_where_a_channel_matches_both),
        cmocka_unit_test(no_pattern_that_overlaps_is_left_out_by_its_beginning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
