/* The headers that a mapping puts on messages to AMQP: those of the rule, then the annotations that
 * the rule does not give itself. For mapping.c alone. */
#ifndef CHUNNELD_CORE_MAPPING_HEADERS_H
#define CHUNNELD_CORE_MAPPING_HEADERS_H

#include <stddef.h>

#include "core/mapping.h"
#include "core/text_slot.h"

/* In the order of the table: what comes later is there for fewer messages. */
enum annotation {
    ANNOTATION_HOPS,    /* always, where the mapping has them; a number, and never changes */
    ANNOTATION_ORIGIN,  /* always */
    ANNOTATION_BRIDGE,  /* always */
    ANNOTATION_CHANNEL, /* messages from Redis */
    ANNOTATION_PATTERN, /* messages from Redis by a pattern */
    ANNOTATION_COUNT
};

/* A header of the rule whose value is made for each message. */
struct mapping_header_slot {
    struct field_entry *entry; /* in `own` */
    struct text_slot text;
};

struct mapping_headers {
    struct field_entry *own; /* owned; the rule's, then the annotations, names and types set */
    size_t rule_count;
    struct field_entry *annotations[ANNOTATION_COUNT]; /* in `own`; NULL: not put on */
    struct mapping_header_slot *slots;                 /* owned */
    size_t slot_count;
    struct field_entry *merged; /* owned; a message's headers with ours behind them */
    size_t merged_size;         /* entries allocated */
};

/* -1: out of memory; mapping_headers_fini() is due then, too. */
int mapping_headers_init(struct mapping_headers *headers, const struct mapping *mapping);
void mapping_headers_fini(struct mapping_headers *headers);
/* The headers of `delivery` as sent, valid until the next call: its own but for those of the same
 * names, then ours. -1 and words in `err`. */
int mapping_headers_apply(struct mapping_headers *headers, const struct template_context *context,
                          const struct delivery *delivery, struct field_table *out_table,
                          struct err *err);

#endif
