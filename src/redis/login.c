/* The login. For: what is said to a server first, and words for each way it can refuse. Not for:
 * sending, time limits (connection.c). */
#include "redis/login.h"

#include <stdio.h>
#include <string.h>

#include "redis/answer.h"
#include "redis/command.h"

static void login_add(struct redis_login *login, enum redis_login_step step,
                      const struct slice *args, size_t count, struct strbuf *out)
{
    char *room = strbuf_reserve(out, redis_command_room(args, count));

    login->steps[login->count++] = step;
    if (room != NULL) {
        strbuf_commit(out, redis_command_write(args, count, room));
    }
}

static void login_add_auth(struct redis_login *login, const struct conf_url *url,
                           struct strbuf *out)
{
    struct slice password = slice_of(url->password);

    if (url->user != NULL) {
        login_add(login, LOGIN_AUTH, (struct slice[]){SLICE("AUTH"), slice_of(url->user), password},
                  3, out);
    } else {
        login_add(login, LOGIN_AUTH, (struct slice[]){SLICE("AUTH"), password}, 2, out);
    }
}

void redis_login_begin(struct redis_login *login, const struct conf_url *url, struct slice name,
                       bool needs_master, struct strbuf *out)
{
    char database[16];

    *login = (struct redis_login){0};
    if (url->password != NULL) {
        login_add_auth(login, url, out);
    }
    if (url->database != 0) {
        snprintf(database, sizeof(database), "%u", url->database);
        login_add(login, LOGIN_SELECT, (struct slice[]){SLICE("SELECT"), slice_of(database)}, 2,
                  out);
    }
    login_add(login, LOGIN_SETNAME, (struct slice[]){SLICE("CLIENT"), SLICE("SETNAME"), name}, 3,
              out);
    login_add(login, LOGIN_ID, (struct slice[]){SLICE("CLIENT"), SLICE("ID")}, 2, out);
    if (needs_master) {
        login_add(login, LOGIN_ROLE, (struct slice[]){SLICE("ROLE")}, 1, out);
    }
}

static bool login_error_has(const struct resp_frame *reply, const char *words)
{
    struct err error;

    redis_answer_words(reply, &error);
    return strstr(error.text, words) != NULL;
}

/* Words for a refused AUTH. Never the server's own: some quote what they were sent. */
static void login_explain_auth(struct redis_login *login, const struct resp_frame *reply)
{
    const char *words = "the server refused AUTH";

    if (resp_frame_is_error(reply, "WRONGPASS") || login_error_has(reply, "invalid password")) {
        words = "WRONGPASS: the user or the password is wrong, or the user is disabled";
    } else if (login_error_has(reply, "without any password configured")) {
        words = "a password is configured here, but the server asks for none";
    } else if (login_error_has(reply, "wrong number of arguments")) {
        words = "the server is older than Redis 6 and knows no users: give a password only";
    } else if (login_error_has(reply, "max number of clients")) {
        words = "the server has reached its maximum number of clients";
    }
    err_set(&login->why, "%s", words);
}

/* Errors that mean only that a question stays open: the user may not ask it, or the server is too
 * old to know it. */
static bool login_may_skip(enum redis_login_step step, const struct resp_frame *reply)
{
    return step >= LOGIN_SETNAME &&
           (resp_frame_is_error(reply, "NOPERM") || login_error_has(reply, "nknown"));
}

static enum redis_login_result login_take_error(struct redis_login *login,
                                                enum redis_login_step step,
                                                const struct resp_frame *reply)
{
    if (login->not_yet) {
        return LOGIN_MORE; /* what follows a refused AUTH fails for that */
    }
    if (redis_answer_is_transient(reply)) {
        redis_answer_words(reply, &login->why);
        login->not_yet = true;
        return LOGIN_MORE;
    }
    if (login_may_skip(step, reply)) {
        redis_answer_words(reply, &login->why);
        return LOGIN_MORE;
    }
    if (step == LOGIN_AUTH) {
        login_explain_auth(login, reply);
    } else if (resp_frame_is_error(reply, "NOAUTH")) {
        err_set(&login->why, "NOAUTH: the server asks for a password: give one in the url or by "
                             "password_file");
    } else {
        redis_answer_words(reply, &login->why);
    }
    return LOGIN_REFUSED;
}

static enum redis_login_result login_take_answer(struct redis_login *login,
                                                 enum redis_login_step step,
                                                 const struct resp_frame *reply)
{
    if (step == LOGIN_ROLE) {
        login->role_known = redis_answer_role(reply, &login->why) == REDIS_ROLE_MASTER;
        return login->role_known ? LOGIN_MORE : LOGIN_REFUSED;
    }
    if (step == LOGIN_ID && reply->type == RESP_INTEGER) {
        login->client_id = reply->values[0].integer;
        return LOGIN_MORE;
    }
    if (step != LOGIN_ID && reply->type == RESP_STATUS) {
        return LOGIN_MORE;
    }
    redis_answer_words(reply, &login->why);
    return LOGIN_REFUSED;
}

enum redis_login_result redis_login_take(struct redis_login *login, const struct resp_frame *reply)
{
    enum redis_login_step step = login->steps[login->next++];
    enum redis_login_result result = reply->type == RESP_ERROR
                                         ? login_take_error(login, step, reply)
                                         : login_take_answer(login, step, reply);

    if (result != LOGIN_MORE || login->next < login->count) {
        return result;
    }
    return login->not_yet ? LOGIN_NOT_YET : LOGIN_DONE;
}
