/* Do the parts of redis/ that need no socket keep their contracts: the table of states, commands as
 * bytes, the queue of replies, the meaning of answers, the login, the addresses? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "redis/answer.h"
#include "redis/command.h"
#include "redis/login.h"
#include "redis/replies.h"
#include "redis/state.h"
#include "redis/subscription.h"
#include "redis/target.h"
#include "redis/watch.h"

static const char expected_states[] = "stopped: connecting stopped - - - - - -\n"
                                      "backoff: backoff stopped connecting - - - - -\n"
                                      "connecting: connecting stopped - login backoff - - backoff\n"
                                      "login: login stopped backoff - backoff up waiting backoff\n"
                                      "waiting: waiting stopped login - backoff - - backoff\n"
                                      "up: up stopped up - backoff - - backoff\n";

static void table_of_states_is_as_agreed(void **state)
{
    struct strbuf text = STRBUF_INIT;
    unsigned from, event;

    (void)state;
    for (from = REDIS_STATE_STOPPED; from < REDIS_STATE_COUNT; from++) {
        strbuf_append_format(&text, "%s:", redis_state_name(from));
        for (event = 0; event < REDIS_EVENT_COUNT; event++) {
            enum redis_state next = redis_state_next(from, event);

            strbuf_append_format(&text, " %s",
                                 next == REDIS_STATE_NONE ? "-" : redis_state_name(next));
        }
        strbuf_append_char(&text, '\n');
    }
    assert_string_equal(strbuf_text(&text), expected_states);
    strbuf_fini(&text);
}

static void states_keep_their_laws(void **state)
{
    unsigned from, event;

    (void)state;
    for (from = REDIS_STATE_STOPPED; from < REDIS_STATE_COUNT; from++) {
        bool has_link = from >= REDIS_STATE_CONNECTING;

        /* Stop is legal everywhere and final; every state but stopped has a way out by itself. */
        assert_int_equal(redis_state_next(from, REDIS_EVENT_STOP), REDIS_STATE_STOPPED);
        assert_int_not_equal(redis_state_next(from, REDIS_EVENT_START), REDIS_STATE_NONE);
        assert_int_equal(redis_state_next(from, REDIS_EVENT_LINK_DOWN) != REDIS_STATE_NONE,
                         has_link);
        assert_int_equal(redis_state_next(from, REDIS_EVENT_FAILED) != REDIS_STATE_NONE, has_link);
        assert_true(from == REDIS_STATE_STOPPED || has_link ||
                    redis_state_next(from, REDIS_EVENT_TIMEOUT) != REDIS_STATE_NONE);
    }
    for (event = 0; event < REDIS_EVENT_COUNT; event++) {
        assert_int_equal(redis_state_next(REDIS_STATE_NONE, event), REDIS_STATE_NONE);
        assert_non_null(redis_event_name(event));
    }
}

static void assert_command(const struct slice *args, size_t count, const char *bytes, size_t len)
{
    size_t room = redis_command_room(args, count);
    char *out = malloc(room);

    assert_non_null(out);
    assert_int_equal(redis_command_write(args, count, out), len);
    assert_true(len <= room);
    assert_memory_equal(out, bytes, len);
    free(out);
}

static void commands_are_arrays_of_strings(void **state)
{
    char long_text[1234];
    char expected[1300];
    int head;

    (void)state;
    assert_command((struct slice[]){SLICE("PING")}, 1, "*1\r\n$4\r\nPING\r\n", 14);
    assert_command((struct slice[]){SLICE("PUBLISH"), SLICE("a\r\nb"), SLICE("\0")}, 3,
                   "*3\r\n$7\r\nPUBLISH\r\n$4\r\na\r\nb\r\n$1\r\n\0\r\n", 34);
    assert_command((struct slice[]){SLICE("x"), {NULL, 0}}, 2, "*2\r\n$1\r\nx\r\n$0\r\n\r\n", 17);
    memset(long_text, 'y', sizeof(long_text));
    head = snprintf(expected, sizeof(expected), "*1\r\n$1234\r\n");
    memset(expected + head, 'y', sizeof(long_text));
    memcpy(expected + head + sizeof(long_text), "\r\n", 2);
    assert_command((struct slice[]){slice_make(long_text, sizeof(long_text))}, 1, expected,
                   (size_t)head + sizeof(long_text) + 2);
}

static void replies_come_in_order_while_the_ring_grows(void **state)
{
    struct redis_replies replies = {0};
    struct redis_waiter waiter;
    uintptr_t pushed = 0, popped = 0;
    int round;

    (void)state;
    assert_false(redis_replies_pop(&replies, &waiter));
    for (round = 0; round < 1000; round++) {
        int more = round % 7, fewer = round % 5;

        while (more-- > 0) {
            waiter = (struct redis_waiter){NULL, NULL, (void *)++pushed};
            assert_int_equal(redis_replies_push(&replies, waiter), 0);
        }
        while (fewer-- > 0 && redis_replies_pop(&replies, &waiter)) {
            assert_ptr_equal(waiter.arg, (void *)++popped);
        }
        assert_int_equal(replies.count, pushed - popped);
    }
    assert_true(replies.count > 64);
    redis_replies_clear(&replies);
    assert_false(redis_replies_pop(&replies, &waiter));
    redis_replies_fini(&replies);
}

static void nobody(void *ctx, void *arg, const struct resp_frame *reply)
{
    (void)ctx;
    (void)arg;
    (void)reply;
}

static void forgotten_replies_have_no_taker(void **state)
{
    struct redis_replies replies = {0};
    struct redis_waiter waiter;
    int one, two;

    (void)state;
    assert_int_equal(redis_replies_push(&replies, (struct redis_waiter){nobody, &one, NULL}), 0);
    assert_int_equal(redis_replies_push(&replies, (struct redis_waiter){nobody, &two, NULL}), 0);
    redis_replies_forget(&replies, &one);
    assert_true(redis_replies_pop(&replies, &waiter));
    assert_null(waiter.on_reply);
    assert_true(redis_replies_pop(&replies, &waiter));
    assert_ptr_equal(waiter.on_reply, nobody);
    redis_replies_fini(&replies);
}

/* Takes one frame out of `bytes` and calls `use` on it. */
struct frame_user {
    void (*use)(const struct resp_frame *frame, void *result);
    void *result;
    bool used;
};

static void frame_on(void *ctx, const struct resp_frame *frame)
{
    struct frame_user *user = ctx;

    user->use(frame, user->result);
    user->used = true;
}

static void with_frame(const char *bytes, void (*use)(const struct resp_frame *, void *),
                       void *result)
{
    struct frame_user user = {use, result, false};
    struct resp *resp = resp_new(65536, frame_on, &user);
    struct err err;

    assert_non_null(resp);
    assert_int_equal(resp_feed(resp, bytes, strlen(bytes), &err), 0);
    assert_true(user.used);
    resp_free(resp);
}

static void use_transient(const struct resp_frame *frame, void *result)
{
    *(bool *)result = redis_answer_is_transient(frame);
}

static void some_errors_pass(void **state)
{
    static const struct {
        const char *bytes;
        bool transient;
    } cases[] = {
        {"-LOADING Redis is loading the dataset in memory\r\n", true},
        {"-BUSY Redis is busy running a script\r\n", true},
        {"-MASTERDOWN Link with MASTER is down\r\n", true},
        {"-OOM command not allowed\r\n", true},
        {"-MISCONF Redis is configured to save RDB snapshots\r\n", true},
        {"-NOPERM this user has no permissions\r\n", false},
        {"-ERR unknown command\r\n", false},
        {"-LOADINGS\r\n", false},
        {"-\r\n", false},
        {"+LOADING\r\n", false},
        {":1\r\n", false},
    };
    bool transient;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        with_frame(cases[i].bytes, use_transient, &transient);
        assert_int_equal(transient, cases[i].transient);
    }
}

static void use_words(const struct resp_frame *frame, void *result)
{
    assert_int_equal(redis_answer_words(frame, result), -1);
}

static void errors_are_made_fit_for_people(void **state)
{
    char bytes[1100];
    struct err err;

    (void)state;
    with_frame("-ERR a\tb\x01\xff c\r\n", use_words, &err);
    assert_string_equal(err.text, "ERR a?b?? c");
    with_frame("+OK\r\n", use_words, &err);
    assert_string_equal(err.text, "unexpected reply of type status");
    memset(bytes, 'x', 1000);
    bytes[0] = '-';
    strcpy(bytes + 1000, "\r\n");
    with_frame(bytes, use_words, &err);
    assert_int_equal(strlen(err.text), 200);
}

struct role_result {
    enum redis_role role;
    struct err why;
};

static void use_role(const struct resp_frame *frame, void *result)
{
    struct role_result *role = result;

    role->role = redis_answer_role(frame, &role->why);
}

static void role_tells_a_master_from_a_replica(void **state)
{
    static const struct {
        const char *bytes;
        enum redis_role role;
        const char *why;
    } cases[] = {
        {"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n", REDIS_ROLE_MASTER, ""},
        {"*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:5\r\n",
         REDIS_ROLE_UNFIT, "is a replica of 10.0.0.1:6379"},
        {"*1\r\n$5\r\nslave\r\n", REDIS_ROLE_UNFIT, "is a replica"},
        {"*2\r\n$8\r\nsentinel\r\n*0\r\n", REDIS_ROLE_UNFIT, "sentinel"},
        {"*0\r\n", REDIS_ROLE_UNFIT, "not known"},
        {"-NOPERM no\r\n", REDIS_ROLE_UNKNOWN, "NOPERM no"},
        {"+OK\r\n", REDIS_ROLE_UNKNOWN, "unexpected"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct role_result result = {0};

        with_frame(cases[i].bytes, use_role, &result);
        assert_int_equal(result.role, cases[i].role);
        assert_non_null(strstr(result.why.text, cases[i].why));
    }
}

/* A login and the results of its replies. */
struct login_user {
    struct redis_login login;
    struct strbuf commands;
    enum redis_login_result result;
};

static void use_login(const struct resp_frame *frame, void *result)
{
    struct login_user *user = result;

    user->result = redis_login_take(&user->login, frame);
}

static void begin_login(struct login_user *user, const char *name, const char *password,
                        unsigned database, bool needs_master)
{
    struct conf_url url = {.user = name, .password = password, .database = database};

    *user = (struct login_user){.result = LOGIN_MORE};
    redis_login_begin(&user->login, &url, SLICE("chunneld:gw:publish"), needs_master,
                      &user->commands);
}

static void login_says_what_is_configured(void **state)
{
    struct login_user user;

    (void)state;
    begin_login(&user, "bob", "secret", 3, true);
    assert_string_equal(strbuf_text(&user.commands),
                        "*3\r\n$4\r\nAUTH\r\n$3\r\nbob\r\n$6\r\nsecret\r\n"
                        "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
                        "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$19\r\nchunneld:gw:publish\r\n"
                        "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n*1\r\n$4\r\nROLE\r\n");
    strbuf_fini(&user.commands);
    begin_login(&user, NULL, "secret", 0, false);
    assert_non_null(strstr(strbuf_text(&user.commands), "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"));
    assert_null(strstr(strbuf_text(&user.commands), "SELECT"));
    assert_null(strstr(strbuf_text(&user.commands), "ROLE"));
    strbuf_fini(&user.commands);
}

#define MASTER "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
#define REPLICA "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:5\r\n"

static void login_ends_as_the_server_answers(void **state)
{
    /* Replies to AUTH, SELECT, CLIENT SETNAME, CLIENT ID, ROLE. */
    static const struct {
        const char *replies[LOGIN_STEPS_MAX];
        enum redis_login_result result;
        const char *why;
    } cases[] = {
        {{"+OK\r\n", "+OK\r\n", "+OK\r\n", ":12\r\n", MASTER}, LOGIN_DONE, ""},
        {{"+OK\r\n", "+OK\r\n", "-NOPERM a\r\n", "-ERR unknown command\r\n", "-NOPERM role\r\n"},
         LOGIN_DONE,
         "NOPERM role"},
        {{"-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
         LOGIN_REFUSED,
         "WRONGPASS: the user or the password is wrong"},
        {{"-ERR invalid password\r\n"}, LOGIN_REFUSED, "WRONGPASS"},
        {{"-ERR AUTH <password> called without any password configured for the default user\r\n"},
         LOGIN_REFUSED,
         "the server asks for none"},
        {{"-ERR wrong number of arguments for 'auth' command\r\n"}, LOGIN_REFUSED, "Redis 6"},
        {{"-ERR max number of clients reached\r\n"}, LOGIN_REFUSED, "maximum number of clients"},
        {{"-ERR unknown command 'AUTH', with args beginning with: 'secret'\r\n"},
         LOGIN_REFUSED,
         "the server refused AUTH"},
        {{"+OK\r\n", "-ERR DB index is out of range\r\n"}, LOGIN_REFUSED, "DB index"},
        {{"+OK\r\n", "-NOAUTH Authentication required.\r\n"}, LOGIN_REFUSED, "asks for a password"},
        {{"+OK\r\n", "+OK\r\n", "+OK\r\n", ":12\r\n", REPLICA},
         LOGIN_REFUSED,
         "is a replica of h:1"},
        {{"-LOADING wait\r\n", "-NOAUTH x\r\n", "-NOAUTH x\r\n", "-NOAUTH x\r\n", "-NOAUTH x\r\n"},
         LOGIN_NOT_YET,
         "LOADING wait"},
        {{"+OK\r\n", "+OK\r\n", "+OK\r\n", ":12\r\n", "-BUSY script\r\n"},
         LOGIN_NOT_YET,
         "BUSY script"},
        {{":1\r\n"}, LOGIN_REFUSED, "unexpected"},
        {{"+OK\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\n"}, LOGIN_REFUSED, "unexpected"},
    };
    size_t i, step;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct login_user user;

        begin_login(&user, "bob", "secret", 3, true);
        for (step = 0; step < LOGIN_STEPS_MAX && cases[i].replies[step] != NULL; step++) {
            assert_int_equal(user.result, LOGIN_MORE);
            with_frame(cases[i].replies[step], use_login, &user);
        }
        assert_int_equal(user.result, cases[i].result);
        assert_non_null(strstr(user.login.why.text, cases[i].why));
        assert_null(strstr(user.login.why.text, "secret"));
        strbuf_fini(&user.commands);
    }
}

static void login_notes_id_and_role(void **state)
{
    struct login_user user;

    (void)state;
    begin_login(&user, NULL, NULL, 0, true);
    with_frame("+OK\r\n", use_login, &user);
    with_frame(":4711\r\n", use_login, &user);
    with_frame(MASTER, use_login, &user);
    assert_int_equal(user.result, LOGIN_DONE);
    assert_int_equal(user.login.client_id, 4711);
    assert_true(user.login.role_known);
    strbuf_fini(&user.commands);
}

static void addresses_are_tried_in_turn(void **state)
{
    struct conf_url urls[] = {
        {.transport = CONF_TCP, .host = "one", .port = 1, .password = "secret"},
        {.transport = CONF_TLS, .host = "::1", .port = 2},
        {.transport = CONF_UNIX, .host = "", .path = "/run/redis.sock"},
    };
    struct conf_connection conf = {
        .urls = urls, .url_count = 3, .reconnect_min_us = 100, .reconnect_max_us = 800};
    struct redis_target target;
    struct link_target link;
    char where[REDIS_WHERE_SIZE];
    struct rand rand;
    uint64_t delay;

    (void)state;
    rand_init_seed(&rand, 1);
    redis_target_init(&target, &conf, NULL);
    redis_target_where(&target, where);
    assert_string_equal(where, "one:1");
    redis_target_link(&target, &link);
    assert_int_equal(link.transport, LINK_TCP);
    assert_int_equal(redis_target_failed(&target, &rand, 0, true), 100);
    redis_target_where(&target, where);
    assert_string_equal(where, "[::1]:2");
    redis_target_link(&target, &link);
    assert_int_equal(link.transport, LINK_TLS);
    assert_int_equal(redis_target_failed(&target, &rand, 0, false), 100);
    redis_target_where(&target, where);
    assert_string_equal(where, "/run/redis.sock");
    redis_target_link(&target, &link);
    assert_int_equal(link.transport, LINK_UNIX);
    delay = redis_target_failed(&target, &rand, 0, true); /* the round is over */
    assert_in_range(delay, 400, 800);
    assert_ptr_equal(redis_target_url(&target), &urls[0]);
    delay = redis_target_lost(&target, &rand, 0);
    assert_in_range(delay, 50, 100);
    assert_ptr_equal(redis_target_url(&target), &urls[0]);
}

static void back_off_ends_only_after_a_stable_time(void **state)
{
    struct conf_url url = {.host = "one"};
    struct conf_connection conf = {
        .urls = &url, .url_count = 1, .reconnect_min_us = 100, .reconnect_max_us = 800};
    struct redis_target target;
    struct rand rand;
    uint64_t now = 1000;
    int i;

    (void)state;
    rand_init_seed(&rand, 1);
    redis_target_init(&target, &conf, NULL);
    for (i = 0; i < 6; i++) {
        redis_target_good(&target, now);
        redis_target_lost(&target, &rand, now + 1);
    }
    assert_in_range(redis_target_lost(&target, &rand, now), 400, 800);
    redis_target_good(&target, now);
    now += 60 * CLOCK_US_PER_S;
    assert_in_range(redis_target_lost(&target, &rand, now), 50, 100);
}

static void subscriptions_are_shared_and_kept_until_answered(void **state)
{
    struct subscription_table table = {0};
    struct subscription_ref a = {0}, b = {0}, c = {0};

    (void)state;
    assert_null(subscription_table_find(&table, SUBSCRIPTION_CHANNEL, SLICE("x")));
    assert_int_equal(subscription_table_add(&table, SUBSCRIPTION_CHANNEL, SLICE("x"), NULL, &a), 0);
    assert_int_equal(subscription_table_add(&table, SUBSCRIPTION_CHANNEL, SLICE("x"), NULL, &b), 0);
    assert_int_equal(subscription_table_add(&table, SUBSCRIPTION_PATTERN, SLICE("x"), NULL, &c), 0);
    assert_ptr_equal(a.subscription, b.subscription);
    assert_ptr_not_equal(a.subscription, c.subscription);
    assert_ptr_equal(subscription_table_find(&table, SUBSCRIPTION_PATTERN, SLICE("x")),
                     c.subscription);
    assert_ptr_equal(subscription_table_find(&table, SUBSCRIPTION_CHANNEL, SLICE("x")),
                     a.subscription);
    subscription_table_remove(&table, &a);
    assert_non_null(subscription_table_find(&table, SUBSCRIPTION_CHANNEL, SLICE("x")));
    b.subscription->pending = 1;
    subscription_table_remove(&table, &b);
    a.subscription = subscription_table_find(&table, SUBSCRIPTION_CHANNEL, SLICE("x"));
    assert_non_null(a.subscription);
    a.subscription->pending = 0;
    subscription_table_release(&table, a.subscription);
    assert_null(subscription_table_find(&table, SUBSCRIPTION_CHANNEL, SLICE("x")));
    subscription_table_remove(&table, &c);
    subscription_table_remove(&table, &c); /* legal on an empty one */
}

static void what_the_server_keeps_is_read(void **state)
{
    static const char list[] = "id=12 addr=1.2.3.4:5 name=a omem=77 tot-mem=1\n"
                               "id=123 addr=[::1]:5 name=chunneld:x obl=0 omem=20504 events=r\n"
                               "id=4 name=no-memory\nid=5 omem=";
    size_t len;

    (void)state;
    assert_int_equal(redis_watch_read_omem(slice_of(list), 12), 77);
    assert_int_equal(redis_watch_read_omem(slice_of(list), 123), 20504);
    assert_int_equal(redis_watch_read_omem(slice_of(list), 1), 0);
    assert_int_equal(redis_watch_read_omem(slice_of(list), 4), 0);
    assert_int_equal(redis_watch_read_omem(slice_of(list), 5), 0);
    assert_int_equal(redis_watch_read_omem(slice_make(NULL, 0), 12), 0);
    for (len = 0; len < sizeof(list); len++) {
        char *cut = malloc(len + 1); /* where the sanitizers see its end */

        assert_non_null(cut);
        memcpy(cut, list, len);
        assert_in_range(redis_watch_read_omem(slice_make(cut, len), 123), 0, 20504);
        free(cut);
    }
}

static void limits_of_slow_subscribers_are_read(void **state)
{
    static const char *const bad[] = {"", "normal 0 0 0", "pubsub", "pubsub 1", "pubsub x y 60"};
    struct redis_watch_limit limit = {1, 2};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(redis_watch_read_limit(slice_of(bad[i]), &limit), -1);
        assert_int_equal(limit.hard, 1);
    }
    assert_int_equal(redis_watch_read_limit(slice_make(NULL, 0), &limit), -1);
    assert_int_equal(
        redis_watch_read_limit(
            SLICE("normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"), &limit),
        0);
    assert_int_equal(limit.hard, 33554432);
    assert_int_equal(limit.soft, 8388608);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_of_states_is_as_agreed),
        cmocka_unit_test(what_the_server_keeps_is_read),
        cmocka_unit_test(limits_of_slow_subscribers_are_read),
        cmocka_unit_test(states_keep_their_laws),
        cmocka_unit_test(commands_are_arrays_of_strings),
        cmocka_unit_test(replies_come_in_order_while_the_ring_grows),
        cmocka_unit_test(forgotten_replies_have_no_taker),
        cmocka_unit_test(some_errors_pass),
        cmocka_unit_test(errors_are_made_fit_for_people),
        cmocka_unit_test(role_tells_a_master_from_a_replica),
        cmocka_unit_test(login_says_what_is_configured),
        cmocka_unit_test(login_ends_as_the_server_answers),
        cmocka_unit_test(login_notes_id_and_role),
        cmocka_unit_test(addresses_are_tried_in_turn),
        cmocka_unit_test(back_off_ends_only_after_a_stable_time),
        cmocka_unit_test(subscriptions_are_shared_and_kept_until_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
