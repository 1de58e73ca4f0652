/* Comparing parts of configurations. They are compared as they are printed, so that a new key is
 * compared as soon as the table has it. Not for: what follows from a difference (app/reload.c). */
#include "conf/compare.h"

#include <string.h>

#include "base/strbuf.h"
#include "conf/feed.h"
#include "conf/keys.h"
#include "conf/print.h"

static bool conf_is_equal(const struct conf_kind *kind, const void *a, const void *b)
{
    struct strbuf one = STRBUF_INIT;
    struct strbuf two = STRBUF_INIT;
    bool equal;

    conf_print_part(kind, a, &one);
    conf_print_part(kind, b, &two);
    equal = !strbuf_failed(&one) && !strbuf_failed(&two) &&
            slice_equal(strbuf_slice(&one), strbuf_slice(&two));
    strbuf_fini(&one);
    strbuf_fini(&two);
    return equal;
}

bool conf_bridge_is_equal(const struct conf_bridge *a, const struct conf_bridge *b)
{
    return conf_is_equal(&conf_kind_bridge, a, b);
}

bool conf_source_is_equal(const struct conf_source *a, const struct conf_source *b)
{
    return conf_is_equal(&conf_kind_source, a, b);
}

static bool conf_text_is_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The print hides passwords. */
bool conf_connection_is_equal(const struct conf_connection *a, const struct conf_connection *b)
{
    size_t i;

    if (a->url_count != b->url_count || !conf_is_equal(&conf_kind_connection, a, b)) {
        return false;
    }
    for (i = 0; i < a->url_count; i++) {
        if (!conf_text_is_equal(a->urls[i].user, b->urls[i].user) ||
            !conf_text_is_equal(a->urls[i].password, b->urls[i].password)) {
            return false;
        }
    }
    return true;
}

bool conf_server_is_same(const struct conf_connection *a, const struct conf_connection *b)
{
    return conf_same_server(a, b);
}

static size_t conf_topology_size(const struct conf_topology *topology)
{
    return topology != NULL
               ? topology->exchange_count + topology->queue_count + topology->binding_count
               : 0;
}

bool conf_topology_is_equal(const struct conf_topology *a, const struct conf_topology *b)
{
    if (conf_topology_size(a) == 0 || conf_topology_size(b) == 0) {
        return conf_topology_size(a) == conf_topology_size(b);
    }
    return conf_is_equal(&conf_kind_topology, a, b);
}

static bool conf_key_is_equal(const struct conf_key *key, const void *a, const void *b)
{
    struct strbuf one = STRBUF_INIT;
    struct strbuf two = STRBUF_INIT;
    bool equal;

    conf_print_key(key, a, &one);
    conf_print_key(key, b, &two);
    equal = slice_equal(strbuf_slice(&one), strbuf_slice(&two));
    strbuf_fini(&one);
    strbuf_fini(&two);
    return equal;
}

bool conf_main_is_equal(const char *key, const struct config *a, const struct config *b)
{
    return conf_key_is_equal(conf_key_find(&conf_kind_main, key), a, b);
}

void conf_tell_fixed(const struct config *old, const struct config *new,
                     void (*on_fixed)(void *ctx, const char *key), void *ctx)
{
    size_t i;

    for (i = 0; i < conf_kind_main.key_count; i++) {
        const struct conf_key *key = &conf_kind_main.keys[i];

        if (key->fixed && !conf_key_is_equal(key, old, new)) {
            on_fixed(ctx, key->name);
        }
    }
}
