/* Answers on their way to the askers. For: what an answer looks like for its asker, errors in the
 * place of answers, and what the answering sink says of them. Not for: which call an answer belongs
 * to (rpc_reply.c), requests (rpc_ask.c). */
#include <stdlib.h>
#include <string.h>

#include "core/envelope.h"
#include "core/rpc_private.h"

enum { ERROR_MAX = 1024, ERROR_HEADERS = 2 };

void rpc_answer_error(struct rpc *rpc, struct rpc_call *call, enum outcome outcome,
                      const char *reason, const char *words)
{
    char *rest;
    struct delivery *answer = delivery_new(0, &rest);

    rpc_table_answering(&rpc->table, call);
    call->failed = true;
    call->outcome = outcome;
    call->reason = reason;
    if (answer == NULL) {
        TAILQ_INSERT_TAIL(&rpc->mute, call, link);
        return;
    }
    answer->seq = call->number;
    answer->reason = reason;
    answer->error = words != NULL ? strndup(words, ERROR_MAX) : NULL;
    answer->received_us = rpc_now_us(rpc);
    answer->wall_us =
        call->request->wall_us + (int64_t)(answer->received_us - call->request->received_us);
    TAILQ_INSERT_TAIL(&rpc->answers, answer, link);
}

void rpc_answer_free(struct rpc *rpc, struct delivery *answer)
{
    if (answer->reason != NULL) {
        delivery_free(answer);
    } else {
        rpc->setup.replies->ops->settle(rpc->setup.replies, answer, SETTLE_ACK);
    }
}

/* Of the worker's properties all but the addresses; the correlation id is the asker's own. */
static void answer_address(const struct rpc_call *call, struct properties *properties)
{
    properties->present &= ~(1u << PROPERTY_REPLY_TO | 1u << PROPERTY_CORRELATION_ID);
    if (call->correlation_id.data != NULL) {
        properties_set_text(properties, PROPERTY_CORRELATION_ID, call->correlation_id);
    }
}

static struct properties answer_properties(const struct delivery *answer)
{
    return answer->properties != NULL ? *answer->properties : (struct properties){0};
}

static enum sink_result answer_send_to_redis(struct rpc *rpc, const struct rpc_call *call,
                                             struct delivery *answer, struct err *err)
{
    struct properties properties = answer_properties(answer);
    struct delivery shown = *answer;
    struct outgoing out = {.channel = call->reply_to};

    answer_address(call, &properties);
    shown.properties = &properties;
    if (answer->reason != NULL) {
        shown.channel = call->request->channel;
        shown.pattern = call->request->pattern;
    }
    strbuf_reset(&rpc->envelope);
    envelope_write(&shown, &rpc->context, &rpc->envelope);
    if (strbuf_failed(&rpc->envelope)) {
        err_set(err, "out of memory");
        return SINK_REFUSED;
    }
    out.body = strbuf_slice(&rpc->envelope);
    return rpc->setup.answer->ops->send(rpc->setup.answer, answer, &out, err);
}

static bool answer_goes_direct(const struct rpc_call *call)
{
    static const char prefix[] = RPC_DIRECT_REPLY ".";

    return call->reply_to.len >= sizeof(prefix) - 1 &&
           memcmp(call->reply_to.data, prefix, sizeof(prefix) - 1) == 0;
}

static struct field_entry answer_header(const char *name, const char *text)
{
    return (struct field_entry){
        .name = slice_of(name),
        .value = {.type = FIELD_STRING, .value.bytes = slice_of(text ? text : "")}};
}

static enum sink_result answer_send_to_amqp(struct rpc *rpc, const struct rpc_call *call,
                                            struct delivery *answer, struct err *err)
{
    struct properties properties = answer_properties(answer);
    struct field_entry headers[ERROR_HEADERS] = {
        answer_header("x-chunnel-reason", answer->reason),
        answer_header("x-chunnel-error", answer->error ? answer->error : answer->reason),
    };
    struct delivery shown = *answer;
    struct outgoing out;

    if (answer->reason != NULL) {
        properties.present |= 1u << PROPERTY_HEADERS;
        properties.headers = (struct field_table){headers, ERROR_HEADERS};
    }
    shown.properties = &properties;
    if (mapping_apply(&rpc->answer_mapping, &rpc->context, &shown, rpc->answer_scratch, &out,
                      err) != 0) {
        return SINK_REFUSED;
    }
    answer_address(call, &out.properties);
    out.routing_key = call->reply_to;
    out.unwatched = answer_goes_direct(call);
    return rpc->setup.answer->ops->send(rpc->setup.answer, answer, &out, err);
}

/* The asker's side will never take this answer: an error in its place, or, where it was one,
 * nothing. Calls events. */
static void answer_refused(struct rpc *rpc, struct rpc_call *call, struct delivery *answer,
                           bool too_large, const char *why)
{
    bool was_error = answer->reason != NULL;

    rpc_answer_free(rpc, answer);
    if (!was_error) {
        rpc_answer_error(rpc, call, too_large ? OUTCOME_TOO_LARGE : OUTCOME_REFUSED,
                         too_large ? "too-large" : "refused", why);
    } else {
        rpc_answer_gone(rpc, call);
    }
}

void rpc_answer_gone(struct rpc *rpc, struct rpc_call *call)
{
    rpc->counters->gone++;
    call->failed = true;
    call->gone = true;
    call->outcome = OUTCOME_REFUSED;
    rpc_settle(rpc, call);
}

/* Sends the first answer; false: not now. Calls events. */
static bool answer_send_first(struct rpc *rpc)
{
    struct delivery *answer = TAILQ_FIRST(&rpc->answers);
    struct rpc_call *call = rpc_table_find(&rpc->table, answer->seq);
    struct err err = {""};
    enum sink_result result;

    TAILQ_REMOVE(&rpc->answers, answer, link);
    result = rpc->setup.asks_redis ? answer_send_to_amqp(rpc, call, answer, &err)
                                   : answer_send_to_redis(rpc, call, answer, &err);
    switch (result) {
    case SINK_TAKEN:
        return true;
    case SINK_BUSY:
        rpc->answer.busy = true;
        TAILQ_INSERT_HEAD(&rpc->answers, answer, link);
        return false;
    case SINK_TOO_LARGE:
    case SINK_REFUSED:
        break;
    }
    answer_refused(rpc, call, answer, result == SINK_TOO_LARGE, err.text);
    return true;
}

void rpc_answer_pump(struct rpc *rpc)
{
    struct rpc_call *call;
    bool going = true;

    while ((call = TAILQ_FIRST(&rpc->mute)) != NULL) {
        TAILQ_REMOVE(&rpc->mute, call, link);
        rpc_answer_gone(rpc, call);
    }
    while (going && rpc->answer.ready && !rpc->answer.busy && rpc->held_until_us == 0 &&
           !rpc->ends_stopping && !TAILQ_EMPTY(&rpc->answers)) {
        going = answer_send_first(rpc);
    }
}

/* The asker has it. */
static void answer_arrived(struct rpc *rpc, struct rpc_call *call, struct delivery *answer)
{
    if (answer->reason != NULL) {
        rpc->counters->errors++;
    } else {
        rpc->counters->answers++;
    }
    rpc_answer_free(rpc, answer);
    rpc_settle(rpc, call);
}

/* It was not taken, but may be: it goes again, after a while where it was refused. */
static void answer_again(struct rpc *rpc, struct rpc_call *call, struct delivery *answer,
                         enum outcome outcome)
{
    uint64_t now = rpc_now_us(rpc);

    if (rpc->stopping_now) {
        rpc_answer_free(rpc, answer);
        rpc_give_back(rpc, call);
        return;
    }
    if (outcome != OUTCOME_LOST && call->deadline_us + rpc->setup.timeout_us <= now) {
        rpc_answer_free(rpc, answer);
        rpc_answer_gone(rpc, call);
        return;
    }
    TAILQ_INSERT_TAIL(&rpc->answers, answer, link);
    if (outcome != OUTCOME_LOST) {
        rpc->held_until_us = now + rpc->setup.retry_us;
        rpc_wish(rpc, rpc->held_until_us);
    }
}

static void answer_on_settled(void *ctx, struct delivery *answer, enum outcome outcome,
                              const char *why)
{
    struct rpc *rpc = ctx;
    struct rpc_call *call = rpc_table_find(&rpc->table, answer->seq);

    switch (outcome) {
    case OUTCOME_DELIVERED:
        answer_arrived(rpc, call, answer);
        break;
    case OUTCOME_RETRY:
    case OUTCOME_NO_EXCHANGE:
    case OUTCOME_LOST:
        answer_again(rpc, call, answer, outcome);
        break;
    case OUTCOME_NO_SUBSCRIBERS:
    case OUTCOME_UNROUTABLE:
        rpc_answer_free(rpc, answer);
        rpc_answer_gone(rpc, call);
        break;
    case OUTCOME_REFUSED:
    case OUTCOME_TOO_LARGE:
        answer_refused(rpc, call, answer, outcome == OUTCOME_TOO_LARGE, why);
        break;
    }
    rpc_answer_pump(rpc);
}

static void answer_on_writable(void *ctx)
{
    struct rpc *rpc = ctx;

    rpc->answer.busy = false;
    rpc_answer_pump(rpc);
}

static void answer_on_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct rpc *rpc = ctx;

    rpc_on_link(rpc, &rpc->answer, link, why);
    rpc_answer_pump(rpc);
    rpc_step_stop(rpc);
}

static void answer_on_stopped(void *ctx)
{
    struct rpc *rpc = ctx;

    rpc->answer.stopped = true;
    rpc_step_stop(rpc);
}

const struct sink_events rpc_answer_events = {
    .on_settled = answer_on_settled,
    .on_writable = answer_on_writable,
    .on_link = answer_on_link,
    .on_stopped = answer_on_stopped,
};
