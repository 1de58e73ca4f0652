/* The sockets that the HTTP server listens on. For: opening them, and saying what to do where that
 * fails. Not for: accepting (http_clients.c). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ops/http_private.h"

enum { LISTEN_BACKLOG = 128, LISTEN_MODE = 0660 };

/* An address of either family, and its length. */
struct listen_address {
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } to;
    socklen_t len;
};

static void listen_address_set(const struct http_options *options, struct listen_address *address)
{
    memset(address, 0, sizeof(*address));
    if (options->ip6) {
        address->to.ip6.sin6_family = AF_INET6;
        address->to.ip6.sin6_port = htons(options->port);
        inet_pton(AF_INET6, options->address, &address->to.ip6.sin6_addr);
        address->len = sizeof(address->to.ip6);
    } else {
        address->to.ip4.sin_family = AF_INET;
        address->to.ip4.sin_port = htons(options->port);
        inet_pton(AF_INET, options->address, &address->to.ip4.sin_addr);
        address->len = sizeof(address->to.ip4);
    }
}

/* The words for what bind() or listen() said of an address. */
static int listen_tcp_error(const struct http_options *options, int error, struct err *err)
{
    switch (error) {
    case EADDRINUSE:
        return err_set(err,
                       "http.listen: %s port %u is taken by another process; `ss -ltnp` shows "
                       "which: stop it, or choose another port",
                       options->address, (unsigned)options->port);
    case EADDRNOTAVAIL:
        return err_set(err,
                       "http.listen: this machine has no address %s; use one of `ip address`, or "
                       "127.0.0.1",
                       options->address);
    case EACCES:
        return err_set(err, "http.listen: port %u is for privileged processes; use one above 1023",
                       (unsigned)options->port);
    default:
        return err_set_errno(err, error, "http.listen: %s port %u", options->address,
                             (unsigned)options->port);
    }
}

static int listen_tcp(struct http_server *server, struct err *err)
{
    const struct http_options *options = &server->options;
    struct listen_address address;
    int on = 1;
    int fd;

    listen_address_set(options, &address);
    fd = socket(address.to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return listen_tcp_error(options, errno, err);
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    /* What is accepted has it too. An answer in pieces would wait 40 ms for the peer's late ACK. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (options->ip6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(fd, &address.to.any, address.len) != 0 || listen(fd, LISTEN_BACKLOG) != 0 ||
        getsockname(fd, &address.to.any, &address.len) != 0) {
        listen_tcp_error(options, errno, err);
        close(fd);
        return -1;
    }
    server->port = ntohs(options->ip6 ? address.to.ip6.sin6_port : address.to.ip4.sin_port);
    return fd;
}

/* Whether somebody listens on the socket; if it is a left-over, it is removed. 0: the way is free.
 */
static int listen_clear_way(const struct sockaddr_un *to, struct err *err)
{
    struct stat file;
    int result = -1;
    int fd;

    if (lstat(to->sun_path, &file) != 0) {
        return 0; /* what is wrong beside is said by bind() */
    }
    if (!S_ISSOCK(file.st_mode)) {
        return err_set(err,
                       "control.socket: %s is there and is no socket; remove it, or choose "
                       "another path",
                       to->sun_path);
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0 &&
        errno == ECONNREFUSED) {
        result = unlink(to->sun_path);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (result != 0) {
        return err_set(err,
                       "control.socket: another daemon has %s; stop it, or give each its own "
                       "socket",
                       to->sun_path);
    }
    return 0;
}

/* Gives the socket to its group and opens it for that. */
static int listen_set_owner(const struct http_options *options, struct err *err)
{
    const struct group *group;

    if (options->group != NULL) {
        group = getgrnam(options->group);
        if (group == NULL) {
            return err_set(err, "control.group: there is no group %s; make it with groupadd",
                           options->group);
        }
        if (chown(options->socket, (uid_t)-1, group->gr_gid) != 0) {
            return err_set_errno(err, errno,
                                 "control.group: %s cannot be given to the group %s; the daemon "
                                 "must run as root or be a member",
                                 options->socket, options->group);
        }
    }
    if (chmod(options->socket, LISTEN_MODE) != 0) {
        return err_set_errno(err, errno, "control.socket: %s", options->socket);
    }
    return 0;
}

static int listen_unix(struct http_server *server, struct err *err)
{
    const struct http_options *options = &server->options;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd;

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", options->socket);
    if (listen_clear_way(&to, err) != 0) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_set_errno(err, errno, "control.socket: %s", options->socket);
    }
    /* Nobody else may before its group is set. */
    fchmod(fd, S_IRUSR | S_IWUSR);
    if (bind(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        err_set_errno(err, errno,
                      "control.socket: %s cannot be made; its directory must be there and writable "
                      "for the daemon",
                      options->socket);
        close(fd);
        return -1;
    }
    server->made_socket = lstat(options->socket, &server->socket_file) == 0;
    if (listen_set_owner(options, err) != 0) {
        close(fd);
        return -1;
    }
    if (listen(fd, LISTEN_BACKLOG) != 0) {
        err_set_errno(err, errno, "control.socket: %s", options->socket);
        close(fd);
        return -1;
    }
    return fd;
}

int http_listen(struct http_server *server, struct err *err)
{
    return server->options.socket != NULL ? listen_unix(server, err) : listen_tcp(server, err);
}

void http_listen_end(struct http_server *server)
{
    struct stat now;

    if (server->made_socket && lstat(server->options.socket, &now) == 0 &&
        now.st_ino == server->socket_file.st_ino && now.st_dev == server->socket_file.st_dev) {
        unlink(server->options.socket);
    }
}
