/* Base64 (RFC 4648 §4), with padding. */
#ifndef CHUNNELD_BASE_BASE64_H
#define CHUNNELD_BASE_BASE64_H

#include <stddef.h>

#include "base/slice.h"
#include "base/strbuf.h"

/* Decodes `text` into `out`, which has room for text.len bytes; -1: it is no base64. */
int base64_decode(struct slice text, char *out, size_t *out_len);
void base64_encode(struct slice bytes, struct strbuf *out);

#endif
