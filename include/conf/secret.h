/* Secrets that stand in files of their own. For conf/ alone. */
#ifndef CHUNNELD_CONF_SECRET_H
#define CHUNNELD_CONF_SECRET_H

#include "conf/loader.h"

/* The content of the file `path`, a newline at its end dropped; `what` it is in words: "a
 * password". NULL: something is wrong, and said at `node`. */
const char *conf_secret_read(struct conf_loader *loader, const struct json_node *node,
                             const char *path, const char *what);

#endif
