/* Filters of the rules: which messages a bridge carries at all. Compiled once by conf/, asked for
 * every message, without allocation but for a JSON body, which is parsed once and shared with the
 * templates.
 *
 * A condition looks at one value of the message, which is there or not: the routing key, the
 * channel, a header, or a value of the body where that is JSON. Each of its tests must hold:
 *
 * - equals, in: the same type and value. Numbers are compared as numbers, whatever types AMQP or
 *   JSON gave them, and whole ones in all their digits; strings by their bytes.
 * - matches: a string, by a glob (core/glob.h).
 * - less, greater: a number with a number, a string with a string by its bytes.
 * - exists: whether the value is there; null and void are values.
 *
 * What is not there, or of another type, fails every test but "exists": false; a body that is no
 * JSON fails that too. `not` holds where its condition does not, whatever the reason. */
#ifndef CHUNNELD_CORE_FILTER_H
#define CHUNNELD_CORE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "core/body_json.h"
#include "core/delivery.h"
#include "core/filter_value.h"

enum filter_kind {
    FILTER_ALL,         /* parts: every one holds */
    FILTER_ANY,         /* parts: at least one holds */
    FILTER_NOT,         /* parts: the one does not hold */
    FILTER_JSON,        /* name: the pointer (RFC 6901) */
    FILTER_HEADER,      /* name: the header's */
    FILTER_ROUTING_KEY, /* AMQP sources */
    FILTER_CHANNEL,     /* Redis sources */
};

enum filter_op {
    FILTER_EQUALS,
    FILTER_IN,
    FILTER_MATCHES,
    FILTER_LESS,
    FILTER_GREATER,
    FILTER_EXISTS,
};

struct filter_test {
    enum filter_op op;
    const struct filter_value *values; /* IN: any number; EXISTS: one that is true or false; others:
                                        * one */
    size_t count;
};

/* A condition, immutable; all that it points to lives as long. */
struct filter {
    enum filter_kind kind;
    struct slice name;
    const struct filter *parts;
    const struct filter_test *tests;
    size_t count; /* of the parts or tests */
};

/* Whether `delivery` passes. `body` keeps its JSON. */
bool filter_passes(const struct filter *filter, const struct delivery *delivery,
                   struct body_json *body);
/* Whether a source must decode the properties of its messages for this filter. */
bool filter_needs_properties(const struct filter *filter);

#endif
