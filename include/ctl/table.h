/* A table for people: columns as wide as they need. */
#ifndef CHUNNELD_CTL_TABLE_H
#define CHUNNELD_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

enum { TABLE_COLUMNS_MAX = 16 };

/* A column. */
struct table_column {
    const char *title;
    bool right; /* numbers */
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct strbuf cells;              /* all of them, NUL-terminated */
    size_t count;                     /* cells */
    size_t widths[TABLE_COLUMNS_MAX]; /* in characters */
};

void table_init(struct table *table, const struct table_column *columns, size_t column_count);
void table_fini(struct table *table);
/* The next cell, row by row. What would steer a terminal is taken out. NULL: empty. */
void table_add(struct table *table, const char *text);
void table_add_number(struct table *table, uint64_t number);
/* Appends title line and rows; `width` cuts the lines, 0: not at all; `rows` limits them, 0: all.
 */
void table_print(const struct table *table, size_t width, size_t rows, struct strbuf *out);

/* Appends `text` with what would steer a terminal taken out. */
void table_append_clean(struct strbuf *out, const char *text);

#endif
