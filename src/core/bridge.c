/* The life of a bridge: start, state, pause, stop. Not for: the messages on their way
 * (bridge_flow.c, bridge_settle.c). */
#include "core/bridge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bridge_private.h"

const char *bridge_state_name(enum bridge_state state)
{
    static const char *const names[] = {
        [BRIDGE_STOPPED] = "stopped", [BRIDGE_WAITING] = "waiting", [BRIDGE_RUNNING] = "running",
        [BRIDGE_PAUSED] = "paused",   [BRIDGE_FAILED] = "failed",
    };

    return names[state];
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
    if (!bridge->started || bridge->stopped) {
        return BRIDGE_STOPPED;
    }
    if (bridge->full || bridge->operator_paused) {
        return BRIDGE_PAUSED;
    }
    if ((!bridge->source_ready && !bridge_has_old_source(bridge)) || !bridge->sink_ready ||
        bridge->sink_limited) {
        return BRIDGE_WAITING;
    }
    return BRIDGE_RUNNING;
}

static const char *bridge_full_why(const struct bridge *bridge)
{
    return bridge_is_squeezed(bridge) ? "the bridges together hold what limits.memory allows"
                                      : "the buffer is full";
}

static const char *bridge_state_why(const struct bridge *bridge)
{
    switch (bridge->state) {
    case BRIDGE_PAUSED:
        return bridge->operator_paused ? "by the operator" : bridge_full_why(bridge);
    case BRIDGE_WAITING:
        return bridge->sink_ready && !bridge->sink_limited ? bridge->source_why : bridge->sink_why;
    default:
        return "";
    }
}

void bridge_update_state(struct bridge *bridge)
{
    enum bridge_state state = bridge_work_out_state(bridge);
    bool same = state == bridge->state;
    const char *why;

    bridge->state = state;
    why = bridge_state_why(bridge);
    /* A bridge that still waits, but for another reason, is news too. */
    if (same && (state != BRIDGE_WAITING || why[0] == '\0' || strcmp(why, bridge->told_why) == 0)) {
        return;
    }
    snprintf(bridge->told_why, sizeof(bridge->told_why), "%s", why);
    bridge->host->on_state(bridge->host_ctx, bridge, state, bridge->told_why);
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
    if (bridge->source_ready) {
        bridge_stop_old_sources(bridge);
    }
    bridge_flow_forget_stale(bridge);
    bridge_update_state(bridge);
    bridge_flow_relieve(bridge);
    bridge_stop_step(bridge);
}

static void bridge_on_sink_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct bridge *bridge = ctx;

    bridge->sink_ready = link != ENDPOINT_WAITING;
    bridge->sink_limited = link == ENDPOINT_LIMITED;
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
    .on_lost = bridge_on_lost,
};

const struct sink_events bridge_sink_events = {
    .on_settled = bridge_on_settled,
    .on_writable = bridge_on_writable,
    .on_link = bridge_on_sink_link,
    .on_stopped = bridge_on_sink_stopped,
    .on_late = bridge_on_late,
};

void bridge_set_sinks(struct bridge *bridge, const struct bridge_setup *setup)
{
    bridge->sink = setup->sink;
    bridge->sink->events = &bridge_sink_events;
    bridge->sink->ctx = bridge;
    bridge->dead.sink = setup->dead_sink;
    bridge->dead.stopped = setup->dead_sink == NULL;
    if (setup->dead_sink != NULL) {
        setup->dead_sink->events = &bridge_dead_events;
        setup->dead_sink->ctx = bridge;
    }
}

struct bridge *bridge_new(const struct bridge_setup *setup)
{
    struct bridge *bridge = calloc(1, sizeof(*bridge));

    if (bridge == NULL) {
        return NULL;
    }
    bridge->scratch = mapping_scratch_new(setup->mapping);
    bridge->dead.scratch =
        setup->dead_sink != NULL ? mapping_scratch_new(setup->dead_mapping) : NULL;
    if (bridge->scratch == NULL || (setup->dead_sink != NULL && bridge->dead.scratch == NULL)) {
        mapping_scratch_free(bridge->scratch);
        free(bridge);
        return NULL;
    }
    bridge_take_rules(bridge, setup);
    bridge_set_sinks(bridge, setup);
    bridge->source = setup->source;
    LIST_INIT(&bridge->retirees);
    LIST_INIT(&bridge->taps);
    bridge->host = setup->host;
    bridge->host_ctx = setup->host_ctx;
    bridge->rand = setup->rand;
    budget_init(&bridge->alone, 0);
    bridge->budget = setup->budget ? setup->budget : &bridge->alone;
    budget_join(bridge->budget, &bridge->memory, bridge_flow_on_room, bridge);
    TAILQ_INIT(&bridge->again);
    TAILQ_INIT(&bridge->queue);
    TAILQ_INIT(&bridge->dead.queue);
    bridge_store_init(bridge, setup->store, setup->options->durability == DURABILITY_DISK);
    bridge->source->events = &bridge_source_events;
    bridge->source->ctx = bridge;
    return bridge;
}

void bridge_free(struct bridge *bridge)
{
    if (bridge == NULL) {
        return;
    }
    bridge_keep_end(bridge);
    bridge_flow_empty(bridge, true, true);
    bridge_tap_end(bridge);
    bridge_free_retirees(bridge);
    endpoint_free_source(bridge->source);
    endpoint_free_sink(bridge->sink);
    endpoint_free_sink(bridge->dead.sink);
    mapping_scratch_free(bridge->scratch);
    mapping_scratch_free(bridge->dead.scratch);
    bridge_store_fini(bridge);
    budget_leave(bridge->budget, &bridge->memory);
    free(bridge->dead.headers);
    strbuf_fini(&bridge->dead.body);
    free(bridge);
}

void bridge_start(struct bridge *bridge)
{
    bridge->started = true;
    bridge_update_state(bridge);
    /* The sinks first: what comes at once can go out at once. */
    if (bridge->dead.sink != NULL) {
        bridge->dead.sink->ops->start(bridge->dead.sink);
    }
    bridge->sink->ops->start(bridge->sink);
    bridge->source->ops->start(bridge->source);
    bridge_store_refill(bridge);
}

/* Stops the sinks; `now`: without waiting for what they hold. */
static void bridge_stop_sinks(struct bridge *bridge, bool now)
{
    bridge->sink_stopping = true;
    if (!bridge->sink_stopped) {
        bridge->sink->ops->stop(bridge->sink, now);
    }
    if (!bridge->dead.stopped) {
        bridge->dead.sink->ops->stop(bridge->dead.sink, now);
    }
    if (now) {
        bridge_change_hurry(bridge);
    }
}

/* Whether what waits for the sink cannot go out now: it is away, or nobody is subscribed. */
static bool bridge_is_stuck(const struct bridge *bridge)
{
    return !bridge->sink_ready || (bridge->held_back && (bridge->probing || bridge->requeue_due));
}

/* Ends what need not wait any longer. A queue takes back what cannot go out now. A spool keeps it,
 * once all that was with the sinks is back too, so that it keeps it in order. A channel can do
 * neither, nor can a spool that cannot be written: there it goes out, or waits for the end. */
static void bridge_empty_step(struct bridge *bridge)
{
    bool settles = bridge->source->can & ENDPOINT_SETTLES;

    if (bridge->disk.store != NULL) {
        bridge_keep_step(bridge, bridge_is_stuck(bridge));
    } else {
        bridge_flow_empty(bridge, bridge->stopping_now || (settles && bridge_is_stuck(bridge)),
                          bridge->stopping_now || (settles && !bridge->dead.ready));
    }
}

void bridge_stop_step(struct bridge *bridge)
{
    bool sources_stopped;

    if (!bridge->stopping || bridge->stopped) {
        return;
    }
    bridge_empty_step(bridge);
    sources_stopped = bridge->source_stopped && bridge_sources_are_gone(bridge);
    /* Until the source has stopped, what is under way from it may still come. */
    if (!bridge->sink_stopping && sources_stopped && bridge_in_memory(bridge) == 0 &&
        !bridge_keep_reads_back(bridge)) {
        bridge_stop_sinks(bridge, false);
    }
    if (sources_stopped && bridge->sink_stopped && bridge->dead.stopped &&
        bridge->leaving_sinks == 0 && TAILQ_EMPTY(&bridge->disk.keep)) {
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
    bridge_stop_old_sources(bridge);
    bridge->source->ops->stop(bridge->source);
    bridge_flow_pump(bridge);
    bridge_stop_step(bridge);
}

void bridge_stop_now(struct bridge *bridge)
{
    if (bridge->stopping_now || bridge->stopped) {
        return;
    }
    bridge_stop(bridge);
    bridge->stopping_now = true;
    bridge_stop_step(bridge);
    bridge_stop_sinks(bridge, true);
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

unsigned bridge_sink_can(const struct bridge *bridge)
{
    return bridge->sink->can;
}

const char *bridge_get_why(const struct bridge *bridge)
{
    return bridge_state_why(bridge);
}

const struct bridge_counters *bridge_get_counters(const struct bridge *bridge)
{
    return &bridge->counters;
}

const struct histogram *bridge_get_latency(const struct bridge *bridge)
{
    return &bridge->latency;
}

enum bridge_trouble bridge_get_trouble(const struct bridge *bridge)
{
    enum bridge_trouble nobody = bridge->probing ? TROUBLE_NOBODY : TROUBLE_NONE;

    return bridge->overflow != TROUBLE_NONE ? bridge->overflow : nobody;
}

const char *bridge_get_last_error(const struct bridge *bridge)
{
    return bridge->last_error[0] != '\0' ? bridge->last_error : NULL;
}
