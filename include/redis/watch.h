/* How far we lag behind in a Redis server: the bytes that it keeps for our subscribing sockets
 * because we have not read them (omem in CLIENT LIST). It cuts off whom it keeps too much for, and
 * all of that is lost then, so the log has a warning before. Asked now and then through the
 * publishing socket, where there is one; a server older than Redis 6.2, or a user who may not ask,
 * ends the asking. */
#ifndef CHUNNELD_REDIS_WATCH_H
#define CHUNNELD_REDIS_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "redis/connection.h"

struct redis_watch;

/* A subscribing socket that is looked at; embedded by value. */
struct redis_watched {
    LIST_ENTRY(redis_watched) link;
    const struct redis_connection *connection; /* borrowed */
    int64_t client_id;                         /* asked about last; 0: none */
    uint64_t lag;                              /* bytes, as of the last answer */
    uint64_t bytes_in;                         /* heard when it was looked at last */
    bool warned;                               /* and not yet caught up */
};

/* What a server does to slow subscribers; 0: nothing. */
struct redis_watch_limit {
    uint64_t hard; /* bytes at which it cuts at once */
    uint64_t soft; /* and after a while */
};

/* NULL: out of memory. `name` is that of the connection. */
struct redis_watch *redis_watch_new(struct loop *loop, const char *name);
/* NULL is legal. */
void redis_watch_free(struct redis_watch *watch);

/* One socket more to look at. */
void redis_watch_add(struct redis_watch *watch, struct redis_watched *watched,
                     const struct redis_connection *connection);
void redis_watch_remove(struct redis_watch *watch, struct redis_watched *watched);
/* The socket to ask through, which is freed after redis_watch_set_asker(watch, NULL). */
void redis_watch_set_asker(struct redis_watch *watch, struct redis_connection *asker);

/* Bytes kept for all of them; false: not known. */
bool redis_watch_lag(const struct redis_watch *watch, uint64_t *out_lag);

/* Reads the answer to CLIENT LIST: the omem of client `id`; 0 where it is not in there. */
uint64_t redis_watch_read_omem(struct slice list, int64_t id);
/* Reads the value of client-output-buffer-limit; 0, or -1: nothing about subscribers in it. */
int redis_watch_read_limit(struct slice value, struct redis_watch_limit *out_limit);

#endif
