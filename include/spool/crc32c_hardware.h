/* CRC-32C by an instruction of the processor, where it has one. For src/spool/crc32c.c alone. */
#ifndef CHUNNELD_SPOOL_CRC32C_HARDWARE_H
#define CHUNNELD_SPOOL_CRC32C_HARDWARE_H

#include <stddef.h>
#include <stdint.h>

/* Takes `len` bytes more into an inverted checksum. */
typedef uint32_t crc32c_step(uint32_t inverted, const unsigned char *data, size_t len);

/* The fastest that this processor can do; NULL: it has no such instruction. */
crc32c_step *crc32c_hardware(void);

#endif
