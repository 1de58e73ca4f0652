/* A scripted AMQP 0-9-1 broker on the fake net: it answers as a broker in good health would, keeps
 * a log of every method that came, and misbehaves as told. It has its own parser of frames, so that
 * the code under test is not held to its own mistakes. */
#ifndef CHUNNELD_TESTS_FAKE_RMQ_PEER_H
#define CHUNNELD_TESTS_FAKE_RMQ_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amqp/framing.h"
#include "base/slice.h"
#include "net/loop.h"

struct rmq_peer;
/* One connection to the broker, from connect to close. */
struct rmq_session;

/* What the broker says when somebody logs in. */
struct rmq_peer_offer {
    const char *mechanisms;
    uint32_t frame_max;
    uint16_t channel_max;
    uint16_t heartbeat_s;
};

/* A message that came with basic.publish. */
struct rmq_published {
    uint16_t channel;
    char exchange[256];
    char routing_key[256];
    bool mandatory;
    struct slice properties; /* raw flags and list */
    struct slice body;
    size_t body_frames;
};

/* Listens on every port of the fake net of `loop`. */
struct rmq_peer *rmq_peer_new(struct loop *loop);
void rmq_peer_free(struct rmq_peer *peer);
void rmq_peer_set_offer(struct rmq_peer *peer, const struct rmq_peer_offer *offer);
/* Whether it answers a method by itself; all but basic.publish (by an ack) it does at first. */
void rmq_peer_set_auto(struct rmq_peer *peer, amqp_method_number_t id, bool answers);

/* From now on the test may say things of channels that the peer did not think of: it holds nobody
 * to their numbers any more. */
void rmq_peer_let_lie(struct rmq_peer *peer);

/* Every method so far, a line each: "PURPOSE CHANNEL METHOD DETAILS". */
const char *rmq_peer_log(const struct rmq_peer *peer);
void rmq_peer_clear_log(struct rmq_peer *peer);
/* Lines of the log that hold `text`. */
unsigned rmq_peer_count(const struct rmq_peer *peer, const char *text);
/* Sessions now; since the beginning. */
size_t rmq_peer_sessions(const struct rmq_peer *peer);
size_t rmq_peer_connects(const struct rmq_peer *peer);
/* The live session whose connection_name holds "(PURPOSE)"; NULL: none. */
struct rmq_session *rmq_peer_session(const struct rmq_peer *peer, const char *purpose);
/* The only live session, named or not; NULL: none. */
struct rmq_session *rmq_peer_any_session(const struct rmq_peer *peer);

/* What a session was sent, by its number from 0; NULL: not so many. */
const struct rmq_published *rmq_session_published(const struct rmq_session *session, size_t index);
size_t rmq_session_published_count(const struct rmq_session *session);
uint16_t rmq_session_port(const struct rmq_session *session);

/* Sends raw bytes, a method, a frame of any type. */
void rmq_session_send_bytes(struct rmq_session *session, const void *data, size_t len);
void rmq_session_send(struct rmq_session *session, uint16_t channel, amqp_method_number_t id,
                      const void *method);
void rmq_session_send_frame(struct rmq_session *session, uint8_t type, uint16_t channel,
                            struct slice payload);
/* basic.deliver with its content; raw properties of len 0: none set. */
void rmq_session_deliver(struct rmq_session *session, uint16_t channel, uint64_t tag,
                         const char *routing_key, struct slice properties, struct slice body);
/* Header and body frames alone, the body in frames of `piece` octets (0: the least that every
 * client takes). */
void rmq_session_send_content(struct rmq_session *session, uint16_t channel,
                              struct slice properties, struct slice body, size_t piece);
/* basic.return of a message that came, with its content. */
void rmq_session_return(struct rmq_session *session, const struct rmq_published *published);
void rmq_session_ack(struct rmq_session *session, uint16_t channel, uint64_t tag, bool multiple);
void rmq_session_nack(struct rmq_session *session, uint16_t channel, uint64_t tag, bool multiple);
/* tx.commit-ok; whether a tx.commit waits for one. */
void rmq_session_commit_ok(struct rmq_session *session, uint16_t channel);
bool rmq_session_is_committing(const struct rmq_session *session, uint16_t channel);
/* channel.close, connection.close over method `id` (0: none). */
void rmq_session_close_channel(struct rmq_session *session, uint16_t channel, uint16_t code,
                               const char *text, amqp_method_number_t id);
void rmq_session_close(struct rmq_session *session, uint16_t code, const char *text,
                       amqp_method_number_t id);
/* The socket just ends. */
void rmq_session_drop(struct rmq_session *session);
/* Reads nothing any more, or again. */
void rmq_session_stall(struct rmq_session *session, bool stalled);

#endif
