/* What the workers say. For: which call it answers, if any; and what a lost reply address means.
 * Not for: the way on to the askers (rpc_answer.c). */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/rpc_private.h"

#define STRAY_LOG_US (60 * CLOCK_US_PER_S) /* answers too many are logged at most so often */

enum { HALF_DIGITS = 16 }; /* of an id: the process, "-", the number */

/* Reads 16 lower-case hex digits. */
static bool reply_read_hex(const char *digits, uint64_t *out_number)
{
    uint64_t number = 0;

    for (int i = 0; i < HALF_DIGITS; i++) {
        bool is_digit = digits[i] >= '0' && digits[i] <= '9';
        bool is_letter = digits[i] >= 'a' && digits[i] <= 'f';

        if (!is_digit && !is_letter) {
            return false;
        }
        number = number << 4 | (uint64_t)(is_digit ? digits[i] - '0' : digits[i] - 'a' + 10);
    }
    *out_number = number;
    return true;
}

/* The number in an id of this process; false: it is none. */
static bool reply_read_id(struct slice id, uint64_t *out_number)
{
    uint64_t process;

    return id.len == DELIVERY_ID_SIZE - 1 && id.data[HALF_DIGITS] == '-' &&
           reply_read_hex(id.data, &process) && process == delivery_get_process() &&
           reply_read_hex(id.data + HALF_DIGITS + 1, out_number);
}

/* The id that a reply came under: the end of its channel, or its correlation id. */
static struct slice reply_id(const struct rpc *rpc, const struct delivery *reply)
{
    const struct properties *properties = reply->properties;

    if (rpc->setup.asks_redis) {
        size_t prefix = strlen(rpc->setup.reply_prefix);

        return reply->channel.len > prefix
                   ? slice_make(reply->channel.data + prefix, reply->channel.len - prefix)
                   : slice_make(NULL, 0);
    }
    return properties != NULL && properties_has(properties, PROPERTY_CORRELATION_ID)
               ? properties->text[PROPERTY_CORRELATION_ID]
               : slice_make(NULL, 0);
}

/* Counts an answer that nobody waits for; one line a minute at most tells of them. */
static void reply_stray(struct rpc *rpc, const struct rpc_call *call)
{
    uint64_t now = rpc_now_us(rpc);
    const char *what = "to nothing that was asked";

    if (call == NULL || call->state == RPC_CALL_WAITING) {
        rpc->counters->unknown++;
    } else if (call->failed) {
        rpc->counters->late++;
        what = "too late";
    } else {
        rpc->counters->duplicate++;
        what = "a second time";
    }
    rpc->strays_untold++;
    if (rpc->told_stray_us == 0 || now - rpc->told_stray_us >= STRAY_LOG_US) {
        log_warn("bridge", rpc->setup.bridge, "a worker answered in vain", log_text("why", what),
                 log_number("times", rpc->strays_untold));
        rpc->told_stray_us = now ? now : 1;
        rpc->strays_untold = 0;
    }
}

/* The answer to an open call. A body from Redis that is a valid envelope is one; any other is the
 * answer as it stands. */
static void reply_take(struct rpc *rpc, struct rpc_call *call, struct delivery *reply)
{
    bool may_be_envelope =
        rpc->setup.asks_redis && reply->body.len > 0 && reply->body.data[0] == '{';
    struct err err;

    if (reply->refused_why != NULL) {
        rpc_answer_error(rpc, call, reply->is_too_large ? OUTCOME_TOO_LARGE : OUTCOME_REFUSED,
                         reply->is_too_large ? "too-large" : "refused", reply->refused_why);
        rpc_answer_free(rpc, reply);
        return;
    }
    if (may_be_envelope) {
        delivery_open_envelope(reply, &err);
    }
    rpc_table_answering(&rpc->table, call);
    call->outcome = OUTCOME_DELIVERED;
    reply->seq = call->number;
    TAILQ_INSERT_TAIL(&rpc->answers, reply, link);
}

/* Whether it is for another sink of the bridge to count: one that knows the call, or the one in
 * force, where nobody does. */
static bool reply_is_anothers(const struct rpc *rpc, uint64_t number)
{
    const struct rpc *kin;

    LIST_FOREACH(kin, &rpc->setup.family->members, kin) {
        if (kin != rpc && rpc_table_find(&kin->table, number) != NULL) {
            return true;
        }
    }
    return rpc != LIST_FIRST(&rpc->setup.family->members);
}

static void reply_on_delivery(void *ctx, struct delivery *reply)
{
    struct rpc *rpc = ctx;
    struct rpc_call *call = NULL;
    uint64_t number = 0; /* nobody's */

    if (reply_read_id(reply_id(rpc, reply), &number)) {
        call = rpc_table_find(&rpc->table, number);
    }
    if (call == NULL && reply_is_anothers(rpc, number)) {
        rpc_answer_free(rpc, reply);
        return;
    }
    if (call == NULL || call->state != RPC_CALL_ASKED) {
        reply_stray(rpc, call);
        rpc_answer_free(rpc, reply);
        return;
    }
    reply_take(rpc, call, reply);
    rpc_answer_pump(rpc);
}

/* A direct reply address is gone with its channel: what was asked under it will not be answered. A
 * channel of Redis is the same after a loss, and the worker may not have answered yet. */
static void reply_lose_all(struct rpc *rpc, const char *why)
{
    struct rpc_call *call = rpc_table_next_due(&rpc->table);
    struct rpc_call *next;

    for (; call != NULL; call = next) {
        next = TAILQ_NEXT(call, link);
        if (call->state == RPC_CALL_ASKED) {
            rpc->counters->lost++;
            rpc_answer_error(rpc, call, OUTCOME_REFUSED, "lost", why);
        }
    }
}

static void reply_on_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct rpc *rpc = ctx;

    if (link != ENDPOINT_READY && rpc->replies.ready && !rpc->setup.asks_redis) {
        reply_lose_all(rpc, why);
    }
    rpc_on_link(rpc, &rpc->replies, link, why);
    rpc_ask_pump(rpc);
    rpc_step_stop(rpc);
}

static void reply_on_stopped(void *ctx)
{
    struct rpc *rpc = ctx;

    rpc->replies.stopped = true;
    rpc_step_stop(rpc);
}

/* The call ends at its time-out. */
static void reply_on_lost(void *ctx)
{
    struct rpc *rpc = ctx;

    log_error("bridge", rpc->setup.bridge, "an answer is lost: out of memory");
}

const struct source_events rpc_reply_events = {
    .on_delivery = reply_on_delivery,
    .on_link = reply_on_link,
    .on_stopped = reply_on_stopped,
    .on_lost = reply_on_lost,
};
