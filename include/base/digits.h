/* Numbers as decimal digits, for whoever writes many of them: no format to be read, no locale. */
#ifndef CHUNNELD_BASE_DIGITS_H
#define CHUNNELD_BASE_DIGITS_H

#include <stdint.h>

enum { DIGITS_MOST = 20 }; /* that a number has */

/* digits_put() for any number. */
char *digits_put_long(char *to, uint64_t number);

/* Writes `number` to `to`, which has room for DIGITS_MOST; where it ends. */
static inline char *digits_put(char *to, uint64_t number)
{
    if (number < 10) { /* most counters are 0 */
        *to = (char)('0' + number);
        return to + 1;
    }
    return digits_put_long(to, number);
}

/* Writes exactly `count` digits of `number`, which has no more, with zeros in front. */
char *digits_put_padded(char *to, uint64_t number, unsigned count);

#endif
