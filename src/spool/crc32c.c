/* CRC-32C by table, eight bytes a step ("slicing by 8", Kounavis and Berry, Intel 2006), where the
 * processor has no instruction for it. For: finding damage on the disk. Not for: keeping forgers
 * out. */
#include "spool/crc32c.h"

#include <pthread.h>

#include "spool/crc32c_hardware.h"

enum { SLICES = 8 };

#define POLYNOMIAL UINT32_C(0x82f63b78) /* bits reversed */

static uint32_t tables[SLICES][256];
static crc32c_step *hardware; /* NULL: by table */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? POLYNOMIAL : 0);
        }
        tables[0][i] = crc;
    }
    for (int slice = 1; slice < SLICES; slice++) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t before = tables[slice - 1][i];
            tables[slice][i] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
}

static uint32_t load_le32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void prepare(void)
{
    make_tables();
    hardware = crc32c_hardware();
}

uint32_t crc32c_by_table(uint32_t crc, const void *data, size_t len)
{
    const unsigned char *at = data;

    pthread_once(&once, prepare);
    crc = ~crc;
    for (; len >= SLICES; at += SLICES, len -= SLICES) {
        uint32_t low = crc ^ load_le32(at);
        uint32_t high = load_le32(at + 4);
        crc = tables[7][low & 0xff] ^ tables[6][(low >> 8) & 0xff] ^ tables[5][(low >> 16) & 0xff] ^
              tables[4][low >> 24] ^ tables[3][high & 0xff] ^ tables[2][(high >> 8) & 0xff] ^
              tables[1][(high >> 16) & 0xff] ^ tables[0][high >> 24];
    }
    for (; len > 0; at++, len--) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xff];
    }
    return ~crc;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    pthread_once(&once, prepare);
    return hardware != NULL ? ~hardware(~crc, data, len) : crc32c_by_table(crc, data, len);
}
