/* From a path to its page. For: which there are, and who may ask for them how. Not for: HTTP
 * (http*.c), or what stands in them (health.c, stats.c, metrics.c). */
#include "ops/pages.h"

#include <string.h>

#include "ops/health.h"
#include "ops/live.h"
#include "ops/metrics.h"
#include "ops/overview.h"
#include "ops/page.h"
#include "ops/stats.h"
#include "ops/trace.h"

static const char json_type[] = "application/json";

static void pages_healthz(const struct pages *pages, struct http_answer *answer)
{
    (void)pages;
    strbuf_append_text(&answer->body, "ok\n"); /* the loop turns: else nobody answered */
}

static void pages_readyz(const struct pages *pages, struct http_answer *answer)
{
    answer->type = json_type;
    if (!health_write(pages->board, loop_touch(pages->loop), &answer->body)) {
        answer->status = 503;
    }
}

static void pages_stats(const struct pages *pages, struct http_answer *answer)
{
    answer->type = json_type;
    stats_write(pages->board, loop_touch(pages->loop), &answer->body);
    strbuf_append_char(&answer->body, '\n');
}

static void pages_status(const struct pages *pages, struct http_answer *answer)
{
    answer->type = json_type;
    overview_write(pages->board, &pages->control, loop_touch(pages->loop), &answer->body);
    strbuf_append_char(&answer->body, '\n');
}

static void pages_metrics(const struct pages *pages, struct http_answer *answer)
{
    if (metrics_answer(pages->board, loop_touch(pages->loop), answer) != 0) {
        answer->status = 503;
        strbuf_append_text(&answer->body, "Out of memory.\n");
    }
}

static void pages_events(const struct pages *pages, struct http_answer *answer)
{
    if (live_answer(pages->live, answer) != 0) {
        answer->status = 503;
        strbuf_append_text(&answer->body, "Out of memory.\n");
    }
}

/* A page that can be read, by its exact path. */
static const struct page {
    const char *path;
    void (*make)(const struct pages *pages, struct http_answer *answer);
} pages_table[] = {
    {"/healthz", pages_healthz}, {"/readyz", pages_readyz},   {"/stats", pages_stats},
    {"/status", pages_status},   {"/metrics", pages_metrics}, {"/events", pages_events},
};

/* A file of the status page; false: it is none. */
static bool pages_file(const char *path, struct http_answer *answer)
{
    size_t i;

    for (i = 0; i < page_file_count; i++) {
        if (strcmp(path, page_files[i].path) == 0) {
            answer->type = page_files[i].type;
            strbuf_append(&answer->body, page_files[i].data, page_files[i].len);
            return true;
        }
    }
    return false;
}

/* Bodies are seen there, so only over the control socket; false: another path. */
static bool pages_trace(const struct pages *pages, const struct http_ask *ask,
                        struct http_answer *answer)
{
    const struct trace_setup setup = {
        .loop = pages->loop, .board = pages->board, .wake = pages->wake, .ctx = pages->ctx};

    return trace_handle(&setup, ask, answer);
}

static void pages_not_found(struct http_answer *answer)
{
    size_t i;

    answer->status = 404;
    strbuf_append_text(&answer->body, "There is no such page. There are: /");
    for (i = 0; i < sizeof(pages_table) / sizeof(pages_table[0]); i++) {
        strbuf_append_format(&answer->body, " %s", pages_table[i].path);
    }
    strbuf_append_char(&answer->body, '\n');
}

void pages_handle(void *ctx, const struct http_ask *ask, struct http_answer *answer)
{
    const struct pages *pages = ctx;
    size_t i;

    for (i = 0; i < sizeof(pages_table) / sizeof(pages_table[0]); i++) {
        if (strcmp(ask->path, pages_table[i].path) != 0) {
            continue;
        }
        if (strcmp(ask->method, "GET") != 0) {
            answer->status = 405;
            answer->allow = "GET, HEAD";
            strbuf_append_text(&answer->body, "This can only be read: use GET or HEAD.\n");
            return;
        }
        pages_table[i].make(pages, answer);
        return;
    }
    if (strcmp(ask->method, "GET") == 0 && pages_file(ask->path, answer)) {
        return;
    }
    if (ask->may_change && strcmp(ask->method, "GET") == 0 && pages_trace(pages, ask, answer)) {
        return;
    }
    if (ask->may_change && pages->more != NULL && pages->more(pages->more_ctx, ask, answer)) {
        return;
    }
    if (!ask->may_change || strcmp(ask->method, "POST") != 0 ||
        !control_handle(&pages->control, pages->board, loop_touch(pages->loop), ask, answer)) {
        pages_not_found(answer);
    }
}
