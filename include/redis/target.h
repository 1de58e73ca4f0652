/* Where a connection to Redis goes next, and when: the addresses of the configuration tried in
 * turn, the back-off between the rounds. */
#ifndef CHUNNELD_REDIS_TARGET_H
#define CHUNNELD_REDIS_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/backoff.h"
#include "base/rand.h"
#include "conf/config.h"
#include "net/link.h"

enum { REDIS_WHERE_SIZE = 300 };

/* Embedded by value; made by redis_target_init. */
struct redis_target {
    const struct conf_connection *conf; /* borrowed */
    const struct tls_context *tls;      /* borrowed; NULL: no url needs it */
    struct backoff backoff;             /* between the rounds */
    size_t url;                         /* index of the address in use */
    size_t tried;                       /* addresses that failed in this round */
};

void redis_target_init(struct redis_target *target, const struct conf_connection *conf,
                       const struct tls_context *tls);
/* The address in use. */
const struct conf_url *redis_target_url(const struct redis_target *target);
/* The same for the link, and as text for people, never with user or password. */
void redis_target_link(const struct redis_target *target, struct link_target *out_link);
void redis_target_where(const struct redis_target *target, char out_text[REDIS_WHERE_SIZE]);

/* It works, as of the monotonic time `now_us`. */
void redis_target_good(struct redis_target *target, uint64_t now_us);
/* The link was lost at `now_us`, after it had worked: µs before the next try, at the same address.
 */
uint64_t redis_target_lost(struct redis_target *target, struct rand *rand, uint64_t now_us);
/* The address did not work: µs before the next try, at the next address; addresses not yet tried
 * in this round are not kept waiting. `at_leisure`: after a whole round, the longest delay. */
uint64_t redis_target_failed(struct redis_target *target, struct rand *rand, uint64_t now_us,
                             bool at_leisure);

#endif
