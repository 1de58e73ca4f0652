/* The names of the reasons for which messages are given up. Not for: deciding it (bridge_settle.c).
 */
#include "core/refusal.h"

#include <stddef.h>

static const char *const names[REFUSAL_COUNT] = {
    [REFUSAL_TEMPLATE] = "template", [REFUSAL_TOO_LARGE] = "too-large",
    [REFUSAL_REFUSED] = "refused",   [REFUSAL_UNROUTABLE] = "unroutable",
    [REFUSAL_RETRIES] = "retries",   [REFUSAL_NO_SUBSCRIBERS] = "no-subscribers",
    [REFUSAL_ENVELOPE] = "envelope",
};

const char *refusal_name(enum refusal refusal)
{
    return names[refusal];
}

const char *refusal_find_name(struct slice name)
{
    for (size_t i = 0; i < REFUSAL_COUNT; i++) {
        if (slice_equal_text(name, names[i])) {
            return names[i];
        }
    }
    return NULL;
}
