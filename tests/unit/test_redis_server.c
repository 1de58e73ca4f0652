/* Do source and sink work with a real redis-server as they do with the scripted one: logins, ten
 * thousand channels, deaths, forbidden channels, any bytes, order, replicas? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "endpoint_watch.h"
#include "redis/hub.h"
#include "redis_bed.h"
#include "redis_real.h"

struct server_bed {
    struct redis_bed bed;
    struct redis_real real;
};

static int set_up(void **state)
{
    struct server_bed *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    redis_real_init(&s->real);
    redis_bed_init(&s->bed, NULL, s->real.port);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct server_bed *s = *state;

    redis_bed_fini(&s->bed);
    redis_real_fini(&s->real);
    free(s);
    return 0;
}

static void say(struct server_bed *s, const char *words)
{
    const char *answer = redis_real_say(&s->real, words);

    if (answer[0] != '+' && answer[0] != ':') {
        fail_msg("%s: %s", words, answer);
    }
}

static void make_hub(struct server_bed *s)
{
    redis_bed_make_hub(&s->bed);
    redis_hub_start(s->bed.hub);
}

static void make_source(struct server_bed *s, struct source_watch *watch,
                        enum conf_source_kind kind, const char **names, size_t count)
{
    struct conf_source conf = {.kind = kind, .names = {names, count}};

    source_watch_init(watch, redis_source_new(s->bed.hub, &conf, "orders", false));
    source_watch_start(watch);
}

static void make_sink(struct server_bed *s, struct sink_watch *watch)
{
    struct conf_sink conf = {.kind = CONF_SINK_CHANNEL};
    struct bridge_options options = {.ack_mode = ACK_ON_CONFIRM, .min_subscribers = 1};

    sink_watch_init(watch, redis_sink_new(s->bed.hub, &conf, &options));
    sink_watch_start(watch);
}

static void end_source(struct server_bed *s, struct source_watch *watch)
{
    source_watch_settle_all(watch);
    source_watch_stop(watch);
    redis_bed_wait(&s->bed, watch->stopped == 1);
    source_watch_free(watch);
}

static void end_sink(struct server_bed *s, struct sink_watch *watch)
{
    sink_watch_stop(watch, false);
    redis_bed_wait(&s->bed, watch->stopped == 1);
    sink_watch_free(watch);
}

static void wrong_passwords_are_told_apart(void **state)
{
    struct server_bed *s = *state;
    struct sink_watch watch;

    s->bed.urls[0].password = "sesame";
    make_hub(s);
    make_sink(s, &watch);
    redis_bed_wait(&s->bed, strstr(watch.why, "the server asks for none") != NULL);
    say(s, "CONFIG SET requirepass other");
    redis_bed_wait(&s->bed, strstr(watch.why, "WRONGPASS") != NULL);
    s->bed.urls[0].password = NULL;
    redis_bed_wait(&s->bed, strstr(watch.why, "NOAUTH") != NULL);
    s->bed.urls[0].password = "other";
    s->bed.urls[0].database = 99;
    redis_bed_wait(&s->bed, strstr(watch.why, "DB index is out of range") != NULL);
    s->bed.urls[0].database = 3;
    redis_bed_wait(&s->bed, watch.ready);
    end_sink(s, &watch);
    assert_null(strstr(redis_bed_log(), "sesame"));
}

static void users_log_in(void **state)
{
    struct server_bed *s = *state;
    struct sink_watch watch;

    say(s, "ACL SETUSER bob on >sesame resetchannels &news.* +publish +auth +client +ping");
    s->bed.urls[0].user = "bob";
    s->bed.urls[0].password = "sesame";
    make_hub(s);
    make_sink(s, &watch);
    redis_bed_wait(&s->bed, watch.ready); /* without ROLE, which bob may not run */
    sink_watch_send(&watch, SLICE("news.a"), SLICE("x"));
    sink_watch_send(&watch, SLICE("other"), SLICE("x"));
    redis_bed_wait(&s->bed, watch.back == 2);
    assert_string_equal(strbuf_text(&watch.settled), "N1 R2 ");
    assert_non_null(strstr(watch.settled_why, "NOPERM"));
    say(s, "ACL DELUSER bob");
    redis_bed_wait(&s->bed, strstr(watch.why, "WRONGPASS") != NULL);
    end_sink(s, &watch);
}

static void works_over_a_unix_socket(void **state)
{
    struct server_bed *s = *state;
    struct sink_watch watch;

    s->bed.urls[0].transport = CONF_UNIX;
    s->bed.urls[0].path = s->real.socket_path;
    make_hub(s);
    make_sink(s, &watch);
    redis_bed_wait(&s->bed, watch.ready);
    end_sink(s, &watch);
}

static void ten_thousand_channels_at_once(void **state)
{
    enum { CHANNELS = 10000 };
    struct server_bed *s = *state;
    struct source_watch watch;
    const char **names = calloc(CHANNELS, sizeof(*names));
    char *text = calloc(CHANNELS, 16);
    uint64_t began;
    size_t i;

    for (i = 0; i < CHANNELS; i++) {
        names[i] = text + 16 * i;
        snprintf(text + 16 * i, 16, "channel.%zu", i);
    }
    make_hub(s);
    began = redis_bed_now_us();
    make_source(s, &watch, CONF_SOURCE_CHANNEL, names, CHANNELS);
    redis_bed_wait(&s->bed, watch.ready);
    assert_in_range(redis_bed_now_us() - began, 0, 10000000);
    say(s, "PUBLISH channel.0 x");
    say(s, "PUBLISH channel.9999 x");
    redis_bed_wait(&s->bed, watch.received == 2);
    say(s, "CLIENT KILL TYPE pubsub");
    redis_bed_wait(&s->bed, !watch.ready);
    redis_bed_wait(&s->bed, watch.ready);
    assert_int_equal(redis_source_gap(watch.source)->count, 1);
    end_source(s, &watch);
    free(names);
    free(text);
}

static void killed_and_back(void **state)
{
    struct server_bed *s = *state;
    struct source_watch news, pattern;
    struct sink_watch sink;

    make_hub(s);
    make_source(s, &news, CONF_SOURCE_CHANNEL, (const char *[]){"news"}, 1);
    make_source(s, &pattern, CONF_SOURCE_PATTERN, (const char *[]){"n[a-e]*"}, 1);
    make_sink(s, &sink);
    redis_bed_wait(&s->bed, news.ready && pattern.ready && sink.ready);
    redis_real_kill(&s->real);
    redis_bed_wait(&s->bed, !news.ready && !pattern.ready && !sink.ready);
    assert_int_equal(sink_watch_send(&sink, SLICE("news"), SLICE("x")), SINK_BUSY);
    redis_real_start(&s->real);
    redis_bed_wait(&s->bed, news.ready && pattern.ready && sink.ready && sink.writables == 1);
    assert_int_equal(redis_source_gap(news.source)->count, 1);
    assert_true(redis_source_gap(news.source)->total_us > 0);
    assert_int_equal(sink_watch_send(&sink, SLICE("news"), SLICE("x")), SINK_TAKEN);
    redis_bed_wait(&s->bed, news.received == 1 && pattern.received == 1 && sink.back == 1);
    assert_string_equal(strbuf_text(&sink.settled), "D1 ");
    end_source(s, &news);
    end_source(s, &pattern);
    end_sink(s, &sink);
}

static void a_forbidden_channel_waits_alone(void **state)
{
    struct server_bed *s = *state;
    struct source_watch good, bad;

    say(s, "ACL SETUSER default resetchannels &good");
    make_hub(s);
    make_source(s, &bad, CONF_SOURCE_CHANNEL, (const char *[]){"good", "bad"}, 2);
    make_source(s, &good, CONF_SOURCE_CHANNEL, (const char *[]){"good"}, 1);
    redis_bed_wait(&s->bed, good.ready && strstr(bad.why, "NOPERM") != NULL);
    assert_non_null(strstr(bad.why, "\"bad\""));
    say(s, "PUBLISH good x");
    redis_bed_wait(&s->bed, good.received == 1 && bad.received == 1);
    say(s, "ACL SETUSER default &bad");
    redis_bed_wait(&s->bed, bad.ready);
    assert_int_equal(good.readies, 1);                 /* it never lost its subscription */
    say(s, "ACL SETUSER default resetchannels &good"); /* the server ends the connection */
    redis_bed_wait(&s->bed, good.readies == 2 && strstr(bad.why, "\"bad\"") != NULL);
    say(s, "ACL SETUSER default allchannels");
    redis_bed_wait(&s->bed, bad.ready);
    assert_int_equal(redis_source_gap(bad.source)->count, 1);
    end_source(s, &good);
    end_source(s, &bad);
}

static void overlapping_subscriptions_give_each_its_own(void **state)
{
    struct server_bed *s = *state;
    struct source_watch channel, twin, pattern, patterns;

    make_hub(s);
    make_source(s, &channel, CONF_SOURCE_CHANNEL, (const char *[]){"a.b"}, 1);
    make_source(s, &twin, CONF_SOURCE_CHANNEL, (const char *[]){"a.b", "c"}, 2);
    make_source(s, &pattern, CONF_SOURCE_PATTERN, (const char *[]){"a.*"}, 1);
    make_source(s, &patterns, CONF_SOURCE_PATTERN, (const char *[]){"a.*", "*.b"}, 2);
    redis_bed_wait(&s->bed, channel.ready && twin.ready && pattern.ready && patterns.ready);
    assert_string_equal(redis_real_say(&s->real, "PUBLISH a.b x"), ":3");
    redis_bed_wait(&s->bed, channel.received == 1 && twin.received == 1 && pattern.received == 1 &&
                                patterns.received == 2);
    redis_bed_settle(&s->bed);
    assert_int_equal(patterns.received, 2);
    end_source(s, &pattern);
    redis_bed_settle(&s->bed);
    assert_string_equal(redis_real_say(&s->real, "PUBLISH a.b x"), ":3");
    redis_bed_wait(&s->bed, patterns.received == 4 && channel.received == 2);
    end_source(s, &channel);
    end_source(s, &twin);
    end_source(s, &patterns);
}

/* The byte of body `number` at `at`. */
static char body_byte(size_t number, size_t at)
{
    return (char)(at * 31 + at / 251 + number);
}

static void any_bytes_of_any_length_cross(void **state)
{
    static const size_t sizes[] = {0,    1,     2,      1023,    1024,    4095,
                                   4096, 16383, 100000, 1048577, 5000000, 16777216};
    static const struct slice channel = SLICE("a\r\nb");
    struct server_bed *s = *state;
    struct source_watch source;
    struct sink_watch sink;
    char *body = malloc(16777216);
    size_t i, at;

    assert_non_null(body);
    make_hub(s);
    make_source(s, &source, CONF_SOURCE_CHANNEL, (const char *[]){"a\r\nb"}, 1);
    make_sink(s, &sink);
    redis_bed_wait(&s->bed, source.ready && sink.ready);
    source.keep = true;
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct delivery *delivery;

        for (at = 0; at < sizes[i]; at++) {
            body[at] = body_byte(i, at);
        }
        assert_int_equal(sink_watch_send(&sink, channel, slice_make(body, sizes[i])), SINK_TAKEN);
        redis_bed_wait(&s->bed, source.received == i + 1 && sink.back == i + 1);
        delivery = TAILQ_FIRST(&source.given);
        assert_true(slice_equal(delivery->body, slice_make(body, sizes[i])));
        assert_true(slice_equal(delivery->channel, channel));
        source_watch_settle(&source);
    }
    assert_int_equal(sink.outcomes[OUTCOME_DELIVERED], i);
    end_source(s, &source);
    end_sink(s, &sink);
    free(body);
}

static void thousands_in_flight_stay_in_order(void **state)
{
    enum { MESSAGES = 20000 };
    struct server_bed *s = *state;
    struct source_watch source;
    struct sink_watch sink;
    struct delivery *delivery;
    char text[16];
    unsigned next = 0;

    make_hub(s);
    make_source(s, &source, CONF_SOURCE_CHANNEL, (const char *[]){"news"}, 1);
    make_sink(s, &sink);
    redis_bed_wait(&s->bed, source.ready && sink.ready);
    source.keep = true;
    while (sink.back < MESSAGES) {
        while (sink.sent < MESSAGES) {
            snprintf(text, sizeof(text), "%u", (unsigned)sink.sent);
            if (sink_watch_send(&sink, SLICE("news"), slice_of(text)) != SINK_TAKEN) {
                break;
            }
        }
        redis_bed_wait(&s->bed, sink.back == sink.sent || sink.writables > 0);
        sink.writables = 0;
    }
    redis_bed_wait(&s->bed, source.received == MESSAGES);
    assert_int_equal(sink.outcomes[OUTCOME_DELIVERED], MESSAGES);
    TAILQ_FOREACH(delivery, &source.given, link) {
        snprintf(text, sizeof(text), "%u", next++);
        assert_true(slice_equal_text(delivery->body, text));
    }
    end_source(s, &source);
    end_sink(s, &sink);
}

static void a_replica_is_not_taken_for_a_master(void **state)
{
    struct server_bed *s = *state;
    struct sink_watch sink;
    struct source_watch source;

    make_hub(s);
    make_source(s, &source, CONF_SOURCE_CHANNEL, (const char *[]){"news"}, 1);
    make_sink(s, &sink);
    redis_bed_wait(&s->bed, sink.ready && source.ready);
    say(s, "REPLICAOF 127.0.0.1 1");
    sink_watch_send(&sink, SLICE("news"), SLICE("x"));
    redis_bed_wait(&s->bed, sink.back == 1);
    assert_string_equal(strbuf_text(&sink.settled), "L1 ");
    redis_bed_wait(&s->bed, strstr(sink.why, "is a replica of 127.0.0.1:1") != NULL);
    say(s, "REPLICAOF NO ONE");
    redis_bed_wait(&s->bed, sink.ready && source.ready);
    sink_watch_send(&sink, SLICE("news"), SLICE("x"));
    redis_bed_wait(&s->bed, sink.back == 2);
    assert_string_equal(strbuf_text(&sink.settled), "L1 D2 ");
    end_sink(s, &sink);
    end_source(s, &source);
}

static void subscribers_killed_again_and_again(void **state)
{
    struct server_bed *s = *state;
    struct source_watch source;
    int i;

    make_hub(s);
    make_source(s, &source, CONF_SOURCE_CHANNEL, (const char *[]){"news"}, 1);
    for (i = 0; i < 5; i++) {
        redis_bed_wait(&s->bed, source.ready);
        say(s, "CLIENT KILL TYPE pubsub");
        redis_bed_wait(&s->bed, !source.ready);
    }
    redis_bed_wait(&s->bed, source.ready);
    say(s, "PUBLISH news x");
    redis_bed_wait(&s->bed, source.received == 1);
    assert_int_equal(redis_source_gap(source.source)->count, 5);
    end_source(s, &source);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_passwords_are_told_apart),
        TEST(users_log_in),
        TEST(works_over_a_unix_socket),
        TEST(ten_thousand_channels_at_once),
        TEST(killed_and_back),
        TEST(a_forbidden_channel_waits_alone),
        TEST(overlapping_subscriptions_give_each_its_own),
        TEST(any_bytes_of_any_length_cross),
        TEST(thousands_in_flight_stay_in_order),
        TEST(a_replica_is_not_taken_for_a_master),
        TEST(subscribers_killed_again_and_again),
    };

    if (!redis_real_is_there()) {
        puts("redis-server is missing (Debian: apt-get install redis-server)");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
