/* A real redis-server of the test's own, on a free loopback port and in a folder of its own, and a
 * blocking client to it. */
#ifndef CHUNNELD_TESTS_FAKE_REDIS_REAL_H
#define CHUNNELD_TESTS_FAKE_REDIS_REAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"

struct redis_real {
    uint16_t port;
    pid_t pid; /* 0: not running */
    char folder[64];
    char socket_path[96];
    int fd; /* of the client; -1: not connected */
};

/* Whether the program is installed. */
bool redis_real_is_there(void);
/* Starts it and waits until it answers; ends the process when it cannot. */
void redis_real_init(struct redis_real *real);
void redis_real_fini(struct redis_real *real);
/* kill -9; starts it again on the same port. */
void redis_real_kill(struct redis_real *real);
void redis_real_start(struct redis_real *real);

/* Sends a command and returns the first line of its reply without its end, valid until the next
 * call; "" when the server has gone. */
const char *redis_real_command(struct redis_real *real, const struct slice *args, size_t count);
/* The same for a text of words with single spaces. */
const char *redis_real_say(struct redis_real *real, const char *words);

#endif
