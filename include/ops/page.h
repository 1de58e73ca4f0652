/* The files of the status page, as compiled in; src/ops/page/ has them in plain. */
#ifndef CHUNNELD_OPS_PAGE_H
#define CHUNNELD_OPS_PAGE_H

#include <stddef.h>

struct page_file {
    const char *path;
    const char *type;
    const unsigned char *data;
    size_t len;
};

extern const struct page_file page_files[];
extern const size_t page_file_count;

#endif
