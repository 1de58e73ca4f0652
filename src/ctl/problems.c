/* What is wrong, told by its causes: a connection that is down is told once, with the bridges that
 * wait for it. For: status.c and top.c. Not for: what is wrong (the daemon's health.c knows that).
 */
#include "ctl/problems.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/overview.h"
#include "ctl/table.h"

enum { PROBLEMS_NAMES = 5 }; /* of so many with one cause the names are told */

/* Connections or bridges in one state for one cause. */
struct problems_group {
    const char *kind; /* "connection" or "bridge" */
    const char *state;
    const char *cause; /* "": not known; then it stands alone */
    const char *meaning;
    const char *remedy;
    const char *names[PROBLEMS_NAMES];
    size_t count;
    bool told;
};

static struct problems_group problems_group_of(const struct json_node *problem)
{
    const char *connection = overview_text(problem, "connection");
    bool is_connection = connection[0] != '\0';

    return (struct problems_group){
        .kind = is_connection ? "connection" : "bridge",
        .state = overview_text(problem, "state"),
        .cause = overview_text(problem, "cause"),
        .meaning = overview_text(problem, "meaning"),
        .remedy = overview_text(problem, "remedy"),
        .names = {is_connection ? connection : overview_text(problem, "bridge")},
        .count = 1,
    };
}

/* Adds a problem to the groups, which have room for one more. */
static void problems_add(struct problems_group *groups, size_t *count,
                         const struct problems_group *one)
{
    size_t i;

    for (i = 0; i < *count && one->cause[0] != '\0'; i++) {
        struct problems_group *group = &groups[i];

        if (strcmp(group->cause, one->cause) == 0 && strcmp(group->state, one->state) == 0 &&
            strcmp(group->kind, one->kind) == 0) {
            if (group->count < PROBLEMS_NAMES) {
                group->names[group->count] = one->names[0];
            }
            group->count++;
            return;
        }
    }
    groups[(*count)++] = *one;
}

/* "bridge a: waiting", or "7 bridges: waiting: a, b, c, d, e, ..." */
static void problems_append_subject(const struct problems_group *group, struct strbuf *out)
{
    size_t i;

    if (group->count == 1) {
        strbuf_append_format(out, "  %s ", group->kind);
        table_append_clean(out, group->names[0]);
        strbuf_append_text(out, ": ");
        table_append_clean(out, group->state);
    } else {
        strbuf_append_format(out, "  %zu %ss: ", group->count, group->kind);
        table_append_clean(out, group->state);
        for (i = 0; i < group->count && i < PROBLEMS_NAMES; i++) {
            strbuf_append_text(out, i == 0 ? ": " : ", ");
            table_append_clean(out, group->names[i]);
        }
        strbuf_append_text(out, group->count > PROBLEMS_NAMES ? ", ..." : "");
    }
    strbuf_append_char(out, '\n');
}

static void problems_append_words(const char *words, struct strbuf *out)
{
    if (words[0] != '\0') {
        strbuf_append_text(out, "      ");
        table_append_clean(out, words);
        strbuf_append_char(out, '\n');
    }
}

/* All groups with the cause of the first of `count`, and what is to be said of it. */
static void problems_append_cause(struct problems_group *groups, size_t count, struct strbuf *out)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (i == 0 || (groups[0].cause[0] != '\0' && !groups[i].told &&
                       strcmp(groups[i].cause, groups[0].cause) == 0)) {
            problems_append_subject(&groups[i], out);
            groups[i].told = true;
        }
    }
    problems_append_words(groups[0].meaning, out);
    problems_append_words(groups[0].cause, out);
    problems_append_words(groups[0].remedy, out);
}

void problems_append(const struct json_node *root, struct strbuf *out)
{
    const struct json_node *list = json_member(root, "problems");
    const struct json_node *problem = list != NULL ? json_first(list) : NULL;
    struct problems_group *groups;
    size_t count = 0;
    size_t i;

    if (problem == NULL) {
        strbuf_append_text(out, "\nAll is well.\n");
        return;
    }
    groups = calloc(json_count(list), sizeof(*groups));
    strbuf_append_text(out, "\nWRONG\n");
    for (; groups != NULL && problem != NULL; problem = json_next(problem)) {
        struct problems_group one = problems_group_of(problem);

        problems_add(groups, &count, &one);
    }
    for (i = 0; i < count; i++) {
        if (!groups[i].told) {
            problems_append_cause(&groups[i], count - i, out);
        }
    }
    free(groups);
}
