/* The channel numbers of a connection. For: giving none out twice before the broker is done with it
 * (AMQP 0-9-1 §1.5.2.6). Not for: what goes on in the channels. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/connection_private.h"

enum { SLOTS_FIRST = 16 };

static int slots_grow(struct rmq_connection *connection)
{
    size_t count = connection->slot_count ? connection->slot_count * 2 : SLOTS_FIRST;
    size_t most = (size_t)connection->tuning.channel_max + 1;
    struct rmq_slot *grown;

    if (count > most) {
        count = most;
    }
    if (count <= connection->slot_count) {
        return -1;
    }
    grown = realloc(connection->slots, count * sizeof(*grown));
    if (grown == NULL) {
        return -1;
    }
    memset(grown + connection->slot_count, 0, (count - connection->slot_count) * sizeof(*grown));
    connection->slots = grown;
    connection->slot_count = count;
    return 0;
}

/* A broker that answers no channel.close would cost one number after the other. */
static bool slots_are_answered(struct rmq_connection *connection, const struct rmq_slot *slot)
{
    uint64_t now = loop_now_us(connection->setup.loop);

    if (!slot->closing || connection->status.blocked ||
        now - slot->closing_since_us < RMQ_REPLY_TIMEOUT_US) {
        return true;
    }
    rmq_connection_fail(connection, AMQP_INTERNAL_ERROR, "no answer to channel.close within %d s",
                        (int)(RMQ_REPLY_TIMEOUT_US / CLOCK_US_PER_S));
    return false;
}

uint16_t rmq_slots_take(struct rmq_connection *connection, struct rmq_channel *channel)
{
    for (size_t number = 1; number <= connection->tuning.channel_max; number++) {
        struct rmq_slot *slot;

        if (number >= connection->slot_count && slots_grow(connection) != 0) {
            return 0;
        }
        slot = &connection->slots[number];
        if (!slots_are_answered(connection, slot)) {
            return 0;
        }
        if (slot->channel == NULL && !slot->closing) {
            slot->channel = channel;
            return (uint16_t)number;
        }
    }
    return 0;
}

void rmq_slots_abandon(struct rmq_connection *connection, uint16_t number)
{
    if (number < connection->slot_count) {
        connection->slots[number] = (struct rmq_slot){
            .closing = true,
            .closing_since_us = loop_now_us(connection->setup.loop),
        };
    }
}

void rmq_slots_restart_clock(struct rmq_connection *connection)
{
    for (size_t i = 0; i < connection->slot_count; i++) {
        connection->slots[i].closing_since_us = loop_now_us(connection->setup.loop);
    }
}

void rmq_slots_give_back(struct rmq_connection *connection, uint16_t number)
{
    if (number < connection->slot_count) {
        connection->slots[number] = (struct rmq_slot){0};
    }
}

void rmq_slots_clear(struct rmq_connection *connection)
{
    free(connection->slots);
    connection->slots = NULL;
    connection->slot_count = 0;
}
