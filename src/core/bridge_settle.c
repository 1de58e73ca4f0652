/* From the sink back to the source: what became of each delivery, the books, retries and refusals.
 * Not for: the way there (bridge_flow.c). */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/bridge_private.h"

#define TELL_EVERY_US (60 * CLOCK_US_PER_S)

/* How often a held message looks for a subscriber: half of the second within which it is to arrive
 * after the first subscription. */
#define PROBE_US UINT64_C(500000)

/* Whether it may be told now; what may not is counted. */
static bool settle_may_tell(const struct bridge *bridge, struct bridge_told *told)
{
    uint64_t now = bridge->host->now_us(bridge->host_ctx);

    if (told->at_us != 0 && now - told->at_us < TELL_EVERY_US) {
        told->untold++;
        return false;
    }
    told->at_us = now ? now : 1;
    return true;
}

bool bridge_settle_note_error(struct bridge *bridge, struct bridge_told *told, const char *what,
                              const char *why)
{
    bool has_words = why != NULL && why[0] != '\0';
    const struct log_field none = {NULL, NULL, 0};
    struct log_field more = none;

    if (has_words) {
        snprintf(bridge->last_error, sizeof(bridge->last_error), "%s: %s", what, why);
    } else {
        snprintf(bridge->last_error, sizeof(bridge->last_error), "%s", what);
    }
    if (!settle_may_tell(bridge, told)) {
        return false;
    }
    if (told->untold > 0) {
        more = log_number("more", told->untold);
    }
    told->untold = 0;
    log_warn("bridge", bridge->name, what, has_words ? log_text("why", why) : more,
             has_words ? more : none);
    return true;
}

void bridge_on_lost(void *ctx)
{
    struct bridge *bridge = ctx;

    bridge->counters.received++;
    bridge->counters.dropped++;
    bridge_settle_note_error(bridge, &bridge->told_lost, "message dropped", "out of memory");
}

void bridge_release(struct bridge *bridge, struct delivery *delivery, enum settlement how)
{
    if (delivery->from_store) {
        delivery_free(delivery);
    } else {
        struct source *source = bridge_source_of(bridge, delivery);

        source->ops->settle(source, delivery, how);
    }
}

void bridge_settle(struct bridge *bridge, struct delivery *delivery, uint64_t *counter,
                   enum settlement how)
{
    (*counter)++;
    if (!LIST_EMPTY(&bridge->taps)) {
        bridge_tap_tell(bridge, delivery, counter);
    }
    bridge_let_go(bridge, delivery->size);
    if (delivery->reason != NULL) {
        bridge->sink_bytes -= delivery->size;
    }
    bridge_store_close(bridge, delivery);
    bridge_release(bridge, delivery, how);
}

/* Gives a message up; to the `dead` letter sink, or nowhere. */
static void settle_give_up(struct bridge *bridge, struct delivery *delivery, enum refusal refusal,
                           const char *why, bool dead)
{
    /* What was never here whole is left to the dead-letter exchange of its queue, if it has one. */
    bool whole = delivery->refused_why == NULL;
    char what[64];

    dead = dead && whole;
    if (dead && bridge_settle_goes_back(bridge, delivery)) {
        return;
    }
    snprintf(what, sizeof(what), "message %s: %s", dead ? "to dead letter" : "dropped",
             refusal_name(refusal));
    bridge_settle_note_error(bridge, &bridge->told_refusal[refusal], what, why);
    if (dead) {
        bridge_dead_take(bridge, delivery, refusal_name(refusal), why);
    } else {
        bridge_settle(bridge, delivery, &bridge->counters.dropped,
                      whole ? SETTLE_ACK : SETTLE_REJECT);
    }
}

void bridge_settle_refused(struct bridge *bridge, struct delivery *delivery, enum refusal refusal,
                           const char *why)
{
    settle_give_up(bridge, delivery, refusal, why, bridge->dead.sink != NULL);
}

void bridge_settle_unsent(struct bridge *bridge, struct delivery *delivery)
{
    if (bridge_source_of(bridge, delivery)->can & ENDPOINT_SETTLES) {
        bridge_settle(bridge, delivery, &bridge->counters.returned, SETTLE_REQUEUE);
    } else {
        bridge_settle(bridge, delivery, &bridge->counters.dropped, SETTLE_FORGET);
    }
}

/* They mostly come in order, so the place is near the end. */
void bridge_settle_put_in_order(struct bridge *bridge, struct delivery *delivery)
{
    struct delivery *before = TAILQ_LAST(&bridge->again, delivery_list);

    while (before != NULL && before->seq > delivery->seq) {
        before = TAILQ_PREV(before, delivery_list, link);
    }
    if (before != NULL) {
        TAILQ_INSERT_AFTER(&bridge->again, before, delivery, link);
    } else {
        TAILQ_INSERT_HEAD(&bridge->again, delivery, link);
    }
}

static void settle_put_again(struct bridge *bridge, struct delivery *delivery)
{
    bridge_settle_put_in_order(bridge, delivery);
    bridge->counters.buffered++;
    bridge->counters.retried++;
}

void bridge_settle_wish(struct bridge *bridge)
{
    uint64_t now = bridge->host->now_us(bridge->host_ctx);
    bool main = bridge->held_back && !bridge->retry_due;
    uint64_t at = main ? bridge->retry_at_us : UINT64_MAX;

    if (bridge->dead.held_back && bridge->dead.retry_at_us < at) {
        at = bridge->dead.retry_at_us;
    }
    if (at != UINT64_MAX) {
        bridge->host->wake_in(bridge->host_ctx, at > now ? at - now : 0);
    }
}

/* The sink gave it back while it works: nothing is sent for a while, so that the order stays. */
static void settle_hold_back(struct bridge *bridge, struct bridge_told *told, const char *what,
                             const char *why, uint64_t delay_us)
{
    bridge_settle_note_error(bridge, told, what, why);
    bridge->held_back = true;
    bridge->retry_due = false;
    bridge->retry_at_us = bridge->host->now_us(bridge->host_ctx) + delay_us;
    bridge_settle_wish(bridge);
}

static void settle_back_off(struct bridge *bridge, struct bridge_told *told, const char *what,
                            const char *why)
{
    uint64_t now = bridge->host->now_us(bridge->host_ctx);

    if (!bridge->held_back) {
        settle_hold_back(bridge, told, what, why, backoff_next(&bridge->retry, bridge->rand, now));
    }
}

bool bridge_settle_goes_back(struct bridge *bridge, struct delivery *delivery)
{
    if (bridge_is_stale(bridge, delivery)) {
        bridge_settle(bridge, delivery, &bridge->counters.returned, SETTLE_FORGET);
        return true;
    }
    if (bridge->stopping_now && bridge->disk.store == NULL) {
        bridge_settle_unsent(bridge, delivery);
        return true;
    }
    return false;
}

static void settle_retry(struct bridge *bridge, struct delivery *delivery, const char *why)
{
    uint64_t attempts = bridge->options->retry_attempts;

    if (bridge_settle_goes_back(bridge, delivery)) {
        return;
    }
    delivery->refusals++;
    if (attempts > 0 && delivery->refusals >= attempts) {
        bridge_settle_refused(bridge, delivery, REFUSAL_RETRIES, why);
        return;
    }
    settle_back_off(bridge, &bridge->told_retry, "message refused, trying again", why);
    settle_put_again(bridge, delivery);
}

static void settle_unroutable(struct bridge *bridge, struct delivery *delivery, const char *why)
{
    bridge->counters.unroutable++;
    switch (bridge->options->on_unroutable) {
    case UNROUTABLE_RETRY:
        settle_retry(bridge, delivery, why);
        break;
    case UNROUTABLE_DEAD_LETTER:
        bridge_settle_refused(bridge, delivery, REFUSAL_UNROUTABLE, why);
        break;
    case UNROUTABLE_DROP:
        settle_give_up(bridge, delivery, REFUSAL_UNROUTABLE, why, false);
        break;
    }
}

static void settle_delivered(struct bridge *bridge, struct delivery *delivery)
{
    uint64_t now = bridge->host->now_us(bridge->host_ctx);

    histogram_record(&bridge->latency,
                     now > delivery->received_us ? now - delivery->received_us : 0);
    bridge->counters.bytes_out += delivery->body.len;
    bridge->probing = false;
    if (bridge->retry.current_us != bridge->retry.min_us && !bridge->held_back) {
        backoff_init(&bridge->retry, bridge->options->retry_min_us, bridge->options->retry_max_us);
    }
    bridge_settle(bridge, delivery, &bridge->counters.delivered, SETTLE_ACK);
}

/* Keeps it until somebody subscribes. A message that is held is its own probe: PUBLISH to nobody
 * costs Redis next to nothing, and its reply is the one exact answer to whether anybody listens,
 * patterns included. What reached some, but fewer than wanted, would reach those again and again,
 * so it waits for the longest back-off. */
static void settle_hold(struct bridge *bridge, struct delivery *delivery, const char *why)
{
    uint64_t delay = delivery->reached == 0 ? PROBE_US : bridge->options->retry_max_us;

    if (bridge_settle_goes_back(bridge, delivery)) {
        return;
    }
    bridge->probing = true;
    if (!bridge->held_back) {
        settle_hold_back(bridge, &bridge->told_nobody, "nobody is subscribed, holding the messages",
                         why, delay);
    }
    settle_put_again(bridge, delivery);
}

/* Back to its queue, but not at once: with no other consumer it would come round at full speed. */
static void settle_requeue(struct bridge *bridge, struct delivery *delivery, const char *why)
{
    if (bridge_settle_goes_back(bridge, delivery)) {
        return;
    }
    bridge->requeue_due = true;
    settle_back_off(bridge, &bridge->told_nobody, "nobody is subscribed, handing the messages back",
                    why);
    settle_put_again(bridge, delivery);
}

static void settle_reject(struct bridge *bridge, struct delivery *delivery, const char *why)
{
    if (delivery->from_store || (bridge_source_of(bridge, delivery)->can & ENDPOINT_SETTLES) == 0) {
        bridge_settle_refused(bridge, delivery, REFUSAL_NO_SUBSCRIBERS, why);
        return;
    }
    bridge_settle_note_error(bridge, &bridge->told_nobody, "nobody is subscribed, message rejected",
                             why);
    bridge_settle(bridge, delivery, &bridge->counters.returned, SETTLE_REJECT);
}

/* PUBLISH reached too few. */
static void settle_no_subscribers(struct bridge *bridge, struct delivery *delivery, const char *why)
{
    bridge->counters.no_subscribers++;
    switch (bridge->options->on_no_subscribers) {
    case NOBODY_ACK:
        settle_delivered(bridge, delivery);
        break;
    case NOBODY_HOLD:
        settle_hold(bridge, delivery, why);
        break;
    case NOBODY_REQUEUE:
        settle_requeue(bridge, delivery, why);
        break;
    case NOBODY_REJECT:
        settle_reject(bridge, delivery, why);
        break;
    }
}

/* It has its place in the books; all that is left is to count and to say so. */
void bridge_on_late(void *ctx, enum outcome outcome, const char *why)
{
    struct bridge *bridge = ctx;

    if (outcome == OUTCOME_NO_SUBSCRIBERS) {
        bridge->counters.no_subscribers++;
    } else {
        bridge->counters.unroutable++;
        bridge_settle_note_error(bridge, &bridge->told_late,
                                 "message returned after it had counted as delivered", why);
    }
}

/* The back-off before handing back is over. */
static void settle_requeue_all(struct bridge *bridge)
{
    struct delivery *delivery;

    bridge->requeue_due = false;
    while ((delivery = TAILQ_FIRST(&bridge->again)) != NULL) {
        TAILQ_REMOVE(&bridge->again, delivery, link);
        bridge->counters.buffered--;
        bridge_settle(bridge, delivery, &bridge->counters.returned, SETTLE_REQUEUE);
    }
}

/* A back-off that is over waits until nothing is in flight: what of it comes back belongs before
 * what would be sent now. */
static void settle_end_hold(struct bridge *bridge)
{
    if (bridge->held_back && bridge->retry_due && bridge_in_flight(bridge) == 0) {
        bridge->held_back = false;
        bridge->retry_due = false;
        if (bridge->requeue_due) {
            settle_requeue_all(bridge);
        }
        bridge_flow_pump(bridge);
    }
}

void bridge_wake(struct bridge *bridge)
{
    uint64_t now = bridge->host->now_us(bridge->host_ctx);

    /* One timer serves two back-offs, and one end must not cut the other short. */
    if (bridge->held_back && now >= bridge->retry_at_us) {
        bridge->retry_due = true;
        settle_end_hold(bridge);
    }
    bridge_dead_wake(bridge, now);
    bridge_settle_wish(bridge);
    bridge_stop_step(bridge);
}

void bridge_on_settled(void *ctx, struct delivery *delivery, enum outcome outcome, const char *why)
{
    struct bridge *bridge = ctx;
    bool was_probing = bridge->probing;

    bridge->counters.in_flight--;
    bridge->sink_bytes -= delivery->size;
    switch (outcome) {
    case OUTCOME_DELIVERED:
        settle_delivered(bridge, delivery);
        break;
    case OUTCOME_NO_SUBSCRIBERS:
        settle_no_subscribers(bridge, delivery, why);
        break;
    case OUTCOME_RETRY:
    case OUTCOME_NO_EXCHANGE:
        settle_retry(bridge, delivery, why);
        break;
    case OUTCOME_LOST:
        if (!bridge_settle_goes_back(bridge, delivery)) {
            settle_put_again(bridge, delivery);
        }
        break;
    case OUTCOME_UNROUTABLE:
        settle_unroutable(bridge, delivery, why);
        break;
    case OUTCOME_REFUSED:
        bridge_settle_refused(bridge, delivery, REFUSAL_REFUSED, why);
        break;
    case OUTCOME_TOO_LARGE:
        bridge_settle_refused(bridge, delivery, REFUSAL_TOO_LARGE, why);
        break;
    }
    if (bridge->held_back) {
        settle_end_hold(bridge);
    } else if (was_probing) {
        bridge_flow_pump(bridge);
    }
    bridge_flow_relieve(bridge);
    if (bridge->stopping) {
        bridge_stop_step(bridge);
    }
}
