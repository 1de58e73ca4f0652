/* The bed of the tests of redis/; see the header. */
#include "redis_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

static struct strbuf log_text_kept;

static void keep_line(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    strbuf_append(&log_text_kept, line, len);
}

void redis_bed_init(struct redis_bed *bed, struct redis_peer *peer, uint16_t port)
{
    struct err err;

    strbuf_fini(&log_text_kept);
    log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
    log_set_writer(keep_line, NULL);
    *bed = (struct redis_bed){.peer = peer};
    rand_init_seed(&bed->rand, 42);
    bed->loop = loop_new(&err);
    assert_non_null(bed->loop);
    bed->urls[0] = (struct conf_url){
        .transport = CONF_TCP, .host = "127.0.0.1", .port = port, .path = "", .vhost = ""};
    bed->urls[1] = bed->urls[0];
    bed->conf = (struct conf_connection){
        .name = "redis",
        .protocol = CONF_REDIS,
        .urls = bed->urls,
        .url_count = 1,
        .tls.verify = true,
        .connect_timeout_us = 2000000,
        .reconnect_min_us = 10000,
        .reconnect_max_us = 50000,
        .max_message_size = 16 * 1024 * 1024,
    };
}

void redis_bed_make_hub(struct redis_bed *bed)
{
    struct err err = {""};

    bed->hub = redis_hub_new(bed->loop, &bed->conf, "gw 1", &bed->rand, &err);
    assert_non_null(bed->hub);
}

void redis_bed_fini(struct redis_bed *bed)
{
    redis_hub_free(bed->hub);
    loop_free(bed->loop);
    if (bed->peer != NULL) {
        redis_peer_free(bed->peer);
    }
    log_set_writer(NULL, NULL);
    strbuf_fini(&log_text_kept);
}

void redis_bed_turn(struct redis_bed *bed)
{
    loop_turn(bed->loop, 500);
    if (bed->peer != NULL) {
        redis_peer_poll(bed->peer);
    }
}

uint64_t redis_bed_now_us(void)
{
    return clock_monotonic_us();
}

const char *redis_bed_log(void)
{
    return strbuf_text(&log_text_kept);
}

void redis_bed_fail(const char *condition, const char *file, int line)
{
    print_error("waited in vain for %s\n%s", condition, redis_bed_log());
    _fail(file, line);
}

void redis_bed_settle(struct redis_bed *bed)
{
    int i;

    for (i = 0; i < 50; i++) {
        redis_bed_turn(bed);
    }
}
