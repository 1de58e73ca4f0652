/* The rpc sink as its bridge sees it: taking requests, deadlines, settling, links, stop. Not for:
 * what goes out to the workers (rpc_ask.c) and comes from them (rpc_reply.c), what goes on to the
 * askers (rpc_answer.c).
 *
 * The bridge may call send() inside the events that are raised here, so nothing is kept across one
 * that a new call could move. */
#include "core/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rpc_private.h"

/* Requests over the limit get an error, and wait for that to be confirmed; but not without end. */
enum { OVERLOAD_FACTOR = 2 };

/* Calls that have ended are remembered, as many as may be under way, but not fewer than this. */
enum { ENDED_MIN = 1000 };

static struct rpc *rpc_of(struct sink *base)
{
    return (struct rpc *)base;
}

uint64_t rpc_now_us(const struct rpc *rpc)
{
    return rpc->setup.host->now_us(rpc->setup.host_ctx);
}

void rpc_wish(struct rpc *rpc, uint64_t at_us)
{
    uint64_t now;

    if (rpc->wish_us != 0 && rpc->wish_us <= at_us) {
        return;
    }
    now = rpc_now_us(rpc);
    rpc->wish_us = at_us ? at_us : 1;
    rpc->setup.host->wake_in(rpc->setup.host_ctx, at_us > now ? at_us - now : 0);
}

static bool rpc_has_room(const struct rpc *rpc)
{
    return !rpc->stopping && rpc->answer.ready &&
           rpc->table.open < OVERLOAD_FACTOR * rpc->setup.max_calls;
}

/* A call is over: there may be room again, or nothing left to wait for. */
static void rpc_after_end(struct rpc *rpc)
{
    if (rpc->busy && rpc_has_room(rpc)) {
        rpc->busy = false;
        rpc->base.events->on_writable(rpc->base.ctx);
    }
    rpc_step_stop(rpc);
}

/* Words for the bridge on a request that was not answered as it should be. */
static const char *rpc_words(const struct rpc_call *call, struct err *words)
{
    if (call->outcome == OUTCOME_LOST) {
        err_set(words, "stopped before it was answered");
    } else if (call->gone) {
        err_set(words, "nobody took the answer: the asker is gone, or refuses it");
    } else {
        err_set(words, "the asker got an error: %s", call->reason);
    }
    return words->text;
}

void rpc_settle(struct rpc *rpc, struct rpc_call *call)
{
    struct delivery *request = call->request;
    enum outcome outcome = call->outcome;
    struct err words = {""};
    const char *why = outcome == OUTCOME_DELIVERED ? NULL : rpc_words(call, &words);

    if (call->with_ask) {
        call->state = RPC_CALL_SETTLING;
        return;
    }
    call->request = NULL;
    if (outcome == OUTCOME_LOST) {
        rpc_table_withdraw(&rpc->table, call);
    } else {
        rpc_table_end(&rpc->table, call);
    }
    rpc->base.events->on_settled(rpc->base.ctx, request, outcome, why);
    rpc_after_end(rpc);
}

void rpc_give_back(struct rpc *rpc, struct rpc_call *call)
{
    rpc_table_answering(&rpc->table, call);
    call->outcome = OUTCOME_LOST;
    rpc_settle(rpc, call);
}

static void rpc_tell(struct rpc *rpc, enum endpoint_link link, const char *why)
{
    if (rpc->stopped || (rpc->told && rpc->link == link && strcmp(rpc->told_why, why) == 0)) {
        return;
    }
    rpc->told = true;
    rpc->link = link;
    snprintf(rpc->told_why, sizeof(rpc->told_why), "%s", why);
    if (link != ENDPOINT_WAITING) {
        rpc->busy = false;
    }
    rpc->base.events->on_link(rpc->base.ctx, link, link == ENDPOINT_READY ? NULL : rpc->told_why);
}

void rpc_on_link(struct rpc *rpc, struct rpc_end *end, enum endpoint_link link, const char *why)
{
    end->ready = link == ENDPOINT_READY;
    end->busy = false;
    snprintf(end->why, sizeof(end->why), "%s", end->ready || why == NULL ? "" : why);
    if (!rpc->answer.ready) {
        rpc_tell(rpc, ENDPOINT_WAITING, rpc->answer.why);
    } else if (!rpc->ask.ready) {
        rpc_tell(rpc, ENDPOINT_LIMITED, rpc->ask.why);
    } else if (!rpc->replies.ready) {
        rpc_tell(rpc, ENDPOINT_LIMITED, rpc->replies.why);
    } else {
        rpc_tell(rpc, ENDPOINT_READY, "");
    }
}

static void rpc_start(struct sink *base)
{
    struct rpc *rpc = rpc_of(base);

    rpc->started = true;
    rpc->setup.answer->ops->start(rpc->setup.answer);
    rpc->setup.replies->ops->start(rpc->setup.replies);
    rpc->setup.ask->ops->start(rpc->setup.ask);
}

static enum sink_result rpc_send(struct sink *base, struct delivery *delivery,
                                 const struct outgoing *out, struct err *err)
{
    struct rpc *rpc = rpc_of(base);
    struct slice reply_to;
    struct slice correlation_id;
    struct rpc_call *call;
    enum sink_result result;

    (void)out; /* the mapping is ours, so that the asker hears of what is wrong with it */
    if (!rpc_has_room(rpc)) {
        rpc->busy = true;
        return SINK_BUSY;
    }
    result = rpc_ask_read(delivery, &reply_to, &correlation_id, err);
    if (result != SINK_TAKEN) {
        rpc->counters->unanswerable++;
        return result;
    }
    call = rpc_table_add(&rpc->table, delivery, reply_to, correlation_id,
                         delivery->received_us + rpc->setup.timeout_us);
    if (call == NULL) {
        err_set(err, "out of memory");
        return SINK_REFUSED;
    }
    if (rpc->table.open > rpc->setup.max_calls) {
        rpc->counters->overload++;
        rpc_answer_error(rpc, call, OUTCOME_REFUSED, "overload", "too many calls at once");
    } else {
        rpc_wish(rpc, call->deadline_us);
        if (TAILQ_FIRST(&rpc->table.waiting) == call) {
            rpc_ask_send(rpc, call);
        }
    }
    if (!TAILQ_EMPTY(&rpc->answers)) {
        rpc_wish(rpc, rpc_now_us(rpc)); /* sending an error may call events */
    }
    return SINK_TAKEN;
}

/* The deadlines that have come. */
static void rpc_time_out(struct rpc *rpc, uint64_t now)
{
    struct rpc_call *call;

    while ((call = rpc_table_next_due(&rpc->table)) != NULL && call->deadline_us <= now) {
        rpc->counters->timeouts++;
        rpc_answer_error(rpc, call, OUTCOME_REFUSED, "timeout", "no answer in time");
    }
}

void rpc_wake(struct sink *base)
{
    struct rpc *rpc = rpc_of(base);
    uint64_t now = rpc_now_us(rpc);
    struct rpc_call *next;

    rpc->wish_us = 0;
    if (rpc->stopped) {
        return;
    }
    rpc_time_out(rpc, now);
    if (rpc->held_until_us != 0 && rpc->held_until_us <= now) {
        rpc->held_until_us = 0;
    }
    rpc_answer_pump(rpc);
    rpc_step_stop(rpc);
    next = rpc_table_next_due(&rpc->table);
    if (next != NULL) {
        rpc_wish(rpc, next->deadline_us);
    }
    if (rpc->held_until_us != 0) {
        rpc_wish(rpc, rpc->held_until_us);
    }
}

static void rpc_stop(struct sink *base, bool now)
{
    struct rpc *rpc = rpc_of(base);

    rpc->stopping = true;
    rpc->stopping_now |= now;
    rpc_wish(rpc, rpc_now_us(rpc)); /* the rest calls events */
}

/* What nobody but us holds goes back at once. */
static void rpc_give_back_all(struct rpc *rpc)
{
    struct delivery *answer;
    struct rpc_call *call;

    while ((answer = TAILQ_FIRST(&rpc->answers)) != NULL) {
        TAILQ_REMOVE(&rpc->answers, answer, link);
        call = rpc_table_find(&rpc->table, answer->seq);
        rpc_answer_free(rpc, answer);
        rpc_give_back(rpc, call);
    }
    while ((call = rpc_table_next_due(&rpc->table)) != NULL) {
        rpc_give_back(rpc, call);
    }
}

static void rpc_stop_ends(struct rpc *rpc)
{
    bool now = rpc->stopping_now;

    if (!rpc->ask.stopped) {
        rpc->setup.ask->ops->stop(rpc->setup.ask, now);
    }
    if (!rpc->answer.stopped) {
        rpc->setup.answer->ops->stop(rpc->setup.answer, now);
    }
    if (!rpc->ends_stopping) {
        rpc->setup.replies->ops->stop(rpc->setup.replies);
    }
    rpc->ends_stopping = true;
    rpc->ends_hurried = now;
}

/* In the end everybody has their own back and the three have stopped. Without time, or a way back
 * to the askers, nothing is waited for; what was never asked is another sink's to ask. */
static void rpc_take_stop_step(struct rpc *rpc)
{
    struct rpc_call *call;

    while ((call = TAILQ_FIRST(&rpc->table.waiting)) != NULL) {
        rpc_give_back(rpc, call);
    }
    if (rpc->stopping_now || !rpc->answer.ready) {
        rpc_give_back_all(rpc);
    }
    if (rpc->stopping_now ? !rpc->ends_hurried : rpc->table.open == 0 && !rpc->ends_stopping) {
        rpc_stop_ends(rpc);
    }
    if (rpc->table.open == 0 && rpc->ask.stopped && rpc->replies.stopped && rpc->answer.stopped) {
        rpc->stopped = true;
        rpc->base.events->on_stopped(rpc->base.ctx);
    }
}

void rpc_step_stop(struct rpc *rpc)
{
    if (rpc->stopping && !rpc->stopped && !rpc->stepping) {
        rpc->stepping = true;
        rpc_take_stop_step(rpc);
        rpc->stepping = false;
    }
}

static void rpc_free(struct sink *base)
{
    struct rpc *rpc = rpc_of(base);
    struct delivery *answer;
    struct rpc_call *call;

    while ((answer = TAILQ_FIRST(&rpc->answers)) != NULL) {
        TAILQ_REMOVE(&rpc->answers, answer, link);
        rpc_answer_free(rpc, answer);
    }
    for (call = rpc->table.calls; call != NULL; call = call->hh.next) {
        if (call->request != NULL && !call->with_ask) {
            delivery_free(call->request);
        }
    }
    LIST_REMOVE(rpc, kin);
    rpc_table_fini(&rpc->table);
    endpoint_free_sink(rpc->setup.ask);
    endpoint_free_source(rpc->setup.replies);
    endpoint_free_sink(rpc->setup.answer);
    mapping_scratch_free(rpc->ask_scratch);
    mapping_scratch_free(rpc->answer_scratch);
    strbuf_fini(&rpc->envelope);
    free(rpc);
}

static const struct sink_ops rpc_ops = {
    .start = rpc_start,
    .send = rpc_send,
    .stop = rpc_stop,
    .free = rpc_free,
};

static void rpc_adopt(struct rpc *rpc)
{
    rpc->setup.ask->events = &rpc_ask_events;
    rpc->setup.ask->ctx = rpc;
    rpc->setup.replies->events = &rpc_reply_events;
    rpc->setup.replies->ctx = rpc;
    rpc->setup.answer->events = &rpc_answer_events;
    rpc->setup.answer->ctx = rpc;
}

struct sink *rpc_new(const struct rpc_setup *setup)
{
    struct rpc *rpc = calloc(1, sizeof(*rpc));

    if (rpc == NULL) {
        return NULL;
    }
    rpc->setup = *setup;
    rpc->answer_mapping =
        (struct mapping){.to_amqp = setup->asks_redis, .annotate = setup->annotate, .priority = -1};
    rpc->ask_scratch = mapping_scratch_new(setup->mapping);
    rpc->answer_scratch = mapping_scratch_new(&rpc->answer_mapping);
    if (rpc->ask_scratch == NULL || rpc->answer_scratch == NULL) {
        mapping_scratch_free(rpc->ask_scratch);
        mapping_scratch_free(rpc->answer_scratch);
        free(rpc);
        return NULL;
    }
    rpc->base.ops = &rpc_ops;
    rpc->base.can = (setup->answer->can & ENDPOINT_CONFIRMS) | ENDPOINT_CALLS;
    rpc->context =
        (struct template_context){slice_of(setup->instance), slice_of(setup->bridge), NULL};
    rpc_table_init(&rpc->table, setup->max_calls > ENDED_MIN ? setup->max_calls : ENDED_MIN);
    TAILQ_INIT(&rpc->answers);
    TAILQ_INIT(&rpc->mute);
    rpc->counters = &setup->family->counters;
    LIST_INSERT_HEAD(&setup->family->members, rpc, kin);
    rpc_adopt(rpc);
    return &rpc->base;
}

struct rpc_counters rpc_get_counters(const struct rpc_family *family)
{
    struct rpc_counters counters = family->counters;
    const struct rpc *rpc;

    LIST_FOREACH(rpc, &family->members, kin) {
        counters.calls += rpc->table.open;
    }
    return counters;
}

void rpc_reply_prefix(const char *instance, const char *bridge, char out[RPC_PREFIX_SIZE])
{
    int len = snprintf(out, RPC_PREFIX_SIZE, "chunnel.reply.%.64s.%.64s:", instance, bridge);

    for (int i = 0; i < len - 1; i++) {
        bool plain = (out[i] >= 'a' && out[i] <= 'z') || (out[i] >= 'A' && out[i] <= 'Z') ||
                     (out[i] >= '0' && out[i] <= '9') || out[i] == '.' || out[i] == '_' ||
                     out[i] == '-';

        if (!plain) {
            out[i] = '_';
        }
    }
}
