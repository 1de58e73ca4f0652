/* The ends of a mirror, and what they borrow. For: making them at the start, and others at a
 * change. Not for: how a bridge goes over to them (core/bridge_change.c), or what that means for
 * echoes (core/mirror.c). */
#include <stdlib.h>

#include "app/mirror_unit.h"
#include "app/spooling.h"
#include "base/log.h"
#include "base/rand.h"
#include "conf/compare.h"

static struct mirror_rule *mirror_rule_ref(struct mirror_rule *rule)
{
    rule->refs++;
    return rule;
}

static void mirror_rule_unref(struct mirror_rule *rule)
{
    int way, hub;

    if (rule == NULL || --rule->refs > 0) {
        return;
    }
    for (way = 0; way < MIRROR_WAYS; way++) {
        for (hub = 0; hub < MIRROR_HUBS; hub++) {
            wiring_leave_hub(rule->wiring, rule->hubs[way][hub]);
        }
    }
    config_free(rule->config);
    free(rule);
}

static struct wired_hub *mirror_use_hub(struct mirror_rule *rule,
                                        const struct conf_connection *connection)
{
    return wiring_use_hub(wiring_find_hub(rule->wiring, connection->name));
}

static const struct conf_bridge *mirror_rule_of(const struct mirror_rule *rule,
                                                enum mirror_direction way)
{
    return way == MIRROR_TO_AMQP ? rule->conf : &rule->back;
}

/* NULL: out of memory. */
static struct mirror_rule *mirror_rule_new(const struct unit_setup *setup)
{
    struct mirror_rule *rule = calloc(1, sizeof(*rule));
    int way;

    if (rule == NULL) {
        return NULL;
    }
    rule->refs = 1;
    rule->wiring = setup->wiring;
    rule->config = config_ref(setup->config);
    rule->conf = setup->conf;
    rule->back = *setup->conf;
    rule->back.source = setup->conf->mirror.source;
    rule->back.sink = setup->conf->mirror.sink;
    rule->back.options = setup->conf->mirror.options;
    for (way = 0; way < MIRROR_WAYS; way++) {
        const struct conf_bridge *conf = mirror_rule_of(rule, (enum mirror_direction)way);
        struct wired_hub **hubs = rule->hubs[way];

        hubs[MIRROR_SOURCE_HUB] = mirror_use_hub(rule, conf->source.connection);
        hubs[MIRROR_SINK_HUB] = mirror_use_hub(rule, conf->sink.connection);
        if (conf->has_dead_letter) {
            hubs[MIRROR_DEAD_HUB] = mirror_use_hub(rule, conf->dead_letter.connection);
        }
    }
    return rule;
}

void mirror_ends_release_old(struct mirror_unit *self)
{
    while (self->old_count > 0) {
        mirror_rule_unref(self->olds[--self->old_count]);
    }
    free(self->olds);
    self->olds = NULL;
}

void mirror_ends_release(struct mirror_unit *self)
{
    int way;

    for (way = 0; way < MIRROR_WAYS; way++) {
        mirror_rule_unref(self->ways[way].source_rule);
    }
    mirror_rule_unref(self->rule);
}

static void mirror_ends_free_ends(struct bridge_setup *ends)
{
    endpoint_free_source(ends->source);
    endpoint_free_sink(ends->sink);
    endpoint_free_sink(ends->dead_sink);
}

/* Puts the mirror around an end, which is freed where memory is out. */
static struct source *mirror_ends_wrap_source(struct mirror_unit *self, struct source *inner)
{
    struct source *source = inner != NULL ? mirror_wrap_source(self->mirror, inner) : NULL;

    if (source == NULL) {
        endpoint_free_source(inner);
    }
    return source;
}

static struct sink *mirror_ends_wrap_sink(struct mirror_unit *self, const struct conf_bridge *conf,
                                          struct sink *inner)
{
    struct mirror_sink_setup setup = {.inner = inner, .pattern = conf->mirror.pattern};
    struct sink *sink;

    if (conf->options.on_no_subscribers != NOBODY_ACK) {
        setup.min_subscribers = conf->options.min_subscribers;
    }
    sink = inner != NULL ? mirror_wrap_sink(self->mirror, &setup) : NULL;
    if (sink == NULL) {
        endpoint_free_sink(inner);
    }
    return sink;
}

/* The ends of one way, the source only where it is wanted, bare in *out_inner; -1: out of memory,
 * with what was made in `ends`. */
static int mirror_ends_make_ends(struct mirror_unit *self, const struct mirror_rule *rule,
                                 enum mirror_direction way, bool with_source,
                                 struct bridge_setup *ends, struct source **out_inner)
{
    const struct conf_bridge *conf = mirror_rule_of(rule, way);
    struct wired_hub *const *hubs = rule->hubs[way];

    if (with_source) {
        *out_inner = wired_hub_new_source(hubs[MIRROR_SOURCE_HUB], self->unit.name, conf);
        ends->source =
            way == MIRROR_TO_AMQP ? mirror_ends_wrap_source(self, *out_inner) : *out_inner;
    }
    ends->sink = wired_hub_new_sink(hubs[MIRROR_SINK_HUB], self->unit.name, conf, &conf->sink);
    if (way == MIRROR_TO_REDIS) {
        ends->sink = mirror_ends_wrap_sink(self, conf, ends->sink);
    }
    if (conf->has_dead_letter) {
        ends->dead_sink =
            wired_hub_new_sink(hubs[MIRROR_DEAD_HUB], self->unit.name, conf, &conf->dead_letter);
        ends->dead_mapping = &conf->dead_letter.mapping;
    }
    return (with_source && ends->source == NULL) || ends->sink == NULL ||
                   (conf->has_dead_letter && ends->dead_sink == NULL)
               ? -1
               : 0;
}

static struct bridge_setup mirror_ends_setup(struct mirror_unit *self,
                                             const struct mirror_rule *rule,
                                             enum mirror_direction way)
{
    const struct conf_bridge *conf = mirror_rule_of(rule, way);
    struct wiring *wiring = self->unit.wiring;

    return (struct bridge_setup){
        .name = self->unit.name,
        .instance = wiring->board.instance,
        .mapping = &conf->sink.mapping,
        .screen = way == MIRROR_TO_AMQP ? mirror_passes : origin_passes,
        .screen_ctx = way == MIRROR_TO_AMQP ? (void *)self->mirror : &self->origin,
        .options = &conf->options,
        .host = &mirror_way_host,
        .host_ctx = &self->ways[way],
        .rand = &wiring->rand,
        .budget = &wiring->budget,
    };
}

static void mirror_ends_log(const struct mirror_unit *self, const struct mirror_rule *rule,
                            const char *what)
{
    const struct mirror_way *out = &self->ways[MIRROR_TO_AMQP];
    const struct mirror_way *back = &self->ways[MIRROR_TO_REDIS];

    log_info("bridge", self->unit.name, what, log_text("from", "redis"), log_text("to", "amqp"),
             log_text("guarantee", bridge_guarantee(out->source->can, bridge_sink_can(out->bridge),
                                                    rule->conf->options.ack_mode)),
             log_text("back", bridge_guarantee(back->source->can, bridge_sink_can(back->bridge),
                                               rule->back.options.ack_mode)));
}

/* What both ways of a new rule consist of, until the bridges have it. */
struct mirror_plan {
    struct mirror_rule *rule; /* owned */
    struct bridge_setup setups[MIRROR_WAYS];
    bool keep[MIRROR_WAYS];                     /* the source stays */
    struct source *inners[MIRROR_WAYS];         /* new sources, bare */
    struct bridge_change *changes[MIRROR_WAYS]; /* owned */
};

static void mirror_plan_fini(struct mirror_plan *plan)
{
    int way;

    for (way = 0; way < MIRROR_WAYS; way++) {
        mirror_ends_free_ends(&plan->setups[way]);
        bridge_change_drop(plan->changes[way]);
    }
    mirror_rule_unref(plan->rule);
}

/* -1: out of memory, for mirror_plan_fini(). */
static int mirror_plan_init(struct mirror_unit *self, const struct unit_setup *setup,
                            struct store *store, struct mirror_plan *plan)
{
    int way;

    plan->rule = mirror_rule_new(setup);
    if (plan->rule == NULL) {
        return -1;
    }
    for (way = 0; way < MIRROR_WAYS; way++) {
        enum mirror_direction direction = (enum mirror_direction)way;
        const struct mirror_rule *old = self->ways[way].source_rule;
        struct bridge_setup *ends = &plan->setups[way];

        *ends = mirror_ends_setup(self, plan->rule, direction);
        ends->store = direction == MIRROR_TO_AMQP ? store : NULL;
        plan->keep[way] =
            old != NULL &&
            old->hubs[way][MIRROR_SOURCE_HUB] == plan->rule->hubs[way][MIRROR_SOURCE_HUB] &&
            wired_hub_keeps_source(mirror_rule_of(old, direction),
                                   mirror_rule_of(plan->rule, direction));
        if (mirror_ends_make_ends(self, plan->rule, direction, !plan->keep[way], ends,
                                  &plan->inners[way]) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Whatever memory the change itself wants; -1: there is none. */
static int mirror_plan_prepare(struct mirror_unit *self, struct mirror_plan *plan)
{
    struct mirror_rule **olds =
        realloc(self->olds, (self->old_count + 1 + MIRROR_WAYS) * sizeof(struct mirror_rule *));
    int way;

    if (olds == NULL) {
        return -1;
    }
    self->olds = olds;
    for (way = 0; way < MIRROR_WAYS; way++) {
        plan->changes[way] = bridge_change_prepare(self->ways[way].bridge, &plan->setups[way]);
        if (plan->changes[way] == NULL) {
            return -1;
        }
    }
    return 0;
}

static void mirror_way_take_source(struct mirror_way *way, struct mirror_rule *rule,
                                   struct source *inner)
{
    way->source = inner;
    way->source_rule = mirror_rule_ref(rule);
}

/* A new Redis source takes the messages over from the old one where the server is the same. */
static void mirror_plan_follow(const struct mirror_unit *self, const struct mirror_plan *plan)
{
    const struct mirror_way *out = &self->ways[MIRROR_TO_AMQP];
    struct wired_hub *hub = plan->rule->hubs[MIRROR_TO_AMQP][MIRROR_SOURCE_HUB];

    redis_source_follow(plan->inners[MIRROR_TO_AMQP], out->source,
                        &(struct redis_meeting){
                            .hub = conf_server_is_same(out->source_rule->conf->source.connection,
                                                       plan->rule->conf->source.connection)
                                       ? hub->redis
                                       : NULL,
                            .budget = &self->unit.wiring->budget,
                            .most = plan->rule->conf->options.buffer_memory,
                        });
}

/* The way to Redis first: its old sink is then known to be one that ends. */
static void mirror_plan_apply(struct mirror_unit *self, struct mirror_plan *plan)
{
    int way;

    if (!plan->keep[MIRROR_TO_AMQP]) {
        mirror_plan_follow(self, plan);
    }
    for (way = MIRROR_WAYS - 1; way >= 0; way--) {
        struct mirror_way *changed = &self->ways[way];
        const struct conf_bridge *old =
            mirror_rule_of(changed->source_rule, (enum mirror_direction)way);

        bridge_change_apply(changed->bridge, plan->changes[way], &plan->setups[way],
                            wired_hub_succession(old));
        if (!plan->keep[way]) {
            self->olds[self->old_count++] = changed->source_rule;
            mirror_way_take_source(changed, plan->rule, plan->inners[way]);
        }
    }
    self->olds[self->old_count++] = self->rule;
    self->rule = plan->rule;
    self->origin.hops = plan->rule->conf->mirror.max_hops;
}

int mirror_ends_change(struct unit *unit, const struct unit_setup *setup, struct err *err)
{
    struct mirror_unit *self = (struct mirror_unit *)unit;
    struct mirror_plan plan = {.rule = NULL};
    struct store *store = NULL;

    if (spooling_change_store(unit->wiring->spooling, setup->conf, self->store, &store, err) != 0) {
        return -1;
    }
    if (mirror_plan_init(self, setup, store, &plan) != 0 || mirror_plan_prepare(self, &plan) != 0) {
        mirror_plan_fini(&plan);
        if (store != self->store) {
            spooling_release_store(unit->wiring->spooling, store);
        }
        return err_set(err, "out of memory");
    }
    mirror_plan_apply(self, &plan);
    self->store = self->store != NULL ? self->store : store;
    if (store != NULL) {
        spooling_set_limit(store, setup->conf->options.buffer_disk);
    }
    unit_adopt(unit, setup);
    mirror_ends_log(self, self->rule, "changed");
    return 0;
}

static int mirror_ends_make_mirror(struct mirror_unit *self, struct err *err)
{
    struct mirror_setup setup = {.name = self->unit.name, .ping = redis_source_ping};

    if (rand_secret(setup.key, sizeof(setup.key)) != 0) {
        return err_set(err, "the kernel gives no random numbers");
    }
    self->mirror = mirror_new(&setup);
    return self->mirror != NULL ? 0 : err_set(err, "out of memory");
}

/* Makes one of the two bridges, which then owns the ends; -1: out of memory. */
static int mirror_way_make(struct mirror_way *way, struct bridge_setup *ends)
{
    way->bridge = bridge_new(ends);
    if (way->bridge == NULL) {
        return -1;
    }
    ends->source = NULL;
    ends->sink = NULL;
    ends->dead_sink = NULL;
    unit_show_bridge(&way->unit->unit, way->bridge);
    return 0;
}

int mirror_ends_make(struct mirror_unit *self, const struct unit_setup *setup, struct err *err)
{
    struct mirror_plan plan = {.rule = NULL};
    int result = mirror_ends_make_mirror(self, err);
    int way;

    if (result != 0) {
        return result;
    }
    result = mirror_plan_init(self, setup, self->store, &plan);
    for (way = 0; way < MIRROR_WAYS && result == 0; way++) {
        result = mirror_way_make(&self->ways[way], &plan.setups[way]);
        if (result == 0) {
            mirror_way_take_source(&self->ways[way], plan.rule, plan.inners[way]);
        }
    }
    if (result != 0) {
        mirror_plan_fini(&plan);
        return err_set(err, "out of memory");
    }
    self->rule = plan.rule;
    mirror_ends_log(self, self->rule, "made");
    return 0;
}
