/* Filters in the configuration: conditions compiled for core/filter.h. For conf/ alone. */
#ifndef CHUNNELD_CONF_FILTER_H
#define CHUNNELD_CONF_FILTER_H

#include "conf/loader.h"
#include "core/filter.h"

/* Reads a condition; what is wrong is said, and *out_filter then left alone. */
void conf_filter_read(struct conf_loader *loader, const struct json_node *node,
                      struct conf_filter *out_filter);

/* A test of a condition, and what may stand under it. */
struct conf_filter_op {
    const char *name;
    enum filter_op op;
    unsigned operands; /* 1u << enum json_type of those that it takes, or of a list's items */
    bool is_list;
    const char *wanted; /* in words */
};

/* The tests; the list ends with a NULL name. */
extern const struct conf_filter_op conf_filter_ops[7];

/* Reads the members of `node` that are tests. -1: one is wrong, and that is said; so is that there
 * is none. With `is_text` the value is a string that is always there. */
int conf_filter_read_tests(struct conf_loader *loader, const struct json_node *node, bool is_text,
                           struct filter *out);
/* Reads a glob as the one test of a value. */
int conf_filter_read_glob(struct conf_loader *loader, const struct json_node *node,
                          struct filter *out);

#endif
