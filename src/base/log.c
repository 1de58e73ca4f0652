/* The log: what is written, what is only counted, and where it goes. For: lines to the operator.
 * Not for: how a line looks (base/log_line.c). */
#include "base/log.h"

#include <ctype.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/log_line.h"

enum {
    REPEATS = 64,
    BURST = 10000,     /* lines at once, where there were none for long */
    LINES_PER_S = 200, /* lines in the long run */
};

#define REPEAT_US (60 * CLOCK_US_PER_S)

/* What is being said, as given and as a line. */
struct said {
    struct log_said given;
    struct log_line line;
    size_t content; /* where the line goes on after its time */
    size_t text;    /* where it goes on after its level */
    size_t why;     /* where its "why" begins */
    size_t why_end; /* and ends; both 0: it has none */
};

/* A line that was printed, known by the hash of all but its time, and the digits of its "why". */
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
static void (*line_listener)(void *ctx, const struct log_said *said);
static void *line_listener_ctx;
static uint64_t (*clock_us)(void) = clock_monotonic_us;
static struct repeat repeats[REPEATS];
static uint64_t held_back;       /* lines over the rate, or that stderr had no room for, since the
                                  * last printed one */
static uint64_t allowance_us;    /* the bucket of the rate: a line takes its share of a second */
static uint64_t allowance_at_us; /* when it was looked at last */
static int journal = -1;         /* takes the lines in the place of stderr */
static struct journal_entry entry;

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

enum log_level log_get_level(void)
{
    return max_level;
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

void log_set_listener(void (*listener)(void *ctx, const struct log_said *said), void *ctx)
{
    line_listener = listener;
    line_listener_ctx = ctx;
}

void log_drop_listener(const void *ctx)
{
    if (line_listener_ctx == ctx) {
        line_listener = NULL;
        line_listener_ctx = NULL;
    }
}

void log_set_clock(uint64_t (*now_us)(void))
{
    clock_us = now_us ? now_us : clock_monotonic_us;
    memset(repeats, 0, sizeof(repeats));
    allowance_us = 0;
    allowance_at_us = 0;
}

void log_set_journal(int fd)
{
    journal = fd;
}

/* What is said, by FNV-1a (Fowler, Noll, Vo). Words that say why may differ in their numbers each
 * time: a size that is wrong, a file that is tried. */
static uint64_t log_hash(const struct said *said)
{
    const char *line = said->line.data;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = said->content; i < said->line.len; i++) {
        bool is_number = i >= said->why && i < said->why_end && isdigit((unsigned char)line[i]);
        if (!is_number || !isdigit((unsigned char)line[i - 1])) {
            hash = (hash ^ (unsigned char)(is_number ? '0' : line[i])) * UINT64_C(0x100000001b3);
        }
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

/* Whether the rate has room for a line more: a bucket that fills with time. */
static bool log_is_allowed(uint64_t now)
{
    const uint64_t line_us = CLOCK_US_PER_S / LINES_PER_S;
    uint64_t most = BURST * line_us;
    uint64_t passed = allowance_at_us != 0 ? now - allowance_at_us : most;

    allowance_at_us = now;
    allowance_us = passed < most - allowance_us ? allowance_us + passed : most;
    if (allowance_us < line_us) {
        return false;
    }
    allowance_us -= line_us;
    return true;
}

/* Never waits: what stderr has no room for now is not written. */
static int log_emit(const char *data, size_t len)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};

    if (line_writer != NULL) {
        line_writer(line_writer_ctx, data, len);
        return 0;
    }
    if (journal >= 0 && journal_send(journal, &entry) == 0) {
        return 0;
    }
    if (poll(&out, 1, 0) != 1 || out.revents != POLLOUT) {
        return -1;
    }
    return write(STDERR_FILENO, data, len) == (ssize_t)len ? 0 : -1;
}

/* The journal has a time and a priority of its own; the JSON object is left whole. */
static void log_fill_entry(const struct said *said)
{
    const struct log_line *line = &said->line;
    size_t at = line_format == LOG_FORMAT_TEXT ? said->text + 1 : 0;
    char digits[24];

    journal_start(&entry, said->given.level, said->given.kind, said->given.message, line->data + at,
                  line->len - 1 - at);
    if (said->given.kind != NULL && said->given.name != NULL) {
        journal_put(&entry, said->given.kind, said->given.name, strlen(said->given.name));
    }
    for (const struct log_field *field = said->given.fields; field->key != NULL; field++) {
        const char *value = field->text;

        if (value == NULL) {
            snprintf(digits, sizeof(digits), "%lld", field->number);
            value = digits;
        }
        journal_put(&entry, field->key, value, strlen(value));
    }
}

static int log_print(struct said *said, uint64_t repeated)
{
    if (repeated > 0) {
        log_line_put_last(&said->line, "repeated", repeated);
    }
    if (held_back > 0) {
        log_line_put_last(&said->line, "held_back", held_back);
    }
    log_line_end(&said->line);
    if (journal >= 0) {
        log_fill_entry(said);
    }
    if (log_emit(said->line.data, said->line.len) != 0) {
        held_back++;
        return -1;
    }
    held_back = 0;
    return 0;
}

/* Prints the line unless it was printed within the last minute, or there are too many. */
static void log_print_once(struct said *said)
{
    uint64_t hash = log_hash(said);
    uint64_t now = clock_us();
    struct repeat *repeat = repeat_find(hash);
    bool known = repeat->used && repeat->hash == hash;

    if (known && now - repeat->printed_us < REPEAT_US) {
        repeat->repeated++;
        return;
    }
    if (!log_is_allowed(now)) {
        held_back++;
        return;
    }
    if (log_print(said, known ? repeat->repeated : 0) == 0) {
        *repeat = (struct repeat){hash, now, 0, true};
    }
}

static void log_compose(struct said *said)
{
    struct log_line *line = &said->line;
    char time[CLOCK_TEXT_SIZE];

    clock_format(clock_wall_us(), time);
    log_line_start(line, line_format);
    log_line_put_text(line, "time", time, false);
    said->content = line->len;
    log_line_put_text(line, "level", level_names[said->given.level], false);
    said->text = line->len;
    said->why = said->why_end = 0;
    if (said->given.kind != NULL && said->given.name != NULL) {
        log_line_put_text(line, said->given.kind, said->given.name, true);
    }
    log_line_put_text(line, "msg", said->given.message, true);
    for (const struct log_field *field = said->given.fields; field->key != NULL; field++) {
        size_t begin = line->len;

        if (field->text == NULL) {
            log_line_put_number(line, field->key, field->number);
            continue;
        }
        log_line_put_text(line, field->key, field->text, false);
        if (strcmp(field->key, "why") == 0) {
            said->why = begin;
            said->why_end = line->len;
        }
    }
}

void log_write(enum log_level level, const char *kind, const char *name, const char *message,
               const struct log_field *fields)
{
    struct said said;

    said.given = (struct log_said){level, kind, name, message, fields + 1};
    if (line_listener != NULL && level != LOG_LEVEL_DEBUG) {
        line_listener(line_listener_ctx, &said.given);
    }
    if (!log_is_on(level)) {
        return;
    }
    log_compose(&said);
    if (level == LOG_LEVEL_DEBUG) {
        log_print(&said, 0);
    } else {
        log_print_once(&said);
    }
}
