/* The body of the message at hand as JSON: parsed when a filter or a template first asks for it,
 * and only once for all of them. */
#ifndef CHUNNELD_CORE_BODY_JSON_H
#define CHUNNELD_CORE_BODY_JSON_H

#include <stdbool.h>

#include "base/json.h"
#include "core/delivery.h"

/* All zero: nothing was parsed. */
struct body_json {
    struct slice body; /* what was parsed, borrowed; data NULL: nothing */
    uint64_t number;   /* of its delivery, so that another one in the same memory is not it */
    uint64_t process;  /* likewise */
    struct json *json; /* owned; NULL: it is none, and `problem` says why */
    struct json_problem problem;
};

/* The JSON of the body of `delivery`, until another one is asked for or it is forgotten; NULL: it
 * is none, and why in *out_problem (NULL: not wanted), as long. */
struct json *body_json_get(struct body_json *cache, const struct delivery *delivery,
                           const struct json_problem **out_problem);
/* Frees it; at the latest when the delivery leaves the bridge. */
void body_json_forget(struct body_json *cache);

#endif
