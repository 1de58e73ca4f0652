/* Leaving links unread for a moment. For: deciding it. Not for: doing it (link_flow.c). */
#include "net/moderation.h"

#include "base/clock.h"

/* The rest that so many messages a second are worth, where `before` was taken so far. */
static uint64_t rest_by_rate(uint64_t rate, uint64_t before)
{
    uint64_t rest = MODERATION_MOST_BY_RATE * MODERATION_UNIT_US;

    while (rest >= MODERATION_UNIT_US) {
        uint64_t least = rest / MODERATION_UNIT_US * MODERATION_MANY;

        if (rate >= (before >= rest ? least / 2 : least)) {
            return rest;
        }
        rest /= 2;
    }
    return 0;
}

bool moderation_count(struct moderation *moderation, uint64_t now_us)
{
    uint64_t passed = now_us - moderation->window_us;

    moderation->count++;
    if (passed < MODERATION_WINDOW_US) {
        return false;
    }
    moderation->rate = moderation->count * CLOCK_US_PER_S / passed;
    moderation->rest_us = rest_by_rate(moderation->rate, moderation->rest_us);
    moderation->window_us = now_us;
    moderation->count = 0;
    return true;
}

uint64_t moderation_by_room(const struct moderation *moderation, uint64_t room)
{
    return moderation->rate == 0 ? UINT64_MAX : room * CLOCK_US_PER_S / moderation->rate;
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

/* As moderation_by_wait(), without a division: it is asked for each message. */
uint64_t moderation_by_queue(const struct moderation *moderation, uint64_t count)
{
    uint64_t rest = MODERATION_LONGEST_US;

    while (rest >= MODERATION_UNIT_US &&
           moderation->rate * rest * MODERATION_PART > count * CLOCK_US_PER_S) {
        rest /= 2;
    }
    return rest >= MODERATION_UNIT_US &&
                   moderation->rate * rest >= MODERATION_WORTH * CLOCK_US_PER_S
               ? rest
               : 0;
}

void rest_limit(struct rest *rest, uint64_t most_us)
{
    rest->most_us = most_us < rest->most_us ? most_us : rest->most_us;
}

void rest_allow(struct rest *rest, uint64_t most_us)
{
    rest->allowed = true;
    rest_limit(rest, most_us);
}

uint64_t rest_take(struct rest *rest)
{
    uint64_t most_us = rest->allowed ? rest->most_us : 0;

    *rest = REST_INIT;
    return most_us;
}

uint64_t moderation_end(uint64_t rest_us, uint64_t now_us)
{
    uint64_t rest = rest_of(rest_us);

    return rest == 0 ? 0 : now_us - now_us % rest + rest;
}
