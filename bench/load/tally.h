/* The books of a receiving end: what came, how often, in which order, unharmed or not, how late. */
#ifndef BENCH_LOAD_TALLY_H
#define BENCH_LOAD_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "args.h"
#include "values.h"

struct tally {
    /* what the command line says */
    uint64_t run;         /* messages of other runs are left out of the books */
    uint64_t size;        /* of every body */
    uint64_t after_ns;    /* first_after_ns: when the first message stamped later than this came */
    uint64_t idle_ms;     /* once all are sent: the end, when nothing came for so long */
    uint64_t credit_fd;   /* pipe on which the sender is told what came; 0: none */
    bool only_first;      /* the end, when one message came */
    bool no_latencies;    /* nothing is kept of a message but that it came: a bit */
    struct values values; /* counted in the place of numbers */
    /* the books */
    uint64_t messages; /* that came, repeated ones included */
    uint64_t distinct;
    uint64_t out_of_order; /* came for the first time, but after a later one */
    uint64_t damaged;
    uint64_t foreign; /* of other runs */
    uint64_t first_ns;
    uint64_t last_ns; /* when the last message came that had not come before */
    uint64_t first_after_ns;
    /* the end */
    uint64_t expected; /* how many were sent, UINT64_MAX until the runner says so */
    uint64_t quiet_since_ns;
    /* inside */
    char *filler;
    uint8_t *seen; /* a bit a number */
    uint64_t seen_size;
    uint64_t *latencies_ns; /* of the distinct ones */
    uint64_t latencies_size;
    uint64_t highest;
    uint64_t credit_told;
};

/* The options of a receiving end that belong to its books, for its table. */
#define TALLY_ARGS(tally)                                                                          \
    {"run", "number of the run", &(tally)->run, 0, 0},                                             \
        {"size", "bytes of a body", &(tally)->size, 0, 0},                                         \
        {"after-ns", "notice the first message stamped after this", &(tally)->after_ns, 0, 0},     \
        {"idle-ms", "end after so long a silence", &(tally)->idle_ms, 0, 0},                       \
        VALUES_ARGS(&(tally)->values),                                                             \
        {"credit-fd", "pipe on which the sender is told what came", &(tally)->credit_fd, 0, 0},    \
        {"only-first", "end with the first message", 0, 0, &(tally)->only_first},                  \
    {                                                                                              \
        "no-latencies", "keep no more of a message than a bit", 0, 0, &(tally)->no_latencies       \
    }

/* Checks the options and says "ready" on stdout: the runner starts the sender then. */
void tally_begin(struct tally *tally);
/* A message came. */
void tally_take(struct tally *tally, const char *body, size_t size);
/* Tells the sender what came since the last time; when there is nothing to read just now. */
void tally_tell_credit(struct tally *tally);
/* stdin is readable: a line with the number of messages sent. */
void tally_read_expected(struct tally *tally);
/* Is everything there, or nothing more to be hoped for? */
bool tally_is_over(const struct tally *tally);
/* Prints the members of a JSON object, without its braces. */
void tally_print(struct tally *tally);

#endif
