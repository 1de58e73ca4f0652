/* chunnelctl reload: has the daemon read its configuration anew, and tells what became of it. Not
 * for: a check without a daemon (commands.c). */
#include <stdio.h>
#include <sysexits.h>

#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/overview.h"
#include "ctl/table.h"

/* Prints a line for each string of the list. */
static void reload_tell_list(const struct json_node *root, const char *name, const char *before)
{
    const struct json_node *list = json_member(root, name);
    const struct json_node *item = list != NULL ? json_first(list) : NULL;

    for (; item != NULL; item = json_next(item)) {
        struct strbuf clean = STRBUF_INIT;

        table_append_clean(&clean, json_is(item, JSON_STRING) ? json_string(item).data : "");
        fprintf(stderr, "%s%s\n", before, strbuf_text(&clean));
        strbuf_fini(&clean);
    }
}

static int reload_tell(const struct ctl *ctl, const struct reply *reply)
{
    const struct json_node *root = reply->json != NULL ? json_root(reply->json) : NULL;

    if (ctl->json) {
        return command_print(reply);
    }
    reload_tell_list(root, "problems", "");
    if (reply->status >= 400) {
        command_tell_refusal(reply);
        return EX_OK;
    }
    reload_tell_list(root, "needs_restart", "chunnelctl: left as it was, needs a restart: ");
    printf("applied: %.0f kept, %.0f added, %.0f changed, %.0f removed\n",
           overview_number(root, "kept"), overview_number(root, "added"),
           overview_number(root, "changed"), overview_number(root, "removed"));
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int command_reload(const struct ctl *ctl)
{
    struct reply reply = {0};
    struct err err = {""};
    int status = client_ask(ctl->socket, "POST", "/reload", &reply, &err);

    if (status != EX_OK) {
        fprintf(stderr, "chunnelctl: %s\n", err.text);
    } else if (reply.status >= 400 && reply.status != 422) {
        command_tell_refusal(&reply);
        status = EX_UNAVAILABLE;
    } else {
        status = reload_tell(ctl, &reply);
        status = status == EX_OK && reply.status == 422 ? EX_CONFIG : status;
    }
    reply_fini(&reply);
    return status;
}
