/* What every part of a load needs: strings, places, names. For: conf/. Not for: the way of the
 * load as a whole (conf/load.c). */
#include "conf/loader.h"

#include <stdlib.h>

#include "base/nearest.h"
#include "conf/environment.h"

enum { CONF_NAME_MAX = 64 }; /* bytes of a name */

const char *conf_string(struct conf_loader *loader, const struct json_node *node)
{
    struct strbuf text = STRBUF_INIT;
    const char *copy = NULL;
    struct err err;
    size_t index;

    if (!json_is(node, JSON_STRING)) {
        conf_problem(loader, node, "a string is wanted, this is %s",
                     json_type_name(json_type(node)));
        return NULL;
    }
    if (!loader->environment) {
        strbuf_append_slice(&text, json_string(node));
    } else if (conf_environment_expand(json_string(node), &text, &err, &index) != 0) {
        conf_problem_byte(loader, node, index, "%s", err.text);
        goto done;
    }
    copy = strbuf_failed(&text) ? NULL : conf_memory_copy(loader->memory, strbuf_slice(&text));
    loader->out_of_memory |= copy == NULL;

done:
    strbuf_fini(&text);
    return copy;
}

const char *conf_path(struct conf_loader *loader, const char *path)
{
    struct strbuf text = STRBUF_INIT;
    const char *copy = NULL;

    if (path[0] != '/') {
        strbuf_append_format(&text, "%s/", loader->file->directory);
    }
    strbuf_append_text(&text, path);
    copy = strbuf_failed(&text) ? NULL : conf_memory_copy(loader->memory, strbuf_slice(&text));
    loader->out_of_memory |= copy == NULL;
    strbuf_fini(&text);
    return copy;
}

struct conf_place conf_place_of(struct conf_loader *loader, const struct json_node *node)
{
    struct json_position at = json_position(loader->file->json, node);
    struct conf_place place = {loader->file->name, at.line, at.column, NULL};
    struct strbuf pointer = STRBUF_INIT;

    json_append_pointer(loader->file->json, node, &pointer);
    if (!strbuf_failed(&pointer)) {
        place.pointer = conf_memory_copy(loader->memory, strbuf_slice(&pointer));
    }
    if (place.pointer == NULL) {
        loader->out_of_memory = true;
        place.pointer = "";
    }
    strbuf_fini(&pointer);
    return place;
}

bool conf_name_is_valid(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    return len > 0 && len <= CONF_NAME_MAX && name[len] == '\0';
}

bool conf_name_take(struct conf_loader *loader, struct conf_name **names, const char *name,
                    size_t index, const struct json_node *node)
{
    struct conf_name *entry = NULL;

    HASH_FIND_STR(*names, name, entry);
    if (entry != NULL) {
        conf_problem(loader, node, "the name \"%s\" is taken, at %s:%u:%u; choose another", name,
                     entry->place.file, entry->place.line, entry->place.column);
        return false;
    }
    entry = conf_memory_take(loader->memory, sizeof(*entry));
    if (entry == NULL) {
        loader->out_of_memory = true;
        return false;
    }
    entry->name = name;
    entry->place = conf_place_of(loader, node);
    entry->index = index;
    HASH_ADD_KEYPTR(hh, *names, entry->name, strlen(entry->name), entry);
    loader->out_of_memory |= entry->hh.tbl == NULL;
    return entry->hh.tbl != NULL;
}

const struct conf_name *conf_name_find(struct conf_name *names, const char *name)
{
    struct conf_name *entry = NULL;

    HASH_FIND_STR(names, name, entry);
    return entry;
}

const char *conf_name_nearest(struct conf_name *names, const char *wrong)
{
    const char **all = calloc(HASH_COUNT(names) + 1, sizeof(*all));
    const struct conf_name *entry;
    const char *nearest = NULL;
    size_t count = 0;

    if (all == NULL) {
        return NULL;
    }
    for (entry = names; entry != NULL; entry = entry->hh.next) {
        all[count++] = entry->name;
    }
    nearest = nearest_name(slice_of(wrong), all, count);
    free(all);
    return nearest;
}
