/* chunnelctl spool: what the daemon has on its disk, bridge by bridge. Not for: the same without a
 * daemon (chunneld spool), or how it is read (the daemon's app/spool_*.c). */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/overview.h"
#include "ctl/table.h"

enum { SPOOL_LINE_MAX = 64 * 1024, SPOOL_VALUES_MAX = 1000 };

/* An answer of many lines. */
struct spool_stream {
    const struct ctl *ctl;
    char waiting[256]; /* what was told of that last */
    bool ended;        /* the daemon said that this is all */
    int status;        /* then */
};

/* "/spool/NAME" and what is to be done with it. */
static void spool_path(const struct ctl *ctl, const char *action, struct strbuf *out)
{
    strbuf_append_text(out, "/spool/");
    command_encode(ctl->name, out);
    strbuf_append_text(out, action);
}

static bool spool_flag(const struct json_node *object, const char *name)
{
    const struct json_node *node = json_member(object, name);

    return node != NULL && json_is(node, JSON_BOOL) && json_bool(node);
}

static void spool_list_bridge(struct table *table, const struct json_node *bridge)
{
    struct strbuf text = STRBUF_INIT;

    table_add(table, overview_text(bridge, "name"));
    table_add_number(table, (uint64_t)overview_number(bridge, "messages"));
    overview_size(overview_number(bridge, "bytes"), &text);
    table_add(table, strbuf_text(&text));
    strbuf_reset(&text);
    if (overview_text(bridge, "oldest")[0] != '\0') {
        overview_time(overview_number(bridge, "age_s") * 1000, &text);
    } else {
        strbuf_append_char(&text, '-');
    }
    table_add(table, strbuf_text(&text));
    strbuf_reset(&text);
    if (spool_flag(bridge, "in_use")) {
        strbuf_append_text(&text, "in use");
    } else {
        strbuf_append_format(&text, "kept: %s", overview_text(bridge, "rule"));
    }
    table_add(table, strbuf_text(&text));
    strbuf_fini(&text);
}

static void spool_list_draw(const struct json_node *root, struct strbuf *out)
{
    static const struct table_column columns[] = {
        {"BRIDGE", false}, {"MESSAGES", true}, {"SIZE", true}, {"OLDEST", true}, {"STATE", false}};
    const struct json_node *bridges = json_member(root, "bridges");
    const struct json_node *bridge = bridges != NULL ? json_first(bridges) : NULL;
    struct table table;

    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    for (; bridge != NULL; bridge = json_next(bridge)) {
        spool_list_bridge(&table, bridge);
    }
    table_print(&table, 0, 0, out);
    table_fini(&table);
}

static int spool_list(const struct ctl *ctl)
{
    struct strbuf out = STRBUF_INIT;
    struct reply reply = {0};
    int status = command_ask(ctl, "GET", "/spool", &reply);

    if (status == EX_OK && reply.json == NULL) {
        fputs("chunnelctl: the daemon ended before it had told all\n", stderr);
        status = EX_IOERR;
    } else if (status == EX_OK && ctl->json) {
        status = command_print(&reply);
    } else if (status == EX_OK) {
        spool_list_draw(json_root(reply.json), &out);
        fputs(strbuf_text(&out), stdout);
        status = strbuf_failed(&out) || fflush(stdout) != 0 ? EX_IOERR : EX_OK;
    }
    strbuf_fini(&out);
    reply_fini(&reply);
    return status;
}

static int spool_purge(const struct ctl *ctl)
{
    struct strbuf path = STRBUF_INIT;
    struct reply reply = {0};
    int status;

    spool_path(ctl, "/purge", &path);
    status = command_ask(ctl, "POST", strbuf_text(&path), &reply);
    if (status == EX_OK && (ctl->json || reply.json == NULL)) {
        status = command_print(&reply);
    } else if (status == EX_OK) {
        printf("%s: %.0f messages removed\n", ctl->name,
               overview_number(json_root(reply.json), "messages"));
    }
    reply_fini(&reply);
    strbuf_fini(&path);
    return status;
}

static struct json *spool_parse(const char *line)
{
    static const struct json_limits limits = {
        .bytes = SPOOL_LINE_MAX, .values = SPOOL_VALUES_MAX, .depth = 8};

    return json_parse(slice_of(line), &limits, NULL);
}

/* Follows an answer of many lines to its end, and makes the exit status of it. */
static int spool_follow(const struct ctl *ctl, const char *method, const char *path,
                        int (*on_line)(void *ctx, char *line))
{
    struct spool_stream stream = {.ctl = ctl};
    struct reply reply = {0};
    struct err err = {""};
    int status = client_follow(ctl->socket, method, path, on_line, &stream, &reply, &err);

    if (status != EX_OK) {
        fprintf(stderr, "chunnelctl: %s\n", err.text);
    } else if (reply.status >= 400) {
        command_tell_refusal(&reply);
        status = reply.status == 400 ? EX_USAGE : command_refusal_status(&reply);
    } else if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("chunnelctl: the output cannot be written\n", stderr);
        status = EX_IOERR;
    } else if (!stream.ended) {
        fputs("chunnelctl: the daemon ended before all was done\n", stderr);
        status = EX_IOERR;
    } else {
        status = stream.status;
    }
    reply_fini(&reply);
    return status;
}

/* Every line is an envelope, but for the last one. */
static int export_on_line(void *ctx, char *line)
{
    static const char end[] = "{\"end\":";
    struct spool_stream *stream = ctx;
    struct json *json = NULL;
    double damaged;

    if (strncmp(line, end, sizeof(end) - 1) != 0) {
        return fputs(line, stdout) >= 0 && putchar('\n') != EOF ? 0 : -1;
    }
    json = spool_parse(line);
    damaged = json != NULL ? overview_number(json_root(json), "damaged") : 0;
    json_free(json);
    stream->ended = true;
    if (damaged > 0) {
        fprintf(stderr, "chunnelctl: %s: %.0f damaged messages are left out\n", stream->ctl->name,
                damaged);
        stream->status = EX_IOERR;
    }
    return 0;
}

static int spool_export(const struct ctl *ctl)
{
    struct strbuf path = STRBUF_INIT;
    int status;

    spool_path(ctl, "", &path);
    status = spool_follow(ctl, "GET", strbuf_text(&path), export_on_line);
    strbuf_fini(&path);
    return status;
}

/* The words that stand in the way now, once. */
static void replay_tell_waiting(struct spool_stream *stream, const struct json_node *line)
{
    struct strbuf words = STRBUF_INIT;

    table_append_clean(&words, overview_text(line, "waiting"));
    if (words.len > 0 && strcmp(stream->waiting, strbuf_text(&words)) != 0) {
        snprintf(stream->waiting, sizeof(stream->waiting), "%s", strbuf_text(&words));
        fprintf(stderr, "%.0f replayed, %.0f left; waiting: %s; Ctrl-C ends it where it is\n",
                overview_number(line, "replayed"), overview_number(line, "left"),
                strbuf_text(&words));
    }
    strbuf_fini(&words);
}

static void replay_tell_end(struct spool_stream *stream, const struct json_node *line)
{
    const struct ctl *ctl = stream->ctl;
    struct strbuf error = STRBUF_INIT;
    double damaged = overview_number(line, "damaged");

    table_append_clean(&error, overview_text(line, "error"));
    stream->ended = true;
    if (!ctl->json) {
        printf("%s: %.0f messages taken over by %s\n", ctl->name, overview_number(line, "replayed"),
               ctl->to);
    }
    if (error.len > 0) {
        fprintf(stderr, "chunnelctl: %s; %.0f messages are left\n", strbuf_text(&error),
                overview_number(line, "left"));
        stream->status = EX_UNAVAILABLE;
    } else if (damaged > 0) {
        fprintf(stderr, "chunnelctl: %s: %.0f messages cannot be read, and are kept\n", ctl->name,
                damaged);
        stream->status = EX_IOERR;
    }
    strbuf_fini(&error);
}

static int replay_on_line(void *ctx, char *line)
{
    struct spool_stream *stream = ctx;
    struct json *json = spool_parse(line);

    if (json == NULL) {
        return -1;
    }
    if (stream->ctl->json) {
        puts(line);
        fflush(stdout);
    }
    if (spool_flag(json_root(json), "end")) {
        replay_tell_end(stream, json_root(json));
    } else if (!stream->ctl->json) {
        replay_tell_waiting(stream, json_root(json));
    }
    json_free(json);
    return 0;
}

static int spool_replay(const struct ctl *ctl)
{
    struct strbuf path = STRBUF_INIT;
    int status;

    spool_path(ctl, "/replay", &path);
    if (ctl->to != NULL) {
        strbuf_append_text(&path, "?to=");
        command_encode(ctl->to, &path);
    }
    status = spool_follow(ctl, "POST", strbuf_text(&path), replay_on_line);
    strbuf_fini(&path);
    return status;
}

int command_spool(const struct ctl *ctl)
{
    static const struct {
        const char *word;
        bool wants_name;
        int (*run)(const struct ctl *ctl);
    } actions[] = {{"list", false, spool_list},
                   {"export", true, spool_export},
                   {"purge", true, spool_purge},
                   {"replay", true, spool_replay}};
    size_t i;

    for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(ctl->argument, actions[i].word) != 0) {
            continue;
        }
        if (actions[i].wants_name && ctl->name == NULL) {
            fprintf(stderr, "chunnelctl: spool %s wants the NAME of a bridge; see --help\n",
                    ctl->argument);
            return EX_USAGE;
        }
        if (!actions[i].wants_name && ctl->name != NULL) {
            fprintf(stderr, "chunnelctl: unexpected argument %s; see --help\n", ctl->name);
            return EX_USAGE;
        }
        return actions[i].run(ctl);
    }
    fprintf(stderr,
            "chunnelctl: spool wants list, export, purge or replay, this is %s; see "
            "--help\n",
            ctl->argument);
    return EX_USAGE;
}
