/* Templates with their memory, so that none is allocated for a message and constant ones cost
 * nothing. */
#include "core/text_slot.h"

void text_slot_init(struct text_slot *slot, const struct template *template)
{
    *slot = (struct text_slot){.template = template, .buf = STRBUF_INIT};
    if (template != NULL && template_is_constant(template, &slot->constant)) {
        slot->template = NULL;
    }
}

void text_slot_fini(struct text_slot *slot)
{
    strbuf_fini(&slot->buf);
}

int text_slot_expand(struct text_slot *slot, const struct template_context *context,
                     const struct delivery *delivery, struct slice *out_text, struct err *err)
{
    strbuf_reset(&slot->buf);
    if (template_expand(slot->template, context, delivery, &slot->buf, err) != 0) {
        return -1;
    }
    *out_text = strbuf_slice(&slot->buf);
    return 0;
}
