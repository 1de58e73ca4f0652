/* The way in: from a file to a configuration, or to all that is wrong with it. For: main and app.
 * The parts are in the other files of conf/. */
#include "conf/load.h"

#include <stdlib.h>

#include "conf/keys.h"
#include "conf/load_text.h"
#include "conf/loader.h"
#include "conf/read.h"

/* An empty configuration, with its memory. NULL: out of memory. */
static struct config *config_new(const char *file)
{
    struct config *config = calloc(1, sizeof(*config));

    if (config == NULL) {
        return NULL;
    }
    config->memory = conf_memory_new();
    if (config->memory == NULL) {
        config_free(config);
        return NULL;
    }
    config->file = conf_memory_copy(config->memory, slice_of(file));
    if (config->file == NULL) {
        config_free(config);
        return NULL;
    }
    return config;
}

const char *conf_protocol_name(enum conf_protocol protocol)
{
    return protocol == CONF_REDIS ? "redis" : "amqp";
}

struct config *config_ref(struct config *config)
{
    config->refs++;
    return config;
}

void config_free(struct config *config)
{
    size_t i;

    if (config == NULL || config->refs-- > 0) {
        return;
    }
    for (i = 0; i < config->bridge_count; i++) {
        mapping_fini(&config->bridges[i].sink.mapping);
        mapping_fini(&config->bridges[i].dead_letter.mapping);
        mapping_fini(&config->bridges[i].mirror.sink.mapping);
    }
    mapping_fini(&config->stats.report.sink.mapping);
    mapping_fini(&config->events.sink.mapping);
    for (i = 0; i < config->topology_count; i++) {
        free(config->topologies[i].exchanges);
        free(config->topologies[i].queues);
        free(config->topologies[i].bindings);
    }
    free(config->bridges);
    free(config->topologies);
    free(config->connections);
    conf_memory_free(config->memory);
    free(config);
}

static void conf_loader_fini(struct conf_loader *loader)
{
    struct conf_file *file;

    HASH_CLEAR(hh, loader->connections);
    HASH_CLEAR(hh, loader->bridges);
    while ((file = STAILQ_FIRST(&loader->files)) != NULL) {
        STAILQ_REMOVE_HEAD(&loader->files, link);
        conf_file_free(file);
    }
}

/* Reads the main file; `text` NULL: it is on disk. */
static struct config *config_load_from(const char *name, const struct slice *text,
                                       conf_on_problem on_problem, void *ctx)
{
    struct conf_loader loader = {.from_memory = text != NULL};
    struct conf_file *file;
    size_t problems;

    loader.config = config_new(name);
    if (loader.config == NULL) {
        on_problem(ctx, "out of memory while reading the configuration");
        return NULL;
    }
    loader.memory = loader.config->memory;
    STAILQ_INIT(&loader.files);
    file = text != NULL ? conf_file_load_text(&loader, name, *text)
                        : conf_file_load(&loader, name, NULL);
    if (file != NULL) {
        loader.file = file;
        conf_read_object(&loader, &conf_kind_main, json_root(file->json), loader.config);
    }
    problems = conf_problems_tell(&loader, on_problem, ctx);
    conf_loader_fini(&loader); /* what it has is in the configuration's memory */
    if (problems > 0) {
        config_free(loader.config);
        return NULL;
    }
    return loader.config;
}

struct config *config_load(const char *file, conf_on_problem on_problem, void *ctx)
{
    return config_load_from(file, NULL, on_problem, ctx);
}

struct config *config_load_text(const char *name, struct slice text, conf_on_problem on_problem,
                                void *ctx)
{
    return config_load_from(name, &text, on_problem, ctx);
}
