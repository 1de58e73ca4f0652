/* Circles of bridges. For: refusing them before they storm. Not for: what feeds what
 * (conf/feed.c). */
#include "conf/circle.h"

#include <stdlib.h>

#include "conf/feed.h"

/* A step of the path that is being followed. */
struct conf_step {
    struct conf_feed feed;
    size_t way;  /* its number */
    size_t next; /* of the way to look at next */
};

/* What is known of a way. */
enum conf_search_mark { CONF_UNSEEN, CONF_ON_THE_PATH, CONF_DONE };

/* A search, depth first: every pair of ways is looked at once. */
struct conf_search {
    const struct config *config;
    struct conf_way *ways; /* of the enabled bridges, in the order of these */
    size_t way_count;
    struct conf_step *steps; /* the path, from where it began */
    size_t depth;
    unsigned char *marks; /* enum conf_search_mark, by number */
};

/* Begins to follow what a way feeds; -1: out of memory. */
static int conf_search_enter(struct conf_search *search, size_t way)
{
    struct conf_step *step = &search->steps[search->depth];

    step->way = way;
    step->next = 0;
    if (conf_feed_init(&step->feed, search->config, &search->ways[way]) != 0) {
        conf_feed_fini(&step->feed);
        return -1;
    }
    search->marks[way] = CONF_ON_THE_PATH;
    search->depth++;
    return 0;
}

static void conf_search_leave(struct conf_search *search)
{
    struct conf_step *step = &search->steps[--search->depth];

    search->marks[step->way] = CONF_DONE;
    conf_feed_fini(&step->feed);
}

/* Says that the path leads back to a way on it: a mistake, unless a filter may let nothing pass. */
static void conf_search_found(struct conf_loader *loader, const struct conf_search *search,
                              size_t way)
{
    const struct conf_bridge *bridge = search->ways[way].bridge;
    struct strbuf names = STRBUF_INIT;
    bool filtered = false;
    size_t first = 0;
    size_t i;

    while (search->steps[first].way != way) {
        first++;
    }
    for (i = first; i < search->depth; i++) {
        const struct conf_bridge *fed = search->ways[search->steps[i].way].bridge;

        strbuf_append_format(&names, "\"%s\" (%s:%u) feeds ", fed->name, fed->place.file,
                             fed->place.line);
        filtered |= fed->filter.condition != NULL;
    }
    if (filtered) {
        conf_warning(loader, &bridge->place,
                     "a circle: %s\"%s\"; what passes every filter on it would go round for ever",
                     strbuf_text(&names), bridge->name);
    } else {
        conf_problem_place(
            loader, &bridge->place,
            "a circle: %s\"%s\"; messages would go round for ever, so change one of them",
            strbuf_text(&names), bridge->name);
    }
    strbuf_fini(&names);
}

/* Follows what the last way on the path feeds, one step; -1: out of memory. */
static int conf_search_step(struct conf_loader *loader, struct conf_search *search)
{
    struct conf_step *step = &search->steps[search->depth - 1];

    while (step->next < search->way_count) {
        size_t way = step->next++;

        if (search->marks[way] == CONF_DONE ||
            !conf_feed_reaches(&step->feed, &search->ways[way])) {
            continue;
        }
        if (search->marks[way] == CONF_UNSEEN) {
            return conf_search_enter(search, way);
        }
        conf_search_found(loader, search, way);
    }
    conf_search_leave(search);
    return 0;
}

/* -1: out of memory. */
static int conf_search_init(struct conf_search *search, const struct config *config)
{
    size_t most = config->bridge_count * CONF_WAYS_MOST + 1;
    size_t i;

    *search = (struct conf_search){.config = config};
    search->ways = calloc(most, sizeof(*search->ways));
    search->steps = calloc(most, sizeof(*search->steps));
    search->marks = calloc(most, sizeof(*search->marks));
    if (search->ways == NULL || search->steps == NULL || search->marks == NULL) {
        return -1;
    }
    for (i = 0; i < config->bridge_count; i++) {
        if (config->bridges[i].enabled) {
            search->way_count +=
                conf_ways_of(&config->bridges[i], &search->ways[search->way_count]);
        }
    }
    return 0;
}

void conf_circle_check(struct conf_loader *loader)
{
    struct conf_search search;
    int result = conf_search_init(&search, loader->config);
    size_t i;

    for (i = 0; result == 0 && i < search.way_count; i++) {
        if (search.marks[i] != CONF_UNSEEN) {
            continue;
        }
        result = conf_search_enter(&search, i);
        while (result == 0 && search.depth > 0) {
            result = conf_search_step(loader, &search);
        }
    }
    while (search.depth > 0) {
        conf_search_leave(&search);
    }
    loader->out_of_memory |= result != 0;
    free(search.ways);
    free(search.steps);
    free(search.marks);
}
