/* Redis' glob: * ? [abc] [^a] [a-z] and \ before a literal, exactly as PSUBSCRIBE matches
 * (redis 7 src/util.c, stringmatchlen), with what each wildcard matched. So the empty text is
 * matched by the empty pattern only, and an unclosed `[` ends with the pattern. Linear in memory,
 * at worst quadratic in time: no pattern makes it explode. */
#ifndef CHUNNELD_CORE_GLOB_H
#define CHUNNELD_CORE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

enum { GLOB_CAPTURES_MAX = 9 };

/* Whether `pattern` matches the whole of `text`. captures[i] (NULL: not wanted) gets what the
 * wildcard i matched, the shortest for every `*` but the last; entries past the pattern's
 * wildcards are left alone. */
bool glob_match(struct slice pattern, struct slice text, struct slice captures[GLOB_CAPTURES_MAX]);

/* Wildcards (`*` runs count once, `?`, `[...]`) in the pattern, up to GLOB_CAPTURES_MAX. */
unsigned glob_count_wildcards(struct slice pattern);

/* The pattern holds no wildcard: it matches one text only. */
bool glob_is_literal(struct slice pattern);

#endif
