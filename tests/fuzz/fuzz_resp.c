/* Bytes of a hostile Redis server, cut into pieces by the bytes themselves: the parser must neither
 * crash nor keep more than its limit. */
#include <assert.h>
#include <stdlib.h>

#include "redis/resp.h"

enum { LIMIT = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Touches every byte of the frame, so that the sanitizers see a slice that is wrong. */
static void on_frame(void *ctx, const struct resp_frame *frame)
{
    volatile unsigned *sum = ctx;
    size_t i, at;

    for (i = 0; i < frame->count && i < RESP_VALUES_MAX; i++) {
        const struct resp_value *value = &frame->values[i];

        assert(value->type <= RESP_ARRAY);
        for (at = 0; at < value->text.len; at++) {
            *sum += (unsigned char)value->text.data[at];
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    volatile unsigned sum = 0;
    struct resp *resp = resp_new(LIMIT, on_frame, (void *)&sum);
    struct err err;
    size_t piece;

    if (resp == NULL) {
        abort();
    }
    while (len > 0) {
        piece = 1 + data[0] % 64u;
        piece = piece < len ? piece : len;
        if (resp_feed(resp, data, piece, &err) != 0) {
            break;
        }
        data += piece;
        len -= piece;
    }
    resp_free(resp);
    return 0;
}
