/* Keeps the books of a receiving end; see tally.h. The runner says on stdin how many were sent. */
#include "tally.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "body.h"

enum { CREDIT_EVERY = 32, HIGHEST_NUMBER = 1 << 30 };

static void *enlarged(void *old, uint64_t size)
{
    void *bigger = realloc(old, size);
    if (!bigger)
        die("out of memory");
    return bigger;
}

void tally_begin(struct tally *tally)
{
    if (tally->size < BODY_MIN_SIZE || tally->size > BODY_MAX_SIZE)
        die("--size must be %d to %d", BODY_MIN_SIZE, BODY_MAX_SIZE);
    if (tally->values.count && tally->credit_fd)
        die("--values without --credit-fd");
    values_begin(&tally->values, 0);
    signal(SIGPIPE, SIG_IGN);
    tally->filler = enlarged(NULL, tally->size);
    body_prepare(tally->filler, tally->size);
    tally->expected = UINT64_MAX;
    puts("ready");
    fflush(stdout);
}

/* Marks a number; was it there before? */
static bool mark_seen(struct tally *tally, uint64_t number)
{
    uint64_t byte = number / 8;
    uint8_t bit = (uint8_t)(1u << number % 8);
    if (byte >= tally->seen_size) {
        uint64_t size = byte * 2 + 4096;
        tally->seen = enlarged(tally->seen, size);
        memset(tally->seen + tally->seen_size, 0, size - tally->seen_size);
        tally->seen_size = size;
    }
    bool was = tally->seen[byte] & bit;
    tally->seen[byte] |= bit;
    return was;
}

static void keep_latency(struct tally *tally, uint64_t latency_ns)
{
    if (tally->distinct == tally->latencies_size) {
        tally->latencies_size = tally->latencies_size * 2 + 4096;
        tally->latencies_ns =
            enlarged(tally->latencies_ns, tally->latencies_size * sizeof(*tally->latencies_ns));
    }
    tally->latencies_ns[tally->distinct] = latency_ns;
}

static void take_new(struct tally *tally, const struct body *body, uint64_t now)
{
    if (!tally->no_latencies)
        keep_latency(tally, now > body->time_ns ? now - body->time_ns : 0);
    tally->distinct++;
    if (body->number < tally->highest)
        tally->out_of_order++;
    else
        tally->highest = body->number;
    if (!tally->first_ns)
        tally->first_ns = now;
    if (!tally->first_after_ns && body->time_ns > tally->after_ns)
        tally->first_after_ns = now;
    tally->last_ns = now;
}

static void take_value(struct tally *tally, uint64_t value, uint64_t now)
{
    if (value >= tally->values.count) {
        tally->damaged++;
        return;
    }
    tally->values.counts[value]++;
    tally->distinct++;
    if (!tally->first_ns)
        tally->first_ns = now;
    tally->last_ns = now;
}

void tally_take(struct tally *tally, const char *bytes, size_t size)
{
    struct body body;
    if (!body_read(bytes, size, &body) || body.number > HIGHEST_NUMBER) {
        tally->damaged++;
        return;
    }
    if (body.run != tally->run) {
        tally->foreign++;
        return;
    }
    uint64_t now = clock_ns();
    tally->quiet_since_ns = now;
    tally->messages++;
    if (!body_is_whole(bytes, size, tally->filler, tally->size))
        tally->damaged++;
    if (tally->values.count)
        take_value(tally, body.number, now);
    else if (!mark_seen(tally, body.number))
        take_new(tally, &body, now);
    if (tally->distinct - tally->credit_told >= CREDIT_EVERY)
        tally_tell_credit(tally);
}

void tally_tell_credit(struct tally *tally)
{
    if (!tally->credit_fd || tally->credit_told == tally->distinct)
        return;
    /* A sender that has gone wants no more: not an error. */
    ssize_t written = write((int)tally->credit_fd, &tally->distinct, sizeof(tally->distinct));
    if (written < 0 && errno != EPIPE)
        die("the credit pipe: %s", strerror(errno));
    tally->credit_told = tally->distinct;
}

void tally_read_expected(struct tally *tally)
{
    char line[32];
    ssize_t got = read(STDIN_FILENO, line, sizeof(line) - 1);
    if (got <= 0)
        die("the runner has gone");
    line[got] = '\0';
    tally->expected = strtoull(line, NULL, 10);
    tally->quiet_since_ns = clock_ns();
}

bool tally_is_over(const struct tally *tally)
{
    if (tally->only_first)
        return tally->distinct > 0;
    if (tally->expected == UINT64_MAX)
        return false;
    /* Of values nobody can tell whether one came too often before nothing more comes. */
    return (!tally->values.count && tally->distinct >= tally->expected) ||
           clock_ns() - tally->quiet_since_ns >= tally->idle_ms * 1000000;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The latency that `share` of the messages did not exceed, in µs; -1 where there are too few
 * messages for it to mean anything. */
static double percentile(const struct tally *tally, double share)
{
    double beyond = (double)tally->distinct * (1 - share);
    if (beyond < 0.999 && share < 1)
        return -1;
    uint64_t index = (uint64_t)((double)tally->distinct * share);
    if (index >= tally->distinct)
        index = tally->distinct - 1;
    return (double)tally->latencies_ns[index] / 1000;
}

static void print_latencies(const struct tally *tally)
{
    static const struct {
        const char *name;
        double share;
    } wanted[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
    const char *comma = "";
    printf(", \"latency_us\": {");
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        double value = percentile(tally, wanted[i].share);
        if (value < 0)
            continue;
        printf("%s\"%s\": %.1f", comma, wanted[i].name, value);
        comma = ", ";
    }
    printf("}");
}

void tally_print(struct tally *tally)
{
    printf("\"messages\": %" PRIu64 ", \"distinct\": %" PRIu64 ", \"duplicates\": %" PRIu64
           ", \"out_of_order\": %" PRIu64 ", \"damaged\": %" PRIu64 ", \"foreign\": %" PRIu64
           ", \"first_ns\": %" PRIu64 ", \"last_ns\": %" PRIu64 ", \"first_after_ns\": %" PRIu64,
           tally->messages, tally->distinct, tally->messages - tally->distinct, tally->out_of_order,
           tally->damaged, tally->foreign, tally->first_ns, tally->last_ns, tally->first_after_ns);
    if (tally->values.count) {
        values_print("values", tally->values.counts, tally->values.count);
    } else if (tally->distinct && !tally->no_latencies) {
        qsort(tally->latencies_ns, tally->distinct, sizeof(*tally->latencies_ns), compare);
        print_latencies(tally);
    }
    values_end(&tally->values);
    free(tally->filler);
    free(tally->seen);
    free(tally->latencies_ns);
}
