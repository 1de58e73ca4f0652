/* Tables in plain text. For: widths and alignment. Not for: their content. */
#include "ctl/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TABLE_GAP = 2 };

void table_append_clean(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        /* C1 controls are U+0080 to U+009F: 0xc2 and such a byte. */
        if (c == 0xc2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xa0) {
            strbuf_append_char(out, '?');
            text++;
        } else {
            strbuf_append_char(out, c < 0x20 || c == 0x7f ? '?' : *text);
        }
    }
}

/* Characters of UTF-8. */
static size_t table_width(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

void table_init(struct table *table, const struct table_column *columns, size_t column_count)
{
    size_t i;

    *table = (struct table){.columns = columns, .column_count = column_count};
    for (i = 0; i < column_count; i++) {
        table->widths[i] = table_width(columns[i].title);
    }
}

void table_fini(struct table *table)
{
    strbuf_fini(&table->cells);
}

void table_add(struct table *table, const char *text)
{
    size_t column = table->count++ % table->column_count;
    size_t start = table->cells.len;
    size_t width;

    table_append_clean(&table->cells, text != NULL ? text : "");
    strbuf_append_char(&table->cells, '\0');
    if (strbuf_failed(&table->cells)) {
        return;
    }
    width = table_width(table->cells.data + start);
    if (width > table->widths[column]) {
        table->widths[column] = width;
    }
}

void table_add_number(struct table *table, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    table_add(table, text);
}

static void table_print_cell(const struct table *table, size_t column, const char *text,
                             struct strbuf *out)
{
    size_t width = table_width(text);
    int fill = (int)(table->widths[column] -
                     (width < table->widths[column] ? width : table->widths[column]));
    bool last = column + 1 == table->column_count;

    if (table->columns[column].right) {
        strbuf_append_format(out, "%*s%s", fill, "", text);
    } else {
        strbuf_append_format(out, "%s%*s", text, last ? 0 : fill, "");
    }
    if (!last) {
        strbuf_append_format(out, "%*s", TABLE_GAP, "");
    }
}

/* Cuts what was appended from `start` on to `width` characters, and ends the line. */
static void table_end_line(size_t start, size_t width, struct strbuf *out)
{
    size_t seen = 0;
    size_t at = start;

    while (width > 0 && at < out->len) {
        bool begins = ((unsigned char)out->data[at] & 0xc0) != 0x80;

        if (begins && seen++ == width) {
            strbuf_truncate(out, at);
            break;
        }
        at++;
    }
    while (out->len > start && out->data[out->len - 1] == ' ') {
        strbuf_truncate(out, out->len - 1);
    }
    strbuf_append_char(out, '\n');
}

void table_print(const struct table *table, size_t width, size_t rows, struct strbuf *out)
{
    const char *cell = strbuf_text(&table->cells);
    size_t start = out->len;
    size_t i;

    for (i = 0; i < table->column_count; i++) {
        table_print_cell(table, i, table->columns[i].title, out);
    }
    table_end_line(start, width, out);
    for (i = 0; i < table->count && !strbuf_failed(&table->cells); i++) {
        size_t column = i % table->column_count;

        if (column == 0) {
            if (rows > 0 && i / table->column_count == rows) {
                break;
            }
            start = out->len;
        }
        table_print_cell(table, column, cell, out);
        cell += strlen(cell) + 1;
        if (column + 1 == table->column_count) {
            table_end_line(start, width, out);
        }
    }
}
