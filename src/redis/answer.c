/* The meaning of errors and of ROLE. For: the login, the publisher, the sink and the subscriber,
 * who must take the same answer in the same way. Not for: parsing (resp.c). */
#include "redis/answer.h"

#include <stdio.h>

bool redis_answer_is_transient(const struct resp_frame *reply)
{
    static const char *const codes[] = {"LOADING",  "BUSY", "MASTERDOWN", "CLUSTERDOWN",
                                        "TRYAGAIN", "OOM",  "MISCONF",    "READONLY"};
    size_t i;

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (resp_frame_is_error(reply, codes[i])) {
            return true;
        }
    }
    return false;
}

void redis_answer_print(struct slice text, char out[REDIS_WORDS_SIZE])
{
    size_t len = text.len < REDIS_WORDS_SIZE - 1 ? text.len : REDIS_WORDS_SIZE - 1;
    size_t i;

    for (i = 0; i < len; i++) {
        out[i] = text.data[i] >= ' ' && text.data[i] <= '~' ? text.data[i] : '?';
    }
    out[len] = '\0';
}

int redis_answer_words(const struct resp_frame *reply, struct err *err)
{
    char words[REDIS_WORDS_SIZE];

    if (reply->type != RESP_ERROR) {
        return err_set(err, "unexpected reply of type %s", resp_type_name(reply->type));
    }
    redis_answer_print(reply->values[0].text, words);
    return err_set(err, "%s", words);
}

/* The reply of a replica: "slave", host, port, state, offset. */
static void answer_name_master(const struct resp_frame *reply, struct err *err)
{
    char host[REDIS_WORDS_SIZE];

    if (reply->count < 3 || reply->values[2].type != RESP_INTEGER) {
        err_set(err, "is a replica");
        return;
    }
    redis_answer_print(reply->values[1].text, host);
    err_set(err, "is a replica of %s:%lld", host, (long long)reply->values[2].integer);
}

enum redis_role redis_answer_role(const struct resp_frame *reply, struct err *err)
{
    if (reply->type != RESP_ARRAY) {
        redis_answer_words(reply, err);
        return REDIS_ROLE_UNKNOWN;
    }
    if (resp_frame_says(reply, 0, "master")) {
        return REDIS_ROLE_MASTER;
    }
    if (resp_frame_says(reply, 0, "slave")) {
        answer_name_master(reply, err);
    } else if (resp_frame_says(reply, 0, "sentinel")) {
        err_set(err, "is a sentinel, which serves no messages");
    } else {
        err_set(err, "says of itself a role that is not known");
    }
    return REDIS_ROLE_UNFIT;
}
