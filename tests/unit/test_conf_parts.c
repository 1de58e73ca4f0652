/* The small parts of conf/: durations, sizes, variables of the environment, URLs, base64. Wrong
 * ones first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "conf/environment.h"
#include "conf/percent.h"
#include "conf/units.h"
#include "conf/url.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void wrong_durations_and_sizes(void **state)
{
    static const char *const durations[] = {"",
                                            "5",
                                            "s",
                                            "-1s",
                                            "+1s",
                                            " 1s",
                                            "1 s",
                                            "1S",
                                            "1.5s",
                                            "1us",
                                            "1d",
                                            "1sec",
                                            "0x1s",
                                            "1s ",
                                            "9999999999999999999999s",
                                            "9223372036855s"};
    static const char *const sizes[] = {"",
                                        "B",
                                        "-1",
                                        "1.5MiB",
                                        "1 MiB",
                                        "1mib",
                                        "1Mb",
                                        "1MIB",
                                        "1EiB",
                                        "18446744073709551616",
                                        "4611686018427387905",
                                        "5000000TiB"};
    uint64_t value = 7;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(durations); i++) {
        assert_int_equal(conf_duration_parse(slice_of(durations[i]), &value), -1);
    }
    for (i = 0; i < COUNT(sizes); i++) {
        assert_int_equal(conf_size_parse(slice_of(sizes[i]), &value), -1);
    }
    assert_int_equal(value, 7);
}

static void durations_and_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
        const char *printed;
    } durations[] = {{"0s", 0, "0s"},           {"0ms", 0, "0s"},
                     {"1ms", 1000, "1ms"},      {"250ms", 250000, "250ms"},
                     {"1000ms", 1000000, "1s"}, {"5s", 5000000, "5s"},
                     {"90s", 90000000, "90s"},  {"2m", 120000000, "2m"},
                     {"60m", 3600000000, "1h"}},
      sizes[] = {{"0", 0, "0"},
                 {"1", 1, "1B"},
                 {"1B", 1, "1B"},
                 {"4096", 4096, "4KiB"},
                 {"1kB", 1000, "1kB"},
                 {"1KB", 1000, "1kB"},
                 {"64MiB", 67108864, "64MiB"},
                 {"1GB", 1000000000, "1GB"},
                 {"1024GiB", UINT64_C(1) << 40, "1TiB"},
                 {"4000000TiB", UINT64_C(4000000) << 40, "4000000TiB"}};
    struct strbuf out = STRBUF_INIT;
    uint64_t value;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(durations); i++) {
        assert_int_equal(conf_duration_parse(slice_of(durations[i].text), &value), 0);
        assert_true(value == durations[i].value);
        conf_duration_print(value, &out);
        assert_string_equal(strbuf_text(&out), durations[i].printed);
        strbuf_reset(&out);
    }
    for (i = 0; i < COUNT(sizes); i++) {
        assert_int_equal(conf_size_parse(slice_of(sizes[i].text), &value), 0);
        assert_true(value == sizes[i].value);
        conf_size_print(value, &out);
        assert_string_equal(strbuf_text(&out), sizes[i].printed);
        strbuf_reset(&out);
    }
    strbuf_fini(&out);
}

static void wrong_variables(void **state)
{
    static const struct {
        const char *text;
        size_t index;
        const char *words;
    } cases[] = {
        {"a${CONF_TEST_NONE}", 1,
         "the environment has no CONF_TEST_NONE; set it, or give a default: "
         "${CONF_TEST_NONE:-default}"},
        {"ab${", 2, "\"${\" has no end; close it with \"}\""},
        {"${}", 0,
         "not a variable; write ${NAME} or ${NAME:-default}, the name of letters, digits and _"},
        {"${1A}", 0,
         "not a variable; write ${NAME} or ${NAME:-default}, the name of letters, digits and _"},
        {"${CONF_TEST_SET-x}", 0,
         "not a variable; write ${NAME} or ${NAME:-default}, the name of letters, digits and _"},
        {"${CONF_TEST_SET:x}", 0,
         "not a variable; write ${NAME} or ${NAME:-default}, the name of letters, digits and _"},
        {"${CONF_TEST_NONE:-${CONF_TEST_SET}}", 0,
         "a default is plain text; a variable in it means nothing"},
    };
    struct strbuf out = STRBUF_INIT;
    struct err err;
    size_t i;

    (void)state;
    setenv("CONF_TEST_SET", "secret", 1);
    unsetenv("CONF_TEST_NONE");
    for (i = 0; i < COUNT(cases); i++) {
        size_t index = 99;

        assert_int_equal(conf_environment_expand(slice_of(cases[i].text), &out, &err, &index), -1);
        assert_string_equal(err.text, cases[i].words);
        assert_int_equal(index, cases[i].index);
        strbuf_reset(&out);
    }
    strbuf_fini(&out);
}

static void variables(void **state)
{
    static const struct {
        const char *text;
        const char *expanded;
    } cases[] = {{"", ""},
                 {"plain $ text $$ {x}", "plain $ text $$ {x}"},
                 {"${CONF_TEST_SET}", "value"},
                 {"<${CONF_TEST_SET}|${CONF_TEST_SET}>", "<value|value>"},
                 {"${CONF_TEST_SET:-other}", "value"},
                 {"${CONF_TEST_NONE:-a:-b}", "a:-b"},
                 {"${CONF_TEST_NONE:-}x", "x"},
                 {"${CONF_TEST_EMPTY}", ""},
                 {"${CONF_TEST_EMPTY:-filled}", "filled"},
                 {"${CONF_TEST_NESTED}", "${CONF_TEST_SET}"},
                 {"end$", "end$"}};
    struct strbuf out = STRBUF_INIT;
    struct err err;
    size_t index;
    size_t i;

    (void)state;
    setenv("CONF_TEST_SET", "value", 1);
    setenv("CONF_TEST_EMPTY", "", 1);
    setenv("CONF_TEST_NESTED", "${CONF_TEST_SET}", 1);
    unsetenv("CONF_TEST_NONE");
    for (i = 0; i < COUNT(cases); i++) {
        assert_int_equal(conf_environment_expand(slice_of(cases[i].text), &out, &err, &index), 0);
        assert_string_equal(strbuf_text(&out), cases[i].expanded);
        strbuf_reset(&out);
    }
    strbuf_fini(&out);
}

static void wrong_urls_say_no_secret(void **state)
{
    static const struct {
        const char *url;
        const char *words;
    } cases[] = {
        {"", "no scheme; "},
        {"redis", "no scheme; "},
        {"redis:h", "no scheme; "},
        {"s3cret", "no scheme; "},
        {"://h", "no scheme; "},
        {"a_b://h", "no scheme; "},
        {"REDIS://h", "unknown scheme \"REDIS\"; redis://, rediss://, redis+unix://, amqp:// or "
                      "amqps:// is right"},
        {"unix:///run/redis.sock", "unknown scheme \"unix\"; "},
        {"redis://", "the host is missing or too long; write redis://HOST"},
        {"amqp://", "the host is missing or too long; write amqp://HOST"},
        {"amqp://u:s3cret@", "the host is missing or too long; write amqp://HOST"},
        {"redis://h:", "the port is no number from 1 to 65535; "},
        {"redis://h:0", "the port is no number from 1 to 65535; "},
        {"redis://h:65536", "the port is no number from 1 to 65535; "},
        {"redis://h:6379x", "the port is no number from 1 to 65535; "},
        {"amqp://u:s3/cret@h",
         "the port is no number from 1 to 65535; in a user or password \"/\""},
        {"amqp://u:s3#cret@h", "\"#\" means nothing here; in a user or password it is written %23"},
        {"redis://::1:6379", "several colons behind the host; an IPv6 address stands in brackets"},
        {"redis://[::1", "\"[\" before an IPv6 address has no \"]\" behind it"},
        {"redis://[::1]x", "a port, or nothing, is wanted behind the \"]\""},
        {"redis://h/x", "the database is no number; write redis://HOST/0"},
        {"redis://h/-1", "the database is no number; "},
        {"redis://h/1/2", "the database is no number; "},
        {"redis://h/99999999999", "the database is no number; "},
        {"redis://h/0?db=1", "\"?\" means nothing here; the database stands behind a slash"},
        {"redis+unix://run/redis.sock", "three slashes before the path of the socket are wanted"},
        {"redis+unix:///", "three slashes before the path of the socket are wanted"},
        {"redis+unix:///a?db=x", "behind \"?\" only db=NUMBER has a meaning"},
        {"redis+unix:///a?password=s3cret", "behind \"?\" only db=NUMBER has a meaning"},
        {"amqp://h/a/b", "a second \"/\" behind the host; in the name of a virtual host it is "
                         "written %2F"},
        {"amqp://h/%2F?heartbeat=5", "\"?\" means nothing here; heartbeat, TLS and all else"},
        {"amqp://h/%zz", "\"%\" in the virtual host wants two hexadecimal digits, not 00"},
        {"amqp://h/%2", "\"%\" in the virtual host wants two hexadecimal digits"},
        {"amqp://h/%00", "\"%\" in the virtual host wants two hexadecimal digits, not 00"},
        {"amqp://h/%FF", "the virtual host is no UTF-8"},
        {"amqp://u:s3cret%@h", "\"%\" in the password wants two hexadecimal digits"},
        {"amqp://u%4:s3cret@h", "\"%\" in the user wants two hexadecimal digits"},
        {"amqp://u:s3 cret@h", "a space or control character in the URL; write it as %20"},
        {"amqp://u:s3\ncret@h", "a space or control character in the URL; write it as %0A"},
    };
    struct config_memory *memory = conf_memory_new();
    enum conf_protocol protocol;
    struct conf_url url;
    struct err err;
    size_t i;

    (void)state;
    assert_non_null(memory);
    for (i = 0; i < COUNT(cases); i++) {
        print_message("%s\n", cases[i].url);
        assert_int_equal(conf_url_parse(slice_of(cases[i].url), memory, &url, &protocol, &err), -1);
        assert_memory_equal(err.text, cases[i].words, strlen(cases[i].words));
        assert_null(strstr(err.text, "s3"));
        assert_null(strstr(err.text, "cret"));
    }
    conf_memory_free(memory);
}

static void urls(void **state)
{
    static const struct {
        const char *text;
        const char *printed;
        struct conf_url url;
        enum conf_protocol protocol;
    } cases[] = {
        {"redis://h", "redis://h:6379/0", {CONF_TCP, "h", 6379, "", NULL, NULL, "", 0}, CONF_REDIS},
        {"redis://h/",
         "redis://h:6379/0",
         {CONF_TCP, "h", 6379, "", NULL, NULL, "", 0},
         CONF_REDIS},
        {"redis://127.0.0.1:1/15",
         "redis://127.0.0.1:1/15",
         {CONF_TCP, "127.0.0.1", 1, "", NULL, NULL, "", 15},
         CONF_REDIS},
        {"redis://:p%40:q@h:65535",
         "redis://:***@h:65535/0",
         {CONF_TCP, "h", 65535, "", NULL, "p@:q", "", 0},
         CONF_REDIS},
        {"rediss://u:@[::1]:7000/2",
         "rediss://u:***@[::1]:7000/2",
         {CONF_TLS, "::1", 7000, "", "u", "", "", 2},
         CONF_REDIS},
        {"rediss://u@[fe80::1%25eth0]",
         "rediss://u@[fe80::1%25eth0]:6379/0",
         {CONF_TLS, "fe80::1%eth0", 6379, "", "u", NULL, "", 0},
         CONF_REDIS},
        {"redis+unix:///run/r%20s.sock",
         "redis+unix:///run/r%20s.sock?db=0",
         {CONF_UNIX, "", 0, "/run/r s.sock", NULL, NULL, "", 0},
         CONF_REDIS},
        {"redis+unix://u:p@/r?db=3",
         "redis+unix://u:***@/r?db=3",
         {CONF_UNIX, "", 0, "/r", "u", "p", "", 3},
         CONF_REDIS},
        {"amqp://h", "amqp://h:5672/%2F", {CONF_TCP, "h", 5672, "", NULL, NULL, "/", 0}, CONF_AMQP},
        {"amqp://h/",
         "amqp://h:5672/%2F",
         {CONF_TCP, "h", 5672, "", NULL, NULL, "/", 0},
         CONF_AMQP},
        {"amqp://guest:guest@127.0.0.1:5672/%2F",
         "amqp://guest:***@127.0.0.1:5672/%2F",
         {CONF_TCP, "127.0.0.1", 5672, "", "guest", "guest", "/", 0},
         CONF_AMQP},
        {"amqp://h/%2f",
         "amqp://h:5672/%2F",
         {CONF_TCP, "h", 5672, "", NULL, NULL, "/", 0},
         CONF_AMQP},
        {"amqps://u:a@b@h/my%20host%2Fx",
         "amqps://u:***@h:5671/my%20host%2Fx",
         {CONF_TLS, "h", 5671, "", "u", "a@b", "my host/x", 0},
         CONF_AMQP},
        {"amqp://:p@h",
         "amqp://:***@h:5672/%2F",
         {CONF_TCP, "h", 5672, "", NULL, "p", "/", 0},
         CONF_AMQP},
        {"amqp://u:%C3%A9@h/v",
         "amqp://u:***@h:5672/v",
         {CONF_TCP, "h", 5672, "", "u", "\xC3\xA9", "v", 0},
         CONF_AMQP},
    };
    struct config_memory *memory = conf_memory_new();
    struct strbuf out = STRBUF_INIT;
    size_t i;

    (void)state;
    assert_non_null(memory);
    for (i = 0; i < COUNT(cases); i++) {
        const struct conf_url *want = &cases[i].url;
        enum conf_protocol protocol;
        enum conf_transport transport;
        struct conf_url url;
        struct err err = {"fine"};

        print_message("%s\n", cases[i].text);
        assert_int_equal(conf_url_parse(slice_of(cases[i].text), memory, &url, &protocol, &err), 0);
        assert_int_equal(protocol, cases[i].protocol);
        assert_int_equal(url.transport, want->transport);
        assert_string_equal(url.host, want->host);
        assert_int_equal(url.port, want->port);
        assert_string_equal(url.path, want->path);
        assert_string_equal(url.vhost, want->vhost);
        assert_int_equal(url.database, want->database);
        assert_string_equal(url.user ? url.user : "-", want->user ? want->user : "-");
        assert_string_equal(url.password ? url.password : "-",
                            want->password ? want->password : "-");
        assert_int_equal(conf_url_scheme(slice_of(cases[i].text), &protocol, &transport), 0);
        assert_int_equal(transport, want->transport);
        conf_url_print(&url, protocol, &out);
        assert_string_equal(strbuf_text(&out), cases[i].printed);
        assert_int_equal(conf_url_parse(strbuf_slice(&out), memory, &url, &protocol, &err), 0);
        strbuf_reset(&out);
    }
    strbuf_fini(&out);
    conf_memory_free(memory);
}

static void base64_there_and_back(void **state)
{
    static const struct {
        struct slice bytes;
        const char *text;
    } cases[] = {{{"", 0}, ""},
                 {{"f", 1}, "Zg=="},
                 {{"fo", 2}, "Zm8="},
                 {{"foo", 3}, "Zm9v"},
                 {{"foob", 4}, "Zm9vYg=="},
                 {{"\0\xFF\x7F", 3}, "AP9/"},
                 {{"\xFB\xF0", 2}, "+/A="}};
    static const char *const wrong[] = {"A",        "AA",   "AAA",   "AAA=A", "====", "A===",
                                        "AA==AAAA", "AA=A", "AAA\n", "A-A_",  "AB==", "AAB="};
    struct strbuf out = STRBUF_INIT;
    char bytes[16];
    size_t len;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(base64_decode(slice_of(wrong[i]), bytes, &len), -1);
    }
    for (i = 0; i < COUNT(cases); i++) {
        base64_encode(cases[i].bytes, &out);
        assert_string_equal(strbuf_text(&out), cases[i].text);
        assert_int_equal(base64_decode(slice_of(cases[i].text), bytes, &len), 0);
        assert_true(slice_equal(slice_make(bytes, len), cases[i].bytes));
        strbuf_reset(&out);
    }
    strbuf_fini(&out);
}

static void lists_grow_and_memory_is_zeroed(void **state)
{
    struct config_memory *memory = conf_memory_new();
    uint32_t *items = NULL;
    size_t count = 0;
    uint32_t i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        uint32_t *item = conf_list_append(&items, &count, sizeof(*items));

        assert_non_null(item);
        assert_int_equal(*item, 0);
        *item = i;
    }
    assert_int_equal(count, 1000);
    for (i = 0; i < 1000; i++) {
        assert_int_equal(items[i], i);
    }
    free(items);
    for (i = 0; i < 300; i++) {
        unsigned char *bytes = conf_memory_take(memory, i * 7);

        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % sizeof(void *), 0);
        assert_true(i == 0 || (bytes[0] == 0 && bytes[i * 7 - 1] == 0));
        memset(bytes, 0xFF, i * 7);
    }
    assert_non_null(conf_memory_take(memory, 1000000));
    assert_null(conf_memory_take(memory, SIZE_MAX));
    assert_null(conf_memory_take_array(memory, SIZE_MAX / 4, 16));
    assert_string_equal(conf_memory_copy(memory, slice_make("abc", 2)), "ab");
    conf_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_durations_and_sizes),
        cmocka_unit_test(durations_and_sizes),
        cmocka_unit_test(wrong_variables),
        cmocka_unit_test(variables),
        cmocka_unit_test(wrong_urls_say_no_secret),
        cmocka_unit_test(urls),
        cmocka_unit_test(base64_there_and_back),
        cmocka_unit_test(lists_grow_and_memory_is_zeroed),
    };
    return cmocka_run_group_tests_name("conf_parts", tests, NULL, NULL);
}
