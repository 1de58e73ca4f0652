/* The properties of nearly every message as octets (AMQP 0-9-1 §4.2.6.1), without the detour over
 * rabbitmq-c's structs. What is not as simple as that is left to rabbitmq-c (amqp/fields.h). */
#ifndef CHUNNELD_AMQP_PROPERTIES_WRITE_H
#define CHUNNELD_AMQP_PROPERTIES_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "core/properties.h"

/* Octets of flags and list, so 2 at least; 0: rabbitmq-c's encoder must write them, or say what is
 * wrong with them, for a header is something else than a string, or a name or text over 255 octets.
 */
size_t rmq_properties_measure(const struct properties *properties);
/* Writes as many octets as were measured (not 0), the same that rabbitmq-c writes; where they end.
 */
uint8_t *rmq_properties_write(const struct properties *properties, uint8_t *out);

#endif
