/* One socket to a Redis server: it connects, logs in, notices silence, and tries again for ever,
 * address after address. Commands are pipelined and their replies matched in order. Its owner is a
 * subscriber or a publisher.
 *
 * Law: no operation calls an event back before it returns. One thread. */
#ifndef CHUNNELD_REDIS_CONNECTION_H
#define CHUNNELD_REDIS_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rand.h"
#include "base/slice.h"
#include "conf/config.h"
#include "core/status.h"
#include "net/loop.h"
#include "redis/replies.h"
#include "redis/resp.h"

struct redis_connection;
struct tls_context;

#define REDIS_PING_US                                                                              \
    UINT64_C(5000000) /* silence before PING; twice that, and the link is dead                     \
                       */

enum {
    REDIS_WRITE_HIGH = 4 * 1024 * 1024,  /* bytes waiting from which it is full */
    REDIS_WRITE_LOW = 1024 * 1024,       /* on_writable at this many */
    REDIS_READ_LEAST = 64 * 1024 * 1024, /* a message up to this is read, whatever may be sent */
};

struct redis_connection_events {
    /* Logged in; for a connection that needs a master: the server is one. */
    void (*on_up)(void *ctx);
    /* Cannot serve now: why, in words. All replies that were waited for will not come. Follows
     * every failed try too, and a server that is still loading. */
    void (*on_down)(void *ctx, const char *why);
    /* Takes a frame that is no reply to a command: true; false: it is a reply. NULL: all are. */
    bool (*on_push)(void *ctx, const struct resp_frame *frame);
    /* It was full and is not any more. */
    void (*on_writable)(void *ctx);
};

/* Everything is borrowed for the connection's life. */
struct redis_connection_setup {
    struct loop *loop;
    const struct conf_connection *conf;
    const struct tls_context *tls; /* NULL: no url needs it */
    struct rand *rand;
    const char *instance;
    const char *purpose; /* what it is for, in its name on the server: "publish", ... */
    bool needs_master;   /* a replica will not do */
    uint64_t ping_us;    /* REDIS_PING_US, but for tests */
};

/* A stopped connection; NULL: out of memory. `events` is borrowed. */
struct redis_connection *redis_connection_new(const struct redis_connection_setup *setup,
                                              const struct redis_connection_events *events,
                                              void *ctx);
/* Closes at once and frees. Not inside one of its events. NULL is legal. */
void redis_connection_free(struct redis_connection *connection);

/* Wants it up, from now on; legal twice. */
void redis_connection_start(struct redis_connection *connection);
/* Closes at once; no event follows. Legal always; it may be started again. */
void redis_connection_stop(struct redis_connection *connection);

/* Sends a command of `count` arguments; the reply goes to `on_reply` (NULL: nobody). 0, or -1: the
 * connection is not up or memory is out (then it fails, and on_down follows). */
int redis_connection_command(struct redis_connection *connection, const struct slice *args,
                             size_t count, redis_on_reply on_reply, void *ctx, void *arg);
/* The replies that `ctx` waits for are dropped when they come. */
void redis_connection_forget(struct redis_connection *connection, const void *ctx);

/* Gives the link up and tries again: on_down with `why` at the end of the turn; no frame comes
 * before it. `at_leisure`: after the longest delay, as it will hardly work before long. */
void redis_connection_fail(struct redis_connection *connection, const char *why, bool at_leisure);

/* Why reading is paused; it goes on when no reason is left. */
enum redis_pause {
    REDIS_PAUSE_FULL = 1, /* who it reads for has no room */
    REDIS_PAUSE_DISK = 2, /* what was read is on its way to a disk that does not keep up */
};
/* Stops reading: the peer's buffers fill, and silence is no sign of death. Ends with the link, or
 * with _resume_ for the same reason. */
void redis_connection_pause_reading(struct redis_connection *connection, enum redis_pause why);
void redis_connection_resume_reading(struct redis_connection *connection, enum redis_pause why);
/* Whether the last reads took all that had come; not while paused. */
bool redis_connection_is_caught_up(const struct redis_connection *connection);

bool redis_connection_is_up(const struct redis_connection *connection);
/* Too much waits to be written; on_writable follows. */
bool redis_connection_is_full(struct redis_connection *connection);
/* The server answered ROLE: it is known to have been a master at the login. */
bool redis_connection_knows_role(const struct redis_connection *connection);
/* Why it is not up: the last error; "" while none happened yet. */
const char *redis_connection_why(const struct redis_connection *connection);
/* Bytes heard so far, over all links. */
uint64_t redis_connection_bytes_in(const struct redis_connection *connection);
/* Monotonic time of the last byte heard. */
uint64_t redis_connection_last_heard_us(const struct redis_connection *connection);
/* Its number on the server, as in CLIENT LIST; 0: not up, or not known. */
int64_t redis_connection_client_id(const struct redis_connection *connection);
/* Times that it came up. */
uint64_t redis_connection_ups(const struct redis_connection *connection);
struct loop *redis_connection_loop(const struct redis_connection *connection);
/* The configured name, for log lines. */
const char *redis_connection_name(const struct redis_connection *connection);
/* Its status; *out_error_us: monotonic time of last_error, 0 while there was none. */
void redis_connection_get_status(const struct redis_connection *connection,
                                 struct connection_status *out_status, uint64_t *out_error_us);

#endif
