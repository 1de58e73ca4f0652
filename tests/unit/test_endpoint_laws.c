/* Do the fake endpoints keep the laws of core/endpoint.h, as every endpoint must? */
#include "../fake/endpoint_laws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../fake/fake_sink.h"
#include "../fake/fake_source.h"

/* The far side of one fake at a time. */
struct bed {
    struct fake_pump pump;
    unsigned can;
    struct fake_source *source;
    struct fake_sink *sink;
};

static void work(void *ctx, bool (*done)(const void *arg), const void *arg)
{
    struct bed *bed = ctx;

    (void)done;
    (void)arg;
    fake_pump_run(&bed->pump);
}

static struct source *make_source(void *ctx)
{
    struct bed *bed = ctx;

    bed->source = fake_source_new(&bed->pump, bed->can);
    return &bed->source->source;
}

static void source_link_up(void *ctx)
{
    fake_source_link(((struct bed *)ctx)->source, ENDPOINT_READY, NULL);
}

static void source_link_down(void *ctx)
{
    fake_source_link(((struct bed *)ctx)->source, ENDPOINT_WAITING, "link lost");
}

static void publish(void *ctx)
{
    fake_source_give(((struct bed *)ctx)->source, "hello", NULL);
}

static void test_source_that_settles(void **state)
{
    struct bed bed = {.can = ENDPOINT_SETTLES | ENDPOINT_REDELIVERS | ENDPOINT_PAUSES};
    struct source_bed laws = {&bed, make_source, source_link_up, source_link_down, publish, work};

    (void)state;
    fake_pump_init(&bed.pump);
    endpoint_laws_check_source(&laws);
}

static void test_source_that_does_not_settle(void **state)
{
    struct bed bed = {.can = 0};
    struct source_bed laws = {&bed, make_source, source_link_up, source_link_down, publish, work};

    (void)state;
    fake_pump_init(&bed.pump);
    endpoint_laws_check_source(&laws);
}

static struct sink *make_sink(void *ctx)
{
    struct bed *bed = ctx;

    bed->sink = fake_sink_new(&bed->pump, bed->can, 100);
    return &bed->sink->sink;
}

static void sink_link_up(void *ctx)
{
    fake_sink_link(((struct bed *)ctx)->sink, ENDPOINT_READY, NULL);
}

static void sink_link_down(void *ctx)
{
    fake_sink_link(((struct bed *)ctx)->sink, ENDPOINT_WAITING, "link lost");
}

static void confirm(void *ctx)
{
    fake_sink_answer_first(((struct bed *)ctx)->sink, OUTCOME_DELIVERED, NULL);
}

static void test_sink_that_confirms(void **state)
{
    static const struct outgoing out = {.channel = {"news", 4}, .body = {"hello", 5}};
    struct bed bed = {.can = ENDPOINT_CONFIRMS};
    struct sink_bed laws = {&bed, make_sink, sink_link_up, sink_link_down, confirm, &out, work};

    (void)state;
    fake_pump_init(&bed.pump);
    endpoint_laws_check_sink(&laws);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source_that_settles),
        cmocka_unit_test(test_source_that_does_not_settle),
        cmocka_unit_test(test_sink_that_confirms),
    };

    return cmocka_run_group_tests_name("endpoint_laws", tests, NULL, NULL);
}
