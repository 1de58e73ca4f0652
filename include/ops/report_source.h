/* A source that gives what the daemon itself has to say. For ops/report.c alone. */
#ifndef CHUNNELD_OPS_REPORT_SOURCE_H
#define CHUNNELD_OPS_REPORT_SOURCE_H

#include "base/slice.h"
#include "core/endpoint.h"
#include "net/loop.h"

/* NULL: out of memory. */
struct source *report_source_new(struct loop *loop);
/* Gives a copy of `body`; dropped before start, after stop, and where memory is out. Not inside an
 * operation of the source. */
void report_source_give(struct source *source, struct slice body);

#endif
