/* One line of the log while it is put together, in memory of its own: the log works when there is
 * no memory left. What does not fit is cut with "..." and the line stays well-formed. For log.c
 * alone. */
#ifndef CHUNNELD_BASE_LOG_LINE_H
#define CHUNNELD_BASE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

enum {
    LOG_LINE_MAX = 4096,   /* PIPE_BUF: a pipe that polls writable takes this much at once */
    LOG_VALUE_MAX = 1024,  /* bytes of one value as printed */
    LOG_LINE_RESERVE = 96, /* kept free for log_line_put_last() and the end */
};

struct log_line {
    enum log_format format;
    bool has_pairs;
    size_t len; /* bytes of `data` in use */
    char data[LOG_LINE_MAX];
};

void log_line_start(struct log_line *line, enum log_format format);
/* A pair. Values come out quoted where logfmt needs it, always in JSON; `quoted`: also where it
 * does not. */
void log_line_put_text(struct log_line *line, const char *key, const char *value, bool quoted);
void log_line_put_number(struct log_line *line, const char *key, long long number);
/* A pair that fits always: at most two a line, keys of at most 10 bytes. */
void log_line_put_last(struct log_line *line, const char *key, unsigned long long number);
/* Closes the line, with its newline. */
void log_line_end(struct log_line *line);

#endif
