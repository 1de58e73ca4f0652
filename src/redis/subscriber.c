/* A subscribing socket. For: SUBSCRIBE and its kin, their replies, messages to whom they are for.
 * Not for: the socket itself (connection.c), who listens (listener.c), making deliveries
 * (source.c). */
#include "redis/subscriber.h"

#include <stdlib.h>

#include "base/log.h"
#include "redis/answer.h"
#include "redis/canary.h"
#include "redis/subscriber_private.h"

/* The words of the protocol, by kind. */
static const struct slice subscribe_words[] = {SLICE("SUBSCRIBE"), SLICE("PSUBSCRIBE")};
static const struct slice unsubscribe_words[] = {SLICE("UNSUBSCRIBE"), SLICE("PUNSUBSCRIBE")};
static const char *const subscribed_words[] = {"subscribe", "psubscribe"};
static const char *const unsubscribed_words[] = {"unsubscribe", "punsubscribe"};

uint64_t redis_subscriber_now_us(const struct redis_subscriber *s)
{
    return loop_now_us(redis_connection_loop(s->connection));
}

/* Whether `reply` confirms the command named `word` for the subscription; if not, it fails the
 * connection, as replies and commands do not match any more. */
static bool subscriber_check_reply(struct redis_subscriber *s, const struct subscription *wanted,
                                   const char *word, const struct resp_frame *reply)
{
    if (reply->type == RESP_ARRAY && reply->count == 3 && resp_frame_says(reply, 0, word) &&
        slice_equal(reply->values[1].text, subscription_name(wanted))) {
        return true;
    }
    redis_connection_fail(s->connection, "the server confirmed a subscription out of order", false);
    return false;
}

static void subscriber_activate(struct redis_subscriber *s, struct subscription *subscription)
{
    struct subscription_ref *ref;

    subscription->state = SUBSCRIPTION_ACTIVE;
    if (s->refused == 0) {
        backoff_good(&s->backoff, redis_subscriber_now_us(s));
    }
    LIST_FOREACH(ref, &subscription->refs, link) {
        redis_listener_gain(ref->listener);
    }
}

static void subscriber_refuse(struct redis_subscriber *s, struct subscription *subscription,
                              const struct resp_frame *reply)
{
    struct subscription_ref *ref;
    struct err words, why;
    char name[REDIS_WORDS_SIZE];

    subscription->state = SUBSCRIPTION_REFUSED;
    s->refused++;
    if (!loop_timer_is_set(&s->retry)) {
        loop_timer_set(&s->retry, backoff_next(&s->backoff, s->rand, redis_subscriber_now_us(s)));
    }
    redis_answer_print(subscription_name(subscription), name);
    redis_answer_words(reply, &words);
    err_set(&why, "%s \"%s\": %.200s",
            subscription->kind == SUBSCRIPTION_PATTERN ? "pattern" : "channel", name, words.text);
    log_warn("connection", redis_connection_name(s->connection), "subscription refused",
             log_text("error", why.text));
    LIST_FOREACH(ref, &subscription->refs, link) {
        redis_listener_refuse(ref->listener, why.text);
    }
}

static void subscriber_on_subscribed(void *ctx, void *arg, const struct resp_frame *reply)
{
    struct redis_subscriber *s = ctx;
    struct subscription *subscription = arg;
    bool current = --subscription->pending == 0 && subscription->state == SUBSCRIPTION_ASKED;

    if (reply->type == RESP_ERROR) {
        if (current) {
            subscriber_refuse(s, subscription, reply);
        }
    } else if (subscriber_check_reply(s, subscription, subscribed_words[subscription->kind],
                                      reply) &&
               current) {
        subscriber_activate(s, subscription);
    }
    subscription_table_release(&s->table, subscription);
}

static void subscriber_on_unsubscribed(void *ctx, void *arg, const struct resp_frame *reply)
{
    struct redis_subscriber *s = ctx;
    struct subscription *subscription = arg;

    subscription->pending--;
    subscriber_check_reply(s, subscription, unsubscribed_words[subscription->kind], reply);
    subscription_table_release(&s->table, subscription);
}

void redis_subscriber_ask(struct redis_subscriber *s, struct subscription *subscription)
{
    struct slice args[] = {subscribe_words[subscription->kind], subscription_name(subscription)};

    if (redis_connection_command(s->connection, args, 2, subscriber_on_subscribed, s,
                                 subscription) == 0) {
        subscription->state = SUBSCRIPTION_ASKED;
        subscription->pending++;
    }
}

void redis_subscriber_unask(struct redis_subscriber *s, struct subscription *subscription)
{
    struct slice args[] = {unsubscribe_words[subscription->kind], subscription_name(subscription)};

    if (redis_connection_command(s->connection, args, 2, subscriber_on_unsubscribed, s,
                                 subscription) == 0) {
        subscription->pending++;
    }
}

/* Asks for everything that is wanted and was not asked for. */
static void subscriber_ask_all(struct redis_subscriber *s)
{
    struct subscription *subscription, *next;
    size_t kind;

    for (kind = 0; kind < 2; kind++) {
        HASH_ITER(hh, s->table.heads[kind], subscription, next) {
            if (subscription->wanted > 0 && subscription->state == SUBSCRIPTION_IDLE) {
                redis_subscriber_ask(s, subscription);
            }
        }
    }
}

/* A new round: what was refused is as if it had not been asked for. */
static void subscriber_on_retry(void *ctx)
{
    struct redis_subscriber *s = ctx;
    struct redis_listener *listener;
    struct subscription *subscription, *next;
    size_t kind;

    LIST_FOREACH(listener, &s->listeners, link) {
        listener->told_refusal = false;
    }
    for (kind = 0; kind < 2; kind++) {
        HASH_ITER(hh, s->table.heads[kind], subscription, next) {
            if (subscription->state == SUBSCRIPTION_REFUSED) {
                subscription->state = SUBSCRIPTION_IDLE;
            }
        }
    }
    s->refused = 0;
    subscriber_ask_all(s);
}

static void subscriber_on_up(void *ctx)
{
    subscriber_ask_all(ctx);
}

/* The server knows nothing of us any more. */
static void subscriber_forget_all(struct redis_subscriber *s)
{
    struct subscription *subscription, *next;
    size_t kind;

    loop_timer_cancel(&s->retry);
    s->refused = 0;
    for (kind = 0; kind < 2; kind++) {
        HASH_ITER(hh, s->table.heads[kind], subscription, next) {
            subscription->state = SUBSCRIPTION_IDLE;
            subscription->pending = 0;
            subscription_table_release(&s->table, subscription);
        }
    }
}

static void subscriber_on_down(void *ctx, const char *why)
{
    struct redis_subscriber *s = ctx;
    uint64_t heard = redis_connection_last_heard_us(s->connection);
    struct redis_listener *listener;

    if (s->deaf_since_us != 0 && s->deaf_since_us < heard) {
        heard = s->deaf_since_us;
    }
    s->deaf_since_us = 0;
    subscriber_forget_all(s);
    LIST_FOREACH(listener, &s->listeners, link) {
        redis_listener_lose(listener, heard, why);
    }
}

/* Hands a message to all who want it. They may do what they like but free a listener. */
static void subscriber_fan_out(struct redis_subscriber *s, enum subscription_kind kind,
                               const struct resp_value *values)
{
    struct subscription *subscription = subscription_table_find(&s->table, kind, values[0].text);
    struct slice pattern = {NULL, 0};
    struct slice channel = values[0].text;
    struct slice body = values[1].text;
    struct subscription_ref *ref;

    if (kind == SUBSCRIPTION_PATTERN) {
        pattern = values[0].text;
        channel = values[1].text;
        body = values[2].text;
    }
    s->messages++;
    if (kind == SUBSCRIPTION_PATTERN && redis_canary_is_channel(channel)) {
        return;
    }
    if (subscription == NULL) {
        redis_connection_fail(s->connection, "a message came for what is not subscribed", false);
        return;
    }
    LIST_FOREACH(ref, &subscription->refs, link) {
        if (ref->listener->joined) {
            ref->listener->events->on_message(ref->listener->ctx, channel, pattern, body);
        }
    }
}

static bool subscriber_on_push(void *ctx, const struct resp_frame *frame)
{
    const struct resp_value *values = frame->values;

    if (frame->type != RESP_ARRAY || frame->count < 3 || values[1].type != RESP_STRING ||
        values[2].type != RESP_STRING) {
        return false;
    }
    if (frame->count == 3 && slice_equal(values[0].text, SLICE("message"))) {
        subscriber_fan_out(ctx, SUBSCRIPTION_CHANNEL, &values[1]);
        return true;
    }
    if (frame->count == 4 && slice_equal(values[0].text, SLICE("pmessage")) &&
        values[3].type == RESP_STRING) {
        subscriber_fan_out(ctx, SUBSCRIPTION_PATTERN, &values[1]);
        return true;
    }
    return false;
}

/* Commands are few and small: nothing waits for room. */
static void subscriber_on_writable(void *ctx)
{
    (void)ctx;
}

static const struct redis_connection_events subscriber_events = {
    .on_up = subscriber_on_up,
    .on_down = subscriber_on_down,
    .on_push = subscriber_on_push,
    .on_writable = subscriber_on_writable,
};

struct redis_subscriber *redis_subscriber_new(const struct redis_connection_setup *setup)
{
    struct redis_subscriber *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    LIST_INIT(&s->listeners);
    s->rand = setup->rand;
    backoff_init(&s->backoff, setup->conf->reconnect_min_us, setup->conf->reconnect_max_us);
    s->connection = redis_connection_new(setup, &subscriber_events, s);
    if (s->connection == NULL ||
        loop_timer_init(&s->retry, setup->loop, subscriber_on_retry, s) != 0) {
        redis_subscriber_free(s);
        return NULL;
    }
    return s;
}

void redis_subscriber_free(struct redis_subscriber *s)
{
    if (s == NULL) {
        return;
    }
    subscriber_forget_all(s);
    redis_connection_free(s->connection);
    loop_timer_fini(&s->retry);
    free(s);
}

void redis_subscriber_start(struct redis_subscriber *s)
{
    redis_connection_start(s->connection);
}

const struct redis_connection *redis_subscriber_connection(const struct redis_subscriber *s)
{
    return s->connection;
}

void redis_subscriber_pause(struct redis_subscriber *s, enum redis_pause why)
{
    redis_connection_pause_reading(s->connection, why);
}

void redis_subscriber_resume(struct redis_subscriber *s, enum redis_pause why)
{
    s->resumed_us = redis_subscriber_now_us(s);
    redis_connection_resume_reading(s->connection, why);
}

uint64_t redis_subscriber_messages(const struct redis_subscriber *s)
{
    return s->messages;
}

uint64_t redis_subscriber_resumed_us(const struct redis_subscriber *s)
{
    return s->resumed_us;
}

void redis_subscriber_renew(struct redis_subscriber *s, const char *why, uint64_t since_us)
{
    s->deaf_since_us = since_us;
    redis_connection_fail(s->connection, why, false);
}

int redis_subscriber_ping(struct redis_subscriber *s, redis_on_reply on_reply, void *ctx)
{
    return redis_connection_command(s->connection, (struct slice[]){SLICE("PING")}, 1, on_reply,
                                    ctx, NULL);
}

void redis_subscriber_forget(struct redis_subscriber *s, const void *ctx)
{
    redis_connection_forget(s->connection, ctx);
}
