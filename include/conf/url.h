/* Addresses of servers, as each of the two worlds writes them:
 *
 *     redis://[user[:password]@]host[:port][/database]        rediss:// with TLS
 *     redis+unix://[user[:password]@]/path[?db=N]
 *     amqp://[user[:password]@]host[:port][/vhost]            amqps:// with TLS
 *
 * Parts are percent-decoded; IPv6 addresses stand in brackets. For conf/ alone. */
#ifndef CHUNNELD_CONF_URL_H
#define CHUNNELD_CONF_URL_H

#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "conf/config.h"
#include "conf/memory.h"

/* What the scheme of `text` says; -1 where it is none of the known ones. */
int conf_url_scheme(struct slice text, enum conf_protocol *out_protocol,
                    enum conf_transport *out_transport);

/* Reads `text`; strings of `out_url` live in `memory`. -1 and words in `err`, which quote nothing
 * but the scheme, so that no secret gets into them. */
int conf_url_parse(struct slice text, struct config_memory *memory, struct conf_url *out_url,
                   enum conf_protocol *out_protocol, struct err *err);

/* Appends the URL, the password as "***"; it can be parsed again. */
void conf_url_print(const struct conf_url *url, enum conf_protocol protocol, struct strbuf *out);

#endif
