/* basic.deliver; see the header. Not for: other methods, which are rare (codec.c). */
#include "amqp/deliver_read.h"

#include <stdbool.h>

#include "amqp/octets.h"

/* Takes a short string (§4.2.5.3) from the front of `left`; false: it is cut off. */
static inline bool take_short_string(struct slice *left, amqp_bytes_t *out)
{
    size_t len = left->len > 0 ? (uint8_t)left->data[0] : 0;

    if (left->len < 1 + len) {
        return false;
    }
    *out = rmq_bytes(slice_make(left->data + 1, len));
    *left = slice_make(left->data + 1 + len, left->len - 1 - len);
    return true;
}

int rmq_deliver_read(struct slice arguments, amqp_basic_deliver_t *out_deliver)
{
    enum { TAG_OCTETS = sizeof(uint64_t), FIXED_OCTETS = TAG_OCTETS + 1 };
    struct slice left = arguments;
    amqp_basic_deliver_t deliver;

    if (!take_short_string(&left, &deliver.consumer_tag) || left.len < FIXED_OCTETS) {
        return -1;
    }
    deliver.delivery_tag = rmq_get_u64(left.data);
    deliver.redelivered = left.data[TAG_OCTETS] & 1; /* the first of the octet's bits */
    left = slice_make(left.data + FIXED_OCTETS, left.len - FIXED_OCTETS);
    if (!take_short_string(&left, &deliver.exchange) ||
        !take_short_string(&left, &deliver.routing_key)) {
        return -1;
    }
    *out_deliver = deliver;
    return 0;
}
