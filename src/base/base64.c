/* Base64. For: bytes in the arguments and headers of a configuration. */
#include "base/base64.h"

#include <stdint.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Four characters to up to three bytes; how many, or -1. */
static int base64_group(const char *text, char *out)
{
    uint32_t bits = 0;
    int padding = 0;
    int i;

    for (i = 0; i < 4; i++) {
        const char *digit = text[i] ? strchr(base64_digits, text[i]) : NULL;

        if (text[i] == '=' && i >= 2) {
            padding++;
            bits <<= 6;
            continue;
        }
        if (digit == NULL || padding > 0) {
            return -1;
        }
        bits = bits << 6 | (uint32_t)(digit - base64_digits);
    }
    if ((bits & ((1u << (8 * padding)) - 1)) != 0) {
        return -1; /* bits that no byte holds */
    }
    for (i = 0; i < 3 - padding; i++) {
        out[i] = (char)(bits >> (16 - 8 * i));
    }
    return 3 - padding;
}

int base64_decode(struct slice text, char *out, size_t *out_len)
{
    size_t len = 0;
    size_t at;

    if (text.len % 4 != 0) {
        return -1;
    }
    for (at = 0; at < text.len; at += 4) {
        int got = base64_group(text.data + at, out + len);

        if (got < 0 || (got < 3 && at + 4 < text.len)) {
            return -1;
        }
        len += (size_t)got;
    }
    *out_len = len;
    return 0;
}

void base64_encode(struct slice bytes, struct strbuf *out)
{
    size_t at;

    for (at = 0; at < bytes.len; at += 3) {
        size_t left = bytes.len - at;
        uint32_t bits = 0;
        size_t i;

        for (i = 0; i < 3; i++) {
            bits = bits << 8 | (i < left ? (unsigned char)bytes.data[at + i] : 0);
        }
        for (i = 0; i < 4; i++) {
            strbuf_append_char(out, i <= left ? base64_digits[bits >> (18 - 6 * i) & 63] : '=');
        }
    }
}
