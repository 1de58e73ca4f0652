/* Values of AMQP field tables (AMQP 0-9-1 §4.2.5.5, with RabbitMQ's types), in a form that no
 * protocol library owns: headers of messages, arguments of queues and exchanges, properties in the
 * rules. Everything a field points to lives in one arena or message; fields are never freed
 * singly. */
#ifndef CHUNNELD_CORE_FIELD_H
#define CHUNNELD_CORE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { FIELD_DEPTH_MAX = 32 }; /* tables and arrays inside each other */

/* The comment gives the type octet on the wire. */
enum field_type {
    FIELD_VOID,      /* 'V' no value */
    FIELD_BOOL,      /* 't' value.boolean */
    FIELD_I8,        /* 'b' value.integer, as are all I types */
    FIELD_U8,        /* 'B' value.natural, as are all U types */
    FIELD_I16,       /* 's' (RabbitMQ's reading; 'U' in the specification) */
    FIELD_U16,       /* 'u' */
    FIELD_I32,       /* 'I' */
    FIELD_U32,       /* 'i' */
    FIELD_I64,       /* 'l' ('L' in the specification) */
    FIELD_U64,       /* 'L'; sent as 'l' where it fits */
    FIELD_F32,       /* 'f' value.real */
    FIELD_F64,       /* 'd' value.real */
    FIELD_DECIMAL,   /* 'D' value.decimal */
    FIELD_STRING,    /* 'S' value.bytes, UTF-8 by convention */
    FIELD_BYTES,     /* 'x' value.bytes */
    FIELD_ARRAY,     /* 'A' value.array */
    FIELD_TIMESTAMP, /* 'T' value.natural, seconds since 1970 */
    FIELD_TABLE,     /* 'F' value.table */
};

struct field;
struct field_entry;

struct field_table {
    struct field_entry *entries; /* in wire order; names may repeat, the first counts */
    size_t count;
};

struct field_array {
    struct field *items;
    size_t count;
};

struct field_decimal {
    uint8_t scale;  /* digits after the point */
    uint32_t value; /* unscaled */
};

struct field {
    enum field_type type;
    union {
        bool boolean;
        int64_t integer;
        uint64_t natural;
        double real;
        struct field_decimal decimal;
        struct slice bytes;
        struct field_array array;
        struct field_table table;
    } value;
};

struct field_entry {
    struct slice name; /* at most 255 octets */
    struct field value;
};

/* The value of the first entry called `name`, or NULL. */
const struct field *field_table_find(const struct field_table *table, struct slice name);

struct strbuf;
/* Appends a scalar as text: strings as they are, numbers in decimal, booleans as true and false,
 * a timestamp as its seconds. Returns -1 and appends nothing for void, arrays and tables. */
int field_append_text(const struct field *field, struct strbuf *out);

#endif
