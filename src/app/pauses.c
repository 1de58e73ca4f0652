/* The bridges that the operator has paused. For: doing and undoing it, by name or glob, and the
 * file that remembers it: {"v": 1, "paused": ["orders-out"], "draining": []}. It is replaced whole,
 * and not synced: a crash of the machine may bring back the one before. Not for: how a bridge
 * pauses (core/bridge.c). */
#include "app/pauses.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/json_write.h"
#include "base/log.h"
#include "conf/file.h"
#include "core/glob.h"

enum {
    PAUSES_NAME_SIZE = 65,     /* of a bridge, with its NUL */
    PAUSES_FILE_MAX = 1 << 20, /* bytes */
    PAUSES_MAX = 10000,        /* names kept */
};

struct pause {
    char name[PAUSES_NAME_SIZE];
    enum control_mark mark;
};

struct pauses {
    struct wiring *wiring;
    const char *path;    /* NULL: memory alone */
    struct pause *items; /* owned, in the order of names */
    size_t count;
    size_t size;
};

/* Where a name is, or belongs, in the order of names. */
static size_t pauses_place(const struct pauses *pauses, const char *name)
{
    size_t low = 0;
    size_t high = pauses->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (strcmp(pauses->items[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct pause *pauses_find(const struct pauses *pauses, const char *name)
{
    size_t place = pauses_place(pauses, name);
    bool found = place < pauses->count && strcmp(pauses->items[place].name, name) == 0;

    return found ? &pauses->items[place] : NULL;
}

static void pauses_remove(struct pauses *pauses, const char *name)
{
    struct pause *item = pauses_find(pauses, name);

    if (item != NULL) {
        pauses->count--;
        memmove(item, item + 1, (size_t)(pauses->items + pauses->count - item) * sizeof(*item));
    }
}

/* Makes room for one more; -1: out of memory, or too many. */
static int pauses_grow(struct pauses *pauses)
{
    size_t size = pauses->size * 2 + 16;
    struct pause *items;

    if (pauses->count < pauses->size) {
        return 0;
    }
    items = pauses->count < PAUSES_MAX ? realloc(pauses->items, size * sizeof(*items)) : NULL;
    if (items == NULL) {
        return -1;
    }
    pauses->items = items;
    pauses->size = size;
    return 0;
}

/* -1: out of memory, or too many. */
static int pauses_add(struct pauses *pauses, const char *name, enum control_mark mark)
{
    struct pause *item = pauses_find(pauses, name);
    size_t place = pauses_place(pauses, name);

    if (item == NULL) {
        if (pauses_grow(pauses) != 0) {
            return -1;
        }
        item = &pauses->items[place];
        memmove(item + 1, item, (pauses->count - place) * sizeof(*item));
        pauses->count++;
        snprintf(item->name, sizeof(item->name), "%s", name);
    }
    item->mark = mark;
    return 0;
}

static void pauses_read_list(struct pauses *pauses, const struct json_node *list,
                             enum control_mark mark)
{
    const struct json_node *item;

    for (item = list != NULL ? json_first(list) : NULL; item != NULL; item = json_next(item)) {
        if (json_is(item, JSON_STRING) && json_string(item).len > 0 &&
            json_string(item).len < PAUSES_NAME_SIZE) {
            pauses_add(pauses, json_string(item).data, mark);
        }
    }
}

static void pauses_read(struct pauses *pauses)
{
    static const struct json_limits limits = {.bytes = PAUSES_FILE_MAX, .depth = 4};
    struct strbuf text = STRBUF_INIT;
    struct json_problem problem;
    struct json *json;
    struct err err;

    if (access(pauses->path, F_OK) != 0) {
        return;
    }
    if (conf_file_read(pauses->path, PAUSES_FILE_MAX, &text, &err) != 0) {
        log_warn("control", NULL, "the list of paused bridges cannot be read: none is paused",
                 log_text("file", pauses->path), log_text("why", err.text));
        strbuf_fini(&text);
        return;
    }
    json = json_parse(strbuf_slice(&text), &limits, &problem);
    if (json == NULL || !json_is(json_root(json), JSON_OBJECT)) {
        log_warn("control", NULL, "the list of paused bridges is damaged: none is paused",
                 log_text("file", pauses->path),
                 log_text("why", json == NULL ? problem.text : "an object is wanted"));
    } else {
        pauses_read_list(pauses, json_member(json_root(json), "paused"), CONTROL_PAUSED);
        pauses_read_list(pauses, json_member(json_root(json), "draining"), CONTROL_DRAINING);
    }
    json_free(json);
    strbuf_fini(&text);
}

static void pauses_write_list(const struct pauses *pauses, const char *key, enum control_mark mark,
                              struct json_writer *json)
{
    size_t i;

    json_writer_key(json, key);
    json_writer_begin_array(json);
    for (i = 0; i < pauses->count; i++) {
        if (pauses->items[i].mark == mark) {
            json_writer_text(json, pauses->items[i].name);
        }
    }
    json_writer_end_array(json);
}

/* Writes `text` to `path` beside the old file, then in its place; -1 and errno. */
static int pauses_replace(const char *path, const struct strbuf *text)
{
    struct strbuf fresh = STRBUF_INIT;
    ssize_t written = -1;
    int result = -1;
    int fd;

    strbuf_append_format(&fresh, "%s.new", path);
    fd = strbuf_failed(&fresh)
             ? -1
             : open(strbuf_text(&fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd >= 0) {
        written = write(fd, text->data, text->len);
        close(fd);
    }
    if (written == (ssize_t)text->len) {
        result = rename(strbuf_text(&fresh), path);
    }
    strbuf_fini(&fresh);
    return result;
}

static void pauses_save(const struct pauses *pauses)
{
    struct strbuf text = STRBUF_INIT;
    struct json_writer json;

    if (pauses->path == NULL) {
        return;
    }
    json_writer_init(&json, &text, 2);
    json_writer_begin_object(&json);
    json_writer_key(&json, "v");
    json_writer_natural(&json, 1);
    pauses_write_list(pauses, "paused", CONTROL_PAUSED, &json);
    pauses_write_list(pauses, "draining", CONTROL_DRAINING, &json);
    json_writer_end_object(&json);
    strbuf_append_char(&text, '\n');
    if (strbuf_failed(&text) || pauses_replace(pauses->path, &text) != 0) {
        log_warn("control", NULL,
                 "the list of paused bridges cannot be written: a restart forgets it",
                 log_text("file", pauses->path), log_text("why", strerror(errno)));
    }
    strbuf_fini(&text);
}

struct pauses *pauses_new(struct wiring *wiring, const char *path)
{
    struct pauses *pauses = calloc(1, sizeof(*pauses));

    if (pauses == NULL) {
        return NULL;
    }
    pauses->wiring = wiring;
    pauses->path = path;
    if (path != NULL) {
        pauses_read(pauses);
    }
    return pauses;
}

void pauses_free(struct pauses *pauses)
{
    if (pauses != NULL) {
        free(pauses->items);
        free(pauses);
    }
}

void pauses_apply(const struct pauses *pauses, struct unit *unit)
{
    if (unit->conf->enabled && pauses_find(pauses, unit_name(unit)) != NULL) {
        unit->ops->pause(unit);
    }
}

static void pauses_act_on(struct pauses *pauses, enum control_action action, struct unit *unit)
{
    log_info("bridge", unit_name(unit), "told by the operator",
             log_text("action", control_action_name(action)));
    if (action == CONTROL_RESUME) {
        pauses_remove(pauses, unit_name(unit));
        unit->ops->resume(unit);
        return;
    }
    if (pauses_add(pauses, unit_name(unit),
                   action == CONTROL_DRAIN ? CONTROL_DRAINING : CONTROL_PAUSED) != 0) {
        log_warn("bridge", unit_name(unit), "a restart forgets that: too many, or out of memory");
    }
    unit->ops->pause(unit);
}

size_t pauses_act(struct pauses *pauses, enum control_action action, struct slice pattern)
{
    struct unit *unit = NULL;
    size_t count = 0;

    while ((unit = wiring_next_unit(pauses->wiring, unit)) != NULL) {
        if (glob_match(pattern, slice_of(unit_name(unit)), NULL)) {
            count++;
            pauses_act_on(pauses, action, unit);
        }
    }
    if (count > 0) {
        pauses_save(pauses);
    }
    return count;
}

enum control_mark pauses_mark(const struct pauses *pauses, const char *bridge)
{
    const struct pause *item = pauses_find(pauses, bridge);

    return item != NULL ? item->mark : CONTROL_NOTHING;
}

bool pauses_last(const struct pauses *pauses)
{
    return pauses->path != NULL;
}
