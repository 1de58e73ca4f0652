/* AMQP fields from JSON, in the form of core/field_json.h: arguments and headers of the rules, and
 * envelopes. Whoever reads says where the memory comes from and hears what is wrong. */
#ifndef CHUNNELD_CORE_FIELD_READ_H
#define CHUNNELD_CORE_FIELD_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "core/field.h"

enum { FIELD_NAME_MAX = 255 }; /* octets, AMQP 0-9-1 §4.2.5.5 */

struct field_reader {
    struct json *json; /* what is read */
    void *ctx;         /* of the calls below */
    /* Memory for `size` bytes, aligned for anything, as long as the fields live; NULL: there is
     * none, which `ctx` remembers. */
    void *(*take)(void *ctx, size_t size);
    /* Something is wrong with `node`, or, with `at_key`, with its key. Reading goes on, to find
     * more. */
    void (*on_problem)(void *ctx, const struct json_node *node, bool at_key, const char *words);
    unsigned depth; /* tables and lists open; 0 to begin with */
};

/* Reads one value, or the members of an object as a table. -1: something is wrong, and said; what
 * is in `out` is then unusable. */
int field_read(struct field_reader *reader, const struct json_node *node, struct field *out);
int field_read_table(struct field_reader *reader, const struct json_node *object,
                     struct field_table *out);
/* Reads the key of `member` as a name. */
int field_read_name(struct field_reader *reader, const struct json_node *member, struct slice *out);
/* Reads a string, which may stand in its typed form. */
int field_read_string(struct field_reader *reader, const struct json_node *node, struct slice *out);

#endif
