/* Distances between names. For: "did you mean" in errors about rules and configuration. */
#include "base/nearest.h"

#include <stdbool.h>

enum { NAME_MAX_LEN = 64 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Whether they differ by more than case: "INFO" is nearest to "info". */
static bool differs(char a, char b)
{
    return a != b && (a | 0x20) != (b | 0x20);
}

/* One row of the table of distances between the beginnings of two texts. */
struct row {
    unsigned cost[NAME_MAX_LEN + 1];
};

/* The row of a[0..i] from the two rows before it. */
static void next_row(struct slice a, size_t i, struct slice b, const struct row before[2],
                     struct row *out)
{
    out->cost[0] = (unsigned)i;
    for (size_t j = 1; j <= b.len; j++) {
        unsigned other = differs(a.data[i - 1], b.data[j - 1]);
        unsigned cost = least(before[1].cost[j], out->cost[j - 1]) + 1;

        cost = least(cost, before[1].cost[j - 1] + other);
        if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1]) {
            cost = least(cost, before[0].cost[j - 2] + 1);
        }
        out->cost[j] = cost;
    }
}

/* Optimal string alignment distance (Damerau and Levenshtein, no part edited twice). */
static unsigned distance(struct slice a, struct slice b)
{
    struct row rows[3] = {0};

    for (size_t j = 0; j <= b.len; j++) {
        rows[2].cost[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        rows[0] = rows[1];
        rows[1] = rows[2];
        next_row(a, i, b, rows, &rows[2]);
    }
    return rows[2].cost[b.len];
}

static struct slice cut(struct slice text)
{
    return slice_make(text.data, text.len < NAME_MAX_LEN ? text.len : NAME_MAX_LEN);
}

const char *nearest_name(struct slice wrong, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    unsigned best = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned edits = distance(cut(wrong), cut(slice_of(names[i])));

        if (nearest == NULL || edits < best) {
            nearest = names[i];
            best = edits;
        }
    }
    return nearest;
}
