/* Decimal digits. For: the numbers in metrics and JSON. Not for: fractions that are no decimal
 * ones (base/json_write.c). */
#include "base/digits.h"

#include <string.h>

/* Two at a time, as dividing is what takes the time. */
static const char digits_pairs[] = "00010203040506070809"
                                   "10111213141516171819"
                                   "20212223242526272829"
                                   "30313233343536373839"
                                   "40414243444546474849"
                                   "50515253545556575859"
                                   "60616263646566676869"
                                   "70717273747576777879"
                                   "80818283848586878889"
                                   "90919293949596979899";

char *digits_put_long(char *to, uint64_t number)
{
    char digits[DIGITS_MOST];
    size_t at = sizeof(digits);

    while (number >= 100) {
        at -= 2;
        memcpy(digits + at, digits_pairs + number % 100 * 2, 2);
        number /= 100;
    }
    if (number >= 10) {
        at -= 2;
        memcpy(digits + at, digits_pairs + number * 2, 2);
    } else {
        digits[--at] = (char)('0' + number);
    }
    memcpy(to, digits + at, sizeof(digits) - at);
    return to + (sizeof(digits) - at);
}

char *digits_put_padded(char *to, uint64_t number, unsigned count)
{
    unsigned i;

    for (i = count; i > 0; i--) {
        to[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    return to + count;
}
