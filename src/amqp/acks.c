/* Which deliveries are out and which acks are due. For: few frames, and none that would touch a
 * delivery still out. Not for: deciding what is done with (core/bridge.c). */
#include "amqp/acks.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"

#define HOLE_WAIT_US (50 * CLOCK_US_PER_MS) /* acks behind a hole wait this long at most */

enum {
    DONE_FIRST_SIZE = 64,
    SPARSE_SPAN = 1024, /* tags from which the window may be too thin */
    SPARSE_FACTOR = 8,  /* tags it may span for each that is out */
};

static char acks_mark; /* what the window holds: only that something is there matters */

static void acks_on_flush(void *ctx);
static void acks_on_hole(void *ctx);

int rmq_acks_init(struct rmq_acks *acks, struct rmq_channel *channel, unsigned prefetch)
{
    *acks = (struct rmq_acks){
        .channel = channel,
        .loop = rmq_connection_loop(rmq_channel_connection(channel)),
        .out = WINDOW_INIT,
        .hole_limit = prefetch / 4 + 1,
    };
    loop_task_init(&acks->flush, acks_on_flush, acks);
    return loop_timer_init(&acks->hole, acks->loop, acks_on_hole, acks);
}

void rmq_acks_fini(struct rmq_acks *acks)
{
    if (acks->loop == NULL) {
        return;
    }
    rmq_acks_reset(acks);
    loop_timer_fini(&acks->hole);
    free(acks->done);
    acks->done = NULL;
}

static void acks_stop_hole(struct rmq_acks *acks)
{
    if (acks->hole_timed) {
        acks->hole_timed = false;
        loop_timer_cancel(&acks->hole);
    }
}

void rmq_acks_reset(struct rmq_acks *acks)
{
    window_fini(&acks->out);
    acks->stragglers = 0;
    acks->done_count = 0;
    loop_task_cancel(acks->loop, &acks->flush);
    acks_stop_hole(acks);
}

enum rmq_acks_result rmq_acks_give(struct rmq_acks *acks, uint64_t tag)
{
    struct window *out = &acks->out;
    uint64_t span = out->next - out->first;

    if (tag != out->next) {
        return RMQ_ACKS_OUT_OF_ORDER;
    }
    /* One delivery out for ever must not make the window grow with all that come after it. */
    if (span >= SPARSE_SPAN && span > SPARSE_FACTOR * (uint64_t)out->count) {
        acks->stragglers += window_take_first(out, UINT64_MAX) != NULL;
    }
    return window_put(out, &acks_mark, NULL) == 0 ? RMQ_ACKS_OK : RMQ_ACKS_NO_MEMORY;
}

static void acks_send(struct rmq_acks *acks, uint64_t tag, bool multiple)
{
    amqp_basic_ack_t ack = {.delivery_tag = tag, .multiple = multiple};

    rmq_channel_send(acks->channel, AMQP_BASIC_ACK_METHOD, &ack);
}

static void acks_forget(struct rmq_acks *acks, uint64_t tag)
{
    if (window_take(&acks->out, tag) == NULL) {
        assert(acks->stragglers > 0);
        acks->stragglers--;
    }
}

void rmq_acks_take(struct rmq_acks *acks, uint64_t tag)
{
    acks_forget(acks, tag);
    if (acks->done_count == acks->done_size) {
        size_t size = acks->done_size ? acks->done_size * 2 : DONE_FIRST_SIZE;
        uint64_t *grown = realloc(acks->done, size * sizeof(*grown));

        if (grown == NULL) {
            acks_send(acks, tag, false);
            return;
        }
        acks->done = grown;
        acks->done_size = size;
    }
    acks->done[acks->done_count++] = tag;
    loop_defer(acks->loop, &acks->flush);
}

void rmq_acks_reject(struct rmq_acks *acks, uint64_t tag, bool requeue)
{
    amqp_basic_reject_t reject = {.delivery_tag = tag, .requeue = requeue};

    acks_forget(acks, tag);
    rmq_channel_send(acks->channel, AMQP_BASIC_REJECT_METHOD, &reject);
}

/* Acknowledges all that is older than the oldest tag out, in one frame. Its tag has to be one of
 * theirs: a multiple ack of a tag that was settled before takes everything and is refused (406). */
static void acks_flush_front(struct rmq_acks *acks)
{
    uint64_t highest = 0;
    size_t kept = 0, count = 0;

    for (size_t i = 0; i < acks->done_count; i++) {
        uint64_t tag = acks->done[i];

        if (tag < acks->out.first && acks->stragglers == 0) {
            highest = tag > highest ? tag : highest;
            count++;
        } else {
            acks->done[kept++] = tag;
        }
    }
    acks->done_count = kept;
    if (count > 0) {
        acks_send(acks, highest, count > 1);
    }
}

/* Acknowledges what is left, one by one. */
static void acks_flush_rest(struct rmq_acks *acks)
{
    for (size_t i = 0; i < acks->done_count; i++) {
        acks_send(acks, acks->done[i], false);
    }
    acks->done_count = 0;
    acks_stop_hole(acks);
}

static void acks_on_flush(void *ctx)
{
    struct rmq_acks *acks = ctx;

    if (acks->withheld) {
        return;
    }
    acks_flush_front(acks);
    if (acks->done_count >= acks->hole_limit) {
        acks_flush_rest(acks);
    } else if (acks->done_count == 0) {
        acks_stop_hole(acks);
    } else if (!acks->hole_timed) {
        acks->hole_timed = true;
        loop_timer_set(&acks->hole, HOLE_WAIT_US);
    }
}

static void acks_on_hole(void *ctx)
{
    struct rmq_acks *acks = ctx;

    acks->hole_timed = false;
    if (!acks->withheld) {
        rmq_acks_flush(acks);
    }
}

void rmq_acks_flush(struct rmq_acks *acks)
{
    acks_flush_front(acks);
    acks_flush_rest(acks);
}

void rmq_acks_withhold(struct rmq_acks *acks, bool withhold)
{
    acks->withheld = withhold;
    if (!withhold && acks->done_count > 0) {
        loop_defer(acks->loop, &acks->flush);
    }
}
