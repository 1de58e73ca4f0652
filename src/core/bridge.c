/* The life of a bridge: start, state, pause, stop. Not for: the messages on their way
 * (bridge_flow.c, bridge_settle.c). */
#include "core/bridge.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/bridge_private.h"

const char *bridge_state_name(enum bridge_state state)
{
    static const char *const names[] = {
        [BRIDGE_STOPPED] = "stopped", [BRIDGE_WAITING] = "waiting", [BRIDGE_RUNNING] = "running",
        [BRIDGE_PAUSED] = "paused",   [BRIDGE_FAILED] = "failed",
    };

    return names[state];
}

uint64_t bridge_counters_pending(const struct bridge_counters *counters)
{
    return counters->buffered + counters->spooled + counters->in_flight;
}

bool bridge_counters_balance(const struct bridge_counters *counters)
{
    return counters->received == counters->delivered + counters->filtered + counters->dropped +
                                     counters->dead_lettered + counters->returned +
                                     bridge_counters_pending(counters);
}

const char *bridge_guarantee(unsigned source_can, unsigned sink_can, enum ack_mode mode)
{
    if (mode != ACK_ON_CONFIRM || (sink_can & ENDPOINT_CONFIRMS) == 0) {
        return "at-most-once";
    }
    return source_can & ENDPOINT_REDELIVERS ? "at-least-once" : "at-least-once from receipt";
}

static enum bridge_state bridge_work_out_state(const struct bridge *bridge)
{
    if (!bridge->started || (bridge->source_stopped && bridge->sink_stopped)) {
        return BRIDGE_STOPPED;
    }
    if (bridge->full || bridge->operator_paused) {
        return BRIDGE_PAUSED;
    }
    return bridge->source_ready && bridge->sink_ready ? BRIDGE_RUNNING : BRIDGE_WAITING;
}

static const char *bridge_state_why(const struct bridge *bridge)
{
    switch (bridge->state) {
    case BRIDGE_PAUSED:
        return bridge->operator_paused ? "by the operator" : "the buffer is full";
    case BRIDGE_WAITING:
        return bridge->sink_ready ? bridge->source_why : bridge->sink_why;
    default:
        return "";
    }
}

void bridge_update_state(struct bridge *bridge)
{
    enum bridge_state state = bridge_work_out_state(bridge);

    if (state != bridge->state) {
        bridge->state = state;
        bridge->host->on_state(bridge->host_ctx, bridge, state, bridge_state_why(bridge));
    }
}

/* Keeps the words of an endpoint that waits. */
static void bridge_note_link(struct bridge *bridge, char why_kept[BRIDGE_ERROR_SIZE],
                             enum endpoint_link link, const char *why)
{
    if (link == ENDPOINT_READY) {
        why_kept[0] = '\0';
        return;
    }
    snprintf(why_kept, BRIDGE_ERROR_SIZE, "%s", why ? why : "");
    if (why_kept[0] != '\0') {
        snprintf(bridge->last_error, sizeof(bridge->last_error), "%s", why_kept);
    }
}

static void bridge_on_source_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct bridge *bridge = ctx;

    bridge->source_ready = link == ENDPOINT_READY;
    bridge_note_link(bridge, bridge->source_why, link, why);
    bridge_flow_forget_stale(bridge);
    bridge_update_state(bridge);
    bridge_flow_relieve(bridge);
    bridge_stop_step(bridge);
}

static void bridge_on_sink_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct bridge *bridge = ctx;

    bridge->sink_ready = link == ENDPOINT_READY;
    bridge->sink_busy = false;
    bridge_note_link(bridge, bridge->sink_why, link, why);
    bridge_update_state(bridge);
    bridge_flow_pump(bridge);
    bridge_stop_step(bridge);
}

static void bridge_on_source_stopped(void *ctx)
{
    struct bridge *bridge = ctx;

    bridge->source_stopped = true;
    bridge_stop_step(bridge);
}

static void bridge_on_sink_stopped(void *ctx)
{
    struct bridge *bridge = ctx;

    bridge->sink_stopped = true;
    bridge_stop_step(bridge);
}

const struct source_events bridge_source_events = {
    .on_delivery = bridge_on_delivery,
    .on_link = bridge_on_source_link,
    .on_stopped = bridge_on_source_stopped,
};

const struct sink_events bridge_sink_events = {
    .on_settled = bridge_on_settled,
    .on_writable = bridge_on_writable,
    .on_link = bridge_on_sink_link,
    .on_stopped = bridge_on_sink_stopped,
};

struct bridge *bridge_new(const struct bridge_setup *setup)
{
    struct bridge *bridge = calloc(1, sizeof(*bridge));

    if (bridge == NULL) {
        return NULL;
    }
    bridge->scratch = mapping_scratch_new(setup->mapping);
    if (bridge->scratch == NULL) {
        free(bridge);
        return NULL;
    }
    bridge->name = setup->name;
    bridge->source = setup->source;
    bridge->sink = setup->sink;
    bridge->mapping = setup->mapping;
    bridge->context = (struct template_context){slice_of(setup->instance), slice_of(setup->name)};
    bridge->options = setup->options;
    bridge->host = setup->host;
    bridge->host_ctx = setup->host_ctx;
    bridge->rand = setup->rand;
    TAILQ_INIT(&bridge->again);
    TAILQ_INIT(&bridge->queue);
    backoff_init(&bridge->retry, setup->options->retry_min_us, setup->options->retry_max_us);
    bridge->source->events = &bridge_source_events;
    bridge->source->ctx = bridge;
    bridge->sink->events = &bridge_sink_events;
    bridge->sink->ctx = bridge;
    return bridge;
}

void bridge_free(struct bridge *bridge)
{
    if (bridge == NULL) {
        return;
    }
    bridge_flow_empty(bridge);
    bridge->source->ops->free(bridge->source);
    bridge->sink->ops->free(bridge->sink);
    mapping_scratch_free(bridge->scratch);
    free(bridge);
}

void bridge_start(struct bridge *bridge)
{
    bridge->started = true;
    bridge_update_state(bridge);
    /* The sink first: what comes at once can go out at once. */
    bridge->sink->ops->start(bridge->sink);
    bridge->source->ops->start(bridge->source);
}

void bridge_stop_step(struct bridge *bridge)
{
    bool hopeless;

    if (!bridge->stopping || bridge->stopped) {
        return;
    }
    /* A queue takes back at once what cannot go out now; a channel cannot. */
    hopeless = !bridge->sink_ready && (bridge->source->can & ENDPOINT_SETTLES);
    if (bridge->stopping_now || hopeless) {
        bridge_flow_empty(bridge);
    }
    /* Until the source has stopped, what is under way from it may still come. */
    if (!bridge->sink_stopping && bridge->source_stopped &&
        bridge_counters_pending(&bridge->counters) == 0) {
        bridge->sink_stopping = true;
        bridge->sink->ops->stop(bridge->sink, false);
    }
    if (bridge->source_stopped && bridge->sink_stopped) {
        bridge->stopped = true;
        bridge_update_state(bridge);
        bridge->host->on_stopped(bridge->host_ctx, bridge);
    }
}

void bridge_stop(struct bridge *bridge)
{
    if (bridge->stopping) {
        return;
    }
    bridge->stopping = true;
    bridge->source->ops->stop(bridge->source);
    bridge_stop_step(bridge);
}

void bridge_stop_now(struct bridge *bridge)
{
    if (bridge->stopping_now || bridge->stopped) {
        return;
    }
    bridge_stop(bridge);
    bridge->stopping_now = true;
    bridge->sink_stopping = true;
    bridge_flow_empty(bridge);
    bridge->sink->ops->stop(bridge->sink, true);
}

void bridge_pause(struct bridge *bridge)
{
    if (!bridge->operator_paused) {
        bridge->operator_paused = true;
        bridge->source->ops->pause(bridge->source);
        bridge_update_state(bridge);
    }
}

void bridge_resume(struct bridge *bridge)
{
    if (bridge->operator_paused) {
        bridge->operator_paused = false;
        if (!bridge->full && !bridge->stopping) {
            bridge->source->ops->resume(bridge->source);
        }
        bridge_update_state(bridge);
    }
}

const char *bridge_name(const struct bridge *bridge)
{
    return bridge->name;
}

enum bridge_state bridge_get_state(const struct bridge *bridge)
{
    return bridge->state;
}

const struct bridge_counters *bridge_get_counters(const struct bridge *bridge)
{
    return &bridge->counters;
}

const struct histogram *bridge_get_latency(const struct bridge *bridge)
{
    return &bridge->latency;
}

const char *bridge_get_last_error(const struct bridge *bridge)
{
    return bridge->last_error[0] != '\0' ? bridge->last_error : NULL;
}
