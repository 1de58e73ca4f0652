/* Circles of bridges. For: refusing them before they storm. Not for: what feeds what
 * (conf/feed.c). */
#include "conf/circle.h"

#include <stdlib.h>

#include "conf/feed.h"

/* A bridge on the way that is being followed. */
struct conf_step {
    struct conf_feed feed;
    size_t bridge; /* its number */
    size_t next;   /* the next bridge to look at */
};

/* What is known of a bridge. */
enum conf_search_mark { CONF_UNSEEN, CONF_ON_THE_WAY, CONF_DONE };

/* A search under way, depth first: every pair of bridges is looked at once. */
struct conf_search {
    const struct config *config;
    struct conf_step *steps; /* the way, from where it began */
    size_t depth;
    unsigned char *marks; /* enum conf_search_mark, by number */
};

/* Begins to follow what a bridge feeds; -1: out of memory. */
static int conf_search_enter(struct conf_search *search, size_t bridge)
{
    struct conf_step *step = &search->steps[search->depth];

    step->bridge = bridge;
    step->next = 0;
    if (conf_feed_init(&step->feed, search->config, &search->config->bridges[bridge]) != 0) {
        conf_feed_fini(&step->feed);
        return -1;
    }
    search->marks[bridge] = CONF_ON_THE_WAY;
    search->depth++;
    return 0;
}

static void conf_search_leave(struct conf_search *search)
{
    struct conf_step *step = &search->steps[--search->depth];

    search->marks[step->bridge] = CONF_DONE;
    conf_feed_fini(&step->feed);
}

/* Says that the way leads back to a bridge on it. */
static void conf_search_found(struct conf_loader *loader, const struct conf_search *search,
                              size_t bridge)
{
    const struct conf_bridge *bridges = search->config->bridges;
    struct strbuf names = STRBUF_INIT;
    size_t first = 0;
    size_t i;

    while (search->steps[first].bridge != bridge) {
        first++;
    }
    for (i = first; i < search->depth; i++) {
        strbuf_append_format(&names, "\"%s\" feeds ", bridges[search->steps[i].bridge].name);
    }
    conf_problem_place(
        loader, &bridges[bridge].place,
        "a circle: %s\"%s\"; messages would go round for ever, so change one of them",
        strbuf_text(&names), bridges[bridge].name);
    strbuf_fini(&names);
}

/* Follows what the last bridge on the way feeds, one step; -1: out of memory. */
static int conf_search_step(struct conf_loader *loader, struct conf_search *search)
{
    struct conf_step *step = &search->steps[search->depth - 1];

    while (step->next < search->config->bridge_count) {
        size_t bridge = step->next++;
        const struct conf_bridge *reader = &search->config->bridges[bridge];

        if (search->marks[bridge] == CONF_DONE || !reader->enabled ||
            !conf_feed_reaches(&step->feed, reader)) {
            continue;
        }
        if (search->marks[bridge] == CONF_UNSEEN) {
            return conf_search_enter(search, bridge);
        }
        conf_search_found(loader, search, bridge);
    }
    conf_search_leave(search);
    return 0;
}

void conf_circle_check(struct conf_loader *loader)
{
    const struct config *config = loader->config;
    struct conf_search search = {.config = config};
    int result = 0;
    size_t i;

    search.steps = calloc(config->bridge_count + 1, sizeof(*search.steps));
    search.marks = calloc(config->bridge_count + 1, sizeof(*search.marks));
    if (search.steps == NULL || search.marks == NULL) {
        result = -1;
    }
    for (i = 0; result == 0 && i < config->bridge_count; i++) {
        if (!config->bridges[i].enabled || search.marks[i] != CONF_UNSEEN) {
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
    free(search.steps);
    free(search.marks);
}
