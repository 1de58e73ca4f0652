/* The topology. For: adding up the objects that name one connection, and RabbitMQ's own
 * definitions. Not for: declaring anything (amqp/). */
#include "conf/topology.h"

#include <string.h>

#include "conf/connection.h"
#include "conf/keys.h"
#include "conf/read.h"

/* What is taken from a file of definitions. */
static const char *const conf_definitions[] = {"exchanges", "queues", "bindings"};

void *conf_topology_item(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct config *config = base;
    const struct conf_connection *connection = conf_connection_pick(loader, node, CONF_AMQP);
    struct conf_topology *topology;
    size_t i;

    loader->vhost =
        connection != NULL && connection->url_count > 0 ? connection->urls[0].vhost : NULL;
    for (i = 0; i < config->topology_count; i++) {
        if (config->topologies[i].connection == connection) {
            return &config->topologies[i];
        }
    }
    topology = conf_list_append(&config->topologies, &config->topology_count, sizeof(*topology));
    if (topology == NULL) {
        loader->out_of_memory = true;
        return NULL;
    }
    topology->connection = connection; /* NULL: that was said; its parts are checked anyhow */
    return topology;
}

/* Whether the definitions' item is of another virtual host, or the broker's own. */
static bool conf_definitions_skip(const struct conf_loader *loader, const struct json_node *item)
{
    const struct json_node *vhost = json_member(item, "vhost");
    const struct json_node *name = json_member(item, "name");
    const struct json_node *source = json_member(item, "source");

    if (vhost != NULL && json_is(vhost, JSON_STRING) && loader->vhost != NULL &&
        !slice_equal_text(json_string(vhost), loader->vhost)) {
        return true;
    }
    if (name != NULL && json_is(name, JSON_STRING) &&
        (json_string(name).len == 0 || strncmp(json_string(name).data, "amq.", 4) == 0)) {
        return true;
    }
    return source != NULL && json_is(source, JSON_STRING) && json_string(source).len == 0;
}

/* Reads what RabbitMQ exported into `topology`. */
static void conf_definitions_read(struct conf_loader *loader, const struct conf_file *file,
                                  struct conf_topology *topology)
{
    const struct json_node *root = json_root(file->json);
    size_t i;

    if (!json_is(root, JSON_OBJECT)) {
        conf_problem(loader, root, "RabbitMQ's definitions are an object, this is %s",
                     json_type_name(json_type(root)));
        return;
    }
    for (i = 0; i < sizeof(conf_definitions) / sizeof(conf_definitions[0]); i++) {
        const struct json_node *list = json_member(root, conf_definitions[i]);

        if (list != NULL) {
            conf_read_items(loader, conf_key_find(&conf_kind_topology, conf_definitions[i]), list,
                            topology);
        }
    }
}

void conf_topology_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    const struct json_node *name = json_member(node, "definitions_file");
    struct conf_file *before = loader->file;
    struct strbuf path = STRBUF_INIT;
    struct conf_file *file;

    if (name == NULL || !json_is(name, JSON_STRING) || loader->from_memory) {
        return;
    }
    if (json_string(name).len > 0 && json_string(name).data[0] != '/') {
        strbuf_append_text(&path, before->prefix);
    }
    strbuf_append_slice(&path, json_string(name));
    if (strbuf_failed(&path)) {
        loader->out_of_memory = true;
    } else if (path.len > 0) {
        file = conf_file_load(loader, strbuf_text(&path), name);
        if (file != NULL) {
            loader->file = file;
            loader->skip = conf_definitions_skip;
            conf_definitions_read(loader, file, base);
            loader->skip = NULL;
            loader->file = before;
        }
    }
    strbuf_fini(&path);
}

/* The virtual host of a pasted object must be that of the connection. */
static void conf_check_vhost(struct conf_loader *loader, const struct json_node *node)
{
    const struct json_node *vhost = json_member(node, "vhost");

    if (vhost != NULL && json_is(vhost, JSON_STRING) && loader->vhost != NULL &&
        !slice_equal_text(json_string(vhost), loader->vhost)) {
        conf_problem(loader, vhost,
                     "the connection's virtual host is \"%s\"; leave this out, or "
                     "use a connection to the other one",
                     loader->vhost);
    }
}

void conf_exchange_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_exchange *exchange = base;

    exchange->place = conf_place_of(loader, node);
    exchange->imported = loader->skip != NULL;
    conf_check_vhost(loader, node);
}

/* The type of a pasted queue must be that of its arguments, which are what is declared. */
static void conf_check_queue_type(struct conf_loader *loader, const struct json_node *node)
{
    const struct json_node *type = json_member(node, "type");
    const struct json_node *argument = json_member(json_member(node, "arguments"), "x-queue-type");
    const char *declared = "classic";

    if (type == NULL || !json_is(type, JSON_STRING) || loader->skip != NULL) {
        return;
    }
    if (argument != NULL && json_is(argument, JSON_STRING)) {
        declared = json_string(argument).data;
    }
    if (!slice_equal_text(json_string(type), declared)) {
        conf_problem(loader, type,
                     "the arguments declare a queue of type \"%s\"; write \"arguments\": "
                     "{\"x-queue-type\": \"%s\"}",
                     declared, json_string(type).data);
    }
}

void conf_queue_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_queue *queue = base;

    queue->place = conf_place_of(loader, node);
    queue->imported = loader->skip != NULL;
    conf_check_vhost(loader, node);
    conf_check_queue_type(loader, node);
}

void conf_binding_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_binding *binding = base;

    binding->place = conf_place_of(loader, node);
    conf_check_vhost(loader, node);
}
