/* Heartbeats (AMQP 0-9-1 §4.2.7): one is sent each half interval in which nothing else was, and a
 * peer silent for two intervals is dead, whatever we are in the middle of. Silence is counted in
 * ticks, so that a process that was stopped itself does not blame its peer. */
#include "amqp/connection_private.h"
#include "amqp/frame.h"
#include "base/clock.h"

enum { TICKS_AN_INTERVAL = 2, SILENT_INTERVALS_MAX = 2 };

static void heartbeat_arm(struct rmq_connection *connection)
{
    connection->wrote = false;
    loop_timer_set(&connection->timer,
                   connection->tuning.heartbeat_s * CLOCK_US_PER_S / TICKS_AN_INTERVAL);
}

void rmq_heartbeat_start(struct rmq_connection *connection)
{
    connection->silent_ticks = 0;
    connection->ticked_bytes = link_bytes_in(connection->link);
    if (connection->tuning.heartbeat_s != 0) {
        heartbeat_arm(connection);
    }
}

static bool heartbeat_is_silent(struct rmq_connection *connection)
{
    uint64_t bytes = link_bytes_in(connection->link);

    connection->silent_ticks = bytes == connection->ticked_bytes ? connection->silent_ticks + 1 : 0;
    connection->ticked_bytes = bytes;
    return connection->silent_ticks >= SILENT_INTERVALS_MAX * TICKS_AN_INTERVAL;
}

void rmq_heartbeat_tick(struct rmq_connection *connection)
{
    uint8_t frame[RMQ_FRAME_OVERHEAD];
    struct err why;

    if (heartbeat_is_silent(connection)) {
        err_set(&why, "no heartbeat from the broker for %d s",
                connection->tuning.heartbeat_s * SILENT_INTERVALS_MAX);
        rmq_connection_fsm(connection, RMQ_ON_LINK_DOWN, why.text);
        return;
    }
    /* Behind a write that is stuck a heartbeat would be late anyway. */
    if (!connection->wrote && link_pending(connection->link) == 0) {
        rmq_frame_put_head(frame, AMQP_FRAME_HEARTBEAT, 0, 0);
        frame[RMQ_FRAME_HEAD] = AMQP_FRAME_END;
        link_write(connection->link, frame, sizeof(frame));
    }
    heartbeat_arm(connection);
}
