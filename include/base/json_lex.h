/* The words of JSON (RFC 8259): strings, numbers, true, false, null, and the space between them.
 * For base/json_scan.c, which knows how they fit together. */
#ifndef CHUNNELD_BASE_JSON_LEX_H
#define CHUNNELD_BASE_JSON_LEX_H

#include <stddef.h>

#include "base/slice.h"

/* A text being read. */
struct json_lex {
    struct slice text;
    size_t at;         /* next byte */
    size_t failed_at;  /* where `failure` lies */
    char failure[200]; /* what is wrong there, and what would be right */
};

/* Notes what is wrong at `at`; returns -1. */
int json_lex_fail(struct json_lex *lex, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The next byte; -1 at the end. */
int json_lex_peek(const struct json_lex *lex);
void json_lex_space(struct json_lex *lex);
/* What stands at the next byte, in words. */
const char *json_lex_found(const struct json_lex *lex, char out[24]);

/* Steps over a string; the next byte is its quote. 0, or -1 and `failure`. */
int json_lex_string(struct json_lex *lex);
/* Steps over any value that is no container. 0, or -1 and `failure`. */
int json_lex_scalar(struct json_lex *lex);

/* Bytes of the number, or of the string with its quotes, that begins at `offset` of a text that is
 * known to be good up to there. */
size_t json_lex_number_length(struct slice text, size_t offset);
size_t json_lex_string_length(struct slice text, size_t offset);
/* The offset at which byte `index` of the value of that string stands, or its escape begins; the
 * closing quote's for an index past the end. */
size_t json_lex_string_locate(struct slice text, size_t offset, size_t index);

#endif
