/* The parser of what Redis sends. For: turning bytes into flat frames within limits, with hiredis'
 * reader doing the reading. Not for: knowing what a frame means (connection.c and up). hiredis is
 * called in this file only.
 *
 * The reader keeps its own copy of the bytes and moves the rest down each time 1 kB was consumed,
 * so it is fed small slices: one large feed would cost quadratic copying. Values before the last
 * one of an array are copied to scratch memory, as the reader may move its buffer under a reply
 * that is not complete; the last one, the body of a published message, is handed on as it lies.
 *
 * Most replies do not come that far: between two replies of the reader, what is whole in the input
 * and of a common shape is taken there (resp_whole.c). */
#include "redis/resp.h"

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "redis/hiredis_compat.h"
#include "redis/resp_whole.h"

enum {
    RESP_FEED_MAX = 4096,          /* bytes given to the reader at once */
    RESP_SCRATCH_KEEP = 64 * 1024, /* scratch memory kept between frames */

    /* Lines of an input that the reader is given singly, so that it ends where a cut reply ends:
     * more than a published message has. */
    RESP_LINES = 2 * RESP_VALUES_MAX,
};

struct resp {
    redisReader *reader;     /* owned */
    resp_on_frame on_frame;  /* takes the frames */
    void *ctx;               /* its argument */
    size_t limit;            /* bytes of an unfinished reply */
    struct resp_frame frame; /* being filled; texts of scratch values are offsets until delivery */
    struct strbuf scratch;   /* texts of the values before the last */
    bool stopped;            /* resp_stop() was called */
    bool delivered;          /* the reply being read was handed on already */
    bool failed;             /* resp_feed() failed; `err` has the words */
    struct err err;          /* why */
};

/* Notes the first failure; NULL, so that a hook can return it. */
static void *resp_refuse(struct resp *resp, const char *why)
{
    if (!resp->failed) {
        resp->failed = true;
        err_set(&resp->err, "%s", why);
    }
    return NULL;
}

static void *resp_refuse_resp3(struct resp *resp)
{
    return resp_refuse(resp, "a value of RESP3 came, which was not asked for");
}

/* Fills in the pointers of the texts in scratch memory and hands the frame on. */
static void resp_deliver(struct resp *resp)
{
    size_t offset = 0;
    size_t i;

    for (i = 0; i < resp->frame.count && i < RESP_VALUES_MAX; i++) {
        struct resp_value *value = &resp->frame.values[i];

        if (value->text.data == NULL && value->text.len > 0) {
            value->text.data = resp->scratch.data + offset;
            offset += value->text.len;
        }
    }
    resp->delivered = true;
    if (!resp->stopped) {
        resp->on_frame(resp->ctx, &resp->frame);
    }
}

static unsigned resp_depth(const redisReadTask *task)
{
    unsigned depth = 0;

    for (task = task->parent; task != NULL; task = task->parent) {
        depth++;
    }
    return depth;
}

/* Takes a value that is no array; what a hook returns: NULL ends the reading. */
static void *resp_take(struct resp *resp, const redisReadTask *task, struct resp_value value)
{
    struct resp_value *room;
    bool last;

    if (resp->stopped) {
        return NULL;
    }
    if (task->parent == NULL) {
        resp->frame.type = value.type;
        resp->frame.count = 1;
        resp->frame.values[0] = value;
        resp_deliver(resp);
        return resp;
    }
    if (task->parent->parent != NULL) {
        return resp; /* inside a nested array, which is skipped */
    }
    last = (size_t)task->idx + 1 == resp->frame.count;
    if (task->idx < RESP_VALUES_MAX) {
        room = &resp->frame.values[task->idx];
        *room = value;
        if (!last && value.text.len > 0) {
            strbuf_append_slice(&resp->scratch, value.text);
            room->text.data = NULL;
        }
        if (strbuf_failed(&resp->scratch)) {
            return resp_refuse(resp, "out of memory");
        }
    }
    if (last) {
        resp_deliver(resp);
    }
    return resp;
}

static void *resp_on_string(const redisReadTask *task, char *text, size_t len)
{
    struct resp *resp = task->privdata;
    enum resp_type type = RESP_STRING;

    if (task->type == REDIS_REPLY_STATUS) {
        type = RESP_STATUS;
    } else if (task->type == REDIS_REPLY_ERROR) {
        type = RESP_ERROR;
    } else if (task->type != REDIS_REPLY_STRING) {
        return resp_refuse_resp3(resp);
    }
    /* hiredis steps over these two without a look. */
    if (text[len] != '\r' || text[len + 1] != '\n') {
        return resp_refuse(resp, "a string is not followed by CRLF");
    }
    return resp_take(resp, task, (struct resp_value){.type = type, .text = {text, len}});
}

static void *resp_on_integer(const redisReadTask *task, long long integer)
{
    return resp_take(task->privdata, task,
                     (struct resp_value){.type = RESP_INTEGER, .integer = integer});
}

static void *resp_on_nil(const redisReadTask *task)
{
    if (task->type != REDIS_REPLY_STRING && task->type != REDIS_REPLY_ARRAY) {
        return resp_refuse_resp3(task->privdata);
    }
    return resp_take(task->privdata, task, (struct resp_value){.type = RESP_NIL});
}

static void *resp_on_array(const redisReadTask *task, hiredis_array_size announced)
{
    struct resp *resp = task->privdata;
    size_t count = (size_t)announced;

    if (task->type != REDIS_REPLY_ARRAY) {
        return resp_refuse_resp3(resp);
    }
    if (count > RESP_ELEMENTS_MAX) {
        return resp_refuse(resp, "an array announces more elements than any reply has");
    }
    if (resp_depth(task) >= RESP_DEPTH_MAX) {
        return resp_refuse(resp, "arrays are nested deeper than in any reply");
    }
    if (task->parent == NULL) {
        resp->frame.type = RESP_ARRAY;
        resp->frame.count = count;
    } else if (task->parent->parent == NULL && task->idx < RESP_VALUES_MAX) {
        resp->frame.values[task->idx] =
            (struct resp_value){.type = RESP_ARRAY, .integer = (int64_t)count};
    }
    return resp;
}

/* These two have a place with hiredis 1.x only. */
static __attribute__((unused)) void *resp_on_double(const redisReadTask *task, double value,
                                                    char *text, size_t len)
{
    (void)value;
    (void)text;
    (void)len;
    return resp_refuse_resp3(task->privdata);
}

static __attribute__((unused)) void *resp_on_bool(const redisReadTask *task, int value)
{
    (void)value;
    return resp_refuse_resp3(task->privdata);
}

/* Replies are no objects: there is nothing to free. */
static void resp_on_free(void *object)
{
    (void)object;
}

static redisReplyObjectFunctions resp_functions = {
    .createString = resp_on_string,
    .createArray = resp_on_array,
    .createInteger = resp_on_integer,
    .createNil = resp_on_nil,
    HIREDIS_RESP3_FUNCTIONS(resp_on_double, resp_on_bool).freeObject = resp_on_free,
};

static void resp_begin_frame(struct resp *resp)
{
    resp->delivered = false;
    if (resp->scratch.size > RESP_SCRATCH_KEEP) {
        strbuf_fini(&resp->scratch);
    }
    strbuf_reset(&resp->scratch);
}

struct resp *resp_new(size_t size_limit, resp_on_frame on_frame, void *ctx)
{
    struct resp *resp = calloc(1, sizeof(*resp));

    if (resp == NULL) {
        return NULL;
    }
    resp->on_frame = on_frame;
    resp->ctx = ctx;
    resp->limit = size_limit + RESP_SLACK;
    if (resp_reset(resp) != 0) {
        resp_free(resp);
        return NULL;
    }
    return resp;
}

void resp_free(struct resp *resp)
{
    if (resp == NULL) {
        return;
    }
    redisReaderFree(resp->reader);
    strbuf_fini(&resp->scratch);
    free(resp);
}

int resp_reset(struct resp *resp)
{
    redisReader *reader = redisReaderCreateWithFunctions(&resp_functions);

    if (reader == NULL) {
        return -1;
    }
    reader->privdata = resp;
    redisReaderFree(resp->reader);
    resp->reader = reader;
    resp->stopped = false;
    resp->failed = false;
    resp_begin_frame(resp);
    return 0;
}

/* The length that the bulk string under way announces, as far as its digits are there; 0 where
 * there is none. */
static size_t resp_announced(const redisReader *reader)
{
    const redisReadTask *task = hiredis_current_task(reader);
    size_t at = reader->pos;
    size_t announced = 0;

    if (task == NULL || task->type != REDIS_REPLY_STRING) {
        return 0;
    }
    while (at < reader->len && reader->buf[at] >= '0' && reader->buf[at] <= '9') {
        if (announced > SIZE_MAX / 10 - 1) {
            return SIZE_MAX;
        }
        announced = announced * 10 + (size_t)(reader->buf[at] - '0');
        at++;
    }
    return announced;
}

/* Whether what is unfinished is within the limits; it is what hiredis does not check. */
static void resp_check_limits(struct resp *resp)
{
    const redisReader *reader = resp->reader;
    size_t unread = reader->len - reader->pos;
    size_t announced = resp_announced(reader);
    size_t room = resp->limit > resp->scratch.len ? resp->limit - resp->scratch.len : 0;

    if (announced > room || unread > room) {
        resp->failed = true;
        err_set(&resp->err, "a reply is over the size limit of %zu bytes (max_message_size)",
                resp->limit);
    } else if (unread > announced + RESP_LINE_MAX) {
        resp_refuse(resp, "a line does not end");
    }
}

/* Reads what the reader holds, up to the end of an unfinished reply. */
static void resp_drain(struct resp *resp)
{
    void *reply = resp;

    while (reply != NULL && !resp->failed && !resp->stopped) {
        if (redisReaderGetReply(resp->reader, &reply) != REDIS_OK) {
            if (!resp->stopped) {
                resp_refuse(resp, resp->reader->errstr);
            }
            return;
        }
        if (reply != NULL) {
            if (!resp->delivered) {
                resp_deliver(resp);
            }
            resp_begin_frame(resp);
        }
    }
}

/* Whether the reader has nothing, so that the next byte begins a reply. It may have set up the task
 * for that, of which it does not know the type yet. */
static bool resp_is_between(const struct resp *resp)
{
    const redisReadTask *task = hiredis_current_task(resp->reader);

    return resp->reader->pos == resp->reader->len &&
           (task == NULL || (task->parent == NULL && task->type < 0));
}

/* Hands on the reply that the input begins with, where that can be done without the reader. Its
 * bytes, or 0. */
static size_t resp_take_whole(struct resp *resp, const char *data, size_t len)
{
    size_t used = resp_is_between(resp) ? resp_whole_take(data, len, &resp->frame) : 0;

    if (used == 0 || used > resp->limit) {
        return 0;
    }
    resp->on_frame(resp->ctx, &resp->frame);
    return used;
}

/* Gives the reader a line of the input while there are `lines` left, else a slice. The bytes given.
 */
static size_t resp_feed_reader(struct resp *resp, const char *data, size_t len, unsigned *lines)
{
    size_t some = len < RESP_FEED_MAX ? len : RESP_FEED_MAX;
    const char *line_end = *lines > 0 ? memchr(data, '\n', some) : NULL;

    if (line_end != NULL) {
        some = (size_t)(line_end - data) + 1;
        (*lines)--;
    }
    if (redisReaderFeed(resp->reader, data, some) != REDIS_OK) {
        resp_refuse(resp, "out of memory");
        return some;
    }
    resp_drain(resp);
    if (!resp->failed && !resp->stopped) {
        resp_check_limits(resp);
    }
    return some;
}

int resp_feed(struct resp *resp, const void *data, size_t len, struct err *err)
{
    const char *next = data;
    unsigned lines = RESP_LINES;

    while (len > 0 && !resp->failed && !resp->stopped) {
        size_t used = resp_take_whole(resp, next, len);

        if (used == 0) {
            used = resp_feed_reader(resp, next, len, &lines);
        }
        next += used;
        len -= used;
    }
    return resp->failed ? err_set(err, "%s", resp->err.text) : 0;
}

void resp_stop(struct resp *resp)
{
    resp->stopped = true;
}
