/* The look over raw tables and properties. For: refusing what would hurt the decoder. Not for:
 * decoding (codec.c, fields.c). */
#include "amqp/scan.h"

#include <stdbool.h>
#include <stdint.h>

#include "amqp/framing.h"
#include "amqp/octets.h"

/* What is left to look at, and the limits used up so far. */
struct scan {
    const char *at;
    size_t left;
    unsigned depth;  /* tables and arrays open */
    unsigned values; /* seen in all */
};

static int scan_skip(struct scan *scan, size_t len, struct err *err)
{
    if (len > scan->left) {
        return err_set(err, "a value goes on behind the end of what holds it");
    }
    scan->at += len;
    scan->left -= len;
    return 0;
}

static int scan_short_string(struct scan *scan, struct err *err)
{
    if (scan->left == 0) {
        return err_set(err, "a name is missing");
    }
    return scan_skip(scan, (size_t)(uint8_t)scan->at[0] + 1, err);
}

/* Reads the length in front of a long string, table or array. */
static int scan_length(struct scan *scan, size_t *out_len, struct err *err)
{
    size_t len;

    if (scan->left < sizeof(uint32_t)) {
        return err_set(err, "a length is cut off");
    }
    len = rmq_get_u32(scan->at);
    scan->at += sizeof(uint32_t);
    scan->left -= sizeof(uint32_t);
    if (len > scan->left) {
        return err_set(err, "a length of %zu where %zu octets are left", len, scan->left);
    }
    *out_len = len;
    return 0;
}

static int scan_value(struct scan *scan, struct err *err);

/* A table (with names) or an array (without), from its length on. */
static int scan_container(struct scan *scan, bool has_names, struct err *err)
{
    size_t len, behind;

    if (scan_length(scan, &len, err) != 0) {
        return -1;
    }
    if (++scan->depth > RMQ_SCAN_DEPTH_MAX) {
        return err_set(err, "tables and arrays nested over %d deep", RMQ_SCAN_DEPTH_MAX);
    }
    behind = scan->left - len;
    scan->left = len;
    while (scan->left > 0) {
        if (has_names && scan_short_string(scan, err) != 0) {
            return -1;
        }
        if (scan_value(scan, err) != 0) {
            return -1;
        }
    }
    scan->left = behind;
    scan->depth--;
    return 0;
}

/* The octets of a value of a fixed size, or SIZE_MAX for the other types. */
static size_t scan_fixed_size(char type)
{
    switch (type) {
    case AMQP_FIELD_KIND_VOID:
        return 0;
    case AMQP_FIELD_KIND_BOOLEAN:
    case AMQP_FIELD_KIND_I8:
    case AMQP_FIELD_KIND_U8:
        return 1;
    case AMQP_FIELD_KIND_I16:
    case AMQP_FIELD_KIND_U16:
        return 2;
    case AMQP_FIELD_KIND_I32:
    case AMQP_FIELD_KIND_U32:
    case AMQP_FIELD_KIND_F32:
        return 4;
    case AMQP_FIELD_KIND_DECIMAL:
        return 5;
    case AMQP_FIELD_KIND_I64:
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_F64:
    case AMQP_FIELD_KIND_TIMESTAMP:
        return 8;
    default:
        return SIZE_MAX;
    }
}

static int scan_value(struct scan *scan, struct err *err)
{
    size_t len;
    char type;

    if (scan->left == 0) {
        return err_set(err, "a value is missing");
    }
    if (++scan->values > RMQ_SCAN_VALUES_MAX) {
        return err_set(err, "over %d values", RMQ_SCAN_VALUES_MAX);
    }
    type = scan->at[0];
    scan->at++;
    scan->left--;
    switch (type) {
    case AMQP_FIELD_KIND_UTF8:
    case AMQP_FIELD_KIND_BYTES:
        return scan_length(scan, &len, err) != 0 ? -1 : scan_skip(scan, len, err);
    case AMQP_FIELD_KIND_TABLE:
        return scan_container(scan, true, err);
    case AMQP_FIELD_KIND_ARRAY:
        return scan_container(scan, false, err);
    default:
        len = scan_fixed_size(type);
        if (len == SIZE_MAX) {
            return err_set(err, "a value of the unknown type 0x%02x", (uint8_t)type);
        }
        return scan_skip(scan, len, err);
    }
}

int rmq_scan_table(struct slice raw, size_t *out_size, struct err *err)
{
    struct scan scan = {.at = raw.data, .left = raw.len};

    if (scan_container(&scan, true, err) != 0) {
        return -1;
    }
    *out_size = raw.len - scan.left;
    return 0;
}

/* One property, of which the flag is set. */
static int scan_property(struct scan *scan, unsigned flag, struct err *err)
{
    switch (flag) {
    case AMQP_BASIC_HEADERS_FLAG:
        return scan_container(scan, true, err);
    case AMQP_BASIC_DELIVERY_MODE_FLAG:
    case AMQP_BASIC_PRIORITY_FLAG:
        return scan_skip(scan, 1, err);
    case AMQP_BASIC_TIMESTAMP_FLAG:
        return scan_skip(scan, 8, err);
    default:
        return scan_short_string(scan, err);
    }
}

int rmq_scan_properties(struct slice raw, struct err *err)
{
    struct scan scan = {.at = raw.data, .left = raw.len};
    unsigned flags;

    if (scan_skip(&scan, sizeof(uint16_t), err) != 0) {
        return -1;
    }
    flags = rmq_get_u16(raw.data);
    if ((flags & 3) != 0) {
        return err_set(err, "property flags 0x%04x that the basic class does not have", flags);
    }
    for (unsigned flag = AMQP_BASIC_CONTENT_TYPE_FLAG; flag >= AMQP_BASIC_CLUSTER_ID_FLAG;
         flag >>= 1) {
        if ((flags & flag) != 0 && scan_property(&scan, flag, err) != 0) {
            return -1;
        }
    }
    if (scan.left != 0) {
        return err_set(err, "%zu octets behind the last property", scan.left);
    }
    return 0;
}
