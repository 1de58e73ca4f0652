/* Files of the configuration: read whole, bounded, never waited for. For conf/ alone. */
#ifndef CHUNNELD_CONF_FILE_H
#define CHUNNELD_CONF_FILE_H

#include <stddef.h>
#include <sys/queue.h>

#include "base/err.h"
#include "base/json.h"
#include "base/strbuf.h"

enum {
    CONF_FILE_MAX = 8 * 1024 * 1024, /* bytes of one file */
    CONF_VALUES_MAX = 500 * 1000,    /* JSON values in it */
    CONF_DEPTH_MAX = 48,             /* their nesting */
};

/* A file that was read. */
struct conf_file {
    STAILQ_ENTRY(conf_file) link;
    unsigned number;       /* in the order of reading */
    const char *name;      /* as problems show it */
    const char *prefix;    /* what of the name stands before its last part, with the slash */
    const char *directory; /* the same, absolute where that can be found out, without the slash */
    struct strbuf text;    /* empty where the text is somebody else's */
    struct json *json;
};

/* Reads a regular file of at most `limit` bytes. -1 and words in `err`, without the path:
 * anything else (a directory, a FIFO, a device) is refused and not waited for. */
int conf_file_read(const char *path, size_t limit, struct strbuf *out, struct err *err);

#endif
