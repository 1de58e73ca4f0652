/* How long what a link brings may stay unread. A turn of the loop has a price of its own (waiting,
 * reading, writing, and the same at the peers), which messages that come one by one pay each. So
 * links rest between two reads, as network cards moderate their interrupts, where nobody notices:
 *
 * - Messages that wait anyway. By Little's law those sent in the time that one waits are as many as
 *   wait at once; a rest of at most a sixteenth of that time adds no more than that to it. It is
 *   taken where it gathers enough of them: few wait, or they wait for something slow and not behind
 *   each other, and there is nothing to gain.
 * - Messages that come by thousands a second: one, two or four milliseconds.
 *
 * Light traffic is left alone. Times are monotonic µs, given by the caller. */
#ifndef CHUNNELD_NET_MODERATION_H
#define CHUNNELD_NET_MODERATION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MODERATION_UNIT_US = 1000,    /* rests are this, or 2, 4 or 8 times this */
    MODERATION_LONGEST_US = 8000, /* what waits long anyway */
    MODERATION_PART = 16,         /* a rest is at most this part of what messages wait anyway */
    MODERATION_WORTH = 16,        /* as many messages a rest has to gather at least */
    MODERATION_WINDOW_US = 10000, /* messages are counted for so long */
    MODERATION_MANY = 5000,       /* a second: rest for a unit, with twice as many for two, ... */
    MODERATION_MOST_BY_RATE = 4,  /* ... and this is the most */
};

/* How many messages pass. Embedded by value; zeroed at first. */
struct moderation {
    uint64_t window_us; /* when the window under way began */
    uint64_t count;     /* of messages in it */
    uint64_t rate;      /* messages a second in the last one that is over */
    uint64_t rest_us;   /* what that is worth, see moderation_by_rate() */
};

/* One message passed; true: another window is over, and what follows may be different. */
bool moderation_count(struct moderation *moderation, uint64_t now_us);

/* How long the next messages may stay unread as they are so many: 0, or one, two or four units.
 * Once allowed it stays so until they are half as many. */
static inline uint64_t moderation_by_rate(const struct moderation *moderation)
{
    return moderation->rest_us;
}

/* In how many µs `room` messages come; UINT64_MAX: none do. */
uint64_t moderation_by_room(const struct moderation *moderation, uint64_t room);

/* `sent` messages went out while one of them waited `wait_us` (not 0) for its answer; how long the
 * next ones may stay unread, 0 to MODERATION_LONGEST_US. */
uint64_t moderation_by_wait(uint64_t sent, uint64_t wait_us);

/* `count` messages go out before the next ones can, at the rate that they have; as above. */
uint64_t moderation_by_queue(const struct moderation *moderation, uint64_t count);

/* What was said of one read, as loop.h has it. */
struct rest {
    uint64_t most_us; /* the least that was said */
    bool allowed;     /* by somebody */
};
#define REST_INIT ((struct rest){.most_us = UINT64_MAX})

void rest_limit(struct rest *rest, uint64_t most_us);
void rest_allow(struct rest *rest, uint64_t most_us);
/* What it comes to; then nothing is said yet. */
uint64_t rest_take(struct rest *rest);

/* When a rest of at most `rest_us` that begins now is over. Rests of all links end at the same
 * moments as far as they can, so that one turn serves them all. 0: none is worth it. */
uint64_t moderation_end(uint64_t rest_us, uint64_t now_us);

#endif
