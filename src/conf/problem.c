/* Problems of a configuration: gathered in any order, told in the order of the files. For: every
 * part of conf/ that finds one. Not for: deciding what is one. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "conf/loader.h"

/* One line for people, and what it is sorted by. */
struct conf_problem {
    unsigned file;
    struct json_position at;
    size_t serial; /* order of finding */
    bool is_warning;
    char *line; /* owned */
};

/* Appends text that may be foreign: what would break the line or is no UTF-8 is shown, not sent. */
static void conf_problem_clean(struct strbuf *out, struct slice text)
{
    size_t at = 0;
    size_t len;

    while (at < text.len) {
        unsigned char c = (unsigned char)text.data[at];

        if (!utf8_next(text.data + at, text.len - at, &len)) {
            strbuf_append_text(out, "\xEF\xBF\xBD");
        } else if (c < 0x20 || c == 0x7F) {
            strbuf_append_format(out, "\\u%04x", (unsigned)c);
        } else {
            strbuf_append(out, text.data + at, len);
        }
        at += len;
    }
}

__attribute__((format(printf, 5, 0))) static void conf_problem_add(struct conf_loader *loader,
                                                                   const struct conf_file *file,
                                                                   struct json_position at,
                                                                   const char *pointer,
                                                                   const char *format, va_list args)
{
    struct strbuf raw = STRBUF_INIT;
    struct strbuf line = STRBUF_INIT;
    struct conf_problem *problem;
    va_list again;
    int len;

    strbuf_append_format(&raw, "%s:%u:%u: %s%s: ", file->name, at.line, at.column,
                         loader->warns ? "warning: " : "", pointer[0] != '\0' ? pointer : "/");
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len > 0 && strbuf_reserve(&raw, (size_t)len) != NULL) {
        vsnprintf(raw.data + raw.len, (size_t)len + 1, format, args);
        strbuf_commit(&raw, (size_t)len);
    }
    conf_problem_clean(&line, strbuf_slice(&raw));
    problem = strbuf_failed(&raw) || strbuf_failed(&line)
                  ? NULL
                  : conf_list_append(&loader->problems, &loader->problem_count, sizeof(*problem));
    if (problem == NULL) {
        loader->out_of_memory = true;
    } else {
        problem->file = file->number;
        problem->at = at;
        problem->serial = loader->problem_count;
        problem->is_warning = loader->warns;
        problem->line = strbuf_detach(&line);
    }
    strbuf_fini(&raw);
    strbuf_fini(&line);
}

/* A problem of a node, with its pointer. */
__attribute__((format(printf, 4, 0))) static void conf_problem_node(struct conf_loader *loader,
                                                                    const struct json_node *node,
                                                                    struct json_position at,
                                                                    const char *format,
                                                                    va_list args)
{
    struct strbuf pointer = STRBUF_INIT;

    json_append_pointer(loader->file->json, node, &pointer);
    conf_problem_add(loader, loader->file, at, strbuf_text(&pointer), format, args);
    strbuf_fini(&pointer);
}

void conf_problem(struct conf_loader *loader, const struct json_node *node, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    conf_problem_node(loader, node, json_position(loader->file->json, node), format, args);
    va_end(args);
}

void conf_problem_key(struct conf_loader *loader, const struct json_node *node, const char *format,
                      ...)
{
    va_list args;

    va_start(args, format);
    conf_problem_node(loader, node, json_key_position(loader->file->json, node), format, args);
    va_end(args);
}

void conf_problem_byte(struct conf_loader *loader, const struct json_node *node, size_t index,
                       const char *format, ...)
{
    struct json_position at = json_string_position(loader->file->json, node, index);
    va_list args;

    va_start(args, format);
    conf_problem_node(loader, node, at, format, args);
    va_end(args);
}

void conf_problem_file(struct conf_loader *loader, const struct conf_file *file,
                       struct json_position at, const char *pointer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    conf_problem_add(loader, file, at, pointer, format, args);
    va_end(args);
}

void conf_problem_place(struct conf_loader *loader, const struct conf_place *place,
                        const char *format, ...)
{
    struct json_position at = {.line = place->line, .column = place->column};
    const struct conf_file *file = STAILQ_FIRST(&loader->files);
    va_list args;

    while (file->name != place->file) { /* places point to the names of files */
        file = STAILQ_NEXT(file, link);
    }
    va_start(args, format);
    conf_problem_add(loader, file, at, place->pointer, format, args);
    va_end(args);
}

void conf_warning(struct conf_loader *loader, const struct conf_place *place, const char *format,
                  ...)
{
    struct json_position at = {.line = place->line, .column = place->column};
    const struct conf_file *file = STAILQ_FIRST(&loader->files);
    va_list args;

    while (file->name != place->file) {
        file = STAILQ_NEXT(file, link);
    }
    loader->warns = true;
    va_start(args, format);
    conf_problem_add(loader, file, at, place->pointer, format, args);
    va_end(args);
    loader->warns = false;
}

static int conf_problem_order(const void *a, const void *b)
{
    const struct conf_problem *one = a;
    const struct conf_problem *two = b;

    if (one->file != two->file) {
        return one->file < two->file ? -1 : 1;
    }
    if (one->at.line != two->at.line) {
        return one->at.line < two->at.line ? -1 : 1;
    }
    if (one->at.column != two->at.column) {
        return one->at.column < two->at.column ? -1 : 1;
    }
    return one->serial < two->serial ? -1 : 1;
}

/* Keeps the warnings in the configuration. */
static void conf_warnings_keep(struct conf_loader *loader)
{
    struct conf_strings *kept = &loader->config->warnings;
    size_t i;

    kept->items =
        conf_memory_take_array(loader->memory, loader->problem_count + 1, sizeof(*kept->items));
    for (i = 0; kept->items != NULL && i < loader->problem_count; i++) {
        const struct conf_problem *problem = &loader->problems[i];

        if (problem->is_warning) {
            kept->items[kept->count] = conf_memory_copy(loader->memory, slice_of(problem->line));
            loader->out_of_memory |= kept->items[kept->count] == NULL;
            kept->count++;
        }
    }
    loader->out_of_memory |= kept->items == NULL;
}

size_t conf_problems_tell(struct conf_loader *loader, conf_on_problem on_problem, void *ctx)
{
    size_t count = 0;
    char line[512];
    size_t i;

    if (loader->problem_count > 1) {
        qsort(loader->problems, loader->problem_count, sizeof(*loader->problems),
              conf_problem_order);
    }
    conf_warnings_keep(loader);
    for (i = 0; i < loader->problem_count; i++) {
        if (!loader->problems[i].is_warning) {
            on_problem(ctx, loader->problems[i].line);
            count++;
        }
        free(loader->problems[i].line);
    }
    free(loader->problems);
    loader->problems = NULL;
    loader->problem_count = 0;
    if (loader->out_of_memory) {
        snprintf(line, sizeof(line), "%s:1:1: /: out of memory", loader->config->file);
        on_problem(ctx, line);
        count++;
    }
    return count;
}
