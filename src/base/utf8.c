/* Telling UTF-8 from other bytes. For: JSON in and out, and whoever shows foreign bytes to people.
 * Not for: counting or changing characters. */
#include "base/utf8.h"

#include <stdint.h>

/* What may follow a leading byte: how long the character is, and the range of its second byte,
 * which is narrower where the full range would give overlong forms, surrogates or more than
 * U+10FFFF (RFC 3629 §4). Length 0: no leading byte. */
struct utf8_lead {
    size_t len;
    unsigned char low, high;
};

static struct utf8_lead utf8_look(unsigned char lead)
{
    if (lead < 0xC2 || lead > 0xF4) {
        return (struct utf8_lead){0, 0, 0};
    }
    if (lead < 0xE0) {
        return (struct utf8_lead){2, 0x80, 0xBF};
    }
    if (lead < 0xF0) {
        return (struct utf8_lead){3, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF};
    }
    return (struct utf8_lead){4, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF};
}

bool utf8_next(const char *text, size_t len, size_t *out_len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    struct utf8_lead lead;
    size_t at;

    *out_len = 1;
    if (bytes[0] < 0x80) {
        return true;
    }
    lead = utf8_look(bytes[0]);
    if (lead.len == 0 || len < 2 || bytes[1] < lead.low || bytes[1] > lead.high) {
        return false;
    }
    for (at = 2; at < lead.len; at++) {
        if (at >= len || (bytes[at] & 0xC0) != 0x80) {
            *out_len = at;
            return false;
        }
    }
    *out_len = lead.len;
    return true;
}

bool utf8_is_valid(struct slice text, size_t *out_at)
{
    size_t at = 0;
    size_t len;

    while (at < text.len) {
        if (!utf8_next(text.data + at, text.len - at, &len)) {
            if (out_at != NULL) {
                *out_at = at;
            }
            return false;
        }
        at += len;
    }
    return true;
}
