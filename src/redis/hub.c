/* One configured Redis connection. For: its sockets, made when first needed: one for all shared
 * subscriptions, one for each dedicated source, one for publishing; their status as one. Not for:
 * what happens on them. */
#include "redis/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/tls.h"
#include "redis/answer.h"
#include "redis/canary.h"
#include "redis/publisher.h"
#include "redis/sink.h"
#include "redis/source.h"
#include "redis/subscriber.h"
#include "redis/watch.h"

enum { HUB_PURPOSE_SIZE = 80 }; /* "subscribe-" and the name of a bridge */

/* A subscribing socket. */
struct hub_subscriber {
    LIST_ENTRY(hub_subscriber) link;
    struct redis_subscriber *subscriber; /* owned */
    struct redis_watched watched;
    struct redis_canary_ear ear;
    bool dedicated;   /* to the sources of one bridge, with which it goes */
    unsigned sources; /* dedicated: those that it has */
    char purpose[HUB_PURPOSE_SIZE];
};

struct redis_hub {
    struct redis_connection_setup setup; /* of all its sockets, but for their purpose */
    struct tls_context *tls;             /* owned; NULL: no url needs it */
    LIST_HEAD(, hub_subscriber) subscribers;
    struct redis_publisher *publisher; /* owned; NULL: not needed yet */
    struct redis_watch *watch;         /* owned; of the subscribing sockets, through `publisher` */
    struct redis_canary *canary;       /* owned, likewise; NULL: not wanted */
    bool started;
};

static struct tls_context *hub_new_tls(const struct conf_connection *conf, struct err *err)
{
    struct tls_settings settings = {
        .ca_file = conf->tls.ca_file,
        .cert_file = conf->tls.cert_file,
        .key_file = conf->tls.key_file,
        .verify = conf->tls.verify,
    };

    return tls_context_new(&settings, err);
}

static bool hub_needs_tls(const struct conf_connection *conf)
{
    size_t i;

    for (i = 0; i < conf->url_count; i++) {
        if (conf->urls[i].transport == CONF_TLS) {
            return true;
        }
    }
    return false;
}

struct redis_hub *redis_hub_new(struct loop *loop, const struct conf_connection *conf,
                                const char *instance, struct rand *rand, struct err *err)
{
    struct redis_hub *hub = calloc(1, sizeof(*hub));

    if (hub == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    LIST_INIT(&hub->subscribers);
    if (hub_needs_tls(conf)) {
        hub->tls = hub_new_tls(conf, err);
        if (hub->tls == NULL) {
            free(hub);
            return NULL;
        }
    }
    hub->setup = (struct redis_connection_setup){
        .loop = loop,
        .conf = conf,
        .tls = hub->tls,
        .rand = rand,
        .instance = instance,
        .ping_us = REDIS_PING_US,
    };
    hub->watch = redis_watch_new(loop, conf->name);
    if (conf->canary_us != 0) {
        hub->canary = redis_canary_new(&hub->setup, conf->canary_us);
    }
    if (hub->watch == NULL || (conf->canary_us != 0 && hub->canary == NULL)) {
        err_set(err, "out of memory");
        redis_hub_free(hub);
        return NULL;
    }
    return hub;
}

static void hub_free_subscriber(struct redis_hub *hub, struct hub_subscriber *socket)
{
    redis_watch_remove(hub->watch, &socket->watched);
    redis_canary_remove(&socket->ear);
    LIST_REMOVE(socket, link);
    redis_subscriber_free(socket->subscriber);
    free(socket);
}

void redis_hub_free(struct redis_hub *hub)
{
    struct hub_subscriber *socket;

    if (hub == NULL) {
        return;
    }
    while ((socket = LIST_FIRST(&hub->subscribers)) != NULL) {
        hub_free_subscriber(hub, socket);
    }
    redis_watch_free(hub->watch);
    redis_canary_free(hub->canary);
    redis_publisher_free(hub->publisher);
    tls_context_free(hub->tls);
    free(hub);
}

void redis_hub_start(struct redis_hub *hub)
{
    struct hub_subscriber *socket;

    hub->started = true;
    LIST_FOREACH(socket, &hub->subscribers, link) {
        redis_subscriber_start(socket->subscriber);
    }
    if (hub->publisher != NULL) {
        redis_publisher_start(hub->publisher);
    }
}

/* The publishing socket, made where there is none; NULL: out of memory. */
static struct redis_publisher *hub_publisher(struct redis_hub *hub)
{
    struct redis_connection_setup setup = hub->setup;

    if (hub->publisher != NULL) {
        return hub->publisher;
    }
    setup.purpose = "publish";
    setup.needs_master = true;
    hub->publisher = redis_publisher_new(&setup);
    if (hub->publisher != NULL) {
        redis_watch_set_asker(hub->watch, redis_publisher_connection(hub->publisher));
        if (hub->canary != NULL) {
            redis_canary_set_publisher(hub->canary, redis_publisher_connection(hub->publisher));
        }
    }
    if (hub->publisher != NULL && hub->started) {
        redis_publisher_start(hub->publisher);
    }
    return hub->publisher;
}

/* Lets the canary be heard on the socket, where there is one; 0, or -1: out of memory. */
static int hub_add_ear(struct redis_hub *hub, struct hub_subscriber *socket)
{
    if (hub->canary == NULL) {
        return 0;
    }
    return hub_publisher(hub) != NULL
               ? redis_canary_add(hub->canary, &socket->ear, socket->subscriber)
               : -1;
}

/* A new subscribing socket; `bridge` NULL: the shared one. */
static struct hub_subscriber *hub_new_subscriber(struct redis_hub *hub, const char *bridge)
{
    struct hub_subscriber *socket = calloc(1, sizeof(*socket));
    struct redis_connection_setup setup = hub->setup;

    if (socket == NULL) {
        return NULL;
    }
    socket->dedicated = bridge != NULL;
    snprintf(socket->purpose, sizeof(socket->purpose), bridge ? "subscribe-%s" : "subscribe",
             bridge);
    setup.purpose = socket->purpose;
    socket->subscriber = redis_subscriber_new(&setup);
    if (socket->subscriber == NULL) {
        free(socket);
        return NULL;
    }
    LIST_INSERT_HEAD(&hub->subscribers, socket, link);
    redis_watch_add(hub->watch, &socket->watched, redis_subscriber_connection(socket->subscriber));
    if (hub_add_ear(hub, socket) != 0) {
        hub_free_subscriber(hub, socket);
        return NULL;
    }
    if (hub->started) {
        redis_subscriber_start(socket->subscriber);
    }
    return socket;
}

static struct hub_subscriber *hub_shared_subscriber(struct redis_hub *hub)
{
    struct hub_subscriber *socket;

    LIST_FOREACH(socket, &hub->subscribers, link) {
        if (!socket->dedicated) {
            return socket;
        }
    }
    return hub_new_subscriber(hub, NULL);
}

/* The socket of one bridge, made where there is none. */
static struct hub_subscriber *hub_own_subscriber(struct redis_hub *hub, const char *bridge)
{
    struct hub_subscriber *socket;

    LIST_FOREACH(socket, &hub->subscribers, link) {
        if (socket->dedicated && strcmp(socket->purpose + strlen("subscribe-"), bridge) == 0) {
            return socket;
        }
    }
    return hub_new_subscriber(hub, bridge);
}

static void hub_drop_source(struct redis_hub *hub, struct hub_subscriber *socket)
{
    if (--socket->sources == 0) {
        hub_free_subscriber(hub, socket);
    }
}

/* A source was freed: its own socket goes with the last one. */
static void hub_on_source_free(void *ctx, struct redis_subscriber *subscriber)
{
    struct redis_hub *hub = ctx;
    struct hub_subscriber *socket;

    LIST_FOREACH(socket, &hub->subscribers, link) {
        if (socket->subscriber == subscriber && socket->dedicated) {
            hub_drop_source(hub, socket);
            return;
        }
    }
}

struct source *redis_source_new(struct redis_hub *hub, const struct conf_source *conf,
                                const char *bridge, bool dedicated)
{
    struct hub_subscriber *socket =
        dedicated ? hub_own_subscriber(hub, bridge) : hub_shared_subscriber(hub);
    struct source *source;

    if (socket == NULL) {
        return NULL;
    }
    socket->sources += dedicated;
    source =
        redis_source_make(socket->subscriber, conf, bridge, dedicated, hub_on_source_free, hub);
    if (source == NULL && dedicated) {
        hub_drop_source(hub, socket);
    }
    return source;
}

struct sink *redis_sink_new(struct redis_hub *hub, const struct conf_sink *conf,
                            const struct bridge_options *options)
{
    struct redis_publisher *publisher = hub_publisher(hub);

    (void)conf; /* where to is in what is sent */
    return publisher ? redis_sink_make(publisher, options, hub->setup.conf->max_message_size)
                     : NULL;
}

/* Errors only: how many subscribers there are is of no matter to a report. */
static void hub_on_published(void *ctx, void *arg, const struct resp_frame *reply)
{
    struct redis_hub *hub = ctx;
    struct err why;

    (void)arg;
    if (reply->type == RESP_ERROR) {
        redis_answer_words(reply, &why);
        log_warn("report", NULL, "the server refused to publish it",
                 log_text("connection", hub->setup.conf->name), log_text("error", why.text));
    }
}

int redis_hub_publish(struct redis_hub *hub, struct slice channel, struct slice body)
{
    struct redis_publisher *publisher = hub_publisher(hub);

    if (publisher == NULL) {
        return -1;
    }
    return redis_publisher_publish(publisher, channel, body, false, hub_on_published, hub, NULL);
}

void redis_hub_want_publisher(struct redis_hub *hub)
{
    if (hub_publisher(hub) == NULL) {
        log_error("connection", hub->setup.conf->name, "cannot publish: out of memory");
    }
}

void redis_hub_hold_reading(struct redis_hub *hub, bool hold)
{
    struct hub_subscriber *socket;

    LIST_FOREACH(socket, &hub->subscribers, link) {
        if (socket->dedicated) {
            continue;
        }
        if (hold) {
            redis_subscriber_pause(socket->subscriber, REDIS_PAUSE_DISK);
        } else {
            redis_subscriber_resume(socket->subscriber, REDIS_PAUSE_DISK);
        }
    }
}

uint64_t redis_hub_bytes_read(const struct redis_hub *hub)
{
    const struct hub_subscriber *socket;
    uint64_t bytes = 0;

    LIST_FOREACH(socket, &hub->subscribers, link) {
        bytes += redis_connection_bytes_in(redis_subscriber_connection(socket->subscriber));
    }
    return bytes;
}

bool redis_hub_is_caught_up(const struct redis_hub *hub)
{
    const struct hub_subscriber *socket;
    bool is = true;

    LIST_FOREACH(socket, &hub->subscribers, link) {
        is = is && (socket->dedicated ||
                    redis_connection_is_caught_up(redis_subscriber_connection(socket->subscriber)));
    }
    return is;
}

/* The sum of what was seen so far, for redis_hub_status. */
struct hub_status {
    struct connection_status sum;
    uint64_t error_us; /* monotonic time of sum.last_error */
    bool any;
};

static void hub_add_status(struct hub_status *status, const struct redis_connection *connection)
{
    struct connection_status one;
    struct connection_status *sum = &status->sum;
    uint64_t error_us;

    redis_connection_get_status(connection, &one, &error_us);
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
    status->any = true;
}

void redis_hub_status(const struct redis_hub *hub, struct connection_status *out_status)
{
    struct hub_status status = {.any = false};
    const struct hub_subscriber *socket;

    LIST_FOREACH(socket, &hub->subscribers, link) {
        hub_add_status(&status, redis_subscriber_connection(socket->subscriber));
    }
    if (hub->publisher != NULL) {
        hub_add_status(&status, redis_publisher_connection(hub->publisher));
    }
    if (hub->canary != NULL) {
        redis_canary_get_status(hub->canary, &status.sum.canary);
    }
    status.sum.knows_lag = redis_watch_lag(hub->watch, &status.sum.subscriber_lag);
    *out_status = status.sum;
}
