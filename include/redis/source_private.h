/* A source of Redis messages from the inside; for src/redis/source*.c alone. */
#ifndef CHUNNELD_REDIS_SOURCE_PRIVATE_H
#define CHUNNELD_REDIS_SOURCE_PRIVATE_H

#include "core/budget.h"
#include "redis/handover.h"
#include "redis/source.h"

struct redis_source {
    struct source base; /* first */
    struct redis_listener listener;
    struct redis_subscriber *subscriber; /* borrowed */
    struct loop *loop;                   /* borrowed */
    const char *bridge;                  /* borrowed; for log lines */
    redis_source_on_free on_free;
    void *on_free_ctx;
    struct redis_source *old;        /* gives messages until this one is ready; NULL: none */
    struct redis_source *successor;  /* the other way round */
    bool superseded;                 /* it never was ready, and another one took its place */
    bool muted;                      /* what comes is another one's to give */
    struct redis_meeting meeting;    /* with the old one's socket; hub NULL: there is none */
    struct budget_member holds;      /* of its budget */
    bool told_behind;                /* that the old socket is too far behind */
    struct redis_handover *handover; /* owned: from another socket, until both have the marker */
    bool handover_ended;             /* it is to be freed */
    bool begun;                      /* ours came: what comes is to be given after the old one's */
    struct delivery_list held;       /* that */
    struct loop_task task;           /* does what is wanted */
    bool dedicated;                  /* the subscriber is ours alone: pausing stops reading */
    bool started;                    /* start() was called */
    bool paused;                     /* pause() was called, and resume() not since */
    bool stopping;                   /* stop() was called */
    bool stopped;                    /* on_stopped was called */
    bool ready;                      /* READY was the last thing told */
    char why[320];                   /* words told with WAITING; "": none */
    uint64_t outstanding;            /* deliveries given and not settled */
    uint64_t turn_us;                /* loop time of ... */
    int64_t turn_wall_us;            /* ... this wall clock, read once a turn */
    uint64_t gaps_logged;            /* gap.count of the last line */
    uint64_t gap_logged_us;          /* monotonic time of it; 0: none yet */
    int64_t gap_from_us;      /* wall clock: start of the first gap since then; 0: there is none */
    char gap_why[320];        /* how that one began */
    int64_t last_gap_from_us; /* wall clock: start of the last one */
    uint64_t gaps_detailed;   /* gap.count when that was told as a detail */
    void (*on_pong)(void *ctx); /* who waits for the reply to PING */
    void *pong_ctx;
};

static inline struct redis_source *redis_source_of(struct source *source)
{
    return (struct redis_source *)source;
}

/* Has what is wanted done at the end of the turn. */
static inline void redis_source_schedule(struct redis_source *s)
{
    loop_defer(s->loop, &s->task);
}

/* All is subscribed, and it is its turn to give. */
void redis_source_tell_ready(struct redis_source *s);

/* All is subscribed: takes over from the one before it, if there is one. False: not yet;
 * redis_source_tell_ready() follows by itself. */
bool redis_source_take_over(struct redis_source *s);
/* Ends what is under way with the other socket; not inside an event of a subscriber. */
void redis_source_end_handover(struct redis_source *s);
/* Takes over where it only waits for its turn, or for another try. Not inside such an event. */
void redis_source_try_again(struct redis_source *s);
/* Gives what it held: also at a stop, as it was taken in, and the old one will not give it. */
void redis_source_give_held(struct redis_source *s);
/* What came behind the marker is given later. */
void redis_source_hold(struct redis_source *s, struct delivery *delivery);
/* It goes: whoever is before or after it does without. Not inside such an event either. */
void redis_source_part(struct redis_source *s);

#endif
