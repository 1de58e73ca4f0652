/* The words of JSON, strictly. For: refusing what cJSON lets pass, with a remedy. Not for: how
 * values nest (base/json_scan.c), nor what they are worth (base/json.c). */
#include "base/json_lex.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* cJSON copies a number into a buffer that holds this many characters before it reads it. */
enum { JSON_LEX_NUMBER_MAX = 63 };

int json_lex_fail(struct json_lex *lex, size_t at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(lex->failure, sizeof(lex->failure), format, args);
    va_end(args);
    lex->failed_at = at;
    return -1;
}

int json_lex_peek(const struct json_lex *lex)
{
    return lex->at < lex->text.len ? (unsigned char)lex->text.data[lex->at] : -1;
}

void json_lex_space(struct json_lex *lex)
{
    for (;;) {
        int c = json_lex_peek(lex);

        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            return;
        }
        lex->at++;
    }
}

const char *json_lex_found(const struct json_lex *lex, char out[24])
{
    int c = json_lex_peek(lex);

    if (c < 0) {
        return "the end of the text";
    }
    snprintf(out, 24, c > 0x20 && c < 0x7F ? "'%c'" : "the byte 0x%02X", (unsigned)c);
    return out;
}

/* Four hex digits behind \u: the number, or -1. */
static int json_lex_hex(struct json_lex *lex)
{
    int value = 0;
    int i;

    for (i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        int c = json_lex_peek(lex);
        const char *found = c > 0 ? strchr(digits, c) : NULL;
        int digit;

        if (found == NULL) {
            return json_lex_fail(lex, lex->at, "\\u wants four hexadecimal digits");
        }
        digit = (int)(found - digits);
        value = value * 16 + (digit > 15 ? digit - 6 : digit);
        lex->at++;
    }
    return value;
}

/* Behind \u, whose backslash is at `begin`: one character, or a pair of surrogates. */
static int json_lex_unicode(struct json_lex *lex, size_t begin)
{
    int code = json_lex_hex(lex);
    int low = 0;

    if (code < 0) {
        return -1;
    }
    if (code == 0) {
        return json_lex_fail(lex, begin, "\\u0000 is not allowed in a string; leave it out");
    }
    if (code < 0xD800 || code > 0xDFFF) {
        return 0;
    }
    if (code < 0xDC00 && lex->text.len - lex->at >= 2 &&
        memcmp(lex->text.data + lex->at, "\\u", 2) == 0) {
        lex->at += 2;
        low = json_lex_hex(lex);
    }
    if (low >= 0 && (low < 0xDC00 || low > 0xDFFF)) {
        return json_lex_fail(lex, begin,
                             "half of a surrogate pair; write both halves, or the character");
    }
    return low < 0 ? -1 : 0;
}

/* A backslash and what follows. */
static int json_lex_escape(struct json_lex *lex)
{
    size_t begin = lex->at;
    int c;

    lex->at++;
    c = json_lex_peek(lex);
    if (c <= 0 || strchr("\"\\/bfnrtu", c) == NULL) {
        return json_lex_fail(lex, begin, "unknown escape; a backslash itself is written \\\\");
    }
    lex->at++;
    return c == 'u' ? json_lex_unicode(lex, begin) : 0;
}

/* Whether a byte of a string is a character by itself: most are. */
static bool json_lex_is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* A character of a string, as it is or escaped. */
static int json_lex_character(struct json_lex *lex)
{
    const char *byte = lex->text.data + lex->at;
    unsigned char c = (unsigned char)*byte;
    size_t len;

    if (c == '\\') {
        return json_lex_escape(lex);
    }
    if (c < 0x20) {
        return json_lex_fail(lex, lex->at,
                             "a control character (0x%02X) in a string; write it as \\u%04x%s", c,
                             c, c == '\n' ? ", or close the string before it" : "");
    }
    if (!utf8_next(byte, lex->text.len - lex->at, &len)) {
        return json_lex_fail(lex, lex->at, "invalid UTF-8 (byte 0x%02X); save the text as UTF-8",
                             c);
    }
    lex->at += len;
    return 0;
}

int json_lex_string(struct json_lex *lex)
{
    size_t begin = lex->at++;

    for (;;) {
        while (lex->at < lex->text.len &&
               json_lex_is_plain((unsigned char)lex->text.data[lex->at])) {
            lex->at++;
        }
        if (lex->at == lex->text.len) {
            break;
        }
        if (lex->text.data[lex->at] == '"') {
            lex->at++;
            return 0;
        }
        if (json_lex_character(lex) != 0) {
            return -1;
        }
    }
    return json_lex_fail(lex, begin, "this string has no end; close it with '\"'");
}

/* Steps over digits; how many. */
static size_t json_lex_digits(struct json_lex *lex)
{
    size_t begin = lex->at;

    while (json_lex_peek(lex) >= '0' && json_lex_peek(lex) <= '9') {
        lex->at++;
    }
    return lex->at - begin;
}

/* A number (RFC 8259 §6). */
static int json_lex_number(struct json_lex *lex)
{
    size_t begin = lex->at;
    size_t digits;
    bool zero;
    bool bad;

    lex->at += json_lex_peek(lex) == '-';
    zero = json_lex_peek(lex) == '0';
    digits = json_lex_digits(lex);
    bad = digits == 0;
    if (json_lex_peek(lex) == '.') {
        lex->at++;
        bad |= json_lex_digits(lex) == 0;
    }
    if (json_lex_peek(lex) == 'e' || json_lex_peek(lex) == 'E') {
        lex->at++;
        lex->at += json_lex_peek(lex) == '+' || json_lex_peek(lex) == '-';
        bad |= json_lex_digits(lex) == 0;
    }
    if (bad) {
        return json_lex_fail(lex, begin, "not a number: digits are missing");
    }
    if (zero && digits > 1) {
        return json_lex_fail(lex, begin, "a number with a leading zero; leave the zero out");
    }
    if (lex->at - begin > JSON_LEX_NUMBER_MAX) {
        return json_lex_fail(lex, begin, "a number of more than %d characters; shorten it",
                             JSON_LEX_NUMBER_MAX);
    }
    return 0;
}

/* Whether `word` comes next; then it is stepped over. */
static bool json_lex_is(struct json_lex *lex, struct slice word)
{
    if (lex->text.len - lex->at < word.len ||
        memcmp(lex->text.data + lex->at, word.data, word.len) != 0) {
        return false;
    }
    lex->at += word.len;
    return true;
}

int json_lex_scalar(struct json_lex *lex)
{
    int c = json_lex_peek(lex);
    char found[24];

    if (c == '"') {
        return json_lex_string(lex);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        return json_lex_number(lex);
    }
    if (json_lex_is(lex, SLICE("true")) || json_lex_is(lex, SLICE("false")) ||
        json_lex_is(lex, SLICE("null"))) {
        return 0;
    }
    switch (c) {
    case '/':
    case '#':
        return json_lex_fail(lex, lex->at,
                             "JSON has no comments; put the words under a \"description\" key");
    case '\'':
        return json_lex_fail(lex, lex->at, "strings stand in double quotes");
    case 0xEF:
        return json_lex_fail(lex, lex->at,
                             "no JSON value; if this is a byte order mark, save without it");
    default:
        return json_lex_fail(lex, lex->at, "a value is wanted here, this is %s",
                             json_lex_found(lex, found));
    }
}

size_t json_lex_number_length(struct slice text, size_t offset)
{
    struct json_lex lex = {.text = text, .at = offset};

    json_lex_number(&lex);
    return lex.at - offset;
}

size_t json_lex_string_length(struct slice text, size_t offset)
{
    size_t end = offset + 1;

    while (end < text.len && text.data[end] != '"') {
        end += text.data[end] == '\\' ? 2 : 1;
    }
    return end + 1 - offset;
}

/* How many bytes of UTF-8 the escape at `at` stands for; *out_len: how long it is itself. */
static size_t json_lex_escape_bytes(struct slice text, size_t at, size_t *out_len)
{
    struct json_lex lex = {.text = text, .at = at + 2};
    int code;

    if (text.data[at + 1] != 'u') {
        *out_len = 2;
        return 1;
    }
    code = json_lex_hex(&lex);
    *out_len = 6;
    if (code >= 0xD800 && code <= 0xDFFF) {
        *out_len = 12;
        return 4;
    }
    return code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
}

size_t json_lex_string_locate(struct slice text, size_t offset, size_t index)
{
    size_t at = offset + 1;
    size_t seen = 0;
    size_t len;

    while (at < text.len && text.data[at] != '"') {
        size_t bytes = 1;

        len = 1;
        if (text.data[at] == '\\') {
            bytes = json_lex_escape_bytes(text, at, &len);
        }
        if (seen + bytes > index) {
            break;
        }
        seen += bytes;
        at += len;
    }
    return at;
}
