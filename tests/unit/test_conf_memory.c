/* When memory runs out at any one allocation: is a configuration then refused in words, or whole,
 * and is nothing lost or touched that was freed? Linked with --wrap for the four allocators. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "conf/load_text.h"

static long countdown = -1; /* allocations until one fails; negative: none does */
static bool failed;         /* one did */

static bool fails(void)
{
    if (countdown < 0 || countdown-- > 0) {
        return false;
    }
    failed = true;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return fails() ? NULL : __real_reallocarray(old, count, size);
}

static const char good[] =
    "{\"connections\": {\"r\": {\"url\": \"redis://${CONF_TEST_NONE:-h}\"}, \"a\": {\"urls\": "
    "[\"amqps://u:p@h\", \"amqp://h\"], \"tls\": {\"ca_file\": \"x\"}}},\n"
    "\"topology\": {\"exchanges\": [{\"name\": \"e\", \"arguments\": {\"a\": [1, {\"!bytes\": "
    "\"AAEC\"}, {\"!decimal\": 1.5}]}}], \"queues\": [{\"name\": \"q\", \"arguments\": "
    "{\"x-expires\": 9}}, {\"name\": \"q\", \"arguments\": {\"x-expires\": 9}}], \"bindings\": "
    "[{\"source\": \"e\", \"destination\": \"q\"}]},\n"
    "\"bridges\": [{\"name\": \"one\", \"from\": {\"pattern\": [\"a.*\", \"b.*\"]}, \"to\": "
    "{\"exchange\": \"e\", \"routing_key\": \"{1|dots}\", \"properties\": {\"type\": "
    "\"{channel}\", "
    "\"headers\": {\"x\": \"{id}\", \"y\": {\"z\": \"text\"}}}}},\n"
    "{\"name\": \"two\", \"from\": {\"exchange\": \"e\"}, \"to\": {\"channel\": \"c\"}}],\n"
    "\"stats\": {\"channel\": \"s\"}}";

static const char bad[] =
    "{\"connections\": {\"r\": {\"url\": \"redis://h\", \"pasword_file\": 1}, \"a\": {\"url\": "
    "\"amqp://h/a/b\"}},\n"
    "\"bridges\": [{\"name\": \"one\", \"from\": {\"channel\": [\"a\", \"a\"]}, \"to\": "
    "{\"queue\": "
    "\"{nope}\"}}, {\"name\": \"one\"}, {\"from\": {\"chanel\": 1}}], \"bridges\": 1}";

static void count_problem(void *ctx, const char *line)
{
    assert_true(line[0] != '\0');
    ++*(size_t *)ctx;
}

/* Loads `text` again and again, another allocation failing each time. */
static void sweep(const char *text, bool is_good)
{
    long number;

    for (number = 0;; number++) {
        struct config *config;
        size_t problems = 0;

        failed = false;
        countdown = number;
        config = config_load_text("f", slice_of(text), count_problem, &problems);
        countdown = -1;
        assert_true((config == NULL) == (problems > 0));
        if (!failed) {
            assert_true((config != NULL) == is_good);
            config_free(config);
            break;
        }
        assert_null(config);
    }
    print_message("%ld allocations\n", number);
    assert_true(number > 20);
}

static void loading_a_good_configuration(void **state)
{
    (void)state;
    sweep(good, true);
}

static void loading_a_bad_configuration(void **state)
{
    (void)state;
    sweep(bad, false);
}

static void printing(void **state)
{
    size_t problems = 0;
    struct config *config = config_load_text("f", slice_of(good), count_problem, &problems);
    long number;

    (void)state;
    assert_non_null(config);
    for (number = 0;; number++) {
        struct strbuf out = STRBUF_INIT;

        failed = false;
        countdown = number;
        config_print(config, &out);
        countdown = -1;
        strbuf_fini(&out);
        if (!failed) {
            break;
        }
    }
    assert_true(number > 5);
    config_free(config);
}

static void positions(void **state)
{
    static const char text[] = "{\"a\": [1, 2, {\"b\": 3, \"b\": 4}], \"c\": 12345678901}";
    struct json_limits limits = {.bytes = sizeof(text), .depth = 9, .flags = JSON_POSITIONS};
    struct json *json;
    long number;

    (void)state;
    for (number = 0;; number++) {
        struct json_problem problem;

        failed = false;
        countdown = number;
        json = json_parse(slice_of(text), &limits, &problem);
        countdown = -1;
        assert_null(json); /* for the duplicate, if for nothing else */
        assert_true(problem.text[0] != '\0');
        if (!failed) {
            break;
        }
    }
    limits.flags = JSON_ALLOW_DUPLICATES;
    json = json_parse(slice_of(text), &limits, NULL);
    assert_non_null(json);
    countdown = 0;
    assert_int_equal(json_number_text(json, json_member(json_root(json), "c")).len, 0);
    assert_int_equal(json_position(json, json_root(json)).line, 1);
    assert_int_equal(json_number_text(json, json_member(json_root(json), "c")).len, 11);
    json_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_a_good_configuration),
        cmocka_unit_test(loading_a_bad_configuration),
        cmocka_unit_test(printing),
        cmocka_unit_test(positions),
    };
    return cmocka_run_group_tests_name("conf_memory", tests, NULL, NULL);
}
