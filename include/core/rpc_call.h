/* The calls of one bridge: a table by their numbers, those that wait for an answer in the order of
 * their deadlines, and the last ones that have ended, so that an answer too many can be told from
 * one to nothing. For
 * core/rpc*.c alone. */
#ifndef CHUNNELD_CORE_RPC_CALL_H
#define CHUNNELD_CORE_RPC_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* Out of memory is answered, not exited from: `added` is then false. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->added = false)
#define HASH_FUNCTION(key, len, hash) HASH_FNV(key, len, hash)
#include <uthash.h>

#include "base/slice.h"
#include "core/endpoint.h"

enum rpc_call_state {
    RPC_CALL_WAITING,   /* the request is to be sent; its deadline runs */
    RPC_CALL_ASKED,     /* it was sent; its deadline runs */
    RPC_CALL_ANSWERING, /* an answer or an error is on its way to the asker; no timer */
    RPC_CALL_SETTLING,  /* the asker has it, or cannot; the asking sink still has the request */
    RPC_CALL_ANSWERED,  /* ended by an answer; only remembered */
    RPC_CALL_FAILED,    /* ended by an error; only remembered */
};

struct rpc_call {
    UT_hash_handle hh;
    bool added;                      /* the hash took it */
    TAILQ_ENTRY(rpc_call) link;      /* in `due` or `ended`, else its owner's */
    TAILQ_ENTRY(rpc_call) wait_link; /* in `waiting`, while WAITING */
    uint64_t number;                 /* of the request's delivery */
    uint64_t deadline_us;            /* monotonic */
    enum rpc_call_state state;
    bool failed;                 /* from ANSWERING on: what the asker gets is an error */
    enum outcome outcome;        /* from ANSWERING on: for the bridge */
    const char *reason;          /* likewise, one word, of an error; static */
    bool gone;                   /* the asker's side did not take it */
    struct delivery *request;    /* the bridge's, until it goes back; NULL then */
    bool with_ask;               /* the asking sink has the request */
    struct slice reply_to;       /* the asker's; in `text` */
    struct slice correlation_id; /* the asker's; data NULL: none */
    char text[];
};

TAILQ_HEAD(rpc_calls, rpc_call);

/* Embedded by value; rpc_table_init() before use. */
struct rpc_table {
    struct rpc_call *calls;   /* uthash by number, the remembered ones too */
    struct rpc_calls due;     /* WAITING and ASKED, the next deadline first */
    struct rpc_calls waiting; /* WAITING, in the order of receipt */
    struct rpc_calls ended;   /* ANSWERED and FAILED, the oldest first */
    size_t open;              /* calls that have not ended */
    size_t ended_count;
    size_t ended_max; /* most that are remembered */
};

void rpc_table_init(struct rpc_table *table, size_t ended_max);
/* Frees all calls; their requests are the caller's. */
void rpc_table_fini(struct rpc_table *table);

/* A call in WAITING, in all lists that belong to that; the texts are copied. NULL: out of memory.
 */
struct rpc_call *rpc_table_add(struct rpc_table *table, struct delivery *request,
                               struct slice reply_to, struct slice correlation_id,
                               uint64_t deadline_us);
/* The call, ended ones included; NULL: none. */
struct rpc_call *rpc_table_find(const struct rpc_table *table, uint64_t number);
/* WAITING to ASKED. */
void rpc_table_asked(struct rpc_table *table, struct rpc_call *call);
/* WAITING or ASKED to ANSWERING: no deadline any more. In a later state it does nothing. */
void rpc_table_answering(struct rpc_table *table, struct rpc_call *call);
/* From any open state to ANSWERED or FAILED; the oldest that is remembered may be forgotten. */
void rpc_table_end(struct rpc_table *table, struct rpc_call *call);
/* Takes an open call out and frees it, as if it had never been: its request goes back unanswered,
 * and may come again under the same number. */
void rpc_table_withdraw(struct rpc_table *table, struct rpc_call *call);
/* The open call with the next deadline, NULL: none. */
struct rpc_call *rpc_table_next_due(const struct rpc_table *table);

#endif
