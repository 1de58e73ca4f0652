/* Names and sums of what connections and subscriptions tell of themselves; see the header. */
#include "core/status.h"

const char *connection_state_name(enum connection_state state)
{
    static const char *const names[] = {
        [CONNECTION_STOPPED] = "stopped",
        [CONNECTION_DOWN] = "down",
        [CONNECTION_CONNECTING] = "connecting",
        [CONNECTION_UP] = "up",
    };

    return names[state];
}

uint64_t subscription_gap_us(const struct subscription_gap *gap, uint64_t now_us)
{
    if (gap->since_us == 0 || now_us < gap->since_us) {
        return gap->total_us;
    }
    return gap->total_us + (now_us - gap->since_us);
}
