/* A scripted Redis server: it speaks RESP2 on a loopback port, in the same thread as what it tests,
 * answers as a master would, and misbehaves as told. It moves only inside redis_peer_poll(). */
#ifndef CHUNNELD_TESTS_FAKE_REDIS_PEER_H
#define CHUNNELD_TESTS_FAKE_REDIS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct redis_peer;

/* Listens; ends the process when it cannot. */
struct redis_peer *redis_peer_new(void);
void redis_peer_free(struct redis_peer *peer);
uint16_t redis_peer_port(const struct redis_peer *peer);

/* Accepts, reads, answers: as much as can be done without waiting. */
void redis_peer_poll(struct redis_peer *peer);

/* All commands so far, one a line, arguments with a space between. */
const char *redis_peer_log(const struct redis_peer *peer);
void redis_peer_clear_log(struct redis_peer *peer);
/* Commands in the log that begin with `beginning`. */
unsigned redis_peer_count(const struct redis_peer *peer, const char *beginning);

/* From now on commands that begin with `beginning` get these bytes as their answer; the script with
 * the newest word wins. Empty bytes: no answer at all. */
void redis_peer_answer(struct redis_peer *peer, const char *beginning, const char *bytes);
/* No script any more. */
void redis_peer_forget_answers(struct redis_peer *peer);
/* What ROLE is answered with where no script says otherwise; a string with static life. */
void redis_peer_set_role(struct redis_peer *peer, const char *bytes);

/* Sends bytes to all clients, or to those that have subscribed to anything. */
void redis_peer_send(struct redis_peer *peer, struct slice bytes);
void redis_peer_push(struct redis_peer *peer, struct slice bytes);
/* Sends a message of `channel` to all that have subscribed to anything. */
void redis_peer_push_message(struct redis_peer *peer, struct slice channel, struct slice body);

/* Everything goes out in pieces of this size, one a poll; 0: at once. */
void redis_peer_set_piece(struct redis_peer *peer, size_t bytes);
/* Reads nothing and answers nothing, as a process that was stopped. */
void redis_peer_freeze(struct redis_peer *peer, bool frozen);
/* Closes all clients; with a reset instead of an orderly end where `reset` is set. */
void redis_peer_drop(struct redis_peer *peer, bool reset);
/* Takes no clients (connection refused), or takes them again. */
void redis_peer_shut(struct redis_peer *peer, bool shut);
/* Clients connected now. */
size_t redis_peer_clients(const struct redis_peer *peer);
/* Their subscriptions. */
unsigned redis_peer_subscriptions(const struct redis_peer *peer);

#endif
