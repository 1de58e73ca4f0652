/* The mapping of a bridge: from a delivery to where and how its sink sends it. Compiled from a
 * rule's "to" by conf/, applied by core/bridge for every message. */
#ifndef CHUNNELD_CORE_MAPPING_H
#define CHUNNELD_CORE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "core/delivery.h"
#include "core/outgoing.h"
#include "core/template.h"

/* A header of the rule: a template where its JSON value was a string, else a constant. */
struct mapping_header {
    struct slice name;
    struct template *template; /* NULL: `value` */
    struct field value;
};

/* Templates are NULL where the rule gives none. Owned by the mapping, but for slices and fields,
 * which live in the configuration. */
struct mapping {
    bool none;                                  /* the sink maps by itself: nothing is filled in */
    struct template *channel;                   /* Redis sinks */
    struct template *exchange;                  /* AMQP exchange sinks */
    struct template *routing_key;               /* AMQP; of a queue sink: the queue's name */
    struct template *text[PROPERTY_TEXT_COUNT]; /* properties of the rule */
    int priority;                               /* 0 to 255; -1: none */
    bool persistent;                            /* delivery_mode 2, else 1 */
    bool annotate;                              /* add the annotations (AMQP sinks) */
    unsigned hops;                              /* value of x-chunnel-hops; 0: none is put on */
    bool to_amqp;                               /* the sink is AMQP: fill outgoing.properties */
    bool reads_envelope;                        /* bodies from Redis are envelopes */
    bool writes_envelope;                       /* bodies to Redis are made envelopes */
    bool persistent_given;                      /* the rule says `persistent` itself */
    struct slice user;                          /* AMQP: who publishes; empty: not known */
    struct mapping_header *headers;             /* owned array */
    size_t header_count;
};

/* Scratch memory for mapping_apply, used again for every message. */
struct mapping_scratch;

/* For `mapping`, borrowed for the scratch's life; NULL: out of memory. */
struct mapping_scratch *mapping_scratch_new(const struct mapping *mapping);
void mapping_scratch_free(struct mapping_scratch *scratch);

/* Frees what the mapping owns and zeroes it. */
void mapping_fini(struct mapping *mapping);
/* Whether a source must decode the properties of its messages for this mapping. */
bool mapping_needs_properties(const struct mapping *mapping);

/* Fills `out` for `delivery`, towards Redis without properties; it stays valid until the next call
 * with this scratch. Properties and headers of an AMQP delivery, or of an envelope that was opened,
 * are carried over, but for a user_id other than the publisher's own user, which the broker would
 * close the channel over. What the rule says wins over them; delivery_mode is the rule's, but for
 * an envelope's where the rule does not say `persistent`. Annotations come last: message_id, app_id
 * and timestamp (the last two for messages from Redis) where there is none yet; but the headers
 * x-chunnel-* are the gateway's own, and replace those that came. -1 and words in `err`: a
 * template's value is missing, an empty channel, an exchange, routing key or property over 255
 * octets, an expiration that is no number of milliseconds, no memory. */
int mapping_apply(const struct mapping *mapping, const struct template_context *context,
                  const struct delivery *delivery, struct mapping_scratch *scratch,
                  struct outgoing *out, struct err *err);

#endif
