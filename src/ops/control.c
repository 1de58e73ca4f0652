/* Requests that change something. For: POST /bridges/NAME/pause, resume, drain, and /reload; NAME
 * may be a glob. Not for: doing it (app/pauses.c). */
#include "ops/control.h"

#include <string.h>

#include "base/json_write.h"
#include "core/glob.h"

const char *control_action_name(enum control_action action)
{
    static const char *const names[] = {
        [CONTROL_PAUSE] = "pause", [CONTROL_RESUME] = "resume", [CONTROL_DRAIN] = "drain"};

    return names[action];
}

const char *control_word(const struct control *control, const char *bridge, uint64_t pending)
{
    if (control->ops == NULL) {
        return NULL;
    }
    switch (control->ops->mark(control->ctx, bridge)) {
    case CONTROL_PAUSED:
        return "paused";
    case CONTROL_DRAINING:
        return pending > 0 ? "draining" : "drained";
    case CONTROL_NOTHING:
        break;
    }
    return NULL;
}

static int control_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int control_decode(struct slice part, char out[CONTROL_NAME_MAX], size_t *out_len)
{
    size_t len = 0;
    size_t i;

    for (i = 0; i < part.len; i++) {
        char c = part.data[i];

        if (c == '%') {
            int high = i + 2 < part.len ? control_digit(part.data[i + 1]) : -1;
            int low = i + 2 < part.len ? control_digit(part.data[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return -1;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || len == CONTROL_NAME_MAX) {
            return -1;
        }
        out[len++] = c;
    }
    *out_len = len;
    return len > 0 ? 0 : -1;
}

void control_refuse(struct http_answer *answer, int status, const char *words)
{
    struct json_writer json;

    answer->status = status;
    answer->type = "application/json";
    json_writer_init(&json, &answer->body, 0);
    json_writer_begin_object(&json);
    json_writer_key(&json, "error");
    json_writer_text(&json, words);
    json_writer_end_object(&json);
    strbuf_append_char(&answer->body, '\n');
}

static void control_tell_bridge(const struct control *control, const struct board_bridge *bridge,
                                uint64_t now_us, struct json_writer *json)
{
    struct bridge_status status;
    uint64_t pending;

    bridge->get_status(bridge, now_us, &status);
    pending = bridge_counters_pending(&status.counters);
    json_writer_begin_object(json);
    json_writer_key(json, "name");
    json_writer_text(json, bridge->name);
    json_writer_key(json, "state");
    json_writer_text(json, bridge_state_name(status.state));
    json_writer_key(json, "operator");
    json_writer_text(json, control_word(control, bridge->name, pending));
    json_writer_key(json, "pending");
    json_writer_natural(json, pending);
    json_writer_end_object(json);
}

static void control_act(const struct control *control, const struct board *board, uint64_t now_us,
                        enum control_action action, struct slice pattern,
                        struct http_answer *answer)
{
    const struct board_bridge *bridge;
    struct json_writer json;

    if (control->ops->act(control->ctx, action, pattern) == 0) {
        control_refuse(answer, 404, "no bridge has this name; /stats lists them");
        return;
    }
    answer->type = "application/json";
    json_writer_init(&json, &answer->body, 0);
    json_writer_begin_object(&json);
    json_writer_key(&json, "action");
    json_writer_text(&json, control_action_name(action));
    json_writer_key(&json, "survives_restart");
    json_writer_bool(&json, control->ops->lasts(control->ctx));
    json_writer_key(&json, "bridges");
    json_writer_begin_array(&json);
    TAILQ_FOREACH(bridge, &board->bridges, link) {
        if (glob_match(pattern, slice_of(bridge->name), NULL)) {
            control_tell_bridge(control, bridge, now_us, &json);
        }
    }
    json_writer_end_array(&json);
    json_writer_end_object(&json);
    strbuf_append_char(&answer->body, '\n');
}

/* A string for each line of `text`. */
static void control_tell_lines(struct json_writer *json, const char *key, const struct strbuf *text)
{
    const char *line = strbuf_text(text);
    const char *end;

    json_writer_key(json, key);
    json_writer_begin_array(json);
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        json_writer_string(json, slice_make(line, (size_t)(end - line)));
    }
    json_writer_end_array(json);
}

static void control_tell_count(struct json_writer *json, const char *key, uint64_t count)
{
    json_writer_key(json, key);
    json_writer_natural(json, count);
}

static void control_tell_reload(const struct board_reload *reload, const struct strbuf *problems,
                                const struct strbuf *fixed, struct http_answer *answer)
{
    struct json_writer json;

    answer->type = "application/json";
    answer->status = reload->ok ? 200 : 422;
    json_writer_init(&json, &answer->body, 0);
    json_writer_begin_object(&json);
    json_writer_key(&json, "action");
    json_writer_text(&json, "reload");
    json_writer_key(&json, "ok");
    json_writer_bool(&json, reload->ok);
    json_writer_key(&json, "error");
    json_writer_text(&json, reload->ok ? NULL : reload->error.text);
    control_tell_lines(&json, "problems", problems);
    control_tell_lines(&json, "needs_restart", fixed);
    control_tell_count(&json, "kept", reload->kept);
    control_tell_count(&json, "added", reload->added);
    control_tell_count(&json, "changed", reload->changed);
    control_tell_count(&json, "removed", reload->removed);
    json_writer_end_object(&json);
    strbuf_append_char(&answer->body, '\n');
}

static void control_reload(const struct control *control, const struct board *board,
                           struct http_answer *answer)
{
    struct strbuf problems = STRBUF_INIT;
    struct strbuf fixed = STRBUF_INIT;

    if (!control->ops->reload(control->ctx, &problems, &fixed)) {
        control_refuse(answer, 503, "the daemon is stopping");
    } else {
        control_tell_reload(&board->reloads.last, &problems, &fixed, answer);
    }
    strbuf_fini(&problems);
    strbuf_fini(&fixed);
}

/* The action that a path ends in; CONTROL_ACTIONS: none. */
static enum control_action control_find_action(const char *word)
{
    int action;

    for (action = 0; action < CONTROL_ACTIONS; action++) {
        if (strcmp(word, control_action_name((enum control_action)action)) == 0) {
            break;
        }
    }
    return (enum control_action)action;
}

bool control_handle(const struct control *control, const struct board *board, uint64_t now_us,
                    const struct http_ask *ask, struct http_answer *answer)
{
    static const char prefix[] = "/bridges/";
    const char *name = ask->path + sizeof(prefix) - 1;
    const char *slash;
    char decoded[CONTROL_NAME_MAX];
    enum control_action action;
    size_t len;

    if (strcmp(ask->path, "/reload") == 0) {
        control_reload(control, board, answer);
        return true;
    }
    if (strncmp(ask->path, prefix, sizeof(prefix) - 1) != 0) {
        return false;
    }
    slash = strrchr(name, '/');
    action = slash != NULL ? control_find_action(slash + 1) : CONTROL_ACTIONS;
    if (action == CONTROL_ACTIONS) {
        return false;
    }
    if (control_decode(slice_make(name, (size_t)(slash - name)), decoded, &len) != 0) {
        control_refuse(answer, 400, "this is no name of a bridge, and no glob");
        return true;
    }
    control_act(control, board, now_us, action, slice_make(decoded, len), answer);
    return true;
}
