/* The sink of Redis messages. For: deliveries from send() to on_settled, in the order of sending,
 * within a window, and the laws of endpoints. Not for: the socket and its fences (publisher.c).
 *
 * Operations only note what is wanted; a task at the end of the turn does what calls events. */
#include "redis/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/moderation.h"
#include "redis/answer.h"

struct redis_sink {
    struct sink base; /* first */
    struct redis_publisher_client client;
    struct redis_publisher *publisher; /* borrowed */
    struct loop *loop;                 /* borrowed */
    struct loop_task task;             /* does what is wanted */
    uint64_t min_subscribers;          /* a reply below counts as nobody */
    uint64_t max_message_size;         /* of a body */
    bool confirms;                     /* deliveries wait for their reply */
    struct moderation moderation;      /* how many are sent */
    struct delivery_list held;         /* taken and not settled, in the order of sending */
    size_t answered;                   /* the first ones of held: only a fence is missing */
    size_t unanswered;                 /* commands whose reply is missing */
    bool told;                         /* on_link was called */
    bool ready;                        /* and said READY last */
    char why[320];                     /* words told with WAITING */
    bool started;                      /* start() was called */
    bool busy;                         /* send() said so; on_writable is owed */
    bool stopping;                     /* stop() was called */
    bool hurry;                        /* with `now` */
    bool stopped;                      /* on_stopped was called */
};

static struct redis_sink *sink_of(struct sink *sink)
{
    return (struct redis_sink *)sink;
}

static struct redis_connection *sink_connection(const struct redis_sink *s)
{
    return redis_publisher_connection(s->publisher);
}

static void sink_schedule(struct redis_sink *s)
{
    loop_defer(s->loop, &s->task);
}

static void sink_settle(struct redis_sink *s, struct delivery *delivery, enum outcome outcome,
                        const char *why)
{
    TAILQ_REMOVE(&s->held, delivery, link);
    s->base.events->on_settled(s->base.ctx, delivery, outcome, why);
}

/* Everything goes back, oldest first. */
static void sink_settle_all(struct redis_sink *s, enum outcome outcome, const char *why)
{
    struct delivery *delivery;

    s->answered = 0;
    while ((delivery = TAILQ_FIRST(&s->held)) != NULL) {
        sink_settle(s, delivery, outcome, why);
    }
}

/* Tells the bridge, unless it knows: `why` NULL for ready. */
static void sink_tell(struct redis_sink *s, const char *why)
{
    bool ready = why == NULL;

    if (!s->started || s->stopped ||
        (s->told && s->ready == ready && (ready || strcmp(s->why, why) == 0))) {
        return;
    }
    s->told = true;
    s->ready = ready;
    snprintf(s->why, sizeof(s->why), "%s", ready ? "" : why);
    s->base.events->on_link(s->base.ctx, ready ? ENDPOINT_READY : ENDPOINT_WAITING,
                            ready ? NULL : s->why);
}

/* How long what comes next, replies too, may stay unread. */
static uint64_t sink_rest(const struct redis_sink *s)
{
    return s->base.urgent ? 0 : moderation_by_rate(&s->moderation);
}

static bool sink_has_room(const struct redis_sink *s)
{
    struct redis_connection *connection = sink_connection(s);

    return redis_connection_is_up(connection) && s->unanswered + s->answered < REDIS_SINK_WINDOW &&
           !redis_connection_is_full(connection);
}

/* What stop() still waits for; at its end the sink has stopped. */
static void sink_finish(struct redis_sink *s)
{
    if (s->hurry || !redis_connection_is_up(sink_connection(s))) {
        redis_connection_forget(sink_connection(s), s);
        s->unanswered = 0;
        sink_settle_all(s, OUTCOME_LOST, "stopped before it was confirmed");
    }
    if (s->unanswered == 0 && TAILQ_EMPTY(&s->held)) {
        s->stopped = true;
        s->base.events->on_stopped(s->base.ctx);
    }
}

static void sink_work(void *ctx)
{
    struct redis_sink *s = ctx;
    struct redis_connection *connection = sink_connection(s);

    if (s->stopped) {
        return;
    }
    if (!s->told && !s->stopping) {
        sink_tell(s, redis_connection_is_up(connection) ? NULL : redis_connection_why(connection));
    }
    if (!s->confirms && !s->hurry && redis_connection_is_up(connection)) {
        sink_settle_all(s, OUTCOME_DELIVERED, NULL);
    }
    if (s->stopping) {
        sink_finish(s);
    } else if (s->busy && sink_has_room(s)) {
        s->busy = false;
        s->base.events->on_writable(s->base.ctx);
    }
}

static void sink_settle_counted(struct redis_sink *s, struct delivery *delivery)
{
    bool enough = delivery->sink_tag >= s->min_subscribers;

    delivery->reached = delivery->sink_tag < UINT32_MAX ? (uint32_t)delivery->sink_tag : UINT32_MAX;
    if (enough) {
        sink_settle(s, delivery, OUTCOME_DELIVERED, NULL);
    } else {
        sink_settle(s, delivery, OUTCOME_NO_SUBSCRIBERS, outcome_nobody_words(delivery->reached));
    }
}

/* An error, or something that no server answers to PUBLISH: the first settles the message, the
 * second ends the connection, and everything in flight comes back with it. */
static void sink_take_error(struct redis_sink *s, struct delivery *delivery,
                            const struct resp_frame *reply)
{
    struct err why;

    redis_answer_words(reply, &why);
    if (reply->type != RESP_ERROR || resp_frame_is_error(reply, "NOAUTH")) {
        redis_connection_fail(sink_connection(s), why.text, false);
    } else if (delivery == NULL) {
        log_warn("connection", redis_connection_name(sink_connection(s)),
                 "PUBLISH was refused, and nobody waited for the reply",
                 log_text("error", why.text));
    } else if (redis_answer_is_transient(reply) || resp_frame_is_error(reply, "NOPERM")) {
        /* An ACL is no fault of the message: the operator can mend it. */
        sink_settle(s, delivery, OUTCOME_RETRY, why.text);
    } else {
        sink_settle(s, delivery, OUTCOME_REFUSED, why.text);
    }
}

/* The reply to a message that was settled when it was written. */
static void sink_take_late(struct redis_sink *s, uint64_t reached)
{
    if (reached < s->min_subscribers && s->base.events->on_late != NULL) {
        s->base.events->on_late(s->base.ctx, OUTCOME_NO_SUBSCRIBERS, NULL);
    }
}

/* `arg` is the delivery; NULL where it was settled when it was written. */
static void sink_on_reply(void *ctx, void *arg, const struct resp_frame *reply)
{
    struct redis_sink *s = ctx;
    struct delivery *delivery = arg;
    int64_t count = reply->values[0].integer;

    s->unanswered--;
    if (reply->type != RESP_INTEGER || count < 0) {
        sink_take_error(s, delivery, reply);
    } else if (delivery != NULL) {
        delivery->sink_tag = (uint64_t)count;
        if (redis_publisher_is_fenced(s->publisher)) {
            s->answered++;
        } else {
            sink_settle_counted(s, delivery);
        }
    } else {
        sink_take_late(s, (uint64_t)count);
    }
    loop_allow_rest(s->loop, sink_rest(s));
    if (s->busy || s->stopping) {
        sink_schedule(s);
    }
}

static void sink_on_fence(void *ctx)
{
    struct redis_sink *s = ctx;

    if (s->answered > 0 && (s->busy || s->stopping)) {
        sink_schedule(s);
    }
    while (s->answered > 0) {
        s->answered--;
        sink_settle_counted(s, TAILQ_FIRST(&s->held));
    }
}

static void sink_on_up(void *ctx)
{
    struct redis_sink *s = ctx;

    sink_tell(s, NULL);
    if (s->busy) {
        sink_schedule(s);
    }
}

static void sink_on_down(void *ctx, const char *why)
{
    struct redis_sink *s = ctx;

    s->unanswered = 0;
    sink_settle_all(s, OUTCOME_LOST, why);
    sink_tell(s, why);
    if (s->stopping) {
        sink_schedule(s);
    }
}

static void sink_on_writable(void *ctx)
{
    struct redis_sink *s = ctx;

    if (s->busy) {
        sink_schedule(s);
    }
}

static const struct redis_publisher_events sink_events = {
    .on_up = sink_on_up,
    .on_down = sink_on_down,
    .on_writable = sink_on_writable,
    .on_fence = sink_on_fence,
};

static void sink_start(struct sink *sink)
{
    struct redis_sink *s = sink_of(sink);

    s->started = true;
    sink_schedule(s);
}

static enum sink_result sink_send(struct sink *sink, struct delivery *delivery,
                                  const struct outgoing *out, struct err *err)
{
    struct redis_sink *s = sink_of(sink);

    if (out->body.len > s->max_message_size || out->channel.len > s->max_message_size) {
        err_set(err, "a body of %zu bytes, with a channel of %zu, is over max_message_size (%llu)",
                out->body.len, out->channel.len, (unsigned long long)s->max_message_size);
        return SINK_TOO_LARGE;
    }
    if (s->stopping || !sink_has_room(s) ||
        redis_publisher_publish(s->publisher, out->channel, out->body, s->confirms, sink_on_reply,
                                s, s->confirms ? delivery : NULL) != 0) {
        s->busy = true;
        return SINK_BUSY;
    }
    s->unanswered++;
    moderation_count(&s->moderation, loop_now_us(s->loop));
    loop_allow_rest(s->loop, sink_rest(s));
    TAILQ_INSERT_TAIL(&s->held, delivery, link);
    if (!s->confirms) {
        sink_schedule(s);
    }
    return SINK_TAKEN;
}

static void sink_stop(struct sink *sink, bool now)
{
    struct redis_sink *s = sink_of(sink);

    s->stopping = true;
    s->hurry = s->hurry || now;
    sink_schedule(s);
}

static void sink_free(struct sink *sink)
{
    struct redis_sink *s = sink_of(sink);

    loop_task_cancel(s->loop, &s->task);
    redis_publisher_remove(s->publisher, &s->client);
    free(s);
}

static const struct sink_ops sink_ops = {
    .start = sink_start,
    .send = sink_send,
    .stop = sink_stop,
    .free = sink_free,
};

struct sink *redis_sink_make(struct redis_publisher *publisher,
                             const struct bridge_options *options, uint64_t max_message_size)
{
    struct redis_sink *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    s->base.ops = &sink_ops;
    s->confirms = options->ack_mode == ACK_ON_CONFIRM;
    s->base.can = s->confirms ? ENDPOINT_CONFIRMS : 0;
    s->publisher = publisher;
    s->loop = redis_connection_loop(redis_publisher_connection(publisher));
    s->min_subscribers = options->min_subscribers;
    s->max_message_size = max_message_size;
    TAILQ_INIT(&s->held);
    loop_task_init(&s->task, sink_work, s);
    s->client = (struct redis_publisher_client){.events = &sink_events, .ctx = s};
    redis_publisher_add(publisher, &s->client);
    return &s->base;
}
