/* The table of calls. For: finding and ordering them. Not for: what happens to them (rpc.c,
 * rpc_ask.c, rpc_answer.c). */
#include "core/rpc_call.h"

#include <stdlib.h>
#include <string.h>

void rpc_table_init(struct rpc_table *table, size_t ended_max)
{
    *table = (struct rpc_table){.ended_max = ended_max};
    TAILQ_INIT(&table->due);
    TAILQ_INIT(&table->waiting);
    TAILQ_INIT(&table->ended);
}

void rpc_table_fini(struct rpc_table *table)
{
    struct rpc_call *call;
    struct rpc_call *next;

    HASH_ITER(hh, table->calls, call, next) {
        HASH_DEL(table->calls, call);
        free(call);
    }
    rpc_table_init(table, table->ended_max);
}

static struct slice call_keep(char **at, struct slice text)
{
    struct slice kept = {NULL, 0};

    if (text.data != NULL) {
        kept = slice_make(*at, text.len);
        memcpy(*at, text.data, text.len);
        *at += text.len;
    }
    return kept;
}

/* All have the same time to answer, so its place is at the end, or near it where one that came
 * back is sent again. */
static void call_insert_due(struct rpc_table *table, struct rpc_call *call)
{
    struct rpc_call *before = TAILQ_LAST(&table->due, rpc_calls);

    while (before != NULL && before->deadline_us > call->deadline_us) {
        before = TAILQ_PREV(before, rpc_calls, link);
    }
    if (before != NULL) {
        TAILQ_INSERT_AFTER(&table->due, before, call, link);
    } else {
        TAILQ_INSERT_HEAD(&table->due, call, link);
    }
}

struct rpc_call *rpc_table_add(struct rpc_table *table, struct delivery *request,
                               struct slice reply_to, struct slice correlation_id,
                               uint64_t deadline_us)
{
    struct rpc_call *call = calloc(1, sizeof(*call) + reply_to.len + correlation_id.len + 1);
    char *at;

    if (call == NULL) {
        return NULL;
    }
    at = call->text;
    call->added = true;
    call->number = request->number;
    call->request = request;
    call->deadline_us = deadline_us;
    call->reply_to = call_keep(&at, reply_to);
    call->correlation_id = call_keep(&at, correlation_id);
    HASH_ADD(hh, table->calls, number, sizeof(call->number), call);
    if (!call->added) {
        free(call);
        return NULL;
    }
    call_insert_due(table, call);
    TAILQ_INSERT_TAIL(&table->waiting, call, wait_link);
    table->open++;
    return call;
}

struct rpc_call *rpc_table_find(const struct rpc_table *table, uint64_t number)
{
    struct rpc_call *call;

    HASH_FIND(hh, table->calls, &number, sizeof(number), call);
    return call;
}

void rpc_table_asked(struct rpc_table *table, struct rpc_call *call)
{
    TAILQ_REMOVE(&table->waiting, call, wait_link);
    call->state = RPC_CALL_ASKED;
}

void rpc_table_answering(struct rpc_table *table, struct rpc_call *call)
{
    if (call->state > RPC_CALL_ASKED) {
        return;
    }
    if (call->state == RPC_CALL_WAITING) {
        TAILQ_REMOVE(&table->waiting, call, wait_link);
    }
    TAILQ_REMOVE(&table->due, call, link);
    call->state = RPC_CALL_ANSWERING;
}

static void call_free(struct rpc_table *table, struct rpc_call *call)
{
    HASH_DEL(table->calls, call);
    free(call);
}

void rpc_table_end(struct rpc_table *table, struct rpc_call *call)
{
    struct rpc_call *oldest;

    rpc_table_answering(table, call);
    table->open--;
    call->state = call->failed ? RPC_CALL_FAILED : RPC_CALL_ANSWERED;
    TAILQ_INSERT_TAIL(&table->ended, call, link);
    table->ended_count++;
    if (table->ended_count > table->ended_max) {
        oldest = TAILQ_FIRST(&table->ended);
        TAILQ_REMOVE(&table->ended, oldest, link);
        table->ended_count--;
        call_free(table, oldest);
    }
}

void rpc_table_withdraw(struct rpc_table *table, struct rpc_call *call)
{
    rpc_table_answering(table, call);
    table->open--;
    call_free(table, call);
}

struct rpc_call *rpc_table_next_due(const struct rpc_table *table)
{
    return TAILQ_FIRST(&table->due);
}
