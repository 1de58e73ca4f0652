/* Names of what became of a delivery, for logs and errors. Not for: the endpoints themselves, which
 * live in redis/ and amqp/. */
#include "core/endpoint.h"

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_DELIVERED] = "delivered",
        [OUTCOME_RETRY] = "retry",
        [OUTCOME_LOST] = "lost",
        [OUTCOME_UNROUTABLE] = "unroutable",
        [OUTCOME_NO_SUBSCRIBERS] = "no-subscribers",
        [OUTCOME_REFUSED] = "refused",
        [OUTCOME_TOO_LARGE] = "too-large",
    };

    return names[outcome];
}
