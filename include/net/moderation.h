/* When the loop should let events gather: a turn has a price of its own (waiting, reading, writing,
 * and the same at the peers), which messages that come one by one pay each. Where turns are many
 * and short, the loop rests between two of them, as network cards moderate their interrupts. Few
 * turns, and long ones, are left alone: there is no latency added to light traffic, and nothing
 * taken from what can be read of heavy traffic. Times are monotonic µs, given by the caller. */
#ifndef CHUNNELD_NET_MODERATION_H
#define CHUNNELD_NET_MODERATION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MODERATION_PERIOD_US = 500,   /* from the begin of a short turn to the next turn, at least */
    MODERATION_SHORT_US = 100,    /* a turn that takes longer has enough to do */
    MODERATION_WINDOW_US = 10000, /* turns are counted for so long */
    MODERATION_MANY = 50,         /* so many in it: rest */
    MODERATION_FEW = 12,          /* fewer than that, with rests: no need any more */
};

/* Embedded by value; zeroed at first. */
struct moderation {
    uint64_t window_us; /* when the window under way began */
    unsigned turns;     /* in it */
    bool on;            /* rests are taken */
};

/* A turn ran from `begun` to `ended`; how many µs to rest before the next one. */
uint64_t moderation_rest(struct moderation *moderation, uint64_t begun, uint64_t ended);

#endif
