/* What does the spool cost? Appends records, waits for them to be durable, reads and removes them,
 * and prints records a second and CPU time a record of all threads, for several sizes of a loop's
 * turn.
 *
 *     spool_bench DIRECTORY [RECORDS [BODY-BYTES]]
 *
 * DIRECTORY must be on the kind of disk that is asked about; it is made, and what is in it is used.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "spool/spool.h"

enum { READ_BYTES = 1024 * 1024, READ_COUNT = 8192, PACED_RATE = 1000, PACED_RECORDS = 5000 };

struct bench {
    struct spool *spool;
    struct spool_fifo *fifo;
    uint64_t records; /* of a scenario */
    char *body;
    size_t body_len;
    uint64_t first;   /* number of the scenario's first record */
    uint64_t durable; /* number of the last durable record */
    uint64_t read;    /* records that came back */
    uint64_t cursor;  /* number of the next one to be read */
    bool reading;
    bool failed;
    uint64_t *sent_us; /* times of appending, by number; NULL: not wanted */
    struct histogram latency;
};

static void on_durable(void *ctx, uint64_t upto)
{
    struct bench *bench = ctx;
    uint64_t now = clock_monotonic_us();

    for (uint64_t seq = bench->durable + 1; bench->sent_us != NULL && seq <= upto; seq++) {
        histogram_record(&bench->latency, now - bench->sent_us[seq - bench->first]);
    }
    bench->durable = upto;
}

static void on_records(void *ctx, const struct spool_record *records, size_t count, uint64_t next)
{
    struct bench *bench = ctx;

    for (size_t i = 0; i < count; i++) {
        bench->failed |= records[i].body.len != bench->body_len ||
                         memcmp(records[i].body.data, bench->body, bench->body_len) != 0;
    }
    bench->read += count;
    bench->cursor = next;
    bench->reading = false;
    spool_fifo_remove_upto(bench->fifo, next - 1);
}

static void on_trouble(void *ctx, const char *why)
{
    (void)ctx;
    fprintf(stderr, "trouble: %s\n", why);
}

static const struct spool_events events = {.on_trouble = on_trouble};
static const struct spool_fifo_events fifo_events = {.on_durable = on_durable,
                                                     .on_records = on_records};

static double cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void turn(struct bench *bench, int wait_ms)
{
    struct pollfd fd = {.fd = spool_fd(bench->spool), .events = POLLIN};

    spool_flush(bench->spool);
    if (poll(&fd, 1, wait_ms) > 0) {
        spool_dispatch(bench->spool);
    }
}

static bool append(struct bench *bench)
{
    uint64_t seq;

    memcpy(bench->body, &bench->records, sizeof(bench->records));
    if (spool_fifo_append(bench->fifo, SLICE("routing.key and so on"),
                          slice_make(bench->body, bench->body_len), &seq) != SPOOL_APPENDED) {
        return false;
    }
    if (bench->sent_us != NULL) {
        bench->sent_us[seq - bench->first] = clock_monotonic_us();
    }
    return true;
}

static void print(const char *what, uint64_t records, uint64_t start_us, double start_cpu)
{
    double took = (double)(clock_monotonic_us() - start_us);

    printf("%-44s %9.0f records/s %7.3f us CPU a record\n", what, (double)records / took * 1e6,
           (cpu_us() - start_cpu) / (double)records);
}

static void begin(struct bench *bench)
{
    struct spool_fifo_info info;

    spool_fifo_get_info(bench->fifo, &info);
    bench->first = bench->cursor = info.next;
    bench->durable = info.next - 1;
    bench->read = 0;
}

/* Appends with `per_turn` records a turn of the loop, until all are durable. */
static void fill(struct bench *bench, uint64_t per_turn)
{
    uint64_t start = clock_monotonic_us(), sent = 0;
    double cpu = cpu_us();
    char what[64];

    begin(bench);
    while (bench->durable + 1 < bench->first + bench->records) {
        uint64_t n = 0;
        while (n < per_turn && sent < bench->records && append(bench)) {
            n++;
            sent++;
        }
        turn(bench, n > 0 ? 0 : 100);
    }
    snprintf(what, sizeof(what), "append until durable, %llu a turn", (unsigned long long)per_turn);
    print(what, bench->records, start, cpu);
}

static void drain(struct bench *bench)
{
    uint64_t start = clock_monotonic_us();
    double cpu = cpu_us();

    while (bench->read < bench->records && !bench->failed) {
        if (!bench->reading) {
            bench->reading = true;
            spool_fifo_read(bench->fifo, bench->cursor, READ_BYTES, READ_COUNT);
        }
        turn(bench, 100);
    }
    print("read and remove", bench->records, start, cpu);
}

/* What a bridge with durability "disk" does: each record is removed once it is durable. */
static void pass_through(struct bench *bench, uint64_t per_turn)
{
    uint64_t start = clock_monotonic_us(), sent = 0, removed = 0;
    double cpu = cpu_us();
    char what[64];

    begin(bench);
    while (removed < bench->records) {
        uint64_t n = 0;
        while (n < per_turn && sent < bench->records && append(bench)) {
            n++;
            sent++;
        }
        turn(bench, n > 0 ? 0 : 100);
        removed += spool_fifo_remove_upto(bench->fifo, bench->durable);
    }
    snprintf(what, sizeof(what), "append, durable, remove, %llu a turn",
             (unsigned long long)per_turn);
    print(what, bench->records, start, cpu);
}

/* A steady thousand a second. */
static void pace(struct bench *bench)
{
    uint64_t start = clock_monotonic_us(), sent = 0;
    double cpu = cpu_us();

    begin(bench);
    bench->sent_us = calloc(PACED_RECORDS, sizeof(*bench->sent_us));
    while (bench->sent_us != NULL && bench->durable + 1 < bench->first + PACED_RECORDS) {
        while (sent < PACED_RECORDS &&
               clock_monotonic_us() - start >= sent * (CLOCK_US_PER_S / PACED_RATE)) {
            sent += append(bench);
        }
        turn(bench, 1);
        spool_fifo_remove_upto(bench->fifo, bench->durable);
    }
    print("1,000 a second, removed when durable", PACED_RECORDS, start, cpu);
    printf("  append to durable: p50 %llu us, p99 %llu us, max %llu us\n",
           (unsigned long long)histogram_quantile(&bench->latency, 0.5),
           (unsigned long long)histogram_quantile(&bench->latency, 0.99),
           (unsigned long long)bench->latency.max);
    free(bench->sent_us);
    bench->sent_us = NULL;
}

static void report(struct bench *bench)
{
    struct spool_stats *stats = calloc(1, sizeof(*stats));
    struct rusage usage;

    if (stats == NULL) {
        return;
    }
    spool_get_stats(bench->spool, stats);
    getrusage(RUSAGE_SELF, &usage);
    printf("commits %llu, p50 %llu us, p99 %llu us; file %llu bytes; peak memory %ld KiB%s\n",
           (unsigned long long)stats->commits,
           (unsigned long long)histogram_quantile(&stats->commit, 0.5),
           (unsigned long long)histogram_quantile(&stats->commit, 0.99),
           (unsigned long long)stats->file_bytes, usage.ru_maxrss,
           bench->failed ? "; WRONG BYTES CAME BACK" : "");
    free(stats);
}

int main(int argc, char **argv)
{
    struct bench bench = {.records = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000000,
                          .body_len = argc > 3 ? strtoull(argv[3], NULL, 10) : 200};
    struct spool_options options;
    struct err err;

    bench.body = calloc(1, bench.body_len + sizeof(uint64_t));
    spool_options_init(&options);
    if (argc < 2 || bench.body == NULL ||
        spool_open(argv[1], &options, &events, NULL, &bench.spool, &err) != SPOOL_OPENED) {
        fprintf(stderr, "%s\n",
                argc < 2 ? "usage: spool_bench DIRECTORY [RECORDS [BYTES]]" : err.text);
        return 1;
    }
    bench.fifo = spool_fifo_open(bench.spool, "bench", UINT64_MAX / 2, &fifo_events, &bench, &err);
    if (bench.fifo == NULL) {
        return 1;
    }
    spool_fifo_remove_upto(bench.fifo, UINT64_MAX / 4);
    for (uint64_t per_turn = 1; per_turn <= 1000; per_turn *= 10) {
        fill(&bench, per_turn);
        drain(&bench);
    }
    pass_through(&bench, 100);
    pace(&bench);
    report(&bench);
    spool_free(bench.spool);
    free(bench.body);
    return bench.failed;
}
