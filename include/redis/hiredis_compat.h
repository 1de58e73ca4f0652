/* What differs between hiredis 0.14 and 1.x, in one place: how an array's size is passed, how the
 * task under way is found, the types of RESP3. For redis/resp.c alone. */
#ifndef CHUNNELD_REDIS_HIREDIS_COMPAT_H
#define CHUNNELD_REDIS_HIREDIS_COMPAT_H

#include <hiredis/read.h>

#ifndef REDIS_REPLY_DOUBLE /* 0.14 */

/* The size argument of redisReplyObjectFunctions.createArray. */
typedef int hiredis_array_size;

/* The task under way, or NULL between replies. */
static inline const redisReadTask *hiredis_current_task(const redisReader *reader)
{
    return reader->ridx < 0 ? NULL : &reader->rstack[reader->ridx];
}

/* Members of redisReplyObjectFunctions for types that 0.14 does not know. */
#define HIREDIS_RESP3_FUNCTIONS(on_double, on_bool)

#else /* 1.x */

typedef size_t hiredis_array_size;

static inline const redisReadTask *hiredis_current_task(const redisReader *reader)
{
    return reader->ridx < 0 ? NULL : reader->task[reader->ridx];
}

#define HIREDIS_RESP3_FUNCTIONS(on_double, on_bool)                                                \
    .createDouble = (on_double), .createBool = (on_bool),

#endif

#endif
