/* UTF-8 (RFC 3629), byte by byte, for whoever must not take other bytes for it. */
#ifndef CHUNNELD_BASE_UTF8_H
#define CHUNNELD_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* Looks at the character that begins at `text` (len at least 1). True: it is one, *out_len bytes
 * long. False: it is none; *out_len bytes are the longest beginning of one, at least 1, to be
 * replaced by one U+FFFD (Unicode 3.9, table 3-8). Overlong forms, surrogates and what lies above
 * U+10FFFF are no characters. */
bool utf8_next(const char *text, size_t len, size_t *out_len);

/* Whether all of `text` is UTF-8; if not, *out_at (NULL: not wanted) is where it goes wrong. */
bool utf8_is_valid(struct slice text, size_t *out_at);

#endif
