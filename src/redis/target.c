/* Addresses in turn. For: where to and when. Not for: connecting (net/link.c), noticing that it did
 * not work (connection.c). */
#include "redis/target.h"

#include <stdio.h>
#include <string.h>

void redis_target_init(struct redis_target *target, const struct conf_connection *conf,
                       const struct tls_context *tls)
{
    *target = (struct redis_target){.conf = conf, .tls = tls};
    backoff_init(&target->backoff, conf->reconnect_min_us, conf->reconnect_max_us);
}

const struct conf_url *redis_target_url(const struct redis_target *target)
{
    return &target->conf->urls[target->url];
}

static enum link_transport target_transport(enum conf_transport transport)
{
    switch (transport) {
    case CONF_TLS:
        return LINK_TLS;
    case CONF_UNIX:
        return LINK_UNIX;
    default:
        return LINK_TCP;
    }
}

void redis_target_link(const struct redis_target *target, struct link_target *out_link)
{
    const struct conf_url *url = redis_target_url(target);

    *out_link = (struct link_target){
        .transport = target_transport(url->transport),
        .host = url->host,
        .port = url->port,
        .path = url->path,
        .tls = target->tls,
        .server_name = target->conf->tls.server_name,
        .connect_timeout_us = target->conf->connect_timeout_us,
    };
}

void redis_target_where(const struct redis_target *target, char out_text[REDIS_WHERE_SIZE])
{
    const struct conf_url *url = redis_target_url(target);

    if (url->transport == CONF_UNIX) {
        snprintf(out_text, REDIS_WHERE_SIZE, "%s", url->path);
    } else if (strchr(url->host, ':') != NULL) {
        snprintf(out_text, REDIS_WHERE_SIZE, "[%s]:%u", url->host, (unsigned)url->port);
    } else {
        snprintf(out_text, REDIS_WHERE_SIZE, "%s:%u", url->host, (unsigned)url->port);
    }
}

void redis_target_good(struct redis_target *target, uint64_t now_us)
{
    target->tried = 0;
    backoff_good(&target->backoff, now_us);
}

uint64_t redis_target_lost(struct redis_target *target, struct rand *rand, uint64_t now_us)
{
    target->tried = 0;
    return backoff_next(&target->backoff, rand, now_us);
}

uint64_t redis_target_failed(struct redis_target *target, struct rand *rand, uint64_t now_us,
                             bool at_leisure)
{
    uint64_t longest = target->backoff.max_us;

    target->url = (target->url + 1) % target->conf->url_count;
    if (++target->tried < target->conf->url_count) {
        return target->backoff.min_us;
    }
    target->tried = 0;
    if (at_leisure) {
        return longest - rand_below(rand, longest / 2 + 1);
    }
    return backoff_next(&target->backoff, rand, now_us);
}
