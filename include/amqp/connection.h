/* One AMQP connection: login, heartbeats, back-off, and the frames of its channels
 * (amqp/channel.h). It reconnects by itself from start to stop, to each of the configured URLs in
 * turn. */
#ifndef CHUNNELD_AMQP_CONNECTION_H
#define CHUNNELD_AMQP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amqp/codec.h"
#include "amqp/connection_fsm.h"
#include "amqp/framing.h"
#include "base/rand.h"
#include "conf/config.h"
#include "core/status.h"
#include "net/loop.h"
#include "net/tls.h"

struct rmq_connection;

/* Why a connection or channel is not open any more, or could not be. */
struct rmq_loss {
    uint16_t code;      /* the broker's reply code; 0: not its doing */
    uint16_t class_id;  /* the method it complains about; 0: none */
    uint16_t method_id; /* likewise */
    bool of_connection; /* not of one channel alone */
    const char *why;    /* in words; valid during the call */
};

/* Everything is borrowed for the connection's life. */
struct rmq_connection_setup {
    struct loop *loop;
    const struct conf_connection *conf;
    const struct tls_context *tls; /* NULL where no URL wants TLS */
    const char *instance;
    const char *purpose; /* "publishing" or "consuming", for the broker's operators and the log */
    struct rand *rand;
};

struct rmq_connection_events {
    /* Logged in. Channels that come first open now, the others after
     * rmq_connection_release_channels(). */
    void (*on_open)(void *ctx);
    /* Closed for good after rmq_connection_stop(). */
    void (*on_stopped)(void *ctx);
};

/* A stopped connection; NULL: out of memory. `events` is borrowed for its life. */
struct rmq_connection *rmq_connection_new(const struct rmq_connection_setup *setup,
                                          const struct rmq_connection_events *events, void *ctx);
/* Its channels must be gone. Not inside an event. NULL is legal. */
void rmq_connection_free(struct rmq_connection *connection);

void rmq_connection_start(struct rmq_connection *connection);
/* Orderly (connection.close) where it is open. on_stopped follows, later, once a call. */
void rmq_connection_stop(struct rmq_connection *connection);
/* The topology has been gone through: all channels may open. Lasts until the connection is lost. */
void rmq_connection_release_channels(struct rmq_connection *connection);
/* Until then no more channels open, but for the first ones; those that are open stay. */
void rmq_connection_hold_channels(struct rmq_connection *connection);
/* What held channels back may be gone: each asks its owner again. */
void rmq_connection_reconsider_channels(struct rmq_connection *connection);

/* *out_error_us: the wall clock of last_error; 0: there was none. */
void rmq_connection_get_status(const struct rmq_connection *connection,
                               struct connection_status *out_status, int64_t *out_error_us);
bool rmq_connection_is_open(const struct rmq_connection *connection);
/* The broker said connection.blocked: it reads nothing that we write. */
bool rmq_connection_is_blocked(const struct rmq_connection *connection);
/* Too much waits to be written; channels' on_writable comes when it went out. */
bool rmq_connection_is_full(struct rmq_connection *connection);
/* Agreed with the broker; RMQ_FRAME_MIN_MAX to RMQ_FRAME_MAX_MAX. */
uint32_t rmq_connection_frame_max(const struct rmq_connection *connection);
/* Wall clock, read once for each piece of input. */
int64_t rmq_connection_wall_us(const struct rmq_connection *connection);
struct loop *rmq_connection_loop(const struct rmq_connection *connection);
struct rmq_codec *rmq_connection_codec(const struct rmq_connection *connection);
const struct conf_connection *rmq_connection_conf(const struct rmq_connection *connection);

/* Gives the connection up at the end of the turn, telling the broker `code` and the words; nothing
 * that comes until then is looked at. The first failure counts. */
void rmq_connection_fail(struct rmq_connection *connection, uint16_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes a method frame. 0 also when the link is not up (the loss is on its way to everybody) or
 * memory is out (the connection is given up); -1: it cannot be said: over one frame, or a short
 * string over 255 octets. */
int rmq_connection_send(struct rmq_connection *connection, uint16_t channel,
                        amqp_method_number_t id, const void *method);
/* Room to write frames into; NULL when the link is not up or memory is out. */
uint8_t *rmq_connection_reserve(struct rmq_connection *connection, size_t len);
void rmq_connection_commit(struct rmq_connection *connection, size_t written);

#endif
