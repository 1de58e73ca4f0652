/* When to stop reading for a moment because the disk does not keep up with what is read: what comes
 * meanwhile waits with the sender, who bears that for a while only. Reckoning alone; no clock, no
 * I/O. */
#ifndef CHUNNELD_APP_HOLD_H
#define CHUNNELD_APP_HOLD_H

#include <stdbool.h>
#include <stdint.h>

struct hold_limits {
    uint64_t high;       /* bytes on their way to the disk from which reading is held */
    uint64_t low;        /* and down to which */
    uint64_t most_us;    /* longest time that reading may be held without having caught up since */
    uint64_t most_bytes; /* likewise, bytes that may come meanwhile, as fast as they came before */
};

/* Embedded by value. */
struct hold {
    struct hold_limits limits;
    bool held;           /* reading is */
    bool spent;          /* it was as long as it may: not again before half of that is regained */
    uint64_t used_us;    /* of the time that it may */
    uint64_t at_us;      /* of the last hold_decide(); 0: none yet */
    uint64_t rate;       /* bytes a second, while reading is not held */
    uint64_t rate_us;    /* beginning of the measurement under way; 0: none is */
    uint64_t rate_bytes; /* bytes read by then */
};

/* What is to be seen at a moment. */
struct hold_view {
    uint64_t now_us;     /* monotonic */
    uint64_t backlog;    /* bytes on their way to the disk */
    uint64_t bytes_read; /* since the beginning */
    bool caught_up;      /* the last reads took all that had come */
};

void hold_init(struct hold *hold, const struct hold_limits *limits);
/* Whether reading is to be held from now on. Ask at the end of every turn that brought something,
 * and when hold_left_us() is over. */
bool hold_decide(struct hold *hold, const struct hold_view *view);
/* While it is held: in how many µs to ask again at the latest. */
uint64_t hold_left_us(const struct hold *hold);

#endif
