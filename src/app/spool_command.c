/* The spool's commands. For: what an operator may want of messages that wait on the disk: see what
 * is there, take it out, throw it away. Not for: reading the files (spool/offline.c). */
#include "app/spool_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "app/spool_rule.h"
#include "base/clock.h"
#include "core/envelope.h"
#include "spool/offline.h"
#include "spool/record.h"
#include "spool/shelf.h"

/* What a bridge has in the spool: the queues of its name, one after the other. */
struct command_bridge {
    uint64_t count;
    uint64_t bytes;
    uint64_t lost;
    int64_t oldest_us; /* wall clock; 0: not known */
};

/* A command under way. */
struct command {
    const struct config *config;
    struct offline *offline;
    const char *bridge;    /* whose records are being walked over */
    struct strbuf line;    /* scratch */
    int64_t first_wall_us; /* of the last walk to the first record */
    uint64_t unreadable;   /* records that are no messages */
};

static void command_tell(const char *what)
{
    fprintf(stderr, "chunneld: %s\n", what);
}

/* The queues of the bridge, in the order in which a daemon reads them; the next after *place. */
static int command_next(const struct command *command, const char *bridge, size_t *place,
                        struct spool_fifo_info *out_info)
{
    while (offline_list(command->offline, *place, out_info) == 0) {
        ++*place;
        if (slice_equal_text(shelf_bridge_of(out_info->name), bridge)) {
            return 0;
        }
    }
    return -1;
}

static int command_on_first(void *ctx, const struct spool_record *record)
{
    struct command *command = ctx;
    struct delivery *delivery = record_read(record->header, record->body);

    command->first_wall_us = delivery != NULL ? delivery->wall_us : 0;
    delivery_free(delivery);
    return -1;
}

/* When the oldest message of a queue was received; 0: there is none, or it cannot be read. */
static int64_t command_oldest(struct command *command, const char *fifo)
{
    uint64_t lost;

    command->first_wall_us = 0;
    offline_export(command->offline, fifo, command_on_first, command, &lost, NULL);
    return command->first_wall_us;
}

static struct command_bridge command_sum(struct command *command, const char *bridge)
{
    struct command_bridge sum = {0};
    struct spool_fifo_info info;
    size_t place = 0;
    int64_t oldest;

    while (command_next(command, bridge, &place, &info) == 0) {
        sum.count += info.count;
        sum.bytes += info.bytes;
        sum.lost += info.lost;
        oldest = info.count > 0 ? command_oldest(command, info.name) : 0;
        if (oldest != 0 && (sum.oldest_us == 0 || oldest < sum.oldest_us)) {
            sum.oldest_us = oldest;
        }
    }
    return sum;
}

/* A bridge that has nothing there any more is passed over. */
static void command_print_bridge(struct command *command, const char *bridge)
{
    struct command_bridge sum = command_sum(command, bridge);
    char oldest[CLOCK_TEXT_SIZE] = "-";

    if (sum.count == 0 && sum.lost == 0) {
        return;
    }
    if (sum.oldest_us != 0) {
        clock_format(sum.oldest_us, oldest);
    }
    printf("%-32s %10" PRIu64 " %14" PRIu64 " %-24s %s\n", bridge, sum.count, sum.bytes, oldest,
           spool_rule(command->config, slice_of(bridge)));
    if (sum.lost > 0) {
        fprintf(stderr, "chunneld: %s: %" PRIu64 " messages are damaged\n", bridge, sum.lost);
    }
}

/* A bridge has several queues, and is printed with the first of them. */
static int command_list(struct command *command)
{
    struct spool_fifo_info info, first;
    struct slice name;
    char bridge[SEGMENT_NAME_MAX + 1];
    size_t i, place;

    printf("%-32s %10s %14s %-24s %s\n", "BRIDGE", "MESSAGES", "BYTES", "OLDEST", "RULE");
    for (i = 0; offline_list(command->offline, i, &info) == 0; i++) {
        name = shelf_bridge_of(info.name);
        snprintf(bridge, sizeof(bridge), "%.*s", (int)name.len, name.data);
        place = 0;
        command_next(command, bridge, &place, &first);
        if (place == i + 1) {
            command_print_bridge(command, bridge);
        }
    }
    return EX_OK;
}

static int command_on_record(void *ctx, const struct spool_record *record)
{
    struct command *command = ctx;
    struct delivery *delivery = record_read(record->header, record->body);
    struct template_context context = {slice_of(command->config->instance),
                                       slice_of(command->bridge), NULL};

    if (delivery == NULL) {
        command->unreadable++;
        return 0;
    }
    strbuf_reset(&command->line);
    envelope_write(delivery, &context, &command->line);
    strbuf_append_slice(&command->line, SLICE("\n"));
    delivery_free(delivery);
    if (strbuf_failed(&command->line)) {
        return -1;
    }
    return fwrite(command->line.data, 1, command->line.len, stdout) == command->line.len ? 0 : -1;
}

static int command_export_fifo(struct command *command, const char *fifo)
{
    struct err err;
    uint64_t lost = 0;

    err_set(&err, "the messages cannot be printed");
    if (offline_export(command->offline, fifo, command_on_record, command, &lost, &err) != 0) {
        command_tell(err.text);
        return EX_IOERR;
    }
    command->unreadable += lost;
    return EX_OK;
}

/* Those ahead go first, as they do to the sink. */
static int command_export(struct command *command)
{
    struct spool_fifo_info info;
    int status = EX_OK;
    unsigned round;

    for (round = 0; round < 2; round++) {
        size_t place = 0;

        while (status == EX_OK && command_next(command, command->bridge, &place, &info) == 0) {
            bool is_main = strcmp(info.name, command->bridge) == 0;

            if (is_main == (round == 1)) {
                status = command_export_fifo(command, info.name);
            }
        }
    }
    if (command->unreadable > 0) {
        fprintf(stderr, "chunneld: %s: %" PRIu64 " damaged messages are left out\n",
                command->bridge, command->unreadable);
        status = status == EX_OK ? EX_IOERR : status;
    }
    return status;
}

static int command_purge(struct command *command)
{
    struct spool_fifo_info info;
    struct err err = {""};
    uint64_t total = 0, count;
    size_t place = 0;

    while (command_next(command, command->bridge, &place, &info) == 0) {
        if (offline_purge(command->offline, info.name, &count, &err) != 0) {
            command_tell(err.text);
            return EX_IOERR;
        }
        total += count;
    }
    printf("%s: %" PRIu64 " messages removed\n", command->bridge, total);
    return EX_OK;
}

static int command_do(struct command *command, enum options_action action)
{
    struct spool_fifo_info info;
    size_t place = 0;

    if (action == OPTIONS_SPOOL_LIST) {
        return command_list(command);
    }
    if (command_next(command, command->bridge, &place, &info) != 0) {
        fprintf(stderr,
                "chunneld: the spool has nothing of a bridge \"%s\"; see chunneld spool list\n",
                command->bridge);
        return EX_USAGE;
    }
    return action == OPTIONS_SPOOL_EXPORT ? command_export(command) : command_purge(command);
}

int spool_command_run(const struct options *options, const struct config *config)
{
    struct command command = {.config = config, .bridge = options->bridge, .line = STRBUF_INIT};
    enum spool_open_result opened;
    struct err err = {""};
    int status;

    if (!config->has_spool) {
        fprintf(stderr, "chunneld: %s: there is no \"spool\"; give it a \"directory\"\n",
                config->file);
        return EX_CONFIG;
    }
    opened = offline_open(config->spool.directory, &command.offline, &err);
    if (opened != SPOOL_OPENED) {
        command_tell(err.text);
        if (opened == SPOOL_LOCKED) {
            command_tell("while a daemon runs, chunnelctl spool asks it");
        }
        return opened == SPOOL_LOCKED ? EX_UNAVAILABLE : EX_IOERR;
    }
    fputs(offline_notes(command.offline), stderr);
    status = command_do(&command, options->action);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EX_OK) {
        command_tell("the output cannot be written");
        status = EX_IOERR;
    }
    offline_close(command.offline);
    strbuf_fini(&command.line);
    return status;
}
