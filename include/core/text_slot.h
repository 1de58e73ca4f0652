/* One template with the memory that it is filled in in, message after message. */
#ifndef CHUNNELD_CORE_TEXT_SLOT_H
#define CHUNNELD_CORE_TEXT_SLOT_H

#include "base/err.h"
#include "base/strbuf.h"
#include "core/template.h"

struct text_slot {
    const struct template *template; /* NULL: the same text for every message */
    struct slice constant;           /* that text */
    struct strbuf buf;               /* the text of the last message */
};

/* Of `template`, borrowed for the slot's life; NULL gives the empty text. */
void text_slot_init(struct text_slot *slot, const struct template *template);
void text_slot_fini(struct text_slot *slot);
/* text_slot_fill() of one that is not constant. */
int text_slot_expand(struct text_slot *slot, const struct template_context *context,
                     const struct delivery *delivery, struct slice *out_text, struct err *err);

/* The text for `delivery`, valid until the next call with this slot. -1 and words as
 * template_expand(). */
static inline int text_slot_fill(struct text_slot *slot, const struct template_context *context,
                                 const struct delivery *delivery, struct slice *out_text,
                                 struct err *err)
{
    if (slot->template == NULL) {
        *out_text = slot->constant;
        return 0;
    }
    return text_slot_expand(slot, context, delivery, out_text, err);
}

#endif
