/* Commands to Redis as bytes: RESP arrays of bulk strings, written straight into the memory they
 * are sent from. */
#ifndef CHUNNELD_REDIS_COMMAND_H
#define CHUNNELD_REDIS_COMMAND_H

#include <stddef.h>

#include "base/slice.h"

/* Bytes that are enough for the command; a few more than it will take. */
size_t redis_command_room(const struct slice *args, size_t count);
/* Writes the command of `count` arguments, to `out`, which has that room; returns the
 * bytes written. */
size_t redis_command_write(const struct slice *args, size_t count, void *out);

#endif
