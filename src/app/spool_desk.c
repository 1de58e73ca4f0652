/* From a path to what is asked of the spool, and throwing away what is kept. Not for: answers made
 * piece by piece (spool_list.c, spool_export.c, spool_replay.c), or without a daemon
 * (spool_command.c). */
#include "app/spool_desk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_write.h"
#include "base/log.h"
#include "ops/control.h"

enum { DESK_WORDS_SIZE = 512 };

void spool_desk_refuse(struct http_answer *answer, int status, const char *format, ...)
{
    char words[DESK_WORDS_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    control_refuse(answer, status, words);
}

static void desk_tell_purge(const struct contents_bridge *bridge, uint64_t count,
                            struct http_answer *answer)
{
    struct json_writer json;

    answer->type = "application/json";
    json_writer_init(&json, &answer->body, 0);
    json_writer_begin_object(&json);
    json_writer_key(&json, "action");
    json_writer_text(&json, "purge");
    json_writer_key(&json, "name");
    json_writer_string(&json, bridge->name);
    json_writer_key(&json, "messages");
    json_writer_natural(&json, count);
    json_writer_end_object(&json);
    strbuf_append_char(&answer->body, '\n');
}

static void desk_purge(struct spool_desk *desk, const struct contents_bridge *bridge,
                       struct http_answer *answer)
{
    int len = (int)bridge->name.len;
    const char *name = bridge->name.data;
    char told[CONTROL_NAME_MAX + 1];
    uint64_t count;

    if (bridge->in_use) {
        spool_desk_refuse(answer, 409,
                          "bridge \"%.*s\" is in use, and its messages are on their way: disable "
                          "it or take it out of the rules, reload, and purge then",
                          len, name);
        return;
    }
    if (spool_replay_is_under_way(desk, bridge->name)) {
        spool_desk_refuse(answer, 409, "what is left of \"%.*s\" is being replayed", len, name);
        return;
    }
    count = contents_purge(bridge);
    spool_flush(desk->spool);
    if (count < bridge->count) {
        spool_desk_refuse(answer, 503, "out of memory: %llu of %llu messages are left",
                          (unsigned long long)(bridge->count - count),
                          (unsigned long long)bridge->count);
        return;
    }
    snprintf(told, sizeof(told), "%.*s", len, name);
    log_warn("bridge", told, "what the spool had of it was purged by the operator",
             log_number("messages", count));
    desk_tell_purge(bridge, count, answer);
}

/* "to=NAME" of the query, decoded; empty: there is none; -1: it is wrong. */
static int desk_read_target(const char *query, char out[CONTROL_NAME_MAX], size_t *out_len)
{
    static const char key[] = "to=";

    *out_len = 0;
    if (query[0] == '\0') {
        return 0;
    }
    if (strncmp(query, key, sizeof(key) - 1) != 0) {
        return -1;
    }
    return control_decode(slice_of(query + sizeof(key) - 1), out, out_len);
}

struct bridge *spool_desk_target(const struct spool_desk *desk, const char *name,
                                 const char **out_why)
{
    const struct unit *unit = wiring_find_unit(desk->wiring, name);
    struct bridge *bridge = NULL;
    size_t i;

    *out_why = unit == NULL ? "no bridge has this name" : "it is disabled";
    if (unit != NULL && unit->conf->source.connection->protocol == CONF_AMQP &&
        unit->conf->kind == CONF_BRIDGE_PLAIN) {
        *out_why = "its messages come from AMQP, and these came from Redis";
        return NULL;
    }
    for (i = 0; unit != NULL && bridge == NULL && i < unit->shown.bridge_count; i++) {
        *out_why = bridge_refuses_replay(unit->shown.bridges[i]);
        bridge = *out_why == NULL ? unit->shown.bridges[i] : NULL;
    }
    return bridge;
}

static void desk_replay(struct spool_desk *desk, const struct contents_bridge *bridge,
                        const char *query, struct http_answer *answer)
{
    int len = (int)bridge->name.len;
    const char *name = bridge->name.data;
    char to[CONTROL_NAME_MAX + 1] = "";
    struct contents_bridge there;
    const char *why = NULL;
    size_t to_len;

    if (desk_read_target(query, to, &to_len) != 0) {
        control_refuse(answer, 400, "replay wants \"to=BRIDGE\", and nothing else");
        return;
    }
    to[to_len] = '\0';
    if (bridge->in_use) {
        spool_desk_refuse(answer, 409,
                          "bridge \"%.*s\" is in use and sends them itself; replay is for what a "
                          "bridge that is gone has left",
                          len, name);
    } else if (to_len == 0) {
        spool_desk_refuse(answer, 400,
                          "say which bridge takes them: --to BRIDGE; under its old name a bridge "
                          "in the rules, with a disk, has them without a replay");
    } else if (spool_replay_is_under_way(desk, bridge->name)) {
        spool_desk_refuse(answer, 409, "what is left of \"%.*s\" is being replayed", len, name);
    } else if (spool_desk_target(desk, to, &why) == NULL) {
        spool_desk_refuse(answer, 409, "bridge \"%s\" cannot take them: %s", to, why);
    } else if (!contents_find(desk->spool, slice_of(to), &there) ||
               there.fifos[CONTENTS_FIFOS - 1] == NULL) {
        spool_desk_refuse(answer, 409, "bridge \"%s\" cannot take them: it has no disk", to);
    } else {
        spool_replay_answer(desk, bridge, &there, answer);
    }
}

/* The rest of a path behind "/spool/": a name, and what is to be done. */
static void desk_bridge(struct spool_desk *desk, const struct http_ask *ask, struct slice part,
                        const char *action, struct http_answer *answer)
{
    struct contents_bridge bridge;
    char name[CONTROL_NAME_MAX];
    size_t len;

    if (control_decode(part, name, &len) != 0) {
        control_refuse(answer, 400, "this is no name of a bridge");
        return;
    }
    if (!contents_find(desk->spool, slice_make(name, len), &bridge) ||
        (bridge.count == 0 && !bridge.in_use)) {
        spool_desk_refuse(answer, 404,
                          "the spool has nothing of a bridge \"%.*s\"; chunnelctl spool list shows "
                          "what it has",
                          (int)len, name);
        return;
    }
    if (action[0] == '\0') {
        spool_export_answer(desk, &bridge, answer);
    } else if (strcmp(action, "/purge") == 0) {
        desk_purge(desk, &bridge, answer);
    } else {
        desk_replay(desk, &bridge, ask->query, answer);
    }
}

bool spool_desk_handle(void *ctx, const struct http_ask *ask, struct http_answer *answer)
{
    static const char prefix[] = "/spool/";
    struct spool_desk *desk = ctx;
    bool reads = strcmp(ask->method, "GET") == 0;
    bool is_list = strcmp(ask->path, "/spool") == 0;
    const char *name = ask->path + sizeof(prefix) - 1;
    const char *action;

    if (!is_list && strncmp(ask->path, prefix, sizeof(prefix) - 1) != 0) {
        return false;
    }
    action = is_list ? "" : name + strcspn(name, "/");
    if (reads ? action[0] != '\0'
              : strcmp(action, "/purge") != 0 && strcmp(action, "/replay") != 0) {
        return false;
    }
    if (desk->spool == NULL) {
        control_refuse(answer, 404,
                       "this daemon has no spool; \"spool\" in its configuration "
                       "gives it one");
    } else if (is_list) {
        spool_list_answer(desk, answer);
    } else {
        desk_bridge(desk, ask, slice_make(name, (size_t)(action - name)), action, answer);
    }
    return true;
}
