/* Percent-encoding. For: the parts of URLs (conf/url.c). */
#include "conf/percent.h"

static int conf_percent_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
        return (c | 0x20) - 'a' + 10;
    }
    return -1;
}

int conf_percent_decode(struct slice text, char *out)
{
    size_t len = 0;
    size_t i;

    for (i = 0; i < text.len; i++) {
        int high;
        int low;

        if (text.data[i] != '%') {
            out[len++] = text.data[i];
            continue;
        }
        high = text.len - i > 2 ? conf_percent_hex(text.data[i + 1]) : -1;
        low = high >= 0 ? conf_percent_hex(text.data[i + 2]) : -1;
        if (low < 0 || (high == 0 && low == 0)) {
            return -1;
        }
        out[len++] = (char)(high * 16 + low);
        i += 2;
    }
    out[len] = '\0';
    return 0;
}

void conf_percent_encode(const char *text, const char *plain, struct strbuf *out)
{
    for (; *text != '\0'; text++) {
        char c = *text;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", c) != NULL || strchr(plain, c) != NULL) {
            strbuf_append_char(out, c);
        } else {
            strbuf_append_format(out, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
}
