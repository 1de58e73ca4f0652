/* Turning a spool without a daemon. For: tests that say what they expect and nothing else. */
#include "spool_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { TURN_RECORDS = 97 }; /* appended between two turns of the loop */

static void on_trouble(void *ctx, const char *why)
{
    struct spool_rig *rig = ctx;

    rig->troubles++;
    rig->in_trouble = true;
    snprintf(rig->trouble, sizeof(rig->trouble), "%s", why);
}

static void on_recovered(void *ctx)
{
    struct spool_rig *rig = ctx;

    rig->recoveries++;
    rig->in_trouble = false;
}

static void on_notice(void *ctx, const char *what)
{
    struct spool_rig *rig = ctx;

    strbuf_append_format(&rig->notices, "%s\n", what);
}

static void on_room(void *ctx)
{
    struct spool_rig *rig = ctx;

    rig->rooms++;
}

static void on_closed(void *ctx)
{
    struct spool_rig *rig = ctx;

    rig->closed = true;
}

static const struct spool_events spool_events = {.on_trouble = on_trouble,
                                                 .on_recovered = on_recovered,
                                                 .on_notice = on_notice,
                                                 .on_room = on_room,
                                                 .on_closed = on_closed};

void spool_rig_init(struct spool_rig *rig)
{
    const char *parent = getenv("TMPDIR");

    /* A file system in memory where there is one: these tests wait for thousands of syncs. */
    if (parent == NULL || strlen(parent) > 40) {
        parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    }
    *rig = (struct spool_rig){.notices = STRBUF_INIT};
    snprintf(rig->directory, sizeof(rig->directory), "%s/spool-test-XXXXXX", parent);
    assert_non_null(mkdtemp(rig->directory));
    spool_options_init(&rig->options);
    rig->options.retry_min_us = 5 * CLOCK_US_PER_MS;
    rig->options.retry_max_us = 20 * CLOCK_US_PER_MS;
}

const char *spool_rig_path(const struct spool_rig *rig, const char *file)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/%s", rig->directory, file);
    return path;
}

void spool_rig_clear(const struct spool_rig *rig)
{
    DIR *stream = opendir(rig->directory);
    const struct dirent *entry;

    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        unlink(spool_rig_path(rig, entry->d_name));
    }
    if (stream != NULL) {
        closedir(stream);
    }
}

void spool_rig_fini(struct spool_rig *rig)
{
    spool_rig_abort(rig);
    spool_rig_clear(rig);
    rmdir(rig->directory);
    strbuf_fini(&rig->notices);
}

int spool_rig_set_up(void **state)
{
    struct spool_rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    spool_rig_init(rig);
    *state = rig;
    return 0;
}

int spool_rig_tear_down(void **state)
{
    spool_rig_fini(*state);
    free(*state);
    return 0;
}

enum spool_open_result spool_rig_try(struct spool_rig *rig)
{
    enum spool_open_result result;

    assert_null(rig->spool);
    rig->closed = rig->in_trouble = false;
    rig->err.text[0] = '\0';
    result = spool_open(rig->directory, &rig->options, &spool_events, rig, &rig->spool, &rig->err);
    if (result != SPOOL_OPENED) {
        rig->spool = NULL;
    }
    return result;
}

void spool_rig_open(struct spool_rig *rig)
{
    if (spool_rig_try(rig) != SPOOL_OPENED) {
        fail_msg("the spool does not open: %s", rig->err.text);
    }
}

void spool_rig_refuse(struct spool_rig *rig, enum spool_open_result expected, const char *words)
{
    enum spool_open_result result = spool_rig_try(rig);

    if (result == SPOOL_OPENED || result != expected) {
        fail_msg("opening gave %d: %s", (int)result, rig->err.text);
    }
    if (strstr(rig->err.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", rig->err.text, words);
    }
}

void spool_rig_turn(struct spool_rig *rig, int wait_ms)
{
    struct pollfd fd = {.fd = spool_fd(rig->spool), .events = POLLIN};

    spool_flush(rig->spool);
    if (poll(&fd, 1, wait_ms) > 0) {
        spool_dispatch(rig->spool);
    }
}

void spool_rig_wait(struct spool_rig *rig, bool (*is_true)(void *ctx), void *ctx, const char *what)
{
    uint64_t deadline = clock_monotonic_us() + SPOOL_RIG_WAIT_MS * CLOCK_US_PER_MS;

    while (!is_true(ctx)) {
        if (clock_monotonic_us() > deadline) {
            fail_msg("waited in vain: %s; last trouble: %s", what, rig->trouble);
        }
        spool_rig_turn(rig, 20);
    }
}

static bool is_closed(void *ctx)
{
    const struct spool_rig *rig = ctx;

    return rig->closed;
}

void spool_rig_close(struct spool_rig *rig)
{
    spool_close(rig->spool);
    spool_rig_wait(rig, is_closed, rig, "the orderly end");
    spool_rig_abort(rig);
}

void spool_rig_abort(struct spool_rig *rig)
{
    spool_free(rig->spool);
    rig->spool = NULL;
}

struct spool_fifo_info spool_queue_info(const struct spool_queue *queue)
{
    struct spool_fifo_info info;

    spool_fifo_get_info(queue->fifo, &info);
    return info;
}

void spool_queue_body(const char *name, uint64_t seq, struct strbuf *out)
{
    uint64_t state = seq * UINT64_C(0x9e3779b97f4a7c15);
    size_t len = seq % 31 == 0 ? 0 : (size_t)(state >> 40) % (seq % 17 == 0 ? 2000 : 200);

    strbuf_reset(out);
    if (len > 0) {
        strbuf_append_format(out, "%s/%llu/", name, (unsigned long long)seq);
    }
    for (size_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        strbuf_append_char(out, (char)(unsigned char)(state >> 24));
    }
}

static void make_header(const char *name, uint64_t seq, char out_header[80])
{
    snprintf(out_header, 80, "%s#%llu", name, (unsigned long long)seq);
}

static void on_durable(void *ctx, uint64_t upto)
{
    struct spool_queue *queue = ctx;

    assert_true(upto > queue->durable);
    queue->durable = upto;
}

static void on_lost(void *ctx, uint64_t first, uint64_t last, uint64_t count)
{
    struct spool_queue *queue = ctx;

    assert_true(count > 0 && count <= last - first + 1);
    queue->lost += count;
}

static void on_records(void *ctx, const struct spool_record *records, size_t count, uint64_t next)
{
    struct spool_queue *queue = ctx;
    struct strbuf body = STRBUF_INIT;
    char header[80];

    for (size_t i = 0; i < count; i++) {
        make_header(queue->name, records[i].seq, header);
        spool_queue_body(queue->name, records[i].seq, &body);
        if (records[i].seq < queue->expected || !slice_equal_text(records[i].header, header) ||
            !slice_equal(records[i].body, strbuf_slice(&body))) {
            queue->wrong++;
        }
        queue->expected = records[i].seq + 1;
    }
    strbuf_fini(&body);
    queue->read += count;
    queue->first = count > 0 ? records[0].seq : 0;
    queue->count = count;
    queue->next = next;
    queue->answered = true;
}

static const struct spool_fifo_events fifo_events = {
    .on_durable = on_durable, .on_records = on_records, .on_lost = on_lost};

void spool_queue_open(struct spool_queue *queue, struct spool_rig *rig, const char *name)
{
    *queue = (struct spool_queue){.rig = rig, .name = name};
    queue->fifo = spool_fifo_open(rig->spool, name, UINT64_MAX / 2, &fifo_events, queue, &rig->err);
    if (queue->fifo == NULL) {
        fail_msg("%s", rig->err.text);
    }
}

enum spool_append spool_queue_append(struct spool_queue *queue)
{
    struct strbuf body = STRBUF_INIT;
    struct spool_fifo_info info;
    enum spool_append result;
    char header[80];
    uint64_t seq;

    spool_fifo_get_info(queue->fifo, &info);
    make_header(queue->name, info.next, header);
    spool_queue_body(queue->name, info.next, &body);
    result = spool_fifo_append(queue->fifo, slice_of(header), strbuf_slice(&body), &seq);
    strbuf_fini(&body);
    assert_true(result != SPOOL_APPENDED || seq == info.next);
    return result;
}

void spool_queue_fill(struct spool_queue *queue, uint64_t count)
{
    uint64_t deadline = clock_monotonic_us() + SPOOL_RIG_WAIT_MS * CLOCK_US_PER_MS;

    for (uint64_t i = 0; i < count;) {
        enum spool_append result = spool_queue_append(queue);
        if (result == SPOOL_APPENDED) {
            i++;
        } else if (result != SPOOL_BUSY || clock_monotonic_us() > deadline) {
            fail_msg("not appended: %s", spool_append_name(result));
        }
        if (i % TURN_RECORDS == 0 || result == SPOOL_BUSY) {
            spool_rig_turn(queue->rig, result == SPOOL_BUSY ? 20 : 0);
        }
    }
}

static bool is_durable(void *ctx)
{
    const struct spool_queue *queue = ctx;
    struct spool_fifo_info info;

    spool_fifo_get_info(queue->fifo, &info);
    return info.durable + 1 == info.next && info.backlog_count == 0;
}

void spool_queue_wait_durable(struct spool_queue *queue)
{
    spool_rig_wait(queue->rig, is_durable, queue, "all records durable");
}

static bool is_answered(void *ctx)
{
    const struct spool_queue *queue = ctx;

    return queue->answered;
}

void spool_queue_read(struct spool_queue *queue, uint64_t from, size_t max_bytes, size_t max_count)
{
    queue->answered = false;
    assert_int_equal(spool_fifo_read(queue->fifo, from, max_bytes, max_count), 0);
    spool_rig_wait(queue->rig, is_answered, queue, "an answer");
    assert_int_equal(queue->wrong, 0);
}

void spool_queue_read_all(struct spool_queue *queue, uint64_t from)
{
    struct spool_fifo_info info;

    queue->expected = from;
    queue->read = 0;
    spool_fifo_get_info(queue->fifo, &info);
    while (from < info.next) {
        spool_queue_read(queue, from, 64 * 1024, 1000);
        assert_true(queue->next > from);
        from = queue->next;
    }
}
