/* Why a message was given up, and the name of that in x-chunnel-reason. */
#ifndef CHUNNELD_CORE_REFUSAL_H
#define CHUNNELD_CORE_REFUSAL_H

#include "base/slice.h"

enum refusal {
    REFUSAL_TEMPLATE,       /* a value that the mapping wants is missing */
    REFUSAL_TOO_LARGE,      /* over max_message_size, or headers over a frame */
    REFUSAL_REFUSED,        /* the sink or the far side will never take it */
    REFUSAL_UNROUTABLE,     /* it came back, and the rule does not try again */
    REFUSAL_RETRIES,        /* refused as often as the rule allows */
    REFUSAL_NO_SUBSCRIBERS, /* PUBLISH reached too few, and the rule rejects it */
    REFUSAL_ENVELOPE,       /* the body is no valid envelope */
    REFUSAL_COUNT
};

const char *refusal_name(enum refusal refusal);
/* The static string of that name; NULL: it is no reason. */
const char *refusal_find_name(struct slice name);

#endif
