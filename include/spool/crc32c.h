/* CRC-32C (Castagnoli; RFC 3720 §12.1), the checksum of everything in the spool. */
#ifndef CHUNNELD_SPOOL_CRC32C_H
#define CHUNNELD_SPOOL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what gave `crc` (0: nothing) with `len` bytes behind it. Any thread. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
/* The same, whatever the processor has. */
uint32_t crc32c_by_table(uint32_t crc, const void *data, size_t len);

#endif
