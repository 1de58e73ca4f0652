/* The inside of the scripted broker, shared by its files alone. */
#ifndef CHUNNELD_TESTS_FAKE_RMQ_PEER_PRIVATE_H
#define CHUNNELD_TESTS_FAKE_RMQ_PEER_PRIVATE_H

#include <sys/queue.h>

#include "amqp/octets.h"
#include "base/strbuf.h"
#include "fake_net.h"
#include "rmq_peer.h"

enum { RMQ_PEER_CHANNELS = 64, RMQ_PEER_QUIET_MAX = 16, RMQ_PEER_LINE_SIZE = 900 };

/* A message being received or kept. */
struct peer_published {
    struct rmq_published message;
    struct strbuf memory; /* properties, then body */
    size_t properties_len;
    size_t body_len;
    size_t left;
};

struct rmq_peer_channel {
    bool is_open;
    bool is_closing; /* one side has said close, close-ok has not come */
    bool is_stuck;   /* a method had no answer: nor have those behind it, until the test says
                        something */
    bool confirms;
    bool commits; /* a tx.commit has no commit-ok yet: RabbitMQ allows nothing else meanwhile */
    uint64_t publishes;
    struct peer_published *under_way;
};

struct rmq_session {
    TAILQ_ENTRY(rmq_session) link;
    struct rmq_peer *peer;
    struct fake_wire *wire;
    struct strbuf in;
    bool greeted;
    uint32_t frame_max; /* agreed; 0: not yet */
    char purpose[32];
    struct rmq_peer_channel channels[RMQ_PEER_CHANNELS];
    struct peer_published **published;
    size_t published_count;
};

TAILQ_HEAD(rmq_session_list, rmq_session);

struct rmq_peer {
    struct fake_server server;
    struct rmq_peer_offer offer;
    struct rmq_session_list sessions;
    size_t connects;
    struct strbuf log;
    amqp_pool_t pool;
    amqp_method_number_t quiet[RMQ_PEER_QUIET_MAX]; /* not answered by itself */
    size_t quiet_count;
    bool is_liar;    /* see rmq_peer_let_lie() */
    bool confirms;   /* answers publishes by an ack */
    unsigned queues; /* named by the broker so far */
};

void rmq_session_note(struct rmq_session *session, uint16_t channel, const char *text);
void rmq_session_begin_publish(struct rmq_session *session, uint16_t number,
                               const amqp_basic_publish_t *publish);
void rmq_session_forget_channel(struct rmq_session *session, uint16_t number);

/* rmq_peer_describe.c: the method's name and what the log tells of it. */
void rmq_peer_describe(const amqp_method_t *method, char out_line[RMQ_PEER_LINE_SIZE]);

/* rmq_peer_answer.c */
void rmq_peer_answer_greeting(struct rmq_session *session);
void rmq_peer_answer_method(struct rmq_session *session, uint16_t channel, struct slice payload);
void rmq_peer_answer_publish(struct rmq_session *session, uint16_t channel, uint64_t tag);

#endif
