/* Reading envelopes. Not for: writing them (core/envelope.c), deciding who sends any
 * (core/bridge_intake.c). */
#include "core/envelope_read.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/nearest.h"
#include "core/field_read.h"

enum {
    ENVELOPE_VALUES_MAX = 100000, /* some 10 MB while it is read */
    ENVELOPE_DEPTH_MAX = 128,     /* what a writer makes of headers as deep as AMQP has them */
    ENVELOPE_ALIGN = 16,
    SHORT_STRING_MAX = 255, /* AMQP 0-9-1 §4.2.5.3 */
};

/* A reading under way. */
struct envelope_reader {
    struct json *json;
    struct envelope_message *message; /* with room for all that is copied */
    size_t used;                      /* bytes of it */
    struct err *err;
    bool failed; /* `err` has the words */
};

/* Says what is wrong at `node`, if nothing was said before. Returns -1. */
static int envelope_fail(struct envelope_reader *reader, const struct json_node *node,
                         const char *words)
{
    struct strbuf pointer = STRBUF_INIT;

    if (!reader->failed) {
        reader->failed = true;
        json_append_pointer(reader->json, node, &pointer);
        err_set(reader->err, "%s%s%s", strbuf_text(&pointer), pointer.len > 0 ? ": " : "", words);
        strbuf_fini(&pointer);
    }
    return -1;
}

static int envelope_wrong_type(struct envelope_reader *reader, const struct json_node *node,
                               const char *wanted)
{
    struct err words;

    err_set(&words, "%s is wanted, this is %s", wanted, json_type_name(json_type(node)));
    return envelope_fail(reader, node, words.text);
}

static void *envelope_take(void *ctx, size_t size)
{
    struct envelope_reader *reader = ctx;
    void *taken = (char *)reader->message + reader->used;

    reader->used += (size + ENVELOPE_ALIGN - 1) / ENVELOPE_ALIGN * ENVELOPE_ALIGN;
    return taken;
}

static void envelope_on_problem(void *ctx, const struct json_node *node, bool at_key,
                                const char *words)
{
    (void)at_key;
    envelope_fail(ctx, node, words);
}

static struct field_reader envelope_fields(struct envelope_reader *reader)
{
    return (struct field_reader){
        .json = reader->json,
        .ctx = reader,
        .take = envelope_take,
        .on_problem = envelope_on_problem,
    };
}

/* Bytes that a value needs at most when it is read: an entry of a table, its name, its text, each
 * aligned. */
static size_t envelope_measure(const struct json_node *node)
{
    size_t size = sizeof(struct field_entry) + 4 * ENVELOPE_ALIGN;
    const struct json_node *child;

    size += json_key(node).len;
    if (json_is(node, JSON_STRING)) {
        size += json_string(node).len;
    }
    for (child = json_first(node); child != NULL; child = json_next(child)) {
        size += envelope_measure(child);
    }
    return size;
}

static int envelope_read_text(struct envelope_reader *reader, enum property property,
                              const struct json_node *node)
{
    struct field_reader fields = envelope_fields(reader);
    struct err words;
    struct slice text;

    if (field_read_string(&fields, node, &text) != 0) {
        return -1;
    }
    if (property == PROPERTY_EXPIRATION && !property_is_expiration(text)) {
        err_set(&words, "milliseconds are wanted, \"0\" to \"%u\"", UINT32_MAX);
        return envelope_fail(reader, node, words.text);
    }
    if (property == PROPERTY_REPLY_TO && slice_equal_text(text, "amq.rabbitmq.reply-to")) {
        /* RabbitMQ closes a channel that nobody consumes the answers on. */
        return envelope_fail(reader, node,
                             "answers to amq.rabbitmq.reply-to come to its own channel only; name "
                             "a queue");
    }
    if (text.len > SHORT_STRING_MAX) {
        err_set(&words, "%zu octets long; AMQP allows %d", text.len, SHORT_STRING_MAX);
        return envelope_fail(reader, node, words.text);
    }
    properties_set_text(&reader->message->properties, property, text);
    return 0;
}

/* A whole number from `min` to `max`. */
static int envelope_read_number(struct envelope_reader *reader, const struct json_node *node,
                                uint64_t min, uint64_t max, uint64_t *out)
{
    struct err words;

    if (json_is(node, JSON_NUMBER) && json_natural(reader->json, node, out) == 0 && *out >= min &&
        *out <= max) {
        return 0;
    }
    err_set(&words, "a whole number from %llu to %llu is wanted", (unsigned long long)min,
            (unsigned long long)max);
    return envelope_fail(reader, node, words.text);
}

/* RabbitMQ routes by these too, and closes the channel where one is no list. */
static int envelope_check_routing(struct envelope_reader *reader, const struct json_node *node)
{
    static const char *const names[] = {"CC", "BCC"};
    const struct field_table *headers = &reader->message->properties.headers;
    struct err words;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct field *field = field_table_find(headers, slice_of(names[i]));

        if (field != NULL && field->type != FIELD_ARRAY) {
            err_set(&words, "the header %s is a list of routing keys", names[i]);
            return envelope_fail(reader, node, words.text);
        }
    }
    return 0;
}

static int envelope_read_headers(struct envelope_reader *reader, const struct json_node *node)
{
    struct field_reader fields = envelope_fields(reader);
    struct field field;

    if (!json_is(node, JSON_OBJECT)) {
        return envelope_wrong_type(reader, node, "an object");
    }
    if (field_read(&fields, node, &field) != 0) {
        return -1;
    }
    if (field.type != FIELD_TABLE) {
        return envelope_fail(reader, node,
                             "a table is wanted; one with a name that begins with \"!\" stands "
                             "under \"!table\"");
    }
    reader->message->properties.headers = field.value.table;
    reader->message->properties.present |= 1u << PROPERTY_HEADERS;
    return envelope_check_routing(reader, node);
}

static int envelope_unknown_property(struct envelope_reader *reader, const struct json_node *member)
{
    const char *names[PROPERTY_COUNT];
    struct err words;

    for (unsigned i = 0; i < PROPERTY_COUNT; i++) {
        names[i] = property_name((enum property)i);
    }
    err_set(&words, "no property of this name; the nearest one is \"%s\"",
            nearest_name(json_key(member), names, PROPERTY_COUNT));
    return envelope_fail(reader, member, words.text);
}

static int envelope_read_property(struct envelope_reader *reader, const struct json_node *member)
{
    struct properties *properties = &reader->message->properties;
    enum property property = property_find(json_key(member));
    uint64_t number = 0;
    int result;

    if (property < PROPERTY_TEXT_COUNT) {
        return envelope_read_text(reader, property, member);
    }
    switch (property) {
    case PROPERTY_HEADERS:
        return envelope_read_headers(reader, member);
    case PROPERTY_DELIVERY_MODE:
        result = envelope_read_number(reader, member, 1, 2, &number);
        properties->delivery_mode = (uint8_t)number;
        break;
    case PROPERTY_PRIORITY:
        result = envelope_read_number(reader, member, 0, UINT8_MAX, &number);
        properties->priority = (uint8_t)number;
        break;
    case PROPERTY_TIMESTAMP:
        result = envelope_read_number(reader, member, 0, UINT64_MAX, &properties->timestamp);
        break;
    default:
        return envelope_unknown_property(reader, member);
    }
    properties->present |= 1u << property;
    return result;
}

static int envelope_read_properties(struct envelope_reader *reader, const struct json_node *node)
{
    const struct json_node *member;

    if (node == NULL) {
        return 0;
    }
    if (!json_is(node, JSON_OBJECT)) {
        return envelope_wrong_type(reader, node, "an object");
    }
    for (member = json_first(node); member != NULL; member = json_next(member)) {
        if (envelope_read_property(reader, member) != 0) {
            return -1;
        }
    }
    return 0;
}

static int envelope_read_id(struct envelope_reader *reader, const struct json_node *node)
{
    struct field_reader fields = envelope_fields(reader);

    if (node == NULL) {
        return 0;
    }
    if (!json_is(node, JSON_STRING)) {
        return envelope_wrong_type(reader, node, "a string");
    }
    if (json_string(node).len > SHORT_STRING_MAX) {
        return envelope_fail(reader, node, "over 255 octets, the most that a message_id has");
    }
    return field_read_string(&fields, node, &reader->message->id);
}

/* Whether the body is in base64; -1: it is in nothing that is known. */
static int envelope_is_base64(struct envelope_reader *reader, const struct json_node *root)
{
    const struct json_node *node = json_member(root, "body_encoding");

    if (node == NULL) {
        return 0;
    }
    if (!json_is(node, JSON_STRING)) {
        return envelope_wrong_type(reader, node, "\"utf-8\" or \"base64\"");
    }
    if (slice_equal_text(json_string(node), "base64")) {
        return 1;
    }
    return slice_equal_text(json_string(node), "utf-8")
               ? 0
               : envelope_fail(reader, node, "\"utf-8\" or \"base64\" is wanted");
}

static int envelope_read_body(struct envelope_reader *reader, const struct json_node *root)
{
    const struct json_node *node = json_member(root, "body");
    int base64 = envelope_is_base64(reader, root);
    struct slice text;
    char *body;
    size_t len;

    if (node == NULL) {
        return envelope_fail(reader, root, "\"body\" is missing");
    }
    if (base64 < 0) {
        return -1;
    }
    if (!json_is(node, JSON_STRING)) {
        return envelope_wrong_type(reader, node, "a string (JSON goes in as its text)");
    }
    text = json_string(node);
    len = text.len;
    body = envelope_take(reader, len + 1);
    if (!base64) {
        memcpy(body, text.data, len);
    } else if (base64_decode(text, body, &len) != 0) {
        return envelope_fail(reader, node, "no base64 (RFC 4648 §4, with padding)");
    }
    reader->message->body = slice_make(body, len);
    return 0;
}

static int envelope_check_version(struct envelope_reader *reader, const struct json_node *node)
{
    int64_t version;

    if (node == NULL || (json_is(node, JSON_NUMBER) &&
                         json_integer(reader->json, node, &version) == 0 && version == 1)) {
        return 0;
    }
    return envelope_fail(reader, node, "1 is the one version that is known");
}

static int envelope_read_root(struct envelope_reader *reader)
{
    const struct json_node *root = json_root(reader->json);

    if (envelope_check_version(reader, json_member(root, "v")) != 0 ||
        envelope_read_id(reader, json_member(root, "id")) != 0 ||
        envelope_read_properties(reader, json_member(root, "properties")) != 0) {
        return -1;
    }
    return envelope_read_body(reader, root);
}

/* A message with room for all that is copied out of `root`; NULL: out of memory. */
static struct envelope_message *envelope_make(const struct json_node *root, size_t *out_used)
{
    static const char *const copied[] = {"id", "body", "properties"};
    size_t used = (sizeof(struct envelope_message) + ENVELOPE_ALIGN - 1) / ENVELOPE_ALIGN;
    struct envelope_message *message;
    size_t size;

    used *= ENVELOPE_ALIGN;
    size = used;
    for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
        const struct json_node *member = json_member(root, copied[i]);

        size += member != NULL ? envelope_measure(member) : 0;
    }
    message = malloc(size);
    if (message != NULL) {
        *message = (struct envelope_message){.size = size};
        *out_used = used;
    }
    return message;
}

static struct json *envelope_parse(struct slice text, struct err *err)
{
    struct json_limits limits = {
        .bytes = text.len, .values = ENVELOPE_VALUES_MAX, .depth = ENVELOPE_DEPTH_MAX};
    struct json_problem problem;
    struct json *json = json_parse(text, &limits, &problem);

    if (json == NULL) {
        err_set(err, "no envelope: line %u, column %u: %s", problem.at.line, problem.at.column,
                problem.text);
        return NULL;
    }
    if (!json_is(json_root(json), JSON_OBJECT)) {
        err_set(err, "no envelope: a JSON object is wanted, this is %s",
                json_type_name(json_type(json_root(json))));
        json_free(json);
        return NULL;
    }
    return json;
}

struct envelope_message *envelope_read(struct slice text, struct err *err)
{
    struct envelope_reader reader = {.json = envelope_parse(text, err), .err = err};

    if (reader.json == NULL) {
        return NULL;
    }
    reader.message = envelope_make(json_root(reader.json), &reader.used);
    if (reader.message == NULL) {
        err_set(err, "out of memory");
    } else if (envelope_read_root(&reader) != 0) {
        free(reader.message);
        reader.message = NULL;
    }
    json_free(reader.json);
    return reader.message;
}
