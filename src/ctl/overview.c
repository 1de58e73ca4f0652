/* Parts of the overview in plain text. For: status.c and top.c. */
#include "ctl/overview.h"

#include <stdio.h>
#include <string.h>

#include "ctl/table.h"

const char *overview_text(const struct json_node *object, const char *name)
{
    const struct json_node *node = json_member(object, name);

    return node != NULL && json_is(node, JSON_STRING) ? json_string(node).data : "";
}

double overview_number(const struct json_node *object, const char *name)
{
    const struct json_node *node = json_member(object, name);

    return node != NULL && json_is(node, JSON_NUMBER) ? json_double(node) : 0;
}

static const struct json_node *overview_first(const struct json_node *root, const char *name)
{
    const struct json_node *list = json_member(root, name);

    return list != NULL ? json_first(list) : NULL;
}

void overview_time(double ms, struct strbuf *out)
{
    unsigned long s = (unsigned long)(ms / 1000);

    if (s < 120) {
        strbuf_append_format(out, "%lu s", s);
    } else if (s < 7200) {
        strbuf_append_format(out, "%lu min", s / 60);
    } else if (s < 172800) {
        strbuf_append_format(out, "%lu h %lu min", s / 3600, s / 60 % 60);
    } else {
        strbuf_append_format(out, "%lu d %lu h", s / 86400, s / 3600 % 24);
    }
}

void overview_size(double bytes, struct strbuf *out)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1024;
        unit++;
    }
    strbuf_append_format(out, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

void overview_head(const struct json_node *root, struct strbuf *out)
{
    strbuf_append_text(out, "chunneld ");
    table_append_clean(out, overview_text(root, "version"));
    strbuf_append_text(out, " on ");
    table_append_clean(out, overview_text(root, "instance"));
    strbuf_append_text(out, ", up ");
    overview_time(overview_number(root, "uptime_ms"), out);
    strbuf_append_format(out, ", pid %.0f\n", overview_number(root, "pid"));
}

/* What Redis keeps for us; empty where that is not known. */
static void overview_lag(struct table *table, const struct json_node *connection)
{
    struct strbuf text = STRBUF_INIT;

    if (json_member(connection, "subscriber_lag_bytes") != NULL) {
        overview_size(overview_number(connection, "subscriber_lag_bytes"), &text);
    }
    table_add(table, strbuf_text(&text));
    strbuf_fini(&text);
}

void overview_connections(const struct json_node *root, struct strbuf *out)
{
    static const struct table_column columns[] = {
        {"CONNECTION", false}, {"KIND", false}, {"STATE", false},     {"SINCE", false},
        {"RECONNECTS", true},  {"LAG", true},   {"LAST ERROR", false}};
    const struct json_node *connection = overview_first(root, "connections");
    struct table table;

    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    for (; connection != NULL; connection = json_next(connection)) {
        const struct json_node *blocked = json_member(connection, "blocked");
        bool is_blocked = blocked != NULL && json_is(blocked, JSON_BOOL) && json_bool(blocked);

        table_add(&table, overview_text(connection, "name"));
        table_add(&table, overview_text(connection, "kind"));
        table_add(&table, is_blocked ? "blocked" : overview_text(connection, "state"));
        table_add(&table, overview_text(connection, "since"));
        table_add_number(&table, (uint64_t)overview_number(connection, "reconnects"));
        overview_lag(&table, connection);
        table_add(&table, overview_text(connection, "last_error"));
    }
    table_print(&table, 0, 0, out);
    table_fini(&table);
}

bool overview_is_enabled(const struct json_node *bridge)
{
    const struct json_node *enabled = json_member(bridge, "enabled");

    return enabled == NULL || !json_is(enabled, JSON_BOOL) || json_bool(enabled);
}

const char *overview_state(const struct json_node *bridge)
{
    const char *word = overview_text(bridge, "operator");

    if (!overview_is_enabled(bridge)) {
        return "disabled";
    }
    if (word[0] == '\0') {
        word = overview_text(bridge, "trouble");
    }
    return word[0] != '\0' ? word : overview_text(bridge, "state");
}

const char *overview_error(const struct json_node *bridge)
{
    const char *cause = overview_text(bridge, "cause");

    return cause[0] != '\0' ? cause : overview_text(bridge, "last_error");
}

int overview_rank(const struct json_node *bridge)
{
    const char *trouble = overview_text(bridge, "trouble");

    if (!overview_is_enabled(bridge) || overview_text(bridge, "operator")[0] != '\0') {
        return 1;
    }
    if (trouble[0] == '\0') {
        return 2;
    }
    return strcmp(trouble, "paused") == 0 ? 1 : 0;
}
