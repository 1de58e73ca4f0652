/* The log: what is written, what is only counted, and where it goes. For: lines to the operator.
 * Not for: how a line looks (base/log_line.c). */
#include "base/log.h"

#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_line.h"

enum { REPEATS = 64 };

#define REPEAT_US (60 * CLOCK_US_PER_S)

/* A line that was printed, known by the hash of all but its time. */
struct repeat {
    uint64_t hash;
    uint64_t printed_us; /* monotonic */
    uint64_t repeated;   /* times it came since then */
    bool used;
};

static enum log_level max_level = LOG_LEVEL_INFO;
static enum log_format line_format = LOG_FORMAT_TEXT;
static void (*line_writer)(void *ctx, const char *line, size_t len);
static void *line_writer_ctx;
static uint64_t (*clock_us)(void) = clock_monotonic_us;
static struct repeat repeats[REPEATS];
static uint64_t held_back; /* lines that stderr had no room for since the last printed one */

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

void log_configure(enum log_level level, enum log_format format)
{
    max_level = level;
    line_format = format;
}

bool log_is_on(enum log_level level)
{
    return level <= max_level;
}

int log_level_parse(const char *name, enum log_level *out_level)
{
    for (unsigned i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out_level = (enum log_level)i;
            return 0;
        }
    }
    return -1;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

void log_set_writer(void (*writer)(void *ctx, const char *line, size_t len), void *ctx)
{
    line_writer = writer;
    line_writer_ctx = ctx;
}

void log_set_clock(uint64_t (*now_us)(void))
{
    clock_us = now_us ? now_us : clock_monotonic_us;
    memset(repeats, 0, sizeof(repeats));
}

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t hash_bytes(const char *bytes, size_t len)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* The entry of the line; or else the one to give up for it: a free one, or the longest ago. */
static struct repeat *repeat_find(uint64_t hash)
{
    struct repeat *oldest = &repeats[0];

    for (unsigned i = 0; i < REPEATS; i++) {
        if (repeats[i].used && repeats[i].hash == hash) {
            return &repeats[i];
        }
        if (!repeats[i].used || (oldest->used && repeats[i].printed_us < oldest->printed_us)) {
            oldest = &repeats[i];
        }
    }
    return oldest;
}

/* Never waits: what stderr has no room for now is not written. */
static int log_emit(const char *data, size_t len)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};

    if (line_writer != NULL) {
        line_writer(line_writer_ctx, data, len);
        return 0;
    }
    if (poll(&out, 1, 0) != 1 || out.revents != POLLOUT) {
        return -1;
    }
    return write(STDERR_FILENO, data, len) == (ssize_t)len ? 0 : -1;
}

static int log_print(struct log_line *line, uint64_t repeated)
{
    if (repeated > 0) {
        log_line_put_last(line, "repeated", repeated);
    }
    if (held_back > 0) {
        log_line_put_last(line, "held_back", held_back);
    }
    log_line_end(line);
    if (log_emit(line->data, line->len) != 0) {
        held_back++;
        return -1;
    }
    held_back = 0;
    return 0;
}

/* Prints the line unless it was printed within the last minute; `hash` is that of its content. */
static void log_print_once(struct log_line *line, uint64_t hash)
{
    uint64_t now = clock_us();
    struct repeat *repeat = repeat_find(hash);
    bool known = repeat->used && repeat->hash == hash;

    if (known && now - repeat->printed_us < REPEAT_US) {
        repeat->repeated++;
        return;
    }
    if (log_print(line, known ? repeat->repeated : 0) == 0) {
        *repeat = (struct repeat){hash, now, 0, true};
    }
}

void log_write(enum log_level level, const char *kind, const char *name, const char *message,
               const struct log_field *fields)
{
    struct log_line line;
    char time[CLOCK_TEXT_SIZE];
    size_t start;

    if (!log_is_on(level)) {
        return;
    }
    clock_format(clock_wall_us(), time);
    log_line_start(&line, line_format);
    log_line_put_text(&line, "time", time, false);
    start = line.len;
    log_line_put_text(&line, "level", level_names[level], false);
    if (kind != NULL && name != NULL) {
        log_line_put_text(&line, kind, name, true);
    }
    log_line_put_text(&line, "msg", message, true);
    for (const struct log_field *field = fields + 1; field->key != NULL; field++) {
        if (field->text != NULL) {
            log_line_put_text(&line, field->key, field->text, false);
        } else {
            log_line_put_number(&line, field->key, field->number);
        }
    }
    if (level == LOG_LEVEL_DEBUG) {
        log_print(&line, 0);
    } else {
        log_print_once(&line, hash_bytes(line.data + start, line.len - start));
    }
}
