/* Filters in the configuration: is everything that is wrong with one said, where it stands, with
 * what would be right, and is a good one printed as it was? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/load_text.h"
#include "conf_bad.h"

#define FILTER(text) OPTION("'filter':\n " text)
#define FILTER_REDIS(text) OPTION_REDIS("'filter':\n " text)

static const struct conf_bad filters[] = {
    {FILTER("7"), "4:2: /bridges/0/filter: a condition is an object, this is a number"},
    {FILTER("[]"), "4:2: /bridges/0/filter: a condition is an object, this is an array"},
    {FILTER("{}"), "4:2: /bridges/0/filter: 'json', 'header', 'routing_key', 'channel', 'all', "
                   "'any' or 'not' is missing; a condition has one of them"},
    {FILTER("{'jsn': '/a', 'equals': 1}"),
     "4:2: /bridges/0/filter: 'json', 'header', 'routing_key', 'channel', 'all', 'any' or 'not' is "
     "missing; a condition has one of them\n"
     "4:3: /bridges/0/filter/jsn: unknown key 'jsn'; the nearest known key of a condition is "
     "'json'"},
    {FILTER("{'json': '/a', 'equal': 1}"),
     "4:17: /bridges/0/filter/equal: unknown key 'equal'; the nearest known key of a condition is "
     "'equals'"},
    {FILTER("{'json': '/a'}"),
     "4:2: /bridges/0/filter: there is no test; 'equals', 'in', 'matches', 'less', 'greater' or "
     "'exists' says what the value must be"},
    {FILTER("{'json': 7, 'equals': 1}"),
     "4:11: /bridges/0/filter/json: a string is wanted, this is a number"},
    {FILTER("{'json': 'a', 'equals': 1}"),
     "4:11: /bridges/0/filter/json: not a JSON pointer: parts begin with / as in '/customer/id', "
     "and ~ stands only in ~0 and ~1"},
    {FILTER("{'json': '/a', 'equals': [1]}"),
     "4:27: /bridges/0/filter/equals: a string, a number, true, false or null is wanted, this is "
     "an array"},
    {FILTER("{'json': '/a', 'in': []}"),
     "4:23: /bridges/0/filter/in: a list of at least one value is wanted"},
    {FILTER("{'json': '/a', 'in': 'b'}"),
     "4:23: /bridges/0/filter/in: a list of at least one value is wanted"},
    {FILTER("{'json': '/a', 'in': [1, {}]}"),
     "4:27: /bridges/0/filter/in/1: a string, a number, true, false or null is wanted, this is an "
     "object"},
    {FILTER("{'json': '/a', 'exists': 1}"),
     "4:27: /bridges/0/filter/exists: true or false is wanted, this is a number"},
    {FILTER("{'json': '/a', 'less': true}"),
     "4:25: /bridges/0/filter/less: a number or a string is wanted, this is true or false"},
    {FILTER("{'json': '/a', 'greater': null}"),
     "4:28: /bridges/0/filter/greater: a number or a string is wanted, this is null"},
    {FILTER("{'json': '/a', 'matches': 7}"),
     "4:28: /bridges/0/filter/matches: a string, which is a glob, is wanted, this is a number"},
    {FILTER("{'json': '/a', 'matches': 'a[b'}"),
     "4:28: /bridges/0/filter/matches: a '[' without its ']'; write \\[ for a literal one"},
    {FILTER("{'json': '/a', 'matches': 'a\\\\'}"),
     "4:28: /bridges/0/filter/matches: the glob ends with a backslash; write \\\\ for one"},
    {FILTER("{'json': '/a', 'header': 'b', 'equals': 1}"),
     "4:17: /bridges/0/filter/header: 'json' stands here too; a condition is one or the other, and "
     "'all' or 'any' holds several"},
    {FILTER("{'header': 'a', 'equals': 1}"),
     "4:3: /bridges/0/filter/header: only AMQP sources and envelopes have headers: this bridge's "
     "has not"},
    {FILTER("{'routing_key': 'a'}"),
     "4:3: /bridges/0/filter/routing_key: only AMQP sources have a routing key: this bridge's has "
     "not"},
    {FILTER_REDIS("{'channel': 'a'}"),
     "4:3: /bridges/0/filter/channel: only Redis sources have a channel: this bridge's has not"},
    {FILTER_REDIS("{'header': '', 'exists': true}"),
     "4:13: /bridges/0/filter/header: empty; the name of a header is wanted"},
    {FILTER("{'channel': 7}"),
     "4:14: /bridges/0/filter/channel: a glob, or an object with tests, is wanted, this is a "
     "number"},
    {FILTER("{'channel': {}}"),
     "4:14: /bridges/0/filter/channel: there is no test; 'equals', 'in', 'matches', 'less', "
     "'greater' or 'exists' says what the value must be"},
    {FILTER("{'channel': {'match': 'a'}}"),
     "4:15: /bridges/0/filter/channel/match: unknown key 'match'; the nearest known key of a "
     "condition is 'matches'"},
    {FILTER("{'channel': {'equals': 7}}"),
     "4:25: /bridges/0/filter/channel/equals: a string is wanted, as the value is one; this is a "
     "number"},
    {FILTER("{'channel': {'exists': true}}"),
     "4:15: /bridges/0/filter/channel/exists: every message has this value; leave it out"},
    {FILTER("{'channel': 'a', 'matches': 'b'}"),
     "4:19: /bridges/0/filter/matches: 'matches' means nothing beside 'channel'; it goes inside"},
    {FILTER("{'all': {}}"),
     "4:10: /bridges/0/filter/all: a list of at least one condition is wanted"},
    {FILTER("{'any': []}"),
     "4:10: /bridges/0/filter/any: a list of at least one condition is wanted"},
    {FILTER("{'all': [{'json': '/a', 'equals': 1}], 'equals': 2}"),
     "4:41: /bridges/0/filter/equals: 'equals' means nothing beside 'all'; it goes inside"},
    {FILTER("{'any': [{'not': {'all': [7]}}, {'json': '/a'}]}"),
     "4:28: /bridges/0/filter/any/0/not/all/0: a condition is an object, this is a number\n"
     "4:34: /bridges/0/filter/any/1: there is no test; 'equals', 'in', 'matches', 'less', "
     "'greater' or 'exists' says what the value must be"},
};

static void problems_of_filters(void **state)
{
    (void)state;
    conf_bad_check(filters, sizeof(filters) / sizeof(filters[0]));
}

static void note(void *ctx, const char *line)
{
    (void)ctx;
    print_message("%s\n", line);
}

static void a_filter_is_printed_as_it_was(void **state)
{
    static const char text[] =
        "{\"connections\":{\"r\":{\"url\":\"redis://h\"},\"a\":{\"url\":\"amqp://h\"}},"
        "\"bridges\":[{\"name\":\"b\",\"from\":{\"channel\":\"c\"},\"to\":{\"queue\":\"q\"},"
        "\"format\":\"envelope\",\"filter\": {\"any\": [{\"header\": \"h\", \"in\": [1, null, "
        "\"x\"]}, {\"not\": {\"json\": \"/a\", \"less\": 1.50, \"exists\": true}}]}}]}";
    static const char wanted[] = "{\"any\":[{\"header\":\"h\",\"in\":[1,null,\"x\"]},{\"not\":"
                                 "{\"json\":\"/a\",\"less\":1.50,\"exists\":true}}]}";
    struct config *config = config_load_text("x", slice_of(text), note, NULL);
    struct strbuf printed = STRBUF_INIT;
    struct config *again;

    (void)state;
    assert_non_null(config);
    config_print(config, &printed);
    assert_non_null(strstr(strbuf_text(&printed), wanted));
    again = config_load_text("x", strbuf_slice(&printed), note, NULL);
    assert_non_null(again);
    config_free(again);
    config_free(config);
    strbuf_fini(&printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems_of_filters),
        cmocka_unit_test(a_filter_is_printed_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
