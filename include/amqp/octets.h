/* Numbers in network byte order (AMQP 0-9-1 §4.2.5.1), to and from memory. */
#ifndef CHUNNELD_AMQP_OCTETS_H
#define CHUNNELD_AMQP_OCTETS_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t rmq_get_u16(const void *from)
{
    uint16_t number;

    memcpy(&number, from, sizeof(number));
    return be16toh(number);
}

static inline uint32_t rmq_get_u32(const void *from)
{
    uint32_t number;

    memcpy(&number, from, sizeof(number));
    return be32toh(number);
}

static inline uint64_t rmq_get_u64(const void *from)
{
    uint64_t number;

    memcpy(&number, from, sizeof(number));
    return be64toh(number);
}

static inline void rmq_put_u16(void *to, uint16_t number)
{
    number = htobe16(number);
    memcpy(to, &number, sizeof(number));
}

static inline void rmq_put_u32(void *to, uint32_t number)
{
    number = htobe32(number);
    memcpy(to, &number, sizeof(number));
}

static inline void rmq_put_u64(void *to, uint64_t number)
{
    number = htobe64(number);
    memcpy(to, &number, sizeof(number));
}

#endif
