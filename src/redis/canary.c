/* The canary of a connection. For: publishing it, hearing it, renewing who is deaf. Not for: the
 * sockets (connection.c), what is lost meanwhile (listener.c), how far a subscription lags behind
 * (watch.c).
 *
 * The interval begins anew with the reply to PUBLISH: only then the server has handed the canary
 * on, and only from then on it is late. */
#include "redis/canary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "redis/answer.h"

enum {
    CANARY_CHANNEL_SIZE = 200,
    CANARY_NUMBER_SIZE = 21,
    CANARY_SENT_KEPT = 16,     /* times of sending, for those that come late */
    CANARY_QUIET_BYTES = 4096, /* what is read beyond replies to PING is part of a message */
    CANARY_PATIENCE_MAX = 8,   /* intervals between renewals that did not help */
};

#define CANARY_FIRST_US (1 * CLOCK_US_PER_S) /* before the first, at most */

struct redis_canary {
    struct loop *loop;
    const char *name; /* borrowed; of the connection */
    uint64_t interval_us;
    char channel[CANARY_CHANNEL_SIZE];
    struct loop_timer timer;
    uint64_t due_us; /* when the timer is to fire */
    LIST_HEAD(, redis_canary_ear) ears;
    struct redis_connection *publisher; /* borrowed; NULL: none */
    uint64_t publisher_ups;             /* its times up; what follows is about this one */
    bool waiting;                       /* the reply to PUBLISH is missing */
    bool published;                     /* the last one was; who has not heard it may be judged */
    bool refused;                       /* not allowed: nothing is sent until the next link */
    bool told;                          /* that it cannot be published, or heard */
    uint64_t number;                    /* of the last one; 0: none yet */
    uint64_t sent_us[CANARY_SENT_KEPT]; /* monotonic, by number */
    uint64_t max_us;
    uint64_t renewals;
};

static void canary_wait(struct redis_canary *canary, uint64_t delay_us)
{
    canary->due_us = loop_now_us(canary->loop) + delay_us;
    loop_timer_set(&canary->timer, delay_us);
}

/* Once, until it works again. */
static void canary_tell(struct redis_canary *canary, const char *error)
{
    if (!canary->told) {
        canary->told = true;
        log_warn("connection", canary->name,
                 "no canary, so a deaf subscription is not noticed; allow the user the channels "
                 "\"" REDIS_CANARY_CHANNELS "*\", or take \"canary\" out",
                 log_text("error", error));
    }
}

/* The number in `body`; 0: it is none of ours. */
static uint64_t canary_read(const struct redis_canary *canary, struct slice body)
{
    uint64_t number = 0;
    size_t i;

    if (body.len >= CANARY_NUMBER_SIZE - 1) {
        return 0;
    }
    for (i = 0; i < body.len; i++) {
        if (body.data[i] < '0' || body.data[i] > '9') {
            return 0;
        }
        number = number * 10 + (uint64_t)(body.data[i] - '0');
    }
    return number <= canary->number && number + CANARY_SENT_KEPT > canary->number ? number : 0;
}

static void ear_on_message(void *ctx, struct slice channel, struct slice pattern, struct slice body)
{
    struct redis_canary_ear *ear = ctx;
    struct redis_canary *canary = ear->canary;
    uint64_t number = canary_read(canary, body);
    uint64_t sent_us = canary->sent_us[number % CANARY_SENT_KEPT];
    uint64_t now = redis_connection_last_heard_us(redis_subscriber_connection(ear->subscriber));

    (void)channel;
    (void)pattern;
    if (number == 0) {
        return;
    }
    canary->told = false;
    ear->last_us = now > sent_us ? now - sent_us : 1;
    ear->proof_us = sent_us;
    ear->vain = 0;
    ear->patience = 0;
    ear->expects = ear->expects && number < canary->number;
    canary->max_us = ear->last_us > canary->max_us ? ear->last_us : canary->max_us;
}

static void ear_on_ready(void *ctx)
{
    struct redis_canary_ear *ear = ctx;

    ear->is_ready = true;
    ear->proof_us = loop_now_us(ear->canary->loop);
}

static void ear_on_waiting(void *ctx, const char *why)
{
    struct redis_canary_ear *ear = ctx;

    ear->is_ready = false;
    ear->expects = false;
    if (ear->listener.told_refusal) {
        ear->refused_ups = redis_connection_ups(redis_subscriber_connection(ear->subscriber));
        canary_tell(ear->canary, why);
        redis_listener_leave(&ear->listener, true);
    }
}

static const struct redis_listener_events ear_events = {
    .on_message = ear_on_message,
    .on_ready = ear_on_ready,
    .on_waiting = ear_on_waiting,
};

/* Whether it has heard nothing at all since the canary was sent, although it listened. */
static bool ear_is_deaf(const struct redis_canary_ear *ear, uint64_t sent_us)
{
    const struct redis_connection *connection = redis_subscriber_connection(ear->subscriber);

    return ear->expects && redis_connection_is_caught_up(connection) &&
           redis_subscriber_resumed_us(ear->subscriber) < sent_us &&
           redis_subscriber_messages(ear->subscriber) == ear->sent_messages &&
           redis_connection_bytes_in(connection) - ear->sent_bytes <= CANARY_QUIET_BYTES;
}

/* One that is deaf still after it was renewed is left in peace for longer and longer: it may hear
 * again by itself, and each renewal costs messages. */
static void ear_renew(struct redis_canary_ear *ear)
{
    struct redis_canary *canary = ear->canary;
    struct err why;

    if (ear->patience > 0) {
        ear->patience--;
        return;
    }
    ear->patience = ear->vain;
    ear->vain = ear->vain == 0 ? 1 : ear->vain * 2;
    ear->vain = ear->vain < CANARY_PATIENCE_MAX ? ear->vain : CANARY_PATIENCE_MAX;
    ear->expects = false;
    canary->renewals++;
    err_set(&why, "deaf: the canary did not come back within %.3g s, nor anything else",
            (double)canary->interval_us / (double)CLOCK_US_PER_S);
    redis_subscriber_renew(ear->subscriber, why.text, ear->proof_us);
}

static void canary_judge(struct redis_canary *canary)
{
    uint64_t sent_us = canary->sent_us[canary->number % CANARY_SENT_KEPT];
    struct redis_canary_ear *ear;

    LIST_FOREACH(ear, &canary->ears, link) {
        if (ear_is_deaf(ear, sent_us)) {
            ear_renew(ear);
        } else if (redis_subscriber_messages(ear->subscriber) != ear->sent_messages) {
            ear->proof_us = sent_us;
        }
    }
}

static void canary_on_published(void *ctx, void *arg, const struct resp_frame *reply)
{
    struct redis_canary *canary = ctx;
    struct err why;

    (void)arg;
    canary->waiting = false;
    canary_wait(canary, canary->interval_us);
    if (reply->type == RESP_ERROR) {
        canary->refused = resp_frame_is_error(reply, "NOPERM");
        redis_answer_words(reply, &why);
        canary_tell(canary, why.text);
        return;
    }
    canary->published = true;
}

/* Notes who is to hear the one that is sent now; whether anybody is. A socket that refused the
 * channel is asked again on its next link. */
static bool canary_prepare(struct redis_canary *canary)
{
    struct redis_canary_ear *ear;
    bool any = false;

    LIST_FOREACH(ear, &canary->ears, link) {
        const struct redis_connection *connection = redis_subscriber_connection(ear->subscriber);

        if (!ear->listener.joined && ear->refused_ups != redis_connection_ups(connection)) {
            redis_listener_join(&ear->listener);
        }
        ear->expects = ear->is_ready && redis_connection_is_up(connection);
        ear->sent_messages = redis_subscriber_messages(ear->subscriber);
        ear->sent_bytes = redis_connection_bytes_in(connection);
        any |= ear->expects;
    }
    return any;
}

static void canary_send(struct redis_canary *canary)
{
    char number[CANARY_NUMBER_SIZE];
    struct slice args[] = {SLICE("PUBLISH"), slice_of(canary->channel), {NULL, 0}};

    canary->published = false;
    if (!canary_prepare(canary)) {
        return;
    }
    snprintf(number, sizeof(number), "%" PRIu64, canary->number + 1);
    args[2] = slice_of(number);
    if (redis_connection_command(canary->publisher, args, 3, canary_on_published, canary, NULL) ==
        0) {
        canary->waiting = true;
        canary->number++;
        canary->sent_us[canary->number % CANARY_SENT_KEPT] = loop_now_us(canary->loop);
    }
}

/* Another link: the reply to what was sent on the last one will not come. */
static void canary_begin_link(struct redis_canary *canary)
{
    canary->publisher_ups = redis_connection_ups(canary->publisher);
    canary->waiting = false;
    canary->refused = false;
}

static void canary_on_timer(void *ctx)
{
    struct redis_canary *canary = ctx;
    bool is_late = loop_now_us(canary->loop) > canary->due_us + canary->interval_us / 2;

    canary_wait(canary, canary->interval_us);
    if (canary->publisher == NULL || !redis_connection_is_up(canary->publisher)) {
        canary->published = false;
        return;
    }
    if (canary->publisher_ups != redis_connection_ups(canary->publisher)) {
        canary_begin_link(canary);
    }
    /* Late: we stood still ourselves, and may not have read yet what has come meanwhile. */
    if (canary->waiting || canary->refused || is_late) {
        return;
    }
    if (canary->published) {
        canary_judge(canary);
    }
    canary_send(canary);
}

struct redis_canary *redis_canary_new(const struct redis_connection_setup *setup,
                                      uint64_t interval_us)
{
    struct redis_canary *canary = calloc(1, sizeof(*canary));

    if (canary == NULL) {
        return NULL;
    }
    canary->loop = setup->loop;
    canary->name = setup->conf->name;
    canary->interval_us = interval_us;
    LIST_INIT(&canary->ears);
    snprintf(canary->channel, sizeof(canary->channel), REDIS_CANARY_CHANNELS "%.120s.%016" PRIx64,
             setup->instance, rand_next(setup->rand));
    if (loop_timer_init(&canary->timer, setup->loop, canary_on_timer, canary) != 0) {
        free(canary);
        return NULL;
    }
    return canary;
}

void redis_canary_free(struct redis_canary *canary)
{
    if (canary != NULL) {
        redis_canary_set_publisher(canary, NULL);
        loop_timer_fini(&canary->timer);
        free(canary);
    }
}

int redis_canary_add(struct redis_canary *canary, struct redis_canary_ear *ear,
                     struct redis_subscriber *subscriber)
{
    const char *const names[] = {canary->channel};

    *ear = (struct redis_canary_ear){.subscriber = subscriber};
    if (redis_subscriber_add(subscriber, &ear->listener, SUBSCRIPTION_CHANNEL, names, 1,
                             &ear_events, ear) != 0) {
        return -1;
    }
    ear->canary = canary;
    LIST_INSERT_HEAD(&canary->ears, ear, link);
    redis_listener_join(&ear->listener);
    if (!loop_timer_is_set(&canary->timer)) {
        canary_wait(canary,
                    canary->interval_us < CANARY_FIRST_US ? canary->interval_us : CANARY_FIRST_US);
    }
    return 0;
}

void redis_canary_remove(struct redis_canary_ear *ear)
{
    struct redis_canary *canary = ear->canary;

    if (canary == NULL) {
        return;
    }
    redis_listener_remove(&ear->listener);
    LIST_REMOVE(ear, link);
    ear->canary = NULL;
    if (LIST_EMPTY(&canary->ears)) {
        loop_timer_cancel(&canary->timer);
    }
}

void redis_canary_set_publisher(struct redis_canary *canary, struct redis_connection *publisher)
{
    if (canary->publisher != NULL) {
        redis_connection_forget(canary->publisher, canary);
    }
    canary->publisher = publisher;
    canary->publisher_ups = 0;
    canary->waiting = false;
    canary->published = false;
}

void redis_canary_get_status(const struct redis_canary *canary, struct canary_status *out_status)
{
    const struct redis_canary_ear *ear;

    *out_status = (struct canary_status){
        .is_on = true, .max_us = canary->max_us, .renewals = canary->renewals};
    LIST_FOREACH(ear, &canary->ears, link) {
        if (ear->last_us > out_status->last_us) {
            out_status->last_us = ear->last_us;
        }
    }
    out_status->is_known = out_status->last_us != 0 && !canary->told;
}
