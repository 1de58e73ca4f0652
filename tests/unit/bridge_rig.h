/* A bridge between a fake source and a fake sink, with a host whose clock the test moves. After
 * every event and every operation the books are checked, against themselves and against what the
 * endpoints hold. */
#ifndef CHUNNELD_TESTS_UNIT_BRIDGE_RIG_H
#define CHUNNELD_TESTS_UNIT_BRIDGE_RIG_H

#include "../fake/fake_sink.h"
#include "../fake/fake_source.h"
#include "../fake/fake_store.h"
#include "base/strbuf.h"
#include "core/bridge.h"

/* What sources can: those of Redis channels, and those of AMQP queues. */
enum {
    RIG_REDIS = 0,
    RIG_AMQP = ENDPOINT_SETTLES | ENDPOINT_REDELIVERS | ENDPOINT_PAUSES,
};

struct rig {
    struct bridge_options options; /* may be changed before rig_start() */
    struct mapping mapping;        /* likewise; owned */
    const struct filter *filter;   /* likewise; NULL */
    unsigned source_can;           /* likewise; RIG_AMQP */
    size_t sink_limit;             /* likewise; 1,000 */
    bool with_dead;                /* likewise; there is a dead letter sink */
    struct mapping dead_mapping;   /* likewise; owned; to an AMQP queue */
    struct fake_store *store;      /* likewise; NULL: memory only; the test's */
    struct budget *budget;         /* likewise; NULL: the bridge's own limits only; the test's */

    uint64_t replayed; /* messages that the test had the bridge take over */
    bool reap_due;     /* bridge_host's reap was called */
    struct fake_pump pump;
    struct fake_source *source; /* NULL before rig_start(); owned by the bridge */
    struct fake_sink *sink;     /* likewise */
    struct fake_sink *dead;     /* likewise; NULL without dead_letter */
    /* What bridge_change() has left behind; the test's to say, and NULL. */
    struct fake_source *old_source;
    struct fake_sink *old_sink;
    size_t gone_given; /* by sources that were freed after that */
    struct bridge *bridge;
    struct rand rand;
    uint64_t now_us;
    uint64_t wake_at_us;  /* 0: the bridge wants no wake */
    unsigned wishes;      /* calls of wake_in */
    unsigned stopped;     /* calls of on_stopped */
    struct strbuf states; /* "waiting running " */
    char why[128];        /* of the last on_state */
    struct strbuf log;    /* lines, as long as the rig is there */
};

/* Options of the rules' defaults, but for a back-off from 100 ms to 1 s. */
void rig_init(struct rig *rig);
/* Stops what runs, checks that it ends with nothing pending, and frees everything. */
void rig_fini(struct rig *rig);
/* Replaces the sink's routing key with a template of all that sources can supply. */
void rig_set_routing_key(struct rig *rig, const char *text);
/* Makes the endpoints and says how to make the bridge. */
struct bridge_setup rig_prepare(struct rig *rig);
/* Makes the bridge, not started. */
void rig_make(struct rig *rig);
/* Makes and starts the bridge; both links are down. */
void rig_start(struct rig *rig);
/* And brings both up. */
void rig_run(struct rig *rig);

/* Dead letters go to a Redis channel: the mapping, before rig_start(). */
void rig_set_dead_channel(struct rig *rig);
/* Frees the bridge, which has stopped, and makes and runs another one on the same store. */
void rig_restart(struct rig *rig);

/* Messages with the bodies "from".."to", in order. */
void rig_give(struct rig *rig, unsigned from, unsigned to);
void rig_source_up(struct rig *rig);
void rig_source_down(struct rig *rig);
void rig_sink_up(struct rig *rig);
void rig_sink_down(struct rig *rig);
void rig_dead_up(struct rig *rig);
void rig_dead_down(struct rig *rig);
/* The sink's answers, each followed by what it leaves behind. */
void rig_deliver(struct rig *rig, unsigned from, unsigned to);
void rig_answer(struct rig *rig, unsigned number, enum outcome outcome, const char *why);
void rig_deliver_all(struct rig *rig);
/* The answer of the dead letter sink for its oldest. */
void rig_answer_dead(struct rig *rig, enum outcome outcome, const char *why);
/* Lets that much time pass; wakes the bridge when it has wished so. */
void rig_advance(struct rig *rig, uint64_t us);
/* As much as until the wish. */
void rig_advance_to_wish(struct rig *rig);

/* bridge_stop() and so on, with the books checked. */
void rig_stop(struct rig *rig);
void rig_stop_now(struct rig *rig);
void rig_pause(struct rig *rig);
void rig_resume(struct rig *rig);

const struct bridge_counters *rig_books(const struct rig *rig);
/* Are the books right? Called after everything by the rig itself. */
void rig_check_books(const struct rig *rig);
/* What was sent since the last call: "1 2 3 ". */
void rig_expect_sent(struct rig *rig, const char *bodies);
/* What was settled since the last call: "1:ack 2:requeue ". */
void rig_expect_settled(struct rig *rig, const char *settled);
/* The states told since the last call: "waiting running ". */
void rig_expect_states(struct rig *rig, const char *states);
/* The host was told of the end once. */
void rig_expect_stopped(struct rig *rig);
/* How often the words stand in the log. */
unsigned rig_count_logged(const struct rig *rig, const char *words);

#endif
