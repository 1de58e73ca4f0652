/* The receiving end on the Redis side: subscribes and keeps the books of what comes.
 *
 * Says "ready" when subscribed, reads the number of messages sent on stdin, prints its books as one
 * JSON object. Neighbours: tally.c (the books), redis_blast.c (the sender). */
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "tally.h"

enum { WAIT_MS = 20, SUBSCRIBE_TIMEOUT_S = 10 };

static redisContext *subscribe(uint64_t port, const char *channel, bool pattern)
{
    struct timeval timeout = {SUBSCRIBE_TIMEOUT_S, 0};
    redisContext *redis = redisConnectWithTimeout("127.0.0.1", (int)port, timeout);
    if (!redis || redis->err)
        die("redis: %s", redis ? redis->errstr : "out of memory");
    redisSetTimeout(redis, timeout);
    redisReply *reply = redisCommand(redis, "%s %s", pattern ? "PSUBSCRIBE" : "SUBSCRIBE", channel);
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        die("cannot subscribe: %s", reply ? reply->str : redis->errstr);
    freeReplyObject(reply);
    return redis;
}

/* message: kind, channel, body; pmessage: kind, pattern, channel, body */
static void take_reply(struct tally *tally, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3)
        die("not a published message");
    const redisReply *body = reply->element[reply->elements - 1];
    tally_take(tally, body->str, body->len);
}

static void read_messages(redisContext *redis, struct tally *tally)
{
    void *reply;
    if (redisBufferRead(redis) != REDIS_OK)
        die("redis: %s", redis->errstr);
    while (redisGetReplyFromReader(redis, &reply) == REDIS_OK && reply) {
        take_reply(tally, reply);
        freeReplyObject(reply);
    }
    if (redis->err)
        die("redis: %s", redis->errstr);
}

int main(int argc, char **argv)
{
    struct tally tally = {.size = 100, .idle_ms = 5000};
    uint64_t port = 6379;
    const char *channel = "bench";
    bool pattern = false;
    const struct arg table[] = {{"port", "of Redis on 127.0.0.1", &port, 0, 0},
                                {"channel", "to subscribe", 0, &channel, 0},
                                {"pattern", "the channel is a pattern", 0, 0, &pattern},
                                TALLY_ARGS(&tally),
                                {0, 0, 0, 0, 0}};
    args_parse(argc, argv, "subscribes to Redis and keeps the books of what comes", table);

    redisContext *redis = subscribe(port, channel, pattern);
    tally_begin(&tally);
    struct pollfd fds[2] = {{.fd = redis->fd, .events = POLLIN},
                            {.fd = STDIN_FILENO, .events = POLLIN}};
    while (!tally_is_over(&tally)) {
        if (poll(fds, 2, WAIT_MS) < 0)
            die("poll failed");
        if (fds[0].revents)
            read_messages(redis, &tally);
        tally_tell_credit(&tally);
        if (fds[1].revents) {
            tally_read_expected(&tally);
            fds[1].fd = -1;
        }
    }
    redisFree(redis);
    printf("{");
    tally_print(&tally);
    printf("}\n");
    return 0;
}
