/* HTTP over a unix socket, as little of it as chunnelctl needs: one request of HTTP/1.0, after
 * which the daemon closes. Not for: what is asked (the commands). */
#include "ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    CLIENT_SECONDS = 10,                  /* longest wait for an answer */
    CLIENT_ANSWER_MAX = 64 * 1024 * 1024, /* bytes */
    CLIENT_PIECE = 64 * 1024,
    CLIENT_VALUES_MAX = 4 * 1000 * 1000,
};

static int client_connect_error(const char *socket_path, int error, struct err *err)
{
    if (error == EACCES || error == EPERM) {
        err_set(err,
                "%s: permission denied; only the daemon's user and the socket's group may use it "
                "(`id` shows your groups)",
                socket_path);
        return EX_NOPERM;
    }
    err_set(err,
            "%s: %s; is the daemon running, with \"control\": {\"socket\": ...} in its "
            "configuration? --socket PATH names another socket",
            socket_path, strerror(error));
    return EX_UNAVAILABLE;
}

/* A connected descriptor, or -1, with the exit status in *out_status. */
static int client_connect(const char *socket_path, int *out_status, struct err *err)
{
    const struct timeval patience = {CLIENT_SECONDS, 0};
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = -1;

    if (strlen(socket_path) >= sizeof(to.sun_path)) {
        *out_status = client_connect_error(socket_path, ENAMETOOLONG, err);
        return -1;
    }
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", socket_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    }
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        *out_status = client_connect_error(socket_path, errno, err);
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

/* All that comes until the daemon closes; -1 and errno. */
static int client_read(int fd, struct strbuf *out)
{
    for (;;) {
        char *room = strbuf_reserve(out, CLIENT_PIECE);
        ssize_t got;

        if (room == NULL || out->len > CLIENT_ANSWER_MAX) {
            errno = ENOMEM;
            return -1;
        }
        got = read(fd, room, CLIENT_PIECE);
        if (got == 0) {
            return 0;
        }
        if (got > 0) {
            strbuf_commit(out, (size_t)got);
        } else if (errno != EINTR) {
            return -1;
        }
    }
}

/* Takes head and body apart. */
static int client_parse(const char *socket_path, const struct strbuf *raw, struct reply *reply,
                        struct err *err)
{
    static const struct json_limits limits = {
        .bytes = CLIENT_ANSWER_MAX, .values = CLIENT_VALUES_MAX, .depth = 32};
    const char *text = strbuf_text(raw);
    const char *body = strstr(text, "\r\n\r\n");
    char *end = NULL;

    if (strncmp(text, "HTTP/1.", 7) == 0 && strlen(text) > 12 && body != NULL) {
        reply->status = (int)strtol(text + 9, &end, 10);
    }
    if (reply->status < 100 || reply->status > 599) {
        err_set(err, "%s: what answers there is no chunneld", socket_path);
        return EX_PROTOCOL;
    }
    body += 4;
    strbuf_append(&reply->text, body, raw->len - (size_t)(body - text));
    if (strbuf_failed(&reply->text)) {
        err_set(err, "out of memory");
        return EX_OSERR;
    }
    reply->json = json_parse(strbuf_slice(&reply->text), &limits, NULL);
    return EX_OK;
}

int client_ask(const char *socket_path, const char *method, const char *path,
               struct reply *out_reply, struct err *err)
{
    struct strbuf request = STRBUF_INIT;
    struct strbuf raw = STRBUF_INIT;
    int status = EX_OK;
    int fd = client_connect(socket_path, &status, err);

    if (fd < 0) {
        return status;
    }
    strbuf_append_format(&request, "%s %s HTTP/1.0\r\nContent-Length: 0\r\n\r\n", method, path);
    if (strbuf_failed(&request) || send(fd, request.data, request.len, MSG_NOSIGNAL) < 0 ||
        client_read(fd, &raw) != 0) {
        status = errno == EAGAIN || errno == EWOULDBLOCK ? EX_TEMPFAIL : EX_PROTOCOL;
        err_set_errno(err, errno, "%s: no answer from the daemon", socket_path);
    } else {
        status = client_parse(socket_path, &raw, out_reply, err);
    }
    strbuf_fini(&request);
    strbuf_fini(&raw);
    close(fd);
    return status;
}

void reply_fini(struct reply *reply)
{
    json_free(reply->json);
    strbuf_fini(&reply->text);
    *reply = (struct reply){0};
}
