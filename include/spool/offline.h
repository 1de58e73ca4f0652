/* The spool for an operator's command, while no daemon uses it: what is in it, exporting and
 * purging. No thread: these functions wait for the disk. */
#ifndef CHUNNELD_SPOOL_OFFLINE_H
#define CHUNNELD_SPOOL_OFFLINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "spool/spool.h"

struct offline;

/* Opens and locks the spool in `directory`, which must be there. As with spool_open(), damaged
 * files are replaced by what could be read of them. Else than SPOOL_OPENED: words in `err`. */
enum spool_open_result offline_open(const char *directory, struct offline **out_offline,
                                    struct err *err);
/* Closes and frees; NULL is legal. */
void offline_close(struct offline *offline);
/* What the operator should know, a line each: damage found at opening. "" if there is nothing. */
const char *offline_notes(const struct offline *offline);

/* The FIFOs, by place from 0 on. -1: no more. `durable` is the last number, `name` borrowed. */
int offline_list(const struct offline *offline, size_t place, struct spool_fifo_info *out_info);
/* Calls for every record of the FIFO `name`, in order, until the call gives something else than 0;
 * *out_lost counts the damaged ones that were passed over. -1 and words: there is no such FIFO, or
 * it cannot be read, or `on_record` ended it (the words are then the caller's). */
int offline_export(struct offline *offline, const char *name,
                   int (*on_record)(void *ctx, const struct spool_record *record), void *ctx,
                   uint64_t *out_lost, struct err *err);
/* Removes the FIFO with all it holds; *out_count records. -1 and words. */
int offline_purge(struct offline *offline, const char *name, uint64_t *out_count, struct err *err);

#endif
