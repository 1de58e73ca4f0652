/* Requests on their way to the workers. For: whom a request is from, sending it with a reply
 * address of ours, and what the asking sink says of it. Not for: answers (rpc_answer.c). */
#include <stdio.h>

#include "base/clock.h"
#include "core/envelope.h"
#include "core/rpc_private.h"

enum { EXPIRATION_SIZE = 24 }; /* digits of 64 bits, and more */

static struct slice ask_text(const struct delivery *request, enum property property)
{
    const struct properties *properties = request->properties;

    return properties != NULL && properties_has(properties, property) ? properties->text[property]
                                                                      : slice_make(NULL, 0);
}

enum sink_result rpc_ask_read(const struct delivery *request, struct slice *out_reply_to,
                              struct slice *out_correlation_id, struct err *err)
{
    struct slice reply_to = ask_text(request, PROPERTY_REPLY_TO);

    if (reply_to.len == 0) {
        err_set(err, "a request without reply_to: nobody can be answered");
        return SINK_REFUSED;
    }
    *out_reply_to = reply_to;
    *out_correlation_id = ask_text(request, PROPERTY_CORRELATION_ID);
    return SINK_TAKEN;
}

/* An envelope, whose reply_to is a channel for this call alone. */
static int ask_map_to_redis(struct rpc *rpc, const struct delivery *request, struct outgoing *out,
                            struct err *err)
{
    struct properties properties = *request->properties;
    struct delivery sent = *request;
    char reply_to[RPC_PREFIX_SIZE + DELIVERY_ID_SIZE];
    char id[DELIVERY_ID_SIZE];

    delivery_format_id(request, id);
    snprintf(reply_to, sizeof(reply_to), "%s%s", rpc->setup.reply_prefix, id);
    properties_set_text(&properties, PROPERTY_REPLY_TO, slice_of(reply_to));
    sent.properties = &properties;
    strbuf_reset(&rpc->envelope);
    envelope_write(&sent, &rpc->context, &rpc->envelope);
    if (strbuf_failed(&rpc->envelope)) {
        return err_set(err, "out of memory");
    }
    out->body = strbuf_slice(&rpc->envelope);
    return 0;
}

/* A message under a correlation id of ours, for direct reply-to. What nobody takes from its queue
 * in time goes with its caller's patience, unless the rule or the request says otherwise. */
static enum sink_result ask_send_to_amqp(struct rpc *rpc, struct delivery *request,
                                         struct outgoing *out, uint64_t left_us, struct err *err)
{
    struct properties *properties = &out->properties;
    char expiration[EXPIRATION_SIZE];
    char id[DELIVERY_ID_SIZE];

    delivery_format_id(request, id);
    properties_set_text(properties, PROPERTY_REPLY_TO, SLICE(RPC_DIRECT_REPLY));
    properties_set_text(properties, PROPERTY_CORRELATION_ID, slice_of(id));
    if (!properties_has(properties, PROPERTY_EXPIRATION)) {
        snprintf(expiration, sizeof(expiration), "%llu",
                 (unsigned long long)((left_us + CLOCK_US_PER_MS - 1) / CLOCK_US_PER_MS));
        properties_set_text(properties, PROPERTY_EXPIRATION, slice_of(expiration));
    }
    return rpc->setup.ask->ops->send(rpc->setup.ask, request, out, err);
}

static enum sink_result ask_offer(struct rpc *rpc, struct rpc_call *call, const char **out_reason,
                                  struct err *err)
{
    struct outgoing out;
    uint64_t now = rpc_now_us(rpc);
    uint64_t left = call->deadline_us > now ? call->deadline_us - now : 0;

    *out_reason = "template";
    if (mapping_apply(rpc->setup.mapping, &rpc->context, call->request, rpc->ask_scratch, &out,
                      err) != 0) {
        return SINK_REFUSED;
    }
    *out_reason = "refused";
    if (!rpc->setup.asks_redis) {
        return ask_send_to_amqp(rpc, call->request, &out, left, err);
    }
    if (ask_map_to_redis(rpc, call->request, &out, err) != 0) {
        return SINK_REFUSED;
    }
    return rpc->setup.ask->ops->send(rpc->setup.ask, call->request, &out, err);
}

bool rpc_ask_send(struct rpc *rpc, struct rpc_call *call)
{
    const char *reason;
    struct err err = {""};

    if (!rpc->ask.ready || !rpc->replies.ready || rpc->ask.busy) {
        return false;
    }
    switch (ask_offer(rpc, call, &reason, &err)) {
    case SINK_TAKEN:
        call->with_ask = true;
        rpc_table_asked(&rpc->table, call);
        return true;
    case SINK_BUSY:
        rpc->ask.busy = true;
        return false;
    case SINK_TOO_LARGE:
        rpc_answer_error(rpc, call, OUTCOME_TOO_LARGE, "too-large", err.text);
        return true;
    case SINK_REFUSED:
        break;
    }
    rpc_answer_error(rpc, call, OUTCOME_REFUSED, reason, err.text);
    return true;
}

void rpc_ask_pump(struct rpc *rpc)
{
    struct rpc_call *call;

    while ((call = TAILQ_FIRST(&rpc->table.waiting)) != NULL && rpc_ask_send(rpc, call)) {
    }
    rpc_answer_pump(rpc);
}

/* What became of a request whose answer has not come yet. */
static void ask_take_outcome(struct rpc *rpc, struct rpc_call *call, enum outcome outcome,
                             const char *why)
{
    switch (outcome) {
    case OUTCOME_DELIVERED:
        return;
    case OUTCOME_NO_SUBSCRIBERS:
        rpc->counters->nobody++;
        rpc_answer_error(rpc, call, OUTCOME_REFUSED, "no-subscribers", "no worker is subscribed");
        return;
    case OUTCOME_UNROUTABLE:
        rpc->counters->nobody++;
        rpc_answer_error(rpc, call, OUTCOME_REFUSED, "unroutable", why);
        return;
    case OUTCOME_LOST:
        rpc->counters->lost++;
        rpc_answer_error(rpc, call, OUTCOME_REFUSED, "lost", why);
        return;
    case OUTCOME_TOO_LARGE:
        rpc_answer_error(rpc, call, OUTCOME_TOO_LARGE, "too-large", why);
        return;
    case OUTCOME_RETRY:
    case OUTCOME_NO_EXCHANGE:
    case OUTCOME_REFUSED:
        rpc_answer_error(rpc, call, OUTCOME_REFUSED, "refused", why);
        return;
    }
}

static void ask_on_settled(void *ctx, struct delivery *delivery, enum outcome outcome,
                           const char *why)
{
    struct rpc *rpc = ctx;
    struct rpc_call *call = rpc_table_find(&rpc->table, delivery->number);

    call->with_ask = false;
    if (call->state == RPC_CALL_SETTLING) {
        rpc_settle(rpc, call);
    } else if (call->state == RPC_CALL_ASKED && rpc->stopping_now) {
        rpc_give_back(rpc, call);
    } else if (call->state == RPC_CALL_ASKED) {
        ask_take_outcome(rpc, call, outcome, why);
        rpc_answer_pump(rpc);
    }
}

static void ask_on_writable(void *ctx)
{
    struct rpc *rpc = ctx;

    rpc->ask.busy = false;
    rpc_ask_pump(rpc);
}

static void ask_on_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct rpc *rpc = ctx;

    rpc_on_link(rpc, &rpc->ask, link, why);
    rpc_ask_pump(rpc);
    rpc_step_stop(rpc);
}

static void ask_on_stopped(void *ctx)
{
    struct rpc *rpc = ctx;

    rpc->ask.stopped = true;
    rpc_step_stop(rpc);
}

const struct sink_events rpc_ask_events = {
    .on_settled = ask_on_settled,
    .on_writable = ask_on_writable,
    .on_link = ask_on_link,
    .on_stopped = ask_on_stopped,
};
