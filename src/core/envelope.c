/* Writing envelopes. Not for: deciding when a message needs one (core/mapping.c,
 * core/bridge_dead.c), reading them (core/envelope_read.c). */
#include "core/envelope.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "core/field_json.h"

static void envelope_text(struct json_writer *writer, const char *key, struct slice text)
{
    json_writer_key(writer, key);
    json_writer_string(writer, text);
}

/* Where it came from; only what such a source has. */
static void envelope_write_source(struct json_writer *writer, const struct delivery *delivery)
{
    json_writer_key(writer, "source");
    json_writer_begin_object(writer);
    if (delivery->channel.data != NULL) {
        envelope_text(writer, "channel", delivery->channel);
        if (delivery->pattern.data != NULL) {
            envelope_text(writer, "pattern", delivery->pattern);
        }
    } else {
        envelope_text(writer, "queue", delivery->queue);
        envelope_text(writer, "exchange", delivery->exchange);
        envelope_text(writer, "routing_key", delivery->routing_key);
        json_writer_key(writer, "redelivered");
        json_writer_bool(writer, delivery->redelivered);
    }
    json_writer_end_object(writer);
}

static void envelope_write_number(struct json_writer *writer, enum property property,
                                  const struct properties *properties, uint64_t value)
{
    if (properties_has(properties, property)) {
        json_writer_key(writer, property_name(property));
        json_writer_natural(writer, value);
    }
}

static void envelope_write_properties(struct json_writer *writer,
                                      const struct properties *properties)
{
    struct field headers = {.type = FIELD_TABLE};
    unsigned i;

    json_writer_key(writer, "properties");
    json_writer_begin_object(writer);
    for (i = 0; properties != NULL && i < PROPERTY_TEXT_COUNT; i++) {
        if (properties_has(properties, (enum property)i)) {
            json_writer_key(writer, property_name((enum property)i));
            field_json_write_string(writer, properties->text[i]);
        }
    }
    if (properties != NULL) {
        envelope_write_number(writer, PROPERTY_DELIVERY_MODE, properties,
                              properties->delivery_mode);
        envelope_write_number(writer, PROPERTY_PRIORITY, properties, properties->priority);
        envelope_write_number(writer, PROPERTY_TIMESTAMP, properties, properties->timestamp);
        if (properties_has(properties, PROPERTY_HEADERS)) {
            headers.value.table = properties->headers;
            json_writer_key(writer, property_name(PROPERTY_HEADERS));
            field_json_write(writer, &headers);
        }
    }
    json_writer_end_object(writer);
}

/* Text where it is text. */
static void envelope_write_body(struct json_writer *writer, struct slice body)
{
    struct strbuf encoded = STRBUF_INIT;

    if (field_json_is_text(body)) {
        envelope_text(writer, "body", body);
        envelope_text(writer, "body_encoding", SLICE("utf-8"));
        return;
    }
    base64_encode(body, &encoded);
    if (strbuf_failed(&encoded)) {
        writer->out->failed = true;
    }
    envelope_text(writer, "body", strbuf_slice(&encoded));
    envelope_text(writer, "body_encoding", SLICE("base64"));
    strbuf_fini(&encoded);
}

void envelope_write(const struct delivery *delivery, const struct template_context *context,
                    struct strbuf *out)
{
    struct json_writer writer;
    char id[DELIVERY_ID_SIZE];
    char time[CLOCK_TEXT_SIZE];

    clock_format(delivery->wall_us, time);
    json_writer_init(&writer, out, 0);
    json_writer_begin_object(&writer);
    json_writer_key(&writer, "v");
    json_writer_integer(&writer, 1);
    envelope_text(&writer, "id", delivery_get_id(delivery, id));
    envelope_text(&writer, "time", slice_of(time));
    envelope_text(&writer, "bridge", context->bridge);
    envelope_write_source(&writer, delivery);
    envelope_write_properties(&writer, delivery->properties);
    envelope_write_body(&writer, delivery->body);
    if (delivery->reason != NULL) {
        envelope_text(&writer, "reason", slice_of(delivery->reason));
        envelope_text(&writer, "error", slice_of(delivery->error ? delivery->error : ""));
    }
    json_writer_end_object(&writer);
}
