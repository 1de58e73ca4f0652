/* The rig; see the header. */
#include "tls_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void tls_rig_name_file(struct tls_rig *rig, char path[TLS_RIG_PATH_SIZE], const char *name)
{
    snprintf(path, TLS_RIG_PATH_SIZE, "%s/%s", net_rig_folder(&rig->net), name);
}

void tls_rig_init(struct tls_rig *rig, const struct tls_wish *wish)
{
    memset(rig, 0, sizeof(*rig));
    net_rig_init(&rig->net);
    net_rig_listen_tcp(&rig->net);
    tls_rig_name_file(rig, rig->ca, "ca.pem");
    tls_rig_name_file(rig, rig->cert, "cert.pem");
    tls_rig_name_file(rig, rig->key, "key.pem");
    rig->authority = tls_authority_new("our authority");
    tls_authority_write(rig->authority, rig->ca);
    tls_authority_issue(rig->authority, wish, rig->cert, rig->key);
    tls_peer_init(&rig->peer, &rig->net, rig->cert, rig->key);
    rig->settings = (struct tls_settings){.ca_file = rig->ca, .verify = true};
    rig->net.target.transport = LINK_TLS;
    rig->net.target.server_name = "broker.test";
}

void tls_rig_fini(struct tls_rig *rig)
{
    net_rig_fini(&rig->net);
    tls_peer_fini(&rig->peer);
    tls_context_free(rig->context);
    tls_authority_free(rig->authority);
}

void tls_rig_connect(struct tls_rig *rig)
{
    struct err err = {""};

    tls_context_free(rig->context);
    rig->context = tls_context_new(&rig->settings, &err);
    assert_string_equal(err.text, "");
    rig->net.target.tls = rig->context;
    if (rig->net.link == NULL) {
        net_rig_make(&rig->net);
    }
    net_rig_connect(&rig->net);
}

static bool peer_is_ready(struct net_rig *net)
{
    return link_is_up(net->link) && ((struct tls_peer *)net->peer_ctx)->ready;
}

void tls_rig_run(struct tls_rig *rig)
{
    tls_rig_connect(rig);
    net_rig_wait(&rig->net, peer_is_ready);
}
