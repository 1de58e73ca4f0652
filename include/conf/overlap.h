/* Whether some channel matches two of Redis' patterns. For conf/ alone. */
#ifndef CHUNNELD_CONF_OVERLAP_H
#define CHUNNELD_CONF_OVERLAP_H

#include <stdbool.h>

#include "base/slice.h"

/* Whether there is a text that both patterns match, each as glob_match() has it. False also when
 * memory is out: nothing is claimed then. */
bool conf_globs_overlap(struct slice a, struct slice b);

#endif
