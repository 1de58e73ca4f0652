/* Bridges that feed each other: are the certain circles refused, and is nothing else? */
#include <stdlib.h>
#include <string.h>

#include "conf/feed.h"
#include "conf/load_text.h"
#include "conf_bad.h"

#define BRIDGE(name, from, to) "{'name': '" name "', 'from': {" from "}, 'to': {" to "}}"
#define HOLD(bridges) BOTH " 'bridges': [\n" bridges "]}"
#define TWO_REDIS(bridges)                                                                         \
    "{'connections': {'r': {'url': 'redis://h'}, 's': {'url': 'redis://:pw@h:6379/5'}},\n"         \
    " 'bridges': [\n" bridges "]}"
#define DECLARED(type, key, bridges)                                                               \
    BOTH " 'topology': {'exchanges': [{'name': 'e', 'type': '" type "'}],\n"                       \
         " 'bindings': [{'source': 'e', 'destination': 'q', 'routing_key': '" key "'}]},\n"        \
         " 'bridges': [\n" bridges "]}"

#define MIRROR(name, channel, more)                                                                \
    "{'name': '" name "', 'mirror': {'channel': '" channel "', 'exchange': 'e', "                  \
    "'routing_key': 'k'" more "}}"

#define DEAD(name, from, to, dead)                                                                 \
    "{'name': '" name "', 'from': {" from "}, 'to': {" to "}, 'dead_letter': {" dead "}}"
#define PATTERN_MIRROR                                                                             \
    "{'name': 'm', 'mirror': {'pattern': 'o:*', 'exchange': 'e', 'routing_key': "                  \
    "'{channel|dots}', 'channel': '{routing_key|colons}'}}"
#define CIRCLE_AT(line, next, one, two, what)                                                      \
    line ":1: /bridges/0: a circle: '" one "' (f:" line ") feeds '" two "' (f:" next               \
         ") feeds '" one "'; " what " would go round for ever, so change one of them"
#define CIRCLE3(one, two, what) CIRCLE_AT("3", "4", one, two, what)
#define CIRCLE5(one, two, what) CIRCLE_AT("5", "6", one, two, what)
#define PERHAPS(line, names)                                                                       \
    line ":1: warning: /bridges/0: perhaps a circle: " names                                       \
         "; what has the names for it would go round for ever"

static const struct conf_bad circles[] = {
    /* What another bridge takes out of a mirror's one side and puts back. */
    {DECLARED("topic", "#",
              MIRROR("m", "c", "") ",\n" BRIDGE("in", "'queue': 'q'", "'channel': 'c'")),
     "5:1: /bridges/0: a circle: 'm' (f:5) feeds 'in' (f:6) feeds 'm'; messages would go round for "
     "ever, so change one of them"},
    {DECLARED("topic", "#",
              MIRROR("m", "c", "") ",\n" BRIDGE("out", "'channel': 'c'",
                                                "'exchange': 'e', 'routing_key': 'k'")),
     "5:1: /bridges/0: a circle: 'm' (f:5) feeds 'out' (f:6) feeds 'm'; messages would go round "
     "for ever, so change one of them"},
    /* Two mirrors of one pair that count no hops. */
    {DECLARED("topic", "#",
              MIRROR("m", "c", ", 'max_hops': 2") ",\n" MIRROR("n", "c", ", 'max_hops': 2")),
     "5:1: /bridges/0: a circle: 'm' (f:5) feeds 'n' (f:6) feeds 'm'; messages would go round for "
     "ever, so change one of them"},
    {HOLD(BRIDGE("out", "'channel': 'c'", "'queue': 'q'") ",\n" BRIDGE("in", "'queue': 'q'",
                                                                       "'channel': 'c'")),
     "3:1: /bridges/0: a circle: 'out' (f:3) feeds 'in' (f:4) feeds 'out'; messages would go round "
     "for ever, so change one of them"},
    {HOLD(BRIDGE("out", "'pattern': ['x', 'c*']",
                 "'exchange': '', 'routing_key': 'q'") ",\n" BRIDGE("in", "'queue': 'q'",
                                                                    "'channel': 'cd'")),
     "3:1: /bridges/0: a circle: 'out' (f:3) feeds 'in' (f:4) feeds 'out'; messages would go round "
     "for ever, so change one of them"},
    {HOLD(
         BRIDGE("lead", "'channel': 'a'", "'queue': 'q1'") ",\n" BRIDGE("one", "'queue': 'q1'", "'channel': 'b'") ",\n" BRIDGE(
             "two", "'channel': 'b'",
             "'queue': 'q2'") ",\n" BRIDGE("three", "'queue': 'q2'",
                                           "'channel': 'd'") ",\n" BRIDGE("four",
                                                                          "'channel': ['x', 'd']",
                                                                          "'queue': 'q1'")),
     "4:1: /bridges/1: a circle: 'one' (f:4) feeds 'two' (f:5) feeds 'three' (f:6) feeds 'four' "
     "(f:7) feeds 'one'; messages would go round for ever, so change one of them"},
    {DECLARED("topic", "a.*.#",
              BRIDGE("out", "'channel': 'c'", "'exchange': 'e', 'routing_key': 'a.b'") ",\n" BRIDGE(
                  "in", "'queue': 'q'", "'channel': 'c'")),
     "5:1: /bridges/0: a circle: 'out' (f:5) feeds 'in' (f:6) feeds 'out'; messages would go round "
     "for ever, so change one of them"},
    {DECLARED("fanout", "x",
              BRIDGE("out", "'channel': 'c'",
                     "'exchange': 'e'") ",\n" BRIDGE("in", "'exchange': 'e'", "'channel': 'c'")),
     "5:1: /bridges/0: a circle: 'out' (f:5) feeds 'in' (f:6) feeds 'out'; messages would go round "
     "for ever, so change one of them"},
    {TWO_REDIS(BRIDGE("self", "'pattern': 'a.*', 'connection': 'r'",
                      "'channel': '{channel}', 'connection': 's'")),
     "3:1: /bridges/0: a circle: 'self' (f:3) feeds 'self'; messages would go round for ever, so "
     "change one of them"},
    /* From exchange to exchange, round about. */
    {BOTH " 'topology': {'exchanges': [{'name': 'e', 'type': 'topic'}, {'name': 'f', 'type': "
          "'fanout'}],\n"
          " 'bindings': [{'source': 'e', 'destination': 'f', 'destination_type': 'exchange', "
          "'routing_key': 'a.#'}, {'source': 'f', 'destination': 'e', 'destination_type': "
          "'exchange'}, {'source': 'f', 'destination': 'q'}]},\n"
          " 'bridges': [\n" BRIDGE(
              "out", "'channel': 'c'",
              "'exchange': 'e', 'routing_key': 'a.b'") ",\n" BRIDGE("in", "'queue': 'q'",
                                                                    "'channel': 'c'") "]}",
     "5:1: /bridges/0: a circle: 'out' (f:5) feeds 'in' (f:6) feeds 'out'; messages would go round "
     "for ever, so change one of them"},
    /* What templates make of names, there and back. */
    {DECLARED(
         "topic", "a.#",
         BRIDGE("out", "'pattern': 'a:*'",
                "'exchange': 'e', 'routing_key': '{channel|dots}'") ",\n" BRIDGE("in",
                                                                                 "'queue': 'q'",
                                                                                 "'channel': "
                                                                                 "'{routing_key|"
                                                                                 "colons}'")),
     CIRCLE5("out", "in", "messages")},
    {DECLARED(
         "topic", "to.#",
         BRIDGE("out", "'pattern': 'from.*'",
                "'exchange': 'e', 'routing_key': 'to.{1}'") ",\n" BRIDGE("in", "'queue': 'q'",
                                                                         "'channel': "
                                                                         "'from.{routing_key.2}'")),
     CIRCLE5("out", "in", "messages")},
    {DECLARED("headers", "",
              BRIDGE("out", "'channel': 'c'",
                     "'exchange': 'e'") ",\n" BRIDGE("in", "'exchange': 'e'", "'channel': 'c'")),
     CIRCLE5("out", "in", "messages")},
    {HOLD(BRIDGE("out", "'channel': 'c'", "'exchange': 'amq.fanout'") ",\n" BRIDGE(
         "in", "'exchange': 'amq.fanout'", "'channel': 'c'")),
     CIRCLE3("out", "in", "messages")},
    {HOLD(BRIDGE("out", "'channel': ['x', 'c']",
                 "'queue': 'q.{channel}'") ",\n" BRIDGE("in", "'queue': 'q.c'", "'channel': 'c'")),
     CIRCLE3("out", "in", "messages")},
    {HOLD(BRIDGE("out", "'channel': 'c.out'", "'queue': 'q'") ",\n" BRIDGE(
         "in", "'queue': 'q'", "'channel': 'c.{bridge}'") ",\n" BRIDGE("b", "'channel': 'c.in'",
                                                                       "'queue': 'q'")),
     "4:1: /bridges/1: a circle: 'in' (f:4) feeds 'b' (f:5) feeds 'in'; messages would go round "
     "for "
     "ever, so change one of them"},
    /* Longer at each turn. */
    {TWO_REDIS(BRIDGE("more", "'pattern': '*', 'connection': 'r'",
                      "'channel': 'again.{channel}', 'connection': 's'")),
     "3:1: /bridges/0: a circle: 'more' (f:3) feeds 'more'; messages would go round for ever, so "
     "change one of them"},
    /* Dead letters. */
    {HOLD(DEAD("out", "'channel': 'c'", "'queue': 'q'", "'channel': 'c'")),
     "3:1: /bridges/0: a circle: 'out' (f:3) feeds 'out'; what is refused would go round for ever, "
     "so change one of them"},
    {HOLD(DEAD("out", "'channel': 'c'", "'queue': 'q'",
               "'queue': 'dead'") ",\n" BRIDGE("again", "'queue': 'dead'", "'channel': 'c'")),
     CIRCLE3("out", "again", "what is refused")},
    {HOLD(DEAD("out", "'channel': 'c.x'", "'queue': 'q'", "'queue': '{channel|dots}'") ",\n" BRIDGE(
         "again", "'queue': 'c.x'", "'channel': '{queue}'")),
     CIRCLE3("out", "again", "what is refused")},
    /* Calls: a request that comes back as a request. */
    {HOLD("{'name': 'ask', 'rpc': {'from': {'queue': 'q'}, 'to': {'channel': 'c'}}},\n" BRIDGE(
         "back", "'channel': 'c'", "'queue': 'q'")),
     CIRCLE3("ask", "back", "messages")},
    /* A mirror of a pattern, and a bridge around it. */
    {BOTH
     " 'topology': {'exchanges': [{'name': 'e', 'type': 'topic'}]},\n 'bridges': [\n" PATTERN_MIRROR
     ",\n" BRIDGE("around", "'exchange': 'e', 'binding_keys': ['o.#']",
                  "'channel': '{routing_key|colons}'") "]}",
     "4:1: /bridges/0: a circle: 'm' (f:4) feeds 'around' (f:5) feeds 'm'; messages would go round "
     "for ever, so change one of them"},
};

/* What may be a circle, or not: it is loaded, with these warnings. */
static const struct conf_bad perhaps[] = {
    {HOLD(BRIDGE("out", "'channel': 'c'",
                 "'queue': '{json:/to}'") ",\n" BRIDGE("in", "'queue': 'q'", "'channel': 'c'")),
     PERHAPS("3", "'out' (f:3) feeds 'in' (f:4) feeds 'out'")},
    {HOLD(BRIDGE("out", "'channel': 'c'", "'queue': 'q'") ",\n" BRIDGE("in", "'queue': 'q'",
                                                                       "'channel': '{header.to}'")),
     PERHAPS("3", "'out' (f:3) feeds 'in' (f:4) feeds 'out'")},
    {DECLARED("headers", "",
              BRIDGE("out", "'channel': 'c'", "'exchange': 'e'") ",\n" BRIDGE(
                  "in", "'exchange': 'e', 'binding_arguments': {'kind': 'x'}", "'channel': 'c'")),
     PERHAPS("5", "'out' (f:5) feeds 'in' (f:6) feeds 'out'")},
    {HOLD("{'name': 'out', 'from': {'pattern': 'a.*'}, 'to': {'queue': 'q'}, 'filter': "
          "{'channel': 'a.b'}},\n" BRIDGE("in", "'queue': 'q'", "'channel': 'a.c'")),
     "3:1: warning: /bridges/0: a circle: 'out' (f:3) feeds 'in' (f:4) feeds 'out'; what passes "
     "every filter on it would go round for ever"},
};

static const char *const no_circles[] = {
    /* What templates make of names leads elsewhere. */
    DECLARED(
        "topic", "#",
        BRIDGE("out", "'pattern': 'a:*'",
               "'exchange': 'e', 'routing_key': '{channel|dots}'") ",\n" BRIDGE("in",
                                                                                "'queue': 'q'",
                                                                                "'channel': "
                                                                                "'{routing_key}'")),
    DECLARED("topic", "b.#",
             BRIDGE("out", "'pattern': 'a.*'",
                    "'exchange': 'e', 'routing_key': '{channel}'") ",\n" BRIDGE("in",
                                                                                "'queue': 'q'",
                                                                                "'channel': "
                                                                                "'{routing_key}'")),
    DECLARED("topic", "#",
             BRIDGE("out", "'pattern': 'events.*'",
                    "'exchange': 'e', 'routing_key': 'out.{1}'") ",\n" BRIDGE("in", "'queue': 'q'",
                                                                              "'channel': "
                                                                              "'{routing_key}'")),
    DECLARED(
        "direct", "a.b",
        BRIDGE("out", "'pattern': 'A.*'",
               "'exchange': 'e', 'routing_key': '{channel}'") ",\n" BRIDGE("in", "'queue': 'q'",
                                                                           "'channel': 'A.b'")),
    HOLD(BRIDGE("out", "'channel': 'c'", "'queue': '{bridge}'") ",\n" BRIDGE("in", "'queue': 'q'",
                                                                             "'channel': 'c'")),
    /* Dead letters that somebody keeps, or takes elsewhere. */
    HOLD(DEAD("out", "'channel': 'c'", "'queue': 'q'", "'queue': 'dead'")),
    HOLD(DEAD("out", "'channel': 'c'", "'queue': 'q'",
              "'queue': 'dead'") ",\n" BRIDGE("park", "'queue': 'dead'", "'channel': 'parked'")),
    HOLD("{'name': 'ask', 'rpc': {'from': {'queue': 'q'}, 'to': {'channel': 'c'}}},\n" BRIDGE(
        "log", "'channel': 'c'", "'queue': 'log'")),
    BOTH
    " 'topology': {'exchanges': [{'name': 'e', 'type': 'topic'}]},\n 'bridges': [\n" PATTERN_MIRROR
    ",\n" BRIDGE("beside", "'exchange': 'e', 'binding_keys': ['o.#']",
                 "'channel': 'log:{routing_key}'") "]}",
    /* A mirror's own, and two channels that are mirrored with one exchange. */
    DECLARED("topic", "#", MIRROR("m", "c", "")),
    DECLARED("topic", "#", MIRROR("m", "c", "") ",\n" MIRROR("n", "d", "")),
    DECLARED("topic", "#",
             MIRROR("m", "c", ", 'max_hops': 2") ",\n" MIRROR("n", "d", ", 'max_hops': 2")),
    DECLARED("topic", "#",
             MIRROR("m", "c", "") ",\n" BRIDGE("in", "'queue': 'q'", "'channel': 'd'")),

    HOLD(BRIDGE("out", "'channel': 'c'", "'queue': 'q'") ",\n" BRIDGE("in", "'queue': 'q'",
                                                                      "'channel': 'd'")),
    HOLD("{'name': 'out', 'enabled': false, 'from': {'channel': 'c'}, 'to': {'queue': "
         "'q'}},\n" BRIDGE("in", "'queue': 'q'", "'channel': 'c'")),
    HOLD(BRIDGE("out", "'channel': 'c'", "'exchange': 'e', 'routing_key': 'q'") ",\n" BRIDGE(
        "in", "'queue': 'q'", "'channel': 'c'")),
    DECLARED("topic", "a.*",
             BRIDGE("out", "'channel': 'c'",
                    "'exchange': 'e', 'routing_key': 'a.b.c'") ",\n" BRIDGE("in", "'queue': 'q'",
                                                                            "'channel': 'c'")),
    BOTH " 'topology': {'exchanges': [{'name': 'e', 'type': 'topic'}, {'name': 'f', 'type': "
         "'fanout'}],\n 'bindings': [{'source': 'e', 'destination': 'f', 'destination_type': "
         "'exchange', 'routing_key': 'b.#'}, {'source': 'f', 'destination': 'q'}]},\n"
         " 'bridges': [\n" BRIDGE(
             "out", "'channel': 'c'",
             "'exchange': 'e', 'routing_key': 'a.b'") ",\n" BRIDGE("in", "'queue': 'q'",
                                                                   "'channel': 'c'") "]}",
    DECLARED("direct", "k",
             BRIDGE("out", "'channel': 'c'", "'exchange': 'e', 'routing_key': 'K'") ",\n" BRIDGE(
                 "in", "'queue': 'q'", "'channel': 'c'")),
    TWO_REDIS(BRIDGE("copy", "'channel': 'a', 'connection': 'r'",
                     "'channel': 'copy:{channel}', 'connection': 's'")),
};

static void circles_are_refused(void **state)
{
    (void)state;
    conf_bad_check(circles, sizeof(circles) / sizeof(circles[0]));
}

static void what_may_be_one_is_told(void **state)
{
    (void)state;
    conf_warned_check(perhaps, sizeof(perhaps) / sizeof(perhaps[0]));
}

static void show(void *ctx, const char *line)
{
    (void)ctx;
    print_error("%s\n", line);
}

static void what_is_no_circle_for_sure_is_not(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(no_circles) / sizeof(no_circles[0]); i++) {
        char *text = strdup(no_circles[i]);
        struct config *config;
        char *c;

        assert_non_null(text);
        for (c = text; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
        config = config_load_text("f", slice_of(text), show, NULL);
        assert_non_null(config);
        for (size_t j = 0; j < config->warnings.count; j++) {
            assert_null(strstr(config->warnings.items[j], "circle"));
        }
        config_free(config);
        free(text);
    }
}

static void topics_match_as_in_amqp(void **state)
{
    static const struct {
        const char *binding_key;
        const char *routing_key;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"#", "", true},
        {"#", "a.b.c", true},
        {"*", "", false},
        {"*", "a", true},
        {"*", "a.b", false},
        {"a.*.c", "a.b.c", true},
        {"a.*.c", "a.c", false},
        {"a.#.c", "a.c", true},
        {"a.#.c", "a.x.y.c", true},
        {"a.#.c", "a.c.d", false},
        {"#.b.#", "a.b.c", true},
        {"#.b.#.b", "b.b", true},
        {"#.b.#.b", "b", false},
        {"a.#", "a", true},
        {"a.#", "ab", false},
        {"*.#", "", false},
        {"#.*", "a", true},
        {"a..b", "a..b", true},
        {"#.x.#.x.#.x.#.x.#.y", "x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x", false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            conf_topic_match(slice_of(cases[i].binding_key), slice_of(cases[i].routing_key)),
            cases[i].matches);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(circles_are_refused),
        cmocka_unit_test(what_may_be_one_is_told),
        cmocka_unit_test(what_is_no_circle_for_sure_is_not),
        cmocka_unit_test(topics_match_as_in_amqp),
    };
    return cmocka_run_group_tests_name("conf_circle", tests, NULL, NULL);
}
