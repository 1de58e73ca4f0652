/* From a name to a connected socket. For: resolving (evdns, never getaddrinfo), connecting and
 * socket options. Not for: TLS and reading and writing (stream_*.c), trying again (the owners of
 * links). */
#include "net/dialer.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/address.h"

enum {
    DIALER_HOST_SIZE = 256,
    DIALER_KEEPALIVE_IDLE_S = 30,
    DIALER_KEEPALIVE_INTERVAL_S = 10,
    DIALER_KEEPALIVE_PROBES = 3,
};

/* A name being looked up. Its own allocation, because evdns calls back after a cancel too. */
struct lookup {
    struct dialer *dialer; /* NULL: cancelled */
    struct evdns_getaddrinfo_request *request;
};

struct dialer {
    struct loop *loop;
    const struct dialer_events *events;
    void *ctx;
    struct loop_task begin;      /* from dialer_start() into the loop */
    struct loop_timer timer;     /* of the lookup or of the address being tried */
    struct lookup *lookup;       /* under way, or NULL */
    struct address_list list;    /* what the name resolved to */
    size_t next;                 /* address to try after this one */
    int fd;                      /* connecting, or -1 */
    struct event *writable;      /* on fd */
    char host[DIALER_HOST_SIZE]; /* or the path of a unix socket */
    uint16_t port;
    bool is_unix;
    uint64_t deadline_us;
    uint64_t timeout_us;
    uint64_t user_timeout_us;
    char peer[DIALER_PEER_SIZE]; /* the address being tried */
    char why[256];               /* what the last address failed with */
};

static void dialer_try_next(struct dialer *dialer);

static void dialer_close_socket(struct dialer *dialer)
{
    if (dialer->writable != NULL) {
        event_free(dialer->writable);
        dialer->writable = NULL;
    }
    if (dialer->fd >= 0) {
        close(dialer->fd);
        dialer->fd = -1;
    }
}

void dialer_cancel(struct dialer *dialer)
{
    loop_task_cancel(dialer->loop, &dialer->begin);
    loop_timer_cancel(&dialer->timer);
    dialer_close_socket(dialer);
    address_list_fini(&dialer->list);
    if (dialer->lookup != NULL) {
        dialer->lookup->dialer = NULL;
        evdns_getaddrinfo_cancel(dialer->lookup->request);
        dialer->lookup = NULL;
    }
}

static void dialer_fail(struct dialer *dialer, const char *why)
{
    char copy[sizeof(dialer->why)];

    snprintf(copy, sizeof(copy), "%s", why);
    dialer_cancel(dialer);
    dialer->events->on_failed(dialer->ctx, copy);
}

/* Every option is a help, not a need: what a kind of socket does not know is passed over. */
static void dialer_set_options(const struct dialer *dialer, int fd)
{
    int on = 1;
    int idle = DIALER_KEEPALIVE_IDLE_S;
    int interval = DIALER_KEEPALIVE_INTERVAL_S;
    int probes = DIALER_KEEPALIVE_PROBES;
    unsigned user_timeout_ms = (unsigned)(dialer->user_timeout_us / CLOCK_US_PER_MS);

    if (dialer->is_unix) {
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    if (user_timeout_ms > 0) {
        /* A dead peer is found while data is unacknowledged, where keepalive is silent. */
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof(user_timeout_ms));
    }
}

static void dialer_succeed(struct dialer *dialer)
{
    int fd = dialer->fd;
    char peer[DIALER_PEER_SIZE];

    memcpy(peer, dialer->peer, sizeof(peer));
    event_free(dialer->writable);
    dialer->writable = NULL;
    dialer->fd = -1;
    dialer_cancel(dialer);
    dialer->events->on_connected(dialer->ctx, fd, peer);
}

/* This address did not work: say why and go on to the next. */
static void dialer_give_up_address(struct dialer *dialer, const char *why)
{
    snprintf(dialer->why, sizeof(dialer->why), "%.120s: %.100s", dialer->peer, why);
    dialer_close_socket(dialer);
    dialer_try_next(dialer);
}

static void dialer_on_writable(evutil_socket_t fd, short what, void *ctx)
{
    struct dialer *dialer = ctx;
    int error = 0;
    socklen_t len = sizeof(error);

    (void)what;
    loop_touch(dialer->loop);
    if (getsockopt((int)fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    if (error != 0) {
        dialer_give_up_address(dialer, strerror(error));
        return;
    }
    dialer_succeed(dialer);
}

/* A non-blocking socket that connects to `address`, watched; -1 with errno set. */
static int dialer_open(struct dialer *dialer, const struct address *address)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->storage;

    dialer->fd = socket(name->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dialer->fd < 0) {
        return -1;
    }
    dialer_set_options(dialer, dialer->fd);
    if (connect(dialer->fd, name, address->len) != 0 && errno != EINPROGRESS) {
        return -1;
    }
    dialer->writable =
        event_new(loop_event_base(dialer->loop), dialer->fd, EV_WRITE, dialer_on_writable, dialer);
    if (dialer->writable == NULL || event_add(dialer->writable, NULL) != 0) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

static void dialer_try_next(struct dialer *dialer)
{
    uint64_t now = loop_now_us(dialer->loop);
    size_t left = dialer->list.count - dialer->next;
    const struct address *address;

    if (left == 0 || now >= dialer->deadline_us) {
        dialer_fail(dialer, dialer->why);
        return;
    }
    address = &dialer->list.items[dialer->next++];
    address_format(address, dialer->peer, sizeof(dialer->peer));
    if (dialer_open(dialer, address) != 0) {
        dialer_give_up_address(dialer, strerror(errno));
        return;
    }
    loop_timer_set(&dialer->timer, (dialer->deadline_us - now) / left);
}

static void dialer_on_timer(void *ctx)
{
    struct dialer *dialer = ctx;
    char why[sizeof(dialer->why)];
    double seconds = (double)dialer->timeout_us / (double)CLOCK_US_PER_S;

    if (dialer->lookup != NULL) {
        snprintf(why, sizeof(why), "timed out after %.3g s resolving %.160s", seconds,
                 dialer->host);
        dialer_fail(dialer, why);
        return;
    }
    snprintf(why, sizeof(why), "timed out connecting (limit %.3g s)", seconds);
    dialer_give_up_address(dialer, why);
}

static void dialer_on_resolved(int result, struct evutil_addrinfo *found, void *ctx)
{
    struct lookup *lookup = ctx;
    struct dialer *dialer = lookup->dialer;
    char why[sizeof(dialer->why)];

    free(lookup);
    if (dialer == NULL) {
        if (found != NULL) {
            evutil_freeaddrinfo(found);
        }
        return;
    }
    dialer->lookup = NULL;
    loop_timer_cancel(&dialer->timer);
    loop_touch(dialer->loop);
    if (result == 0 && address_list_take(&dialer->list, found) != 0) {
        result = EVUTIL_EAI_MEMORY;
    }
    if (found != NULL) {
        evutil_freeaddrinfo(found);
    }
    if (result != 0) {
        snprintf(why, sizeof(why), "cannot resolve %.160s: %.60s", dialer->host,
                 evutil_gai_strerror(result));
        dialer_fail(dialer, why);
        return;
    }
    dialer_try_next(dialer);
}

static void dialer_look_up(struct dialer *dialer)
{
    /* No AI_ADDRCONFIG: libevent then takes a host with loopback and unique local IPv6 addresses
     * only for one without IPv6, and refuses even "::1". What is out of reach fails at once. */
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    struct evdns_getaddrinfo_request *request;
    char service[8];

    if (lookup == NULL) {
        dialer_fail(dialer, "out of memory");
        return;
    }
    lookup->dialer = dialer;
    dialer->lookup = lookup;
    snprintf(service, sizeof(service), "%u", (unsigned)dialer->port);
    loop_timer_set(&dialer->timer, dialer->timeout_us);
    /* NULL: it was answered at once, and `lookup` is gone. */
    request = evdns_getaddrinfo(loop_evdns_base(dialer->loop), dialer->host, service, &hints,
                                dialer_on_resolved, lookup);
    if (request != NULL) {
        lookup->request = request;
    }
}

static void dialer_on_begin(void *ctx)
{
    struct dialer *dialer = ctx;

    dialer->deadline_us = loop_touch(dialer->loop) + dialer->timeout_us;
    dialer->next = 0;
    if (!dialer->is_unix) {
        dialer_look_up(dialer);
        return;
    }
    if (address_list_take_path(&dialer->list, dialer->host) != 0) {
        dialer_fail(dialer, "the path of the unix socket is too long");
        return;
    }
    dialer_try_next(dialer);
}

void dialer_start(struct dialer *dialer, const struct link_target *target)
{
    dialer_cancel(dialer);
    dialer->is_unix = target->transport == LINK_UNIX;
    snprintf(dialer->host, sizeof(dialer->host), "%s",
             dialer->is_unix ? target->path : target->host);
    dialer->port = target->port;
    dialer->timeout_us = target->connect_timeout_us;
    dialer->user_timeout_us = target->user_timeout_us;
    snprintf(dialer->why, sizeof(dialer->why), "no address to connect to");
    loop_defer(dialer->loop, &dialer->begin);
}

struct dialer *dialer_new(struct loop *loop, const struct dialer_events *events, void *ctx)
{
    struct dialer *dialer = calloc(1, sizeof(*dialer));

    if (dialer == NULL) {
        return NULL;
    }
    dialer->loop = loop;
    dialer->events = events;
    dialer->ctx = ctx;
    dialer->fd = -1;
    loop_task_init(&dialer->begin, dialer_on_begin, dialer);
    if (loop_timer_init(&dialer->timer, loop, dialer_on_timer, dialer) != 0) {
        free(dialer);
        return NULL;
    }
    return dialer;
}

void dialer_free(struct dialer *dialer)
{
    if (dialer == NULL) {
        return;
    }
    dialer_cancel(dialer);
    loop_timer_fini(&dialer->timer);
    free(dialer);
}
