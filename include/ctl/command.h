/* The commands of chunnelctl. */
#ifndef CHUNNELD_CTL_COMMAND_H
#define CHUNNELD_CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* What the command line says. */
struct ctl {
    const char *socket;
    bool json;      /* print what the daemon said */
    bool no_wait;   /* drain: do not wait for its end */
    unsigned count; /* top: so many times, then end; 0: until told */
    unsigned limit; /* trace: so many messages, then end */
    const char *to; /* spool replay: the bridge that takes over; NULL: not said */
    const char *command;
    const char *argument; /* NULL: none */
    const char *name;     /* spool: the bridge's; NULL: none */
};

/* All return an exit status of sysexits.h, and have said on stderr what went wrong. */
int command_status(const struct ctl *ctl);
int command_stats(const struct ctl *ctl);
int command_top(const struct ctl *ctl);
/* pause, resume, drain */
int command_steer(const struct ctl *ctl);
int command_reload(const struct ctl *ctl);
/* The messages of a bridge as they cross. */
int command_trace(const struct ctl *ctl);
int command_check(const struct ctl *ctl);
/* list, export, purge, replay: what the spool has of bridges. */
int command_spool(const struct ctl *ctl);

struct reply;
/* client_ask(), with words on stderr, also of an answer that is an error. `what` is the path's
 * purpose: with 404 it does not exist. 0, or the exit status. */
int command_ask(const struct ctl *ctl, const char *method, const char *path,
                struct reply *out_reply);
/* The exit status for an answer that is an error. */
int command_refusal_status(const struct reply *reply);
/* Appends the name, all but letters and digits of it encoded. */
void command_encode(const char *name, struct strbuf *out);
/* Appends "/bridges/NAME/", the name encoded. */
void command_bridge_path(const struct ctl *ctl, struct strbuf *out);
/* Prints the "error" of an answer, or else its body, on stderr. */
void command_tell_refusal(const struct reply *reply);
/* Prints the body. */
int command_print(const struct reply *reply);

#endif
