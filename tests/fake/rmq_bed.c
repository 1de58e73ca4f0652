/* The bed of the tests of amqp/; see the header. */
#include "rmq_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"

static struct strbuf kept_log;

static void keep_line(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    strbuf_append(&kept_log, line, len);
}

static uint64_t no_time(void)
{
    return 1;
}

int rmq_bed_set_up(void **state)
{
    struct rmq_bed *bed = calloc(1, sizeof(*bed));
    struct err err;

    assert_non_null(bed);
    strbuf_fini(&kept_log);
    log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
    log_set_writer(keep_line, NULL);
    log_set_clock(no_time);
    rand_init_seed(&bed->rand, 42);
    bed->loop = loop_new(&err);
    assert_non_null(bed->loop);
    bed->peer = rmq_peer_new(bed->loop);
    bed->urls[0] =
        (struct conf_url){.transport = CONF_TCP, .host = "rabbit", .port = 5672, .vhost = "/"};
    bed->conf = (struct conf_connection){
        .name = "rabbit",
        .protocol = CONF_AMQP,
        .urls = bed->urls,
        .url_count = 1,
        .connect_timeout_us = 5 * SECOND,
        .reconnect_min_us = 100 * MS,
        .reconnect_max_us = 10 * SECOND,
        .max_message_size = 1024 * 1024,
        .confirm_timeout_us = 30 * SECOND,
    };
    bed->topology.connection = &bed->conf;
    bed->source_conf = (struct conf_source){
        .kind = CONF_SOURCE_QUEUE, .connection = &bed->conf, .queue = "q", .prefetch = 4};
    bed->sink_conf =
        (struct conf_sink){.kind = CONF_SINK_EXCHANGE, .connection = &bed->conf, .mandatory = true};
    bed->options = (struct bridge_options){.ack_mode = ACK_ON_CONFIRM, .buffer_messages = 1000};
    *state = bed;
    return 0;
}

static void on_closed(void *ctx)
{
    ((struct rmq_bed *)ctx)->closed = true;
}

void rmq_bed_tear_down_hub(struct rmq_bed *bed)
{
    bed->closed = false;
    rmq_hub_stop(bed->hub, on_closed, bed);
    assert_false(bed->closed);
    fake_net_advance(bed->loop, 5 * SECOND);
    assert_true(bed->closed);
    rmq_hub_free(bed->hub);
    bed->hub = NULL;
}

int rmq_bed_tear_down(void **state)
{
    struct rmq_bed *bed = *state;

    if (bed->hub != NULL) {
        rmq_bed_tear_down_hub(bed);
    }
    rmq_peer_free(bed->peer);
    loop_free(bed->loop);
    free(bed);
    log_set_clock(NULL);
    log_set_writer(NULL, NULL);
    strbuf_fini(&kept_log);
    return 0;
}

void rmq_bed_make_hub(struct rmq_bed *bed)
{
    struct err err = {""};

    bed->hub = rmq_hub_new(bed->loop, &bed->conf, &bed->topology, "gw 1", &bed->rand, &err);
    assert_non_null(bed->hub);
}

void rmq_bed_make_source(struct rmq_bed *bed, struct source_watch *watch)
{
    source_watch_init(watch,
                      rmq_source_new(bed->hub, &bed->source_conf, &bed->options, true, "bridge"));
}

void rmq_bed_make_sink(struct rmq_bed *bed, struct sink_watch *watch)
{
    sink_watch_init(watch, rmq_sink_new(bed->hub, &bed->sink_conf, &bed->options, "bridge"));
}

void rmq_bed_start_source(struct rmq_bed *bed, struct source_watch *watch)
{
    rmq_bed_make_hub(bed);
    rmq_bed_make_source(bed, watch);
    source_watch_start(watch);
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
    rmq_bed_check(bed, watch->ready);
}

void rmq_bed_start_sink(struct rmq_bed *bed, struct sink_watch *watch)
{
    rmq_bed_make_hub(bed);
    rmq_bed_make_sink(bed, watch);
    sink_watch_start(watch);
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
    rmq_bed_check(bed, watch->ready);
}

void rmq_bed_end_source(struct rmq_bed *bed, struct source_watch *watch)
{
    source_watch_stop(watch);
    source_watch_settle_all(watch);
    rmq_bed_advance(bed, 30 * SECOND);
    rmq_bed_check(bed, watch->stopped == 1);
    source_watch_free(watch);
}

void rmq_bed_end_sink(struct rmq_bed *bed, struct sink_watch *watch)
{
    sink_watch_stop(watch, true);
    rmq_bed_settle(bed);
    rmq_bed_check(bed, watch->stopped == 1);
    sink_watch_free(watch);
}

enum sink_result rmq_bed_send_out(struct sink_watch *watch, const struct outgoing *out)
{
    struct outgoing sent = *out;
    struct err err = {""};
    enum sink_result result;
    char *data;
    struct delivery *delivery = delivery_new(out->body.len, &data);

    assert_non_null(delivery);
    if (out->body.len > 0) {
        memcpy(data, out->body.data, out->body.len);
    }
    delivery->body = slice_make(data, out->body.len);
    sent.body = delivery->body;
    delivery->tag = watch->sent + 1;
    watch->in_operation = true;
    result = watch->sink->ops->send(watch->sink, delivery, &sent, &err);
    watch->in_operation = false;
    if (result == SINK_TAKEN) {
        watch->sent++;
        return result;
    }
    delivery_free(delivery);
    snprintf(watch->refused_why, sizeof(watch->refused_why), "%s", err.text);
    return result;
}

enum sink_result rmq_bed_send(struct sink_watch *watch, struct slice body)
{
    struct outgoing out = {.exchange = SLICE("x"), .routing_key = SLICE("key"), .body = body};

    return rmq_bed_send_out(watch, &out);
}

void rmq_bed_settle_tag(struct source_watch *watch, uint64_t tag, enum settlement how)
{
    struct delivery *delivery;

    TAILQ_FOREACH(delivery, &watch->given, link) {
        if (delivery->tag == tag) {
            break;
        }
    }
    assert_non_null(delivery);
    TAILQ_REMOVE(&watch->given, delivery, link);
    watch->in_operation = true;
    watch->source->ops->settle(watch->source, delivery, how);
    watch->in_operation = false;
}

void rmq_bed_settle(struct rmq_bed *bed)
{
    fake_net_settle(bed->loop);
}

void rmq_bed_advance(struct rmq_bed *bed, uint64_t us)
{
    fake_net_advance(bed->loop, us);
}

void rmq_bed_expect_settled(struct rmq_bed *bed, struct sink_watch *watch, const char *expected)
{
    rmq_bed_settle(bed);
    if (strcmp(strbuf_text(&watch->settled), expected) != 0) {
        fprintf(stderr, "settled \"%s\", expected \"%s\"\n", strbuf_text(&watch->settled),
                expected);
        rmq_bed_fail(bed, "settled as expected", __FILE__, __LINE__);
    }
}

void rmq_bed_expect_lost(struct rmq_bed *bed, struct sink_watch *watch, const char *settled,
                         const char *words)
{
    rmq_bed_expect_settled(bed, watch, settled);
    rmq_bed_check(bed, !watch->ready);
    if (strstr(watch->why, words) == NULL) {
        fprintf(stderr, "\"%s\" does not say \"%s\"\n", watch->why, words);
        rmq_bed_fail(bed, "the right words", __FILE__, __LINE__);
    }
    rmq_bed_advance(bed, 1 * SECOND);
    rmq_bed_check(bed, watch->ready);
}

struct rmq_session *rmq_bed_publishing(const struct rmq_bed *bed)
{
    return rmq_peer_session(bed->peer, "publishing");
}

struct rmq_session *rmq_bed_consuming(const struct rmq_bed *bed)
{
    return rmq_peer_session(bed->peer, "consuming");
}

struct connection_status rmq_bed_status(const struct rmq_bed *bed)
{
    struct connection_status status;

    rmq_hub_status(bed->hub, &status);
    return status;
}

const char *rmq_bed_log(void)
{
    return strbuf_text(&kept_log);
}

bool rmq_bed_logged(const char *text)
{
    return strstr(rmq_bed_log(), text) != NULL;
}

unsigned rmq_bed_count_logged(const char *text)
{
    const char *at = rmq_bed_log();
    unsigned count = 0;

    while ((at = strstr(at, text)) != NULL) {
        at += strlen(text);
        count++;
    }
    return count;
}

void rmq_bed_fail(const struct rmq_bed *bed, const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not so: %s\n-- the daemon:\n%s-- the broker:\n%s", file, line,
            condition, rmq_bed_log(), rmq_peer_log(bed->peer));
    _fail(file, line);
}
