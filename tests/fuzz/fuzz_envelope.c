/* Any text as an envelope: it is refused with words, or what it says is written as an envelope that
 * says the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/envelope.h"
#include "core/envelope_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes `message` from `properties` on, so that what differs by the time of writing is left out.
 */
static void write_again(const struct envelope_message *message, struct strbuf *out)
{
    static const struct template_context context = {SLICE("gw-1"), SLICE("b"), NULL};
    struct delivery delivery = {
        .channel = SLICE("c"), .body = message->body, .properties = &message->properties};

    envelope_write(&delivery, &context, out);
    assert(!strbuf_failed(out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {""};
    struct envelope_message *message = envelope_read(slice_make(data, size), &err);
    struct envelope_message *again;
    struct strbuf first = STRBUF_INIT;
    struct strbuf second = STRBUF_INIT;

    if (message == NULL) {
        assert(err.text[0] != '\0');
        return 0;
    }
    write_again(message, &first);
    again = envelope_read(strbuf_slice(&first), &err);
    assert(again != NULL);
    write_again(again, &second);
    assert(slice_equal(strbuf_slice(&first), strbuf_slice(&second)));
    strbuf_fini(&first);
    strbuf_fini(&second);
    free(again);
    free(message);
    return 0;
}
