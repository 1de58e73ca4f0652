/* The index behind conf/routes.h; for src/conf/routes*.c alone. */
#ifndef CHUNNELD_CONF_ROUTES_PRIVATE_H
#define CHUNNELD_CONF_ROUTES_PRIVATE_H

#include <stdbool.h>

#include "conf/loader.h"
#include "conf/prefixes.h"
#include "conf/routes.h"

/* A source that reads a queue, channel or pattern. */
struct route_reader {
    size_t way;
    struct slice pattern; /* of a pattern source */
    struct route_reader *next;
};

/* A channel or a queue, with who reads it. */
struct route_place {
    struct slice name;
    struct route_reader *readers;
    const char *binding_key; /* AMQP: the first that leads here; NULL: none is known */
    unsigned seen;           /* the number of the question that came here last */
    bool surely;             /* then with its example */
    struct route_place *next_seen;
    UT_hash_handle hh;
};

/* A binding: to a queue, an exchange, or the own queue of a source. */
struct route_link {
    struct slice key;
    struct slice glob; /* of a topic: what the key matches, and perhaps a little more */
    const struct field_table *arguments;
    struct route_exchange *exchange; /* NULL: the place */
    struct route_place *place;
    struct route_link *next; /* of the exchange */
};

/* What a binding key means there. */
enum route_type {
    ROUTE_UNKNOWN, /* perhaps any of them */
    ROUTE_DIRECT,
    ROUTE_FANOUT,
    ROUTE_HEADERS,
    ROUTE_TOPIC,
};

struct route_exchange {
    struct slice name;
    enum route_type type;
    struct route_link *links;
    struct conf_prefixes by_key; /* of links, as if it were a topic */
    unsigned seen;               /* as in route_place */
    bool surely;
    bool waits; /* it is yet to be looked at */
    struct route_exchange *next_seen;
    UT_hash_handle hh;
};

struct route_server {
    const struct conf_connection *connection; /* the first one to it */
    struct route_place *channels;             /* uthash, by name */
    struct conf_prefixes channels_by_name;
    struct conf_prefixes patterns; /* of struct route_reader */
    struct route_place *queues;    /* as channels */
    struct conf_prefixes queues_by_name;
    struct route_exchange *exchanges; /* likewise */
};

struct conf_routes {
    const struct config *config;
    struct config_memory *memory;
    struct route_server *servers; /* one a connection; used is the first that goes there */
    unsigned question;
    bool failed; /* out of memory */
};

struct route_server *routes_server(struct conf_routes *routes,
                                   const struct conf_connection *connection);
#endif
