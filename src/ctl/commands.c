/* The commands that ask once: stats, pause, resume, drain, check. Not for: those that draw
 * (status.c, top.c, trace.c), reload (reload.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "conf/load.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/table.h"

static const struct timespec drain_look = {0, 200 * 1000 * 1000};

int command_print(const struct reply *reply)
{
    if (fwrite(reply->text.data, 1, reply->text.len, stdout) != reply->text.len ||
        fflush(stdout) != 0) {
        return EX_IOERR;
    }
    return EX_OK;
}

void command_tell_refusal(const struct reply *reply)
{
    const struct json_node *words =
        reply->json != NULL ? json_member(json_root(reply->json), "error") : NULL;
    struct strbuf clean = STRBUF_INIT;

    table_append_clean(&clean, words != NULL && json_is(words, JSON_STRING)
                                   ? json_string(words).data
                                   : strbuf_text(&reply->text));
    fprintf(stderr, "chunnelctl: %s\n", strbuf_text(&clean));
    strbuf_fini(&clean);
}

int command_refusal_status(const struct reply *reply)
{
    return reply->status == 404 ? EX_NOINPUT : EX_UNAVAILABLE;
}

int command_ask(const struct ctl *ctl, const char *method, const char *path,
                struct reply *out_reply)
{
    struct err err = {""};
    int status = client_ask(ctl->socket, method, path, out_reply, &err);

    if (status != EX_OK) {
        fprintf(stderr, "chunnelctl: %s\n", err.text);
        return status;
    }
    if (out_reply->status >= 400) {
        command_tell_refusal(out_reply);
        return command_refusal_status(out_reply);
    }
    return EX_OK;
}

int command_stats(const struct ctl *ctl)
{
    struct reply reply = {0};
    int status = command_ask(ctl, "GET", "/stats", &reply);

    if (status == EX_OK) {
        status = command_print(&reply);
    }
    reply_fini(&reply);
    return status;
}

void command_encode(const char *name, struct strbuf *out)
{
    const char *c;

    for (c = name; *c != '\0'; c++) {
        if ((*c >= '0' && *c <= '9') || ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z')) {
            strbuf_append_char(out, *c);
        } else {
            strbuf_append_format(out, "%%%02X", (unsigned)(unsigned char)*c);
        }
    }
}

void command_bridge_path(const struct ctl *ctl, struct strbuf *out)
{
    strbuf_append_text(out, "/bridges/");
    command_encode(ctl->argument, out);
    strbuf_append_char(out, '/');
}

static const char *member_text(const struct json_node *object, const char *name)
{
    const struct json_node *node = json_member(object, name);

    return node != NULL && json_is(node, JSON_STRING) ? json_string(node).data : NULL;
}

static double member_number(const struct json_node *object, const char *name)
{
    const struct json_node *node = json_member(object, name);

    return node != NULL && json_is(node, JSON_NUMBER) ? json_double(node) : 0;
}

/* A line a bridge; how many messages are still pending in all of them. */
static double steer_tell(const struct reply *reply, bool print)
{
    const struct json_node *root = reply->json != NULL ? json_root(reply->json) : NULL;
    const struct json_node *bridges = json_member(root, "bridges");
    const struct json_node *bridge = bridges != NULL ? json_first(bridges) : NULL;
    double pending = 0;

    for (; bridge != NULL; bridge = json_next(bridge)) {
        const char *word = member_text(bridge, "operator");
        const char *state = member_text(bridge, "state");

        pending += member_number(bridge, "pending");
        if (print) {
            printf("%s: %s, %.0f pending\n", member_text(bridge, "name"),
                   word != NULL ? word : state, member_number(bridge, "pending"));
        }
    }
    return pending;
}

static void steer_warn(const struct ctl *ctl, const struct reply *reply)
{
    const struct json_node *root = reply->json != NULL ? json_root(reply->json) : NULL;
    const struct json_node *lasts = json_member(root, "survives_restart");

    if (strcmp(ctl->command, "resume") != 0 && lasts != NULL && json_is(lasts, JSON_BOOL) &&
        !json_bool(lasts)) {
        fprintf(stderr, "chunnelctl: a restart of the daemon forgets this: it has no spool and no "
                        "control.state_file to keep it in\n");
    }
}

/* Asks until nothing is pending any more. Draining again what drains changes nothing. */
static int steer_wait(const struct ctl *ctl, const char *path, struct reply *reply)
{
    int status = EX_OK;

    while (status == EX_OK && steer_tell(reply, false) > 0) {
        nanosleep(&drain_look, NULL);
        reply_fini(reply);
        status = command_ask(ctl, "POST", path, reply);
    }
    return status;
}

int command_steer(const struct ctl *ctl)
{
    struct strbuf path = STRBUF_INIT;
    struct reply reply = {0};
    int status;

    command_bridge_path(ctl, &path);
    strbuf_append_text(&path, ctl->command);
    status = command_ask(ctl, "POST", strbuf_text(&path), &reply);
    if (status == EX_OK && strcmp(ctl->command, "drain") == 0 && !ctl->no_wait) {
        status = steer_wait(ctl, strbuf_text(&path), &reply);
    }
    if (status == EX_OK) {
        if (ctl->json) {
            status = command_print(&reply);
        } else {
            steer_tell(&reply, true);
        }
        steer_warn(ctl, &reply);
    }
    reply_fini(&reply);
    strbuf_fini(&path);
    return status;
}

static void check_on_problem(void *ctx, const char *line)
{
    (void)ctx;
    fprintf(stderr, "%s\n", line);
}

int command_check(const struct ctl *ctl)
{
    struct config *config = config_load(ctl->argument, check_on_problem, NULL);
    size_t i;

    for (i = 0; config != NULL && i < config->warnings.count; i++) {
        fprintf(stderr, "%s\n", config->warnings.items[i]);
    }
    if (ctl->json) {
        printf("{\"ok\":%s,\"bridges\":%zu}\n", config != NULL ? "true" : "false",
               config != NULL ? config->bridge_count : 0);
    } else if (config != NULL) {
        printf("%s: ok, %zu bridges\n", ctl->argument, config->bridge_count);
    }
    if (config == NULL) {
        return EX_CONFIG;
    }
    config_free(config);
    return EX_OK;
}
