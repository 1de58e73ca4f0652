/* Who rests, and until when: links that are left unread for a moment (moderation.h). One timer of
 * the kernel serves them all, to the µs; it is set when a rest begins that ends before all others.
 * For net/ alone. */
#ifndef CHUNNELD_NET_RESTS_H
#define CHUNNELD_NET_RESTS_H

#include <stdint.h>
#include <sys/queue.h>

struct loop;
struct rests;

TAILQ_HEAD(resting_list, resting);

/* One that may rest. Embedded by value; must not rest when it goes. */
struct resting {
    void (*run)(void *ctx); /* the rest is over */
    void *ctx;
    uint64_t end_us;           /* of its rest */
    struct resting_list *list; /* where it stands; NULL: it does not rest */
    TAILQ_ENTRY(resting) link;
};

/* NULL: out of memory or descriptors. */
struct rests *rests_new(struct loop *loop);
/* Nobody rests any more. NULL is legal. */
void rests_free(struct rests *rests);

void resting_init(struct resting *resting, void (*run)(void *ctx), void *ctx);
/* Runs once at `end_us` (monotonic, not 0) or soon after, in a later turn of the loop; replaces
 * what was asked for before. */
void rests_begin(struct rests *rests, struct resting *resting, uint64_t end_us);
/* It rests no more, and nothing runs; legal when it does not rest. */
void resting_end(struct resting *resting);

#endif
