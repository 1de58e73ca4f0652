/* What all endpoints have in common: the names of what became of a delivery, and their end. Not
 * for: the endpoints themselves, which live in redis/ and amqp/. */
#include "core/endpoint.h"

#include <stddef.h>

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_DELIVERED] = "delivered",     [OUTCOME_RETRY] = "retry",
        [OUTCOME_NO_EXCHANGE] = "no-exchange", [OUTCOME_LOST] = "lost",
        [OUTCOME_UNROUTABLE] = "unroutable",   [OUTCOME_NO_SUBSCRIBERS] = "no-subscribers",
        [OUTCOME_REFUSED] = "refused",         [OUTCOME_TOO_LARGE] = "too-large",
    };

    return names[outcome];
}

const char *outcome_nobody_words(uint32_t reached)
{
    return reached == 0 ? "PUBLISH reached nobody" : "PUBLISH reached fewer than min_subscribers";
}

void endpoint_free_source(struct source *source)
{
    if (source != NULL) {
        source->ops->free(source);
    }
}

void endpoint_free_sink(struct sink *sink)
{
    if (sink != NULL) {
        sink->ops->free(sink);
    }
}
