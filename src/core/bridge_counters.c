/* The books of a bridge as numbers. For: adding them up and whether they balance. Not for: when a
 * message counts as what (bridge_settle.c). */
#include "core/bridge.h"

uint64_t bridge_counters_pending(const struct bridge_counters *counters)
{
    return counters->buffered + counters->spooled + counters->in_flight;
}

void bridge_counters_add(struct bridge_counters *counters, const struct bridge_counters *more)
{
    counters->received += more->received;
    counters->delivered += more->delivered;
    counters->filtered += more->filtered;
    counters->dropped += more->dropped;
    counters->dead_lettered += more->dead_lettered;
    counters->returned += more->returned;
    counters->retried += more->retried;
    counters->unroutable += more->unroutable;
    counters->no_subscribers += more->no_subscribers;
    counters->bytes_in += more->bytes_in;
    counters->bytes_out += more->bytes_out;
    counters->buffered += more->buffered;
    counters->spooled += more->spooled;
    counters->in_flight += more->in_flight;
}

bool bridge_counters_balance(const struct bridge_counters *counters)
{
    return counters->received == counters->delivered + counters->filtered + counters->dropped +
                                     counters->dead_lettered + counters->returned +
                                     bridge_counters_pending(counters);
}
