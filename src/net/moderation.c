/* Leaving links unread for a moment. For: deciding it. Not for: doing it (link_flow.c). */
#include "net/moderation.h"

uint64_t moderation_by_rate(struct moderation *moderation, uint64_t now_us)
{
    uint64_t passed = now_us - moderation->window_us;

    moderation->count++;
    if (passed >= MODERATION_WINDOW_US) {
        unsigned least = moderation->many ? MODERATION_FEW : MODERATION_MANY;

        moderation->many =
            (uint64_t)moderation->count * MODERATION_WINDOW_US >= (uint64_t)least * passed;
        moderation->window_us = now_us;
        moderation->count = 0;
    }
    return moderation->many ? MODERATION_UNIT_US : 0;
}

/* The longest rest of the few there are that is not longer than `most_us`; 0: none. */
static uint64_t rest_of(uint64_t most_us)
{
    uint64_t rest = MODERATION_LONGEST_US;

    while (rest > most_us && rest >= MODERATION_UNIT_US) {
        rest /= 2;
    }
    return rest >= MODERATION_UNIT_US ? rest : 0;
}

uint64_t moderation_by_wait(uint64_t sent, uint64_t wait_us)
{
    uint64_t rest = rest_of(wait_us / MODERATION_PART);

    return sent * rest >= MODERATION_WORTH * wait_us ? rest : 0;
}

uint64_t moderation_end(uint64_t rest_us, uint64_t now_us)
{
    uint64_t rest = rest_of(rest_us);

    return rest == 0 ? 0 : now_us - now_us % rest + rest;
}
