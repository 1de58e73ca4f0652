/* What somebody probably meant: the known name nearest to an unknown one, for error messages. */
#ifndef CHUNNELD_BASE_NEAREST_H
#define CHUNNELD_BASE_NEAREST_H

#include <stddef.h>

#include "base/slice.h"

/* The name of `names` that takes the fewest edits (a character more, less or other, two neighbours
 * swapped) to make of `wrong`, the first of several; NULL where `count` is 0. Of long names the
 * first 64 bytes count. */
const char *nearest_name(struct slice wrong, const char *const *names, size_t count);

#endif
