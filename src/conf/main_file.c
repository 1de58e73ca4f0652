/* The main file and those that it includes. For: finding and reading the included ones, and
 * defaults that depend on the machine. Not for: the load as a whole (conf/load.c). */
#include "conf/main_file.h"

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "conf/advice.h"
#include "conf/circle.h"
#include "conf/connection.h"
#include "conf/keys.h"
#include "conf/read.h"
#include "conf/redeclared.h"
#include "conf/value.h"

enum { CONF_HOST_NAME_MAX = 256 };

unsigned conf_main_variant_of_node(struct conf_loader *loader, const struct json_node *node)
{
    (void)node;
    return loader->included ? CONF_INCLUDED_FILE : CONF_MAIN_FILE;
}

unsigned conf_main_variant_of_struct(const void *base)
{
    (void)base;
    return CONF_MAIN_FILE;
}

/* Whether a file was read before: two patterns may find it, and the main file may be among them. */
static bool conf_include_is_known(const struct conf_loader *loader, const char *name)
{
    const struct conf_file *file;

    STAILQ_FOREACH(file, &loader->files, link) {
        if (file->name != NULL && strcmp(file->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void conf_include_file(struct conf_loader *loader, const char *name,
                              const struct json_node *why)
{
    struct conf_file *before = loader->file;
    struct conf_file *file;

    if (conf_include_is_known(loader, name)) {
        return;
    }
    file = conf_file_load(loader, name, why);
    if (file == NULL) {
        return;
    }
    loader->file = file;
    loader->included = true;
    conf_read_object(loader, &conf_kind_main, json_root(file->json), loader->config);
    loader->included = false;
    loader->file = before;
}

/* What is not there matches nothing; what cannot be looked into is an error. */
static int conf_include_error(const char *path, int error)
{
    (void)path;
    return error != ENOENT && error != ENOTDIR;
}

/* Appends the directory of the file being read, its wildcards made literal. */
static void conf_include_prefix(const struct conf_loader *loader, struct strbuf *out)
{
    const char *c;

    for (c = loader->file->prefix; *c != '\0'; c++) {
        if (strchr("*?[\\", *c) != NULL) {
            strbuf_append_char(out, '\\');
        }
        strbuf_append_char(out, *c);
    }
}

/* The files that one pattern finds. */
static void conf_include_pattern(struct conf_loader *loader, const char *pattern,
                                 const struct json_node *why)
{
    bool literal = strpbrk(pattern, "*?[") == NULL;
    struct strbuf full = STRBUF_INIT;
    glob_t found;
    size_t i;
    int result;

    if (pattern[0] != '/') {
        conf_include_prefix(loader, &full);
    }
    strbuf_append_text(&full, pattern);
    if (strbuf_failed(&full)) {
        loader->out_of_memory = true;
        strbuf_fini(&full);
        return;
    }
    result = glob(strbuf_text(&full), 0, conf_include_error, &found);
    if (result == 0) {
        for (i = 0; i < found.gl_pathc; i++) {
            conf_include_file(loader, found.gl_pathv[i], why);
        }
        globfree(&found);
    } else if (result == GLOB_NOSPACE) {
        loader->out_of_memory = true;
    } else if (result == GLOB_ABORTED) {
        conf_problem(loader, why, "a directory on the way cannot be read; see to its permissions");
    } else if (literal) {
        conf_problem(loader, why,
                     "there is no such file; a pattern that may find none has a "
                     "\"*\" in it");
    }
    strbuf_fini(&full);
}

static void conf_main_includes(struct conf_loader *loader, const struct json_node *node)
{
    const struct json_node *include = json_member(node, "include");
    const struct json_node *item;

    if (include == NULL || loader->from_memory) {
        return;
    }
    if (json_is(include, JSON_STRING)) {
        conf_include_pattern(loader, json_string(include).data, include);
        return;
    }
    for (item = json_first(include); item != NULL; item = json_next(item)) {
        if (json_is(item, JSON_STRING) && json_string(item).len > 0) {
            conf_include_pattern(loader, json_string(item).data, item);
        }
    }
}

void conf_main_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct config *config = base;
    char host[CONF_HOST_NAME_MAX];

    if (loader->included) {
        return;
    }
    if (config->instance == NULL) {
        if (gethostname(host, sizeof(host)) != 0 || host[0] == '\0') {
            memcpy(host, "localhost", sizeof("localhost"));
        }
        host[sizeof(host) - 1] = '\0';
        config->instance = conf_memory_copy(loader->memory, slice_of(host));
        loader->out_of_memory |= config->instance == NULL;
    }
    conf_main_includes(loader, node);
    if (loader->problem_count == 0 && !loader->out_of_memory) {
        conf_redeclared_check(loader);
        conf_circle_check(loader); /* what is broken, or half-read, feeds nobody */
        conf_advise(loader);
    }
}
