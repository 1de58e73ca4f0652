/* AMQP field tables from JSON. For: arguments, and headers of rules. Not for: single values
 * (core/field_read.c), writing them back (core/field_json.c), the wire (amqp/). */
#include "conf/fields.h"

#include <stdlib.h>

#include "core/field_read.h"

static void *conf_fields_take(void *ctx, size_t size)
{
    struct conf_loader *loader = ctx;
    void *taken = conf_memory_take(loader->memory, size);

    loader->out_of_memory |= taken == NULL;
    return taken;
}

static void conf_fields_problem(void *ctx, const struct json_node *node, bool at_key,
                                const char *words)
{
    if (at_key) {
        conf_problem_key(ctx, node, "%s", words);
    } else {
        conf_problem(ctx, node, "%s", words);
    }
}

static struct field_reader conf_fields_reader(struct conf_loader *loader)
{
    return (struct field_reader){
        .json = loader->file->json,
        .ctx = loader,
        .take = conf_fields_take,
        .on_problem = conf_fields_problem,
    };
}

int conf_fields_read(struct conf_loader *loader, const struct json_node *object,
                     struct field_table *out_table)
{
    struct field_reader reader = conf_fields_reader(loader);
    struct field_table table;

    if (field_read_table(&reader, object, &table) != 0) {
        return -1;
    }
    *out_table = table;
    return 0;
}

static void conf_header_read(struct conf_loader *loader, const struct json_node *member,
                             struct mapping_header *header)
{
    struct field_reader reader = conf_fields_reader(loader);
    struct err err;
    size_t column = 1;

    if (field_read_name(&reader, member, &header->name) != 0) {
        return;
    }
    if (!json_is(member, JSON_STRING)) {
        field_read(&reader, member, &header->value);
        return;
    }
    header->template = template_new(json_string(member), &loader->scope, &err, &column);
    if (header->template == NULL) {
        conf_problem_byte(loader, member, column - 1, "%s", err.text);
    }
}

void conf_headers_read(struct conf_loader *loader, const struct json_node *object,
                       struct mapping *mapping)
{
    size_t count = json_count(object);
    const struct json_node *member = json_first(object);

    if (count == 0) {
        return;
    }
    mapping->headers = calloc(count, sizeof(*mapping->headers));
    if (mapping->headers == NULL) {
        loader->out_of_memory = true;
        return;
    }
    for (; member != NULL; member = json_next(member)) {
        conf_header_read(loader, member, &mapping->headers[mapping->header_count++]);
    }
}
