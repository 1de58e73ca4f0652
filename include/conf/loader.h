/* A load under way: what is made, from which files, and what is wrong with them. For conf/ alone.
 */
#ifndef CHUNNELD_CONF_LOADER_H
#define CHUNNELD_CONF_LOADER_H

#include <stdbool.h>
#include <stddef.h>

/* Out of memory is answered, not exited from: the entry's hh.tbl is then NULL. One-at-a-time hash:
 * the default one falls through its cases without the annotation that compilers ask for. */
#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION HASH_OAT
#include <uthash.h>

#include "base/json.h"
#include "conf/config.h"
#include "conf/file.h"
#include "conf/load.h"
#include "conf/memory.h"
#include "core/template.h"

struct conf_problem; /* conf/problem.c */

/* A name that was taken, and where. */
struct conf_name {
    const char *name;
    struct conf_place place; /* of what bears it */
    size_t index;            /* in its list */
    UT_hash_handle hh;
};

STAILQ_HEAD(conf_file_list, conf_file);

struct conf_loader {
    struct config *config; /* being made */
    struct config_memory *memory;
    bool from_memory; /* the text was handed in: no other file is looked at */

    struct conf_file_list files; /* all that were read: places refer to them */
    unsigned file_count;
    struct conf_file *file; /* the one being read */

    /* Problems found so far. */
    struct conf_problem *problems;
    size_t problem_count;
    bool warns; /* what is noted now is no error */
    bool out_of_memory;

    /* Names taken so far. */
    struct conf_name *connections;
    struct conf_name *bridges;
    bool connections_broken; /* one has no good URL: what lacks a connection may lack that one */

    /* While something is read. */
    bool environment; /* strings: ${NAME} has its meaning */
    /* While a file of RabbitMQ's is read: whether to leave an item out. Keys that we do not know
     * are then left out too. */
    bool (*skip)(const struct conf_loader *loader, const struct json_node *item);
    bool included;                /* the file is an included one */
    struct template_source scope; /* what the source of the bridge supplies */
    bool envelope;                /* its bodies are envelopes, if it is on Redis */
    const char *vhost;            /* of the topology's connection; NULL: not known */
};

/* Remembers what is wrong with `node` and what would be right. */
void conf_problem(struct conf_loader *loader, const struct json_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Likewise, at the key of the member `node`. */
void conf_problem_key(struct conf_loader *loader, const struct json_node *node, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));
/* Likewise, at byte `index` of the string `node`. */
void conf_problem_byte(struct conf_loader *loader, const struct json_node *node, size_t index,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Likewise, of the file as a whole, or of a text that is no JSON. */
void conf_problem_file(struct conf_loader *loader, const struct conf_file *file,
                       struct json_position at, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Likewise, at a place that was noted before. */
void conf_problem_place(struct conf_loader *loader, const struct conf_place *place,
                        const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Remembers what is no error, but hardly meant, at a place that was noted before. */
void conf_warning(struct conf_loader *loader, const struct conf_place *place, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));
/* Reads a file and parses it; its name in problems is `name`. What is wrong is said, at `why` where
 * the file cannot be read and `why`, a node of the file being read, is not NULL. NULL then. */
struct conf_file *conf_file_load(struct conf_loader *loader, const char *name,
                                 const struct json_node *why);
/* Likewise, of a text that is borrowed for the load. */
struct conf_file *conf_file_load_text(struct conf_loader *loader, const char *name,
                                      struct slice text);
void conf_file_free(struct conf_file *file);

/* Hands all problems out in the order of the files, then forgets them; warnings go into the
 * configuration. How many problems. */
size_t conf_problems_tell(struct conf_loader *loader, conf_on_problem on_problem, void *ctx);

/* A string of the file being read, its ${NAME} replaced where they have their meaning; lives in
 * the configuration's memory. NULL: it is no string, a variable is wrong, or memory is out, and
 * that is said. */
const char *conf_string(struct conf_loader *loader, const struct json_node *node);

/* `path`, made absolute from the directory of the file being read where it is relative. NULL: out
 * of memory, and noted. */
const char *conf_path(struct conf_loader *loader, const char *path);

/* Where `node` is, for messages of later; strings live as long as the configuration. */
struct conf_place conf_place_of(struct conf_loader *loader, const struct json_node *node);

/* Whether `name` is one for a connection or bridge: [A-Za-z0-9._-]{1,64}. */
bool conf_name_is_valid(const char *name);
/* Takes `name` in a table of names. False: it is taken, which is said at `node`, or memory is
 * out. */
bool conf_name_take(struct conf_loader *loader, struct conf_name **names, const char *name,
                    size_t index, const struct json_node *node);
/* Who took `name`; NULL: nobody. */
const struct conf_name *conf_name_find(struct conf_name *names, const char *name);
/* The name nearest to `wrong`, NULL where there is none. */
const char *conf_name_nearest(struct conf_name *names, const char *wrong);

#endif
