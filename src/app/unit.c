/* What all units have in common, and the one that does nothing. Not for: the kinds that carry
 * messages (bridge_unit.c). */
#include "app/unit.h"

#include <stdlib.h>
#include <string.h>

#include "app/describe.h"
#include "app/wiring.h"
#include "base/log.h"

typedef struct unit *unit_maker(const struct unit_setup *setup, struct err *err);

/* What makes the unit of a bridge: its kind. */
static unit_maker *unit_maker_of(const struct conf_bridge *conf)
{
    if (!conf->enabled) {
        return disabled_unit_new;
    }
    if (conf->kind == CONF_BRIDGE_MIRROR) {
        return mirror_unit_new;
    }
    return bridge_unit_new;
}

struct unit *unit_new(const struct unit_setup *setup, struct err *err)
{
    return unit_maker_of(setup->conf)(setup, err);
}

bool unit_is_same_kind(const struct conf_bridge *a, const struct conf_bridge *b)
{
    return unit_maker_of(a) == unit_maker_of(b);
}

static void unit_get_status(const struct board_bridge *shown, uint64_t now_us,
                            struct bridge_status *out_status)
{
    const struct unit *unit =
        (const struct unit *)((const char *)shown - offsetof(struct unit, shown));

    unit->ops->get_status(unit, now_us, out_status);
}

/* Its entry on the board says what the rule says; where it stands there stays. */
static void unit_show(struct unit *unit)
{
    const struct conf_bridge *conf = unit->conf;
    struct board_bridge *shown = &unit->shown;

    free(shown->from);
    free(shown->to);
    shown->name = unit->name;
    shown->from = describe_source(&conf->source);
    shown->to = describe_sink(&conf->sink);
    shown->from_connection = conf->source.connection->name;
    shown->to_connection = conf->sink.connection->name;
    shown->enabled = conf->enabled;
    shown->get_status = unit_get_status;
}

int unit_init(struct unit *unit, const struct unit_ops *ops, const struct unit_setup *setup,
              struct err *err)
{
    const struct conf_bridge *conf = setup->conf;

    *unit = (struct unit){
        .ops = ops,
        .name = strdup(conf->name),
        .wiring = setup->wiring,
        .config = config_ref(setup->config),
        .conf = conf,
    };
    unit_show(unit);
    return unit->name != NULL ? 0 : err_set(err, "out of memory");
}

void unit_show_bridge(struct unit *unit, struct bridge *bridge)
{
    unit->shown.bridges[unit->shown.bridge_count++] = bridge;
}

void unit_fini(struct unit *unit)
{
    free(unit->shown.from);
    free(unit->shown.to);
    config_free(unit->next_config);
    config_free(unit->config);
    free(unit->name);
}

void unit_adopt(struct unit *unit, const struct unit_setup *setup)
{
    config_ref(setup->config);
    config_free(unit->config);
    unit->config = setup->config;
    unit->conf = setup->conf;
    unit_show(unit);
}

void unit_start(struct unit *unit)
{
    unit->ops->start(unit);
    wiring_on_unit_started(unit->wiring, unit);
}

void unit_changed(struct unit *unit, enum bridge_state state, const char *why)
{
    if (state == BRIDGE_RUNNING) {
        unit->had_chance = true;
    }
    if (why[0] != '\0') {
        log_info("bridge", unit_name(unit), bridge_state_name(state), log_text("why", why));
    } else {
        log_info("bridge", unit_name(unit), bridge_state_name(state));
    }
    wiring_on_unit_changed(unit->wiring);
}

void unit_stopped(struct unit *unit)
{
    struct bridge_status status;
    const struct bridge_counters *counters = &status.counters;

    unit->ops->get_status(unit, loop_now_us(unit->wiring->loop), &status);
    log_info("bridge", unit_name(unit), "books closed", log_number("received", counters->received),
             log_number("delivered", counters->delivered),
             log_number("filtered", counters->filtered), log_number("dropped", counters->dropped),
             log_number("dead_lettered", counters->dead_lettered),
             log_number("returned", counters->returned), log_number("spooled", counters->spooled));
    unit->stopped = true;
    wiring_on_unit_stopped(unit->wiring);
}

static void disabled_do_nothing(struct unit *unit)
{
    (void)unit;
}

static void disabled_get_status(const struct unit *unit, uint64_t now_us,
                                struct bridge_status *out_status)
{
    (void)unit;
    (void)now_us;
    *out_status = (struct bridge_status){.state = BRIDGE_STOPPED};
}

static void disabled_free(struct unit *unit)
{
    unit_fini(unit);
    free(unit);
}

static const struct unit_ops disabled_ops = {
    .start = disabled_do_nothing,
    .stop = disabled_do_nothing,
    .stop_now = disabled_do_nothing,
    .pause = disabled_do_nothing,
    .resume = disabled_do_nothing,
    .get_status = disabled_get_status,
    .free = disabled_free,
};

struct unit *disabled_unit_new(const struct unit_setup *setup, struct err *err)
{
    struct unit *unit = calloc(1, sizeof(*unit));

    if (unit == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    if (unit_init(unit, &disabled_ops, setup, err) != 0) {
        disabled_free(unit);
        return NULL;
    }
    /* It has stopped before it began: nobody waits for it. */
    unit->had_chance = true;
    unit->stopped = true;
    return unit;
}
