/* Writing JSON into a strbuf: escaping, commas and indentation, so that callers only say what they
 * mean. Memory errors are the strbuf's sticky ones. */
#ifndef CHUNNELD_BASE_JSON_WRITE_H
#define CHUNNELD_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

/* Room for an envelope with AMQP tables 32 deep, of which each may take two levels. */
enum { JSON_WRITER_DEPTH_MAX = 128 };

/* Appends `text` as a JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD, one for
 * each longest beginning of a character (Unicode 3.9, table 3-8). */
void json_write_string(struct strbuf *out, struct slice text);

/* A document being written. Initialise with json_writer_init(). */
struct json_writer {
    struct strbuf *out;                    /* borrowed */
    unsigned indent;                       /* spaces a level; 0: all on one line */
    unsigned depth;                        /* open objects and arrays */
    bool after_key;                        /* the next value belongs to a key just written */
    bool has_items[JSON_WRITER_DEPTH_MAX]; /* [d]: the container at depth d + 1 holds something */
};

void json_writer_init(struct json_writer *writer, struct strbuf *out, unsigned indent);
/* For one value alone, that another writer is to put behind a key with json_writer_raw(), `depth`
 * containers deep (less than JSON_WRITER_DEPTH_MAX): it is indented as there. */
void json_writer_init_part(struct json_writer *writer, struct strbuf *out, unsigned indent,
                           unsigned depth);

/* Containers; at most JSON_WRITER_DEPTH_MAX open at a time. Empty ones stay on one line. */
void json_writer_begin_object(struct json_writer *writer);
void json_writer_end_object(struct json_writer *writer);
void json_writer_begin_array(struct json_writer *writer);
void json_writer_end_array(struct json_writer *writer);

/* The key of the member whose value comes next. */
void json_writer_key(struct json_writer *writer, const char *key);
void json_writer_key_slice(struct json_writer *writer, struct slice key);

void json_writer_null(struct json_writer *writer);
void json_writer_bool(struct json_writer *writer, bool value);
void json_writer_integer(struct json_writer *writer, int64_t value);
void json_writer_natural(struct json_writer *writer, uint64_t value);
/* As json_writer_double() writes value / 1000.0, only faster. */
void json_writer_thousandths(struct json_writer *writer, uint64_t value);
/* The shortest text that reads back as the same double; null where it is not finite. */
void json_writer_double(struct json_writer *writer, double value);
void json_writer_string(struct json_writer *writer, struct slice value);
/* NULL gives null. */
void json_writer_text(struct json_writer *writer, const char *value);
/* `json` as it is: it must be a whole JSON value. */
void json_writer_raw(struct json_writer *writer, struct slice json);

#endif
