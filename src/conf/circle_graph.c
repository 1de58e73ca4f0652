/* What may feed what, seen from far off. For: leaving out of the search for circles, in linear
 * time, whatever cannot be on one. Not for: the circles (conf/circle.c).
 *
 * The graph has two kinds of nodes: ways, and what sinks send to a server, so that a thousand ways
 * that say the same are followed once. What nothing leads to, or what leads to nothing, is taken
 * out until nothing such is left. */
#include "conf/circle_graph.h"

#include <stdlib.h>

#include "base/strbuf.h"
#include "conf/loader.h"

struct graph_edge {
    size_t from;
    size_t to;
};

/* What some sink sends. */
struct graph_sent {
    struct slice key; /* of the table: the server, and the names there */
    const struct conf_connection *connection;
    struct conf_message message;
    size_t node;
    size_t last; /* the way that sent it last */
    UT_hash_handle hh;
};

struct graph {
    const struct conf_web *web;
    struct graph_sent *sent; /* uthash, by key; in the order of their nodes */
    size_t node_count;
    struct graph_edge *edges; /* owned */
    size_t edge_count;
    size_t from; /* of the edges that are being made */
    bool failed; /* out of memory */
};

static void graph_add_edge(struct graph *graph, size_t from, size_t to)
{
    struct graph_edge *edge =
        conf_list_append(&graph->edges, &graph->edge_count, sizeof(*graph->edges));

    if (edge == NULL) {
        graph->failed = true;
    } else {
        *edge = (struct graph_edge){from, to};
    }
}

/* The key of what is sent, in the search's memory. */
static struct slice graph_key(struct graph *graph, const struct conf_sink *sink,
                              const struct conf_message *message)
{
    struct strbuf text = STRBUF_INIT;
    struct slice key = slice_make(NULL, 0);

    strbuf_append_text(&text, sink->connection->name);
    strbuf_append(&text, "\n", 1);
    strbuf_append_slice(&text, message->exchange);
    strbuf_append(&text, "\n", 1);
    strbuf_append_slice(&text, message->glob);
    if (!strbuf_failed(&text)) {
        key.data = conf_memory_copy(graph->web->memory, strbuf_slice(&text));
        key.len = text.len;
    }
    graph->failed |= key.data == NULL;
    strbuf_fini(&text);
    return key;
}

static void graph_add_sent(struct graph *graph, size_t way, const struct conf_sink *sink,
                           const struct conf_message *message)
{
    struct slice key = graph_key(graph, sink, message);
    struct graph_sent *sent = NULL;

    if (key.data == NULL) {
        return;
    }
    HASH_FIND(hh, graph->sent, key.data, key.len, sent);
    if (sent == NULL) {
        sent = conf_memory_take(graph->web->memory, sizeof(*sent));
        if (sent == NULL) {
            graph->failed = true;
            return;
        }
        *sent = (struct graph_sent){.key = key,
                                    .connection = sink->connection,
                                    .message = *message,
                                    .node = graph->node_count++,
                                    .last = SIZE_MAX};
        HASH_ADD_KEYPTR(hh, graph->sent, sent->key.data, sent->key.len, sent);
        graph->failed |= sent->hh.tbl == NULL;
    }
    if (sent->last != way) {
        sent->last = way;
        graph_add_edge(graph, way, sent->node);
    }
}

static void graph_add_way(struct graph *graph, size_t way)
{
    size_t count = conf_web_count(graph->web, way);
    int outlet;
    size_t i;

    for (outlet = CONF_OUT; outlet < CONF_OUTLETS; outlet++) {
        const struct conf_sink *sink = conf_web_sink(graph->web, way, (enum conf_outlet)outlet);

        for (i = 0; sink != NULL && i < count && !graph->failed; i++) {
            struct conf_message come;
            struct conf_message sent;

            conf_web_begin(graph->web, way, i, &come);
            if (conf_web_send(graph->web, way, sink, &come, &sent) != 0) {
                graph->failed = true;
                return;
            }
            graph_add_sent(graph, way, sink, &sent);
        }
    }
}

static void graph_on_reader(void *ctx, size_t way, const struct conf_message *message)
{
    struct graph *graph = ctx;

    (void)message;
    graph_add_edge(graph, graph->from, way);
}

static void graph_make(struct graph *graph)
{
    struct graph_sent *sent, *next;
    size_t i;

    graph->node_count = graph->web->way_count;
    for (i = 0; i < graph->web->way_count && !graph->failed; i++) {
        graph_add_way(graph, i);
    }
    HASH_ITER(hh, graph->sent, sent, next) {
        graph->from = sent->node;
        graph->failed |= conf_routes_follow(graph->web->routes, sent->connection, &sent->message,
                                            graph_on_reader, graph) != 0;
    }
}

/* The edges of each node, those that end at it or those that begin at it. */
struct graph_side {
    size_t *first;  /* owned: where those of a node begin in `others`; one more than there are */
    size_t *others; /* owned: the nodes at their other ends */
    size_t *left;   /* owned: how many of them are not taken out */
};

static int graph_side_init(struct graph_side *side, const struct graph *graph, bool of_end)
{
    size_t i;

    side->first = calloc(graph->node_count + 2, sizeof(*side->first));
    side->others = calloc(graph->edge_count + 1, sizeof(*side->others));
    side->left = calloc(graph->node_count + 1, sizeof(*side->left));
    if (side->first == NULL || side->others == NULL || side->left == NULL) {
        return -1;
    }
    for (i = 0; i < graph->edge_count; i++) {
        side->left[of_end ? graph->edges[i].to : graph->edges[i].from]++;
    }
    for (i = 0; i < graph->node_count; i++) {
        side->first[i + 1] = side->first[i] + side->left[i];
        side->left[i] = 0;
    }
    for (i = 0; i < graph->edge_count; i++) {
        const struct graph_edge *edge = &graph->edges[i];
        size_t node = of_end ? edge->to : edge->from;

        side->others[side->first[node] + side->left[node]++] = of_end ? edge->from : edge->to;
    }
    return 0;
}

static void graph_side_fini(struct graph_side *side)
{
    free(side->first);
    free(side->others);
    free(side->left);
}

/* Nodes that were taken out, and those of them whose neighbours do not know it yet. */
struct graph_gone {
    bool *is;        /* owned */
    size_t *waiting; /* owned */
    size_t count;    /* of the waiting */
};

static void graph_take_out(struct graph_gone *gone, size_t node)
{
    if (!gone->is[node]) {
        gone->is[node] = true;
        gone->waiting[gone->count++] = node;
    }
}

/* What lies on one side of a node that is gone has one neighbour less on its other side. */
static void graph_tell_gone(struct graph_gone *gone, const struct graph_side *side,
                            const struct graph_side *opposite, size_t node)
{
    size_t i;

    for (i = side->first[node]; i < side->first[node + 1]; i++) {
        if (--opposite->left[side->others[i]] == 0) {
            graph_take_out(gone, side->others[i]);
        }
    }
}

/* Takes out nodes with nothing on one side, and then those that have nothing there because of
 * that. */
static void graph_trim(const struct graph *graph, const struct graph_side sides[2],
                       struct graph_gone *gone)
{
    size_t i;

    for (i = 0; i < graph->node_count; i++) {
        if (sides[0].left[i] == 0 || sides[1].left[i] == 0) {
            graph_take_out(gone, i);
        }
    }
    while (gone->count > 0) {
        size_t node = gone->waiting[--gone->count];

        graph_tell_gone(gone, &sides[0], &sides[1], node);
        graph_tell_gone(gone, &sides[1], &sides[0], node);
    }
}

int conf_web_mark(const struct conf_web *web, bool *out_marks)
{
    struct graph graph = {.web = web};
    struct graph_side sides[2] = {{NULL, NULL, NULL}, {NULL, NULL, NULL}};
    struct graph_gone gone;
    int result = -1;
    size_t i;

    graph_make(&graph);
    gone = (struct graph_gone){.is = calloc(graph.node_count + 1, sizeof(*gone.is)),
                               .waiting = calloc(graph.node_count + 1, sizeof(*gone.waiting))};
    if (!graph.failed && gone.is != NULL && gone.waiting != NULL &&
        graph_side_init(&sides[0], &graph, true) == 0 &&
        graph_side_init(&sides[1], &graph, false) == 0) {
        result = 0;
        graph_trim(&graph, sides, &gone);
    }
    for (i = 0; result == 0 && i < web->way_count; i++) {
        out_marks[i] = !gone.is[i];
    }
    HASH_CLEAR(hh, graph.sent);
    graph_side_fini(&sides[0]);
    graph_side_fini(&sides[1]);
    free(gone.is);
    free(gone.waiting);
    free(graph.edges);
    return result;
}
