/* The sender on the Redis side: publishes numbered, stamped messages, pipelined.
 *
 * Prints what it did as one JSON object. Neighbours: pace.c (when to send), redis_tap.c. */
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "body.h"
#include "pace.h"
#include "values.h"

enum { MAX_CHANNELS = 100000, CHANNEL_SIZE = 256, OUTPUT_BYTES = 256 * 1024, MAX_PIPELINE = 65536 };

struct sender {
    struct pace pace;
    uint64_t port;
    const char *channel;
    uint64_t channels; /* 0: `channel` itself, else CHANNEL.0 to CHANNEL.(N-1) in turn */
    uint64_t run;
    uint64_t first; /* number of the first message */
    uint64_t size;
    uint64_t pipeline; /* most commands not yet answered */
    uint64_t hear;     /* subscriptions that are to get each */
    struct values values;
    uint32_t drawn[MAX_PIPELINE]; /* values not yet answered, as a ring */
    char *body;
    redisContext *redis;
    uint64_t answered;
    uint64_t unheard; /* that Redis gave to fewer than `hear` */
    uint64_t output;  /* bytes in the output buffer, roughly */
};

static void connect_redis(struct sender *sender)
{
    sender->redis = redisConnect("127.0.0.1", (int)sender->port);
    if (!sender->redis || sender->redis->err)
        die("redis: %s", sender->redis ? sender->redis->errstr : "out of memory");
    int flags = fcntl(sender->redis->fd, F_GETFL);
    if (flags < 0 || fcntl(sender->redis->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        die("fcntl: %s", strerror(errno));
    sender->redis->flags &= ~REDIS_BLOCK;
}

static uint64_t draw_one(struct sender *sender)
{
    uint64_t value = values_draw(&sender->values);
    sender->values.counts[value]++;
    sender->drawn[sender->pace.sent % MAX_PIPELINE] = (uint32_t)value;
    return value;
}

static void publish_one(struct sender *sender, uint64_t now)
{
    char name[CHANNEL_SIZE];
    const char *channel = sender->channel;
    uint64_t number = sender->first + sender->pace.sent;
    if (sender->channels) {
        snprintf(name, sizeof(name), "%s.%" PRIu64, channel, number % sender->channels);
        channel = name;
    }
    struct body body = {(uint32_t)sender->run, number, pace_stamp(&sender->pace, now)};
    if (sender->values.count)
        body = (struct body){body.run, draw_one(sender), 0};
    body_stamp(sender->body, &body);
    const char *words[] = {"PUBLISH", channel, sender->body};
    const size_t sizes[] = {7, strlen(channel), sender->size};
    if (redisAppendCommandArgv(sender->redis, 3, words, sizes) != REDIS_OK)
        die("redis: %s", sender->redis->errstr);
    sender->pace.sent++;
    sender->output += sender->size + 64;
}

/* Whether there was anything to send. */
static void publish_due(struct sender *sender)
{
    uint64_t now = clock_ns();
    if (pace_is_over(&sender->pace, now))
        return;
    uint64_t due = pace_due(&sender->pace, now);
    while (due-- > 0 && sender->output < OUTPUT_BYTES &&
           sender->pace.sent - sender->answered < sender->pipeline)
        publish_one(sender, clock_ns());
}

static void write_output(struct sender *sender)
{
    int done = 0;
    if (redisBufferWrite(sender->redis, &done) != REDIS_OK)
        die("redis: %s", sender->redis->errstr);
    if (done)
        sender->output = 0;
}

static void take_answer(struct sender *sender, uint64_t reached)
{
    bool unheard = reached < sender->hear;
    if (unheard && sender->values.count)
        sender->values.missed[sender->drawn[sender->answered % MAX_PIPELINE]]++;
    sender->unheard += unheard;
    sender->answered++;
}

static void read_answers(struct sender *sender)
{
    void *answer;
    if (redisBufferRead(sender->redis) != REDIS_OK)
        die("redis: %s", sender->redis->errstr);
    while (redisGetReplyFromReader(sender->redis, &answer) == REDIS_OK && answer) {
        const redisReply *reply = answer;
        if (reply->type != REDIS_REPLY_INTEGER)
            die("redis: %s", reply->str ? reply->str : "not a number");
        take_answer(sender, (uint64_t)reply->integer);
        freeReplyObject(answer);
    }
}

static void send_all(struct sender *sender)
{
    pace_start(&sender->pace);
    while (!pace_is_over(&sender->pace, clock_ns()) || sender->answered < sender->pace.sent) {
        publish_due(sender);
        if (sender->output)
            write_output(sender);
        bool held = sender->output > 0 || sender->pace.sent - sender->answered >= sender->pipeline;
        short events = pace_wait(&sender->pace, sender->redis->fd, sender->output > 0, held);
        if (events & ~POLLOUT)
            read_answers(sender);
    }
}

int main(int argc, char **argv)
{
    static struct sender sender = {
        .port = 6379, .channel = "bench", .size = 100, .pipeline = 2000, .hear = 1};
    const struct arg table[] = {
        {"port", "of Redis on 127.0.0.1", &sender.port, 0, 0},
        {"channel", "to publish on", 0, &sender.channel, 0},
        {"channels", "on CHANNEL.0 to CHANNEL.(N-1) in turn", &sender.channels, 0, 0},
        {"run", "number of the run", &sender.run, 0, 0},
        {"first", "number of the first message", &sender.first, 0, 0},
        {"size", "bytes of a body", &sender.size, 0, 0},
        {"pipeline", "most commands not yet answered", &sender.pipeline, 0, 0},
        {"hear", "subscriptions that are to get each (default: 1)", &sender.hear, 0, 0},
        VALUES_ARGS(&sender.values),
        PACE_ARGS(&sender.pace),
        {0, 0, 0, 0, 0}};
    args_parse(argc, argv, "publishes numbered, stamped messages on Redis", table);
    if (sender.size < BODY_MIN_SIZE || sender.size > BODY_MAX_SIZE)
        die("--size must be %d to %d", BODY_MIN_SIZE, BODY_MAX_SIZE);
    if (sender.channels > MAX_CHANNELS)
        die("--channels must be %d at most", MAX_CHANNELS);
    if (sender.pipeline < 1 || sender.pipeline > MAX_PIPELINE)
        die("--pipeline must be 1 to %d", MAX_PIPELINE);
    values_begin(&sender.values, sender.first);

    sender.body = malloc(sender.size);
    if (!sender.body)
        die("out of memory");
    body_prepare(sender.body, sender.size);
    connect_redis(&sender);
    send_all(&sender);
    printf("{\"sent\": %" PRIu64 ", \"unheard\": %" PRIu64 ", \"start_ns\": %" PRIu64
           ", \"end_ns\": %" PRIu64,
           sender.pace.sent, sender.unheard, sender.pace.start_ns, clock_ns());
    if (sender.values.count) {
        values_print("values", sender.values.counts, sender.values.count);
        values_print("unheard_values", sender.values.missed, sender.values.count);
    }
    printf("}\n");
    values_end(&sender.values);
    redisFree(sender.redis);
    free(sender.body);
    return 0;
}
