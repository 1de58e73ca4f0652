/* From the sink back to the source: what became of each delivery, the books, retries and refusals.
 * Not for: the way there (bridge_flow.c). */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/bridge_private.h"

#define TELL_EVERY_US (60 * CLOCK_US_PER_S)

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
    struct log_field more = {NULL, NULL, 0};

    if (why != NULL && why[0] != '\0') {
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
    log_warn("bridge", bridge->name, what, log_text("why", why ? why : ""), more);
    return true;
}

void bridge_settle(struct bridge *bridge, struct delivery *delivery, uint64_t *counter,
                   enum settlement how)
{
    (*counter)++;
    bridge->held_bytes -= delivery->size;
    bridge->source->ops->settle(bridge->source, delivery, how);
}

void bridge_settle_refused(struct bridge *bridge, struct delivery *delivery, enum refusal refusal,
                           const char *why)
{
    static const char *const whats[REFUSAL_COUNT] = {
        [REFUSAL_TEMPLATE] = "message dropped: template",
        [REFUSAL_TOO_LARGE] = "message dropped: too-large",
        [REFUSAL_REFUSED] = "message dropped: refused",
        [REFUSAL_UNROUTABLE] = "message dropped: unroutable",
        [REFUSAL_RETRIES] = "message dropped: retries",
    };

    bridge_settle_note_error(bridge, &bridge->told_refusal[refusal], whats[refusal], why);
    /* What was never here whole is left to the queue's dead-letter exchange, if it has one. */
    bridge_settle(bridge, delivery, &bridge->counters.dropped,
                  delivery->refused_why != NULL ? SETTLE_REJECT : SETTLE_ACK);
}

void bridge_settle_unsent(struct bridge *bridge, struct delivery *delivery)
{
    if (bridge->source->can & ENDPOINT_SETTLES) {
        bridge_settle(bridge, delivery, &bridge->counters.returned, SETTLE_REQUEUE);
    } else {
        bridge_settle(bridge, delivery, &bridge->counters.dropped, SETTLE_FORGET);
    }
}

/* Back among those to be sent again, by its place in the order of receipt; they mostly come in
 * order, so the place is near the end. */
static void settle_put_again(struct bridge *bridge, struct delivery *delivery)
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
    bridge->counters.buffered++;
    bridge->counters.retried++;
}

/* The sink gave it back while it works: wait before it is sent again, and send nothing meanwhile,
 * so that the order stays. */
static void settle_hold_back(struct bridge *bridge, const char *why)
{
    uint64_t now = bridge->host->now_us(bridge->host_ctx);

    if (bridge->held_back) {
        return;
    }
    bridge->held_back = true;
    bridge->retry_due = false;
    bridge_settle_note_error(bridge, &bridge->told_retry, "message refused, trying again", why);
    bridge->host->wake_in(bridge->host_ctx, backoff_next(&bridge->retry, bridge->rand, now));
}

/* True: it is not to be sent again, and gone. A stale one is in its queue again already; of a stop
 * that has no more time, all goes back. */
static bool settle_goes_back(struct bridge *bridge, struct delivery *delivery)
{
    if ((bridge->source->can & ENDPOINT_REDELIVERS) && delivery->epoch != bridge->source->epoch) {
        bridge_settle(bridge, delivery, &bridge->counters.returned, SETTLE_FORGET);
        return true;
    }
    if (bridge->stopping_now) {
        bridge_settle_unsent(bridge, delivery);
        return true;
    }
    return false;
}

static void settle_retry(struct bridge *bridge, struct delivery *delivery, const char *why)
{
    uint64_t attempts = bridge->options->retry_attempts;

    if (settle_goes_back(bridge, delivery)) {
        return;
    }
    delivery->refusals++;
    if (attempts > 0 && delivery->refusals >= attempts) {
        bridge_settle_refused(bridge, delivery, REFUSAL_RETRIES, why);
        return;
    }
    settle_hold_back(bridge, why);
    settle_put_again(bridge, delivery);
}

static void settle_unroutable(struct bridge *bridge, struct delivery *delivery, const char *why)
{
    bridge->counters.unroutable++;
    if (bridge->options->on_unroutable == UNROUTABLE_RETRY) {
        settle_retry(bridge, delivery, why);
    } else {
        bridge_settle_refused(bridge, delivery, REFUSAL_UNROUTABLE, why);
    }
}

static void settle_delivered(struct bridge *bridge, struct delivery *delivery)
{
    uint64_t now = bridge->host->now_us(bridge->host_ctx);

    histogram_record(&bridge->latency,
                     now > delivery->received_us ? now - delivery->received_us : 0);
    bridge->counters.bytes_out += delivery->body.len;
    if (bridge->retry.current_us != bridge->retry.min_us && !bridge->held_back) {
        backoff_init(&bridge->retry, bridge->options->retry_min_us, bridge->options->retry_max_us);
    }
    bridge_settle(bridge, delivery, &bridge->counters.delivered, SETTLE_ACK);
}

/* A back-off that is over waits until nothing is in flight: what of it comes back belongs before
 * what would be sent now. */
static void settle_end_hold(struct bridge *bridge)
{
    if (bridge->held_back && bridge->retry_due && bridge->counters.in_flight == 0) {
        bridge->held_back = false;
        bridge->retry_due = false;
        bridge_flow_pump(bridge);
    }
}

void bridge_wake(struct bridge *bridge)
{
    bridge->retry_due = true;
    settle_end_hold(bridge);
    bridge_stop_step(bridge);
}

void bridge_on_settled(void *ctx, struct delivery *delivery, enum outcome outcome, const char *why)
{
    struct bridge *bridge = ctx;

    bridge->counters.in_flight--;
    bridge->sink_bytes -= delivery->size;
    switch (outcome) {
    case OUTCOME_DELIVERED:
        settle_delivered(bridge, delivery);
        break;
    case OUTCOME_NO_SUBSCRIBERS:
        bridge->counters.no_subscribers++;
        settle_delivered(bridge, delivery);
        break;
    case OUTCOME_RETRY:
        settle_retry(bridge, delivery, why);
        break;
    case OUTCOME_LOST:
        if (!settle_goes_back(bridge, delivery)) {
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
    }
    bridge_flow_relieve(bridge);
    if (bridge->stopping) {
        bridge_stop_step(bridge);
    }
}
