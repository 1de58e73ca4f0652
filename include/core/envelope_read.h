/* Reading envelopes (core/envelope.h): a message from Redis with properties and headers of its own,
 * on its way to AMQP. Only "body" must be there. What is no valid envelope is refused with the
 * place and the reason, never guessed at:
 *
 * - the text is one strict JSON object (base/json.h), nested at most 128 deep;
 * - "v", where it stands, is 1; "body" and "id" are strings; "body_encoding" is "utf-8" (the
 *   default) or "base64";
 * - "properties" is an object with known names only: texts of at most 255 octets, an expiration in
 *   digits, delivery_mode 1 or 2, priority 0 to 255, timestamp in seconds, headers as fields
 *   (core/field_json.h), of which CC and BCC, which RabbitMQ routes by, are lists.
 *
 * Other keys ("time", "bridge", "source", "reason", "error" and unknown ones) are for whoever reads
 * the envelope on the Redis side; they are left out here. */
#ifndef CHUNNELD_CORE_ENVELOPE_READ_H
#define CHUNNELD_CORE_ENVELOPE_READ_H

#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/properties.h"

/* A message as its envelope says it: one allocation, which free() ends. */
struct envelope_message {
    struct properties properties; /* present 0: none given */
    struct slice id;              /* data NULL: none given */
    struct slice body;            /* any bytes */
    size_t size;                  /* bytes of the allocation */
};

/* Reads `text`, which is not needed any more afterwards. NULL and words in `err`. */
struct envelope_message *envelope_read(struct slice text, struct err *err);

#endif
