/* The table of keys: HTTP and the control socket. */
#include <stddef.h>

#include "conf/config.h"
#include "conf/keys.h"
#include "conf/keys_table.h"
#include "conf/operator.h"

static const struct conf_key http_keys[] = {
    {.name = "listen",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_http, listen),
     .min = 1,
     .max = 100,
     .required = true,
     .fixed = true,
     .help = "Address and port, such as `127.0.0.1:9419` or `[::1]:9419`. Port 0 takes a free one, "
             "which the log tells."},
    {.name = "allow_hosts",
     .type = CONF_TYPE_STRINGS,
     FIELD(struct conf_http, allow_hosts),
     .min = 1,
     .max = SHORT_STRING,
     .fixed = true,
     .help = "Names that a request may give as its host, beside `localhost`, loopback addresses "
             "and the address listened on; those of a proxy in front, for example. Any other name "
             "is refused, so that no web page can reach the daemon through a name of its own."},
    {.name = "token_file",
     .type = CONF_TYPE_PATH,
     FIELD(struct conf_http, token_file),
     .min = 1,
     .max = 4000,
     .fixed = true,
     .help = "File with a token that requests must carry as `Authorization: Bearer TOKEN`, all but "
             "`/healthz` and `/readyz`."},
};

const struct conf_kind conf_kind_http = {
    .id = "http",
    .name = "an http object",
    .title = "HTTP",
    .help = "Status page, metrics and health over HTTP, to be read only.",
    KEYS(http_keys),
    .finish = conf_http_finish,
};

static const struct conf_key control_keys[] = {
    {.name = "socket",
     .type = CONF_TYPE_PATH,
     FIELD(struct conf_control, socket),
     .min = 1,
     .max = 4000,
     .required = true,
     .fixed = true,
     .help = "Path of the unix socket, made with mode 0660. The directory must be there."},
    {.name = "group",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_control, group),
     .min = 1,
     .max = SHORT_STRING,
     .fallback_words = "the daemon's own",
     .fixed = true,
     .help = "Group that owns the socket, whose members may use it."},
    {.name = "state_file",
     .type = CONF_TYPE_PATH,
     FIELD(struct conf_control, state_file),
     .min = 1,
     .max = 4000,
     .fallback_words = "`paused.json` in the spool's directory; without a spool, none",
     .fixed = true,
     .help = "File that remembers which bridges the operator has paused, over a restart."},
};

const struct conf_kind conf_kind_control = {
    .id = "control",
    .name = "a control object",
    .title = "Control",
    .help = "The socket that `chunnelctl` uses.",
    KEYS(control_keys),
    .finish = conf_control_finish,
};
