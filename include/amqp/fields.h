/* Field tables and message properties between rabbitmq-c's structs and the core's. */
#ifndef CHUNNELD_AMQP_FIELDS_H
#define CHUNNELD_AMQP_FIELDS_H

#include <stddef.h>

#include "amqp/codec.h"
#include "amqp/framing.h"
#include "base/err.h"
#include "core/field.h"
#include "core/properties.h"

/* Where decoded properties are put: memory for structs, and a copy of the raw octets that the
 * decoded strings point into. */
struct rmq_fields_target {
    char *structs;    /* room for rmq_fields_measure(), aligned for pointers; moves on with use */
    const char *raw;  /* the octets that were decoded */
    const char *copy; /* the same octets, where they stay */
};

/* Bytes that rmq_fields_from_properties() takes of target->structs, struct properties included: a
 * multiple of the alignment of pointers. */
size_t rmq_fields_measure(const amqp_basic_properties_t *properties);
/* Fills the core's properties, all inside the target. */
const struct properties *rmq_fields_from_properties(const amqp_basic_properties_t *properties,
                                                    struct rmq_fields_target *target);

/* What the conversions to rabbitmq-c's structs return; but for OK there are words in `err`. */
enum rmq_fields_result {
    RMQ_FIELDS_OK = 0,
    RMQ_FIELDS_NO_MEMORY = -1,
    RMQ_FIELDS_UNSAYABLE = -2, /* a name over 255 octets, nested over RMQ_SCAN_DEPTH_MAX deep */
};

/* Makes rabbitmq-c's table of the core's, in memory of the codec (until rmq_codec_recycle()); the
 * strings stay where they are. *out_size: octets when encoded. */
enum rmq_fields_result rmq_fields_to_table(struct rmq_codec *codec, const struct field_table *table,
                                           amqp_table_t *out_table, size_t *out_size,
                                           struct err *err);
/* The same for properties. *out_size: octets of flags and list when encoded. */
enum rmq_fields_result rmq_fields_to_properties(struct rmq_codec *codec,
                                                const struct properties *properties,
                                                amqp_basic_properties_t *out_properties,
                                                size_t *out_size, struct err *err);

#endif
