/* Whether two parts of configurations say the same, however they were written: by their effective
 * values, defaults filled in and secrets included. For what a reload is to leave alone. */
#ifndef CHUNNELD_CONF_COMPARE_H
#define CHUNNELD_CONF_COMPARE_H

#include <stdbool.h>

#include "conf/config.h"

/* Connections that the ends use are compared by their names alone. Without memory for the
 * comparison nothing is equal. */
bool conf_bridge_is_equal(const struct conf_bridge *a, const struct conf_bridge *b);
bool conf_source_is_equal(const struct conf_source *a, const struct conf_source *b);
/* The content of password files counts, that of TLS files does not. */
bool conf_connection_is_equal(const struct conf_connection *a, const struct conf_connection *b);
/* Whether they go to one server, as far as their first URLs tell. */
bool conf_server_is_same(const struct conf_connection *a, const struct conf_connection *b);
/* NULL, and one with nothing to declare, are equal. */
bool conf_topology_is_equal(const struct conf_topology *a, const struct conf_topology *b);
/* Of two main files the value of one key. */
bool conf_main_is_equal(const char *key, const struct config *a, const struct config *b);
/* Calls `on_fixed` for each key of the main file that a running daemon cannot take another value
 * of, and that has another one. */
void conf_tell_fixed(const struct config *old, const struct config *new,
                     void (*on_fixed)(void *ctx, const char *key), void *ctx);

#endif
