/* Which AMQP messages a mirror takes: not those that it put there itself, nor those that have
 * crossed as many mirrors as they may, whoever put them there. */
#ifndef CHUNNELD_CORE_ORIGIN_H
#define CHUNNELD_CORE_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/delivery.h"

/* The header that counts the mirrors that a message has crossed towards AMQP. */
#define ORIGIN_HOPS_HEADER "x-chunnel-hops"

/* Who asks. The strings are borrowed. */
struct origin {
    const char *instance; /* as in x-chunnel-origin */
    const char *bridge;   /* as in x-chunnel-bridge */
    uint64_t hops;        /* mirrors that a message may cross, 1 or more */
};

/* A screen of a bridge (bridge_setup.screen), with a struct origin as its ctx. The source must
 * decode properties. */
bool origin_passes(void *origin, const struct delivery *delivery);

#endif
