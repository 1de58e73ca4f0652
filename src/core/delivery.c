/* Deliveries: making, freeing and naming them. For: one allocation a message, and ids that stay
 * the same on every retry. Not for: filling them (the sources) or settling them (core/bridge.c). */
#include "core/delivery.h"

#include <stdlib.h>
#include <string.h>

enum { HEX_DIGITS = 16 }; /* of 64 bits */

static uint64_t last_number; /* of the deliveries made so far */
static char process_half[HEX_DIGITS + 1] = "0000000000000000";

static void format_hex(uint64_t number, char out[HEX_DIGITS])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = HEX_DIGITS - 1; i >= 0; i--) {
        out[i] = digits[number & 15];
        number >>= 4;
    }
}

struct delivery *delivery_new(size_t extra, char **out_data)
{
    struct delivery *delivery;

    if (extra > SIZE_MAX - sizeof(*delivery)) {
        return NULL;
    }
    delivery = malloc(sizeof(*delivery) + extra);
    if (delivery == NULL) {
        return NULL;
    }
    memset(delivery, 0, sizeof(*delivery));
    delivery->size = sizeof(*delivery) + extra;
    delivery->number = ++last_number;
    *out_data = (char *)(delivery + 1);
    return delivery;
}

void delivery_free(struct delivery *delivery)
{
    free(delivery);
}

void delivery_set_process(uint64_t random)
{
    format_hex(random, process_half);
}

void delivery_format_id(const struct delivery *delivery, char out[DELIVERY_ID_SIZE])
{
    memcpy(out, process_half, HEX_DIGITS);
    out[HEX_DIGITS] = '-';
    format_hex(delivery->number, out + HEX_DIGITS + 1);
    out[DELIVERY_ID_SIZE - 1] = '\0';
}
