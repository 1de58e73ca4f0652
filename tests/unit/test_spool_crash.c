/* Is everything there after a crash that was called durable and not removed, in order, with nothing
 * made up? The process is killed at random moments, and the power cut, with and without failing
 * syncs.
 *
 * SPOOL_CRASHES: how many of each; 24 by default. */
#include "spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"
#include "fault_vfs.h"
#include "spool_rig.h"

enum { NUMBERS = 4 * 1000 * 1000 };

/* What is known of the records of one FIFO, over all crashes. */
struct ledger_of_truth {
    uint64_t appended;  /* no number above was given out */
    uint64_t durable;   /* the last number that was called durable */
    bool gone[NUMBERS]; /* removal was asked for */
};

static char in_bulk; /* the address is the state of a test in which much is written in bulk */

static int set_up(void **state)
{
    bool bulk = *state == &in_bulk;
    struct spool_rig *rig;

    fault_vfs_register();
    fault_vfs_reset();
    spool_rig_set_up(state);
    rig = *state;
    if (bulk) {
        rig->options.bulk_bytes = 64 * 1024; /* some transactions are, some are not */
    }
    return 0;
}

static int tear_down(void **state)
{
    fault_vfs_reset();
    return spool_rig_tear_down(state);
}

static unsigned crashes(void)
{
    const char *text = getenv("SPOOL_CRASHES");

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 24;
}

/* What the user of the spool tells whoever watches it. */
enum report_kind { REPORT_APPENDED, REPORT_DURABLE, REPORT_REMOVED };

struct report {
    enum report_kind kind;
    uint64_t first; /* APPENDED, DURABLE: the number */
    uint64_t last;  /* REMOVED: up to this one */
};

struct user {
    struct spool_rig *rig;
    struct spool_queue queue;
    struct rand rand;
    uint64_t told; /* the last durable number that was told */
    void (*tell)(void *ctx, const struct report *report);
    void *ctx;
};

static void tell(struct user *user, enum report_kind kind, uint64_t first, uint64_t last)
{
    struct report report = {.kind = kind, .first = first, .last = last};

    user->tell(user->ctx, &report);
}

/* Removes something, having told so before. */
static void remove_some(struct user *user)
{
    struct spool_fifo_info info;
    uint64_t seq, last;

    spool_fifo_get_info(user->queue.fifo, &info);
    if (info.count == 0) {
        return;
    }
    seq = info.first + rand_below(&user->rand, info.next - info.first);
    if (rand_below(&user->rand, 8) == 0) {
        tell(user, REPORT_REMOVED, info.first, seq);
        spool_fifo_remove_upto(user->queue.fifo, seq);
        return;
    }
    last = seq + rand_below(&user->rand, rand_below(&user->rand, 5) == 0 ? 900 : 3);
    for (; seq <= last && seq < info.next; seq++) {
        tell(user, REPORT_REMOVED, seq, seq);
        spool_fifo_remove(user->queue.fifo, seq);
    }
}

/* One turn of a bridge's loop, of any kind. */
static void use(struct user *user)
{
    uint64_t n = rand_below(&user->rand, rand_below(&user->rand, 10) == 0 ? 3000 : 40);
    struct spool_fifo_info info;

    /* Told before: the spool's thread may write what was appended at once. */
    spool_fifo_get_info(user->queue.fifo, &info);
    tell(user, REPORT_APPENDED, info.next - 1 + n, 0);
    while (n-- > 0 && spool_queue_append(&user->queue) == SPOOL_APPENDED) {
    }
    if (rand_below(&user->rand, 3) == 0) {
        remove_some(user);
    }
    spool_rig_turn(user->rig, rand_below(&user->rand, 4) == 0 ? 5 : 0);
    if (user->queue.durable > user->told) {
        user->told = user->queue.durable;
        tell(user, REPORT_DURABLE, user->told, 0);
    }
}

static void note(void *ctx, const struct report *report)
{
    struct ledger_of_truth *truth = ctx;

    switch (report->kind) {
    case REPORT_APPENDED:
        truth->appended = report->first > truth->appended ? report->first : truth->appended;
        break;
    case REPORT_DURABLE:
        truth->durable = report->first;
        break;
    default:
        assert_true(report->last < NUMBERS);
        for (uint64_t seq = report->first; seq <= report->last; seq++) {
            truth->gone[seq] = true;
        }
        break;
    }
}

static struct ledger_of_truth *verified; /* by on_records */
static uint64_t verified_upto;

static void on_records(void *ctx, const struct spool_record *records, size_t count, uint64_t next)
{
    struct strbuf body = STRBUF_INIT;
    uint64_t *out_next = ctx;

    for (size_t i = 0; i < count; i++) {
        for (; verified_upto + 1 < records[i].seq; verified_upto++) {
            if (verified_upto + 1 <= verified->durable && !verified->gone[verified_upto + 1]) {
                fail_msg("record %llu was durable (up to %llu) and is lost",
                         (unsigned long long)verified_upto + 1,
                         (unsigned long long)verified->durable);
            }
        }
        verified_upto = records[i].seq;
        spool_queue_body("q", records[i].seq, &body);
        assert_true(slice_equal(records[i].body, strbuf_slice(&body)));
    }
    strbuf_fini(&body);
    *out_next = next;
}

static bool has_answer(void *ctx)
{
    return *(const uint64_t *)ctx != 0;
}

/* Opens the spool after a crash, and compares it with what is known. Then what is there is the
 * truth. */
static void verify(struct spool_rig *rig, struct ledger_of_truth *truth)
{
    static const struct spool_fifo_events events = {.on_records = on_records};
    struct spool_fifo_info info;
    struct spool_fifo *fifo;
    uint64_t next = 0, from;

    spool_rig_open(rig);
    fifo = spool_fifo_open(rig->spool, "q", UINT64_MAX / 2, &events, &next, &rig->err);
    assert_non_null(fifo);
    spool_fifo_get_info(fifo, &info);
    verified = truth;
    verified_upto = 0;
    for (from = 1; from < info.next; from = next) {
        next = 0;
        assert_int_equal(spool_fifo_read(fifo, from, 1024 * 1024, 10000), 0);
        spool_rig_wait(rig, has_answer, &next, "an answer");
    }
    for (uint64_t seq = verified_upto + 1; seq <= truth->durable; seq++) {
        assert_true(truth->gone[seq]);
    }
    spool_fifo_get_info(fifo, &info);
    assert_int_equal(info.lost, 0);
    assert_true(info.next - 1 <= truth->appended || info.count == 0);
    assert_string_equal(strbuf_text(&rig->notices), "");
    /* Numbers of records that were never durable are given out anew. */
    truth->appended = info.next - 1;
    truth->durable = info.next - 1;
    memset(truth->gone + info.next, 0, sizeof(truth->gone) - (size_t)info.next);
}

static void write_report(void *ctx, const struct report *report)
{
    const int *fd = ctx;

    if (write(*fd, report, sizeof(*report)) != (ssize_t)sizeof(*report)) {
        _exit(3);
    }
}

static void be_killed(struct spool_rig *rig, int fd, uint64_t seed)
{
    struct user user = {.rig = rig, .tell = write_report, .ctx = &fd};

    rand_init_seed(&user.rand, seed);
    spool_rig_open(rig);
    spool_queue_open(&user.queue, rig, "q");
    for (;;) {
        use(&user);
    }
}

static void kill_once(struct spool_rig *rig, struct ledger_of_truth *truth, struct rand *rand)
{
    uint64_t life = clock_monotonic_us() + rand_below(rand, 80 * CLOCK_US_PER_MS);
    uint64_t reports = rand_below(rand, 40); /* on a slow machine it is not killed before them */
    struct report report;
    int fds[2], status;
    pid_t child;

    assert_int_equal(pipe(fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(fds[0]);
        be_killed(rig, fds[1], rand_next(rand));
    }
    close(fds[1]);
    while (read(fds[0], &report, sizeof(report)) == (ssize_t)sizeof(report)) {
        note(truth, &report);
        reports -= reports > 0;
        if (life != 0 && reports == 0 && clock_monotonic_us() >= life) {
            assert_int_equal(kill(child, SIGKILL), 0);
            life = 0;
        }
    }
    close(fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_killed_at_random_moments(void **state)
{
    struct spool_rig *rig = *state;
    struct ledger_of_truth *truth = calloc(1, sizeof(*truth));
    struct rand rand;

    assert_non_null(truth);
    rand_init_seed(&rand, 21);
    for (unsigned i = 0; i < crashes(); i++) {
        kill_once(rig, truth, &rand);
        verify(rig, truth);
        if (i % 3 == 0) {
            spool_rig_close(rig);
        } else {
            spool_rig_abort(rig);
        }
    }
    assert_true(truth->appended > 1000);
    free(truth);
}

static void plan_trouble(struct rand *rand)
{
    const struct fault_plan sync = {.op = FAULT_SYNC,
                                    .after = rand_below(rand, 12),
                                    .times = 1 + rand_below(rand, 3),
                                    .code = SQLITE_IOERR_FSYNC,
                                    .errno_value = EIO};
    const struct fault_plan full = {.op = FAULT_WRITE,
                                    .after = rand_below(rand, 120),
                                    .times = 1 + rand_below(rand, 8),
                                    .code = SQLITE_FULL,
                                    .errno_value = ENOSPC};

    fault_vfs_plan(&sync);
    fault_vfs_plan(&full);
}

/* A process works, is ended at once (its files live on in the page cache), another one works, and
 * so on; then the power goes. */
static void lose_power_once(struct spool_rig *rig, struct ledger_of_truth *truth, struct rand *rand,
                            bool trouble)
{
    uint64_t processes = 1 + rand_below(rand, 3);

    while (processes-- > 0) {
        struct user user = {.rig = rig, .tell = note, .ctx = truth};
        uint64_t turns = 1 + rand_below(rand, 60);
        rand_init_seed(&user.rand, rand_next(rand));
        spool_rig_open(rig);
        spool_queue_open(&user.queue, rig, "q");
        if (trouble) {
            plan_trouble(rand);
        }
        while (turns-- > 0) {
            use(&user);
        }
        spool_rig_abort(rig);
        fault_vfs_plan(&(struct fault_plan){.op = FAULT_SYNC});
        fault_vfs_plan(&(struct fault_plan){.op = FAULT_WRITE});
        /* The next process may use numbers again that were never durable. */
        if (processes > 0) {
            verify(rig, truth);
            spool_rig_abort(rig);
        }
    }
    fault_vfs_power_loss(rig->directory, rand_next(rand));
}

static void test_power_cuts(void **state)
{
    struct spool_rig *rig = *state;
    struct ledger_of_truth *truth = calloc(1, sizeof(*truth));
    struct rand rand;

    assert_non_null(truth);
    rig->options.vfs = "fault";
    rand_init_seed(&rand, 22);
    for (unsigned i = 0; i < crashes(); i++) {
        lose_power_once(rig, truth, &rand, false);
        verify(rig, truth);
        spool_rig_abort(rig);
    }
    assert_true(truth->appended > 1000);
    free(truth);
}

static void test_power_cuts_after_failed_syncs(void **state)
{
    struct spool_rig *rig = *state;
    struct ledger_of_truth *truth = calloc(1, sizeof(*truth));
    uint64_t failures;
    struct rand rand;

    assert_non_null(truth);
    rig->options.vfs = "fault";
    rand_init_seed(&rand, 23);
    for (unsigned i = 0; i < crashes(); i++) {
        lose_power_once(rig, truth, &rand, true);
        verify(rig, truth);
        spool_rig_abort(rig);
    }
    failures = fault_vfs_failures();
    assert_true(failures > crashes());
    free(truth);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define IN_BULK(name)                                                                              \
    {                                                                                              \
#name " in bulk", name, set_up, tear_down, &in_bulk                                        \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_killed_at_random_moments),
        TEST(test_power_cuts),
        TEST(test_power_cuts_after_failed_syncs),
        IN_BULK(test_killed_at_random_moments),
        IN_BULK(test_power_cuts),
        IN_BULK(test_power_cuts_after_failed_syncs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
