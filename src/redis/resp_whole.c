/* The short way for the replies of the hot paths. For: taking what is beyond doubt. Not for: the
 * rest of RESP2, limits, words for what is wrong: whatever is not plainly right is left to the
 * reader (resp.c), which decides alone. */
#include "redis/resp_whole.h"

enum { DIGITS_MAX = 15 }; /* of a number: far from an overflow */

/* Each of these reads what `at` points to, of input that ends at `end`, and returns what stands
 * behind it; NULL: it is not whole, or no such thing. */

/* Whether a line ends there; two octets at least are. */
static inline bool is_line_end(const char *at)
{
    return memcmp(at, "\r\n", 2) == 0;
}

/* Type octet, digits without sign or leading zeros, the end of the line. */
static inline const char *take_number(const char *at, const char *end, char type,
                                      size_t *out_number)
{
    const char *first = at + 1;
    size_t number = 0;
    unsigned digit;

    if (at == end || *at != type) {
        return NULL;
    }
    for (at = first; at < end && (digit = (unsigned char)*at - (unsigned)'0') <= 9; at++) {
        number = number * 10 + digit;
    }
    /* Too many digits have gone round by now, which is no harm: the number is not used. */
    if (at == first || at - first > DIGITS_MAX || (*first == '0' && at - first > 1) ||
        end - at < 2 || !is_line_end(at)) {
        return NULL;
    }
    *out_number = number;
    return at + 2;
}

static inline const char *take_string(const char *at, const char *end, struct resp_value *out)
{
    size_t len;

    at = take_number(at, end, '$', &len);
    if (at == NULL || (size_t)(end - at) < len + 2 || !is_line_end(at + len)) {
        return NULL;
    }
    *out = (struct resp_value){.type = RESP_STRING, .text = {at, len}};
    return at + len + 2;
}

static const char *take_strings(const char *at, const char *end, struct resp_frame *out)
{
    size_t count;

    at = take_number(at, end, '*', &count);
    if (at == NULL || count == 0 || count > RESP_VALUES_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < count && at != NULL; i++) {
        at = take_string(at, end, &out->values[i]);
    }
    out->type = RESP_ARRAY;
    out->count = count;
    return at;
}

static const char *take_integer(const char *at, const char *end, struct resp_frame *out)
{
    size_t number;

    at = take_number(at, end, ':', &number);
    if (at != NULL) {
        out->type = RESP_INTEGER;
        out->count = 1;
        out->values[0] = (struct resp_value){.type = RESP_INTEGER, .integer = (int64_t)number};
    }
    return at;
}

size_t resp_whole_take(const char *data, size_t len, struct resp_frame *out_frame)
{
    const char *end = data + len;
    const char *behind =
        *data == '*' ? take_strings(data, end, out_frame) : take_integer(data, end, out_frame);

    return behind != NULL ? (size_t)(behind - data) : 0;
}
