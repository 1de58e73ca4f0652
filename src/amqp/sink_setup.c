/* What a sink does on a channel that has just opened, before anything is published there: it looks
 * whether its exchange is there, wants the answers of calls, and asks for confirms or transactions.
 * A passive declaration (AMQP 0-9-1 §1.6.2.1) needs no permission; to what is missing the broker
 * closes the channel with 404, so that it is known before there is a message. Queues are not looked
 * for: a message for one that is missing is returned, and on_unroutable says what becomes of it.
 * Not for: what comes of it (sink.c). */
#include "amqp/sink_private.h"

/* The name of the exchange that all go to; false: it is only known with the message, or it is the
 * default exchange, which is always there and may not be declared. */
static bool setup_exchange(const struct rmq_sink *sink, struct slice *out_name)
{
    const struct template *template = sink->conf->mapping.exchange;

    return sink->conf->kind == CONF_SINK_EXCHANGE && template != NULL &&
           template_is_constant(template, out_name) && out_name->len > 0;
}

/* Constant names alone can be held against the topology; a template's are only known with the
 * message. */
const char *rmq_setup_why_not(void *ctx)
{
    const struct rmq_sink *sink = ctx;
    const struct mapping *mapping = &sink->conf->mapping;
    bool is_queue = sink->conf->kind == CONF_SINK_QUEUE;
    const struct template *template = is_queue ? mapping->routing_key : mapping->exchange;
    struct slice name;

    if (template == NULL || !template_is_constant(template, &name)) {
        return NULL;
    }
    return rmq_topology_problem(sink->topology, is_queue ? RMQ_QUEUE : RMQ_EXCHANGE, name);
}

/* Whether there is something to be waited for. */
static bool setup_look(struct rmq_sink *sink)
{
    amqp_exchange_declare_t declare = {.passive = true};
    struct slice name;

    if (!setup_exchange(sink, &name)) {
        return false;
    }
    declare.exchange = rmq_bytes(name);
    if (rmq_channel_send(sink->channel, AMQP_EXCHANGE_DECLARE_METHOD, &declare) != 0) {
        return false; /* its name is too long: each message is refused for that, in words */
    }
    rmq_channel_expect(sink->channel, "exchange.declare", RMQ_REPLY_TIMEOUT_US);
    return true;
}

static void setup_select(struct rmq_sink *sink)
{
    amqp_confirm_select_t select = {0};

    if (sink->transactional) {
        rmq_tx_select(sink);
    } else {
        rmq_channel_send(sink->channel, AMQP_CONFIRM_SELECT_METHOD, &select);
    }
    rmq_channel_expect(sink->channel, sink->transactional ? "tx.select" : "confirm.select",
                       RMQ_REPLY_TIMEOUT_US);
}

static bool setup_is_done(const struct rmq_sink *sink)
{
    const struct rmq_setup *setup = &sink->setup;

    return !setup->awaits_exchange && !setup->awaits_consume && !setup->awaits_select;
}

bool rmq_setup_begin(struct rmq_sink *sink)
{
    struct rmq_setup *setup = &sink->setup;

    setup->awaits_exchange = setup_look(sink);
    setup->awaits_consume = sink->replies != NULL;
    if (setup->awaits_consume) {
        rmq_replies_consume(sink->replies);
        rmq_channel_expect(sink->channel, "basic.consume", RMQ_REPLY_TIMEOUT_US);
    }
    setup->awaits_select = sink->confirms;
    if (setup->awaits_select) {
        setup_select(sink);
    }
    return setup_is_done(sink);
}

/* What waits for that answer; NULL: nothing of the setup does. */
static bool *setup_awaits(struct rmq_sink *sink, amqp_method_number_t id)
{
    switch (id) {
    case AMQP_EXCHANGE_DECLARE_OK_METHOD:
        return &sink->setup.awaits_exchange;
    case AMQP_BASIC_CONSUME_OK_METHOD:
        return &sink->setup.awaits_consume;
    case AMQP_CONFIRM_SELECT_OK_METHOD:
        return sink->transactional ? NULL : &sink->setup.awaits_select;
    case AMQP_TX_SELECT_OK_METHOD:
        return sink->transactional ? &sink->setup.awaits_select : NULL;
    default:
        return NULL;
    }
}

bool rmq_setup_on_method(struct rmq_sink *sink, amqp_method_number_t id, bool *out_done)
{
    bool *awaits = setup_awaits(sink, id);

    if (awaits == NULL || !*awaits) {
        return false;
    }
    *awaits = false;
    *out_done = setup_is_done(sink);
    if (*out_done) {
        rmq_channel_expect_nothing(sink->channel);
    }
    return true;
}
