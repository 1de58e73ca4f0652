/* Percent-encoding of parts of URLs (RFC 3986 §2.1). For conf/ alone. */
#ifndef CHUNNELD_CONF_PERCENT_H
#define CHUNNELD_CONF_PERCENT_H

#include "base/slice.h"
#include "base/strbuf.h"

/* Decodes `text` into `out`, which has room for text.len + 1 bytes, and ends it with a NUL. -1: a
 * percent sign without two hexadecimal digits, or %00. */
int conf_percent_decode(struct slice text, char *out);

/* Appends `text` with all encoded but letters, digits, "-._~" and what stands in `plain`. */
void conf_percent_encode(const char *text, const char *plain, struct strbuf *out);

#endif
