/* Exchanges and queues that are declared twice. For: those that differ. Not for: bindings, of which
 * a second one changes nothing, nor what the broker has already (amqp/topology.c). */
#include "conf/redeclared.h"

#include <stdlib.h>
#include <string.h>

#include "conf/feed.h"
#include "conf/print.h"

/* An exchange or queue that is declared. */
struct conf_declaration {
    const struct conf_kind *kind; /* of `base` */
    const void *base;             /* its struct */
    const char *name;
    const struct field_table *arguments;
    const struct conf_place *place;
    UT_hash_handle hh;
};

/* What is declared on one server. */
struct conf_declarations {
    struct conf_declaration *items; /* owned */
    size_t count;
    struct conf_declaration *exchanges; /* the first of each name */
    struct conf_declaration *queues;    /* likewise */
};

/* Adds a name to those of keys and arguments that differ. */
static void conf_differ(struct strbuf *names, struct slice name)
{
    strbuf_append_text(names, names->len > 0 ? ", \"" : "\"");
    strbuf_append_slice(names, name);
    strbuf_append_char(names, '"');
}

/* Whether it is a whole number, which RabbitMQ compares whatever its width. */
static bool conf_field_is_whole(const struct field *field)
{
    return field->type >= FIELD_I8 && field->type <= FIELD_U64;
}

/* Whether RabbitMQ takes one argument for the other; NULL: not given. Tables and arrays, which none
 * of those that it compares has, are not looked into. *failed is set when memory is out. */
static bool conf_argument_is_equal(struct slice name, const struct field *a, const struct field *b,
                                   bool *failed)
{
    struct strbuf one = STRBUF_INIT;
    struct strbuf two = STRBUF_INIT;
    bool equal;

    if (a == NULL || b == NULL) {
        const struct field *given = a != NULL ? a : b;

        return slice_equal_text(name, "x-queue-type") && given->type == FIELD_STRING &&
               slice_equal_text(given->value.bytes, "classic");
    }
    field_append_text(a, &one);
    field_append_text(b, &two);
    equal = (a->type == b->type || (conf_field_is_whole(a) && conf_field_is_whole(b))) &&
            slice_equal(strbuf_slice(&one), strbuf_slice(&two));
    *failed |= strbuf_failed(&one) || strbuf_failed(&two);
    strbuf_fini(&one);
    strbuf_fini(&two);
    return equal;
}

/* Whether RabbitMQ compares it: others mean nothing to it. */
static bool conf_argument_counts(struct slice name)
{
    return slice_equal_text(name, "alternate-exchange") ||
           (name.len > 2 && memcmp(name.data, "x-", 2) == 0);
}

/* Arguments of `a` that are others in `b`, or are not there; `missing`: the latter alone. */
static void conf_differ_arguments(const struct field_table *a, const struct field_table *b,
                                  bool missing, struct strbuf *names)
{
    size_t i;

    for (i = 0; i < a->count; i++) {
        struct slice name = a->entries[i].name;
        const struct field *other = field_table_find(b, name);

        if (conf_argument_counts(name) && !(missing && other != NULL) &&
            !conf_argument_is_equal(name, &a->entries[i].value, other, &names->failed)) {
            conf_differ(names, name);
        }
    }
}

static void conf_differ_key(const struct conf_key *key, const void *a, const void *b,
                            struct strbuf *names)
{
    struct strbuf one = STRBUF_INIT;
    struct strbuf two = STRBUF_INIT;

    conf_print_key(key, a, &one);
    conf_print_key(key, b, &two);
    if (!slice_equal(strbuf_slice(&one), strbuf_slice(&two))) {
        conf_differ(names, slice_of(key->name));
    }
    names->failed |= strbuf_failed(&one) || strbuf_failed(&two);
    strbuf_fini(&one);
    strbuf_fini(&two);
}

static void conf_redeclared_compare(struct conf_loader *loader,
                                    const struct conf_declaration *first,
                                    const struct conf_declaration *second)
{
    struct strbuf names = STRBUF_INIT;
    size_t i;

    for (i = 0; i < first->kind->key_count; i++) {
        const struct conf_key *key = &first->kind->keys[i];

        if (key->type == CONF_TYPE_TABLE) {
            conf_differ_arguments(first->arguments, second->arguments, false, &names);
            conf_differ_arguments(second->arguments, first->arguments, true, &names);
        } else if (key->size > 0) {
            conf_differ_key(key, first->base, second->base, &names);
        }
    }
    loader->out_of_memory |= strbuf_failed(&names);
    if (names.len > 0 && !strbuf_failed(&names)) {
        conf_problem_place(loader, second->place,
                           "%s \"%s\" is declared at %s:%u:%u too, with another %s; RabbitMQ "
                           "refuses the second of the two; write them alike, or take one out",
                           first->kind->id, first->name, first->place->file, first->place->line,
                           first->place->column, strbuf_text(&names));
    }
    strbuf_fini(&names);
}

/* Takes in one declaration: the first of its name is what others must be like. */
static void conf_redeclared_add(struct conf_loader *loader, struct conf_declarations *all,
                                struct conf_declaration **table, struct conf_declaration item)
{
    struct conf_declaration *first = NULL;

    HASH_FIND_STR(*table, item.name, first);
    if (first != NULL) {
        conf_redeclared_compare(loader, first, &item);
        return;
    }
    first = &all->items[all->count++];
    *first = item;
    HASH_ADD_KEYPTR(hh, *table, first->name, strlen(first->name), first);
    loader->out_of_memory |= first->hh.tbl == NULL;
}

static void conf_redeclared_topology(struct conf_loader *loader, struct conf_declarations *all,
                                     const struct conf_topology *topology)
{
    size_t i;

    for (i = 0; i < topology->exchange_count && !loader->out_of_memory; i++) {
        const struct conf_exchange *conf = &topology->exchanges[i];

        if (!conf->passive) {
            conf_redeclared_add(loader, all, &all->exchanges,
                                (struct conf_declaration){
                                    .kind = &conf_kind_exchange,
                                    .base = conf,
                                    .name = conf->name,
                                    .arguments = &conf->arguments,
                                    .place = &conf->place,
                                });
        }
    }
    for (i = 0; i < topology->queue_count && !loader->out_of_memory; i++) {
        const struct conf_queue *conf = &topology->queues[i];

        if (!conf->passive) {
            conf_redeclared_add(loader, all, &all->queues,
                                (struct conf_declaration){
                                    .kind = &conf_kind_queue,
                                    .base = conf,
                                    .name = conf->name,
                                    .arguments = &conf->arguments,
                                    .place = &conf->place,
                                });
        }
    }
}

/* The queues of mirrors, which declare them themselves, beside those of the topology. */
static void conf_redeclared_mirror(struct conf_loader *loader, const struct conf_declarations *all,
                                   const struct conf_bridge *bridge)
{
    const struct conf_source *source = &bridge->mirror.source;
    const struct conf_queue queue = {.name = source->queue, .durable = true};
    const struct conf_declaration item = {
        .kind = &conf_kind_queue,
        .base = &queue,
        .name = queue.name,
        .arguments = &source->queue_arguments,
        .place = &bridge->place,
    };
    const struct conf_declaration *first = NULL;

    HASH_FIND_STR(all->queues, item.name, first);
    if (first != NULL) {
        conf_redeclared_compare(loader, first, &item);
    }
}

/* The topologies of the server that `first` is on, it and those after it. */
static void conf_redeclared_server(struct conf_loader *loader, const struct conf_topology *first,
                                   const struct conf_topology *end)
{
    struct conf_declarations all = {.items = NULL};
    const struct conf_topology *topology;
    const struct config *config = loader->config;
    size_t most = 1;
    size_t i;

    for (topology = first; topology < end; topology++) {
        most += topology->exchange_count + topology->queue_count;
    }
    all.items = calloc(most, sizeof(*all.items));
    loader->out_of_memory |= all.items == NULL;
    for (topology = first; topology < end; topology++) {
        if (conf_same_server(topology->connection, first->connection)) {
            conf_redeclared_topology(loader, &all, topology);
        }
    }
    for (i = 0; i < config->bridge_count && !loader->out_of_memory; i++) {
        const struct conf_bridge *bridge = &config->bridges[i];

        if (bridge->enabled && bridge->kind == CONF_BRIDGE_MIRROR &&
            conf_same_server(bridge->mirror.source.connection, first->connection)) {
            conf_redeclared_mirror(loader, &all, bridge);
        }
    }
    HASH_CLEAR(hh, all.exchanges);
    HASH_CLEAR(hh, all.queues);
    free(all.items);
}

void conf_redeclared_check(struct conf_loader *loader)
{
    const struct conf_topology *topologies = loader->config->topologies;
    size_t count = loader->config->topology_count;
    size_t i;
    size_t before;

    for (i = 0; i < count; i++) {
        for (before = 0; before < i; before++) {
            if (conf_same_server(topologies[before].connection, topologies[i].connection)) {
                break;
            }
        }
        if (before == i) {
            conf_redeclared_server(loader, &topologies[i], topologies + count);
        }
    }
}
