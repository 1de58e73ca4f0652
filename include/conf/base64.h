/* Base64 (RFC 4648 §4), with padding. For conf/ alone. */
#ifndef CHUNNELD_CONF_BASE64_H
#define CHUNNELD_CONF_BASE64_H

#include <stddef.h>

#include "base/slice.h"
#include "base/strbuf.h"

/* Decodes `text` into `out`, which has room for text.len bytes; -1: it is no base64. */
int conf_base64_decode(struct slice text, char *out, size_t *out_len);
void conf_base64_encode(struct slice bytes, struct strbuf *out);

#endif
