/* Telling well-formed UTF-8 from other bytes. For: text that must not break a log line or a JSON
 * document. Not for: changing it. */
#include "base/utf8.h"

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* What the second byte may be after `lead`, from Table 3-7 of the Unicode Standard. */
static bool is_second(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return is_continuation(second);
    }
}

static size_t len_by_lead(unsigned char lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        return 3;
    }
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

size_t utf8_character_len(struct slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t len = text.len > 0 ? len_by_lead(bytes[0]) : 0;

    if (len > text.len || (len > 1 && !is_second(bytes[0], bytes[1]))) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!is_continuation(bytes[i])) {
            return 0;
        }
    }
    return len;
}

bool utf8_is_valid(struct slice text)
{
    while (text.len > 0) {
        size_t len = utf8_character_len(text);

        if (len == 0) {
            return false;
        }
        text = slice_make(text.data + len, text.len - len);
    }
    return true;
}
