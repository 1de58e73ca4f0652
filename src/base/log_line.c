/* Writing pairs as logfmt or JSON. For: base/log.c. Not for: JSON documents (base/json.c). */
#include "base/log_line.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum {
    ESCAPE_MAX = 6, /* "\u001f" */
    KEY_EXTRA = 4,  /* a comma, two quotes and a colon around a key */
    CLOSING = 4,    /* room for "..." and the quote after a cut value */
};

static size_t log_line_room(const struct log_line *line)
{
    size_t end = LOG_LINE_MAX - LOG_LINE_RESERVE;

    return line->len < end ? end - line->len : 0;
}

static void put_bytes(struct log_line *line, const char *bytes, size_t len)
{
    memcpy(line->data + line->len, bytes, len);
    line->len += len;
}

/* The key and what stands around it; the caller has made sure of the room. */
static void put_key(struct log_line *line, const char *key)
{
    bool json = line->format == LOG_FORMAT_JSON;

    if (line->has_pairs) {
        put_bytes(line, json ? "," : " ", 1);
    }
    line->has_pairs = true;
    if (json) {
        put_bytes(line, "\"", 1);
    }
    put_bytes(line, key, strlen(key));
    if (json) {
        put_bytes(line, "\":", 2);
    } else {
        put_bytes(line, "=", 1);
    }
}

static bool needs_quotes(const char *value)
{
    if (*value == '\0') {
        return true;
    }
    for (const char *c = value; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || *c == '"' || *c == '=' || *c == '\\') {
            return true;
        }
    }
    return false;
}

/* The first character of `text` (not empty) as JSON writes it between quotes, and as logfmt readers
 * take it too. What a terminal would obey is escaped, what is no UTF-8 becomes U+FFFD. Returns the
 * bytes written to `out`, and in *out_used those read. */
static size_t escape_character(struct slice text, char out[ESCAPE_MAX + 1], size_t *out_used)
{
    static const char named[] = "\"\\\n\r\t";
    static const char names[] = "\"\\nrt";
    unsigned char byte = (unsigned char)text.data[0];
    const char *name = memchr(named, byte, sizeof(named) - 1);
    bool valid = utf8_next(text.data, text.len, out_used);

    if (name != NULL) {
        return (size_t)snprintf(out, ESCAPE_MAX + 1, "\\%c", names[name - named]);
    }
    if (!valid) {
        return (size_t)snprintf(out, ESCAPE_MAX + 1, "\\ufffd");
    }
    if (byte < ' ' || byte == 0x7f) {
        return (size_t)snprintf(out, ESCAPE_MAX + 1, "\\u%04x", byte);
    }
    if (byte == 0xc2 && (unsigned char)text.data[1] < 0xa0) { /* U+0080 to U+009F */
        return (size_t)snprintf(out, ESCAPE_MAX + 1, "\\u%04x", (unsigned char)text.data[1]);
    }
    memcpy(out, text.data, *out_used);
    return *out_used;
}

static void put_quoted(struct log_line *line, struct slice value, size_t limit)
{
    size_t end = line->len + limit - CLOSING;
    char piece[ESCAPE_MAX + 1];

    put_bytes(line, "\"", 1);
    while (value.len > 0) {
        size_t used;
        size_t len = escape_character(value, piece, &used);

        if (line->len + len > end) {
            put_bytes(line, "...", 3);
            break;
        }
        put_bytes(line, piece, len);
        value = slice_make(value.data + used, value.len - used);
    }
    put_bytes(line, "\"", 1);
}

void log_line_start(struct log_line *line, enum log_format format)
{
    line->format = format;
    line->has_pairs = false;
    line->len = 0;
    if (format == LOG_FORMAT_JSON) {
        put_bytes(line, "{", 1);
    }
}

void log_line_put_text(struct log_line *line, const char *key, const char *value, bool quoted)
{
    struct slice text = slice_make(value, strnlen(value, LOG_VALUE_MAX + 1));
    size_t room = log_line_room(line);
    size_t limit;

    if (room < strlen(key) + KEY_EXTRA + ESCAPE_MAX + CLOSING) {
        return;
    }
    put_key(line, key);
    limit = log_line_room(line);
    limit = limit < LOG_VALUE_MAX ? limit : LOG_VALUE_MAX;
    if (line->format == LOG_FORMAT_JSON || quoted || text.len > limit || needs_quotes(value)) {
        put_quoted(line, text, limit);
    } else {
        put_bytes(line, value, text.len);
    }
}

static void put_digits(struct log_line *line, const char *key, const char *digits)
{
    put_key(line, key);
    put_bytes(line, digits, strlen(digits));
}

void log_line_put_number(struct log_line *line, const char *key, long long number)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%lld", number);

    if (log_line_room(line) >= strlen(key) + KEY_EXTRA + (size_t)len) {
        put_digits(line, key, digits);
    }
}

void log_line_put_last(struct log_line *line, const char *key, unsigned long long number)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%llu", number);
    put_digits(line, key, digits);
}

void log_line_end(struct log_line *line)
{
    if (line->format == LOG_FORMAT_JSON) {
        put_bytes(line, "}", 1);
    }
    put_bytes(line, "\n", 1);
}
