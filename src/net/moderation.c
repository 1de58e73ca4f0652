/* Resting between short turns. For: deciding it. Not for: doing it (loop.c). */
#include "net/moderation.h"

uint64_t moderation_rest(struct moderation *moderation, uint64_t begun, uint64_t ended)
{
    moderation->turns++;
    if (ended - moderation->window_us >= MODERATION_WINDOW_US) {
        /* A window that lasted longer had pauses in it: light traffic. */
        bool stretched = ended - moderation->window_us >= 2 * MODERATION_WINDOW_US;
        unsigned least = moderation->on ? MODERATION_FEW : MODERATION_MANY;

        moderation->on = !stretched && moderation->turns >= least;
        moderation->window_us = ended;
        moderation->turns = 0;
    }
    if (!moderation->on || ended - begun >= MODERATION_SHORT_US) {
        return 0;
    }
    return MODERATION_PERIOD_US - (ended - begun);
}
