/* Messages that came back with basic.return (AMQP 0-9-1 §1.8.3.9): mandatory, and no queue was
 * bound. The broker says so before it confirms them, and does not say which publish it was: found
 * by our message id, else by route and body, the oldest first. Not for: confirms (confirms.c). */
#include <string.h>

#include "amqp/sink_private.h"

/* What is looked for. */
struct wanted {
    const struct delivery *returned;
    struct slice id;     /* its message id; empty: none */
    uint32_t route_hash; /* of its exchange and routing key */
};

static bool returns_is_by_id(const struct delivery *sent, const struct wanted *wanted)
{
    char id[DELIVERY_ID_SIZE];

    if (wanted->id.len != DELIVERY_ID_SIZE - 1) {
        return false;
    }
    delivery_format_id(sent, id);
    return memcmp(id, wanted->id.data, DELIVERY_ID_SIZE - 1) == 0;
}

static bool returns_is_by_content(const struct delivery *sent, const struct wanted *wanted)
{
    return sent->route_hash == wanted->route_hash &&
           slice_equal(sent->body, wanted->returned->body);
}

/* The oldest in [from, to) that was not returned before and is the one. */
static struct delivery *returns_search(const struct window *out, uint64_t from, uint64_t to,
                                       const struct wanted *wanted,
                                       bool (*is_it)(const struct delivery *sent,
                                                     const struct wanted *wanted))
{
    for (uint64_t tag = from; tag < to; tag++) {
        struct delivery *sent = window_peek(out, tag);

        if (sent != NULL && !sent->returned && is_it(sent, wanted)) {
            return sent;
        }
    }
    return NULL;
}

/* Returns come in the order of publishing, so that the search mostly ends where it begins. */
static struct delivery *returns_find(const struct rmq_sink *sink, const struct wanted *wanted)
{
    static bool (*const ways[])(const struct delivery *, const struct wanted *) = {
        returns_is_by_id,
        returns_is_by_content,
    };
    const struct window *out = &sink->out;
    uint64_t cursor = sink->return_cursor > out->first ? sink->return_cursor : out->first;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct delivery *sent = returns_search(out, cursor, out->next, wanted, ways[i]);

        if (sent == NULL) {
            sent = returns_search(out, out->first, cursor, wanted, ways[i]);
        }
        if (sent != NULL) {
            return sent;
        }
    }
    return NULL;
}

/* Without confirms it counted as delivered when it was written. */
static void returns_tell_late(struct rmq_sink *sink)
{
    if (sink->base.events->on_late != NULL) {
        sink->base.events->on_late(sink->base.ctx, OUTCOME_UNROUTABLE, sink->return_words.text);
    }
}

static void returns_mark(struct rmq_sink *sink, const struct delivery *returned)
{
    struct wanted wanted = {.returned = returned};
    struct delivery *sent;

    if (returned->properties != NULL && properties_has(returned->properties, PROPERTY_MESSAGE_ID)) {
        wanted.id = returned->properties->text[PROPERTY_MESSAGE_ID];
    }
    wanted.route_hash = rmq_route_hash(returned->exchange, returned->routing_key);
    sent = returns_find(sink, &wanted);
    if (sent == NULL) {
        rmq_channel_breach(sink->channel, AMQP_COMMAND_INVALID,
                           "a message came back that was not sent");
        return;
    }
    sent->returned = true;
    sink->return_cursor = sent->sink_tag + 1;
}

void rmq_returns_on_message(struct rmq_sink *sink, struct rmq_message *message)
{
    struct delivery *returned = message->delivery;

    if (!message->returned) {
        rmq_channel_breach(sink->channel, AMQP_UNEXPECTED_FRAME,
                           "a delivery on a channel that consumes nothing");
    } else if (returned->refused_why != NULL) {
        rmq_channel_breach(sink->channel, AMQP_UNEXPECTED_FRAME, "in what came back: %s",
                           returned->refused_why);
    } else {
        err_set(&sink->return_words, "returned by the broker: %u %s", message->code, message->text);
        if (sink->confirms) {
            returns_mark(sink, returned);
        } else {
            returns_tell_late(sink);
        }
    }
    delivery_free(returned);
}
