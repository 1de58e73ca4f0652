/* chunnelctl status: what is wrong first, then all there is. Not for: live numbers (top.c). */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/overview.h"
#include "ctl/problems.h"
#include "ctl/table.h"

/* What it has on the disk, and how old that is; empty where there is nothing. */
static void status_spool(struct table *table, const struct json_node *bridge)
{
    double bytes = overview_number(bridge, "spool_bytes");
    double age = overview_number(bridge, "spool_oldest_ms");
    struct strbuf text = STRBUF_INIT;

    if (bytes > 0) {
        overview_size(bytes, &text);
    }
    if (bytes > 0 && age > 0) {
        strbuf_append_text(&text, ", ");
        overview_time(age, &text);
    }
    table_add(table, strbuf_text(&text));
    strbuf_fini(&text);
}

static void status_bridge(struct table *table, const struct json_node *bridge)
{
    static const char *const numbers[] = {"received", "delivered", "pending"};
    static const char *const lost[] = {"dropped", "dead_lettered"};
    struct strbuf ends = STRBUF_INIT;
    size_t i;

    strbuf_append_format(&ends, "%s → %s", overview_text(bridge, "from"),
                         overview_text(bridge, "to"));
    table_add(table, overview_text(bridge, "name"));
    table_add(table, overview_state(bridge));
    table_add(table, strbuf_text(&ends));
    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        table_add_number(table, (uint64_t)overview_number(bridge, numbers[i]));
    }
    status_spool(table, bridge);
    for (i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
        table_add_number(table, (uint64_t)overview_number(bridge, lost[i]));
    }
    table_add(table, overview_error(bridge));
    strbuf_fini(&ends);
}

/* Those that are broken first, each in the order of the configuration. */
static void status_bridges(const struct json_node *root, struct strbuf *out)
{
    static const struct table_column columns[] = {
        {"BRIDGE", false},   {"STATE", false},     {"FROM → TO", false}, {"RECEIVED", true},
        {"DELIVERED", true}, {"PENDING", true},    {"SPOOL", false},     {"DROPPED", true},
        {"DEAD", true},      {"LAST ERROR", false}};
    const struct json_node *bridges = json_member(root, "bridges");
    struct table table;
    int rank;

    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    for (rank = 0; rank <= 2; rank++) {
        const struct json_node *bridge = bridges != NULL ? json_first(bridges) : NULL;

        for (; bridge != NULL; bridge = json_next(bridge)) {
            if (overview_rank(bridge) == rank) {
                status_bridge(&table, bridge);
            }
        }
    }
    table_print(&table, 0, 0, out);
    table_fini(&table);
}

int command_status(const struct ctl *ctl)
{
    struct strbuf out = STRBUF_INIT;
    struct reply reply = {0};
    int status = command_ask(ctl, "GET", "/status", &reply);

    if (status == EX_OK && (ctl->json || reply.json == NULL)) {
        status = command_print(&reply);
    } else if (status == EX_OK) {
        const struct json_node *root = json_root(reply.json);

        overview_head(root, &out);
        problems_append(root, &out);
        strbuf_append_char(&out, '\n');
        overview_connections(root, &out);
        strbuf_append_char(&out, '\n');
        status_bridges(root, &out);
        fputs(strbuf_text(&out), stdout);
        status = strbuf_failed(&out) || fflush(stdout) != 0 ? EX_IOERR : EX_OK;
    }
    strbuf_fini(&out);
    reply_fini(&reply);
    return status;
}
