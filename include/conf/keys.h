/* The one table of the configuration: every key with its type, range, default and words. The
 * reader (conf/read.c), the defaults, the printer (conf/print.c), the JSON Schema, the manual page
 * and the reference (tools/) all follow it, so that they cannot disagree. */
#ifndef CHUNNELD_CONF_KEYS_H
#define CHUNNELD_CONF_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_node;
struct conf_loader;
struct conf_kind;

/* How a value is written, and what it becomes in the struct of its kind. */
enum conf_type {
    CONF_TYPE_BOOL,       /* true or false: bool */
    CONF_TYPE_INTEGER,    /* a number: integer of `size` bytes, min to max */
    CONF_TYPE_DURATION,   /* "5s": uint64_t, µs */
    CONF_TYPE_SIZE,       /* "64MiB" or 4096: uint64_t, bytes */
    CONF_TYPE_STRING,     /* const char *, min to max octets */
    CONF_TYPE_NAME,       /* const char *, [A-Za-z0-9._-]{1,64} */
    CONF_TYPE_PATH,       /* const char *, made relative to the file that it stands in */
    CONF_TYPE_STRINGS,    /* a string or a list: struct conf_strings, each min to max octets */
    CONF_TYPE_WORD,       /* one of `words`: enum or bool of `size` bytes */
    CONF_TYPE_TEMPLATE,   /* struct template *; a constant one has min to max octets */
    CONF_TYPE_TABLE,      /* an object: struct field_table */
    CONF_TYPE_HEADERS,    /* an object with templates: headers of struct mapping */
    CONF_TYPE_FILTER,     /* a condition: struct conf_filter */
    CONF_TYPE_URL,        /* a string, read by its kind */
    CONF_TYPE_URLS,       /* a list of strings, likewise */
    CONF_TYPE_CONNECTION, /* the name of one: const struct conf_connection *, found by its kind */
    CONF_TYPE_OBJECT,     /* an object of `kind`, part of the same struct, from `at` on */
    CONF_TYPE_LIST,       /* a list of objects of `kind`: pointer at `at`, count at `at_count` */
    CONF_TYPE_MAP,        /* likewise, but an object whose keys are names */
    CONF_TYPE_LATER,      /* known, but not supported by this version */
};

/* A word that a key may have; a list ends with a NULL name. */
struct conf_word {
    const char *name;
    int value; /* CONF_WORD_LATER: not supported by this version */
};
enum { CONF_WORD_LATER = -1 };

/* What an object of a kind may be, where not every key has a meaning for each; a list ends with a
 * NULL name. */
struct conf_variant {
    const char *name;   /* in words: "a Redis channel" */
    unsigned bit;       /* for conf_key.variants */
    const char *schema; /* JSON Schema that knows it from the others */
};

struct conf_key {
    const char *name;
    enum conf_type type;
    size_t at;       /* offset of its place in the struct of its kind */
    size_t size;     /* bytes there; 0: kept elsewhere, or there is but one legal value */
    size_t at_count; /* LIST, MAP: offset of a size_t; INTEGER, OBJECT: of a bool "given", 0 for
                      * none */
    int64_t min;     /* smallest number (µs, bytes), or fewest octets of a string */
    int64_t max;     /* likewise; 0 in both: no limit */
    const struct conf_word *words;
    const struct conf_kind *kind;
    unsigned variants;          /* which variants it has a meaning for; 0: all */
    const char *fallback;       /* the default as in a file, strings without quotes; NULL: none */
    const char *fallback_words; /* the default in words, where no one value says it */
    bool required;
    bool single; /* LIST: one object alone stands for a list of it */
    bool fixed;  /* a running daemon cannot take another value */
    const char *help;
};

/* The objects that can stand in one place. */
struct conf_kind {
    const char *id;   /* "bridge": name in the JSON Schema */
    const char *name; /* in words: "a bridge" */
    const char *title;
    const char *help;
    const struct conf_key *keys;
    size_t key_count;
    const struct conf_variant *variants; /* NULL: all are alike */
    bool one_of;                         /* the variants exclude each other, and one must hold */
    const char *schema; /* more JSON Schema that holds for all of them; NULL: none */
    bool environment;   /* strings may hold ${NAME} */
    size_t size;        /* of its struct, in lists and maps */

    /* Any of these may be NULL. */
    /* Which variant a node or a struct is: its bit; 0: cannot be told. */
    unsigned (*variant_of_node)(struct conf_loader *loader, const struct json_node *node);
    unsigned (*variant_of_struct)(const void *base);
    /* LIST: the struct that an item is read into; NULL: out of memory, or it was refused. */
    void *(*item)(struct conf_loader *loader, const struct json_node *node, void *base);
    /* Before the keys are read. */
    void (*prepare)(struct conf_loader *loader, const struct json_node *node, void *base);
    /* After the keys were read: what must fit together, and what is not read key by key. */
    void (*finish)(struct conf_loader *loader, const struct json_node *node, void *base);
};

/* Variants. */
enum conf_main_variant { CONF_MAIN_FILE = 1u << 0, CONF_INCLUDED_FILE = 1u << 1 };
enum conf_connection_variant {
    CONF_CONNECTION_REDIS = 1u << 0,
    CONF_CONNECTION_REDISS = 1u << 1,
    CONF_CONNECTION_AMQP = 1u << 2,
    CONF_CONNECTION_AMQPS = 1u << 3,
};
enum conf_bridge_variant {
    CONF_BRIDGE_TO_REDIS = 1u << 0,
    CONF_BRIDGE_TO_AMQP = 1u << 1,
    CONF_BRIDGE_BOTH_WAYS = 1u << 2, /* with "mirror" */
    CONF_BRIDGE_OF_CALLS = 1u << 3,  /* with "rpc" */
};
/* Those of sources and sinks are 1u << enum conf_source_kind and 1u << enum conf_sink_kind. */

extern const struct conf_kind conf_kind_main;
extern const struct conf_kind conf_kind_connection;
extern const struct conf_kind conf_kind_reconnect;
extern const struct conf_kind conf_kind_tls;
extern const struct conf_kind conf_kind_stats;
extern const struct conf_kind conf_kind_events;
extern const struct conf_kind conf_kind_topology;
extern const struct conf_kind conf_kind_exchange;
extern const struct conf_kind conf_kind_queue;
extern const struct conf_kind conf_kind_binding;
extern const struct conf_kind conf_kind_bridge;
extern const struct conf_kind conf_kind_source;
extern const struct conf_kind conf_kind_sink;
extern const struct conf_kind conf_kind_properties;
extern const struct conf_kind conf_kind_buffer;
extern const struct conf_kind conf_kind_retry;
extern const struct conf_kind conf_kind_http;
extern const struct conf_kind conf_kind_control;
extern const struct conf_kind conf_kind_rpc;
extern const struct conf_kind conf_kind_mirror;

/* All kinds, for documents, in the order of reading; ends with NULL. */
extern const struct conf_kind *const conf_kinds[];

/* The key of `kind` called `name`; NULL: there is none. */
const struct conf_key *conf_key_find(const struct conf_kind *kind, const char *name);
/* The variant with `bit`, NULL: none. */
const struct conf_variant *conf_variant_find(const struct conf_kind *kind, unsigned bit);
/* "description" and "$schema", which any object may hold. */
bool conf_key_is_common(const char *name);

#endif
