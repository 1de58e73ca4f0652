/* The scripted Redis server; see the header. */
#include "redis_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/strbuf.h"

enum { PEER_ARGS_MAX = 8, PEER_ANSWERS_MAX = 16 };

struct peer_client {
    TAILQ_ENTRY(peer_client) link;
    int fd;
    struct strbuf in;  /* read and not yet understood */
    struct strbuf out; /* not yet sent */
    size_t sent;       /* of out */
    unsigned subscriptions;
};

struct peer_answer {
    char beginning[64];
    char *bytes;
};

struct redis_peer {
    int fd; /* listening; -1: shut */
    uint16_t port;
    size_t piece;
    bool frozen;
    const char *role;
    struct strbuf log;
    struct peer_answer answers[PEER_ANSWERS_MAX];
    size_t answer_count;
    TAILQ_HEAD(, peer_client) clients;
};

static void die(const char *what)
{
    perror(what);
    abort();
}

static void peer_listen(struct redis_peer *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(peer->port)};
    socklen_t len = sizeof(address);
    int one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(peer->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(peer->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(peer->fd, 16) != 0 ||
        getsockname(peer->fd, (struct sockaddr *)&address, &len) != 0) {
        die("scripted peer");
    }
    peer->port = ntohs(address.sin_port);
}

struct redis_peer *redis_peer_new(void)
{
    struct redis_peer *peer = calloc(1, sizeof(*peer));

    if (peer == NULL) {
        die("scripted peer");
    }
    TAILQ_INIT(&peer->clients);
    peer->role = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
    peer_listen(peer);
    return peer;
}

static void peer_close(struct redis_peer *peer, struct peer_client *client, bool reset)
{
    struct linger linger = {1, 0};

    if (reset) {
        setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    close(client->fd);
    TAILQ_REMOVE(&peer->clients, client, link);
    strbuf_fini(&client->in);
    strbuf_fini(&client->out);
    free(client);
}

void redis_peer_drop(struct redis_peer *peer, bool reset)
{
    struct peer_client *client;

    while ((client = TAILQ_FIRST(&peer->clients)) != NULL) {
        peer_close(peer, client, reset);
    }
}

void redis_peer_free(struct redis_peer *peer)
{
    redis_peer_drop(peer, false);
    redis_peer_shut(peer, true);
    redis_peer_forget_answers(peer);
    strbuf_fini(&peer->log);
    free(peer);
}

uint16_t redis_peer_port(const struct redis_peer *peer)
{
    return peer->port;
}

void redis_peer_shut(struct redis_peer *peer, bool shut)
{
    if (shut && peer->fd >= 0) {
        close(peer->fd);
        peer->fd = -1;
    } else if (!shut && peer->fd < 0) {
        peer_listen(peer);
    }
}

const char *redis_peer_log(const struct redis_peer *peer)
{
    return strbuf_text(&peer->log);
}

void redis_peer_clear_log(struct redis_peer *peer)
{
    strbuf_reset(&peer->log);
}

unsigned redis_peer_count(const struct redis_peer *peer, const char *beginning)
{
    const char *line = strbuf_text(&peer->log);
    unsigned count = 0;

    while (*line != '\0') {
        count += strncmp(line, beginning, strlen(beginning)) == 0;
        line = strchr(line, '\n') + 1;
    }
    return count;
}

void redis_peer_answer(struct redis_peer *peer, const char *beginning, const char *bytes)
{
    struct peer_answer *answer = &peer->answers[peer->answer_count++];

    if (peer->answer_count > PEER_ANSWERS_MAX) {
        die("too many scripted answers");
    }
    snprintf(answer->beginning, sizeof(answer->beginning), "%s", beginning);
    answer->bytes = strdup(bytes);
}

void redis_peer_forget_answers(struct redis_peer *peer)
{
    while (peer->answer_count > 0) {
        free(peer->answers[--peer->answer_count].bytes);
    }
}

void redis_peer_set_role(struct redis_peer *peer, const char *bytes)
{
    peer->role = bytes;
}

void redis_peer_send(struct redis_peer *peer, struct slice bytes)
{
    struct peer_client *client;

    TAILQ_FOREACH(client, &peer->clients, link) {
        strbuf_append_slice(&client->out, bytes);
    }
}

void redis_peer_push(struct redis_peer *peer, struct slice bytes)
{
    struct peer_client *client;

    TAILQ_FOREACH(client, &peer->clients, link) {
        if (client->subscriptions > 0) {
            strbuf_append_slice(&client->out, bytes);
        }
    }
}

void redis_peer_push_message(struct redis_peer *peer, struct slice channel, struct slice body)
{
    struct strbuf bytes = STRBUF_INIT;

    strbuf_append_format(&bytes, "*3\r\n$7\r\nmessage\r\n$%zu\r\n", channel.len);
    strbuf_append_slice(&bytes, channel);
    strbuf_append_format(&bytes, "\r\n$%zu\r\n", body.len);
    strbuf_append_slice(&bytes, body);
    strbuf_append_text(&bytes, "\r\n");
    redis_peer_push(peer, strbuf_slice(&bytes));
    strbuf_fini(&bytes);
}

void redis_peer_set_piece(struct redis_peer *peer, size_t bytes)
{
    peer->piece = bytes;
}

void redis_peer_freeze(struct redis_peer *peer, bool frozen)
{
    peer->frozen = frozen;
}

size_t redis_peer_clients(const struct redis_peer *peer)
{
    const struct peer_client *client;
    size_t count = 0;

    TAILQ_FOREACH(client, &peer->clients, link) {
        count++;
    }
    return count;
}

unsigned redis_peer_subscriptions(const struct redis_peer *peer)
{
    const struct peer_client *client;
    unsigned count = 0;

    TAILQ_FOREACH(client, &peer->clients, link) {
        count += client->subscriptions;
    }
    return count;
}

static bool is(struct slice word, const char *name)
{
    return word.len == strlen(name) && strncasecmp(word.data, name, word.len) == 0;
}

/* What a subscribe command and its kin are answered with. */
static void answer_subscription(struct peer_client *client, const char *word, struct slice name,
                                int change)
{
    client->subscriptions += (unsigned)change;
    strbuf_append_format(&client->out, "*3\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(word), word,
                         name.len);
    strbuf_append_slice(&client->out, name);
    strbuf_append_format(&client->out, "\r\n:%u\r\n", client->subscriptions);
}

static void answer_as_a_server(const struct redis_peer *peer, struct peer_client *client,
                               const struct slice *args, size_t count)
{
    static const char *const words[] = {"subscribe", "psubscribe", "unsubscribe", "punsubscribe"};
    size_t i;

    for (i = 0; i < 4; i++) {
        if (count == 2 && is(args[0], words[i])) {
            answer_subscription(client, words[i], args[1], i < 2 ? 1 : -1);
            return;
        }
    }
    if (is(args[0], "PUBLISH")) {
        strbuf_append_text(&client->out, ":1\r\n");
    } else if (is(args[0], "PING")) {
        strbuf_append_text(&client->out, client->subscriptions > 0
                                             ? "*2\r\n$4\r\npong\r\n$0\r\n\r\n"
                                             : "+PONG\r\n");
    } else if (is(args[0], "ROLE")) {
        strbuf_append_text(&client->out, peer->role);
    } else if (count == 2 && is(args[0], "CLIENT") && is(args[1], "ID")) {
        strbuf_append_text(&client->out, ":7\r\n");
    } else {
        strbuf_append_text(&client->out, "+OK\r\n");
    }
}

static void peer_take_command(struct redis_peer *peer, struct peer_client *client,
                              const struct slice *args, size_t count)
{
    size_t begin = peer->log.len;
    size_t i;

    for (i = 0; i < count; i++) {
        strbuf_append_text(&peer->log, i == 0 ? "" : " ");
        strbuf_append_slice(&peer->log, args[i]);
    }
    for (i = peer->answer_count; i > 0; i--) {
        const struct peer_answer *answer = &peer->answers[i - 1];

        if (strncmp(peer->log.data + begin, answer->beginning, strlen(answer->beginning)) == 0) {
            strbuf_append_text(&client->out, answer->bytes);
            break;
        }
    }
    if (i == 0) {
        answer_as_a_server(peer, client, args, count);
    }
    strbuf_append_char(&peer->log, '\n');
}

/* Reads "<sign>number\r\n" at *at; false: not all there. */
static bool read_header(const struct strbuf *in, size_t *at, char sign, size_t *out_number)
{
    char *end = memchr(in->data + *at, '\n', in->len - *at);

    if (end == NULL) {
        return false;
    }
    if (in->data[*at] != sign) {
        die("the scripted peer was sent no command");
    }
    *out_number = strtoul(in->data + *at + 1, NULL, 10);
    *at = (size_t)(end + 1 - in->data);
    return true;
}

/* Takes one command out of what came in; false: there is no whole one. */
static bool peer_read_command(struct redis_peer *peer, struct peer_client *client, size_t *at)
{
    struct slice args[PEER_ARGS_MAX];
    size_t next = *at;
    size_t count, len, i;

    if (client->in.len == next || !read_header(&client->in, &next, '*', &count)) {
        return false;
    }
    if (count > PEER_ARGS_MAX) {
        die("a command of too many words for the scripted peer");
    }
    for (i = 0; i < count; i++) {
        if (client->in.len <= next || !read_header(&client->in, &next, '$', &len) ||
            client->in.len - next < len + 2) {
            return false;
        }
        args[i] = slice_make(client->in.data + next, len);
        next += len + 2;
    }
    *at = next;
    peer_take_command(peer, client, args, count);
    return true;
}

/* Reads what there is; false: the client is gone. */
static bool peer_read(struct redis_peer *peer, struct peer_client *client)
{
    size_t at = 0;
    ssize_t got;

    do {
        char *room = strbuf_reserve(&client->in, 65536);

        got = read(client->fd, room, 65536);
        if (got > 0) {
            strbuf_commit(&client->in, (size_t)got);
        }
    } while (got > 0);
    if (got == 0 || errno != EAGAIN) {
        return false;
    }
    while (peer_read_command(peer, client, &at)) {
    }
    if (at > 0) {
        memmove(client->in.data, client->in.data + at, client->in.len - at);
        strbuf_truncate(&client->in, client->in.len - at);
    }
    return true;
}

static void peer_write(struct redis_peer *peer, struct peer_client *client)
{
    size_t left = client->out.len - client->sent;
    ssize_t done;

    if (peer->piece > 0 && left > peer->piece) {
        left = peer->piece;
    }
    done = left > 0 ? write(client->fd, client->out.data + client->sent, left) : 0;
    if (done > 0) {
        client->sent += (size_t)done;
    }
    if (client->sent == client->out.len) {
        strbuf_reset(&client->out);
        client->sent = 0;
    }
}

static void peer_accept(struct redis_peer *peer)
{
    struct peer_client *client;
    int one = 1;
    int fd;

    while (peer->fd >= 0 && (fd = accept(peer->fd, NULL, NULL)) >= 0) {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        client = calloc(1, sizeof(*client));
        if (client == NULL) {
            die("scripted peer");
        }
        client->fd = fd;
        TAILQ_INSERT_TAIL(&peer->clients, client, link);
    }
}

void redis_peer_poll(struct redis_peer *peer)
{
    struct peer_client *client, *next;

    if (peer->frozen) {
        return;
    }
    peer_accept(peer);
    for (client = TAILQ_FIRST(&peer->clients); client != NULL; client = next) {
        next = TAILQ_NEXT(client, link);
        if (!peer_read(peer, client)) {
            peer_close(peer, client, false);
        } else {
            peer_write(peer, client);
        }
    }
}
