/* SipHash-2-4 with 128 bits (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF",
 * 2012): a fingerprint of bytes that nobody can forge who does not know the key. */
#ifndef CHUNNELD_BASE_SIPHASH_H
#define CHUNNELD_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_SIZE = 16 };

/* A fingerprint under way. */
struct siphash {
    uint64_t v[4];   /* the state */
    uint64_t word;   /* bytes that do not make a whole word yet, the first in the lowest */
    uint64_t length; /* of all that was fed */
};

/* Two with the same bytes are equal; of others, with a secret key, one in 2^128 is. */
struct siphash_print {
    uint64_t low;
    uint64_t high;
};

void siphash_init(struct siphash *hash, const uint8_t key[SIPHASH_KEY_SIZE]);
/* `data` may be NULL where `len` is 0. */
void siphash_feed(struct siphash *hash, const void *data, size_t len);
struct siphash_print siphash_end(struct siphash *hash);

#endif
