/* The words for what is wrong with a bridge. Not for: when it is (bridge_flow.c, bridge_settle.c),
 * nor what to do about it (ops/advice.c). */
#include "core/trouble.h"

#include <stddef.h>

static const struct trouble_text {
    const char *name;
    const char *words;
} trouble_texts[TROUBLES] = {
    [TROUBLE_NONE] = {NULL, NULL},
    [TROUBLE_NOBODY] = {"holding", "nobody is subscribed"},
    [TROUBLE_FULL_NEWEST] = {"full", "buffer is full, dropping the newest messages"},
    [TROUBLE_FULL_OLDEST] = {"full", "buffer is full, dropping the oldest messages"},
    [TROUBLE_FULL_DISK] = {"full", "buffer and spool are full, dropping the newest messages"},
    [TROUBLE_DISK_REFUSES] = {"dropping", "spool takes no more, dropping the newest messages"},
};

const char *bridge_trouble_words(enum bridge_trouble trouble)
{
    return trouble_texts[trouble].words;
}

const char *bridge_trouble_name(enum bridge_trouble trouble)
{
    return trouble_texts[trouble].name;
}
