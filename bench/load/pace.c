/* Says when the next message may go out; sends nothing itself. See pace.h. */
#define _GNU_SOURCE
#include "pace.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "body.h"

#define SECOND_NS UINT64_C(1000000000)
#define LONGEST_WAIT_NS (SECOND_NS / 10)

static volatile sig_atomic_t asked_to_stop;

static void on_term(int signal_number)
{
    (void)signal_number;
    asked_to_stop = 1;
}

void pace_start(struct pace *pace)
{
    if (!pace->count && !pace->seconds)
        die("neither --count nor --seconds");
    if (pace->window && !pace->credit_fd)
        die("--window without --credit-fd");
    signal(SIGTERM, on_term);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
    pace->start_ns = clock_ns();
}

bool pace_is_over(const struct pace *pace, uint64_t now_ns)
{
    return asked_to_stop || (pace->count && pace->sent >= pace->count) ||
           (pace->seconds && now_ns - pace->start_ns >= pace->seconds * SECOND_NS);
}

/* When message `number` is due at the rate. */
static uint64_t due_ns(const struct pace *pace, uint64_t number)
{
    return pace->start_ns + number / pace->rate * SECOND_NS +
           number % pace->rate * SECOND_NS / pace->rate;
}

uint64_t pace_due(const struct pace *pace, uint64_t now_ns)
{
    uint64_t due = pace->count ? pace->count - pace->sent : UINT64_MAX;
    if (pace->rate) {
        uint64_t until_now = 0;
        while (until_now < due && due_ns(pace, pace->sent + until_now) <= now_ns)
            until_now++;
        due = until_now;
    }
    if (pace->window) {
        uint64_t end = pace->arrived + pace->window;
        uint64_t room = pace->sent < end ? end - pace->sent : 0;
        due = room < due ? room : due;
    }
    return due;
}

uint64_t pace_stamp(const struct pace *pace, uint64_t now_ns)
{
    return pace->rate ? due_ns(pace, pace->sent) : now_ns;
}

static void read_credit(struct pace *pace)
{
    uint64_t counts[512];
    ssize_t got = read((int)pace->credit_fd, counts, sizeof(counts));
    if (got <= 0)
        die("the receiving end has gone");
    pace->arrived = counts[(size_t)got / sizeof(counts[0]) - 1];
}

/* How long until a message may go out for all that is known now. */
static uint64_t wait_ns(const struct pace *pace, bool held)
{
    uint64_t now = clock_ns();
    if (held || pace_is_over(pace, now))
        return LONGEST_WAIT_NS;
    if (pace_due(pace, now) > 0)
        return 0;
    uint64_t next = pace->rate ? due_ns(pace, pace->sent) : UINT64_MAX;
    return next <= now || next - now > LONGEST_WAIT_NS ? LONGEST_WAIT_NS : next - now;
}

short pace_wait(struct pace *pace, int fd, bool writable, bool held)
{
    struct timespec timeout = {.tv_sec = 0, .tv_nsec = (long)wait_ns(pace, held)};
    struct pollfd fds[2] = {
        {.fd = fd, .events = (short)(POLLIN | (writable ? POLLOUT : 0))},
        {.fd = pace->window ? (int)pace->credit_fd : -1, .events = POLLIN},
    };
    if (ppoll(fds, 2, &timeout, NULL) < 0 && errno != EINTR)
        die("poll failed");
    if (fds[1].revents)
        read_credit(pace);
    return fds[0].revents;
}
