/* Whether a request may have an answer at all: its host and its token. */
#ifndef CHUNNELD_OPS_HTTP_CHECK_H
#define CHUNNELD_OPS_HTTP_CHECK_H

#include <stdbool.h>

#include "ops/http.h"

/* Whether the Host header `host` (NULL: none) is a name of this server: loopback, the address
 * listened on, or one of those allowed. A page of another name, made to resolve to this machine,
 * would else read everything here. */
bool http_check_host(const struct http_options *options, const char *host);
/* Whether the Authorization header (NULL: none) has the token, in a time that tells nothing of it.
 */
bool http_check_token(const char *token, const char *authorization);

#endif
