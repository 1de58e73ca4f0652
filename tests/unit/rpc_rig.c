/* The rig; see the header. */
#include "rpc_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"

#define PREFIX "chunnel.reply.gw.fib:"

static void rig_bridge_wake_in(void *ctx, uint64_t delay_us)
{
    struct rpc_rig *rig = ctx;

    rig->bridge_wake_us = rig->now_us + delay_us;
}

static void rig_rpc_wake_in(void *ctx, uint64_t delay_us)
{
    struct rpc_rig *rig = ctx;

    rig->rpc_wake_us = rig->now_us + delay_us;
}

static uint64_t rig_now_us(void *ctx)
{
    return ((struct rpc_rig *)ctx)->now_us;
}

static void rig_on_state(void *ctx, struct bridge *bridge, enum bridge_state state, const char *why)
{
    (void)ctx;
    assert_int_equal(state, bridge_get_state(bridge));
    assert_non_null(why);
}

static void rig_on_stopped(void *ctx, struct bridge *bridge)
{
    struct rpc_rig *rig = ctx;

    (void)bridge;
    rig->stopped++;
    rig->bridge_wake_us = 0;
    assert_true(rig->ask->stopped && rig->replies->stopped && rig->answer->stopped);
    assert_int_equal(fake_source_outstanding(rig->requests), 0);
    assert_int_equal(fake_source_outstanding(rig->replies), 0);
}

static const struct bridge_host rig_bridge_host = {
    .wake_in = rig_bridge_wake_in,
    .now_us = rig_now_us,
    .on_state = rig_on_state,
    .on_stopped = rig_on_stopped,
};

static const struct rpc_host rig_rpc_host = {
    .wake_in = rig_rpc_wake_in,
    .now_us = rig_now_us,
};

/* No call into the bridge is under way when this is called from the test itself; inside events the
 * two may differ by the one that is being settled. */
static void rig_check_books(const struct rpc_rig *rig)
{
    const struct bridge_counters *books = rpc_rig_books(rig);
    const struct rpc_counters *calls = rpc_rig_calls(rig);

    assert_true(bridge_counters_balance(books));
    assert_int_equal(books->received, rig->requests->given_count);
    assert_int_equal(bridge_counters_pending(books), fake_source_outstanding(rig->requests));
    assert_int_equal(books->in_flight, calls->calls);
}

/* The text of a member of an envelope; "": it is not there. */
static const char *rig_member(struct slice envelope, const char *key, char out[256])
{
    char text[2048];
    char wanted[64];
    const char *found;
    size_t len = 0;

    out[0] = '\0';
    snprintf(text, sizeof(text), "%.*s", (int)envelope.len, envelope.data);
    snprintf(wanted, sizeof(wanted), "\"%s\":\"", key);
    found = strstr(text, wanted);
    if (found != NULL) {
        found += strlen(wanted);
        while (found[len] != '"' && len < 255) {
            len++;
        }
        snprintf(out, 256, "%.*s", (int)len, found);
    }
    return out;
}

static const char *rig_text(const struct properties *properties, enum property property,
                            char out[256])
{
    struct slice text = properties->text[property];

    out[0] = '\0';
    if (properties_has(properties, property)) {
        snprintf(out, 256, "%.*s", (int)text.len, text.data);
    }
    return out;
}

static void rig_keep_id(struct rpc_rig *rig, const char *id)
{
    assert_in_range(rig->asked, 0, RPC_RIG_CALLS - 1);
    assert_int_equal(strlen(id), DELIVERY_ID_SIZE - 1);
    memcpy(rig->ids[rig->asked], id, DELIVERY_ID_SIZE);
    rig->asked++;
}

/* What a worker sees. */
static void rig_on_asked(void *ctx, const struct delivery *delivery, const struct outgoing *out)
{
    struct rpc_rig *rig = ctx;
    char correlation_id[256];
    char reply_to[256];
    char body[256];

    (void)delivery;
    if (rig->asks_redis) {
        rig_member(out->body, "reply_to", reply_to);
        assert_memory_equal(reply_to, PREFIX, strlen(PREFIX));
        rig_keep_id(rig, reply_to + strlen(PREFIX));
        snprintf(rig->last_asked, sizeof(rig->last_asked), "%.*s %s %s", (int)out->channel.len,
                 out->channel.data, rig_member(out->body, "correlation_id", correlation_id),
                 rig_member(out->body, "body", body));
    } else {
        assert_string_equal(rig_text(&out->properties, PROPERTY_REPLY_TO, reply_to),
                            "amq.rabbitmq.reply-to");
        rig_text(&out->properties, PROPERTY_CORRELATION_ID, correlation_id);
        rig_keep_id(rig, correlation_id);
        snprintf(rig->last_asked, sizeof(rig->last_asked), "%.*s %s %.*s",
                 (int)out->routing_key.len, out->routing_key.data,
                 rig_text(&out->properties, PROPERTY_EXPIRATION, reply_to), (int)out->body.len,
                 out->body.data);
    }
}

/* What an asker gets. */
static void rig_on_given(void *ctx, const struct delivery *delivery, const struct outgoing *out)
{
    struct rpc_rig *rig = ctx;
    char correlation_id[256];
    char reason[256];
    char body[256];
    char to[256];

    (void)delivery;
    if (rig->asks_redis) {
        const struct field *header =
            field_table_find(&out->properties.headers, SLICE("x-chunnel-reason"));

        assert_int_equal(out->exchange.len, 0);
        assert_false(properties_has(&out->properties, PROPERTY_REPLY_TO));
        snprintf(to, sizeof(to), "%.*s", (int)out->routing_key.len, out->routing_key.data);
        rig_text(&out->properties, PROPERTY_CORRELATION_ID, correlation_id);
        snprintf(body, sizeof(body), "%.*s", (int)out->body.len, out->body.data);
        snprintf(reason, sizeof(reason), "%.*s",
                 (int)(header != NULL ? header->value.bytes.len : 0),
                 header != NULL ? header->value.bytes.data : "");
    } else {
        snprintf(to, sizeof(to), "%.*s", (int)out->channel.len, out->channel.data);
        rig_member(out->body, "correlation_id", correlation_id);
        rig_member(out->body, "reason", reason);
        rig_member(out->body, "body", body);
        assert_string_equal(rig_member(out->body, "reply_to", rig->properties_text), "");
    }
    strbuf_append_format(&rig->given, "%s:%s%s%s ", to, correlation_id, reason[0] ? "!" : "=",
                         reason[0] ? reason : body);
    if (rig->on_given != NULL) {
        rig->on_given(rig->ctx, to, reason[0] != '\0');
    }
}

static void rig_take_line(void *ctx, const char *line, size_t len)
{
    strbuf_append(ctx, line, len);
}

static struct template *rig_template(const char *text)
{
    static const struct template_source source = {
        TEMPLATE_SCOPE_CHANNEL | TEMPLATE_SCOPE_PATTERN | TEMPLATE_SCOPE_AMQP, 0};
    struct err err = {""};
    size_t column;
    struct template *made = template_new(slice_of(text), &source, &err, &column);

    assert_non_null(made);
    return made;
}

void rpc_rig_init(struct rpc_rig *rig)
{
    *rig = (struct rpc_rig){
        .asks_redis = true,
        .max_calls = 100,
        .source_redelivers = true,
        .options = {.ack_mode = ACK_ON_CONFIRM,
                    .buffer_messages = 100000,
                    .buffer_memory = 64 << 20,
                    .when_full = FULL_PAUSE,
                    .retry_min_us = 100000,
                    .retry_max_us = 1000000,
                    .min_subscribers = 1},
        .none = {.none = true, .priority = -1},
        .now_us = 1000000,
    };
    fake_pump_init(&rig->pump);
    rand_init_seed(&rig->rand, 7);
    log_set_clock(NULL);
    log_set_writer(rig_take_line, &rig->log);
    SLIST_INIT(&rig->kept);
}

static void rig_make_fakes(struct rpc_rig *rig)
{
    unsigned queue = ENDPOINT_SETTLES | ENDPOINT_REDELIVERS | ENDPOINT_PAUSES;

    rig->requests = fake_source_new(&rig->pump, rig->source_redelivers ? queue : 0);
    rig->ask = fake_sink_new(&rig->pump, ENDPOINT_CONFIRMS, 100000);
    rig->replies = fake_source_new(&rig->pump, 0);
    rig->answer = fake_sink_new(&rig->pump, ENDPOINT_CONFIRMS, 100000);
    rig->ask->on_out = rig_on_asked;
    rig->ask->ctx = rig;
    rig->answer->on_out = rig_on_given;
    rig->answer->ctx = rig;
    rig->mapping = (struct mapping){.priority = -1, .to_amqp = !rig->asks_redis};
    if (rig->asks_redis) {
        rig->mapping.channel = rig_template("rpc.{property.type}");
    } else {
        rig->mapping.routing_key = rig_template("rpc.{property.type}");
    }
}

void rpc_rig_start(struct rpc_rig *rig)
{
    struct rpc_setup setup;
    struct bridge_setup bridge;

    rig_make_fakes(rig);
    setup = (struct rpc_setup){
        .bridge = "fib",
        .instance = "gw",
        .asks_redis = rig->asks_redis,
        .mapping = &rig->mapping,
        .annotate = true,
        .timeout_us = RPC_RIG_TIMEOUT_US,
        .max_calls = rig->max_calls,
        .retry_us = 100000,
        .reply_prefix = PREFIX,
        .family = &rig->family,
        .ask = &rig->ask->sink,
        .replies = &rig->replies->source,
        .answer = &rig->answer->sink,
        .host = &rig_rpc_host,
        .host_ctx = rig,
    };
    rig->rpc = rpc_new(&setup);
    assert_non_null(rig->rpc);
    bridge = (struct bridge_setup){
        .name = "fib",
        .instance = "gw",
        .source = &rig->requests->source,
        .sink = rig->rpc,
        .mapping = &rig->none,
        .options = &rig->options,
        .host = &rig_bridge_host,
        .host_ctx = rig,
        .rand = &rig->rand,
    };
    rig->bridge = bridge_new(&bridge);
    assert_non_null(rig->bridge);
    bridge_start(rig->bridge);
    rpc_rig_settle(rig);
}

void rpc_rig_run(struct rpc_rig *rig)
{
    rpc_rig_start(rig);
    fake_sink_link(rig->answer, ENDPOINT_READY, NULL);
    fake_source_link(rig->replies, ENDPOINT_READY, NULL);
    fake_sink_link(rig->ask, ENDPOINT_READY, NULL);
    fake_source_link(rig->requests, ENDPOINT_READY, NULL);
    rpc_rig_settle(rig);
    assert_int_equal(bridge_get_state(rig->bridge), BRIDGE_RUNNING);
}

void rpc_rig_fini(struct rpc_rig *rig)
{
    if (rig->stopped == 0) {
        bridge_stop_now(rig->bridge);
        rpc_rig_settle(rig);
        rpc_rig_advance(rig, 1);
    }
    assert_int_equal(rig->stopped, 1);
    rig_check_books(rig);
    assert_int_equal(bridge_counters_pending(rpc_rig_books(rig)), 0);
    rpc_rig_free(rig);
}

void rpc_rig_free(struct rpc_rig *rig)
{
    struct rpc_rig_kept *kept;

    bridge_free(rig->bridge);
    mapping_fini(&rig->mapping);
    strbuf_fini(&rig->given);
    strbuf_fini(&rig->log);
    log_set_writer(NULL, NULL);
    while ((kept = SLIST_FIRST(&rig->kept)) != NULL) {
        SLIST_REMOVE_HEAD(&rig->kept, link);
        free(kept);
    }
}

static struct rpc_rig_kept *rig_keep(struct rpc_rig *rig)
{
    struct rpc_rig_kept *kept = calloc(1, sizeof(*kept));

    assert_non_null(kept);
    SLIST_INSERT_HEAD(&rig->kept, kept, link);
    return kept;
}

void rpc_rig_settle(struct rpc_rig *rig)
{
    bool again = true;

    while (again) {
        fake_pump_run(&rig->pump);
        again = false;
        if (rig->rpc_wake_us != 0 && rig->rpc_wake_us <= rig->now_us && rig->stopped == 0) {
            rig->rpc_wake_us = 0;
            rpc_wake(rig->rpc);
            again = true;
        }
        if (rig->bridge_wake_us != 0 && rig->bridge_wake_us <= rig->now_us) {
            rig->bridge_wake_us = 0;
            bridge_wake(rig->bridge);
            again = true;
        }
    }
    rig_check_books(rig);
}

void rpc_rig_advance(struct rpc_rig *rig, uint64_t us)
{
    rig->now_us += us;
    rpc_rig_settle(rig);
}

void rpc_rig_ask(struct rpc_rig *rig, const char *reply_to, const char *correlation_id,
                 const char *body)
{
    struct properties *properties = &rig_keep(rig)->properties;

    properties_set_text(properties, PROPERTY_TYPE, SLICE("fib"));
    if (reply_to != NULL) {
        properties_set_text(properties, PROPERTY_REPLY_TO, slice_of(reply_to));
    }
    if (correlation_id != NULL) {
        properties_set_text(properties, PROPERTY_CORRELATION_ID, slice_of(correlation_id));
    }
    rig->requests->now_us = rig->now_us;
    fake_source_give(rig->requests, body, properties);
    rpc_rig_settle(rig);
}

void rpc_rig_reply_as(struct rpc_rig *rig, const char *id, const char *body)
{
    struct rpc_rig_kept *kept = rig_keep(rig);

    snprintf(kept->id, sizeof(kept->id), "%s", id);
    snprintf(kept->channel, sizeof(kept->channel), PREFIX "%s", id);
    rig->replies->channel = kept->channel;
    properties_set_text(&kept->properties, PROPERTY_CORRELATION_ID, slice_of(kept->id));
    fake_source_give(rig->replies, body, &kept->properties);
    rpc_rig_settle(rig);
}

void rpc_rig_reply(struct rpc_rig *rig, size_t number, const char *body)
{
    assert_in_range(number, 0, rig->asked - 1);
    rpc_rig_reply_as(rig, rig->ids[number], body);
}

void rpc_rig_asked(struct rpc_rig *rig, enum outcome outcome, const char *why)
{
    fake_sink_answer_first(rig->ask, outcome, why);
    rpc_rig_settle(rig);
}

void rpc_rig_confirm(struct rpc_rig *rig, enum outcome outcome, const char *why)
{
    fake_sink_answer_first(rig->answer, outcome, why);
    rpc_rig_settle(rig);
}

const struct bridge_counters *rpc_rig_books(const struct rpc_rig *rig)
{
    return bridge_get_counters(rig->bridge);
}

const struct rpc_counters *rpc_rig_calls(const struct rpc_rig *rig)
{
    static struct rpc_counters counters;

    counters = rpc_get_counters(&rig->family);
    return &counters;
}

void rpc_rig_expect_given(struct rpc_rig *rig, const char *given)
{
    assert_string_equal(strbuf_text(&rig->given), given);
    strbuf_reset(&rig->given);
}

void rpc_rig_expect_settled(struct rpc_rig *rig, const char *settled)
{
    assert_string_equal(strbuf_text(&rig->requests->settled), settled);
    strbuf_reset(&rig->requests->settled);
}
