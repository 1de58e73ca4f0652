/* The topology: what is declared, what came of each object, when to try again. All declarations of
 * a pass go out in one go; the answers come in order, so the first one without an answer is the one
 * that a channel.close is about, and what followed it was dropped and goes out again. Not for: the
 * methods (declare.c), who waits for what (source.c, sink.c). */
#include "amqp/topology.h"

#include <stdlib.h>
#include <string.h>

#include "amqp/channel.h"
#include "amqp/declare.h"
#include "amqp/topology_object.h"
#include "base/backoff.h"
#include "base/log.h"

struct rmq_topology {
    struct rmq_connection *connection;
    const struct conf_topology *conf;
    struct rand *rand;
    struct rmq_channel *channel;
    struct loop_timer retry; /* of what failed */
    struct backoff backoff;
    bool under_way; /* the first pass since the connection was opened */
    struct rmq_object *objects;
    size_t count;
    size_t answered; /* objects before this one have no answer to come */
};

static void topology_fail_object(struct rmq_topology *topology, struct rmq_object *object,
                                 const char *why)
{
    const struct conf_connection *conf = rmq_connection_conf(topology->connection);

    object->state = OBJECT_FAILED;
    rmq_object_set_words(object, why);
    log_warn("connection", conf->name, "topology refused, tried again with back-off",
             log_text("why", rmq_object_get_words(object)));
}

static int topology_declare(struct rmq_topology *topology, const struct rmq_object *object,
                            struct err *err)
{
    switch (object->kind) {
    case RMQ_EXCHANGE:
        return rmq_declare_exchange(topology->channel, object->conf, err);
    case RMQ_QUEUE:
        return rmq_declare_queue(topology->channel, object->conf, err);
    default:
        return rmq_declare_binding(topology->channel, object->conf, err);
    }
}

/* Skips what needs no answer; the first object that does, or NULL. */
static struct rmq_object *topology_first_unanswered(struct rmq_topology *topology)
{
    while (topology->answered < topology->count) {
        struct rmq_object *object = &topology->objects[topology->answered];

        if (object->state == OBJECT_SENT) {
            return object;
        }
        topology->answered++;
    }
    return NULL;
}

static bool topology_has_failures(const struct rmq_topology *topology)
{
    for (size_t i = 0; i < topology->count; i++) {
        if (topology->objects[i].state == OBJECT_FAILED) {
            return true;
        }
    }
    return false;
}

/* Everything has its answer. */
static void topology_end_pass(struct rmq_topology *topology)
{
    struct loop *loop = rmq_connection_loop(topology->connection);

    rmq_channel_expect_nothing(topology->channel);
    rmq_channel_good(topology->channel);
    if (topology_has_failures(topology)) {
        loop_timer_set(&topology->retry,
                       backoff_next(&topology->backoff, topology->rand, loop_now_us(loop)));
    } else {
        backoff_init(&topology->backoff, topology->backoff.min_us, topology->backoff.max_us);
    }
    if (topology->under_way) {
        topology->under_way = false;
        rmq_connection_release_channels(topology->connection);
    } else {
        rmq_connection_reconsider_channels(topology->connection);
    }
}

/* Declares what is pending. */
static void topology_send(struct rmq_topology *topology)
{
    struct err err;

    topology->answered = 0;
    for (size_t i = 0; i < topology->count; i++) {
        struct rmq_object *object = &topology->objects[i];

        if (object->state != OBJECT_PENDING) {
            continue;
        }
        object->state = OBJECT_SENT;
        if (topology_declare(topology, object, &err) != 0) {
            topology_fail_object(topology, object, err.text);
        }
    }
    if (topology_first_unanswered(topology) == NULL) {
        topology_end_pass(topology);
    } else {
        rmq_channel_expect(topology->channel, "a declaration", RMQ_REPLY_TIMEOUT_US);
    }
}

static void topology_on_open(void *ctx)
{
    topology_send(ctx);
}

static bool topology_on_method(void *ctx, const amqp_method_t *method)
{
    static const amqp_method_number_t answers[][2] = {
        [RMQ_EXCHANGE] = {AMQP_EXCHANGE_DECLARE_OK_METHOD, AMQP_EXCHANGE_DECLARE_OK_METHOD},
        [RMQ_QUEUE] = {AMQP_QUEUE_DECLARE_OK_METHOD, AMQP_QUEUE_DECLARE_OK_METHOD},
        [RMQ_BINDING] = {AMQP_QUEUE_BIND_OK_METHOD, AMQP_EXCHANGE_BIND_OK_METHOD},
    };
    struct rmq_topology *topology = ctx;
    struct rmq_object *object = topology_first_unanswered(topology);

    if (object == NULL ||
        (method->id != answers[object->kind][0] && method->id != answers[object->kind][1])) {
        return false;
    }
    object->state = OBJECT_DECLARED;
    free(object->words);
    object->words = NULL;
    if (topology_first_unanswered(topology) == NULL) {
        topology_end_pass(topology);
    } else {
        rmq_channel_expect(topology->channel, "a declaration", RMQ_REPLY_TIMEOUT_US);
    }
    return true;
}

/* Whether the broker closed the channel or connection over a declaration. */
static bool topology_is_about_us(const struct rmq_loss *loss)
{
    amqp_method_number_t id = (amqp_method_number_t)loss->class_id << 16 | loss->method_id;

    return id == AMQP_EXCHANGE_DECLARE_METHOD || id == AMQP_EXCHANGE_BIND_METHOD ||
           id == AMQP_QUEUE_DECLARE_METHOD || id == AMQP_QUEUE_BIND_METHOD;
}

static void topology_on_down(void *ctx, const struct rmq_loss *loss)
{
    struct rmq_topology *topology = ctx;
    struct rmq_object *refused = topology_first_unanswered(topology);

    if (loss->code == 0 || !topology_is_about_us(loss)) {
        refused = NULL;
    }
    if (refused != NULL) {
        topology_fail_object(topology, refused, loss->why);
        refused->is_fatal = loss->of_connection;
    }
    for (size_t i = 0; i < topology->count; i++) {
        if (topology->objects[i].state == OBJECT_SENT) {
            topology->objects[i].state = OBJECT_PENDING;
        }
    }
    if (refused != NULL && !loss->of_connection) {
        /* Each refusal costs the channel; the rest has no reason to wait for a back-off. */
        rmq_channel_unwant(topology->channel);
        rmq_channel_want(topology->channel);
    }
}

static void topology_on_message(void *ctx, struct rmq_message *message)
{
    struct rmq_topology *topology = ctx;

    delivery_free(message->delivery);
    rmq_channel_breach(topology->channel, AMQP_UNEXPECTED_FRAME,
                       "a message on a channel without consumer");
}

static const struct rmq_channel_events topology_channel_events = {
    .on_open = topology_on_open,
    .on_down = topology_on_down,
    .on_method = topology_on_method,
    .on_message = topology_on_message,
};

static void topology_on_retry(void *ctx)
{
    struct rmq_topology *topology = ctx;

    for (size_t i = 0; i < topology->count; i++) {
        if (topology->objects[i].state == OBJECT_FAILED) {
            topology->objects[i].state = OBJECT_PENDING;
        }
    }
    if (rmq_channel_is_open(topology->channel)) {
        topology_send(topology);
    }
}

static void topology_fill(struct rmq_topology *topology, const struct conf_topology *conf)
{
    struct rmq_object *object = topology->objects;
    size_t i;

    if (conf == NULL) {
        return;
    }
    for (i = 0; i < conf->exchange_count; i++) {
        *object++ = (struct rmq_object){.kind = RMQ_EXCHANGE, .conf = &conf->exchanges[i]};
    }
    for (i = 0; i < conf->queue_count; i++) {
        *object++ = (struct rmq_object){.kind = RMQ_QUEUE, .conf = &conf->queues[i]};
    }
    for (i = 0; i < conf->binding_count; i++) {
        *object++ = (struct rmq_object){.kind = RMQ_BINDING, .conf = &conf->bindings[i]};
    }
}

static size_t topology_size(const struct conf_topology *conf)
{
    return conf ? conf->exchange_count + conf->queue_count + conf->binding_count : 0;
}

struct rmq_topology *rmq_topology_new(struct rmq_connection *connection,
                                      const struct conf_topology *conf, struct rand *rand)
{
    static const struct rmq_channel_setup setup = {.name = "topology", .comes_first = true};
    const struct conf_connection *of = rmq_connection_conf(connection);
    struct rmq_topology *topology = calloc(1, sizeof(*topology));

    if (topology == NULL) {
        return NULL;
    }
    topology->connection = connection;
    topology->conf = conf;
    topology->rand = rand;
    backoff_init(&topology->backoff, of->reconnect_min_us, of->reconnect_max_us);
    topology->count = topology_size(conf);
    topology->objects = calloc(topology->count + 1, sizeof(*topology->objects));
    topology->channel = rmq_channel_new(connection, &setup, &topology_channel_events, topology);
    if (topology->objects == NULL || topology->channel == NULL ||
        loop_timer_init(&topology->retry, rmq_connection_loop(connection), topology_on_retry,
                        topology) != 0) {
        rmq_topology_free(topology);
        return NULL;
    }
    topology_fill(topology, conf);
    return topology;
}

static void topology_empty(struct rmq_topology *topology)
{
    for (size_t i = 0; topology->objects != NULL && i < topology->count; i++) {
        free(topology->objects[i].words);
    }
    free(topology->objects);
}

void rmq_topology_free(struct rmq_topology *topology)
{
    if (topology == NULL) {
        return;
    }
    loop_timer_fini(&topology->retry);
    rmq_channel_free(topology->channel);
    topology_empty(topology);
    free(topology);
}

/* Whether it is, or is bound to, an exclusive queue of this topology. */
static bool topology_is_exclusive(const struct rmq_topology *topology,
                                  const struct rmq_object *object)
{
    const struct conf_binding *binding = object->conf;

    if (object->kind == RMQ_EXCHANGE || (object->kind == RMQ_BINDING && binding->to_exchange)) {
        return false;
    }
    for (size_t i = 0; i < topology->conf->queue_count; i++) {
        const struct conf_queue *queue = &topology->conf->queues[i];

        if (queue->exclusive && strcmp(queue->name, rmq_object_name(object)) == 0) {
            return true;
        }
    }
    return false;
}

void rmq_topology_begin(struct rmq_topology *topology, bool with_exclusive)
{
    loop_timer_cancel(&topology->retry);
    topology->under_way = true;
    for (size_t i = 0; i < topology->count; i++) {
        struct rmq_object *object = &topology->objects[i];

        object->state = OBJECT_PENDING;
        if (!with_exclusive && topology_is_exclusive(topology, object)) {
            object->state = OBJECT_LEFT_OUT;
        } else if (object->is_fatal) {
            object->is_fatal = false;
            object->state = OBJECT_SKIPPED;
        }
    }
    if (topology->count == 0) {
        topology->under_way = false;
        rmq_connection_release_channels(topology->connection);
    } else {
        rmq_channel_want(topology->channel);
    }
}

int rmq_topology_change(struct rmq_topology *topology, const struct conf_topology *conf,
                        bool with_exclusive)
{
    struct rmq_object *objects = calloc(topology_size(conf) + 1, sizeof(*objects));

    if (objects == NULL) {
        return -1;
    }
    /* What is not answered yet goes with the channel. */
    rmq_channel_unwant(topology->channel);
    topology_empty(topology);
    topology->objects = objects;
    topology->count = topology_size(conf);
    topology->answered = 0;
    topology->conf = conf;
    topology_fill(topology, conf);
    if (rmq_connection_is_open(topology->connection)) {
        rmq_connection_hold_channels(topology->connection);
        rmq_topology_begin(topology, with_exclusive);
    }
    return 0;
}

const char *rmq_topology_problem(const struct rmq_topology *topology, enum rmq_topology_kind kind,
                                 struct slice name)
{
    for (size_t i = 0; i < topology->count; i++) {
        const struct rmq_object *object = &topology->objects[i];

        if (object->kind == kind &&
            (object->words != NULL || object->state == OBJECT_FAILED ||
             object->state == OBJECT_SKIPPED) &&
            slice_equal_text(name, rmq_object_name(object))) {
            return rmq_object_get_words(object);
        }
    }
    return NULL;
}
