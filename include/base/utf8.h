/* UTF-8 (RFC 3629), checked: no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef CHUNNELD_BASE_UTF8_H
#define CHUNNELD_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* Bytes (1 to 4) of the well-formed character that `text` begins with; 0 where it begins with none
 * or is empty. */
size_t utf8_character_len(struct slice text);
/* All of it is well-formed; so is the empty text. */
bool utf8_is_valid(struct slice text);

#endif
