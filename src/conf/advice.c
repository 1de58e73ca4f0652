/* Bridges that get in each other's way. For: queues consumed twice, and messages that arrive
 * twice. Not for: what is declared (conf/advice_topology.c), or circles (conf/circle.c). */
#include "conf/advice.h"

#include <stdlib.h>
#include <string.h>

#include "conf/advice_topology.h"
#include "conf/feed.h"
#include "conf/overlap.h"
#include "conf/prefixes.h"
#include "core/glob.h"

/* A bridge's source under the text that it is sorted by: the queue, or where the sink sends. */
struct conf_seat {
    char *key; /* owned */
    const struct conf_bridge *bridge;
    const struct conf_source *source;
    const struct conf_sink *sink;
    size_t order; /* in the configuration */
};

struct conf_seats {
    struct conf_seat *items; /* owned */
    size_t count;
};

static int conf_seat_order(const void *a, const void *b)
{
    const struct conf_seat *one = a;
    const struct conf_seat *two = b;
    int order = strcmp(one->key, two->key);

    if (order != 0) {
        return order;
    }
    return one->order < two->order ? -1 : 1;
}

static void conf_seat_template(struct strbuf *key, const struct template *template)
{
    strbuf_append_char(key, '\n');
    if (template != NULL) {
        strbuf_append_slice(key, template_source_text(template));
    }
}

/* Whether a way is of interest. A filter is there to tell messages apart; calls are answered one by
 * one. */
static bool conf_seat_counts(const struct conf_way *way, bool queues)
{
    if (queues) {
        return way->source->kind == CONF_SOURCE_QUEUE && way->source->queue != NULL;
    }
    return (way->source->kind == CONF_SOURCE_CHANNEL || way->source->kind == CONF_SOURCE_PATTERN) &&
           way->bridge->kind == CONF_BRIDGE_PLAIN && way->bridge->filter.condition == NULL;
}

/* What two sources must share to be looked at. */
static void conf_seat_key(const struct conf_way *way, bool queues, struct strbuf *key)
{
    const struct mapping *mapping = &way->sink->mapping;

    if (queues) {
        strbuf_append_text(key, way->source->queue);
        return;
    }
    strbuf_append_text(key, way->sink->connection->name);
    conf_seat_template(key, mapping->channel);
    conf_seat_template(key, mapping->exchange);
    conf_seat_template(key, mapping->routing_key);
}

static int conf_seats_add(struct conf_seats *seats, const struct conf_way *way, bool queues)
{
    struct strbuf key = STRBUF_INIT;
    struct conf_seat *seat;

    if (!conf_seat_counts(way, queues)) {
        return 0;
    }
    conf_seat_key(way, queues, &key);
    seat =
        strbuf_failed(&key) ? NULL : conf_list_append(&seats->items, &seats->count, sizeof(*seat));
    if (seat == NULL) {
        strbuf_fini(&key);
        return -1;
    }
    *seat =
        (struct conf_seat){strbuf_detach(&key), way->bridge, way->source, way->sink, seats->count};
    return 0;
}

static void conf_seats_fini(struct conf_seats *seats)
{
    size_t i;

    for (i = 0; i < seats->count; i++) {
        free(seats->items[i].key);
    }
    free(seats->items);
}

/* Gathers the sources of enabled bridges, those of one key side by side; -1: out of memory. */
static int conf_seats_init(struct conf_seats *seats, const struct config *config, bool queues)
{
    struct conf_way ways[CONF_WAYS_MOST];
    size_t i;
    size_t j;

    *seats = (struct conf_seats){NULL, 0};
    for (i = 0; i < config->bridge_count; i++) {
        size_t count = config->bridges[i].enabled ? conf_ways_of(&config->bridges[i], ways) : 0;

        for (j = 0; j < count; j++) {
            if (conf_seats_add(seats, &ways[j], queues) != 0) {
                return -1;
            }
        }
    }
    if (seats->count > 1) {
        qsort(seats->items, seats->count, sizeof(*seats->items), conf_seat_order);
    }
    return 0;
}

static bool conf_names_overlap(const struct conf_source *a, const char *one,
                               const struct conf_source *b, const char *two)
{
    if (a->kind == CONF_SOURCE_CHANNEL && b->kind == CONF_SOURCE_CHANNEL) {
        return strcmp(one, two) == 0;
    }
    if (a->kind == CONF_SOURCE_CHANNEL) {
        return glob_match(slice_of(two), slice_of(one), NULL);
    }
    return b->kind == CONF_SOURCE_CHANNEL ? glob_match(slice_of(one), slice_of(two), NULL)
                                          : conf_globs_overlap(slice_of(one), slice_of(two));
}

static const char *conf_source_noun(const struct conf_source *source)
{
    return source->kind == CONF_SOURCE_PATTERN ? "pattern" : "channel";
}

/* Names of one source that hear the same message. */
static void conf_advise_list(struct conf_loader *loader, const struct conf_seat *seat,
                             const char *one, const char *two)
{
    conf_warning(loader, &seat->bridge->place,
                 "the %ss \"%s\" and \"%s\" overlap: what both match is sent twice; make them "
                 "disjoint",
                 conf_source_noun(seat->source), one, two);
}

/* Two bridges that hear the same message and send it to one place. */
static void conf_advise_overlap(struct conf_loader *loader, const struct conf_seat *first,
                                const char *one, const struct conf_seat *second, const char *two)
{
    const struct conf_place *place = &first->bridge->place;

    conf_warning(
        loader, &second->bridge->place,
        "the %s \"%s\" overlaps the %s \"%s\" of bridge \"%s\" (%s:%u), and both send to "
        "one place: what both hear arrives twice; make them disjoint, or one bridge of them",
        conf_source_noun(second->source), two, conf_source_noun(first->source), one,
        first->bridge->name, place->file, place->line);
}

static void conf_advise_queue(struct conf_loader *loader, const struct conf_seat *first,
                              const struct conf_seat *second)
{
    const struct conf_place *place = &first->bridge->place;

    if (conf_same_server(first->source->connection, second->source->connection)) {
        conf_warning(loader, &second->bridge->place,
                     "bridge \"%s\" (%s:%u) consumes the queue \"%s\" too: each message goes to "
                     "only one of them; give each a queue of its own, bound to one exchange",
                     first->bridge->name, place->file, place->line, second->source->queue);
    }
}

/* Tells of each queue at most once: of the first seat that has it too. */
static void conf_advise_queues(struct conf_loader *loader)
{
    struct conf_seats seats;
    size_t first = 0;
    size_t i;

    loader->out_of_memory |= conf_seats_init(&seats, loader->config, true) != 0;
    for (i = 0; !loader->out_of_memory && i < seats.count; i++) {
        size_t before = loader->problem_count;
        size_t j;

        if (strcmp(seats.items[first].key, seats.items[i].key) != 0) {
            first = i;
        }
        for (j = first; j < i && loader->problem_count == before; j++) {
            conf_advise_queue(loader, &seats.items[j], &seats.items[i]);
        }
    }
    conf_seats_fini(&seats);
}

/* A channel or pattern of a seat. */
struct conf_heard {
    const struct conf_seat *seat;
    const char *name;
};

/* A search for the first one before `at` that hears what that hears. */
struct conf_hearing {
    const struct conf_heard *at;
    const struct conf_heard *found; /* NULL: none yet */
    bool same_seat;                 /* in the same list, or of another bridge */
};

static void conf_hearing_on_item(void *ctx, void *item)
{
    struct conf_hearing *hearing = ctx;
    const struct conf_heard *other = item;
    const struct conf_heard *at = hearing->at;

    if (other < at && (hearing->found == NULL || other < hearing->found) &&
        (other->seat == at->seat) == hearing->same_seat &&
        conf_same_server(other->seat->source->connection, at->seat->source->connection) &&
        conf_names_overlap(other->seat->source, other->name, at->seat->source, at->name)) {
        hearing->found = other;
    }
}

static struct slice conf_heard_prefix(const struct conf_heard *heard)
{
    return heard->seat->source->kind == CONF_SOURCE_PATTERN
               ? conf_glob_prefix(slice_of(heard->name))
               : slice_of(heard->name);
}

/* Of the names of a seat, `count` from `heard` on: the first that meets another one of the same
 * list, or of a seat before it. */
static void conf_advise_seat(struct conf_loader *loader, struct conf_prefixes *prefixes,
                             const struct conf_heard *heard, size_t count, bool same_seat)
{
    struct conf_hearing first = {.at = NULL};
    size_t i;

    for (i = 0; i < count; i++) {
        struct conf_hearing hearing = {.at = &heard[i], .same_seat = same_seat};

        conf_prefixes_each(prefixes, conf_heard_prefix(&heard[i]), conf_hearing_on_item, &hearing);
        if (hearing.found == NULL || (first.at != NULL && first.found <= hearing.found)) {
            continue;
        }
        first = hearing;
        if (same_seat) {
            break;
        }
    }
    if (first.at == NULL) {
        return;
    }
    if (same_seat) {
        conf_advise_list(loader, first.at->seat, first.found->name, first.at->name);
    } else {
        conf_advise_overlap(loader, first.found->seat, first.found->name, first.at->seat,
                            first.at->name);
    }
}

/* Seats `first` to before `end`, which send to one place: tells of each at most once. */
static int conf_advise_group(struct conf_loader *loader, const struct conf_seat *first,
                             const struct conf_seat *end)
{
    struct conf_prefixes prefixes = {.items = NULL};
    struct conf_heard *heard;
    const struct conf_seat *seat;
    size_t count = 0;
    size_t i;
    int result = 0;

    for (seat = first; seat < end; seat++) {
        count += seat->source->names.count;
    }
    heard = calloc(count + 1, sizeof(*heard));
    result = heard == NULL ? -1 : 0;
    for (seat = first, count = 0; result == 0 && seat < end; seat++) {
        for (i = 0; result == 0 && i < seat->source->names.count; i++, count++) {
            heard[count] = (struct conf_heard){seat, seat->source->names.items[i]};
            result = conf_prefixes_add(&prefixes, conf_heard_prefix(&heard[count]), &heard[count]);
        }
    }
    for (seat = first, count = 0; result == 0 && seat < end; seat++) {
        size_t before = loader->problem_count;

        conf_advise_seat(loader, &prefixes, &heard[count], seat->source->names.count, true);
        if (loader->problem_count == before) {
            conf_advise_seat(loader, &prefixes, &heard[count], seat->source->names.count, false);
        }
        count += seat->source->names.count;
    }
    conf_prefixes_fini(&prefixes);
    free(heard);
    return result;
}

static void conf_advise_overlaps(struct conf_loader *loader)
{
    struct conf_seats seats;
    size_t first = 0;
    size_t i;

    loader->out_of_memory |= conf_seats_init(&seats, loader->config, false) != 0;
    for (i = 1; !loader->out_of_memory && i <= seats.count; i++) {
        if (i == seats.count || strcmp(seats.items[first].key, seats.items[i].key) != 0) {
            loader->out_of_memory |=
                conf_advise_group(loader, &seats.items[first], &seats.items[i]) != 0;
            first = i;
        }
    }
    conf_seats_fini(&seats);
}

void conf_advise(struct conf_loader *loader)
{
    if (loader->problem_count > 0 || loader->out_of_memory) {
        return;
    }
    conf_advise_queues(loader);
    conf_advise_overlaps(loader);
    conf_advise_topology(loader);
}
