/* Files as parts of a load: read, parsed, remembered. For: the main file, included ones, and
 * RabbitMQ's definitions. Not for: what stands in them. */
#include <stdlib.h>
#include <string.h>

#include "conf/loader.h"

/* The directory of a file: as given, and absolute. */
static int conf_file_directory(struct conf_loader *loader, struct conf_file *file)
{
    const char *slash = strrchr(file->name, '/');
    size_t len = slash ? (size_t)(slash - file->name) + 1 : 0;
    char *absolute;

    file->prefix = conf_memory_copy(loader->memory, slice_make(file->name, len));
    if (file->prefix == NULL) {
        return -1;
    }
    absolute = realpath(len ? file->prefix : ".", NULL);
    file->directory = conf_memory_copy(
        loader->memory, absolute ? slice_of(absolute) : slice_of(len ? file->prefix : "."));
    free(absolute);
    return file->directory ? 0 : -1;
}

static struct conf_file *conf_file_new(struct conf_loader *loader, const char *name)
{
    struct conf_file *file = calloc(1, sizeof(*file));

    if (file == NULL) {
        loader->out_of_memory = true;
        return NULL;
    }
    STAILQ_INSERT_TAIL(&loader->files, file, link); /* the load frees it */
    file->number = loader->file_count++;
    file->name = conf_memory_copy(loader->memory, slice_of(name));
    if (file->name == NULL || conf_file_directory(loader, file) != 0) {
        loader->out_of_memory = true;
        return NULL;
    }
    return file;
}

static void conf_file_duplicate(void *ctx, const struct json_node *member)
{
    conf_problem_key(ctx, member, "this key stood in this object before; remove one of them");
}

/* Parses a file's text. -1: it is no JSON, and that is said. */
static int conf_file_parse(struct conf_loader *loader, struct conf_file *file, struct slice text)
{
    static const struct json_limits limits = {.bytes = CONF_FILE_MAX,
                                              .values = CONF_VALUES_MAX,
                                              .depth = CONF_DEPTH_MAX,
                                              .flags = JSON_POSITIONS | JSON_ALLOW_DUPLICATES};
    struct conf_file *before = loader->file;
    struct json_problem problem;

    file->json = json_parse(text, &limits, &problem);
    if (file->json == NULL) {
        conf_problem_file(loader, file, problem.at, problem.pointer, "%s", problem.text);
        return -1;
    }
    loader->file = file;
    json_each_duplicate(file->json, conf_file_duplicate, loader);
    loader->file = before;
    return 0;
}

struct conf_file *conf_file_load(struct conf_loader *loader, const char *name,
                                 const struct json_node *why)
{
    struct conf_file *file = conf_file_new(loader, name);
    struct err err;

    if (file == NULL) {
        return NULL;
    }
    if (conf_file_read(name, CONF_FILE_MAX, &file->text, &err) == 0) {
        return conf_file_parse(loader, file, strbuf_slice(&file->text)) == 0 ? file : NULL;
    }
    if (why != NULL) {
        conf_problem(loader, why, "\"%s\": %s", name, err.text);
    } else {
        conf_problem_file(loader, file, (struct json_position){0, 1, 1}, "", "%s", err.text);
    }
    return NULL;
}

struct conf_file *conf_file_load_text(struct conf_loader *loader, const char *name,
                                      struct slice text)
{
    struct conf_file *file = conf_file_new(loader, name);

    return file != NULL && conf_file_parse(loader, file, text) == 0 ? file : NULL;
}

void conf_file_free(struct conf_file *file)
{
    json_free(file->json);
    strbuf_fini(&file->text);
    free(file);
}
