/* The log: one line an event on stderr, as logfmt or JSON.
 *
 *     time=2026-01-31T12:00:00.123Z level=info connection="redis" msg="up" host=127.0.0.1 port=6379
 *
 * The subject (a kind and a quoted name) comes first, the words are lower case with no full stop,
 * the details are fields. The level is chosen by what the operator must do: error - act now; warn -
 * look, it may heal by itself; info - nothing; debug - for those who debug us. Secrets and message
 * bodies are never logged. The same line again within a minute is counted, not printed; when it
 * comes after that minute it carries repeated=N. More than 10,000 lines at once and 200 a second in
 * the long run, debug aside, are held back, as is what stderr has no room for: the next line
 * carries held_back=N. To systemd's journal lines go with a priority and fields. One thread. */
#ifndef CHUNNELD_BASE_LOG_H
#define CHUNNELD_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* One detail of a line: a string (text != NULL) or a number. */
struct log_field {
    const char *key;  /* [a-z_]+; NULL ends a list or is skipped */
    const char *text; /* borrowed for the call */
    long long number;
};

#define log_text(key, value) ((struct log_field){(key), (value), 0})
#define log_number(key, value) ((struct log_field){(key), NULL, (long long)(value)})

/* log_event(level, kind, name, message, field...): writes a line. `kind` is the subject's kind
 * ("bridge", "connection", "daemon"), `name` its name (NULL: none). Fields are log_text() and
 * log_number(). */
#define log_event(level, kind, name, message, ...)                                                 \
    log_write((level), (kind), (name), (message),                                                  \
              (const struct log_field[]){{"", NULL, 0}, ##__VA_ARGS__, {NULL, NULL, 0}})
#define log_error(kind, name, message, ...)                                                        \
    log_event(LOG_LEVEL_ERROR, kind, name, message, ##__VA_ARGS__)
#define log_warn(kind, name, message, ...)                                                         \
    log_event(LOG_LEVEL_WARN, kind, name, message, ##__VA_ARGS__)
#define log_info(kind, name, message, ...)                                                         \
    log_event(LOG_LEVEL_INFO, kind, name, message, ##__VA_ARGS__)
#define log_debug(kind, name, message, ...)                                                        \
    log_event(LOG_LEVEL_DEBUG, kind, name, message, ##__VA_ARGS__)

/* What is written from now on. Before the first call: info and text. */
void log_configure(enum log_level level, enum log_format format);
enum log_level log_get_level(void);
bool log_is_on(enum log_level level);
/* Level by name ("error", "warn", "info", "debug"): 0, or -1 and nothing written. */
int log_level_parse(const char *name, enum log_level *out_level);
const char *log_level_name(enum log_level level);

/* A line as it was said; borrowed. */
struct log_said {
    enum log_level level;
    const char *kind; /* may be NULL */
    const char *name; /* may be NULL */
    const char *message;
    const struct log_field *fields; /* a NULL key ends them */
};

/* Hears every line but those for debugging, repetitions too, whether or not it is printed.
 * It must not act on what is said: it may be inside anything. */
void log_set_listener(void (*listener)(void *ctx, const struct log_said *said), void *ctx);
/* The listener of `ctx` hears no more; nothing happens where another took its place. */
void log_drop_listener(const void *ctx);

/* Takes every finished line (with its newline) in the place of stderr; NULL: stderr again. */
void log_set_writer(void (*writer)(void *ctx, const char *line, size_t len), void *ctx);

/* Sends every line to the journal by this socket of journal_open(), and to stderr only what it does
 * not take; -1: all to stderr. The socket stays the caller's. */
void log_set_journal(int fd);

/* Takes the time of repetitions and of the rate from `now_us` (monotonic µs; NULL: the clock again)
 * and forgets what was printed; for tests. */
void log_set_clock(uint64_t (*now_us)(void));

/* The body of log_event: fields[0] is a placeholder, a NULL key ends the list. */
void log_write(enum log_level level, const char *kind, const char *name, const char *message,
               const struct log_field *fields);

#endif
