/* The hub: up to two connections to one broker, the topology on each, and their status as one. Not
 * for: the endpoints, which are made in source.c and sink.c. */
#include "amqp/hub.h"

#include <stdlib.h>
#include <string.h>

#include "amqp/hub_private.h"
#include "net/tls.h"

struct rmq_hub {
    struct loop *loop;
    const struct conf_connection *conf;
    const struct conf_topology *topology; /* NULL: none */
    const char *instance;
    struct rand *rand;
    struct tls_context *tls; /* NULL where no URL wants it */
    bool started;
    struct rmq_side sides[RMQ_PURPOSE_COUNT];
    struct loop_task closing;     /* looks whether all is closed, outside of any event */
    void (*on_closed)(void *ctx); /* owed after rmq_hub_stop() */
    void *on_closed_ctx;
};

/* Exclusive queues belong to the connection that consumes. */
static bool hub_is_with_exclusive(const struct rmq_side *side)
{
    const struct rmq_side *consuming = &side->hub->sides[RMQ_CONSUMING];

    return side == consuming || consuming->connection == NULL;
}

static void hub_on_open(void *ctx)
{
    struct rmq_side *side = ctx;

    rmq_topology_begin(side->topology, hub_is_with_exclusive(side));
}

static void hub_on_stopped(void *ctx)
{
    struct rmq_side *side = ctx;

    side->stopped = true;
    loop_defer(side->hub->loop, &side->hub->closing);
}

static const struct rmq_connection_events hub_connection_events = {
    .on_open = hub_on_open,
    .on_stopped = hub_on_stopped,
};

static void hub_on_closing(void *ctx)
{
    struct rmq_hub *hub = ctx;
    void (*on_closed)(void *ctx) = hub->on_closed;

    for (size_t i = 0; i < RMQ_PURPOSE_COUNT; i++) {
        if (hub->sides[i].connection != NULL && !hub->sides[i].stopped) {
            return;
        }
    }
    if (on_closed != NULL) {
        hub->on_closed = NULL;
        on_closed(hub->on_closed_ctx);
    }
}

static bool hub_wants_tls(const struct conf_connection *conf)
{
    for (size_t i = 0; i < conf->url_count; i++) {
        if (conf->urls[i].transport == CONF_TLS) {
            return true;
        }
    }
    return false;
}

struct rmq_hub *rmq_hub_new(struct loop *loop, const struct conf_connection *conf,
                            const struct conf_topology *topology, const char *instance,
                            struct rand *rand, struct err *err)
{
    struct tls_settings tls = {conf->tls.ca_file, conf->tls.cert_file, conf->tls.key_file,
                               conf->tls.verify};
    struct rmq_hub *hub = calloc(1, sizeof(*hub));

    if (hub == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    hub->loop = loop;
    hub->conf = conf;
    hub->topology = topology;
    hub->instance = instance;
    hub->rand = rand;
    loop_task_init(&hub->closing, hub_on_closing, hub);
    if (hub_wants_tls(conf)) {
        hub->tls = tls_context_new(&tls, err);
        if (hub->tls == NULL) {
            free(hub);
            return NULL;
        }
    }
    return hub;
}

void rmq_hub_free(struct rmq_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    loop_task_cancel(hub->loop, &hub->closing);
    for (size_t i = 0; i < RMQ_PURPOSE_COUNT; i++) {
        rmq_topology_free(hub->sides[i].topology);
        rmq_connection_free(hub->sides[i].connection);
    }
    tls_context_free(hub->tls);
    free(hub);
}

static int hub_make_side(struct rmq_hub *hub, enum rmq_purpose purpose)
{
    static const char *const names[] = {
        [RMQ_PUBLISHING] = "publishing",
        [RMQ_CONSUMING] = "consuming",
    };
    struct rmq_connection_setup setup = {
        .loop = hub->loop,
        .conf = hub->conf,
        .tls = hub->tls,
        .instance = hub->instance,
        .purpose = names[purpose],
        .rand = hub->rand,
    };
    struct rmq_side *side = &hub->sides[purpose];

    side->hub = hub;
    side->connection = rmq_connection_new(&setup, &hub_connection_events, side);
    if (side->connection == NULL) {
        return -1;
    }
    side->topology = rmq_topology_new(side->connection, hub->topology, hub->rand);
    if (side->topology == NULL) {
        rmq_connection_free(side->connection);
        side->connection = NULL;
        return -1;
    }
    if (hub->started) {
        rmq_connection_start(side->connection);
    }
    return 0;
}

struct rmq_side *rmq_hub_side(struct rmq_hub *hub, enum rmq_purpose purpose)
{
    struct rmq_side *side = &hub->sides[purpose];

    if (side->connection == NULL && hub_make_side(hub, purpose) != 0) {
        return NULL;
    }
    return side;
}

static bool hub_is_idle(const struct rmq_hub *hub)
{
    return hub->sides[RMQ_PUBLISHING].connection == NULL &&
           hub->sides[RMQ_CONSUMING].connection == NULL;
}

void rmq_hub_start(struct rmq_hub *hub)
{
    hub->started = true;
    /* A topology is declared even where no bridge uses the connection. */
    if (hub_is_idle(hub) && hub->topology != NULL) {
        rmq_hub_side(hub, RMQ_PUBLISHING);
        return;
    }
    for (size_t i = 0; i < RMQ_PURPOSE_COUNT; i++) {
        if (hub->sides[i].connection != NULL) {
            rmq_connection_start(hub->sides[i].connection);
        }
    }
}

int rmq_hub_change_topology(struct rmq_hub *hub, const struct conf_topology *topology)
{
    int result = 0;

    hub->topology = topology;
    for (size_t i = 0; i < RMQ_PURPOSE_COUNT; i++) {
        struct rmq_side *side = &hub->sides[i];

        if (side->connection != NULL &&
            rmq_topology_change(side->topology, topology, hub_is_with_exclusive(side)) != 0) {
            result = -1;
        }
    }
    if (hub->started && hub_is_idle(hub) && topology != NULL &&
        rmq_hub_side(hub, RMQ_PUBLISHING) == NULL) {
        result = -1;
    }
    return result;
}

void rmq_hub_stop(struct rmq_hub *hub, void (*on_closed)(void *ctx), void *ctx)
{
    hub->on_closed = on_closed;
    hub->on_closed_ctx = ctx;
    for (size_t i = 0; i < RMQ_PURPOSE_COUNT; i++) {
        if (hub->sides[i].connection != NULL) {
            rmq_connection_stop(hub->sides[i].connection);
        }
    }
    loop_defer(hub->loop, &hub->closing);
}

/* The sum of what was seen so far, for rmq_hub_status. */
struct hub_status {
    struct connection_status sum;
    int64_t error_us; /* when sum.last_error was */
    bool any;
};

static void hub_add_status(struct hub_status *status, const struct rmq_connection *connection)
{
    struct connection_status *sum = &status->sum;
    struct connection_status one;
    int64_t error_us;

    rmq_connection_get_status(connection, &one, &error_us);
    if (!status->any || one.state < sum->state ||
        (one.state == sum->state && one.since_us > sum->since_us)) {
        sum->state = one.state;
        sum->since_us = one.since_us;
    }
    if (error_us > status->error_us) {
        status->error_us = error_us;
        memcpy(sum->last_error, one.last_error, sizeof(sum->last_error));
    }
    sum->reconnects += one.reconnects;
    sum->bytes_in += one.bytes_in;
    sum->bytes_out += one.bytes_out;
    if (one.blocked) {
        sum->blocked = true;
        memcpy(sum->blocked_why, one.blocked_why, sizeof(sum->blocked_why));
    }
    status->any = true;
}

void rmq_hub_status(const struct rmq_hub *hub, struct connection_status *out_status)
{
    struct hub_status status = {.any = false};

    for (size_t i = 0; i < RMQ_PURPOSE_COUNT; i++) {
        if (hub->sides[i].connection != NULL) {
            hub_add_status(&status, hub->sides[i].connection);
        }
    }
    *out_status = status.sum;
}
