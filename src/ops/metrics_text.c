/* A metric's lines. For: labels and numbers, fast, as a thousand bridges have 45,000 lines. Not
 * for: which metrics there are (metrics_table.c), nor when a line is wanted (metrics.c). */
#include "ops/metrics_text.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/digits.h"

enum {
    METRICS_FRACTION = 6,                                   /* digits of µs in a second */
    METRICS_VALUE = DIGITS_MOST + 1 + METRICS_FRACTION + 1, /* of a value and its newline */
};

/* What begins the name that tells those of the scope apart; "": there is one of it. */
static const char *metrics_label_of(const struct metric *metric)
{
    if (metric->scope == METRIC_OF_DAEMON) {
        return "";
    }
    return metric_is_of_connections(metric) ? "{connection=\"" : "{bridge=\"";
}

/* One more line, whose metric's name has `suffix`; `own`: more labels, or "". */
static void metrics_text_add(struct metrics_text *text, const char *suffix, const char *own,
                             enum metric_kind kind, size_t at)
{
    struct metrics_line *line = &text->lines[text->count++];
    const char *label = metrics_label_of(text->metric);
    bool has_own = own[0] != '\0';
    bool has_name = label[0] != '\0';

    assert(text->count <= METRICS_LINES_MOST);
    line->before_len = (size_t)snprintf(line->before, sizeof(line->before), "%s%s%s",
                                        text->metric->name, suffix, label);
    line->after_len =
        (size_t)snprintf(line->after, sizeof(line->after), "%s%s%s%s ", has_name ? "\"" : "",
                         !has_own   ? ""
                         : has_name ? ","
                                    : "{",
                         own, has_name || has_own ? "}" : "");
    assert(line->before_len < sizeof(line->before) && line->after_len < sizeof(line->after));
    line->kind = kind;
    line->at = at;
}

/* Its buckets are cumulative (Prometheus' text format 0.0.4). */
static void metrics_text_add_histogram(struct metrics_text *text)
{
    char own[METRICS_AFTER];
    size_t i;

    for (i = 0; i < METRIC_BOUNDS; i++) {
        snprintf(own, sizeof(own), "le=\"%s\"", metric_bounds_text[i]);
        metrics_text_add(text, "_bucket", own, METRIC_NUMBER,
                         offsetof(struct metrics_bridge, below) + i * sizeof(uint64_t));
    }
    metrics_text_add(text, "_bucket", "le=\"+Inf\"", METRIC_NUMBER,
                     offsetof(struct metrics_bridge, latency_count));
    metrics_text_add(text, "_sum", "", METRIC_SECONDS,
                     offsetof(struct metrics_bridge, latency_sum_us));
    metrics_text_add(text, "_count", "", METRIC_NUMBER,
                     offsetof(struct metrics_bridge, latency_count));
}

void metrics_text_begin(struct metrics_text *text, const struct metric *metric, struct strbuf *out)
{
    size_t i;

    strbuf_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                         metric->name, metric_type_name(metric->type));
    text->metric = metric;
    text->count = 0;
    if (metric->type == METRIC_HISTOGRAM) {
        metrics_text_add_histogram(text);
    }
    for (i = 0; i < metric->line_count; i++) {
        metrics_text_add(text, "", metric->lines[i].label, metric->kind, metric->lines[i].at);
    }
}

static char *metrics_put_seconds(char *to, uint64_t us)
{
    uint64_t fraction = us % 1000000;

    to = digits_put(to, us / 1000000);
    if (fraction > 0) {
        *to++ = '.';
        to = digits_put_padded(to, fraction, METRICS_FRACTION);
    }
    return to;
}

static char *metrics_put_value(char *to, enum metric_kind kind, const void *place)
{
    uint64_t number = 1;

    if (kind == METRIC_FLAG) {
        number = *(const bool *)place;
    } else if (kind != METRIC_ONE) {
        memcpy(&number, place, sizeof(number));
    }
    return kind == METRIC_SECONDS ? metrics_put_seconds(to, number) : digits_put(to, number);
}

void metrics_text_write(const struct metrics_text *text, struct slice name, const void *item,
                        struct strbuf *out)
{
    const struct metrics_line *line = text->lines;
    const struct metrics_line *end = line + text->count;
    char *start = strbuf_reserve(
        out, text->count * (METRICS_BEFORE + name.len + METRICS_AFTER + METRICS_VALUE));
    char *to = start;

    if (start == NULL) {
        return;
    }
    for (; line < end; line++) {
        memcpy(to, line->before, METRICS_BEFORE); /* a fixed size: no call */
        to += line->before_len;
        if (name.len > 0) {
            memcpy(to, name.data, name.len);
            to += name.len;
        }
        memcpy(to, line->after, METRICS_AFTER);
        to = metrics_put_value(to + line->after_len, line->kind, (const char *)item + line->at);
        *to++ = '\n';
    }
    strbuf_commit(out, (size_t)(to - start));
}
