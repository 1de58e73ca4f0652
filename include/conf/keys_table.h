/* Shorthands for writing down the table of keys. For src/conf/keys*.c alone. */
#ifndef CHUNNELD_CONF_KEYS_TABLE_H
#define CHUNNELD_CONF_KEYS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "conf/keys.h"

/* Where a key's value is kept. */
#define FIELD(type, member) .at = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
/* Where a nested object's struct begins. */
#define PART(type, member) .at = offsetof(type, member)
/* The keys of a kind. */
#define KEYS(array) .keys = (array), .key_count = sizeof(array) / sizeof((array)[0])

/* Times in µs, and sizes. */
#define MS INT64_C(1000)
#define S (1000 * MS)
#define H (3600 * S)
#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

enum {
    SHORT_STRING = 255,     /* octets, AMQP 0-9-1 §4.2.5.3 */
    CHANNEL_LENGTH = 65535, /* octets of a Redis channel or pattern */
};

#endif
