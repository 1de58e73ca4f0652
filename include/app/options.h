/* The command line of chunneld. */
#ifndef CHUNNELD_APP_OPTIONS_H
#define CHUNNELD_APP_OPTIONS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/log.h"

enum options_action {
    OPTIONS_RUN,
    OPTIONS_CHECK,        /* --check */
    OPTIONS_PRINT_CONFIG, /* --print-config */
    OPTIONS_VERSION,      /* --version */
    OPTIONS_HELP,         /* --help */
    OPTIONS_SPOOL_LIST,   /* spool list */
    OPTIONS_SPOOL_EXPORT, /* spool export NAME */
    OPTIONS_SPOOL_PURGE,  /* spool purge NAME */
};

struct options {
    enum options_action action;
    const char *config; /* file; never NULL */
    const char *bridge; /* NAME of a spool command that has one */
    bool has_log_level; /* the one below wins over the configuration's */
    enum log_level log_level;
};

/* Reads the arguments; strings are borrowed from argv. 0, or -1 and words in `err`. */
int options_parse(int argc, char **argv, struct options *out_options, struct err *err);
/* What --help prints. */
const char *options_help(void);

#endif
