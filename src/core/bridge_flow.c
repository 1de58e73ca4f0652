/* From the source to the sink: receiving, the queue in memory, its limits, sending in order. Not
 * for: what comes back (bridge_settle.c), starting and stopping (bridge.c). */
#include "base/log.h"
#include "core/bridge_private.h"

/* Room enough to read on: half the limits, so that a source is not paused and resumed for every
 * message. */
static bool flow_has_room(const struct bridge *bridge)
{
    return bridge->counters.buffered <= bridge->options->buffer_messages / 2 &&
           bridge_held_bytes(bridge) <= bridge_memory_limit(bridge) / 2 &&
           !bridge_store_is_tight(bridge);
}

/* Messages count while they wait; their memory counts until they are settled. */
static bool flow_is_over(const struct bridge *bridge, const struct delivery *more)
{
    return bridge->counters.buffered + 1 > bridge->options->buffer_messages ||
           bridge_held_bytes(bridge) + more->size > bridge_memory_limit(bridge);
}

static bool flow_may_send(const struct bridge *bridge)
{
    bool wanted = !bridge->stopping_now && (!bridge->stopping || bridge_store_is_no_end(bridge));
    bool probed = bridge->probing && bridge_in_flight(bridge) > 0;

    return bridge->sink_ready && !bridge->sink_busy && !bridge->held_back && wanted && !probed &&
           bridge->delaying_sinks == 0;
}

/* Reads an envelope; -1: it is none, and the delivery is gone. */
static int flow_open(struct bridge *bridge, struct delivery *delivery)
{
    struct err err = {""};
    size_t size = delivery->size;

    if (delivery_open_envelope(delivery, &err) != 0) {
        bridge_settle_refused(bridge, delivery, REFUSAL_ENVELOPE, err.text);
        return -1;
    }
    bridge_hold(bridge, delivery->size - size);
    return 0;
}

/* Offers a delivery that is in no list to the sink. False: the sink is busy and the delivery still
 * the caller's; true: it is gone, one way or the other. */
static bool flow_offer(struct bridge *bridge, struct delivery *delivery)
{
    struct outgoing out;
    struct err err;
    size_t size;
    enum sink_result result;

    err.text[0] = '\0'; /* all of it would cost more than the rest of this function */
    if (bridge->mapping->reads_envelope && flow_open(bridge, delivery) != 0) {
        return true;
    }
    size = delivery->size;
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
    bool taken;

    if (!bridge_store_may_send(bridge, delivery)) {
        return false;
    }
    TAILQ_REMOVE(list, delivery, link);
    bridge->counters.buffered--;
    taken = flow_offer(bridge, delivery);
    bridge_forget_body(bridge);
    if (!taken) {
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
    bridge->overflow = TROUBLE_NONE;
    if (bridge->overflow_told) {
        log_info("bridge", bridge->name, "buffer has room again",
                 log_number("dropped", bridge->overflow_dropped));
        bridge->overflow_dropped = 0;
    }
}

void bridge_flow_relieve(struct bridge *bridge)
{
    if (bridge->counters.spooled > 0) {
        bridge_store_refill(bridge);
    }
    if ((!bridge->full && bridge->overflow == TROUBLE_NONE) || !flow_has_room(bridge)) {
        return;
    }
    if (bridge->overflow != TROUBLE_NONE) {
        flow_end_overflow(bridge);
    }
    if (!bridge->full) {
        return;
    }
    bridge->full = false;
    budget_stop_waiting(bridge->budget, &bridge->memory);
    if (!bridge->operator_paused && !bridge->stopping) {
        bridge->source->ops->resume(bridge->source);
    }
    bridge_update_state(bridge);
}

void bridge_flow_on_room(void *ctx)
{
    bridge_flow_relieve(ctx);
}

static void flow_drop(struct bridge *bridge, struct delivery *delivery)
{
    bridge->overflow_dropped++;
    bridge_settle(bridge, delivery, &bridge->counters.dropped, SETTLE_ACK);
}

struct delivery *bridge_flow_take_oldest(struct bridge *bridge, bool queue, bool dead)
{
    struct delivery_list *lists[] = {&bridge->again, &bridge->queue, &bridge->dead.queue};
    bool wanted[] = {queue, queue, dead};
    struct delivery_list *from = NULL;
    struct delivery *oldest = NULL;
    size_t i;

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct delivery *first = wanted[i] ? TAILQ_FIRST(lists[i]) : NULL;

        if (first != NULL && (oldest == NULL || first->seq < oldest->seq)) {
            oldest = first;
            from = lists[i];
        }
    }
    if (oldest != NULL) {
        TAILQ_REMOVE(from, oldest, link);
        bridge->counters.buffered--;
    }
    return oldest;
}

/* What is with the sink, and dead letters, cannot be dropped: whether `more` has room beside. */
static bool flow_fits_beside_sink(const struct bridge *bridge, const struct delivery *more)
{
    return bridge->sink_bytes + more->size <= bridge_memory_limit(bridge);
}

/* Makes room by dropping the oldest that wait; false: that would not help, the new one must go. */
static bool flow_drop_oldest(struct bridge *bridge, const struct delivery *more)
{
    struct delivery *oldest;

    if (!flow_fits_beside_sink(bridge, more)) {
        return false;
    }
    while (flow_is_over(bridge, more)) {
        oldest = bridge_flow_take_oldest(bridge, true, false);
        if (oldest == NULL) {
            return false;
        }
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
    budget_wait(bridge->budget, &bridge->memory);
    bridge->source->ops->pause(bridge->source);
    bridge_update_state(bridge);
}

/* Told once for every time that the buffer overflows, not for every message. */
static void flow_note_overflow(struct bridge *bridge, enum bridge_trouble what)
{
    if (bridge->overflow == TROUBLE_NONE) {
        bridge->overflow = what;
        bridge->overflow_told =
            bridge_settle_note_error(bridge, &bridge->told_overflow, bridge_trouble_words(what),
                                     bridge_store_trouble(bridge));
    }
}

/* Drops what came just now and is nowhere yet. The next one takes its number: a store counts the
 * numbers between the oldest that is not settled and the newest. */
static void flow_drop_newest(struct bridge *bridge, struct delivery *delivery)
{
    bridge->seq--;
    bridge_hold(bridge, delivery->size);
    flow_drop(bridge, delivery);
}

/* As flow_drop_newest(), but nobody wants it. */
static void flow_filter_out(struct bridge *bridge, struct delivery *delivery)
{
    bridge->seq--;
    bridge_hold(bridge, delivery->size);
    bridge_settle(bridge, delivery, &bridge->counters.filtered, SETTLE_ACK);
}

/* To disk alone. Where there is no room either, the newest is dropped, whatever when_full says: the
 * oldest are in memory, and their end makes no room on the disk at once. */
static void flow_put_aside(struct bridge *bridge, struct delivery *delivery)
{
    if (bridge_store_put_aside(bridge, delivery) != 0) {
        flow_note_overflow(bridge, TROUBLE_FULL_DISK);
        flow_drop_newest(bridge, delivery);
    }
}

/* Finds room for a delivery where memory is full; false: it is not to go into memory, and is dealt
 * with. */
static bool flow_make_room(struct bridge *bridge, struct delivery *delivery)
{
    if (bridge->disk.store != NULL && !bridge->disk.retired) {
        flow_put_aside(bridge, delivery);
        return false;
    }
    switch (bridge->options->when_full) {
    case FULL_PAUSE:
        flow_pause_full(bridge);
        return true;
    case FULL_DROP_OLDEST:
        flow_note_overflow(bridge, TROUBLE_FULL_OLDEST);
        if (flow_drop_oldest(bridge, delivery)) {
            return true;
        }
        break;
    case FULL_DROP_NEWEST:
        flow_note_overflow(bridge, TROUBLE_FULL_NEWEST);
        break;
    }
    flow_drop_newest(bridge, delivery);
    return false;
}

/* Onto the disk, where every delivery needs a record, and into memory; false: it is dropped. */
static bool flow_take_in(struct bridge *bridge, struct delivery *delivery)
{
    if (bridge_store_append(bridge, delivery) != 0) {
        flow_note_overflow(bridge, TROUBLE_DISK_REFUSES);
        flow_drop_newest(bridge, delivery);
        return false;
    }
    bridge_hold(bridge, delivery->size);
    bridge_store_open(bridge, delivery);
    return true;
}

/* To the sink at once where nothing waits for it, else behind what does. */
static void flow_pass_on(struct bridge *bridge, struct delivery *delivery)
{
    if (TAILQ_EMPTY(&bridge->again) && TAILQ_EMPTY(&bridge->queue) && flow_may_send(bridge) &&
        bridge_store_may_send(bridge, delivery) && flow_offer(bridge, delivery)) {
        bridge_flow_relieve(bridge);
        return;
    }
    TAILQ_INSERT_TAIL(&bridge->queue, delivery, link);
    bridge->counters.buffered++;
    if (bridge->sink_busy && bridge->sink->ops->on_queued != NULL) {
        bridge->sink->ops->on_queued(bridge->sink, bridge->counters.buffered);
    }
}

void bridge_on_delivery(void *ctx, struct delivery *delivery)
{
    struct bridge *bridge = ctx;

    bridge_take_delivery(bridge, delivery, bridge->generation);
}

void bridge_take_delivery(struct bridge *bridge, struct delivery *delivery, uint16_t generation)
{
    delivery->generation = generation;
    delivery->seq = ++bridge->seq;
    bridge->counters.received++;
    bridge->counters.bytes_in += delivery->body.len;
    if (bridge->screen != NULL && !bridge->screen(bridge->screen_ctx, delivery)) {
        flow_filter_out(bridge, delivery);
    } else if (delivery->refused_why != NULL) {
        bridge_hold(bridge, delivery->size);
        bridge_settle_refused(bridge, delivery,
                              delivery->is_too_large ? REFUSAL_TOO_LARGE : REFUSAL_REFUSED,
                              delivery->refused_why);
    } else if (bridge->filter != NULL && !bridge_filter_passes(bridge, delivery)) {
        flow_filter_out(bridge, delivery);
    } else if (bridge_store_takes(bridge)) {
        flow_put_aside(bridge, delivery);
    } else if ((!flow_is_over(bridge, delivery) || flow_make_room(bridge, delivery)) &&
               flow_take_in(bridge, delivery)) {
        flow_pass_on(bridge, delivery);
    }
    bridge_forget_body(bridge);
    if (bridge->options->when_full == FULL_PAUSE && bridge_store_is_tight(bridge)) {
        flow_pause_full(bridge);
    }
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
        if (!bridge_is_stale(bridge, delivery)) {
            continue;
        }
        TAILQ_REMOVE(list, delivery, link);
        bridge->counters.buffered--;
        bridge_settle(bridge, delivery, &bridge->counters.returned, SETTLE_FORGET);
    }
}

void bridge_flow_forget_stale(struct bridge *bridge)
{
    if ((bridge->source->can & ENDPOINT_REDELIVERS) == 0 && LIST_EMPTY(&bridge->retirees)) {
        return;
    }
    flow_forget_stale_in(bridge, &bridge->again);
    flow_forget_stale_in(bridge, &bridge->queue);
    flow_forget_stale_in(bridge, &bridge->dead.queue);
}

void bridge_flow_empty(struct bridge *bridge, bool queue, bool dead)
{
    struct delivery *delivery;

    while ((delivery = bridge_flow_take_oldest(bridge, queue, dead)) != NULL) {
        bridge_settle_unsent(bridge, delivery);
    }
}
