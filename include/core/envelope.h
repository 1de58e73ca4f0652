/* The envelope: a message with all that belongs to it as one JSON object, for the Redis side, where
 * a message is its body alone.
 *
 *     {"v":1, "id":"...", "time":"2026-01-31T12:00:00.123Z", "bridge":"audit-in",
 *      "source":{"queue":"audit","exchange":"logs","routing_key":"a.b","redelivered":false},
 *      "properties":{"content_type":"...","headers":{}}, "body":"...", "body_encoding":"utf-8"} */
#ifndef CHUNNELD_CORE_ENVELOPE_H
#define CHUNNELD_CORE_ENVELOPE_H

#include "base/strbuf.h"
#include "core/delivery.h"
#include "core/template.h"

/* Appends the envelope of `delivery`, on one line. A body that is UTF-8 is text, any other base64
 * (RFC 4648 §4). With delivery->reason set, "reason" and "error" are there too. */
void envelope_write(const struct delivery *delivery, const struct template_context *context,
                    struct strbuf *out);

#endif
