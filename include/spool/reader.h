/* A reader of a FIFO beside the bridge that owns it: looks at records and takes none away. For an
 * operator who wants to see what is there, also while a bridge uses it, and for whoever waits until
 * something is on the disk. As with all of the spool, spool_flush() is due at the end of a turn. */
#ifndef CHUNNELD_SPOOL_READER_H
#define CHUNNELD_SPOOL_READER_H

#include <stddef.h>
#include <stdint.h>

#include "spool/spool.h"

struct spool_reader;

/* Each may be NULL. */
struct spool_reader_events {
    /* The answer to spool_reader_ask(): `count` records in order, valid during the call, without
     * those that were removed meanwhile; `damaged` more should be there and cannot be read. Go on
     * at `next`. */
    void (*on_records)(void *ctx, const struct spool_record *records, size_t count, uint64_t next,
                       uint64_t damaged);
    /* All records up to number `upto` that were not removed are durable. */
    void (*on_durable)(void *ctx, uint64_t upto);
};

/* A reader of `fifo`, open or not. NULL: out of memory. It must be freed before the spool is;
 * events and `ctx` are borrowed for its life. */
struct spool_reader *spool_reader_new(struct spool_fifo *fifo,
                                      const struct spool_reader_events *events, void *ctx);
/* No more events. NULL is legal; not inside an event of the spool. */
void spool_reader_free(struct spool_reader *reader);
/* Asks for records from number `from` on, as spool_fifo_read() does, but in no haste: what is to be
 * written goes before. -1: the answer to the question before is still to come, the spool is
 * closing, or memory is out. */
int spool_reader_ask(struct spool_reader *reader, uint64_t from, size_t max_bytes,
                     size_t max_count);

#endif
