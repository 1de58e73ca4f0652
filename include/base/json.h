/* Strict JSON (RFC 8259) from untrusted text to a tree that can be read, and that knows where each
 * of its nodes stands in the text. Refused, unlike by many parsers: anything behind the value,
 * invalid UTF-8, a byte order mark, control characters in strings, \u0000, lone surrogates,
 * duplicate keys, numbers such as 01 or 1., nesting over a limit.
 *
 * Strings and keys are therefore UTF-8 without a NUL. Nodes are borrowed from their document. */
#ifndef CHUNNELD_BASE_JSON_H
#define CHUNNELD_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

enum { JSON_DEPTH_MAX = 1000 }; /* no limit may be above; a scalar has depth 0, [] has 1 */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
/* The type in words, with its article: "a string", "an object", "null", ... */
const char *json_type_name(enum json_type type);

/* A document: the tree, and the text that it came from. */
struct json;
/* A value in it. */
struct json_node;

enum json_flags {
    JSON_POSITIONS = 1u << 0,        /* make the positions now, so that they cannot fail later */
    JSON_ALLOW_DUPLICATES = 1u << 1, /* the caller looks with json_each_duplicate() */
};

struct json_limits {
    size_t bytes;   /* longest text */
    size_t values;  /* most values in it, each some 100 bytes of memory; 0: no limit */
    unsigned depth; /* deepest nesting, 1 to JSON_DEPTH_MAX */
    unsigned flags; /* enum json_flags */
};

/* A place in the text. */
struct json_position {
    size_t offset;   /* bytes from the beginning */
    unsigned line;   /* from 1 */
    unsigned column; /* from 1, in bytes */
};

/* Why a text was refused. */
struct json_problem {
    struct json_position at;
    char pointer[256]; /* RFC 6901, to the innermost value around it; cut where it does not fit */
    char text[200];    /* what is wrong, and what would be right */
};

/* Parses `text`, which is borrowed and must outlive the document (json_free()). NULL, and why in
 * `out_problem` (NULL: not wanted), where it is no strict JSON or memory is out. */
struct json *json_parse(struct slice text, const struct json_limits *limits,
                        struct json_problem *out_problem);
void json_free(struct json *json);
const struct json_node *json_root(const struct json *json);

enum json_type json_type(const struct json_node *node);
bool json_is(const struct json_node *node, enum json_type type);

/* Children of an array or object in the order of the text; NULL: no more, or `node` is a scalar. */
const struct json_node *json_first(const struct json_node *node);
const struct json_node *json_next(const struct json_node *node);
size_t json_count(const struct json_node *node);
/* The key of an object's member; empty for others. NUL-terminated. */
struct slice json_key(const struct json_node *member);
/* The member called `name`, upper and lower case being different; NULL: none, or `object` is NULL
 * or no object. Takes time with the number of members. */
const struct json_node *json_member(const struct json_node *object, const char *name);
/* RFC 6901: the node at `pointer` below `root`; NULL: there is none, or the pointer is malformed.
 * The empty pointer is the root. */
const struct json_node *json_pointer_get(const struct json_node *root, struct slice pointer);
/* Whether `pointer` is well-formed: empty, or parts that begin with "/", with ~ only in ~0 and
 * ~1. */
bool json_pointer_is_valid(struct slice pointer);

/* Values; the node must be of that type. Strings are NUL-terminated. */
bool json_bool(const struct json_node *node);
struct slice json_string(const struct json_node *node);
double json_double(const struct json_node *node);
/* The number as it stands in the text. Empty: memory is out. */
struct slice json_number_text(struct json *json, const struct json_node *node);
/* The number exactly; -1 when it is written with a fraction or exponent, does not fit, or memory
 * is out. */
int json_integer(struct json *json, const struct json_node *node, int64_t *out_value);
int json_natural(struct json *json, const struct json_node *node, uint64_t *out_value);

/* Where a value, or its key (of an object's member, otherwise the value), begins. Line and column
 * 1 when memory is out and JSON_POSITIONS was not set. */
struct json_position json_position(struct json *json, const struct json_node *node);
struct json_position json_key_position(struct json *json, const struct json_node *node);
/* Where the byte `index` of a string's value stands in the text, escapes counted. */
struct json_position json_string_position(struct json *json, const struct json_node *node,
                                          size_t index);
/* Appends the RFC 6901 pointer from the root to `node`; nothing when memory is out and
 * JSON_POSITIONS was not set. */
void json_append_pointer(struct json *json, const struct json_node *node, struct strbuf *out);

/* Calls for each member whose key stood in the same object before. */
void json_each_duplicate(const struct json *json,
                         void (*on_duplicate)(void *ctx, const struct json_node *member),
                         void *ctx);

#endif
