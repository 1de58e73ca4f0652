/* Asking the daemon over its control socket. It waits; chunnelctl has nothing else to do. */
#ifndef CHUNNELD_CTL_CLIENT_H
#define CHUNNELD_CTL_CLIENT_H

#include "base/err.h"
#include "base/json.h"
#include "base/strbuf.h"

/* An answer; zeroed before use. */
struct reply {
    int status;         /* of HTTP */
    struct strbuf text; /* the body; owned */
    struct json *json;  /* the body, where it is JSON; owned; else NULL */
};

/* Sends "METHOD PATH" and reads the answer: 0, or an exit status of sysexits.h and words in `err`:
 * 69 nobody listens, 77 the socket is not for this user, 76 what came is no answer, 75 no answer in
 * time. */
int client_ask(const char *socket, const char *method, const char *path, struct reply *out_reply,
               struct err *err);
/* As client_ask(), but the body of an answer that is no error is given line by line as it comes,
 * without the newline, until on_line gives something else than 0 or the daemon ends it. */
int client_follow(const char *socket, const char *method, const char *path,
                  int (*on_line)(void *ctx, char *line), void *ctx, struct reply *out_reply,
                  struct err *err);
void reply_fini(struct reply *reply);

#endif
