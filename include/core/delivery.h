/* A delivery: one message on its way through one bridge, from the source that made it to its
 * settlement. It is one allocation: this struct and behind it the bytes that its slices point to;
 * one that came as an envelope has a second, once that is read.
 *
 * Ownership moves with it: source -> bridge (on_delivery), bridge -> sink (send() returning 0),
 * sink -> bridge (on_settled), bridge -> source (settle()), which frees it. */
#ifndef CHUNNELD_CORE_DELIVERY_H
#define CHUNNELD_CORE_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/envelope_read.h"
#include "core/properties.h"

struct echo_entry;

enum { DELIVERY_ID_SIZE = 34 }; /* 16 hex digits of the process, "-", 16 of a counter, NUL */

/* What its settlement reads stands first: by then many others have passed through the processor's
 * caches, and each of their lines that it reads has to be fetched anew. */
struct delivery {
    TAILQ_ENTRY(delivery) link; /* the list of whoever owns it now */
    size_t size;                /* bytes that it counts for: the whole allocation */

    /* The bridge's own. */
    uint64_t seq;         /* order of receipt in this bridge, from 1 */
    uint64_t received_us; /* monotonic: start of its latency; set by the source */

    /* The source's own. */
    uint64_t tag;   /* AMQP delivery tag */
    uint32_t epoch; /* which incarnation of the channel `tag` belongs to */

    /* The sink's own, while it holds the delivery. */
    uint32_t route_hash;     /* hash of exchange and routing key as sent; finds it when returned */
    uint64_t sink_tag;       /* publish sequence number */
    struct echo_entry *echo; /* of a mirror's: the echo that it will have; NULL: none */
    uint32_t reached;        /* subscribers that PUBLISH reached, with OUTCOME_NO_SUBSCRIBERS */
    bool returned;           /* basic.return came for it, its basic.ack has not */

    /* The bridge's own again. */
    bool stored;         /* it has a record in the bridge's store */
    bool kept;           /* at the end of the bridge: and so the next start finds it */
    bool from_store;     /* it was made from that record; the source knows nothing of it */
    bool reason_stored;  /* its record says why it goes to the dead letter sink, too */
    uint16_t generation; /* which of the bridge's sources gave it */
    uint32_t refusals;   /* times the sink gave it back while the link was good */

    /* Why it goes to the dead letter sink; NULL while it does not. */
    const char *reason; /* "unroutable", "too-large", ...; static */
    char *error;        /* the words; owned, may be NULL */

    struct envelope_message *opened; /* owned; NULL: not read as an envelope */

    /* What came, set by the source. Empty where that kind of source has no such thing. */
    bool redelivered;                    /* the broker's flag */
    bool is_too_large;                   /* over what is read at all, and the body is not here */
    struct slice channel;                /* Redis channel */
    struct slice body;                   /* any bytes */
    int64_t wall_us;                     /* wall clock of its receipt */
    const struct properties *properties; /* inside this allocation; NULL: none, or not asked for */
    struct slice id;                     /* that it came with; data NULL: none */
    struct slice pattern;                /* Redis pattern that matched; data NULL: none */
    struct slice queue;                  /* AMQP queue consumed from */
    struct slice exchange;               /* AMQP exchange it was published to */
    struct slice routing_key;            /* its routing key */
    /* Why the source could not take it in whole (is_too_large: that is why), in words inside this
     * allocation; NULL: it could. The bridge counts it and passes it no further. */
    const char *refused_why;

    /* Set by delivery_new: unique in this process, the second half of the id. */
    uint64_t number;
    uint64_t process; /* the first half, of a delivery that another process received; 0: this one */

    /* What its body was before it was read as an envelope; data NULL: it was not. The body, the
     * properties and the id then lie in `opened`. */
    struct slice envelope;
};

TAILQ_HEAD(delivery_list, delivery);

/* A zeroed delivery with `extra` bytes behind it (*out_data, not zeroed); NULL: out of memory. Only
 * in the thread of the loop. */
struct delivery *delivery_new(size_t extra, char **out_data);
/* Frees it; NULL is legal. Only for its owner, in the thread of the loop. */
void delivery_free(struct delivery *delivery);
/* From now on the memory of freed ones, up to `most` bytes of it, is kept for new ones, and given
 * back when no delivery is left after more than that (base/freelist.h). 0, as at first: none is,
 * and what was kept is given back. */
void delivery_keep_freed(size_t most);

/* The first half of every id of this process; call once at start, with random bits. */
void delivery_set_process(uint64_t random);
uint64_t delivery_get_process(void);
/* The id that we give it, unique over processes and the same on every retry: written to `out`,
 * NUL-terminated. */
void delivery_format_id(const struct delivery *delivery, char out[DELIVERY_ID_SIZE]);
/* Its id: its own message_id, else the one that it came with, else ours, formatted in `buffer`. */
struct slice delivery_get_id(const struct delivery *delivery, char buffer[DELIVERY_ID_SIZE]);
/* The body as it came in, for whoever keeps it: an envelope unread. */
struct slice delivery_raw_body(const struct delivery *delivery);
/* Reads its body as an envelope, unless that was done: body, properties and id are then those of
 * the message in it, and `size` counts them. -1 and words in `err`: it is none, and as before. */
int delivery_open_envelope(struct delivery *delivery, struct err *err);

#endif
