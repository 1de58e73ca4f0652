/* Publisher confirms (RabbitMQ's extension of AMQP 0-9-1): basic.ack and basic.nack for what was
 * published, multiple or single, in any order; and the time they may take. A tag that was never
 * used, or settled before, means that our books and the broker's differ: the connection is given
 * up. Not for: returned messages (returns.c). */
#include "amqp/sink_private.h"
#include "base/clock.h"
#include "base/log.h"

enum { WINDOW_MAX = 65536 }; /* tags from the oldest unconfirmed to the newest, at most */

#define CONFIRM_TARGET_US CLOCK_US_PER_S /* as many are out as are confirmed in this time */

void rmq_confirms_init(struct rmq_sink *sink, uint64_t timeout_us)
{
    uint64_t target_us = timeout_us / 4 < CONFIRM_TARGET_US ? timeout_us / 4 : CONFIRM_TARGET_US;

    sink->confirm_timeout_us = timeout_us;
    inflight_init(&sink->inflight, WINDOW_MAX, target_us);
}

bool rmq_confirms_have_room(const struct rmq_sink *sink)
{
    return sink->out.next - sink->out.first < sink->inflight.limit;
}

static void confirms_arm(struct rmq_sink *sink, uint64_t delay_us)
{
    sink->confirm_timed = true;
    loop_timer_set(&sink->confirm, delay_us);
}

void rmq_confirms_restart_clock(struct rmq_sink *sink)
{
    sink->front_since_us = loop_now_us(sink->loop);
}

void rmq_confirms_on_sent(struct rmq_sink *sink)
{
    inflight_on_sent(&sink->inflight, sink->out.next - 1, loop_now_us(sink->loop));
    if (sink->out.count == 1) {
        rmq_confirms_restart_clock(sink);
    }
    if (!sink->confirm_timed) {
        confirms_arm(sink, sink->confirm_timeout_us);
    }
}

/* A transaction waits for its answer before anything else is sent. */
static bool confirms_may_rest(const struct rmq_sink *sink)
{
    return !sink->base.urgent && !sink->transactional;
}

/* How long what is read now may stay unread: `rest_us`, or longer for what is known of messages
 * before. */
static uint64_t confirms_rest(const struct rmq_sink *sink, uint64_t rest_us)
{
    uint64_t by_rate = moderation_by_rate(&sink->moderation);

    if (!confirms_may_rest(sink)) {
        return 0;
    }
    rest_us = by_rate > rest_us ? by_rate : rest_us;
    return sink->rest_us > rest_us ? sink->rest_us : rest_us;
}

void rmq_confirms_allow_rest(struct rmq_sink *sink)
{
    moderation_count(&sink->moderation, loop_now_us(sink->loop));
    loop_allow_rest(sink->loop, confirms_rest(sink, 0));
}

/* What comes next waits for as many to be sent: that is a wait as well. */
void rmq_confirms_on_queued(struct rmq_sink *sink, uint64_t count)
{
    loop_allow_rest(sink->loop, confirms_rest(sink, moderation_by_queue(&sink->moderation, count)));
}

/* Progress is what counts: a broker that confirms slowly, but goes on, is not timed out. */
void rmq_confirms_on_timer(void *ctx)
{
    struct rmq_sink *sink = ctx;
    uint64_t waited;

    sink->confirm_timed = false;
    if (window_is_empty(&sink->out)) {
        return;
    }
    if (rmq_connection_is_blocked(rmq_channel_connection(sink->channel))) {
        rmq_confirms_restart_clock(sink);
    }
    waited = loop_now_us(sink->loop) - sink->front_since_us;
    if (waited < sink->confirm_timeout_us) {
        confirms_arm(sink, sink->confirm_timeout_us - waited);
        return;
    }
    rmq_channel_reset(sink->channel, "no %s from the broker for %llu ms",
                      sink->transactional ? "commit-ok" : "confirm",
                      (unsigned long long)(sink->confirm_timeout_us / CLOCK_US_PER_MS));
}

/* Hands a delivery back with what the broker said of it. */
static void confirms_settle(struct rmq_sink *sink, struct delivery *delivery, bool is_nack)
{
    if (sink->culprit.limit != 0) {
        rmq_culprit_on_answer(sink);
    }
    if (is_nack) {
        sink->base.events->on_settled(sink->base.ctx, delivery, OUTCOME_RETRY,
                                      "nacked by the broker");
    } else if (delivery->returned) {
        sink->base.events->on_settled(sink->base.ctx, delivery, OUTCOME_UNROUTABLE,
                                      sink->return_words.text);
    } else {
        sink->base.events->on_settled(sink->base.ctx, delivery, OUTCOME_DELIVERED, NULL);
    }
}

/* Takes one delivery, or the oldest of many, out of the window. */
static struct delivery *confirms_take(struct rmq_sink *sink, uint64_t tag, bool multiple)
{
    return multiple ? window_take_first(&sink->out, tag) : window_take(&sink->out, tag);
}

/* Follows the broker with the limit of what is out. */
static void confirms_judge(struct rmq_sink *sink)
{
    struct inflight *inflight = &sink->inflight;
    uint64_t now = loop_now_us(sink->loop);

    if (!inflight_is_due(inflight, sink->out.first)) {
        return;
    }
    if (confirms_may_rest(sink)) {
        sink->rest_us =
            moderation_by_wait(sink->out.next - inflight->watched, now - inflight->watched_us);
    }
    if (inflight_judge(inflight, now)) {
        log_debug("bridge", sink->bridge, "the broker is slow, less goes out unconfirmed",
                  log_number("messages", inflight->limit));
    }
}

static void confirms_take_all(struct rmq_sink *sink, uint64_t tag, bool multiple, bool is_nack)
{
    uint64_t first = sink->out.first;
    struct delivery *delivery = NULL;

    if (window_was_put(&sink->out, tag)) {
        delivery = confirms_take(sink, tag, multiple);
    }
    if (delivery == NULL) {
        rmq_channel_breach(sink->channel, AMQP_COMMAND_INVALID,
                           "a confirm of tag %llu, where %llu to %llu are open",
                           (unsigned long long)tag, (unsigned long long)first,
                           (unsigned long long)sink->out.next - 1);
        return;
    }
    while (delivery != NULL) {
        confirms_settle(sink, delivery, is_nack);
        delivery = multiple ? confirms_take(sink, tag, true) : NULL;
    }
    if (sink->out.first != first) {
        rmq_confirms_restart_clock(sink);
        confirms_judge(sink);
    }
    if (sink->busy || sink->stopping) {
        loop_defer(sink->loop, &sink->step);
    }
    loop_allow_rest(sink->loop, confirms_rest(sink, 0));
}

void rmq_confirms_on_ack(struct rmq_sink *sink, const amqp_basic_ack_t *ack)
{
    confirms_take_all(sink, ack->delivery_tag, ack->multiple != 0, false);
}

void rmq_confirms_on_nack(struct rmq_sink *sink, const amqp_basic_nack_t *nack)
{
    confirms_take_all(sink, nack->delivery_tag, nack->multiple != 0, true);
}
