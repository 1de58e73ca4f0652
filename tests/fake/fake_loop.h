/* The inside of the fake net, shared by fake_loop.c (time and tasks) and fake_link.c (links) alone.
 */
#ifndef CHUNNELD_TESTS_FAKE_LOOP_H
#define CHUNNELD_TESTS_FAKE_LOOP_H

#include <sys/queue.h>

#include "fake_net.h"
#include "net/moderation.h"

TAILQ_HEAD(loop_task_list, loop_task);
TAILQ_HEAD(event_list, event);
TAILQ_HEAD(link_list, link);

struct loop_tasks {
    struct loop_task_list list;
};

/* The place of a timer in the loop. */
struct event {
    TAILQ_ENTRY(event) link;
    struct loop_timer *timer;
    bool is_set;
    uint64_t at; /* µs */
};

enum { FAKE_PORTS = 8 };

struct loop {
    uint64_t now_us;
    struct rest rest; /* what was said, see loop_allow_rest() */
    struct loop_tasks queued;
    struct event_list timers;
    struct link_list links;
    const struct fake_server *server;
    enum fake_answer answer; /* of ports without their own */
    struct {
        uint16_t port;
        enum fake_answer answer;
    } answers[FAKE_PORTS];
    size_t answer_count;
    size_t piece;
};

/* Moves bytes of all links; whether anything moved. */
bool fake_links_move(struct loop *loop);

#endif
