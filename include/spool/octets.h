/* Little-endian numbers, as the spool's own formats have them. For src/spool/ alone. */
#ifndef CHUNNELD_SPOOL_OCTETS_H
#define CHUNNELD_SPOOL_OCTETS_H

#include <stdint.h>

static inline void octets_put(unsigned char *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (unsigned char)(value >> (8 * i));
    }
}

static inline uint64_t octets_get(const unsigned char *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

#endif
