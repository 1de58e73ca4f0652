/* The parser of what Redis sends (RESP2, https://redis.io/docs/reference/protocol-spec). It hands
 * on flat frames: no tree of replies, no allocation a message. It survives any bytes: whatever is
 * not RESP2, or is over a limit, ends in an error in words, and then the connection must go. */
#ifndef CHUNNELD_REDIS_RESP_H
#define CHUNNELD_REDIS_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum {
    RESP_VALUES_MAX = 8,       /* elements of an array that a frame carries */
    RESP_ELEMENTS_MAX = 4096,  /* elements that an array may announce */
    RESP_DEPTH_MAX = 4,        /* arrays within arrays */
    RESP_LINE_MAX = 16 * 1024, /* bytes of a line: status, error, a number */
    RESP_SLACK = 64 * 1024,    /* of a reply, beside its largest value: the rest of the frame */
};

enum resp_type {
    RESP_STRING,  /* $ text */
    RESP_STATUS,  /* + text */
    RESP_ERROR,   /* - text */
    RESP_INTEGER, /* : integer */
    RESP_NIL,     /* $-1 and *-1 */
    RESP_ARRAY,   /* * as an element: skipped, integer is its size */
};
const char *resp_type_name(enum resp_type type);

struct resp_value {
    enum resp_type type;
    struct slice text; /* any bytes; empty where the type has none */
    int64_t integer;
};

/* One reply or push. Everything in it is valid during on_frame only. */
struct resp_frame {
    enum resp_type type; /* RESP_ARRAY, or the type of values[0] */
    size_t count;        /* elements of the array, of which only the first RESP_VALUES_MAX are in
                            `values`; 1 where it is no array */
    struct resp_value values[RESP_VALUES_MAX];
};

struct resp;

/* Takes each frame, in order. May call resp_stop(), but no other function of the parser. */
typedef void (*resp_on_frame)(void *ctx, const struct resp_frame *frame);

/* A parser; a reply may hold `size_limit` + RESP_SLACK bytes. NULL: out of memory. */
struct resp *resp_new(size_t size_limit, resp_on_frame on_frame, void *ctx);
/* Not inside on_frame. NULL is legal. */
void resp_free(struct resp *resp);
/* Forgets everything, for a new connection; 0, or -1: out of memory. Not inside on_frame. */
int resp_reset(struct resp *resp);

/* Takes `len` bytes and hands on the frames that they complete. 0, or -1 and words in `err`: the
 * bytes break the protocol or a limit, memory is out; from then on every call fails the same way,
 * until resp_reset(). After resp_stop() it returns 0 and does nothing. */
int resp_feed(struct resp *resp, const void *data, size_t len, struct err *err);

/* No more frames until resp_reset(). */
void resp_stop(struct resp *resp);

/* Whether value `index` of the frame is the text `text`. */
bool resp_frame_says(const struct resp_frame *frame, size_t index, const char *text);
/* Whether it is an error whose first word is `code` ("NOPERM"). */
bool resp_frame_is_error(const struct resp_frame *frame, const char *code);

#endif
