/* Requests and answers of the HTTP server. For: what must be right of every request, headers, and
 * answers that are made piece by piece. Not for: their content (the handler's). */
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "ops/http_check.h"
#include "ops/http_private.h"

/* The page's own files only, and nobody may frame it. */
#define HTTP_POLICY                                                                                \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static const char *answer_method(struct evhttp_request *request)
{
    switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET:
    case EVHTTP_REQ_HEAD:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    default:
        return "";
    }
}

static void answer_set_headers(struct evhttp_request *request, const struct http_answer *answer)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

    evhttp_add_header(headers, "Content-Type",
                      answer->type != NULL ? answer->type : "text/plain; charset=utf-8");
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_add_header(headers, "Content-Security-Policy", HTTP_POLICY);
    evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    evhttp_add_header(headers, "X-Frame-Options", "DENY");
    evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
    evhttp_add_header(headers, "Cross-Origin-Resource-Policy", "same-origin");
    if (answer->allow != NULL) {
        evhttp_add_header(headers, "Allow", answer->allow);
    }
    if (answer->status == 401) {
        evhttp_add_header(headers, "WWW-Authenticate", "Bearer realm=\"chunneld\"");
    }
}

static void answer_free_text(const void *data, size_t len, void *ctx)
{
    (void)data;
    (void)len;
    free(ctx);
}

/* Hands the text over to a buffer, without a copy. NULL: out of memory. */
static struct evbuffer *answer_buffer(struct strbuf *text)
{
    struct evbuffer *buffer = evbuffer_new();
    size_t len = text->len;
    char *data;

    if (buffer == NULL || strbuf_failed(text)) {
        goto fail;
    }
    if (len == 0) {
        return buffer;
    }
    data = strbuf_detach(text);
    if (data == NULL) {
        goto fail;
    }
    if (evbuffer_add_reference(buffer, data, len, answer_free_text, data) != 0) {
        free(data);
        goto fail;
    }
    return buffer;

fail:
    if (buffer != NULL) {
        evbuffer_free(buffer);
    }
    return NULL;
}

void http_answer_end_source(struct http_client *client)
{
    struct evhttp_request *asked = client->asked;
    const struct http_source *source = client->source;

    client->asked = NULL;
    client->source = NULL;
    if (source != NULL) {
        source->free(client->source_ctx);
    }
    if (asked != NULL && evhttp_request_get_connection(asked) == NULL) {
        evhttp_send_reply_end(asked); /* evhttp let go of it: this frees it */
    }
}

/* evhttp frees the connection. */
static void answer_on_close(struct evhttp_connection *connection, void *ctx)
{
    (void)connection;
    http_answer_end_source(ctx);
}

static void answer_on_written(struct evhttp_connection *connection, void *ctx)
{
    struct http_client *client = ctx;

    (void)connection;
    if (client->asked != NULL && client->state == HTTP_ANSWERING) {
        http_answer_pull(client);
    }
}

static void answer_on_complete(struct evhttp_request *request, void *ctx)
{
    struct http_client *client = ctx;

    (void)request;
    if (client->state != HTTP_LEAVING) {
        http_client_set(client, HTTP_ASKING);
    }
}

void http_answer_pull(struct http_client *client)
{
    struct evhttp_request *asked = client->asked;
    struct strbuf text = STRBUF_INIT;
    enum http_more more = client->source->next(client->source_ctx, &text);
    bool empty = text.len == 0;
    struct evbuffer *piece = answer_buffer(&text);

    strbuf_fini(&text);
    if (piece == NULL || more == HTTP_CUT) {
        http_client_close(client);
    } else {
        /* What waits is asked again only once it has written all. */
        http_client_set(client, more == HTTP_WAIT && empty ? HTTP_WAITING : HTTP_ANSWERING);
        evhttp_send_reply_chunk_with_cb(asked, piece, answer_on_written, client);
        if (more == HTTP_END) {
            http_answer_end_source(client);
            evhttp_send_reply_end(asked);
        } else if (empty && more == HTTP_MORE) {
            http_client_close(client); /* a source that says nothing would never be asked again */
        }
    }
    if (piece != NULL) {
        evbuffer_free(piece);
    }
}

/* The phrases that evhttp lacks, or has none for. */
static const char *answer_phrase(int status)
{
    return status == 421   ? "Misdirected Request"
           : status == 409 ? "Conflict"
           : status == 422 ? "Unprocessable Content"
                           : NULL;
}

static void answer_send(struct http_client *client, struct evhttp_request *request,
                        struct http_answer *answer)
{
    struct evbuffer *body;

    answer_set_headers(request, answer);
    http_client_set(client, HTTP_ANSWERING);
    evhttp_request_set_on_complete_cb(request, answer_on_complete, client);
    if (answer->source != NULL && evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
        client->asked = request;
        client->source = answer->source;
        client->source_ctx = answer->source_ctx;
        answer->source = NULL;
        evhttp_connection_set_closecb(evhttp_request_get_connection(request), answer_on_close,
                                      client);
        evhttp_send_reply_start(request, answer->status, NULL);
        http_answer_pull(client);
        return;
    }
    body = answer_buffer(&answer->body);
    if (body == NULL) {
        evhttp_send_reply(request, 503, NULL, NULL);
        return;
    }
    evhttp_send_reply(request, answer->status, answer_phrase(answer->status), body);
    evbuffer_free(body);
}

/* What must be right whatever is asked for; false: the answer says what is not. */
static bool answer_check(const struct http_server *server, struct evhttp_request *request,
                         const char *path, struct http_answer *answer)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    const struct http_options *options = &server->options;
    const char *method = answer_method(request);
    bool open = strcmp(path, "/healthz") == 0 || strcmp(path, "/readyz") == 0;

    if (!http_check_host(options, evhttp_find_header(headers, "Host"))) {
        answer->status = 421;
        strbuf_append_text(
            &answer->body,
            "This host name is not one of the daemon's. Use localhost or the address "
            "listened on, or add the name to http.allow_hosts.\n");
        return false;
    }
    if (options->token != NULL && !open &&
        !http_check_token(options->token, evhttp_find_header(headers, "Authorization"))) {
        answer->status = 401;
        strbuf_append_text(&answer->body,
                           "A token is wanted here: \"Authorization: Bearer TOKEN\", with the "
                           "content of http.token_file.\n");
        return false;
    }
    if (strcmp(method, "GET") != 0 && (options->socket == NULL || method[0] == '\0')) {
        answer->status = HTTP_BADMETHOD;
        answer->allow = options->socket != NULL ? "GET, HEAD, POST" : "GET, HEAD";
        strbuf_append_text(&answer->body, "Only GET and HEAD are understood here; what changes "
                                          "something goes over the control socket.\n");
        return false;
    }
    return true;
}

/* "//stats" is no page: what it names as a host, without a scheme, belongs to the path. */
static const char *answer_path(struct evhttp_request *request, const struct evhttp_uri *uri)
{
    const char *path = evhttp_uri_get_path(uri);

    if (evhttp_uri_get_scheme(uri) == NULL && evhttp_uri_get_host(uri) != NULL) {
        return evhttp_request_get_uri(request);
    }
    return path != NULL && path[0] != '\0' ? path : "/";
}

static void answer_make(struct http_server *server, struct evhttp_request *request,
                        struct http_answer *answer)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    const char *query = evhttp_uri_get_query(uri);
    size_t len = evbuffer_get_length(input);
    struct http_ask ask = {
        .method = answer_method(request),
        .path = answer_path(request, uri),
        .query = query != NULL ? query : "",
        .may_change = server->options.socket != NULL,
        .body = slice_make(evbuffer_pullup(input, -1), len),
    };

    if (answer_check(server, request, ask.path, answer)) {
        server->handle(server->ctx, &ask, answer);
    }
    if (answer->source != NULL && http_clients_streams(server) >= HTTP_STREAMS_MAX) {
        answer->source->free(answer->source_ctx);
        answer->source = NULL;
        answer->status = HTTP_SERVUNAVAIL;
        strbuf_append_text(&answer->body, "Too many answers are under way: try again later.\n");
    }
}

void http_answer_on_request(struct evhttp_request *request, void *ctx)
{
    struct http_server *server = ctx;
    struct http_client *client = http_client_of(server, request);
    struct http_answer answer = {.status = HTTP_OK};

    if (client == NULL) { /* memory was out when it came */
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    answer_make(server, request, &answer);
    answer_send(client, request, &answer);
    if (answer.source != NULL) { /* HEAD */
        answer.source->free(answer.source_ctx);
    }
    strbuf_fini(&answer.body);
}
