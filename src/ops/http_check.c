/* Host and token of a request. For: DNS rebinding and bearer tokens. Not for: what is asked for
 * (ops/pages.c). */
#include "ops/http_check.h"

#include <string.h>
#include <strings.h>

/* The host without its port and brackets. */
static struct slice check_bare_host(const char *host)
{
    const char *end = strrchr(host, ':');
    const char *bracket = strchr(host, ']');

    if (host[0] == '[' && bracket != NULL) {
        return slice_make(host + 1, (size_t)(bracket - host) - 1);
    }
    if (end != NULL && strchr(host, ':') == end) {
        return slice_make(host, (size_t)(end - host));
    }
    return slice_of(host);
}

static bool check_is(struct slice host, const char *name)
{
    return strlen(name) == host.len && strncasecmp(host.data, name, host.len) == 0;
}

/* 127.0.0.0/8 as four numbers. */
static bool check_is_loopback4(struct slice host)
{
    size_t i;
    unsigned dots = 0;

    if (host.len < 9 || strncmp(host.data, "127.", 4) != 0) {
        return false;
    }
    for (i = 0; i < host.len; i++) {
        if (host.data[i] == '.') {
            dots++;
        } else if (host.data[i] < '0' || host.data[i] > '9') {
            return false;
        }
    }
    return dots == 3;
}

bool http_check_host(const struct http_options *options, const char *host)
{
    struct slice bare;
    size_t i;

    if (options->socket != NULL) {
        return true;
    }
    if (host == NULL) {
        return false;
    }
    bare = check_bare_host(host);
    if (check_is(bare, "localhost") || check_is(bare, "::1") || check_is_loopback4(bare) ||
        check_is(bare, options->address)) {
        return true;
    }
    for (i = 0; i < options->allow_count; i++) {
        if (check_is(bare, options->allow_hosts[i]) ||
            strcasecmp(host, options->allow_hosts[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool http_check_token(const char *token, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    const char *given;
    size_t len = strlen(token);
    size_t given_len;
    unsigned char difference;
    size_t i;

    if (authorization == NULL || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0) {
        return false;
    }
    given = authorization + sizeof(scheme) - 1;
    given_len = strlen(given);
    difference = given_len != len;
    for (i = 0; i < given_len; i++) {
        difference |= (unsigned char)(given[i] ^ token[i % len]);
    }
    return difference == 0;
}
