/* The dead letters of a bridge: refused messages on their way to a sink of their own, with the
 * reason: as headers towards AMQP, in an envelope towards Redis. Not for: deciding what is refused
 * (bridge_settle.c). */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/bridge_private.h"
#include "core/envelope.h"

/* Attempts at an exchange that a dead letter names itself, where the rule does not limit them: what
 * anybody may publish must not stay, nor fill the buffer, for ever. */
enum { DEAD_HEADERS = 2, DEAD_ERROR_MAX = 480, DEAD_ATTEMPTS = 5 };

/* How long a dead letter waits when its sink gives it back. */
#define DEAD_RETRY_US UINT64_C(1000000)

static struct field dead_string(const char *text)
{
    struct field field = {.type = FIELD_STRING, .value = {.bytes = slice_of(text)}};

    return field;
}

/* A message that was a dead letter before brings the reason of that time along. */
static bool dead_is_own(const struct field_entry *entry)
{
    return slice_equal_text(entry->name, "x-chunnel-reason") ||
           slice_equal_text(entry->name, "x-chunnel-error");
}

/* Puts the reason behind the message's headers; -1: out of memory. */
static int dead_add_headers(struct bridge_dead *dead, const struct delivery *delivery,
                            struct properties *properties)
{
    bool has = properties_has(properties, PROPERTY_HEADERS);
    size_t theirs = has ? properties->headers.count : 0;
    struct field_entry *headers = dead->headers;
    size_t count = 0;
    size_t i;

    if (theirs + DEAD_HEADERS > dead->header_size) {
        headers = realloc(headers, (theirs + DEAD_HEADERS) * sizeof(headers[0]));
        if (headers == NULL) {
            return -1;
        }
        dead->headers = headers;
        dead->header_size = theirs + DEAD_HEADERS;
    }
    for (i = 0; i < theirs; i++) {
        if (!dead_is_own(&properties->headers.entries[i])) {
            headers[count++] = properties->headers.entries[i];
        }
    }
    headers[count++] =
        (struct field_entry){SLICE("x-chunnel-reason"), dead_string(delivery->reason)};
    headers[count++] = (struct field_entry){SLICE("x-chunnel-error"),
                                            dead_string(delivery->error ? delivery->error : "")};
    properties->headers = (struct field_table){headers, count};
    properties->present |= 1u << PROPERTY_HEADERS;
    return 0;
}

/* What is sent for a refused message; -1 and words in `err`. */
static int dead_map(struct bridge *bridge, const struct delivery *delivery, struct outgoing *out,
                    struct err *err)
{
    struct bridge_dead *dead = &bridge->dead;
    int result = mapping_apply(dead->mapping, &bridge->context, delivery, dead->scratch, out, err);

    bridge_forget_body(bridge);
    if (result != 0) {
        return -1;
    }
    if (dead->mapping->to_amqp) {
        return dead_add_headers(dead, delivery, &out->properties) == 0
                   ? 0
                   : err_set(err, "out of memory");
    }
    strbuf_reset(&dead->body);
    envelope_write(delivery, &bridge->context, &dead->body);
    out->body = strbuf_slice(&dead->body);
    return strbuf_failed(&dead->body) ? err_set(err, "out of memory") : 0;
}

static void dead_drop(struct bridge *bridge, struct delivery *delivery, const char *why)
{
    bridge_settle_note_error(bridge, &bridge->dead.told, "dead letter dropped: refused", why);
    bridge_settle(bridge, delivery, &bridge->counters.dropped, SETTLE_ACK);
}

/* Offers the first; false: the sink is busy. */
static bool dead_send_first(struct bridge *bridge)
{
    struct bridge_dead *dead = &bridge->dead;
    struct delivery *delivery = TAILQ_FIRST(&dead->queue);
    struct outgoing out;
    struct err err = {""};
    enum sink_result result = SINK_REFUSED;

    TAILQ_REMOVE(&dead->queue, delivery, link);
    bridge->counters.buffered--;
    if (dead_map(bridge, delivery, &out, &err) == 0) {
        result = dead->sink->ops->send(dead->sink, delivery, &out, &err);
    }
    if (result == SINK_TAKEN) {
        bridge->counters.in_flight++;
        dead->in_flight++;
        return true;
    }
    if (result == SINK_BUSY) {
        dead->busy = true;
        TAILQ_INSERT_HEAD(&dead->queue, delivery, link);
        bridge->counters.buffered++;
        return false;
    }
    dead_drop(bridge, delivery, err.text);
    return true;
}

void bridge_dead_pump(struct bridge *bridge)
{
    struct bridge_dead *dead = &bridge->dead;
    bool going = true;
    bool wanted = !bridge->stopping_now && (!bridge->stopping || bridge_store_is_no_end(bridge));

    while (wanted && going && dead->sink != NULL && dead->ready && !dead->busy &&
           !dead->held_back && !TAILQ_EMPTY(&dead->queue)) {
        going = dead_send_first(bridge);
    }
}

void bridge_dead_forget_reason(struct delivery *delivery)
{
    delivery->reason = NULL;
    free(delivery->error);
    delivery->error = NULL;
    delivery->reason_stored = false;
}

void bridge_dead_take(struct bridge *bridge, struct delivery *delivery, const char *reason,
                      const char *why)
{
    if (delivery->reason == NULL) {
        delivery->reason = reason;
        delivery->error = why != NULL ? strndup(why, DEAD_ERROR_MAX) : NULL;
        bridge->sink_bytes += delivery->size;
        delivery->refusals = 0; /* from here on those of another sink */
    }
    TAILQ_INSERT_TAIL(&bridge->dead.queue, delivery, link);
    bridge->counters.buffered++;
    bridge_dead_pump(bridge);
}

bool bridge_dead_take_back(struct bridge *bridge, struct delivery *delivery)
{
    if (bridge->dead.sink == NULL) {
        bridge_dead_forget_reason(delivery);
        return false;
    }
    bridge->sink_bytes += delivery->size;
    TAILQ_INSERT_TAIL(&bridge->dead.queue, delivery, link);
    bridge->counters.buffered++;
    return true;
}

void bridge_dead_wake(struct bridge *bridge, uint64_t now_us)
{
    if (bridge->dead.held_back && now_us >= bridge->dead.retry_at_us) {
        bridge->dead.held_back = false;
        bridge_dead_pump(bridge);
    }
}

/* The rule has no dead letters any more: it tries by the new one. */
static void dead_send_again(struct bridge *bridge, struct delivery *delivery)
{
    bridge_dead_forget_reason(delivery);
    bridge->sink_bytes -= delivery->size;
    bridge_settle_put_in_order(bridge, delivery);
}

void bridge_dead_withdraw(struct bridge *bridge)
{
    struct delivery *delivery;

    while ((delivery = TAILQ_FIRST(&bridge->dead.queue)) != NULL) {
        TAILQ_REMOVE(&bridge->dead.queue, delivery, link);
        dead_send_again(bridge, delivery);
    }
}

/* Its sink did not take it: it waits again, behind the others. False: it need not, and is gone. */
static bool dead_put_back(struct bridge *bridge, struct delivery *delivery)
{
    if (bridge_settle_goes_back(bridge, delivery)) {
        return false;
    }
    bridge->counters.retried++;
    bridge->counters.buffered++;
    if (bridge->dead.sink == NULL) {
        dead_send_again(bridge, delivery);
        return false;
    }
    TAILQ_INSERT_TAIL(&bridge->dead.queue, delivery, link);
    return true;
}

/* Nor while it works: nothing is sent there for a while. */
static void dead_hold_back(struct bridge *bridge, uint64_t delay_us)
{
    bridge->dead.held_back = true;
    bridge->dead.retry_at_us = bridge->host->now_us(bridge->host_ctx) + delay_us;
    bridge_settle_wish(bridge);
}

/* It names an exchange that is not there: it is tried again, at growing intervals of a second at
 * most, and is then given up like one that no queue takes. */
static void dead_on_no_exchange(struct bridge *bridge, struct delivery *delivery, const char *why)
{
    const struct bridge_options *options = bridge->options;
    uint64_t attempts = options->retry_attempts > 0 ? options->retry_attempts : DEAD_ATTEMPTS;
    uint64_t delay_us = options->retry_min_us;
    uint32_t i;

    if (delivery->refusals + 1 >= attempts) {
        dead_drop(bridge, delivery, why);
        return;
    }
    for (i = 0; i < delivery->refusals && delay_us < DEAD_RETRY_US; i++) {
        delay_us *= 2;
    }
    delivery->refusals++;
    if (dead_put_back(bridge, delivery)) {
        dead_hold_back(bridge, delay_us < DEAD_RETRY_US ? delay_us : DEAD_RETRY_US);
    }
}

static void dead_on_settled(void *ctx, struct delivery *delivery, enum outcome outcome,
                            const char *why)
{
    struct bridge *bridge = ctx;

    bridge->counters.in_flight--;
    bridge->dead.in_flight--;
    switch (outcome) {
    case OUTCOME_DELIVERED:
    case OUTCOME_NO_SUBSCRIBERS:
        bridge_settle(bridge, delivery, &bridge->counters.dead_lettered, SETTLE_ACK);
        break;
    case OUTCOME_RETRY:
        if (dead_put_back(bridge, delivery)) {
            dead_hold_back(bridge, DEAD_RETRY_US);
        }
        break;
    case OUTCOME_NO_EXCHANGE:
        dead_on_no_exchange(bridge, delivery, why);
        break;
    case OUTCOME_LOST:
        dead_put_back(bridge, delivery);
        break;
    case OUTCOME_UNROUTABLE:
    case OUTCOME_REFUSED:
    case OUTCOME_TOO_LARGE:
        dead_drop(bridge, delivery, why);
        break;
    }
    bridge_flow_relieve(bridge);
    bridge_stop_step(bridge);
}

static void dead_on_writable(void *ctx)
{
    struct bridge *bridge = ctx;

    bridge->dead.busy = false;
    bridge_dead_pump(bridge);
    bridge_stop_step(bridge);
}

static void dead_on_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct bridge *bridge = ctx;

    bridge->dead.ready = link == ENDPOINT_READY;
    bridge->dead.busy = false;
    if (link != ENDPOINT_READY && why != NULL && why[0] != '\0') {
        snprintf(bridge->last_error, sizeof(bridge->last_error), "dead letters: %s", why);
    }
    bridge_dead_pump(bridge);
    bridge_stop_step(bridge);
}

static void dead_on_stopped(void *ctx)
{
    struct bridge *bridge = ctx;

    bridge->dead.stopped = true;
    bridge_stop_step(bridge);
}

const struct sink_events bridge_dead_events = {
    .on_settled = dead_on_settled,
    .on_writable = dead_on_writable,
    .on_link = dead_on_link,
    .on_stopped = dead_on_stopped,
    .on_late = bridge_on_late,
};
