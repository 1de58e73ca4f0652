/* What the spool has of a bridge that is gone, given to one that runs. For: piece after piece onto
 * the disk of the other, and away from the old place only once it is safe there: whatever ends the
 * process meanwhile, each message is in one of the two, and at most a piece of them in both. Not
 * for: what the other bridge does with them (core/bridge_replay.c), who asks (spool_desk.c). */
#include <stdio.h>
#include <stdlib.h>

#include "app/spool_desk.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/log.h"
#include "ops/control.h"
#include "spool/reader.h"
#include "spool/record.h"

/* Of one piece: for one turn of the loop, and so many messages a crash may double. */
enum { REPLAY_BYTES = 256 * 1024, REPLAY_RECORDS = 500, REPLAY_WORDS_SIZE = 512 };

static const uint64_t replay_tell_us = CLOCK_US_PER_S;        /* between two lines */
static const uint64_t replay_again_us = 50 * CLOCK_US_PER_MS; /* until the next look for room */

struct spool_replay {
    LIST_ENTRY(spool_replay) link;
    struct spool_desk *desk;
    char name[CONTROL_NAME_MAX + 1];              /* of the bridge that is gone */
    char target[CONTROL_NAME_MAX + 1];            /* of the one that takes over */
    struct spool_fifo *fifos[CONTENTS_FIFOS];     /* NULL: it has none */
    struct spool_reader *readers[CONTENTS_FIFOS]; /* owned; of those */
    uint64_t at[CONTENTS_FIFOS];                  /* number of the next record of each */
    size_t reading;                               /* which FIFO; CONTENTS_FIFOS: all is read */
    struct spool_fifo *sink;                      /* the target's */
    struct spool_reader *watcher;                 /* owned; tells what of that is durable */
    uint64_t seqs[REPLAY_RECORDS];                /* of the piece that is taken, not yet safe */
    size_t count;                                 /* of them */
    uint64_t safe_from; /* number up to which the target must be durable */
    uint64_t replayed;
    uint64_t told;       /* of these, a second ago */
    uint64_t damaged;    /* that cannot be read, and stay */
    const char *waiting; /* why there is no room, in words; NULL: there is */
    bool news_due;       /* a line is to be told */
    bool ended;
    char error[REPLAY_WORDS_SIZE]; /* why it ended early; "": all is done */
    struct loop_task news;         /* wakes the answer at the end of a turn */
    struct loop_task step;         /* the next piece, outside of the spool's events */
    struct loop_timer second;
    struct loop_timer again; /* looks for room */
};

bool spool_replay_is_under_way(const struct spool_desk *desk, struct slice bridge)
{
    const struct spool_replay *replay;

    LIST_FOREACH(replay, &desk->replays, link) {
        if (!replay->ended && slice_equal_text(bridge, replay->name)) {
            return true;
        }
    }
    return false;
}

static uint64_t replay_left(const struct spool_replay *replay)
{
    uint64_t left = 0;
    size_t i;

    for (i = 0; i < CONTENTS_FIFOS; i++) {
        struct spool_fifo_info info;

        if (replay->fifos[i] != NULL) {
            spool_fifo_get_info(replay->fifos[i], &info);
            left += info.count;
        }
    }
    return left;
}

static void replay_tell(struct spool_replay *replay)
{
    replay->news_due = true;
    loop_defer(replay->desk->loop, &replay->news);
}

/* `why` NULL: all is done. */
static void replay_end(struct spool_replay *replay, const char *why)
{
    replay->ended = true;
    replay->damaged = why == NULL ? replay_left(replay) : 0;
    replay->waiting = NULL;
    loop_timer_cancel(&replay->second);
    loop_timer_cancel(&replay->again);
    snprintf(replay->error, sizeof(replay->error), "%s", why != NULL ? why : "");
    log_info("bridge", replay->name, why != NULL ? "replay ended early" : "replayed",
             log_text("to", replay->target), log_number("messages", replay->replayed),
             log_number("left", replay_left(replay)), log_text("why", why != NULL ? why : "done"));
    replay_tell(replay);
}

/* A bridge has them again, and sends them itself; ends the replay. */
static bool replay_is_taken(struct spool_replay *replay)
{
    size_t i;

    for (i = 0; i < CONTENTS_FIFOS; i++) {
        struct spool_fifo_info info;

        if (replay->fifos[i] == NULL) {
            continue;
        }
        spool_fifo_get_info(replay->fifos[i], &info);
        if (info.is_open) {
            replay_end(replay, "a bridge of this name is in use again, and sends the rest itself");
            return true;
        }
    }
    return false;
}

static void replay_ask(struct spool_replay *replay)
{
    for (; replay->reading < CONTENTS_FIFOS; replay->reading++) {
        size_t i = replay->reading;
        struct spool_fifo_info info;

        if (replay->fifos[i] == NULL) {
            continue;
        }
        spool_fifo_get_info(replay->fifos[i], &info);
        if (replay->at[i] >= info.next) {
            continue;
        }
        if (spool_reader_ask(replay->readers[i], replay->at[i], REPLAY_BYTES, REPLAY_RECORDS) !=
            0) {
            replay_end(replay, "the spool is closing, or memory is out");
        }
        spool_flush(replay->desk->spool);
        return;
    }
    replay_end(replay, NULL);
}

static void replay_on_step(void *ctx)
{
    struct spool_replay *replay = ctx;

    if (!replay->ended && !replay_is_taken(replay)) {
        replay_ask(replay);
    }
}

/* What the target has on its disk leaves the old place. */
static void replay_on_durable(void *ctx, uint64_t upto)
{
    struct spool_replay *replay = ctx;
    size_t i;

    if (replay->ended || replay->count == 0 || upto < replay->safe_from ||
        replay_is_taken(replay)) {
        return;
    }
    for (i = 0; i < replay->count; i++) {
        spool_fifo_remove(replay->fifos[replay->reading], replay->seqs[i]);
    }
    replay->replayed += replay->count;
    replay->waiting = NULL;
    replay->count = 0;
    loop_defer(replay->desk->loop, &replay->step);
}

static const struct spool_reader_events replay_watcher_events = {.on_durable = replay_on_durable};

/* Notes the first `taken` records: the target has them, and they are to become durable. */
static void replay_note(struct spool_replay *replay, size_t taken)
{
    struct spool_fifo_info info;

    spool_fifo_get_info(replay->sink, &info);
    replay->safe_from = info.next - 1;
    replay->count = taken;
    replay->waiting = NULL;
    if (info.durable >= replay->safe_from) {
        replay_on_durable(replay, info.durable); /* its filter let none pass */
    }
}

/* Makes deliveries of the records, whose numbers go to `seqs`; what is none stays where it is. */
static size_t replay_read(struct spool_replay *replay, const struct spool_record *records,
                          size_t count, struct delivery_list *list)
{
    size_t made = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        struct delivery *delivery = record_read(records[i].header, records[i].body);

        if (delivery != NULL) {
            replay->seqs[made++] = records[i].seq;
            TAILQ_INSERT_TAIL(list, delivery, link);
        }
    }
    return made;
}

/* Gives the piece to the target. Where it has no room for all of it, the rest is read again. */
static void replay_give(struct spool_replay *replay, struct delivery_list *list, size_t made,
                        uint64_t next)
{
    const char *why = NULL;
    struct bridge *bridge = spool_desk_target(replay->desk, replay->target, &why);
    size_t taken;

    if (bridge == NULL) {
        char words[REPLAY_WORDS_SIZE];

        snprintf(words, sizeof(words), "bridge \"%s\": %s", replay->target, why);
        replay_end(replay, words);
        return;
    }
    taken = bridge_replay(bridge, list, &why);
    spool_flush(replay->desk->spool);
    replay->at[replay->reading] = taken < made ? replay->seqs[taken] : next;
    if (taken > 0) {
        replay_note(replay, taken);
    } else if (made > 0) {
        replay->waiting = why;
        loop_timer_set(&replay->again, replay_again_us);
    } else {
        loop_defer(replay->desk->loop, &replay->step);
    }
}

static void replay_on_records(void *ctx, const struct spool_record *records, size_t count,
                              uint64_t next, uint64_t damaged)
{
    struct delivery_list list = TAILQ_HEAD_INITIALIZER(list);
    struct spool_replay *replay = ctx;
    struct delivery *delivery;
    size_t made;

    (void)damaged;
    if (replay->ended || replay_is_taken(replay)) {
        return;
    }
    made = replay_read(replay, records, count, &list);
    replay_give(replay, &list, made, next);
    while ((delivery = TAILQ_FIRST(&list)) != NULL) {
        TAILQ_REMOVE(&list, delivery, link);
        delivery_free(delivery);
    }
}

static const struct spool_reader_events replay_reader_events = {.on_records = replay_on_records};

static void replay_on_news(void *ctx)
{
    const struct spool_replay *replay = ctx;

    replay->desk->wake(replay->desk->ctx);
}

static void replay_on_second(void *ctx)
{
    struct spool_replay *replay = ctx;

    if (replay->replayed == replay->told && replay->waiting == NULL) {
        replay->waiting = "the disk does not keep up, or refuses: the log says why";
    }
    replay->told = replay->replayed;
    loop_timer_set(&replay->second, replay_tell_us);
    replay_tell(replay);
}

static void replay_line(const struct spool_replay *replay, struct strbuf *out)
{
    struct json_writer json;

    json_writer_init(&json, out, 0);
    json_writer_begin_object(&json);
    if (replay->ended) {
        json_writer_key(&json, "end");
        json_writer_bool(&json, true);
    }
    json_writer_key(&json, "replayed");
    json_writer_natural(&json, replay->replayed);
    json_writer_key(&json, "left");
    json_writer_natural(&json, replay_left(replay));
    json_writer_key(&json, "damaged");
    json_writer_natural(&json, replay->damaged);
    json_writer_key(&json, "waiting");
    json_writer_text(&json, replay->waiting);
    json_writer_key(&json, "error");
    json_writer_text(&json, replay->error[0] != '\0' ? replay->error : NULL);
    json_writer_end_object(&json);
    strbuf_append_char(out, '\n');
}

static enum http_more replay_next(void *ctx, struct strbuf *out)
{
    struct spool_replay *replay = ctx;

    if (replay->news_due) {
        replay->news_due = false;
        replay_line(replay, out);
    }
    return replay->ended ? HTTP_END : HTTP_WAIT;
}

static void replay_free(void *ctx)
{
    struct spool_replay *replay = ctx;
    size_t i;

    if (!replay->ended) {
        replay_end(replay, "whoever asked for it has left");
    }
    LIST_REMOVE(replay, link);
    for (i = 0; i < CONTENTS_FIFOS; i++) {
        spool_reader_free(replay->readers[i]);
    }
    spool_reader_free(replay->watcher);
    loop_task_cancel(replay->desk->loop, &replay->news);
    loop_task_cancel(replay->desk->loop, &replay->step);
    loop_timer_fini(&replay->second);
    loop_timer_fini(&replay->again);
    free(replay);
}

static const struct http_source replay_source = {.next = replay_next, .free = replay_free};

/* -1: out of memory. */
static int replay_open(struct spool_replay *replay, const struct contents_bridge *bridge,
                       const struct contents_bridge *target)
{
    struct loop *loop = replay->desk->loop;
    size_t i;

    replay->sink = target->fifos[CONTENTS_FIFOS - 1];
    replay->watcher = spool_reader_new(replay->sink, &replay_watcher_events, replay);
    for (i = 0; i < CONTENTS_FIFOS; i++) {
        struct spool_fifo_info info;

        if (bridge->fifos[i] == NULL) {
            continue;
        }
        spool_fifo_get_info(bridge->fifos[i], &info);
        replay->at[i] = info.first;
        replay->fifos[i] = bridge->fifos[i];
        replay->readers[i] = spool_reader_new(bridge->fifos[i], &replay_reader_events, replay);
        if (replay->readers[i] == NULL) {
            return -1;
        }
    }
    return replay->watcher != NULL &&
                   loop_timer_init(&replay->second, loop, replay_on_second, replay) == 0 &&
                   loop_timer_init(&replay->again, loop, replay_on_step, replay) == 0
               ? 0
               : -1;
}

void spool_replay_answer(struct spool_desk *desk, const struct contents_bridge *bridge,
                         const struct contents_bridge *target, struct http_answer *answer)
{
    struct spool_replay *replay = calloc(1, sizeof(*replay));

    if (replay == NULL) {
        control_refuse(answer, 503, "out of memory");
        return;
    }
    replay->desk = desk;
    LIST_INSERT_HEAD(&desk->replays, replay, link);
    loop_task_init(&replay->news, replay_on_news, replay);
    loop_task_init(&replay->step, replay_on_step, replay);
    snprintf(replay->name, sizeof(replay->name), "%.*s", (int)bridge->name.len, bridge->name.data);
    snprintf(replay->target, sizeof(replay->target), "%.*s", (int)target->name.len,
             target->name.data);
    if (replay_open(replay, bridge, target) != 0) {
        replay->ended = true;
        replay_free(replay);
        control_refuse(answer, 503, "out of memory");
        return;
    }
    loop_timer_set(&replay->second, replay_tell_us);
    loop_defer(desk->loop, &replay->step);
    answer->type = "application/x-ndjson";
    answer->source = &replay_source;
    answer->source_ctx = replay;
}
