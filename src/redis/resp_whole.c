/* The short way for the replies of the hot paths. For: taking what is beyond doubt. Not for: the
 * rest of RESP2, limits, words for what is wrong: whatever is not plainly right is left to the
 * reader (resp.c), which decides alone. */
#include "redis/resp_whole.h"

#include <stdbool.h>

enum {
    DIGITS_MAX = 15, /* of a number: far from an overflow */
    SHORTEST = 4,    /* octets of one, its type and the end of its line */
};

/* What of the input is not read yet. */
struct cursor {
    const char *at;
    const char *end;
};

static bool cursor_take_line_end(struct cursor *cursor)
{
    if (cursor->end - cursor->at < 2 || cursor->at[0] != '\r' || cursor->at[1] != '\n') {
        return false;
    }
    cursor->at += 2;
    return true;
}

/* Type octet, digits without sign or leading zeros, the end of the line. */
static bool cursor_take_number(struct cursor *cursor, char type, size_t *out_number)
{
    const char *first = cursor->at + 1;
    const char *at = first, *last;
    size_t number = 0;
    unsigned digit;

    if (cursor->end - cursor->at < SHORTEST || *cursor->at != type) {
        return false;
    }
    last = cursor->end - first > DIGITS_MAX + 2 ? first + DIGITS_MAX : cursor->end - 2;
    for (; at < last && (digit = (unsigned char)*at - (unsigned)'0') <= 9; at++) {
        number = number * 10 + digit;
    }
    if (at == first || (*first == '0' && at - first > 1) || at[0] != '\r' || at[1] != '\n') {
        return false;
    }
    cursor->at = at + 2;
    *out_number = number;
    return true;
}

static bool cursor_take_string(struct cursor *cursor, struct resp_value *out)
{
    size_t len;

    if (!cursor_take_number(cursor, '$', &len) || (size_t)(cursor->end - cursor->at) < len) {
        return false;
    }
    *out = (struct resp_value){.type = RESP_STRING, .text = {cursor->at, len}};
    cursor->at += len;
    return cursor_take_line_end(cursor);
}

static bool cursor_take_strings(struct cursor *cursor, struct resp_frame *out)
{
    size_t count;

    if (!cursor_take_number(cursor, '*', &count) || count == 0 || count > RESP_VALUES_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!cursor_take_string(cursor, &out->values[i])) {
            return false;
        }
    }
    out->type = RESP_ARRAY;
    out->count = count;
    return true;
}

static bool cursor_take_integer(struct cursor *cursor, struct resp_frame *out)
{
    size_t number;

    if (!cursor_take_number(cursor, ':', &number)) {
        return false;
    }
    out->type = RESP_INTEGER;
    out->count = 1;
    out->values[0] = (struct resp_value){.type = RESP_INTEGER, .integer = (int64_t)number};
    return true;
}

size_t resp_whole_take(const char *data, size_t len, struct resp_frame *out_frame)
{
    struct cursor cursor = {data, data + len};

    if (*data == '*' ? cursor_take_strings(&cursor, out_frame)
                     : cursor_take_integer(&cursor, out_frame)) {
        return (size_t)(cursor.at - data);
    }
    return 0;
}
