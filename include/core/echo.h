/* The echoes of a mirror: Redis gives each message that the mirror publishes back to the mirror's
 * own subscription. They are told from equal messages of others by counting: every PUBLISH lets one
 * message of its channel and body through as its echo, and no more. Where an equal message of
 * somebody else arrives first, it is taken for the echo, and the echo for it: one of the two
 * crosses either way.
 *
 * Channel and body are kept as a fingerprint of 128 bits under a secret key (base/siphash.h), so
 * that equal fingerprints are equal messages.
 *
 * An expectation that nothing fulfils would swallow a message of somebody else. So it ends:
 * - with a barrier: Redis puts a message into the stream of a subscriber before it answers the
 *   PUBLISH. When a PING that was sent on the subscription after the answer has its PONG, the echo
 *   has come, or never will;
 * - with a new subscription, which gets nothing of what was published before it;
 * - with a PUBLISH of which nobody knows whether it took place, as its link was lost.
 * Of two equal messages, one of which was lost with the subscription, it is as if that had been
 * the other's; nobody can tell.
 * What else cannot be known is decided so that a message may be doubled, but not lost: it crosses.
 * If an equal message was taken for the echo of a PUBLISH that may never have been, that is a debt,
 * and the next equal PUBLISH pays it: its echo crosses. */
#ifndef CHUNNELD_CORE_ECHO_H
#define CHUNNELD_CORE_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "base/slice.h"

struct echo;

/* One PUBLISH and its echo, until both the answer and the echo have come. */
struct echo_entry;

/* At most `limit` expectations, 4 or more; NULL: out of memory. */
struct echo *echo_new(const uint8_t key[SIPHASH_KEY_SIZE], size_t limit);
/* With all that is still expected. NULL is legal. */
void echo_free(struct echo *echo);

/* As much is expected as may be: nothing should be published. */
bool echo_is_full(const struct echo *echo);

/* A message was published: its echo is expected. Exactly one of the two calls below follows. NULL:
 * out of memory; nothing is expected then, and the echo will cross. */
struct echo_entry *echo_expect(struct echo *echo, struct slice channel, struct slice body);
/* Redis answered: it was published. Ends the entry for the caller. */
void echo_answered(struct echo *echo, struct echo_entry *entry);
/* It was not published, or nobody knows. Ends the entry for the caller. */
void echo_withdraw(struct echo *echo, struct echo_entry *entry);

/* What is known of the echo of an entry that was neither answered nor withdrawn. */
enum echo_fate {
    ECHO_FATE_AWAITED, /* it may still come */
    ECHO_FATE_CAME,    /* the subscription heard it, or an equal message */
    ECHO_FATE_UNKNOWN, /* it does not come, or cannot be told from another message that is owed */
};
enum echo_fate echo_get_fate(const struct echo_entry *entry);
/* Answered, and its echo is waited for no longer. Ends the entry for the caller. */
void echo_drop(struct echo *echo, struct echo_entry *entry);

/* A message arrived. True: it is the echo of one of ours, and that is done with. */
bool echo_take(struct echo *echo, struct slice channel, struct slice body);

/* The subscription is a new one: no echo comes of what was published up to now. */
void echo_forget(struct echo *echo);

/* Some PUBLISH was answered whose echo has not come: a barrier is worth while. */
bool echo_wants_barrier(const struct echo *echo);
/* A barrier begins behind all answers up to now; one at a time. */
void echo_begin_barrier(struct echo *echo);
/* It has been passed: what was answered before it and has no echo by now gets none. How many. */
size_t echo_end_barrier(struct echo *echo);

#endif
