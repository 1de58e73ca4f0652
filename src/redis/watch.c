/* How far our subscribing sockets lag behind. For: asking now and then, the warning before the
 * server cuts one off. Not for: reading faster, or less (subscriber.c). */
#include "redis/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "redis/answer.h"

enum { WATCH_IDS_MAX = 64, WATCH_ID_SIZE = 21 };

#define WATCH_BUSY_US (1 * CLOCK_US_PER_S) /* between questions, while messages come */
#define WATCH_IDLE_US (5 * CLOCK_US_PER_S) /* and while none do */

struct redis_watch {
    struct loop *loop;
    const char *name;
    struct loop_timer timer; /* asks */
    LIST_HEAD(, redis_watched) sockets;
    struct redis_connection *asker; /* NULL: there is nobody to ask through */
    uint64_t asker_ups;             /* its times up; what follows is about this one */
    bool asked_limit;
    bool asking;  /* an answer is missing */
    bool refused; /* the server does not tell */
    bool known;   /* it does */
    bool told_refusal;
    struct redis_watch_limit limit;
};

/* The defaults of Redis. */
static const struct redis_watch_limit watch_usual_limit = {32 << 20, 8 << 20};

/* The number behind `name` in `text`; false: it is not there. */
static bool watch_find_number(const char *text, size_t len, const char *name, uint64_t *out_number)
{
    size_t name_len = strlen(name);
    uint64_t number = 0;
    size_t at = 0;

    while (at + name_len < len && memcmp(text + at, name, name_len) != 0) {
        at++;
    }
    if (at + name_len >= len) {
        return false;
    }
    for (at += name_len; at < len && text[at] >= '0' && text[at] <= '9'; at++) {
        number = number * 10 + (uint64_t)(text[at] - '0');
    }
    *out_number = number;
    return true;
}

uint64_t redis_watch_read_omem(struct slice list, int64_t id)
{
    const char *line = list.data;
    const char *end = list.data + list.len;
    uint64_t number;

    while (line != NULL && line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((newline ? newline : end) - line);

        if (len > 3 && memcmp(line, "id=", 3) == 0 &&
            watch_find_number(line, len, "id=", &number) && number == (uint64_t)id &&
            watch_find_number(line, len, " omem=", &number)) {
            return number;
        }
        line = newline ? newline + 1 : NULL;
    }
    return 0;
}

int redis_watch_read_limit(struct slice value, struct redis_watch_limit *out_limit)
{
    char text[256];
    const char *at;
    struct redis_watch_limit limit;

    snprintf(text, sizeof(text), "%.*s", value.len < 255 ? (int)value.len : 255,
             value.data ? value.data : "");
    at = strstr(text, "pubsub ");
    if (at == NULL || sscanf(at, "pubsub %" SCNu64 " %" SCNu64, &limit.hard, &limit.soft) != 2) {
        return -1;
    }
    *out_limit = limit;
    return 0;
}

/* Where the warning comes: well before the end of either limit; 0: there is none. */
static uint64_t watch_threshold(const struct redis_watch *watch)
{
    uint64_t hard = watch->limit.hard / 2;
    uint64_t soft = watch->limit.soft / 4 * 3;

    if (hard == 0 || (soft != 0 && soft < hard)) {
        return soft;
    }
    return hard;
}

static void watch_note(struct redis_watch *watch, struct redis_watched *socket, uint64_t lag)
{
    uint64_t threshold = watch_threshold(watch);

    socket->lag = lag;
    if (!socket->warned && threshold > 0 && lag >= threshold) {
        socket->warned = true;
        log_warn("connection", watch->name,
                 "the server keeps more and more that is not read, and cuts us off at its limit",
                 log_number("client_id", socket->client_id), log_number("lag_bytes", lag),
                 log_number("limit_bytes", watch->limit.hard),
                 log_number("soft_limit_bytes", watch->limit.soft));
    } else if (socket->warned && lag < threshold / 2) {
        socket->warned = false;
        log_info("connection", watch->name, "caught up with the server",
                 log_number("client_id", socket->client_id), log_number("lag_bytes", lag));
    }
}

static void watch_on_list(void *ctx, void *arg, const struct resp_frame *reply)
{
    struct redis_watch *watch = ctx;
    struct redis_watched *socket;
    struct err why;

    (void)arg;
    watch->asking = false;
    if (reply->type == RESP_STRING) {
        watch->known = true;
        LIST_FOREACH(socket, &watch->sockets, link) {
            if (socket->client_id != 0) {
                watch_note(watch, socket,
                           redis_watch_read_omem(reply->values[0].text, socket->client_id));
            }
        }
        return;
    }
    watch->refused = true;
    watch->known = false;
    if (resp_frame_is_error(reply, "NOPERM") && !watch->told_refusal) {
        watch->told_refusal = true;
        redis_answer_words(reply, &why);
        log_info("connection", watch->name,
                 "cannot see how far we lag behind; allow the user to run CLIENT LIST",
                 log_text("error", why.text));
    }
}

static void watch_on_limit(void *ctx, void *arg, const struct resp_frame *reply)
{
    struct redis_watch *watch = ctx;

    (void)arg;
    /* Who may not ask has to do with the usual ones. */
    if (reply->type == RESP_ARRAY && reply->count == 2) {
        redis_watch_read_limit(reply->values[1].text, &watch->limit);
    }
}

/* Another link: what was asked on the last one will not be answered. */
static void watch_begin_link(struct redis_watch *watch)
{
    watch->asker_ups = redis_connection_ups(watch->asker);
    watch->asking = false;
    watch->refused = false;
    watch->asked_limit = false;
    watch->limit = watch_usual_limit;
}

static void watch_ask_limit(struct redis_watch *watch)
{
    struct slice args[] = {SLICE("CONFIG"), SLICE("GET"), SLICE("client-output-buffer-limit")};

    watch->asked_limit =
        redis_connection_command(watch->asker, args, 3, watch_on_limit, watch, NULL) == 0;
}

static void watch_ask(struct redis_watch *watch)
{
    struct slice args[WATCH_IDS_MAX + 3] = {SLICE("CLIENT"), SLICE("LIST"), SLICE("ID")};
    char ids[WATCH_IDS_MAX][WATCH_ID_SIZE];
    struct redis_watched *socket;
    size_t count = 0;

    LIST_FOREACH(socket, &watch->sockets, link) {
        int64_t id = redis_connection_client_id(socket->connection);

        if (id != socket->client_id) {
            socket->warned = false;
            socket->lag = 0;
        }
        socket->client_id = count < WATCH_IDS_MAX ? id : 0;
        if (socket->client_id != 0) {
            snprintf(ids[count], WATCH_ID_SIZE, "%" PRId64, id);
            args[3 + count] = slice_of(ids[count]);
            count++;
        }
    }
    watch->asking = count > 0 && redis_connection_command(watch->asker, args, 3 + count,
                                                          watch_on_list, watch, NULL) == 0;
}

/* Whether messages come, or wait. */
static bool watch_is_busy(struct redis_watch *watch)
{
    struct redis_watched *socket;
    bool busy = false;

    LIST_FOREACH(socket, &watch->sockets, link) {
        uint64_t bytes = redis_connection_bytes_in(socket->connection);

        busy |= bytes != socket->bytes_in || socket->lag > 0;
        socket->bytes_in = bytes;
    }
    return busy;
}

static void watch_on_timer(void *ctx)
{
    struct redis_watch *watch = ctx;

    loop_timer_set(&watch->timer, watch_is_busy(watch) ? WATCH_BUSY_US : WATCH_IDLE_US);
    if (watch->asker == NULL || !redis_connection_is_up(watch->asker)) {
        watch->known = false;
        return;
    }
    if (watch->asker_ups != redis_connection_ups(watch->asker)) {
        watch_begin_link(watch);
    }
    if (watch->asking || watch->refused) {
        return;
    }
    if (!watch->asked_limit) {
        watch_ask_limit(watch);
    }
    watch_ask(watch);
}

struct redis_watch *redis_watch_new(struct loop *loop, const char *name)
{
    struct redis_watch *watch = calloc(1, sizeof(*watch));

    if (watch == NULL) {
        return NULL;
    }
    watch->loop = loop;
    watch->name = name;
    LIST_INIT(&watch->sockets);
    if (loop_timer_init(&watch->timer, loop, watch_on_timer, watch) != 0) {
        free(watch);
        return NULL;
    }
    return watch;
}

void redis_watch_free(struct redis_watch *watch)
{
    if (watch != NULL) {
        redis_watch_set_asker(watch, NULL);
        loop_timer_fini(&watch->timer);
        free(watch);
    }
}

void redis_watch_add(struct redis_watch *watch, struct redis_watched *watched,
                     const struct redis_connection *connection)
{
    *watched = (struct redis_watched){.connection = connection};
    LIST_INSERT_HEAD(&watch->sockets, watched, link);
    if (!loop_timer_is_set(&watch->timer)) {
        loop_timer_set(&watch->timer, WATCH_BUSY_US);
    }
}

void redis_watch_remove(struct redis_watch *watch, struct redis_watched *watched)
{
    LIST_REMOVE(watched, link);
    if (LIST_EMPTY(&watch->sockets)) {
        loop_timer_cancel(&watch->timer);
    }
}

void redis_watch_set_asker(struct redis_watch *watch, struct redis_connection *asker)
{
    if (watch->asker != NULL) {
        redis_connection_forget(watch->asker, watch);
    }
    watch->asker = asker;
    watch->asker_ups = 0;
    watch->known = false;
}

bool redis_watch_lag(const struct redis_watch *watch, uint64_t *out_lag)
{
    const struct redis_watched *socket;
    uint64_t lag = 0;

    LIST_FOREACH(socket, &watch->sockets, link) {
        lag += socket->lag;
    }
    *out_lag = lag;
    return watch->known;
}
