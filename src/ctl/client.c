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

/* Reads what there is, waiting for something; 0: the daemon has closed; -1 and errno. */
static ssize_t client_read_more(int fd, struct strbuf *out)
{
    char *room = strbuf_reserve(out, CLIENT_PIECE);
    ssize_t got;

    if (room == NULL || out->len > CLIENT_ANSWER_MAX) {
        errno = ENOMEM;
        return -1;
    }
    do {
        got = read(fd, room, CLIENT_PIECE);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        strbuf_commit(out, (size_t)got);
    }
    return got;
}

/* All that comes until the daemon closes; -1 and errno. */
static int client_read(int fd, struct strbuf *out)
{
    ssize_t got;

    do {
        got = client_read_more(fd, out);
    } while (got > 0);
    return (int)got;
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

/* Hands over the whole lines of `text`, and keeps what is behind them; else than 0: on_line's. */
static int client_take_lines(struct strbuf *text, int (*on_line)(void *ctx, char *line), void *ctx)
{
    char *line = text->data;
    char *end;
    int result = 0;

    while (result == 0 && text->len > 0 &&
           (end = memchr(line, '\n', text->len - (size_t)(line - text->data))) != NULL) {
        *end = '\0';
        result = on_line(ctx, line);
        line = end + 1;
    }
    if (line != text->data) {
        size_t rest = text->len - (size_t)(line - text->data);

        memmove(text->data, line, rest);
        strbuf_truncate(text, rest);
    }
    return result;
}

/* Reads the head, and behind it the body as it comes. */
static int client_read_lines(int fd, const char *socket_path, int (*on_line)(void *ctx, char *line),
                             void *ctx, struct reply *reply, struct err *err)
{
    struct strbuf raw = STRBUF_INIT;
    ssize_t got = 1;
    int status;

    while (strstr(strbuf_text(&raw), "\r\n\r\n") == NULL &&
           (got = client_read_more(fd, &raw)) > 0) {
    }
    status = client_parse(socket_path, &raw, reply, err);
    if (status == EX_OK && reply->status >= 400) {
        got = client_read(fd, &raw);
        reply_fini(reply);
        status = client_parse(socket_path, &raw, reply, err);
    } else if (status == EX_OK) {
        while (got > 0 && client_take_lines(&reply->text, on_line, ctx) == 0) {
            got = client_read_more(fd, &reply->text);
        }
    }
    if (got < 0) {
        status = errno == EAGAIN || errno == EWOULDBLOCK ? EX_TEMPFAIL : EX_PROTOCOL;
        err_set_errno(err, errno, "%s: the daemon says nothing any more", socket_path);
    }
    strbuf_fini(&raw);
    return status;
}

int client_follow(const char *socket_path, const char *method, const char *path,
                  int (*on_line)(void *ctx, char *line), void *ctx, struct reply *out_reply,
                  struct err *err)
{
    struct strbuf request = STRBUF_INIT;
    int status = EX_OK;
    int fd = client_connect(socket_path, &status, err);

    if (fd < 0) {
        return status;
    }
    strbuf_append_format(&request, "%s %s HTTP/1.0\r\nContent-Length: 0\r\n\r\n", method, path);
    if (strbuf_failed(&request) || send(fd, request.data, request.len, MSG_NOSIGNAL) < 0) {
        status = EX_PROTOCOL;
        err_set_errno(err, errno, "%s: the daemon takes no request", socket_path);
    } else {
        status = client_read_lines(fd, socket_path, on_line, ctx, out_reply, err);
    }
    strbuf_fini(&request);
    close(fd);
    return status;
}

void reply_fini(struct reply *reply)
{
    json_free(reply->json);
    strbuf_fini(&reply->text);
    *reply = (struct reply){0};
}
