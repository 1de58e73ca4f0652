/* The login to a Redis server: AUTH, SELECT, CLIENT SETNAME, CLIENT ID and ROLE, sent in one go,
 * and what the replies mean. Pure: it writes commands into a buffer and takes frames. */
#ifndef CHUNNELD_REDIS_LOGIN_H
#define CHUNNELD_REDIS_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "conf/config.h"
#include "redis/resp.h"

enum { LOGIN_STEPS_MAX = 5 };

enum redis_login_step {
    LOGIN_AUTH,
    LOGIN_SELECT,
    LOGIN_SETNAME,
    LOGIN_ID,
    LOGIN_ROLE,
};

enum redis_login_result {
    LOGIN_MORE,    /* replies are missing */
    LOGIN_DONE,    /* logged in */
    LOGIN_NOT_YET, /* all replies are in, but the server is loading or busy: begin again later */
    LOGIN_REFUSED, /* it will not work as configured; close */
};

/* A login under way; embedded by value, made by redis_login_begin. */
struct redis_login {
    enum redis_login_step steps[LOGIN_STEPS_MAX]; /* commands sent, in order */
    unsigned count;                               /* of them */
    unsigned next;                                /* whose reply comes next */
    bool not_yet;                                 /* some reply said so */
    bool role_known;                              /* ROLE was answered: the server is a master */
    int64_t client_id;                            /* CLIENT ID; 0: not known */
    struct err why;                               /* words, for NOT_YET and REFUSED; after DONE why
                                                     the role is not known, if it was asked for */
};

/* Begins: appends the commands to `out`. `name` is the client's name for the operator, without
 * spaces. `needs_master`: ask for the role, and refuse a replica. */
void redis_login_begin(struct redis_login *login, const struct conf_url *url, struct slice name,
                       bool needs_master, struct strbuf *out);
/* Takes the next reply. */
enum redis_login_result redis_login_take(struct redis_login *login, const struct resp_frame *reply);

#endif
