/* A publishing socket. For: PUBLISH, and fences that keep a replica's replies from being believed.
 * Not for: deliveries and what the replies mean for them (sink.c), the socket (connection.c).
 *
 * Fences: one ROLE is under way at a time, sent at the end of the turn behind what was published in
 * it, or more of them where more was published, so that the window never runs dry waiting. */
#include "redis/publisher.h"

#include <stdlib.h>

#include "redis/answer.h"

enum { PUBLISHER_FENCE_EVERY = 256 }; /* PUBLISH commands, at most, behind one ROLE */

struct redis_publisher {
    struct redis_connection *connection; /* owned */
    LIST_HEAD(, redis_publisher_client) clients;
    struct loop *loop;           /* borrowed */
    struct loop_task fence_task; /* sends ROLE at the end of the turn */
    bool is_fenced;              /* the server answers ROLE */
    unsigned unfenced;           /* PUBLISH commands sent since the last ROLE */
    unsigned fences;             /* ROLE commands under way */
};

static void publisher_fence(struct redis_publisher *p);

static void publisher_on_role(void *ctx, void *arg, const struct resp_frame *reply)
{
    struct redis_publisher *p = ctx;
    struct redis_publisher_client *client;
    struct err why;
    enum redis_role role = redis_answer_role(reply, &why);

    (void)arg;
    p->fences--;
    if (role != REDIS_ROLE_MASTER) {
        redis_connection_fail(p->connection, why.text, role == REDIS_ROLE_UNFIT);
        return;
    }
    LIST_FOREACH(client, &p->clients, link) {
        client->events->on_fence(client->ctx);
    }
    publisher_fence(p);
}

/* Sends ROLE where it is time for it. */
static void publisher_fence(struct redis_publisher *p)
{
    bool due = p->fences == 0 || p->unfenced >= PUBLISHER_FENCE_EVERY;

    if (p->unfenced > 0 && due &&
        redis_connection_command(p->connection, (struct slice[]){SLICE("ROLE")}, 1,
                                 publisher_on_role, p, NULL) == 0) {
        p->unfenced = 0;
        p->fences++;
    }
}

static void publisher_on_fence_due(void *ctx)
{
    publisher_fence(ctx);
}

static void publisher_on_up(void *ctx)
{
    struct redis_publisher *p = ctx;
    struct redis_publisher_client *client;

    p->is_fenced = redis_connection_knows_role(p->connection);
    LIST_FOREACH(client, &p->clients, link) {
        client->events->on_up(client->ctx);
    }
}

static void publisher_on_down(void *ctx, const char *why)
{
    struct redis_publisher *p = ctx;
    struct redis_publisher_client *client;

    p->unfenced = 0;
    p->fences = 0;
    LIST_FOREACH(client, &p->clients, link) {
        client->events->on_down(client->ctx, why);
    }
}

static void publisher_on_writable(void *ctx)
{
    struct redis_publisher *p = ctx;
    struct redis_publisher_client *client;

    LIST_FOREACH(client, &p->clients, link) {
        client->events->on_writable(client->ctx);
    }
}

static const struct redis_connection_events publisher_events = {
    .on_up = publisher_on_up,
    .on_down = publisher_on_down,
    .on_writable = publisher_on_writable,
};

struct redis_publisher *redis_publisher_new(const struct redis_connection_setup *setup)
{
    struct redis_publisher *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        return NULL;
    }
    LIST_INIT(&p->clients);
    p->loop = setup->loop;
    loop_task_init(&p->fence_task, publisher_on_fence_due, p);
    p->connection = redis_connection_new(setup, &publisher_events, p);
    if (p->connection == NULL) {
        redis_publisher_free(p);
        return NULL;
    }
    return p;
}

void redis_publisher_free(struct redis_publisher *p)
{
    if (p == NULL) {
        return;
    }
    loop_task_cancel(p->loop, &p->fence_task);
    redis_connection_free(p->connection);
    free(p);
}

void redis_publisher_start(struct redis_publisher *p)
{
    redis_connection_start(p->connection);
}

struct redis_connection *redis_publisher_connection(struct redis_publisher *p)
{
    return p->connection;
}

void redis_publisher_add(struct redis_publisher *p, struct redis_publisher_client *client)
{
    LIST_INSERT_HEAD(&p->clients, client, link);
}

void redis_publisher_remove(struct redis_publisher *p, struct redis_publisher_client *client)
{
    redis_connection_forget(p->connection, client->ctx);
    LIST_REMOVE(client, link);
}

int redis_publisher_publish(struct redis_publisher *p, struct slice channel, struct slice body,
                            bool fenced, redis_on_reply on_reply, void *ctx, void *arg)
{
    struct slice args[] = {SLICE("PUBLISH"), channel, body};

    if (redis_connection_command(p->connection, args, 3, on_reply, ctx, arg) != 0) {
        return -1;
    }
    if (fenced && p->is_fenced) {
        p->unfenced++;
        if (p->unfenced >= PUBLISHER_FENCE_EVERY) {
            publisher_fence(p);
        } else {
            loop_defer(p->loop, &p->fence_task);
        }
    }
    return 0;
}

bool redis_publisher_is_fenced(const struct redis_publisher *p)
{
    return p->is_fenced;
}
