/* From what a sink says to the sources that take it. For: conf/circle.c. Not for: the index
 * (routes_index.c), what a sink says (core/template_outline.c). */
#include "conf/routes.h"

#include <string.h>

#include "base/strbuf.h"
#include "conf/inverse.h"
#include "conf/overlap.h"
#include "conf/routes_private.h"
#include "core/glob.h"
#include "core/template_outline.h"

/* A question under way: which of the index's parts are reached. */
struct route_question {
    struct conf_routes *routes;
    struct route_server *server;
    const struct conf_message *message;
    struct slice key;                 /* the routing key, where it is one; data NULL: it differs */
    struct route_exchange *exchanges; /* to be looked at, by next_seen */
    struct route_place *queues;       /* reached, by next_seen */
    conf_on_reader on_reader;
    void *ctx;
};

void conf_routes_note_failure(struct conf_routes *routes)
{
    routes->failed = true;
}

bool conf_routes_has_failed(const struct conf_routes *routes)
{
    return routes->failed;
}

/* Whether a glob stands for one text; then that. */
static bool routes_literal(struct conf_routes *routes, struct slice glob, struct slice *out_text)
{
    struct strbuf text = STRBUF_INIT;

    if (!glob_is_literal(glob)) {
        return false;
    }
    conf_inverse_sample(glob, "", &text);
    *out_text = slice_of(conf_memory_copy(routes->memory, strbuf_slice(&text)));
    routes->failed |= out_text->data == NULL || strbuf_failed(&text);
    strbuf_fini(&text);
    return out_text->data != NULL;
}

static bool question_example_is(const struct route_question *question, struct slice text)
{
    return question->message->example.data != NULL && slice_equal(question->message->example, text);
}

static void question_tell(struct route_question *question, const struct route_reader *reader,
                          struct slice glob, bool surely)
{
    struct conf_message message = *question->message;

    message.glob = glob;
    message.example = surely ? message.example : slice_make(NULL, 0);
    message.pattern = reader->pattern;
    question->on_reader(question->ctx, reader->way, &message);
}

/* Tells those who read a channel of which nothing is known but that it matches the message's
 * glob. */
static void question_tell_channel(struct route_question *question, const struct route_place *place)
{
    const struct route_reader *reader;
    struct strbuf glob = STRBUF_INIT;
    struct slice copy;

    template_outline_text(place->name, &glob);
    copy = slice_of(conf_memory_copy(question->routes->memory, strbuf_slice(&glob)));
    question->routes->failed |= copy.data == NULL || strbuf_failed(&glob);
    for (reader = place->readers; reader != NULL; reader = reader->next) {
        question_tell(question, reader, copy, question_example_is(question, place->name));
    }
    strbuf_fini(&glob);
}

static void question_on_channel(void *ctx, void *item)
{
    struct route_question *question = ctx;
    const struct route_place *place = item;

    if (glob_match(question->message->glob, place->name, NULL)) {
        question_tell_channel(question, place);
    }
}

static void question_on_pattern(void *ctx, void *item)
{
    struct route_question *question = ctx;
    const struct conf_message *message = question->message;
    const struct route_reader *reader = item;
    bool narrows;

    if (!(question->key.data != NULL ? glob_match(reader->pattern, question->key, NULL)
                                     : conf_globs_overlap(reader->pattern, message->glob))) {
        return;
    }
    narrows = glob_match(message->glob, reader->pattern, NULL);
    question_tell(question, reader, narrows ? reader->pattern : message->glob,
                  message->example.data != NULL &&
                      glob_match(reader->pattern, message->example, NULL));
}

/* What all the message's names begin with. */
static struct slice question_prefix(const struct route_question *question)
{
    return question->key.data != NULL ? question->key : conf_glob_prefix(question->message->glob);
}

static void question_ask_redis(struct route_question *question)
{
    struct route_server *server = question->server;
    struct route_place *place = NULL;

    if (question->key.data != NULL) {
        HASH_FIND(hh, server->channels, question->key.data, question->key.len, place);
        if (place != NULL) {
            question_tell_channel(question, place);
        }
    } else {
        conf_prefixes_each(&server->channels_by_name, question_prefix(question),
                           question_on_channel, question);
    }
    conf_prefixes_each(&server->patterns, question_prefix(question), question_on_pattern, question);
}

/* Queues and exchanges are looked at once, and once more when the example turns out to come. */
static void question_reach_queue(struct route_question *question, struct route_place *place,
                                 bool surely)
{
    if (place->seen == question->routes->question) {
        place->surely |= surely;
        return;
    }
    place->seen = question->routes->question;
    place->surely = surely;
    place->next_seen = question->queues;
    question->queues = place;
}

static void question_reach_exchange(struct route_question *question,
                                    struct route_exchange *exchange, bool surely)
{
    if (exchange->seen == question->routes->question && (exchange->surely || !surely)) {
        return;
    }
    exchange->seen = question->routes->question;
    exchange->surely = surely;
    if (!exchange->waits) {
        exchange->waits = true;
        exchange->next_seen = question->exchanges;
        question->exchanges = exchange;
    }
}

/* What depends on the headers: whether there are none to be asked for. */
static bool route_asks_headers(const struct field_table *arguments)
{
    for (size_t i = 0; i < arguments->count; i++) {
        struct slice name = arguments->entries[i].name;

        if (name.len < 2 || memcmp(name.data, "x-", 2) != 0) {
            return true;
        }
    }
    return false;
}

/* Whether the messages may have a routing key that a topic's binding matches. */
static bool question_passes_topic(const struct route_question *question,
                                  const struct route_link *link)
{
    if (question->key.data != NULL) {
        return conf_topic_match(link->key, question->key);
    }
    return link->glob.data != NULL ? conf_globs_overlap(link->glob, question->message->glob)
                                   : glob_match(question->message->glob, link->key, NULL);
}

/* Whether a binding may pass the messages on; *surely becomes false where the example does not. */
static bool question_passes(const struct route_question *question,
                            const struct route_exchange *exchange, const struct route_link *link,
                            bool *surely)
{
    const struct conf_message *message = question->message;

    switch (exchange->type) {
    case ROUTE_FANOUT:
        return true;
    case ROUTE_HEADERS:
        *surely &= !route_asks_headers(link->arguments);
        return true;
    case ROUTE_DIRECT:
        *surely &= question_example_is(question, link->key);
        return glob_match(message->glob, link->key, NULL);
    case ROUTE_UNKNOWN: /* it may be a topic */
        *surely = false;
        break;
    case ROUTE_TOPIC:
        break;
    }
    if (!question_passes_topic(question, link)) {
        return false;
    }
    *surely =
        *surely && message->example.data != NULL && conf_topic_match(link->key, message->example);
    return true;
}

static void question_take_link(struct route_question *question,
                               const struct route_exchange *exchange, const struct route_link *link)
{
    bool surely = exchange->surely;

    if (!question_passes(question, exchange, link, &surely)) {
        return;
    }
    if (link->exchange != NULL) {
        question_reach_exchange(question, link->exchange, surely);
    } else {
        question_reach_queue(question, link->place, surely);
    }
}

/* A link of an exchange that is being looked at. */
struct question_at {
    struct route_question *question;
    const struct route_exchange *exchange;
};

static void question_on_link(void *ctx, void *item)
{
    const struct question_at *at = ctx;

    question_take_link(at->question, at->exchange, item);
}

static void question_take_exchange(struct route_question *question, struct route_exchange *exchange)
{
    struct question_at at = {question, exchange};
    const struct route_link *link;

    if (exchange->type != ROUTE_FANOUT && exchange->type != ROUTE_HEADERS) {
        conf_prefixes_each(&exchange->by_key, question_prefix(question), question_on_link, &at);
        return;
    }
    for (link = exchange->links; link != NULL; link = link->next) {
        question_take_link(question, exchange, link);
    }
}

/* The default exchange: the key is the name of a queue. */
static void question_on_queue(void *ctx, void *item)
{
    const struct question_at *at = ctx;
    struct route_place *place = item;

    if (glob_match(at->question->message->glob, place->name, NULL)) {
        question_reach_queue(at->question, place, question_example_is(at->question, place->name));
    }
}

static void question_take_default(struct route_question *question)
{
    struct question_at at = {question, NULL};
    struct route_place *place = NULL;

    if (question->key.data == NULL) {
        conf_prefixes_each(&question->server->queues_by_name, question_prefix(question),
                           question_on_queue, &at);
        return;
    }
    HASH_FIND(hh, question->server->queues, question->key.data, question->key.len, place);
    if (place != NULL) {
        question_reach_queue(question, place, question_example_is(question, place->name));
    }
}

/* Where the messages come to first. */
static void question_enter(struct route_question *question)
{
    struct slice example = question->message->exchange_example;
    struct route_exchange *exchange = NULL;
    struct route_exchange *next;
    struct slice name;

    if (!routes_literal(question->routes, question->message->exchange, &name)) {
        HASH_ITER(hh, question->server->exchanges, exchange, next) {
            if (glob_match(question->message->exchange, exchange->name, NULL)) {
                question_reach_exchange(question, exchange,
                                        example.data != NULL &&
                                            slice_equal(example, exchange->name));
            }
        }
        return;
    }
    if (name.len == 0) {
        question_take_default(question);
        return;
    }
    HASH_FIND(hh, question->server->exchanges, name.data, name.len, exchange);
    if (exchange != NULL) {
        question_reach_exchange(question, exchange, true);
    }
}

static void question_ask_amqp(struct route_question *question)
{
    const struct conf_message *message = question->message;
    struct route_exchange *exchange;
    struct route_place *place;
    const struct route_reader *reader;

    question_enter(question);
    while ((exchange = question->exchanges) != NULL) {
        question->exchanges = exchange->next_seen;
        exchange->waits = false;
        question_take_exchange(question, exchange);
    }
    for (place = question->queues; place != NULL; place = place->next_seen) {
        for (reader = place->readers; reader != NULL; reader = reader->next) {
            question_tell(question, reader, message->glob, place->surely);
        }
    }
}

int conf_routes_follow(struct conf_routes *routes, const struct conf_connection *connection,
                       const struct conf_message *message, conf_on_reader on_reader, void *ctx)
{
    struct route_question question = {
        .routes = routes,
        .server = routes_server(routes, connection),
        .message = message,
        .on_reader = on_reader,
        .ctx = ctx,
    };

    routes->question++;
    routes_literal(routes, message->glob, &question.key);
    if (connection->protocol == CONF_REDIS) {
        question_ask_redis(&question);
    } else {
        question_ask_amqp(&question);
    }
    return routes->failed ? -1 : 0;
}
