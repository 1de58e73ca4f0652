/* The two ends of a call on the Redis side: asks one thing at a time by an envelope with a reply
 * channel and measures how long each answer takes, or (--work) answers with a body.
 *
 * It reads of an envelope what it needs, and so only envelopes without escapes in reply_to.
 * Neighbours: amqp_call.c (the same on AMQP), rtt.c (the times). */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "body.h"
#include "rtt.h"

enum { ANSWER_TIMEOUT_S = 10, CONNECT_TIMEOUT_S = 10, NAME_SIZE = 256 };

struct caller {
    uint64_t port;
    uint64_t calls;
    uint64_t size;
    const char *channel;
    bool work;
    redisContext *publishing;
    redisContext *subscribed;
    char *body; /* of answers and requests */
};

static redisContext *connect_redis(uint64_t port)
{
    struct timeval timeout = {CONNECT_TIMEOUT_S, 0};
    redisContext *redis = redisConnectWithTimeout("127.0.0.1", (int)port, timeout);
    if (!redis || redis->err)
        die("redis: %s", redis ? redis->errstr : "out of memory");
    return redis;
}

static void subscribe(const struct caller *caller, const char *channel)
{
    redisReply *reply = redisCommand(caller->subscribed, "SUBSCRIBE %s", channel);
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        die("cannot subscribe");
    freeReplyObject(reply);
}

/* The next message; the caller frees it. */
static redisReply *take(const struct caller *caller)
{
    void *reply;
    if (redisGetReply(caller->subscribed, &reply) != REDIS_OK)
        die("redis: %s", caller->subscribed->errstr);
    redisReply *message = reply;
    if (message->type != REDIS_REPLY_ARRAY || message->elements != 3)
        die("not a published message");
    return message;
}

/* take_reply() takes what Redis says to it: that is not what is waited for first. */
static void publish(const struct caller *caller, const char *channel, const char *body, size_t size)
{
    int done = 0;
    if (redisAppendCommand(caller->publishing, "PUBLISH %s %b", channel, body, size) != REDIS_OK)
        die("redis: %s", caller->publishing->errstr);
    while (!done)
        if (redisBufferWrite(caller->publishing, &done) != REDIS_OK)
            die("redis: %s", caller->publishing->errstr);
}

static void take_reply(const struct caller *caller)
{
    void *reply;
    if (redisGetReply(caller->publishing, &reply) != REDIS_OK)
        die("redis: %s", caller->publishing->errstr);
    freeReplyObject(reply);
}

static void read_reply_to(const redisReply *request, char name[NAME_SIZE])
{
    const char *found = strstr(request->element[2]->str, "\"reply_to\"");
    if (!found || sscanf(found, "\"reply_to\" : \"%255[^\"]\"", name) != 1)
        die("a request without reply_to");
}

/* Until the runner ends it. */
static _Noreturn void work(const struct caller *caller)
{
    char name[NAME_SIZE];
    subscribe(caller, caller->channel);
    puts("ready");
    fflush(stdout);
    for (;;) {
        redisReply *request = take(caller);
        read_reply_to(request, name);
        publish(caller, name, caller->body, caller->size);
        take_reply(caller);
        freeReplyObject(request);
    }
}

static void ask(const struct caller *caller, struct rtt *rtt)
{
    struct timeval timeout = {ANSWER_TIMEOUT_S, 0};
    char name[NAME_SIZE];
    size_t most = caller->size + 2 * NAME_SIZE;
    char *request = malloc(most);
    if (!request)
        die("out of memory");
    snprintf(name, sizeof(name), "answers.%ld", (long)getpid());
    subscribe(caller, name);
    redisSetTimeout(caller->subscribed, timeout);
    for (uint64_t number = 0; number < caller->calls; number++) {
        uint64_t begin = clock_ns();
        int size = snprintf(request, most,
                            "{\"body\": \"%.*s\", \"properties\": {\"reply_to\": \"%s\", "
                            "\"correlation_id\": \"%llu\"}}",
                            (int)caller->size, caller->body, name, (unsigned long long)number);
        publish(caller, caller->channel, request, (size_t)size);
        redisReply *answer = take(caller);
        rtt_add(rtt, clock_ns() - begin);
        take_reply(caller);
        if (!strstr(answer->element[2]->str, "abcdefghij") ||
            strstr(answer->element[2]->str, "\"error\""))
            die("not the answer: %s", answer->element[2]->str);
        freeReplyObject(answer);
    }
    free(request);
}

int main(int argc, char **argv)
{
    struct caller caller = {.port = 6379, .calls = 1000, .size = 100, .channel = "bench"};
    struct rtt rtt = {0};
    const struct arg table[] = {{"port", "of Redis on 127.0.0.1", &caller.port, 0, 0},
                                {"channel", "of the requests", 0, &caller.channel, 0},
                                {"calls", "to make, one at a time", &caller.calls, 0, 0},
                                {"size", "bytes of a body", &caller.size, 0, 0},
                                {"work", "answer calls, until ended", 0, 0, &caller.work},
                                {0, 0, 0, 0, 0}};
    args_parse(argc, argv, "makes calls one at a time, or answers them", table);
    if (caller.size < 26 || caller.size > BODY_MAX_SIZE)
        die("--size must be 26 to %d", BODY_MAX_SIZE);
    caller.body = malloc(caller.size);
    if (!caller.body)
        die("out of memory");
    body_prepare(caller.body, caller.size);
    caller.publishing = connect_redis(caller.port);
    caller.subscribed = connect_redis(caller.port);
    if (caller.work)
        work(&caller);
    ask(&caller, &rtt);
    rtt_print(&rtt);
    redisFree(caller.publishing);
    redisFree(caller.subscribed);
    free(caller.body);
    return 0;
}
