/* The command line of the load programs: --name value, numbers mostly, one table a program. */
#ifndef BENCH_LOAD_ARGS_H
#define BENCH_LOAD_ARGS_H

#include <stdbool.h>
#include <stdint.h>

/* One option; exactly one of the three places is set. The table ends with a NULL name. */
struct arg {
    const char *name; /* without the dashes */
    const char *help;
    uint64_t *number;
    const char **text;
    bool *flag; /* takes no value */
};

/* Fills in what the arguments say; prints the table for --help. Wrong ones end the program with
 * status 64. */
void args_parse(int argc, char **argv, const char *purpose, const struct arg *table);

/* Ends the program with status 1 and "PROGRAM: words" on stderr. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
