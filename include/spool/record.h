/* A delivery as a record of the spool: the header has everything needed to send it again, but for
 * the body. All numbers are little-endian:
 *
 *     format u8 (1), flags u8, process u64, number u64, wall clock µs i64,
 *     channel length u32, pattern length u32, channel, pattern
 *
 * That of a dead letter has more behind it:
 *
 *     format u8 (2), ... pattern, reason length u8, reason, error */
#ifndef CHUNNELD_SPOOL_RECORD_H
#define CHUNNELD_SPOOL_RECORD_H

#include "base/slice.h"
#include "base/strbuf.h"
#include "core/delivery.h"

/* Writes the header of `delivery` to the empty `out`; memory errors are the strbuf's. */
void record_write(const struct delivery *delivery, struct strbuf *out);
/* A delivery made from a record; NULL: it is of another format, malformed, or memory is out. */
struct delivery *record_read(struct slice header, struct slice body);

#endif
