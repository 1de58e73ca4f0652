/* The rig; see the header. */
#include "bridge_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"

static void rig_wake_in(void *ctx, uint64_t delay_us)
{
    struct rig *rig = ctx;

    assert_int_equal(rig->stopped, 0);
    rig->wishes++;
    rig->wake_at_us = rig->now_us + delay_us;
}

static uint64_t rig_now_us(void *ctx)
{
    return ((struct rig *)ctx)->now_us;
}

static void rig_on_state(void *ctx, struct bridge *bridge, enum bridge_state state, const char *why)
{
    struct rig *rig = ctx;

    assert_int_equal(state, bridge_get_state(bridge));
    assert_non_null(why);
    strbuf_append_text(&rig->states, bridge_state_name(state));
    strbuf_append_char(&rig->states, ' ');
    snprintf(rig->why, sizeof(rig->why), "%s", why);
}

static void rig_on_stopped(void *ctx, struct bridge *bridge)
{
    struct rig *rig = ctx;

    rig->stopped++;
    rig->wake_at_us = 0;
    assert_int_equal(rig->stopped, 1);
    assert_int_equal(bridge_get_state(bridge), BRIDGE_STOPPED);
    assert_int_equal(bridge_counters_pending(bridge_get_counters(bridge)),
                     bridge_get_counters(bridge)->spooled);
    assert_int_equal(fake_source_outstanding(rig->source), 0);
    assert_true(rig->source->stopped);
    assert_true(rig->sink->stopped);
    assert_true(rig->dead == NULL || rig->dead->stopped);
}

static void rig_reap(void *ctx)
{
    struct rig *rig = ctx;

    rig->reap_due = true;
}

static const struct bridge_host rig_host = {
    .reap = rig_reap,
    .wake_in = rig_wake_in,
    .now_us = rig_now_us,
    .on_state = rig_on_state,
    .on_stopped = rig_on_stopped,
};

static void rig_take_line(void *ctx, const char *line, size_t len)
{
    strbuf_append(ctx, line, len);
}

void rig_check_books(const struct rig *rig)
{
    const struct bridge_counters *books = rig_books(rig);
    const struct fake_source *old = rig->old_source;
    size_t given = rig->gone_given + rig->source->given_count + (old ? old->given_count : 0);

    assert_true(bridge_counters_balance(books));
    assert_int_equal(books->in_flight,
                     rig->sink->in_flight_count +
                         (rig->old_sink != NULL ? rig->old_sink->in_flight_count : 0) +
                         (rig->dead != NULL ? rig->dead->in_flight_count : 0));
    if (rig->store == NULL) {
        assert_int_equal(books->received, given);
        assert_int_equal(bridge_counters_pending(books),
                         fake_source_outstanding(rig->source) +
                             (old != NULL ? fake_source_outstanding(old) : 0));
        return;
    }
    assert_int_equal(books->received,
                     rig->source->given_count + rig->store->store.count + rig->replayed);
    assert_true(bridge_counters_pending(books) >= fake_source_outstanding(rig->source));
}

static void rig_after_event(void *ctx)
{
    rig_check_books(ctx);
}

static struct template *rig_template(const char *text)
{
    static const struct template_source source = {
        TEMPLATE_SCOPE_CHANNEL | TEMPLATE_SCOPE_PATTERN | TEMPLATE_SCOPE_AMQP, 0};
    struct err err = {""};
    size_t column;
    struct template *made = template_new(slice_of(text), &source, &err, &column);

    assert_string_equal(err.text, "");
    assert_non_null(made);
    return made;
}

void rig_init(struct rig *rig)
{
    *rig = (struct rig){
        .options = {.ack_mode = ACK_ON_CONFIRM,
                    .buffer_messages = 100000,
                    .buffer_memory = 64 << 20,
                    .when_full = FULL_DROP_NEWEST,
                    .retry_min_us = 100000,
                    .retry_max_us = 1000000,
                    .min_subscribers = 1},
        .mapping = {.to_amqp = true, .priority = -1},
        .dead_mapping = {.to_amqp = true, .priority = -1},
        .source_can = RIG_AMQP,
        .sink_limit = 1000,
        .now_us = 1000000,
    };
    fake_pump_init(&rig->pump);
    rig->pump.after_event = rig_after_event;
    rig->pump.ctx = rig;
    rand_init_seed(&rig->rand, 7);
    rig_set_routing_key(rig, "key");
    rig->dead_mapping.routing_key = rig_template("dead");
    log_set_clock(NULL);
    log_set_writer(rig_take_line, &rig->log);
}

void rig_set_routing_key(struct rig *rig, const char *text)
{
    template_free(rig->mapping.routing_key);
    rig->mapping.routing_key = rig_template(text);
}

void rig_set_dead_channel(struct rig *rig)
{
    mapping_fini(&rig->dead_mapping);
    rig->dead_mapping = (struct mapping){.priority = -1, .channel = rig_template("dead")};
}

struct bridge_setup rig_prepare(struct rig *rig)
{
    rig->source = fake_source_new(&rig->pump, rig->source_can);
    rig->sink = fake_sink_new(&rig->pump, ENDPOINT_CONFIRMS, rig->sink_limit);
    rig->source->now_us = rig->now_us;
    return (struct bridge_setup){
        .name = "news",
        .instance = "gw-1",
        .source = &rig->source->source,
        .sink = &rig->sink->sink,
        .mapping = &rig->mapping,
        .filter = rig->filter,
        .options = &rig->options,
        .host = &rig_host,
        .host_ctx = rig,
        .rand = &rig->rand,
    };
}

void rig_make(struct rig *rig)
{
    struct bridge_setup setup = rig_prepare(rig);

    rig->dead = NULL;
    if (rig->with_dead) {
        rig->dead = fake_sink_new(&rig->pump, ENDPOINT_CONFIRMS, rig->sink_limit);
        setup.dead_sink = &rig->dead->sink;
        setup.dead_mapping = &rig->dead_mapping;
    }
    setup.budget = rig->budget;
    setup.store = rig->store != NULL ? &rig->store->store : NULL;
    rig->bridge = bridge_new(&setup);
    assert_non_null(rig->bridge);
    assert_int_equal(bridge_get_state(rig->bridge), BRIDGE_STOPPED);
}

void rig_start(struct rig *rig)
{
    rig_make(rig);
    bridge_start(rig->bridge);
    assert_true(rig->source->started && rig->sink->started);
    rig_check_books(rig);
}

void rig_run(struct rig *rig)
{
    rig_start(rig);
    rig_sink_up(rig);
    if (rig->with_dead) {
        rig_dead_up(rig);
    }
    rig_source_up(rig);
    rig_expect_states(rig, "waiting running ");
}

void rig_restart(struct rig *rig)
{
    rig_expect_stopped(rig);
    bridge_free(rig->bridge);
    fake_store_restart(rig->store);
    rig->stopped = 0;
    strbuf_reset(&rig->states);
    rig_run(rig);
}

void rig_fini(struct rig *rig)
{
    if (rig->source->started && rig->stopped == 0) {
        rig_stop_now(rig);
        rig_expect_stopped(rig);
    }
    bridge_free(rig->bridge);
    mapping_fini(&rig->mapping);
    mapping_fini(&rig->dead_mapping);
    strbuf_fini(&rig->states);
    strbuf_fini(&rig->log);
    log_set_writer(NULL, NULL);
}

void rig_give(struct rig *rig, unsigned from, unsigned to)
{
    for (unsigned number = from; number <= to; number++) {
        char body[12];

        snprintf(body, sizeof(body), "%u", number);
        fake_source_give(rig->source, body, NULL);
        fake_pump_run(&rig->pump);
    }
}

void rig_source_up(struct rig *rig)
{
    fake_source_link(rig->source, ENDPOINT_READY, NULL);
    fake_pump_run(&rig->pump);
}

void rig_source_down(struct rig *rig)
{
    fake_source_link(rig->source, ENDPOINT_WAITING, "source lost");
    fake_pump_run(&rig->pump);
}

void rig_sink_up(struct rig *rig)
{
    fake_sink_link(rig->sink, ENDPOINT_READY, NULL);
    fake_pump_run(&rig->pump);
}

void rig_sink_down(struct rig *rig)
{
    fake_sink_link(rig->sink, ENDPOINT_WAITING, "sink lost");
    fake_pump_run(&rig->pump);
}

void rig_dead_up(struct rig *rig)
{
    fake_sink_link(rig->dead, ENDPOINT_READY, NULL);
    fake_pump_run(&rig->pump);
}

void rig_dead_down(struct rig *rig)
{
    fake_sink_link(rig->dead, ENDPOINT_WAITING, "dead sink lost");
    fake_pump_run(&rig->pump);
}

void rig_answer_dead(struct rig *rig, enum outcome outcome, const char *why)
{
    fake_sink_answer_first(rig->dead, outcome, why);
    fake_pump_run(&rig->pump);
}

void rig_answer(struct rig *rig, unsigned number, enum outcome outcome, const char *why)
{
    char body[12];

    snprintf(body, sizeof(body), "%u", number);
    fake_sink_answer(rig->sink, body, outcome, why);
    fake_pump_run(&rig->pump);
}

void rig_deliver(struct rig *rig, unsigned from, unsigned to)
{
    for (unsigned number = from; number <= to; number++) {
        rig_answer(rig, number, OUTCOME_DELIVERED, NULL);
    }
}

void rig_deliver_all(struct rig *rig)
{
    while (rig->sink->in_flight_count > 0) {
        fake_sink_answer_first(rig->sink, OUTCOME_DELIVERED, NULL);
        fake_pump_run(&rig->pump);
    }
}

void rig_advance(struct rig *rig, uint64_t us)
{
    rig->now_us += us;
    rig->source->now_us = rig->now_us;
    if (rig->wake_at_us != 0 && rig->now_us >= rig->wake_at_us) {
        rig->wake_at_us = 0;
        bridge_wake(rig->bridge);
        rig_check_books(rig);
        fake_pump_run(&rig->pump);
    }
}

void rig_advance_to_wish(struct rig *rig)
{
    assert_true(rig->wake_at_us >= rig->now_us);
    rig_advance(rig, rig->wake_at_us - rig->now_us);
}

void rig_stop(struct rig *rig)
{
    bridge_stop(rig->bridge);
    rig_check_books(rig);
    fake_pump_run(&rig->pump);
}

void rig_stop_now(struct rig *rig)
{
    bridge_stop_now(rig->bridge);
    rig_check_books(rig);
    fake_pump_run(&rig->pump);
}

void rig_pause(struct rig *rig)
{
    bridge_pause(rig->bridge);
    rig_check_books(rig);
    fake_pump_run(&rig->pump);
}

void rig_resume(struct rig *rig)
{
    bridge_resume(rig->bridge);
    rig_check_books(rig);
    fake_pump_run(&rig->pump);
}

const struct bridge_counters *rig_books(const struct rig *rig)
{
    return bridge_get_counters(rig->bridge);
}

static void expect(struct strbuf *said, const char *wanted)
{
    assert_string_equal(strbuf_text(said), wanted);
    strbuf_reset(said);
}

void rig_expect_sent(struct rig *rig, const char *bodies)
{
    expect(&rig->sink->sent, bodies);
}

void rig_expect_settled(struct rig *rig, const char *settled)
{
    expect(&rig->source->settled, settled);
}

void rig_expect_states(struct rig *rig, const char *states)
{
    expect(&rig->states, states);
}

void rig_expect_stopped(struct rig *rig)
{
    assert_int_equal(rig->stopped, 1);
}

unsigned rig_count_logged(const struct rig *rig, const char *words)
{
    const char *at = strbuf_text(&rig->log);
    unsigned count = 0;

    while ((at = strstr(at, words)) != NULL) {
        count++;
        at += strlen(words);
    }
    return count;
}
