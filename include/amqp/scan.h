/* A look over raw tables and properties before rabbitmq-c decodes them: its decoder recurses as
 * deep as the sender likes, and takes property flags that go on for undefined behaviour. What
 * passes here is safe to decode on any stack and in bounded memory. */
#ifndef CHUNNELD_AMQP_SCAN_H
#define CHUNNELD_AMQP_SCAN_H

#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/field.h"

enum {
    RMQ_SCAN_DEPTH_MAX = FIELD_DEPTH_MAX,
    RMQ_SCAN_VALUES_MAX = 10000, /* values in all, of one table with what is in it */
};

/* Checks the field table (AMQP 0-9-1 §4.2.5.5) that `raw` begins with: lengths that agree, known
 * types, the limits above. Its size in *out_size, the four octets of its length included; or -1 and
 * words in `err`. */
int rmq_scan_table(struct slice raw, size_t *out_size, struct err *err);

/* Checks the property flags and property list of a basic content header (§4.2.6.1): everything
 * there and nothing behind it, no continuation of the flags. 0, or -1 and words in `err`. */
int rmq_scan_properties(struct slice raw, struct err *err);

#endif
