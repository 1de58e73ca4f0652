/* Does a Redis source that goes over to another socket lose and repeat nothing where the move is
 * cut short: by another move, by a link that is lost, by a stop? Each socket leads to a peer of its
 * own, which the tests fill as one server would fill all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "endpoint_watch.h"
#include "redis/hub.h"
#include "redis_bed.h"

#define HANDOVER_CHANNEL "chunnel.canary.handover."

enum { MOVE_SOCKETS = 3, MOVE_NAME_SIZE = 128 };

/* One of the sockets, and the server that it leads to. */
struct move_socket {
    struct redis_hub *hub;
    struct conf_connection conf;
    struct conf_url url;
    struct redis_peer *peer;
    struct source_watch fence; /* ready; what it was given came behind all that was pushed before */
};

struct moves {
    struct redis_bed bed; /* its peer is that of the first socket */
    struct budget budget;
    uint64_t most; /* bytes held at most; may be changed */
    struct move_socket sockets[MOVE_SOCKETS];
};

static void poll_all(struct moves *moves)
{
    size_t i;

    for (i = 0; i < MOVE_SOCKETS; i++) {
        redis_peer_poll(moves->sockets[i].peer);
    }
}

#define wait_for(moves, condition) redis_bed_wait(&(moves)->bed, (poll_all(moves), (condition)))

static void make(struct moves *moves, size_t socket, struct source_watch *watch, const char *name)
{
    struct conf_source conf = {.kind = CONF_SOURCE_CHANNEL, .names = {&name, 1}};

    source_watch_init(watch, redis_source_new(moves->sockets[socket].hub, &conf, "orders", false));
    watch->keep = true;
}

static void make_ready(struct moves *moves, size_t socket, struct source_watch *watch,
                       const char *name)
{
    make(moves, socket, watch, name);
    source_watch_start(watch);
    wait_for(moves, watch->ready);
}

/* Another one follows `old`, on that socket. */
static void move(struct moves *moves, size_t socket, struct source_watch *watch,
                 struct source_watch *old, const char *name)
{
    make(moves, socket, watch, name);
    redis_source_follow(watch->source, old->source,
                        &(struct redis_meeting){
                            .hub = moves->sockets[socket].hub,
                            .budget = &moves->budget,
                            .most = moves->most,
                        });
    source_watch_start(watch);
}

static int set_up(void **state)
{
    struct moves *moves = calloc(1, sizeof(*moves));
    struct err err = {""};
    size_t i;

    assert_non_null(moves);
    budget_init(&moves->budget, 0);
    moves->most = UINT64_MAX;
    redis_bed_init(&moves->bed, NULL, 0);
    for (i = 0; i < MOVE_SOCKETS; i++) {
        struct move_socket *socket = &moves->sockets[i];

        socket->peer = redis_peer_new();
        socket->url = moves->bed.urls[0];
        socket->url.port = redis_peer_port(socket->peer);
        socket->conf = moves->bed.conf;
        socket->conf.urls = &socket->url;
        socket->hub = redis_hub_new(moves->bed.loop, &socket->conf, "gw", &moves->bed.rand, &err);
        assert_non_null(socket->hub);
        redis_hub_start(socket->hub);
    }
    for (i = 0; i < MOVE_SOCKETS; i++) {
        make_ready(moves, i, &moves->sockets[i].fence, "fence");
        moves->sockets[i].fence.keep = false;
    }
    *state = moves;
    return 0;
}

static int tear_down(void **state)
{
    struct moves *moves = *state;
    size_t i;

    for (i = 0; i < MOVE_SOCKETS; i++) {
        source_watch_free(&moves->sockets[i].fence);
        redis_hub_free(moves->sockets[i].hub);
        redis_peer_free(moves->sockets[i].peer);
    }
    redis_bed_fini(&moves->bed);
    free(moves);
    return 0;
}

static void push(struct moves *moves, size_t socket, const char *channel, const char *body)
{
    redis_peer_push_message(moves->sockets[socket].peer, slice_of(channel), slice_of(body));
}

/* Waits until the gateway has read all that was pushed to that socket. */
static void wait_read(struct moves *moves, size_t socket)
{
    struct move_socket *it = &moves->sockets[socket];
    uint64_t received = it->fence.received;

    push(moves, socket, "fence", "");
    wait_for(moves, it->fence.received > received);
}

/* Waits for the marker that is published at that socket's server, and writes the name of its
 * channel. */
static void wait_marker(struct moves *moves, size_t socket, char name[MOVE_NAME_SIZE])
{
    const struct redis_peer *peer = moves->sockets[socket].peer;
    const char *line;

    wait_for(moves, redis_peer_count(peer, "PUBLISH " HANDOVER_CHANNEL) == 1);
    line = strstr(redis_peer_log(peer), "PUBLISH " HANDOVER_CHANNEL) + strlen("PUBLISH ");
    assert_int_equal(sscanf(line, "%127s", name), 1);
}

/* What it was given, one body after the other. */
static void assert_given(const struct source_watch *watch, const char *bodies)
{
    const struct delivery *delivery;
    char given[64] = "";
    size_t len = 0;

    TAILQ_FOREACH(delivery, &watch->given, link) {
        assert_true(len + delivery->body.len < sizeof(given));
        memcpy(given + len, delivery->body.data, delivery->body.len);
        len += delivery->body.len;
    }
    assert_string_equal(given, bodies);
}

static void stop(struct source_watch *watch)
{
    source_watch_settle_all(watch);
    source_watch_stop(watch);
}

static void end(struct moves *moves, struct source_watch *watch)
{
    stop(watch);
    wait_for(moves, watch->stopped == 1);
    source_watch_free(watch);
}

static void moves_at_the_marker(void **state)
{
    struct moves *moves = *state;
    struct source_watch a, b;
    char marker[MOVE_NAME_SIZE];

    make_ready(moves, 0, &a, "news");
    move(moves, 1, &b, &a, "news");
    wait_marker(moves, 1, marker);
    push(moves, 1, "news", "1");
    push(moves, 1, marker, "");
    push(moves, 1, "news", "2");
    wait_read(moves, 1);
    assert_given(&b, "");                /* nothing overtakes */
    assert_true(moves->budget.used > 0); /* and it counts */
    push(moves, 0, "news", "1");
    push(moves, 0, marker, "");
    push(moves, 0, "news", "2");
    wait_for(moves, b.ready);
    wait_read(moves, 0);
    assert_given(&a, "1");
    assert_given(&b, "2");
    assert_int_equal(moves->budget.used, 0);
    assert_int_equal(redis_source_gap(b.source)->count, 0);
    end(moves, &a);
    end(moves, &b);
}

static void with_too_much_held_the_old_one_goes_on(void **state)
{
    struct moves *moves = *state;
    struct source_watch a, b;
    char marker[MOVE_NAME_SIZE];
    char again[MOVE_NAME_SIZE];
    const char *line;

    moves->most = 1;
    make_ready(moves, 0, &a, "news");
    move(moves, 1, &b, &a, "news");
    wait_marker(moves, 1, marker);
    push(moves, 1, marker, "");
    push(moves, 1, "news", "2");
    wait_for(moves, redis_peer_count(moves->sockets[1].peer, "PUBLISH " HANDOVER_CHANNEL) == 2);
    assert_int_equal(moves->budget.used, 0);
    push(moves, 0, "news", "1");
    push(moves, 0, "news", "2");
    wait_read(moves, 0);
    assert_given(&a, "12");
    line = strstr(redis_peer_log(moves->sockets[1].peer), "PUBLISH " HANDOVER_CHANNEL) + 1;
    line = strstr(line, "PUBLISH " HANDOVER_CHANNEL) + strlen("PUBLISH ");
    assert_int_equal(sscanf(line, "%127s", again), 1);
    push(moves, 0, again, "");
    push(moves, 1, again, "");
    push(moves, 1, "news", "3");
    wait_for(moves, b.ready);
    wait_read(moves, 1);
    assert_given(&b, "3");
    end(moves, &a);
    end(moves, &b);
}

/* The old link is cut before its marker: the new one need not wait for it, and takes over the time
 * without a subscription. */
static void an_old_link_that_is_cut_ends_the_wait(void **state)
{
    struct moves *moves = *state;
    struct source_watch a, b;

    make_ready(moves, 0, &a, "news");
    redis_peer_answer(moves->sockets[0].peer, "SUBSCRIBE " HANDOVER_CHANNEL, "");
    move(moves, 1, &b, &a, "news");
    wait_for(moves, redis_peer_count(moves->sockets[0].peer, "SUBSCRIBE " HANDOVER_CHANNEL) == 1 &&
                        redis_peer_count(moves->sockets[1].peer, "SUBSCRIBE news") == 1);
    wait_read(moves, 1); /* and so the confirmation, too */
    redis_peer_shut(moves->sockets[0].peer, true);
    redis_peer_drop(moves->sockets[0].peer, false);
    wait_for(moves, b.ready);
    assert_non_null(strstr(redis_bed_log(), "after a time without a subscription"));
    assert_null(strstr(redis_bed_log(), "without a marker"));
    assert_int_equal(redis_source_gap(b.source)->count, 1);
    assert_int_equal(redis_source_gap(b.source)->since_us, 0);
    push(moves, 1, "news", "1");
    wait_read(moves, 1);
    assert_given(&b, "1");
    end(moves, &a);
    end(moves, &b);
}

/* What happens to the old socket while it is the one in service counts, on the new one too. */
static void the_gap_of_the_old_socket_counts(void **state)
{
    struct moves *moves = *state;
    struct source_watch a, b;

    make_ready(moves, 0, &a, "news");
    redis_peer_shut(moves->sockets[1].peer, true);
    redis_peer_drop(moves->sockets[1].peer, false);
    wait_for(moves, !moves->sockets[1].fence.ready);
    move(moves, 1, &b, &a, "news"); /* it cannot begin yet */
    redis_peer_drop(moves->sockets[0].peer, false);
    wait_for(moves, !a.ready);
    assert_int_equal(redis_source_gap(b.source)->count, 1);
    assert_true(redis_source_gap(b.source)->since_us != 0);
    wait_for(moves, a.ready);
    assert_int_equal(redis_source_gap(b.source)->count, 1);
    assert_int_equal(redis_source_gap(b.source)->since_us, 0);
    end(moves, &a);
    assert_int_equal(redis_source_gap(b.source)->count, 1); /* it goes on without that one */
    end(moves, &b);
}

/* A has come to the marker and B has not. */
static void move_half(struct moves *moves, struct source_watch *a, struct source_watch *b,
                      char marker[MOVE_NAME_SIZE])
{
    make_ready(moves, 0, a, "news");
    move(moves, 1, b, a, "news");
    wait_marker(moves, 1, marker);
    push(moves, 0, "news", "1");
    push(moves, 0, marker, "");
    push(moves, 0, "news", "2");
    wait_read(moves, 0);
    assert_given(a, "1");
}

static void another_move_waits_for_the_first(void **state)
{
    struct moves *moves = *state;
    struct source_watch a, b, left_out, c;
    char marker[MOVE_NAME_SIZE];

    move_half(moves, &a, &b, marker);
    move(moves, 2, &left_out, &b, "news");
    move(moves, 2, &c, &left_out, "news");
    wait_read(moves, 2);
    push(moves, 1, "news", "1");
    push(moves, 1, marker, "");
    push(moves, 1, "news", "2");
    wait_marker(moves, 2, marker);
    assert_false(c.ready);
    push(moves, 1, "news", "3");
    push(moves, 1, marker, "");
    push(moves, 1, "news", "4");
    push(moves, 2, "news", "3");
    push(moves, 2, marker, "");
    push(moves, 2, "news", "4");
    wait_for(moves, c.ready);
    wait_read(moves, 1);
    wait_read(moves, 2);
    assert_given(&a, "1");
    assert_given(&b, "23");
    assert_given(&left_out, "");
    assert_given(&c, "4");
    end(moves, &a);
    end(moves, &b);
    end(moves, &left_out);
    end(moves, &c);
}

static void another_move_goes_on_where_the_first_fails(void **state)
{
    struct moves *moves = *state;
    struct source_watch a, b, c;
    char marker[MOVE_NAME_SIZE];

    move_half(moves, &a, &b, marker);
    move(moves, 2, &c, &b, "news");
    wait_read(moves, 2);
    assert_false(c.ready);
    redis_peer_shut(moves->sockets[1].peer, true);
    redis_peer_drop(moves->sockets[1].peer, false);
    wait_for(moves, c.ready);
    push(moves, 2, "news", "3");
    wait_read(moves, 2);
    assert_given(&c, "3");
    end(moves, &a);
    end(moves, &b);
    end(moves, &c);
}

/* Two moves at once, as each takes the whole patience: the link of the one is lost before it is
 * known whether its marker could be heard, the server of the other does not answer. */
static void stays_where_the_new_socket_is_of_no_use(void **state)
{
    struct moves *moves = *state;
    const struct redis_peer *old = moves->sockets[0].peer;
    struct source_watch lost, after_lost, mute, after_mute;
    char marker[MOVE_NAME_SIZE];

    make_ready(moves, 0, &lost, "lost");
    make_ready(moves, 0, &mute, "mute");
    redis_peer_answer(moves->sockets[1].peer, "SUBSCRIBE " HANDOVER_CHANNEL, "");
    move(moves, 1, &after_lost, &lost, "lost");
    move(moves, 2, &after_mute, &mute, "mute");
    wait_for(moves, redis_peer_count(moves->sockets[2].peer, "SUBSCRIBE mute") == 1);
    redis_peer_freeze(moves->sockets[2].peer, true);
    wait_for(moves, redis_peer_count(moves->sockets[1].peer, "SUBSCRIBE " HANDOVER_CHANNEL) == 1);
    redis_peer_forget_answers(moves->sockets[1].peer);
    redis_peer_shut(moves->sockets[1].peer, true);
    redis_peer_drop(moves->sockets[1].peer, false);
    wait_for(moves, redis_peer_count(old, "SUBSCRIBE " HANDOVER_CHANNEL) == 2);
    wait_for(moves, redis_peer_count(old, "UNSUBSCRIBE " HANDOVER_CHANNEL) == 2);
    push(moves, 0, "lost", "1");
    push(moves, 0, "mute", "1");
    wait_read(moves, 0);
    assert_given(&lost, "1");
    assert_given(&mute, "1");
    assert_int_equal(after_lost.readies + after_mute.readies, 0);
    assert_null(strstr(redis_bed_log(), "without a marker"));

    redis_peer_shut(moves->sockets[1].peer, false); /* and now they can be moved to */
    wait_marker(moves, 1, marker);
    push(moves, 0, marker, "");
    push(moves, 1, marker, "");
    wait_for(moves, after_lost.ready);
    redis_peer_freeze(moves->sockets[2].peer, false);
    wait_marker(moves, 2, marker);
    push(moves, 0, marker, "");
    push(moves, 2, marker, "");
    wait_for(moves, after_mute.ready);
    end(moves, &lost);
    end(moves, &mute);
    end(moves, &after_lost);
    end(moves, &after_mute);
}

static void stays_where_both_links_are_lost(void **state)
{
    struct moves *moves = *state;
    struct source_watch a, b;
    char marker[MOVE_NAME_SIZE];

    make_ready(moves, 0, &a, "news");
    redis_peer_answer(moves->sockets[1].peer, "SUBSCRIBE " HANDOVER_CHANNEL, "");
    move(moves, 1, &b, &a, "news");
    wait_for(moves,
             redis_peer_count(moves->sockets[0].peer, "SUBSCRIBE " HANDOVER_CHANNEL) == 1 &&
                 redis_peer_count(moves->sockets[1].peer, "SUBSCRIBE " HANDOVER_CHANNEL) == 1);
    wait_read(moves, 0); /* and so the confirmation, too */
    redis_peer_forget_answers(moves->sockets[1].peer);
    redis_peer_shut(moves->sockets[1].peer, true);
    redis_peer_drop(moves->sockets[1].peer, false);
    wait_for(moves, strstr(b.why, "refused") != NULL);
    redis_peer_drop(moves->sockets[0].peer, false);
    wait_for(moves, !a.ready && !moves->sockets[0].fence.ready);
    wait_for(moves, a.ready && moves->sockets[0].fence.ready);
    push(moves, 0, "news", "1");
    wait_read(moves, 0);
    assert_given(&a, "1");
    assert_int_equal(b.readies, 0);
    redis_peer_shut(moves->sockets[1].peer, false);
    wait_marker(moves, 1, marker);
    push(moves, 0, marker, "");
    push(moves, 1, marker, "");
    wait_for(moves, b.ready);
    end(moves, &a);
    end(moves, &b);
}

static void a_stop_gives_what_was_held(void **state)
{
    struct moves *moves = *state;
    struct source_watch a, b;
    char marker[MOVE_NAME_SIZE];

    make_ready(moves, 0, &a, "news");
    move(moves, 1, &b, &a, "news");
    wait_marker(moves, 1, marker);
    push(moves, 1, "news", "1");
    push(moves, 1, marker, "");
    push(moves, 1, "news", "2");
    push(moves, 1, "news", "3");
    wait_read(moves, 1);
    stop(&a);
    stop(&b);
    wait_for(moves, a.stopped == 1);
    source_watch_free(&a);
    wait_for(moves, b.received == 2);
    assert_given(&b, "23");
    assert_int_equal(b.stopped, 0);
    end(moves, &b);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(moves_at_the_marker),
        TEST(with_too_much_held_the_old_one_goes_on),
        TEST(an_old_link_that_is_cut_ends_the_wait),
        TEST(the_gap_of_the_old_socket_counts),
        TEST(another_move_waits_for_the_first),
        TEST(another_move_goes_on_where_the_first_fails),
        TEST(stays_where_the_new_socket_is_of_no_use),
        TEST(stays_where_both_links_are_lost),
        TEST(a_stop_gives_what_was_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
