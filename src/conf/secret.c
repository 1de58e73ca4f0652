/* Reading passwords and tokens from files. For: password_file, token_file. Not for: those in URLs
 * (conf/url.c). */
#include "conf/secret.h"

#include <string.h>

enum { CONF_SECRET_MAX = 4096 }; /* bytes */

const char *conf_secret_read(struct conf_loader *loader, const struct json_node *node,
                             const char *path, const char *what)
{
    struct strbuf text = STRBUF_INIT;
    const char *secret = NULL;
    struct err err;

    if (conf_file_read(path, CONF_SECRET_MAX, &text, &err) != 0) {
        conf_problem(loader, node, "%s", err.text);
        goto done;
    }
    if (text.len > 0 && text.data[text.len - 1] == '\n') {
        strbuf_truncate(&text, text.len - 1);
    }
    if (text.len > 0 && text.data[text.len - 1] == '\r') {
        strbuf_truncate(&text, text.len - 1);
    }
    if (text.len == 0 || memchr(text.data, '\0', text.len) != NULL) {
        conf_problem(loader, node, "the file is empty or holds a NUL; %s is wanted in it", what);
        goto done;
    }
    secret = conf_memory_copy(loader->memory, strbuf_slice(&text));
    loader->out_of_memory |= secret == NULL;

done:
    strbuf_fini(&text);
    return secret;
}
