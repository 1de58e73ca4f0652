/* When a sender may send: at full speed, at a rate, or as fast as the receiving end keeps up.
 *
 * With a window, the receiving end writes how many messages it has got so far (8 bytes, native
 * order, again and again) to a pipe, and never more than `window` are under way from end to end.
 * What is counted may as well be another sender's: then this one follows that one's flow. */
#ifndef BENCH_LOAD_PACE_H
#define BENCH_LOAD_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "args.h"

struct pace {
    /* what the command line says; 0: no limit, but credit_fd counts only with a window */
    uint64_t count;     /* messages to send */
    uint64_t seconds;   /* or time to send in */
    uint64_t rate;      /* messages a second */
    uint64_t window;    /* most messages under way */
    uint64_t credit_fd; /* the pipe */
    /* how it goes */
    uint64_t start_ns;
    uint64_t sent;
    uint64_t arrived; /* as the receiving end says */
};

/* The options of a sender that belong to its pace, for its table. */
#define PACE_ARGS(pace)                                                                            \
    {"count", "messages to send", &(pace)->count, 0, 0},                                           \
        {"seconds", "send for so long", &(pace)->seconds, 0, 0},                                   \
        {"rate", "messages a second (default: as fast as it goes)", &(pace)->rate, 0, 0},          \
        {"window", "most messages on their way to the receiving end", &(pace)->window, 0, 0},      \
    {                                                                                              \
        "credit-fd", "pipe on which the receiving end tells what came", &(pace)->credit_fd, 0, 0   \
    }

/* Takes the time and makes timers exact; before the first message. */
void pace_start(struct pace *pace);
/* Is everything sent, or the time over, or SIGTERM there? */
bool pace_is_over(const struct pace *pace, uint64_t now_ns);
/* How many messages may go out now. */
uint64_t pace_due(const struct pace *pace, uint64_t now_ns);
/* The time to stamp on the next message: the one at which it is due where a rate is given, so that
 * a late sender shows as latency; else now. */
uint64_t pace_stamp(const struct pace *pace, uint64_t now_ns);
/* Waits until `fd` is readable (or writable, if asked), the receiving end speaks, or the next
 * message is due; where nothing may be sent before `fd` speaks (`held`), not for the latter.
 * Returns poll's events of `fd`. */
short pace_wait(struct pace *pace, int fd, bool writable, bool held);

#endif
