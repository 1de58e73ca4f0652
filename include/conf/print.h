/* Printing a part of a configuration. For conf/ alone; config_print() is in conf/load.h. */
#ifndef CHUNNELD_CONF_PRINT_H
#define CHUNNELD_CONF_PRINT_H

#include "base/strbuf.h"
#include "conf/keys.h"

/* Appends an object of `kind` as JSON on one line; `base` is its struct. Secrets are "***". */
void conf_print_part(const struct conf_kind *kind, const void *base, struct strbuf *out);
/* Likewise the value that a key has in `base`; nothing where it has none. */
void conf_print_key(const struct conf_key *key, const void *base, struct strbuf *out);

#endif
