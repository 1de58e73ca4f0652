/* Circles of bridges. For: refusing them before they storm. Not for: what messages are like
 * (circle_web.c), where they go (routes.c), or what cannot be on a circle (circle_graph.c).
 *
 * From each way that may be on a circle messages are followed, with all that the templates make of
 * their names, until they come where they were before. A first search follows examples only: what
 * comes back then surely does, for at least one message. The second one follows all that may be. */
#include "conf/circle.h"

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "conf/circle_graph.h"

enum {
    SEARCH_VISITS = 4,    /* of one way from one beginning, each with other messages */
    SEARCH_TURNS = 3,     /* of a circle that makes other names each time round */
    SEARCH_STEPS = 20000, /* and so many a way; then it is given up, as rules may be hostile */
    SEARCH_STEPS_A_WAY = 16,
};

/* What comes after a step. */
struct search_next {
    size_t way;
    enum conf_outlet outlet; /* of the step before it */
    struct conf_message message;
};

/* A step of the path that is being followed. */
struct search_step {
    size_t way;
    enum conf_outlet outlet; /* through which the one before it came here */
    struct conf_message message;
    struct search_next *nexts; /* owned */
    size_t next_count;
    size_t at;              /* of the nexts */
    enum conf_outlet asked; /* while these are gathered: the outlet */
};

struct search {
    struct conf_loader *loader;
    struct conf_web web;
    bool *marks;               /* owned: ways that may be on a circle */
    bool *told;                /* owned: those on one that was told of */
    unsigned char *visits;     /* owned: of each way, from this beginning */
    struct search_step *steps; /* owned: the path */
    size_t depth;
    bool examples_only;
    size_t left; /* of SEARCH_STEPS */
    bool found;  /* from this beginning */
    bool failed; /* out of memory */
};

static void search_on_reader(void *ctx, size_t way, const struct conf_message *message)
{
    struct search *search = ctx;
    struct search_step *step = &search->steps[search->depth - 1];
    const struct conf_way *ways = search->web.ways;
    struct search_next *next;

    search->left -= search->left > 0;
    if (!search->marks[way] || (search->examples_only && message->example.data == NULL) ||
        (step->asked == CONF_OUT && conf_way_is_covered(&ways[step->way], &ways[way]))) {
        return;
    }
    next = conf_list_append(&step->nexts, &step->next_count, sizeof(*next));
    if (next == NULL) {
        search->failed = true;
    } else {
        *next = (struct search_next){way, step->asked, *message};
    }
}

static void search_enter(struct search *search, size_t way, enum conf_outlet outlet,
                         const struct conf_message *message)
{
    struct search_step *step = &search->steps[search->depth++];
    int asked;

    *step = (struct search_step){.way = way, .outlet = outlet, .message = *message};
    search->visits[way]++;
    search->left -= search->left > 0;
    for (asked = CONF_OUT; asked < CONF_OUTLETS && !search->failed; asked++) {
        const struct conf_sink *sink = conf_web_sink(&search->web, way, (enum conf_outlet)asked);
        struct conf_message sent;

        step->asked = (enum conf_outlet)asked;
        if (sink != NULL && (conf_web_send(&search->web, way, sink, message, &sent) != 0 ||
                             conf_routes_follow(search->web.routes, sink->connection, &sent,
                                                search_on_reader, search) != 0)) {
            search->failed = true;
        }
    }
}

static void search_leave(struct search *search)
{
    free(search->steps[--search->depth].nexts);
}

/* A circle that was found: the steps from `first` on, and how the last of them leads back. */
struct circle {
    size_t first;
    bool surely;
    bool filtered;
    bool dead;
};

/* The step of a circle whose bridge comes first in the configuration. */
static size_t search_first(const struct search *search, const struct circle *circle)
{
    size_t least = circle->first;
    size_t i;

    for (i = circle->first; i < search->depth; i++) {
        if (search->steps[i].way < search->steps[least].way) {
            least = i;
        }
    }
    return least;
}

/* With the other way of its bridge: changing that bridge is what it takes. */
static void search_note_told(struct search *search, size_t way)
{
    const struct conf_way *ways = search->web.ways;

    search->told[way] = true;
    if (way > 0 && ways[way - 1].bridge == ways[way].bridge) {
        search->told[way - 1] = true;
    }
    if (way + 1 < search->web.way_count && ways[way + 1].bridge == ways[way].bridge) {
        search->told[way + 1] = true;
    }
}

static void search_tell(struct search *search, const struct circle *circle)
{
    size_t first = search_first(search, circle);
    size_t count = search->depth - circle->first;
    const struct conf_bridge *back = search->web.ways[search->steps[first].way].bridge;
    struct strbuf names = STRBUF_INIT;
    size_t i;

    for (i = 0; i < count; i++) {
        size_t way = search->steps[circle->first + (first - circle->first + i) % count].way;
        const struct conf_bridge *fed = search->web.ways[way].bridge;

        search_note_told(search, way);
        strbuf_append_format(&names, "\"%s\" (%s:%u) feeds ", fed->name, fed->place.file,
                             fed->place.line);
    }
    if (!circle->surely) {
        conf_warning(
            search->loader, &back->place,
            "perhaps a circle: %s\"%s\"; what has the names for it would go round for ever",
            strbuf_text(&names), back->name);
    } else if (circle->filtered) {
        conf_warning(search->loader, &back->place,
                     "a circle: %s\"%s\"; what passes every filter on it would go round for ever",
                     strbuf_text(&names), back->name);
    } else {
        conf_problem_place(search->loader, &back->place,
                           "a circle: %s\"%s\"; %s would go round for ever, so change one of them",
                           strbuf_text(&names), back->name,
                           circle->dead ? "what is refused" : "messages");
    }
    strbuf_fini(&names);
}

static bool search_same(struct slice a, struct slice b)
{
    return (a.data == NULL) == (b.data == NULL) && slice_equal(a, b);
}

/* Whether the way is on the path already, with the same messages or often enough; what of the path
 * is the circle then. */
static bool search_closes(const struct search *search, const struct search_next *next,
                          struct circle *out)
{
    size_t turns = 0;
    size_t i = search->depth;
    bool surely = next->message.example.data != NULL;

    *out = (struct circle){.dead = next->outlet == CONF_DEAD};
    while (i-- > 0) {
        const struct search_step *step = &search->steps[i];

        if (turns == 0) {
            out->filtered |= search->web.ways[step->way].bridge->filter.condition != NULL;
            surely &= step->message.example.data != NULL;
        }
        if (step->way == next->way) {
            out->first = turns == 0 ? i : out->first;
            turns++;
            if (surely ? search_same(step->message.example, next->message.example)
                       : search_same(step->message.glob, next->message.glob)) {
                out->surely = surely;
                return true;
            }
        }
        out->dead |= turns == 0 && step->outlet == CONF_DEAD;
    }
    out->surely = surely;
    return turns >= SEARCH_TURNS;
}

/* Whether somebody was told of all bridges of the circle before. */
static bool search_is_known(const struct search *search, const struct circle *circle)
{
    size_t i;

    for (i = circle->first; i < search->depth; i++) {
        if (!search->told[search->steps[i].way]) {
            return false;
        }
    }
    return true;
}

/* Goes one step further. */
static void search_go(struct search *search)
{
    struct search_step *step = &search->steps[search->depth - 1];
    struct circle circle;

    while (step->at < step->next_count && !search->found) {
        const struct search_next *next = &step->nexts[step->at++];

        if (search_closes(search, next, &circle)) {
            search->found = !search_is_known(search, &circle);
            if (search->found) {
                search_tell(search, &circle);
            }
        } else if (search->visits[next->way] < SEARCH_VISITS) {
            search_enter(search, next->way, next->outlet, &next->message);
            return;
        }
    }
    search_leave(search);
}

/* Follows what comes to a way, one kind of messages after the other, until there is a circle. */
static void search_from(struct search *search, size_t way)
{
    size_t count = conf_web_count(&search->web, way);
    size_t i;

    search->found = false;
    for (i = 0; i < count && !search->found && !search->failed && search->left > 0; i++) {
        struct conf_message message;

        memset(search->visits, 0, search->web.way_count);
        conf_web_begin(&search->web, way, i, &message);
        search_enter(search, way, CONF_OUT, &message);
        while (search->depth > 0 && !search->failed && search->left > 0) {
            search_go(search);
        }
        while (search->depth > 0) {
            search_leave(search);
        }
    }
}

static void search_all(struct search *search, bool examples_only)
{
    size_t i;

    search->examples_only = examples_only;
    search->left = SEARCH_STEPS + SEARCH_STEPS_A_WAY * search->web.way_count;
    for (i = 0; i < search->web.way_count && !search->failed; i++) {
        if (search->marks[i] && !search->told[i]) {
            search_from(search, i);
        }
    }
}

static int search_init(struct search *search, struct conf_loader *loader)
{
    const struct config *config = loader->config;
    size_t most = config->bridge_count * CONF_WAYS_MOST + 1;
    struct conf_web *web = &search->web;
    size_t i;

    *search = (struct search){.loader = loader};
    web->config = config;
    web->memory = conf_memory_new();
    web->ways = calloc(most, sizeof(*web->ways));
    search->marks = calloc(most, sizeof(*search->marks));
    search->told = calloc(most, sizeof(*search->told));
    search->visits = calloc(most, sizeof(*search->visits));
    search->steps = calloc(most * SEARCH_VISITS, sizeof(*search->steps));
    if (web->memory == NULL || web->ways == NULL || search->marks == NULL || search->told == NULL ||
        search->visits == NULL || search->steps == NULL) {
        return -1;
    }
    for (i = 0; i < config->bridge_count; i++) {
        if (config->bridges[i].enabled) {
            web->way_count += conf_ways_of(&config->bridges[i], &web->ways[web->way_count]);
        }
    }
    web->routes = conf_routes_new(config, web->ways, web->way_count, web->memory);
    return web->routes == NULL ? -1 : conf_web_mark(web, search->marks);
}

static void search_fini(struct search *search)
{
    conf_routes_free(search->web.routes);
    conf_memory_free(search->web.memory);
    free(search->web.ways);
    free(search->marks);
    free(search->told);
    free(search->visits);
    free(search->steps);
}

void conf_circle_check(struct conf_loader *loader)
{
    struct search search;
    int result = search_init(&search, loader);

    if (result == 0) {
        search_all(&search, true);
        search_all(&search, false);
    }
    loader->out_of_memory |=
        result != 0 || search.failed || conf_routes_has_failed(search.web.routes);
    search_fini(&search);
}
