/* Keyed fingerprints; see the header. For: telling equal bodies without keeping them. Not for:
 * hash tables of short names, which have uthash's own functions. */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>

enum {
    WORD = 8, /* bytes taken in at a time */
    ROUNDS_A_WORD = 2,
    ROUNDS_AT_THE_END = 4,
};

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t read_word(const uint8_t *from)
{
    uint64_t word;

    memcpy(&word, from, sizeof(word));
    return le64toh(word);
}

static void mix(struct siphash *hash, unsigned rounds)
{
    uint64_t *v = hash->v;

    while (rounds-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static void take_word(struct siphash *hash, uint64_t word)
{
    hash->v[3] ^= word;
    mix(hash, ROUNDS_A_WORD);
    hash->v[0] ^= word;
}

void siphash_init(struct siphash *hash, const uint8_t key[SIPHASH_KEY_SIZE])
{
    uint64_t low = read_word(key);
    uint64_t high = read_word(key + WORD);

    /* "somepseudorandomlygeneratedbytes"; 0xee for the variant of 128 bits. */
    *hash = (struct siphash){
        .v = {low ^ UINT64_C(0x736f6d6570736575), high ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
              low ^ UINT64_C(0x6c7967656e657261), high ^ UINT64_C(0x7465646279746573)},
    };
}

static void take_byte(struct siphash *hash, uint8_t byte)
{
    hash->word |= (uint64_t)byte << 8 * (hash->length % WORD);
    if (++hash->length % WORD == 0) {
        take_word(hash, hash->word);
        hash->word = 0;
    }
}

void siphash_feed(struct siphash *hash, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0 && hash->length % WORD != 0) {
        take_byte(hash, *at++);
        len--;
    }
    for (; len >= WORD; len -= WORD, at += WORD) {
        take_word(hash, read_word(at));
        hash->length += WORD;
    }
    while (len > 0) {
        take_byte(hash, *at++);
        len--;
    }
}

struct siphash_print siphash_end(struct siphash *hash)
{
    const uint64_t *v = hash->v;
    struct siphash_print print;

    take_word(hash, hash->word | hash->length << 56);
    hash->v[2] ^= 0xee;
    mix(hash, ROUNDS_AT_THE_END);
    print.low = v[0] ^ v[1] ^ v[2] ^ v[3];
    hash->v[1] ^= 0xdd;
    mix(hash, ROUNDS_AT_THE_END);
    print.high = v[0] ^ v[1] ^ v[2] ^ v[3];
    return print;
}
