/* chunnelctl top: the bridges live, by rates. For: sorting and drawing. Not for: the terminal
 * itself (terminal.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/overview.h"
#include "ctl/problems.h"
#include "ctl/table.h"
#include "ctl/terminal.h"

enum { TOP_MS = 1000, TOP_HEAD_LINES = 12 };

/* A bridge in two looks at it. */
struct top_row {
    const struct json_node *now;
    int rank;
    double received; /* a second */
    double delivered;
    double pending;
};

/* The newest answer and the one before. */
struct top {
    struct reply now;
    struct reply before;
    char sort; /* a key of top_keys */
};

static const char top_keys[] = "snrdp";
static char top_sort; /* for top_compare() */

static int top_compare_numbers(double a, double b)
{
    return a < b ? 1 : a > b ? -1 : 0;
}

static int top_compare(const void *a, const void *b)
{
    const struct top_row *one = a;
    const struct top_row *two = b;
    int order = 0;

    switch (top_sort) {
    case 'r':
        order = top_compare_numbers(one->received, two->received);
        break;
    case 'd':
        order = top_compare_numbers(one->delivered, two->delivered);
        break;
    case 'p':
        order = top_compare_numbers(one->pending, two->pending);
        break;
    case 's':
        order = one->rank - two->rank;
        order = order != 0 ? order : top_compare_numbers(one->delivered, two->delivered);
        break;
    default:
        break;
    }
    return order != 0 ? order
                      : strcmp(overview_text(one->now, "name"), overview_text(two->now, "name"));
}

/* The same bridge in the answer before; usually it stands in the same place. */
static const struct json_node *top_before(const struct json_node **next, const char *name)
{
    const struct json_node *bridge = *next;

    if (bridge != NULL && strcmp(overview_text(bridge, "name"), name) == 0) {
        *next = json_next(bridge);
        return bridge;
    }
    return NULL;
}

static double top_rate(const struct json_node *now, const struct json_node *before,
                       const char *name, double ms)
{
    double more = before != NULL ? overview_number(now, name) - overview_number(before, name) : 0;

    return more > 0 && ms > 0 ? more * 1000 / ms : 0;
}

/* The rows, sorted; NULL: out of memory, or there are none. */
static struct top_row *top_rows(const struct top *top, size_t *out_count)
{
    const struct json_node *root = json_root(top->now.json);
    const struct json_node *old = top->before.json ? json_root(top->before.json) : NULL;
    const struct json_node *list = json_member(root, "bridges");
    const struct json_node *old_list = json_member(old, "bridges");
    const struct json_node *next = old_list != NULL ? json_first(old_list) : NULL;
    const struct json_node *bridge = list != NULL ? json_first(list) : NULL;
    double ms = overview_number(root, "uptime_ms") - overview_number(old, "uptime_ms");
    struct top_row *rows = calloc(list != NULL ? json_count(list) + 1 : 1, sizeof(*rows));
    size_t count = 0;

    for (; rows != NULL && bridge != NULL; bridge = json_next(bridge)) {
        const struct json_node *before = top_before(&next, overview_text(bridge, "name"));

        rows[count++] = (struct top_row){
            .now = bridge,
            .rank = overview_rank(bridge),
            .received = top_rate(bridge, before, "received", ms),
            .delivered = top_rate(bridge, before, "delivered", ms),
            .pending = overview_number(bridge, "pending"),
        };
    }
    top_sort = top->sort;
    if (rows != NULL) {
        qsort(rows, count, sizeof(*rows), top_compare);
    }
    *out_count = count;
    return rows;
}

static void top_table(const struct top *top, size_t columns, size_t lines, struct strbuf *out)
{
    static const struct table_column heads[] = {
        {"BRIDGE", false},     {"STATE", false},  {"RECEIVED/s", true},
        {"DELIVERED/s", true}, {"PENDING", true}, {"SPOOLED", true},
        {"DROPPED", true},     {"P99 ms", true},  {"LAST ERROR", false}};
    struct table table;
    size_t count = 0;
    struct top_row *rows = top_rows(top, &count);
    size_t i;

    table_init(&table, heads, sizeof(heads) / sizeof(heads[0]));
    for (i = 0; rows != NULL && i < count; i++) {
        char p99[32];

        snprintf(p99, sizeof(p99), "%.1f", overview_number(rows[i].now, "p99_ms"));
        table_add(&table, overview_text(rows[i].now, "name"));
        table_add(&table, overview_state(rows[i].now));
        table_add_number(&table, (uint64_t)(rows[i].received + 0.5));
        table_add_number(&table, (uint64_t)(rows[i].delivered + 0.5));
        table_add_number(&table, (uint64_t)rows[i].pending);
        table_add_number(&table, (uint64_t)overview_number(rows[i].now, "spooled"));
        table_add_number(&table, (uint64_t)overview_number(rows[i].now, "dropped"));
        table_add(&table, p99);
        table_add(&table, overview_error(rows[i].now));
    }
    table_print(&table, columns, lines, out);
    table_fini(&table);
    free(rows);
}

/* Appends at most `most` lines of `text`; 0: all. */
static void top_append_lines(const char *text, size_t most, struct strbuf *out)
{
    const char *end = text;
    size_t lines = 0;

    while (*end != '\0' && (most == 0 || lines < most)) {
        lines += *end == '\n';
        end++;
    }
    strbuf_append(out, text, (size_t)(end - text));
}

static void top_draw(const struct top *top, bool live)
{
    const struct json_node *root = json_root(top->now.json);
    struct strbuf head = STRBUF_INIT;
    struct strbuf out = STRBUF_INIT;
    size_t columns;
    size_t lines;

    terminal_size(&columns, &lines);
    overview_head(root, &head);
    problems_append(root, &head);
    if (live) {
        strbuf_append_text(&out, "\033[H\033[2J");
    }
    top_append_lines(strbuf_text(&head), lines > 2 * TOP_HEAD_LINES ? TOP_HEAD_LINES : lines / 2,
                     &out);
    strbuf_append_char(&out, '\n');
    top_table(top, live ? columns : 0, live && lines > TOP_HEAD_LINES ? lines - TOP_HEAD_LINES : 0,
              &out);
    if (live) {
        strbuf_append_text(&out,
                           "\nsort: s state  n name  r received  d delivered  p pending   q quit");
    }
    fputs(strbuf_text(&out), stdout);
    fflush(stdout);
    strbuf_fini(&head);
    strbuf_fini(&out);
}

/* Waits until the next look is due, and takes keys meanwhile; false: the end is wanted. */
static bool top_wait(struct top *top, bool live)
{
    int key = terminal_key(TOP_MS);

    while (key > 0 && key != 'q' && key != 'Q') {
        if (strchr(top_keys, key) != NULL) {
            top->sort = (char)key;
            top_draw(top, live);
        }
        key = terminal_key(TOP_MS);
    }
    return key == 0;
}

int command_top(const struct ctl *ctl)
{
    struct top top = {.sort = 's'};
    unsigned left = ctl->count;
    bool live = !ctl->json && terminal_enter() == 0;
    int status;

    if (!live && left == 0) {
        left = 2; /* the first has no rates */
    }
    do {
        reply_fini(&top.before);
        top.before = top.now;
        top.now = (struct reply){0};
        status = command_ask(ctl, "GET", "/status", &top.now);
        if (status == EX_OK && ctl->json) {
            status = command_print(&top.now);
        } else if (status == EX_OK && top.now.json != NULL) {
            top_draw(&top, live);
        }
    } while (status == EX_OK && (left == 0 || --left > 0) && top_wait(&top, live));
    terminal_leave();
    if (live && status != EX_OK) {
        fprintf(stderr, "chunnelctl: the daemon does not answer any more\n");
    }
    reply_fini(&top.before);
    reply_fini(&top.now);
    return status;
}
