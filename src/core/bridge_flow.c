/* From the source to the sink: receiving, the queue in memory, its limits, sending in order. Not
 * for: what comes back (bridge_settle.c), starting and stopping (bridge.c). */
#include "base/log.h"
#include "core/bridge_private.h"

/* Room enough to read on: half the limits, so that a source is not paused and resumed for every
 * message. */
static bool flow_has_room(const struct bridge *bridge)
{
    uint64_t pending = bridge_counters_pending(&bridge->counters);

    return pending <= bridge->options->buffer_messages / 2 &&
           bridge->held_bytes <= bridge->options->buffer_memory / 2;
}

static bool flow_is_over(const struct bridge *bridge, const struct delivery *more)
{
    uint64_t pending = bridge_counters_pending(&bridge->counters);

    return pending + 1 > bridge->options->buffer_messages ||
           bridge->held_bytes + more->size > bridge->options->buffer_memory;
}

static bool flow_may_send(const struct bridge *bridge)
{
    return bridge->sink_ready && !bridge->sink_busy && !bridge->held_back && !bridge->stopping_now;
}

/* Offers a delivery that is in no list to the sink. False: the sink is busy and the delivery still
 * the caller's; true: it is gone, one way or the other. */
static bool flow_offer(struct bridge *bridge, struct delivery *delivery)
{
    struct outgoing out;
    struct err err = {""};
    size_t size = delivery->size;
    enum sink_result result;

    if (mapping_apply(bridge->mapping, &bridge->context, delivery, bridge->scratch, &out, &err) !=
        0) {
        bridge_settle_refused(bridge, delivery, REFUSAL_TEMPLATE, err.text);
        return true;
    }
    result = bridge->sink->ops->send(bridge->sink, delivery, &out, &err);
    switch (result) {
    case SINK_TAKEN:
        bridge->counters.in_flight++;
        bridge->sink_bytes += size;
        return true;
    case SINK_BUSY:
        bridge->sink_busy = true;
        return false;
    case SINK_TOO_LARGE:
        bridge_settle_refused(bridge, delivery, REFUSAL_TOO_LARGE, err.text);
        return true;
    case SINK_REFUSED:
        break;
    }
    bridge_settle_refused(bridge, delivery, REFUSAL_REFUSED, err.text);
    return true;
}

/* Sends the first of `list`; false: the sink is busy, and it is the first again. */
static bool flow_send_first(struct bridge *bridge, struct delivery_list *list)
{
    struct delivery *delivery = TAILQ_FIRST(list);

    TAILQ_REMOVE(list, delivery, link);
    bridge->counters.buffered--;
    if (!flow_offer(bridge, delivery)) {
        TAILQ_INSERT_HEAD(list, delivery, link);
        bridge->counters.buffered++;
        return false;
    }
    return true;
}

void bridge_flow_pump(struct bridge *bridge)
{
    bool going = true;

    while (going && flow_may_send(bridge)) {
        if (!TAILQ_EMPTY(&bridge->again)) {
            going = flow_send_first(bridge, &bridge->again);
        } else if (!TAILQ_EMPTY(&bridge->queue)) {
            going = flow_send_first(bridge, &bridge->queue);
        } else {
            going = false;
        }
    }
    bridge_flow_relieve(bridge);
}

static void flow_end_overflow(struct bridge *bridge)
{
    bridge->overflowing = false;
    if (bridge->overflow_told) {
        log_info("bridge", bridge->name, "buffer has room again",
                 log_number("dropped", bridge->overflow_dropped));
        bridge->overflow_dropped = 0;
    }
}

void bridge_flow_relieve(struct bridge *bridge)
{
    if ((!bridge->full && !bridge->overflowing) || !flow_has_room(bridge)) {
        return;
    }
    if (bridge->overflowing) {
        flow_end_overflow(bridge);
    }
    if (!bridge->full) {
        return;
    }
    bridge->full = false;
    if (!bridge->operator_paused && !bridge->stopping) {
        bridge->source->ops->resume(bridge->source);
    }
    bridge_update_state(bridge);
}

static void flow_drop(struct bridge *bridge, struct delivery *delivery)
{
    bridge->overflow_dropped++;
    bridge_settle(bridge, delivery, &bridge->counters.dropped, SETTLE_ACK);
}

/* What is with the sink cannot be dropped: whether `more` has room beside that. */
static bool flow_fits_beside_sink(const struct bridge *bridge, const struct delivery *more)
{
    return bridge->counters.in_flight + 1 <= bridge->options->buffer_messages &&
           bridge->sink_bytes + more->size <= bridge->options->buffer_memory;
}

/* Makes room by dropping the oldest that wait; false: that would not help, the new one must go. */
static bool flow_drop_oldest(struct bridge *bridge, const struct delivery *more)
{
    struct delivery_list *list;
    struct delivery *oldest;

    if (!flow_fits_beside_sink(bridge, more)) {
        return false;
    }
    while (flow_is_over(bridge, more)) {
        list = TAILQ_EMPTY(&bridge->again) ? &bridge->queue : &bridge->again;
        oldest = TAILQ_FIRST(list);
        TAILQ_REMOVE(list, oldest, link);
        bridge->counters.buffered--;
        flow_drop(bridge, oldest);
    }
    return true;
}

static void flow_pause_full(struct bridge *bridge)
{
    if (bridge->full) {
        return;
    }
    bridge->full = true;
    bridge->source->ops->pause(bridge->source);
    bridge_update_state(bridge);
}

/* Told once for every time that the buffer overflows, not for every message. */
static void flow_note_overflow(struct bridge *bridge, const char *what)
{
    if (!bridge->overflowing) {
        bridge->overflowing = true;
        bridge->overflow_told = bridge_settle_note_error(bridge, &bridge->told_overflow, what,
                                                         "the sink is slower than the source");
    }
}

/* Applies when_full to a delivery for which there is no room; false: it was dropped. Called before
 * it is counted as pending. */
static bool flow_make_room(struct bridge *bridge, struct delivery *delivery)
{
    bool stays = false;

    switch (bridge->options->when_full) {
    case FULL_PAUSE:
        flow_pause_full(bridge);
        return true;
    case FULL_DROP_OLDEST:
        flow_note_overflow(bridge, "buffer is full, dropping the oldest messages");
        stays = flow_drop_oldest(bridge, delivery);
        break;
    case FULL_DROP_NEWEST:
        flow_note_overflow(bridge, "buffer is full, dropping the newest messages");
        break;
    }
    if (!stays) {
        bridge->held_bytes += delivery->size;
        flow_drop(bridge, delivery);
    }
    return stays;
}

void bridge_on_delivery(void *ctx, struct delivery *delivery)
{
    struct bridge *bridge = ctx;

    delivery->seq = ++bridge->seq;
    bridge->counters.received++;
    bridge->counters.bytes_in += delivery->body.len;
    if (delivery->refused_why != NULL) {
        bridge->held_bytes += delivery->size;
        bridge_settle_refused(bridge, delivery,
                              delivery->is_too_large ? REFUSAL_TOO_LARGE : REFUSAL_REFUSED,
                              delivery->refused_why);
        return;
    }
    if (flow_is_over(bridge, delivery) && !flow_make_room(bridge, delivery)) {
        return;
    }
    bridge->held_bytes += delivery->size;
    if (bridge->counters.buffered == 0 && flow_may_send(bridge) && flow_offer(bridge, delivery)) {
        bridge_flow_relieve(bridge);
        return;
    }
    TAILQ_INSERT_TAIL(&bridge->queue, delivery, link);
    bridge->counters.buffered++;
    if (bridge->stopping) {
        bridge_stop_step(bridge);
    }
}

void bridge_on_writable(void *ctx)
{
    struct bridge *bridge = ctx;

    bridge->sink_busy = false;
    bridge_flow_pump(bridge);
    bridge_stop_step(bridge);
}

static void flow_forget_stale_in(struct bridge *bridge, struct delivery_list *list)
{
    struct delivery *delivery = TAILQ_FIRST(list);
    struct delivery *next;

    for (; delivery != NULL; delivery = next) {
        next = TAILQ_NEXT(delivery, link);
        if (delivery->epoch == bridge->source->epoch) {
            continue;
        }
        TAILQ_REMOVE(list, delivery, link);
        bridge->counters.buffered--;
        bridge_settle(bridge, delivery, &bridge->counters.returned, SETTLE_FORGET);
    }
}

void bridge_flow_forget_stale(struct bridge *bridge)
{
    if ((bridge->source->can & ENDPOINT_REDELIVERS) == 0) {
        return;
    }
    flow_forget_stale_in(bridge, &bridge->again);
    flow_forget_stale_in(bridge, &bridge->queue);
}

void bridge_flow_empty(struct bridge *bridge)
{
    struct delivery_list *list;

    while (bridge->counters.buffered > 0) {
        struct delivery *delivery;

        list = TAILQ_EMPTY(&bridge->again) ? &bridge->queue : &bridge->again;
        delivery = TAILQ_FIRST(list);
        TAILQ_REMOVE(list, delivery, link);
        bridge->counters.buffered--;
        bridge_settle_unsent(bridge, delivery);
    }
}
