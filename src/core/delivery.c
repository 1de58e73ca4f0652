/* Deliveries: making, freeing and naming them. For: one allocation a message, and ids that stay
 * the same on every retry. Not for: filling them (the sources) or settling them (core/bridge.c). */
#include "core/delivery.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/freelist.h"

enum { HEX_DIGITS = 16 }; /* of 64 bits */

static struct freelist memory; /* of all deliveries */
static uint64_t last_number;   /* of the deliveries made so far */
static uint64_t process_random;
static char process_half[HEX_DIGITS + 1] = "0000000000000000";

/* The 8 hex digits of `number`, as they stand in memory: a nibble a byte, then all made letters and
 * digits at once, since every message gets an id. */
static uint64_t hex_digits(uint32_t number)
{
    uint64_t nibbles = number;
    uint64_t letters; /* 1 in each byte that is above 9 */

    nibbles = (nibbles | nibbles << 16) & UINT64_C(0x0000ffff0000ffff);
    nibbles = (nibbles | nibbles << 8) & UINT64_C(0x00ff00ff00ff00ff);
    nibbles = (nibbles | nibbles << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    letters = (nibbles + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    return htobe64(nibbles + UINT64_C(0x3030303030303030) + letters * ('a' - '9' - 1));
}

static void format_hex(uint64_t number, char out[HEX_DIGITS])
{
    uint64_t digits[2] = {hex_digits((uint32_t)(number >> 32)), hex_digits((uint32_t)number)};

    memcpy(out, digits, HEX_DIGITS);
}

struct delivery *delivery_new(size_t extra, char **out_data)
{
    struct delivery *delivery;

    if (extra > SIZE_MAX - sizeof(*delivery)) {
        return NULL;
    }
    delivery = freelist_get(&memory, sizeof(*delivery) + extra, sizeof(*delivery));
    if (delivery == NULL) {
        return NULL;
    }
    delivery->size = sizeof(*delivery) + extra;
    delivery->number = ++last_number;
    *out_data = (char *)(delivery + 1);
    return delivery;
}

void delivery_free(struct delivery *delivery)
{
    size_t size;

    if (delivery == NULL) {
        return;
    }
    size = delivery->size;
    if (delivery->opened != NULL) {
        size -= delivery->opened->size; /* that counts for it, but is another allocation */
        free(delivery->opened);
    }
    free(delivery->error);
    freelist_put(&memory, delivery, size);
}

void delivery_keep_freed(size_t most)
{
    freelist_limit(&memory, most);
}

void delivery_set_process(uint64_t random)
{
    process_random = random;
    format_hex(random, process_half);
}

uint64_t delivery_get_process(void)
{
    return process_random;
}

void delivery_format_id(const struct delivery *delivery, char out[DELIVERY_ID_SIZE])
{
    if (delivery->process == 0) {
        memcpy(out, process_half, HEX_DIGITS);
    } else {
        format_hex(delivery->process, out);
    }
    out[HEX_DIGITS] = '-';
    format_hex(delivery->number, out + HEX_DIGITS + 1);
    out[DELIVERY_ID_SIZE - 1] = '\0';
}

struct slice delivery_get_id(const struct delivery *delivery, char buffer[DELIVERY_ID_SIZE])
{
    const struct properties *properties = delivery->properties;

    if (properties != NULL && properties_has(properties, PROPERTY_MESSAGE_ID)) {
        return properties->text[PROPERTY_MESSAGE_ID];
    }
    if (delivery->id.data != NULL) {
        return delivery->id;
    }
    delivery_format_id(delivery, buffer);
    return slice_make(buffer, DELIVERY_ID_SIZE - 1);
}

struct slice delivery_raw_body(const struct delivery *delivery)
{
    return delivery->opened != NULL ? delivery->envelope : delivery->body;
}

int delivery_open_envelope(struct delivery *delivery, struct err *err)
{
    if (delivery->opened != NULL) {
        return 0;
    }
    delivery->opened = envelope_read(delivery->body, err);
    if (delivery->opened == NULL) {
        return -1;
    }
    delivery->envelope = delivery->body;
    delivery->body = delivery->opened->body;
    delivery->properties = &delivery->opened->properties;
    delivery->id = delivery->opened->id;
    delivery->size += delivery->opened->size;
    return 0;
}
