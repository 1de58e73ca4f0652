/* The sink of a bridge with "rpc". For: making its three endpoints on the hubs of both sides, and
 * the timer that it wants. Not for: the calls (core/rpc.c). */
#include "app/calls.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/wiring.h"

struct calls {
    const struct unit *unit;
    const struct conf_bridge *conf;
    struct loop *loop;
    struct sink *sink; /* the bridge's */
    struct loop_timer wake;
    struct mapping mapping;        /* of the bridge: none */
    struct conf_sink answer_conf;  /* no place of its own: answers go where requests say */
    struct conf_source reply_conf; /* the pattern of the reply channels; towards Redis */
    const char *reply_name;        /* in reply_conf */
    char prefix[RPC_PREFIX_SIZE];  /* of the reply channels */
    char pattern[RPC_PREFIX_SIZE + 1];
};

static void calls_on_wake(void *ctx)
{
    struct calls *calls = ctx;

    rpc_wake(calls->sink);
}

static void calls_wake_in(void *ctx, uint64_t delay_us)
{
    struct calls *calls = ctx;

    loop_timer_set(&calls->wake, delay_us);
}

static uint64_t calls_now_us(void *ctx)
{
    const struct calls *calls = ctx;

    return loop_now_us(calls->loop);
}

static const struct rpc_host calls_host = {
    .wake_in = calls_wake_in,
    .now_us = calls_now_us,
};

/* One pattern for all calls: a user who may subscribe to little needs it in the ACL as it stands.
 */
static void calls_set_pattern(struct calls *calls)
{
    rpc_reply_prefix(calls->unit->wiring->board.instance, calls->unit->name, calls->prefix);
    snprintf(calls->pattern, sizeof(calls->pattern), "%s*", calls->prefix);
    calls->reply_name = calls->pattern;
    calls->reply_conf =
        (struct conf_source){.kind = CONF_SOURCE_PATTERN, .names = {&calls->reply_name, 1}};
}

/* Requests from AMQP go to Redis. */
static void calls_make_redis_ends(struct calls *calls, const struct wired_hub *amqp,
                                  const struct wired_hub *redis, struct rpc_setup *setup)
{
    const struct conf_bridge *conf = calls->conf;

    calls_set_pattern(calls);
    calls->answer_conf = (struct conf_sink){.kind = CONF_SINK_EXCHANGE, .mandatory = true};
    setup->asks_redis = true;
    setup->reply_prefix = calls->prefix;
    setup->ask = redis_sink_new(redis->redis, &conf->sink, &conf->options);
    setup->replies = redis_source_new(redis->redis, &calls->reply_conf, setup->bridge, false);
    setup->answer = rmq_sink_new(amqp->rmq, &calls->answer_conf, &conf->options, setup->bridge);
}

/* Requests from Redis go to AMQP. */
static void calls_make_amqp_ends(struct calls *calls, const struct wired_hub *redis,
                                 const struct wired_hub *amqp, struct rpc_setup *setup)
{
    const struct conf_bridge *conf = calls->conf;

    calls->answer_conf = (struct conf_sink){.kind = CONF_SINK_CHANNEL};
    calls->mapping.reads_envelope = true;
    setup->ask =
        rmq_asking_sink_new(amqp->rmq, &conf->sink, &conf->options, setup->bridge, &setup->replies);
    setup->answer = redis_sink_new(redis->redis, &calls->answer_conf, &conf->options);
}

static void calls_free_ends(struct rpc_setup *setup)
{
    endpoint_free_sink(setup->ask);
    endpoint_free_source(setup->replies);
    endpoint_free_sink(setup->answer);
}

static struct sink *calls_new_sink(struct calls *calls, const struct wired_hub *from,
                                   const struct wired_hub *to, struct rpc_family *family)
{
    const struct conf_bridge *conf = calls->conf;
    struct sink *sink = NULL;
    struct rpc_setup setup = {
        .bridge = calls->unit->name,
        .instance = calls->unit->wiring->board.instance,
        .mapping = &conf->sink.mapping,
        .annotate = conf->sink.mapping.annotate,
        .timeout_us = conf->rpc_timeout_us,
        .max_calls = conf->rpc_max_calls,
        .retry_us = conf->options.retry_min_us,
        .family = family,
        .host = &calls_host,
        .host_ctx = calls,
    };

    if (conf->source.connection->protocol == CONF_AMQP) {
        calls_make_redis_ends(calls, from, to, &setup);
    } else {
        calls_make_amqp_ends(calls, from, to, &setup);
    }
    if (setup.ask != NULL && setup.replies != NULL && setup.answer != NULL) {
        setup.ask->urgent = true;
        setup.answer->urgent = true;
        sink = rpc_new(&setup);
    }
    if (sink == NULL) {
        calls_free_ends(&setup);
    }
    return sink;
}

struct calls *calls_new(const struct unit *unit, const struct conf_bridge *conf,
                        const struct wired_hub *from, const struct wired_hub *to,
                        struct rpc_family *family, struct sink **out_sink)
{
    struct calls *calls = calloc(1, sizeof(*calls));

    if (calls == NULL) {
        return NULL;
    }
    calls->unit = unit;
    calls->conf = conf;
    calls->loop = unit->wiring->loop;
    calls->mapping = (struct mapping){.none = true, .priority = -1};
    if (loop_timer_init(&calls->wake, calls->loop, calls_on_wake, calls) == 0) {
        calls->sink = calls_new_sink(calls, from, to, family);
    }
    if (calls->sink == NULL) {
        calls_free(calls);
        return NULL;
    }
    *out_sink = calls->sink;
    return calls;
}

void calls_free(struct calls *calls)
{
    if (calls != NULL) {
        loop_timer_fini(&calls->wake);
        free(calls);
    }
}

const struct mapping *calls_mapping(const struct calls *calls)
{
    return &calls->mapping;
}
