/* chunnelctl trace: a line for each message that crosses a bridge. Not for: which are shown, and
 * how many a second (the daemon's ops/trace.c). */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/overview.h"
#include "ctl/table.h"

enum { TRACE_TIME_FROM = 11, TRACE_LINE_MAX = 1024 * 1024, TRACE_VALUES_MAX = 1000 };

/* Where a message came from or went to. */
static void trace_end(const struct json_node *line, const char *name, struct strbuf *out)
{
    const struct json_node *end = json_member(line, name);
    const char *channel = end != NULL ? overview_text(end, "channel") : "";
    const char *queue = end != NULL ? overview_text(end, "queue") : "";
    const char *exchange = end != NULL ? overview_text(end, "exchange") : "";
    const char *key = end != NULL ? overview_text(end, "routing_key") : "";

    if (channel[0] != '\0') {
        strbuf_append_text(out, "channel ");
        table_append_clean(out, channel);
        return;
    }
    if (queue[0] != '\0' || (exchange[0] == '\0' && key[0] != '\0')) {
        strbuf_append_text(out, "queue ");
        table_append_clean(out, queue[0] != '\0' ? queue : key);
    }
    if (exchange[0] != '\0') {
        strbuf_append_text(out, queue[0] != '\0' ? " (exchange " : "exchange ");
        table_append_clean(out, exchange);
        strbuf_append_text(out, " key ");
        table_append_clean(out, key);
        strbuf_append_text(out, queue[0] != '\0' ? ")" : "");
    }
    if (queue[0] == '\0' && exchange[0] == '\0' && key[0] == '\0') {
        strbuf_append_text(out, "-");
    }
}

static void trace_message(const struct json_node *line, struct strbuf *out)
{
    const char *time = overview_text(line, "time");
    const char *reason = overview_text(line, "reason");

    table_append_clean(out, strlen(time) > TRACE_TIME_FROM ? time + TRACE_TIME_FROM : time);
    strbuf_append_text(out, "  ");
    trace_end(line, "from", out);
    strbuf_append_text(out, " → ");
    trace_end(line, "to", out);
    strbuf_append_text(out, "  ");
    table_append_clean(out, overview_text(line, "outcome"));
    if (reason[0] != '\0') {
        strbuf_append_text(out, " (");
        table_append_clean(out, reason);
        strbuf_append_text(out, ")");
    }
    strbuf_append_format(out, "  %.1f ms  %.0f bytes  ", overview_number(line, "ms"),
                         overview_number(line, "bytes"));
    table_append_clean(out, overview_text(line, "body"));
    strbuf_append_char(out, '\n');
}

/* A line of the daemon's for people. */
static void trace_tell(const struct json_node *line)
{
    struct strbuf out = STRBUF_INIT;

    if (json_member(line, "tracing") != NULL) {
        fprintf(stderr, "tracing %s; Ctrl-C ends\n", overview_text(line, "tracing"));
    } else if (json_member(line, "left_out") != NULL) {
        fprintf(stderr, "... %.0f more messages are not shown\n",
                overview_number(line, "left_out"));
    } else if (json_member(line, "gone") != NULL) {
        fprintf(stderr, "the bridge is gone from the rules\n");
    } else {
        trace_message(line, &out);
        fputs(strbuf_text(&out), stdout);
    }
    strbuf_fini(&out);
}

static int trace_on_line(void *ctx, char *line)
{
    static const struct json_limits limits = {
        .bytes = TRACE_LINE_MAX, .values = TRACE_VALUES_MAX, .depth = 8};
    const struct ctl *ctl = ctx;
    struct json *json;

    if (line[0] == '\0') {
        return 0; /* the daemon looks whether we are still here */
    }
    if (ctl->json) {
        puts(line);
    } else {
        json = json_parse(slice_of(line), &limits, NULL);
        if (json != NULL) {
            trace_tell(json_root(json));
        }
        json_free(json);
    }
    return fflush(stdout) == 0 ? 0 : -1;
}

int command_trace(const struct ctl *ctl)
{
    struct strbuf path = STRBUF_INIT;
    struct reply reply = {0};
    struct err err = {""};
    struct ctl own = *ctl;
    int status;

    command_bridge_path(ctl, &path);
    strbuf_append_format(&path, "trace?limit=%u", ctl->limit);
    status =
        client_follow(ctl->socket, "GET", strbuf_text(&path), trace_on_line, &own, &reply, &err);
    if (status != EX_OK) {
        fprintf(stderr, "chunnelctl: %s\n", err.text);
    } else if (reply.status >= 400) {
        command_tell_refusal(&reply);
        status = command_refusal_status(&reply);
    }
    reply_fini(&reply);
    strbuf_fini(&path);
    return status;
}
