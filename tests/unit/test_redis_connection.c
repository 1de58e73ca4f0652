/* Does a connection to Redis come up, notice every way of going down, say why in words, and try
 * again, without hammering, without hanging and without telling secrets? */
#include "redis/connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "redis_bed.h"

/* An owner that counts what it is told. */
struct owner {
    struct redis_bed bed;
    struct redis_connection *connection;
    unsigned ups, downs, writables;
    char why[480];
    char pushes[200];
    char replies[400]; /* what on_reply took, as "arg:text " */
};

static void on_up(void *ctx)
{
    ((struct owner *)ctx)->ups++;
}

static void on_down(void *ctx, const char *why)
{
    struct owner *owner = ctx;

    owner->downs++;
    snprintf(owner->why, sizeof(owner->why), "%s", why);
}

static bool on_push(void *ctx, const struct resp_frame *frame)
{
    struct owner *owner = ctx;

    if (!resp_frame_says(frame, 0, "message")) {
        return false;
    }
    strncat(owner->pushes, frame->values[2].text.data, frame->values[2].text.len);
    return true;
}

static void on_writable(void *ctx)
{
    ((struct owner *)ctx)->writables++;
}

static const struct redis_connection_events events = {on_up, on_down, on_push, on_writable};

static void on_reply(void *ctx, void *arg, const struct resp_frame *reply)
{
    struct owner *owner = ctx;
    size_t used = strlen(owner->replies);

    snprintf(owner->replies + used, sizeof(owner->replies) - used, "%s:%.*s%lld ",
             (const char *)arg, (int)reply->values[0].text.len, reply->values[0].text.data,
             (long long)reply->values[0].integer);
}

/* Makes the connection as the configuration of the bed is now. */
static void make(struct owner *owner, bool needs_master, uint64_t ping_us)
{
    struct redis_connection_setup setup = {
        .loop = owner->bed.loop,
        .conf = &owner->bed.conf,
        .rand = &owner->bed.rand,
        .instance = "gw 1",
        .purpose = "test",
        .needs_master = needs_master,
        .ping_us = ping_us,
    };

    owner->connection = redis_connection_new(&setup, &events, owner);
    assert_non_null(owner->connection);
}

/* Sends a command of one word; its reply is noted under `name`. */
static int ask(struct owner *owner, const char *word, const char *name)
{
    struct slice args[] = {slice_of(word)};

    return redis_connection_command(owner->connection, args, 1, name ? on_reply : NULL, owner,
                                    (void *)(uintptr_t)name);
}

static int set_up(void **state)
{
    struct owner *owner = calloc(1, sizeof(*owner));
    struct redis_peer *peer = redis_peer_new();

    assert_non_null(owner);
    redis_bed_init(&owner->bed, peer, redis_peer_port(peer));
    *state = owner;
    return 0;
}

static int tear_down(void **state)
{
    struct owner *owner = *state;

    redis_connection_free(owner->connection);
    redis_bed_fini(&owner->bed);
    free(owner);
    return 0;
}

static void make_up(struct owner *owner)
{
    make(owner, true, REDIS_PING_US);
    redis_connection_start(owner->connection);
    assert_int_equal(owner->ups, 0); /* nothing inside an operation */
    redis_bed_wait(&owner->bed, owner->ups == 1);
}

/* Has the peer do something, and expects to hear of it with these words, and to be up again. */
static void expect_down(struct owner *owner, const char *words)
{
    unsigned downs = owner->downs;

    redis_bed_wait(&owner->bed, owner->downs > downs);
    if (strstr(owner->why, words) == NULL) {
        fail_msg("down because \"%s\", not \"%s\"\n%s", owner->why, words, redis_bed_log());
    }
}

static void logs_in_and_serves(void **state)
{
    struct owner *owner = *state;
    struct connection_status status;
    uint64_t error_us;

    owner->bed.urls[0].user = "bob";
    owner->bed.urls[0].password = "open sesame";
    owner->bed.urls[0].database = 2;
    make_up(owner);
    assert_string_equal(redis_peer_log(owner->bed.peer),
                        "AUTH bob open sesame\nSELECT 2\nCLIENT SETNAME chunneld:gw_1:test\n"
                        "CLIENT ID\nROLE\n");
    ask(owner, "ECHO", "a");
    ask(owner, "PING", NULL);
    ask(owner, "PUBLISH", "b");
    assert_string_equal(owner->replies, "");
    redis_bed_wait(&owner->bed, strchr(owner->replies, 'b') != NULL);
    assert_string_equal(owner->replies, "a:OK0 b:1 ");
    redis_connection_get_status(owner->connection, &status, &error_us);
    assert_int_equal(status.state, CONNECTION_UP);
    assert_int_equal(status.reconnects, 0);
    assert_string_equal(status.last_error, "");
    assert_int_equal(error_us, 0);
    assert_true(status.bytes_in > 0 && status.bytes_out > 0 && status.since_us > 0);
    assert_null(strstr(redis_bed_log(), "sesame"));
    assert_non_null(strstr(redis_bed_log(), "new=up"));
}

static void comes_up_whatever_the_pieces(void **state)
{
    struct owner *owner = *state;

    redis_peer_set_piece(owner->bed.peer, 1);
    make_up(owner);
    assert_true(redis_connection_knows_role(owner->connection));
}

static void hands_on_pushes_and_replies_apart(void **state)
{
    struct owner *owner = *state;

    make_up(owner);
    ask(owner, "ECHO", "a");
    redis_peer_send(owner->bed.peer, SLICE("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n"));
    redis_bed_wait(&owner->bed, owner->replies[0] != '\0');
    assert_string_equal(owner->pushes, "hi");
    assert_string_equal(owner->replies, "a:OK0 ");
}

static void forgets_those_who_left(void **state)
{
    struct owner *owner = *state;

    make_up(owner);
    ask(owner, "ECHO", "a");
    redis_connection_forget(owner->connection, owner);
    ask(owner, "ECHO", "b");
    redis_bed_wait(&owner->bed, owner->replies[0] != '\0');
    assert_string_equal(owner->replies, "b:OK0 ");
}

static void says_why_it_cannot_connect(void **state)
{
    struct owner *owner = *state;
    struct connection_status status;
    uint64_t error_us;

    redis_peer_shut(owner->bed.peer, true);
    make(owner, true, REDIS_PING_US);
    redis_connection_start(owner->connection);
    expect_down(owner, "refused");
    redis_connection_get_status(owner->connection, &status, &error_us);
    assert_int_equal(status.state, CONNECTION_DOWN);
    assert_non_null(strstr(status.last_error, "refused"));
    assert_true(error_us > 0);
    assert_int_equal(ask(owner, "PING", NULL), -1);
    redis_peer_shut(owner->bed.peer, false);
    redis_bed_wait(&owner->bed, owner->ups == 1);
    assert_string_equal(owner->why, redis_connection_why(owner->connection));
}

static void says_why_the_login_was_refused(void **state)
{
    static const struct {
        const char *command, *answer, *words;
    } cases[] = {
        {"AUTH", "-WRONGPASS invalid username-password pair\r\n", "WRONGPASS"},
        {"AUTH", "-ERR unknown command 'AUTH', with args: 'open sesame'\r\n", "refused AUTH"},
        {"CLIENT SETNAME", "-NOAUTH Authentication required.\r\n", "asks for a password"},
        {"CLIENT SETNAME", "-ERR max number of clients reached\r\n", "max number of clients"},
        {"SELECT", "-ERR DB index is out of range\r\n", "DB index"},
        {"ROLE", "*5\r\n$5\r\nslave\r\n$2\r\nup\r\n:7000\r\n$9\r\nconnected\r\n:1\r\n",
         "is a replica of up:7000"},
        {"ROLE", "*2\r\n$8\r\nsentinel\r\n*0\r\n", "sentinel"},
        {"CLIENT ID", "$3\r\nabc\r\n", "unexpected reply"},
        {"CLIENT ID", "*1\r\n?\r\n", "reply type byte"},
        {"CLIENT ID", ":1\r\n:2\r\n", "unexpected"},
    };
    struct owner *owner = *state;
    size_t i;

    owner->bed.urls[0].password = "open sesame";
    owner->bed.urls[0].database = 9;
    make(owner, true, REDIS_PING_US);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        redis_peer_answer(owner->bed.peer, cases[i].command, cases[i].answer);
        redis_connection_start(owner->connection);
        expect_down(owner, cases[i].words);
        assert_int_equal(owner->ups, 0);
        redis_connection_stop(owner->connection);
        redis_peer_forget_answers(owner->bed.peer);
    }
    assert_null(strstr(redis_bed_log(), "sesame"));
    redis_connection_start(owner->connection);
    redis_bed_wait(&owner->bed, owner->ups == 1);
}

static void does_without_role_where_it_may_not_ask(void **state)
{
    struct owner *owner = *state;

    redis_peer_answer(owner->bed.peer, "ROLE", "-NOPERM this user has no permissions\r\n");
    make_up(owner);
    assert_false(redis_connection_knows_role(owner->connection));
    assert_non_null(strstr(redis_bed_log(), "allow the user to run ROLE"));
}

static void waits_for_a_server_that_is_loading(void **state)
{
    struct owner *owner = *state;

    redis_peer_answer(owner->bed.peer, "ROLE", "-LOADING Redis is loading the dataset\r\n");
    make(owner, true, REDIS_PING_US);
    redis_connection_start(owner->connection);
    expect_down(owner, "LOADING");
    assert_int_equal(redis_peer_clients(owner->bed.peer), 1);
    redis_peer_forget_answers(owner->bed.peer);
    redis_bed_wait(&owner->bed, owner->ups == 1);
    assert_int_equal(owner->downs, 1); /* on the same connection */
}

static void gives_up_a_login_without_answer(void **state)
{
    struct owner *owner = *state;

    owner->bed.conf.connect_timeout_us = 50000;
    redis_peer_answer(owner->bed.peer, "ROLE", "");
    make(owner, true, REDIS_PING_US);
    redis_connection_start(owner->connection);
    expect_down(owner, "did not answer the login in time");
    redis_peer_forget_answers(owner->bed.peer);
    redis_bed_wait(&owner->bed, owner->ups == 1);
}

static void comes_back_after_every_loss(void **state)
{
    struct owner *owner = *state;
    struct connection_status status;
    uint64_t error_us;

    make_up(owner);
    redis_peer_drop(owner->bed.peer, false);
    expect_down(owner, "closed by the peer");
    redis_bed_wait(&owner->bed, owner->ups == 2);
    redis_peer_drop(owner->bed.peer, true);
    expect_down(owner, "reset");
    redis_bed_wait(&owner->bed, owner->ups == 3);
    redis_peer_send(owner->bed.peer, SLICE("+nobody asked\r\n"));
    expect_down(owner, "not asked for");
    redis_bed_wait(&owner->bed, owner->ups == 4);
    redis_peer_send(owner->bed.peer, SLICE("-ERR Protocol error: invalid bulk length\r\n"));
    expect_down(owner, "invalid bulk length");
    redis_bed_wait(&owner->bed, owner->ups == 5);
    redis_peer_send(owner->bed.peer, SLICE("$99999999999\r\n"));
    expect_down(owner, "size limit");
    redis_bed_wait(&owner->bed, owner->ups == 6);
    redis_connection_get_status(owner->connection, &status, &error_us);
    assert_int_equal(status.reconnects, 5);
}

static void drops_replies_of_a_lost_link(void **state)
{
    struct owner *owner = *state;

    make_up(owner);
    redis_peer_answer(owner->bed.peer, "ECHO", "");
    ask(owner, "ECHO", "old");
    redis_bed_wait(&owner->bed, redis_peer_count(owner->bed.peer, "ECHO") == 1);
    redis_peer_drop(owner->bed.peer, false);
    redis_bed_wait(&owner->bed, owner->ups == 2);
    redis_peer_forget_answers(owner->bed.peer);
    ask(owner, "ECHO", "new");
    redis_bed_wait(&owner->bed, owner->replies[0] != '\0');
    assert_string_equal(owner->replies, "new:OK0 ");
}

static void a_silent_server_is_dead_after_two_intervals(void **state)
{
    struct owner *owner = *state;
    uint64_t began;

    make(owner, false, 600000);
    redis_connection_start(owner->connection);
    redis_bed_wait(&owner->bed, owner->ups == 1);
    redis_bed_wait(&owner->bed, redis_peer_count(owner->bed.peer, "PING") >= 2);
    assert_int_equal(owner->downs, 0); /* answered: it lives */
    redis_peer_answer(owner->bed.peer, "PING", "-LOADING wait\r\n");
    redis_peer_clear_log(owner->bed.peer);
    redis_bed_wait(&owner->bed, redis_peer_count(owner->bed.peer, "PING") >= 2);
    assert_int_equal(owner->downs, 0); /* an error is a sign of life too */
    redis_peer_freeze(owner->bed.peer, true);
    began = redis_bed_now_us();
    expect_down(owner, "nothing heard for 1.2 s");
    assert_true(redis_bed_now_us() - began >= 600000);
    redis_peer_freeze(owner->bed.peer, false);
    redis_bed_wait(&owner->bed, owner->ups == 2);
}

static void silence_is_no_death_while_reading_is_paused(void **state)
{
    struct owner *owner = *state;
    uint64_t began;

    make(owner, false, 300000);
    redis_connection_start(owner->connection);
    redis_bed_wait(&owner->bed, owner->ups == 1);
    redis_connection_pause_reading(owner->connection, REDIS_PAUSE_FULL);
    redis_connection_pause_reading(owner->connection, REDIS_PAUSE_DISK);
    assert_false(redis_connection_is_caught_up(owner->connection));
    redis_peer_send(owner->bed.peer, SLICE("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n"));
    began = redis_bed_now_us();
    redis_bed_wait(&owner->bed, redis_bed_now_us() - began > 1000000);
    assert_int_equal(owner->downs, 0);
    assert_string_equal(owner->pushes, "");
    redis_connection_resume_reading(owner->connection, REDIS_PAUSE_FULL);
    redis_connection_resume_reading(owner->connection, REDIS_PAUSE_FULL);
    began = redis_bed_now_us();
    redis_bed_wait(&owner->bed, redis_bed_now_us() - began > 100000);
    assert_string_equal(owner->pushes, ""); /* the other reason is left */
    redis_connection_resume_reading(owner->connection, REDIS_PAUSE_DISK);
    redis_bed_wait(&owner->bed, owner->pushes[0] != '\0');
    assert_int_equal(owner->downs, 0);
    redis_peer_freeze(owner->bed.peer, true);
    expect_down(owner, "nothing heard");
}

static void goes_to_the_next_address(void **state)
{
    struct owner *owner = *state;

    owner->bed.urls[0].port = 1; /* nobody listens there */
    owner->bed.conf.url_count = 2;
    owner->bed.conf.reconnect_max_us = 5000000;
    make_up(owner);
    assert_int_equal(owner->downs, 1);
    redis_peer_answer(owner->bed.peer, "ROLE", "*1\r\n$5\r\nslave\r\n");
    redis_peer_drop(owner->bed.peer, false);
    expect_down(owner, "closed");
    expect_down(owner, "is a replica"); /* the same one again, ... */
    expect_down(owner, "refused");      /* ... then the other */
}

static void stops_and_starts_in_every_state(void **state)
{
    struct owner *owner = *state;
    struct connection_status status;
    uint64_t error_us;
    int turns;

    make(owner, true, REDIS_PING_US);
    redis_connection_stop(owner->connection);
    for (turns = 0; turns < 12; turns++) {
        int turn;

        redis_connection_start(owner->connection);
        redis_connection_start(owner->connection);
        for (turn = 0; turn < turns; turn++) {
            redis_bed_turn(&owner->bed);
        }
        redis_connection_fail(owner->connection, "for a test", false);
        redis_connection_stop(owner->connection);
        redis_connection_stop(owner->connection);
        redis_connection_get_status(owner->connection, &status, &error_us);
        assert_int_equal(status.state, CONNECTION_STOPPED);
    }
    redis_bed_settle(&owner->bed);
    assert_int_equal(owner->downs, 0);
    assert_int_equal(redis_peer_clients(owner->bed.peer), 0);
    assert_true(owner->ups > 0);
}

static void failing_ends_at_the_end_of_the_turn(void **state)
{
    struct owner *owner = *state;

    make_up(owner);
    redis_connection_fail(owner->connection, "for a test", false);
    redis_connection_fail(owner->connection, "and again", false);
    assert_int_equal(owner->downs, 0);
    assert_false(redis_connection_is_up(owner->connection));
    assert_int_equal(ask(owner, "PING", NULL), -1);
    expect_down(owner, "for a test");
    redis_bed_wait(&owner->bed, owner->ups == 2);
}

static void tells_when_it_is_full_and_when_not(void **state)
{
    struct owner *owner = *state;
    struct strbuf body = STRBUF_INIT;
    struct slice args[3];
    unsigned sent = 0;

    make_up(owner);
    memset(strbuf_reserve(&body, 1 << 20), 'x', 1 << 20);
    strbuf_commit(&body, 1 << 20);
    args[0] = SLICE("PUBLISH");
    args[1] = SLICE("c");
    args[2] = strbuf_slice(&body);
    redis_peer_freeze(owner->bed.peer, true);
    while (!redis_connection_is_full(owner->connection) && sent < 100) {
        assert_int_equal(redis_connection_command(owner->connection, args, 3, NULL, NULL, NULL), 0);
        redis_bed_turn(&owner->bed);
        sent++;
    }
    assert_in_range(sent, 4, 99);
    assert_int_equal(owner->writables, 0);
    redis_peer_freeze(owner->bed.peer, false);
    redis_bed_wait(&owner->bed, owner->writables == 1);
    redis_bed_wait(&owner->bed, redis_peer_count(owner->bed.peer, "PUBLISH") == sent);
    strbuf_fini(&body);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(says_why_it_cannot_connect),
        TEST(says_why_the_login_was_refused),
        TEST(gives_up_a_login_without_answer),
        TEST(comes_back_after_every_loss),
        TEST(drops_replies_of_a_lost_link),
        TEST(a_silent_server_is_dead_after_two_intervals),
        TEST(silence_is_no_death_while_reading_is_paused),
        TEST(waits_for_a_server_that_is_loading),
        TEST(does_without_role_where_it_may_not_ask),
        TEST(goes_to_the_next_address),
        TEST(stops_and_starts_in_every_state),
        TEST(failing_ends_at_the_end_of_the_turn),
        TEST(logs_in_and_serves),
        TEST(comes_up_whatever_the_pieces),
        TEST(hands_on_pushes_and_replies_apart),
        TEST(forgets_those_who_left),
        TEST(tells_when_it_is_full_and_when_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
