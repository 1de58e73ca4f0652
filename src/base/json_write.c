/* Writing JSON. For: statistics, logs, the effective configuration. Not for: reading it
 * (base/json.c). */
#include "base/json_write.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digits.h"
#include "base/utf8.h"

enum {
    JSON_KEY_ROOM = 4, /* what a key has around it: a comma, quotes, a colon */
    JSON_THOUSANDTHS_ROOM = DIGITS_MOST + 4, /* of its whole part, and the point */
};

/* Thousandths from which on a double may not have all digits. */
#define JSON_THOUSANDTHS_EXACT UINT64_C(1000000000000000)

/* The escape of a character that JSON wants escaped (RFC 8259 §7). */
static void json_write_escape(struct strbuf *out, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    const char *found = c ? strchr(from, c) : NULL;

    if (found != NULL) {
        strbuf_append_char(out, '\\');
        strbuf_append_char(out, to[found - from]);
        return;
    }
    strbuf_append_format(out, "\\u%04x", c);
}

static bool json_is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

/* json_is_plain() of all eight at `text`. A byte less one borrows from above it if it was 0, so
 * that its highest bit says "was 0"; what a borrow gets wrong lies above one that is not plain. */
static bool json_are_plain(const char *text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t eight, quote, backslash, rubout;

    memcpy(&eight, text, sizeof(eight));
    quote = eight ^ (ones * '"');
    backslash = eight ^ (ones * '\\');
    rubout = eight ^ (ones * 0x7F);
    return ((eight | (eight - ones * 0x20) | (quote - ones) | (backslash - ones) |
             (rubout - ones)) &
            (ones * 0x80)) == 0;
}

/* How many bytes at the beginning are ASCII that stands for itself. */
static size_t json_write_plain(struct slice text)
{
    size_t at = 0;

    while (text.len - at >= sizeof(uint64_t) && json_are_plain(text.data + at)) {
        at += sizeof(uint64_t);
    }
    while (at < text.len && json_is_plain((unsigned char)text.data[at])) {
        at++;
    }
    return at;
}

/* The string between its quotes; the first `at` bytes are known to be plain. */
static void json_write_escaped(struct strbuf *out, struct slice text, size_t at)
{
    size_t begin = 0;
    size_t len;

    while (at < text.len) {
        unsigned char c = (unsigned char)text.data[at];

        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F &&
            utf8_next(text.data + at, text.len - at, &len)) {
            at += len;
            continue;
        }
        strbuf_append(out, text.data + begin, at - begin);
        if (c < 0x80) {
            json_write_escape(out, c);
            len = 1;
        } else {
            strbuf_append_text(out, "\xEF\xBF\xBD");
        }
        at += len;
        begin = at;
    }
    if (at > begin) {
        strbuf_append(out, text.data + begin, at - begin);
    }
}

static char *json_put_quoted(char *to, struct slice plain)
{
    *to++ = '"';
    if (plain.len > 0) {
        memcpy(to, plain.data, plain.len);
    }
    to[plain.len] = '"';
    return to + plain.len + 1;
}

void json_write_string(struct strbuf *out, struct slice text)
{
    size_t plain = json_write_plain(text);

    if (plain == text.len) {
        char *to = strbuf_reserve(out, text.len + 2);

        if (to != NULL) {
            json_put_quoted(to, text);
            strbuf_commit(out, text.len + 2);
        }
        return;
    }
    strbuf_append_char(out, '"');
    json_write_escaped(out, text, plain);
    strbuf_append_char(out, '"');
}

void json_writer_init(struct json_writer *writer, struct strbuf *out, unsigned indent)
{
    *writer = (struct json_writer){.out = out, .indent = indent};
}

void json_writer_init_part(struct json_writer *writer, struct strbuf *out, unsigned indent,
                           unsigned depth)
{
    json_writer_init(writer, out, indent);
    writer->depth = depth;
    writer->after_key = true;
}

static void json_writer_newline(struct json_writer *writer)
{
    if (writer->indent > 0) {
        strbuf_append_format(writer->out, "\n%*s", (int)(writer->indent * writer->depth), "");
    }
}

/* What stands before an item of a container: nothing, or a comma. */
static void json_writer_item(struct json_writer *writer)
{
    if (writer->depth == 0) {
        return;
    }
    if (writer->has_items[writer->depth - 1]) {
        strbuf_append_char(writer->out, ',');
    }
    writer->has_items[writer->depth - 1] = true;
    json_writer_newline(writer);
}

static void json_writer_value(struct json_writer *writer)
{
    if (writer->after_key) {
        writer->after_key = false;
        return;
    }
    json_writer_item(writer);
}

static void json_writer_begin(struct json_writer *writer, char bracket)
{
    json_writer_value(writer);
    strbuf_append_char(writer->out, bracket);
    assert(writer->depth < JSON_WRITER_DEPTH_MAX);
    writer->has_items[writer->depth] = false;
    writer->depth++;
}

static void json_writer_end(struct json_writer *writer, char bracket)
{
    assert(writer->depth > 0);
    writer->depth--;
    if (writer->has_items[writer->depth]) {
        json_writer_newline(writer);
    }
    strbuf_append_char(writer->out, bracket);
}

void json_writer_begin_object(struct json_writer *writer)
{
    json_writer_begin(writer, '{');
}

void json_writer_end_object(struct json_writer *writer)
{
    json_writer_end(writer, '}');
}

void json_writer_begin_array(struct json_writer *writer)
{
    json_writer_begin(writer, '[');
}

void json_writer_end_array(struct json_writer *writer)
{
    json_writer_end(writer, ']');
}

void json_writer_key(struct json_writer *writer, const char *key)
{
    json_writer_key_slice(writer, slice_of(key));
}

/* A key on the one line of a document without indentation, in one go. */
static void json_writer_plain_key(struct json_writer *writer, struct slice key)
{
    bool *has_items = &writer->has_items[writer->depth - 1];
    char *start = strbuf_reserve(writer->out, key.len + JSON_KEY_ROOM);
    char *to = start;

    if (start == NULL) {
        return;
    }
    if (*has_items) {
        *to++ = ',';
    }
    *has_items = true;
    to = json_put_quoted(to, key);
    *to++ = ':';
    strbuf_commit(writer->out, (size_t)(to - start));
}

void json_writer_key_slice(struct json_writer *writer, struct slice key)
{
    if (writer->indent == 0 && writer->depth > 0 && json_write_plain(key) == key.len) {
        json_writer_plain_key(writer, key);
    } else {
        json_writer_item(writer);
        json_write_string(writer->out, key);
        strbuf_append_text(writer->out, writer->indent > 0 ? ": " : ":");
    }
    writer->after_key = true;
}

void json_writer_null(struct json_writer *writer)
{
    json_writer_raw(writer, SLICE("null"));
}

void json_writer_bool(struct json_writer *writer, bool value)
{
    json_writer_raw(writer, value ? SLICE("true") : SLICE("false"));
}

void json_writer_integer(struct json_writer *writer, int64_t value)
{
    json_writer_value(writer);
    strbuf_append_format(writer->out, "%" PRId64, value);
}

void json_writer_natural(struct json_writer *writer, uint64_t value)
{
    char *start;

    json_writer_value(writer);
    start = strbuf_reserve(writer->out, DIGITS_MOST);
    if (start != NULL) {
        strbuf_commit(writer->out, (size_t)(digits_put(start, value) - start));
    }
}

void json_writer_thousandths(struct json_writer *writer, uint64_t value)
{
    unsigned fraction = (unsigned)(value % 1000);
    char *start;
    char *to;

    if (value >= JSON_THOUSANDTHS_EXACT) {
        json_writer_double(writer, (double)value / 1000.0);
        return;
    }
    json_writer_value(writer);
    start = strbuf_reserve(writer->out, JSON_THOUSANDTHS_ROOM);
    if (start == NULL) {
        return;
    }
    to = digits_put(start, value / 1000);
    *to++ = '.';
    if (fraction % 10 != 0) {
        to = digits_put_padded(to, fraction, 3);
    } else {
        to = digits_put_padded(to, fraction / 10, 2);
        to -= to[-1] == '0';
    }
    strbuf_commit(writer->out, (size_t)(to - start));
}

void json_writer_double(struct json_writer *writer, double value)
{
    char text[32];
    int digits;

    if (!isfinite(value)) {
        json_writer_null(writer);
        return;
    }
    for (digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (!(strtod(text, NULL) < value || strtod(text, NULL) > value)) {
            break;
        }
    }
    json_writer_raw(writer, slice_of(text));
    if (strpbrk(text, ".e") == NULL) {
        strbuf_append_text(writer->out, ".0"); /* so that it is read back as a double */
    }
}

void json_writer_string(struct json_writer *writer, struct slice value)
{
    json_writer_value(writer);
    json_write_string(writer->out, value);
}

void json_writer_text(struct json_writer *writer, const char *value)
{
    if (value == NULL) {
        json_writer_null(writer);
        return;
    }
    json_writer_string(writer, slice_of(value));
}

void json_writer_raw(struct json_writer *writer, struct slice json)
{
    json_writer_value(writer);
    strbuf_append_slice(writer->out, json);
}
