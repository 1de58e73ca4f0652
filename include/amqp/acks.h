/* Acknowledgements of one consuming channel (AMQP 0-9-1 §1.8.3.13): which delivery tags are out,
 * which are done with. What was done in a turn of the loop goes out as one basic.ack (multiple) for
 * all up to the oldest tag still out; what lies behind such a hole is acknowledged singly, after a
 * while or when it grows to much of the prefetch, so that one slow delivery holds up nothing else.
 */
#ifndef CHUNNELD_AMQP_ACKS_H
#define CHUNNELD_AMQP_ACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amqp/channel.h"
#include "core/window.h"
#include "net/loop.h"

/* Embedded by value in its source. */
struct rmq_acks {
    struct rmq_channel *channel;
    struct loop *loop;
    struct window out;      /* under each tag that is out: a mark */
    size_t stragglers;      /* tags out that are older than out.first */
    uint64_t *done;         /* tags done with, no ack written yet; owned */
    size_t done_count;      /* in use */
    size_t done_size;       /* allocated */
    size_t hole_limit;      /* tags behind a hole that are not let wait */
    bool withheld;          /* write nothing for now */
    bool hole_timed;        /* `hole` runs */
    struct loop_task flush; /* at the end of the turn */
    struct loop_timer hole; /* since the first tag behind a hole */
};

/* For at most `prefetch` deliveries out at a time. 0, or -1: out of memory. */
int rmq_acks_init(struct rmq_acks *acks, struct rmq_channel *channel, unsigned prefetch);
/* Legal on a zeroed one. */
void rmq_acks_fini(struct rmq_acks *acks);
/* The channel is another one, or gone: the tags mean nothing any more. */
void rmq_acks_reset(struct rmq_acks *acks);

enum rmq_acks_result {
    RMQ_ACKS_OK = 0,
    RMQ_ACKS_NO_MEMORY = -1,
    RMQ_ACKS_OUT_OF_ORDER = -2, /* the broker numbers deliveries from 1, without gaps */
};

/* A delivery came. */
enum rmq_acks_result rmq_acks_give(struct rmq_acks *acks, uint64_t tag);
/* It is done with: acknowledged at the end of the turn or a little later. */
void rmq_acks_take(struct rmq_acks *acks, uint64_t tag);
/* It is handed back: basic.reject, written at once. */
void rmq_acks_reject(struct rmq_acks *acks, uint64_t tag, bool requeue);
/* Writes everything that is done with now. */
void rmq_acks_flush(struct rmq_acks *acks);
/* Writes no ack until told otherwise: the broker stops at the prefetch. */
void rmq_acks_withhold(struct rmq_acks *acks, bool withhold);

#endif
