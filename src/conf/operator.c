/* HTTP and the control socket. For: the address to listen on, the token, and what is too long. Not
 * for: listening (ops/http_listen.c). */
#include "conf/operator.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "conf/secret.h"

enum { CONF_LISTEN_SIZE = 128, CONF_PORT_MAX = 65535 };

/* The port behind the last colon; -1: none, or out of range. */
static int conf_listen_port(const char *text)
{
    int port = 0;

    if (*text == '\0' || strlen(text) > 5) {
        return -1;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return -1;
        }
        port = port * 10 + (*text - '0');
    }
    return port <= CONF_PORT_MAX ? port : -1;
}

/* "127.0.0.1:9419", "[::1]:9419", "localhost:9419"; -1: it is none. */
static int conf_listen_parse(const char *listen, struct conf_http *http, char *host)
{
    const char *colon = strrchr(listen, ':');
    struct in6_addr address;
    size_t len = colon != NULL ? (size_t)(colon - listen) : 0;
    int port = colon != NULL ? conf_listen_port(colon + 1) : -1;

    if (port < 0 || len == 0 || len >= CONF_LISTEN_SIZE) {
        return -1;
    }
    snprintf(host, CONF_LISTEN_SIZE, "%.*s", (int)len, listen);
    http->port = (uint16_t)port;
    if (strcmp(host, "localhost") == 0) {
        snprintf(host, CONF_LISTEN_SIZE, "127.0.0.1");
    }
    if (host[0] != '[') {
        return inet_pton(AF_INET, host, &address) == 1 ? 0 : -1;
    }
    if (host[len - 1] != ']') {
        return -1;
    }
    memmove(host, host + 1, len - 2);
    host[len - 2] = '\0';
    http->ip6 = true;
    return inet_pton(AF_INET6, host, &address) == 1 ? 0 : -1;
}

void conf_http_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_http *http = base;
    const struct json_node *file = json_member(node, "token_file");
    char host[CONF_LISTEN_SIZE];

    if (http->listen == NULL) {
        return;
    }
    if (conf_listen_parse(http->listen, http, host) != 0) {
        conf_problem(loader, json_member(node, "listen"),
                     "an address and a port are wanted, such as \"127.0.0.1:9419\" or "
                     "\"[::1]:9419\"");
        return;
    }
    http->host = conf_memory_copy(loader->memory, slice_of(host));
    loader->out_of_memory |= http->host == NULL;
    if (http->token_file != NULL && !loader->from_memory) {
        http->token = conf_secret_read(loader, file, http->token_file, "a token");
    }
}

void conf_control_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    const struct conf_control *control = base;
    const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

    if (control->socket != NULL && strlen(control->socket) > most) {
        conf_problem(loader, json_member(node, "socket"),
                     "too long: with its directory the path has %zu octets, and a socket's has at "
                     "most %zu",
                     strlen(control->socket), most);
    }
}
