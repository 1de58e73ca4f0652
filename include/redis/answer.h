/* What the answers of a Redis server mean, beyond their bytes: errors that pass, errors that stay,
 * the role it plays. Pure. */
#ifndef CHUNNELD_REDIS_ANSWER_H
#define CHUNNELD_REDIS_ANSWER_H

#include <stdbool.h>

#include "base/err.h"
#include "redis/resp.h"

/* An error that ends by itself, so that the same command may be sent again: LOADING, BUSY,
 * MASTERDOWN, CLUSTERDOWN, TRYAGAIN, OOM, MISCONF, READONLY. */
bool redis_answer_is_transient(const struct resp_frame *reply);

/* The words of an error, for people: its text, as redis_answer_print. Of any other reply: what it
 * is. Returns -1, as err_set. */
int redis_answer_words(const struct resp_frame *reply, struct err *err);

enum { REDIS_WORDS_SIZE = 201 };

/* Copies `text` for people: at most 200 bytes, those that do not print as `?`, NUL-terminated. */
void redis_answer_print(struct slice text, char out_text[REDIS_WORDS_SIZE]);

enum redis_role {
    REDIS_ROLE_MASTER,  /* what is published there reaches all subscribers */
    REDIS_ROLE_UNFIT,   /* a replica, a sentinel: it does not */
    REDIS_ROLE_UNKNOWN, /* the user may not ask, or the server does not know the command */
};

/* Reads the reply to ROLE. For UNFIT `err` says what it is ("is a replica of 10.0.0.1:6379"), for
 * UNKNOWN why that is not known. */
enum redis_role redis_answer_role(const struct resp_frame *reply, struct err *err);

#endif
