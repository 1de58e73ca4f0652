/* Durations and sizes as people write them: "250ms", "5s", "2m", "1h"; "64MiB", "1GB", "4096".
 * For conf/ alone. */
#ifndef CHUNNELD_CONF_UNITS_H
#define CHUNNELD_CONF_UNITS_H

#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

/* Microseconds; -1 where `text` is no duration or over 2^62 µs. */
int conf_duration_parse(struct slice text, uint64_t *out_us);
/* Bytes; -1 where `text` is no size or over 2^62. */
int conf_size_parse(struct slice text, uint64_t *out_bytes);

/* Appends it in the largest unit that divides it, so that it can be parsed again. Durations are
 * whole milliseconds. */
void conf_duration_print(uint64_t us, struct strbuf *out);
void conf_size_print(uint64_t bytes, struct strbuf *out);

#endif
