/* A bridge whose sink carries calls, between fakes on all sides: the requests' source, the asking
 * sink, the source of replies and the answering sink, with a clock that the test moves. The books
 * are checked after every event, those of the bridge against those of the calls. */
#ifndef CHUNNELD_TESTS_UNIT_RPC_RIG_H
#define CHUNNELD_TESTS_UNIT_RPC_RIG_H

#include "../fake/fake_sink.h"
#include "../fake/fake_source.h"
#include "base/strbuf.h"
#include "core/bridge.h"
#include "core/rpc.h"

enum { RPC_RIG_CALLS = 4096, RPC_RIG_TIMEOUT_US = 5000000 };

/* What a delivery of the rig borrows. */
struct rpc_rig_kept {
    SLIST_ENTRY(rpc_rig_kept) link;
    struct properties properties;
    char id[64];
    char channel[128];
};

struct rpc_rig {
    bool asks_redis;  /* may be changed before rpc_rig_run(), as may the next two */
    size_t max_calls; /* 100 */
    bool source_redelivers;

    struct fake_pump pump;
    struct fake_source *requests;
    struct fake_sink *ask;
    struct fake_source *replies;
    struct fake_sink *answer;
    struct sink *rpc;
    struct rpc_family family;
    struct bridge *bridge;
    struct bridge_options options;
    struct mapping mapping; /* of the asking sink; owned */
    struct mapping none;
    struct rand rand;
    uint64_t now_us;
    uint64_t bridge_wake_us; /* 0: not wished for */
    uint64_t rpc_wake_us;    /* likewise */
    unsigned stopped;
    struct strbuf log; /* lines */

    char ids[RPC_RIG_CALLS][DELIVERY_ID_SIZE]; /* that workers saw, in the order of asking */
    size_t asked;
    char last_asked[512]; /* "TO CORRELATION_ID BODY" */
    struct strbuf given;  /* to askers: "TO:CORRELATION_ID=BODY " or "TO:CORRELATION_ID!REASON " */
    /* Sees each of these; NULL: nobody. */
    void (*on_given)(void *ctx, const char *to, bool error);
    void *ctx;
    char properties_text[512];       /* of the request given last */
    SLIST_HEAD(, rpc_rig_kept) kept; /* owned: of all requests and replies */
};

void rpc_rig_init(struct rpc_rig *rig);
/* Makes everything; rpc_rig_run() brings all four links up, too. */
void rpc_rig_start(struct rpc_rig *rig);
void rpc_rig_run(struct rpc_rig *rig);
/* Stops what runs, with the time that it takes, and frees everything. */
void rpc_rig_fini(struct rpc_rig *rig);
/* Frees everything, whatever is under way. */
void rpc_rig_free(struct rpc_rig *rig);

/* A request with this reply_to and correlation_id (NULL: none), which outlive the rig. */
void rpc_rig_ask(struct rpc_rig *rig, const char *reply_to, const char *correlation_id,
                 const char *body);
/* The worker answers the request that it saw as the `number`th, from 0. */
void rpc_rig_reply(struct rpc_rig *rig, size_t number, const char *body);
/* An answer under any id. */
void rpc_rig_reply_as(struct rpc_rig *rig, const char *id, const char *body);
/* What the asking sink says of its oldest; the answering one. */
void rpc_rig_asked(struct rpc_rig *rig, enum outcome outcome, const char *why);
void rpc_rig_confirm(struct rpc_rig *rig, enum outcome outcome, const char *why);
/* Does what is due: deferred events and wakes. */
void rpc_rig_settle(struct rpc_rig *rig);
void rpc_rig_advance(struct rpc_rig *rig, uint64_t us);

const struct bridge_counters *rpc_rig_books(const struct rpc_rig *rig);
/* As they are now; valid until the next call. */
const struct rpc_counters *rpc_rig_calls(const struct rpc_rig *rig);
/* What was given to askers since the last call. */
void rpc_rig_expect_given(struct rpc_rig *rig, const char *given);
/* How the requests were settled since the last call: "body:ack ". */
void rpc_rig_expect_settled(struct rpc_rig *rig, const char *settled);

#endif
