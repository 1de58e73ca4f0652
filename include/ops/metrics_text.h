/* The lines of one metric as text: what is the same for each of its scope is put together once. For
 * ops/metrics.c alone. */
#ifndef CHUNNELD_OPS_METRICS_TEXT_H
#define CHUNNELD_OPS_METRICS_TEXT_H

#include <stddef.h>

#include "base/slice.h"
#include "base/strbuf.h"
#include "ops/metrics.h"

enum {
    METRICS_BEFORE = 64,                   /* bytes of a line before the name of its bridge */
    METRICS_AFTER = 32,                    /* and behind it, up to the value */
    METRICS_LINES_MOST = METRIC_BOUNDS + 3 /* of a metric for each of its scope */
};

/* A line without name and value: chunnel_calls_total{bridge=" and ",outcome="gone"} . */
struct metrics_line {
    char before[METRICS_BEFORE]; /* all of it is copied, the length counts */
    char after[METRICS_AFTER];
    size_t before_len;
    size_t after_len;
    enum metric_kind kind; /* of the value */
    size_t at;             /* its offset in the snapshot of the scope */
};

struct metrics_text {
    const struct metric *metric; /* NULL: none yet */
    struct metrics_line lines[METRICS_LINES_MOST];
    size_t count;
};

/* Begins with a metric: appends its help, and makes its lines. */
void metrics_text_begin(struct metrics_text *text, const struct metric *metric, struct strbuf *out);
/* Appends the lines of `item`, which is of the metric's scope and has this name; empty: none. */
void metrics_text_write(const struct metrics_text *text, struct slice name, const void *item,
                        struct strbuf *out);

#endif
