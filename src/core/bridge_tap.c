/* Taps on a bridge. For: telling them what became of a message, and where it goes. Not for: what
 * they make of it (ops/trace.c). */
#include "core/bridge_private.h"

void bridge_tap(struct bridge *bridge, struct tap *tap)
{
    LIST_INSERT_HEAD(&bridge->taps, tap, link);
}

void bridge_untap(struct tap *tap)
{
    LIST_REMOVE(tap, link);
}

/* The outcome that a counter counts. */
static const char *tap_outcome(const struct bridge_counters *counters, const uint64_t *counter)
{
    const struct {
        const uint64_t *counter;
        const char *name;
    } names[] = {
        {&counters->delivered, "delivered"},
        {&counters->filtered, "filtered"},
        {&counters->dead_lettered, "dead_lettered"},
        {&counters->returned, "returned"},
    };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].counter == counter) {
            return names[i].name;
        }
    }
    return "dropped";
}

void bridge_tap_tell(struct bridge *bridge, const struct delivery *delivery,
                     const uint64_t *counter)
{
    const char *outcome = tap_outcome(&bridge->counters, counter);
    uint64_t now_us = bridge->host->now_us(bridge->host_ctx);
    struct tap *tap;

    LIST_FOREACH(tap, &bridge->taps, link) {
        tap->events->on_end(tap, bridge, delivery, outcome, now_us);
    }
}

void bridge_tap_end(struct bridge *bridge)
{
    struct tap *tap;

    while ((tap = LIST_FIRST(&bridge->taps)) != NULL) {
        LIST_REMOVE(tap, link);
        tap->events->on_gone(tap);
    }
}

static bool tap_expand(const struct bridge *bridge, const struct template *template,
                       const struct delivery *delivery, struct strbuf *out)
{
    struct template_context context = bridge->context;
    struct err err;

    context.body = NULL; /* that of the bridge belongs to the message at hand */
    return template == NULL || template_expand(template, &context, delivery, out, &err) == 0;
}

void bridge_tap_target(const struct bridge *bridge, const struct delivery *delivery,
                       struct tap_target *target)
{
    const struct mapping *mapping =
        delivery->reason != NULL ? bridge->dead.mapping : bridge->mapping;

    target->is_known =
        mapping != NULL && !mapping->none &&
        (mapping->channel != NULL || mapping->routing_key != NULL || mapping->exchange != NULL) &&
        tap_expand(bridge, mapping->channel, delivery, &target->channel) &&
        tap_expand(bridge, mapping->exchange, delivery, &target->exchange) &&
        tap_expand(bridge, mapping->routing_key, delivery, &target->routing_key);
}

void tap_target_fini(struct tap_target *target)
{
    strbuf_fini(&target->channel);
    strbuf_fini(&target->exchange);
    strbuf_fini(&target->routing_key);
}
