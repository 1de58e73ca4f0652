/* Bodies that are drawn from a few values, so that equal ones come again and again: how often each
 * was sent, or came. A value is what stands as the number in a body (body.h), its time is 0. */
#ifndef BENCH_LOAD_VALUES_H
#define BENCH_LOAD_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "args.h"

enum { VALUES_MOST = 1000000 };

struct values {
    uint64_t count;   /* as the command line says; 0: every body has a number of its own */
    uint64_t *counts; /* by value */
    uint64_t *missed; /* of them, for whom it matters; by value */
    uint64_t state;   /* of the draw */
};

/* The option, for a program's table. */
#define VALUES_ARGS(values)                                                                        \
    {                                                                                              \
        "values", "bodies are drawn from so many values (default: each is numbered)",              \
            &(values)->count, 0, 0                                                                 \
    }

/* Checks the option. Equal seeds draw equal values. */
void values_begin(struct values *values, uint64_t seed);
/* The next value; the draw is even and the same everywhere. Counts nothing. */
uint64_t values_draw(struct values *values);
/* Prints ', "NAME": [how often, by value]'. */
void values_print(const char *name, const uint64_t *counts, uint64_t size);
void values_end(struct values *values);

#endif
