/* Replies that are whole in the input and of the shapes that come by the million: an array of
 * strings (a published message) and a number (the reply to PUBLISH). They are taken where they lie,
 * without hiredis' reader and its copy. */
#ifndef CHUNNELD_REDIS_RESP_WHOLE_H
#define CHUNNELD_REDIS_RESP_WHOLE_H

#include <stddef.h>

#include "redis/resp.h"

/* The bytes of the reply that `data` (`len` of them, 1 at least) begins with, and the reply in
 * *out_frame, its texts inside `data`. 0: it is not whole, of another shape, or none: the reader
 * must say; *out_frame may have been written to. */
size_t resp_whole_take(const char *data, size_t len, struct resp_frame *out_frame);

#endif
