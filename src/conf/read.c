/* The interpreter of the table of keys: walks over a JSON object and fills the struct of its kind.
 * For: every object of the configuration. Not for: single values (conf/value.c), nor what must fit
 * together (the kinds' own finish). */
#include "conf/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "conf/value.h"

enum { CONF_KEYS_MAX = 32 }; /* keys of a kind */

/* Whether a key has a meaning for a variant; 0: which one it is could not be told. */
static bool conf_key_applies(const struct conf_key *key, unsigned variant)
{
    return key->variants == 0 || variant == 0 || (key->variants & variant) != 0;
}

/* The kind that has a key called `name`, for one that stands in the wrong object. NULL: none. */
static const struct conf_kind *conf_read_home(const char *name)
{
    size_t i;

    for (i = 0; conf_kinds[i] != NULL; i++) {
        if (conf_key_find(conf_kinds[i], name) != NULL) {
            return conf_kinds[i];
        }
    }
    return NULL;
}

static void conf_read_unknown(struct conf_loader *loader, const struct conf_kind *kind,
                              unsigned variant, const struct json_node *member)
{
    const char *name = json_key(member).data;
    const struct conf_kind *home = conf_read_home(name);
    const char *names[CONF_KEYS_MAX];
    size_t count = 0;
    size_t i;

    for (i = 0; i < kind->key_count && count < CONF_KEYS_MAX; i++) {
        if (kind->keys[i].type != CONF_TYPE_LATER && conf_key_applies(&kind->keys[i], variant)) {
            names[count++] = kind->keys[i].name;
        }
    }
    conf_problem_key(loader, member,
                     "unknown key \"%s\"; the nearest known key of %s is \"%s\"%s%s", name,
                     kind->name, nearest_name(slice_of(name), names, count),
                     home ? ", and one of this name belongs in " : "", home ? home->name : "");
}

/* Says for which variants a key is. */
static void conf_read_misplaced(struct conf_loader *loader, const struct conf_kind *kind,
                                const struct conf_key *key, unsigned variant,
                                const struct json_node *member)
{
    struct strbuf right = STRBUF_INIT;
    const struct conf_variant *other;

    for (other = kind->variants; other->name != NULL; other++) {
        if ((key->variants & other->bit) != 0) {
            strbuf_append_format(&right, "%s%s", right.len ? " or " : "", other->name);
        }
    }
    conf_problem_key(loader, member, "\"%s\" means nothing for %s; it is for %s", key->name,
                     conf_variant_find(kind, variant)->name, strbuf_text(&right));
    strbuf_fini(&right);
}

/* Says which members have no place in this object. */
static void conf_read_check(struct conf_loader *loader, const struct conf_kind *kind,
                            unsigned variant, const struct json_node *object)
{
    const struct json_node *member;

    for (member = json_first(object); member != NULL; member = json_next(member)) {
        const char *name = json_key(member).data;
        const struct conf_key *key = conf_key_find(kind, name);

        if (conf_key_is_common(name)) {
            continue;
        }
        if (key == NULL && loader->skip == NULL) {
            conf_read_unknown(loader, kind, variant, member);
        } else if (key != NULL && key->type == CONF_TYPE_LATER) {
            conf_problem_key(loader, member,
                             "\"%s\" is not supported by this version; leave it out", name);
        } else if (key != NULL && !conf_key_applies(key, variant)) {
            conf_read_misplaced(loader, kind, key, variant, member);
        }
    }
}

static void conf_read_defaults(struct conf_loader *loader, const struct conf_kind *kind,
                               void *base);

/* The default of a key that is not there. */
static void conf_read_default(struct conf_loader *loader, const struct conf_key *key, void *base)
{
    if (key->type != CONF_TYPE_OBJECT) {
        conf_value_default(loader, key, base);
    } else if (key->fallback != NULL) {
        conf_read_defaults(loader, key->kind, (char *)base + key->at);
    }
}

/* As for an empty object. */
static void conf_read_defaults(struct conf_loader *loader, const struct conf_kind *kind, void *base)
{
    size_t i;

    for (i = 0; i < kind->key_count; i++) {
        conf_read_default(loader, &kind->keys[i], base);
    }
}

/* The struct that an item of a list or map is read into. */
static void *conf_read_item(struct conf_loader *loader, const struct conf_key *key,
                            const struct json_node *node, void *base)
{
    size_t count;
    void *item;

    if (!json_is(node, JSON_OBJECT)) {
        conf_problem(loader, node, "an object is wanted, this is %s",
                     json_type_name(json_type(node)));
        return NULL;
    }
    if (key->kind->item != NULL) {
        return key->kind->item(loader, node, base);
    }
    memcpy(&count, (char *)base + key->at_count, sizeof(count));
    item = conf_list_append((char *)base + key->at, &count, key->kind->size);
    loader->out_of_memory |= item == NULL;
    memcpy((char *)base + key->at_count, &count, sizeof(count));
    return item;
}

void conf_read_items(struct conf_loader *loader, const struct conf_key *key,
                     const struct json_node *list, void *base)
{
    bool is_map = key->type == CONF_TYPE_MAP;
    bool is_one = key->single && json_is(list, JSON_OBJECT);
    const struct json_node *node = is_one ? list : json_first(list);

    if (!is_one && !json_is(list, is_map ? JSON_OBJECT : JSON_ARRAY)) {
        conf_value_wrong_type(loader, key, list);
        return;
    }
    for (; node != NULL; node = is_one ? NULL : json_next(node)) {
        void *item;

        if ((is_map && conf_key_is_common(json_key(node).data)) ||
            (loader->skip != NULL && loader->skip(loader, node))) {
            continue;
        }
        item = conf_read_item(loader, key, node, base);
        if (item != NULL) {
            conf_read_object(loader, key->kind, node, item);
        }
    }
}

static void conf_read_member(struct conf_loader *loader, const struct conf_key *key,
                             const struct json_node *member, void *base)
{
    switch (key->type) {
    case CONF_TYPE_LATER:
        break;
    case CONF_TYPE_OBJECT:
        if (key->at_count != 0) {
            *(bool *)((char *)base + key->at_count) = true;
        }
        conf_read_object(loader, key->kind, member, (char *)base + key->at);
        break;
    case CONF_TYPE_LIST:
    case CONF_TYPE_MAP:
        conf_read_items(loader, key, member, base);
        break;
    default:
        conf_value_read(loader, key, member, base);
        break;
    }
}

void conf_read_object(struct conf_loader *loader, const struct conf_kind *kind,
                      const struct json_node *node, void *base)
{
    bool environment = loader->environment;
    unsigned variant = 0;
    size_t i;

    if (!json_is(node, JSON_OBJECT)) {
        conf_problem(loader, node, "an object is wanted, this is %s",
                     json_type_name(json_type(node)));
        return;
    }
    loader->environment = kind->environment;
    if (kind->variant_of_node != NULL) {
        variant = kind->variant_of_node(loader, node);
    }
    conf_read_check(loader, kind, variant, node);
    if (kind->prepare != NULL) {
        kind->prepare(loader, node, base);
    }
    for (i = 0; i < kind->key_count; i++) {
        const struct conf_key *key = &kind->keys[i];
        const struct json_node *member = json_member(node, key->name);

        if (!conf_key_applies(key, variant)) {
            continue;
        }
        if (member != NULL) {
            conf_read_member(loader, key, member, base);
        } else if (key->required) {
            conf_problem(loader, node, "\"%s\" is missing; %s needs it", key->name, kind->name);
        } else if (key->variants == 0 || variant != 0) {
            conf_read_default(loader, key, base);
        }
    }
    if (kind->finish != NULL) {
        kind->finish(loader, node, base);
    }
    loader->environment = environment;
}
