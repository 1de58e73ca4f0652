/* The arithmetic of one memory ceiling over many bridges; see the header. Not for: what a bridge
 * does when it has no room (bridge_flow.c). */
#include "core/budget.h"

enum { BUDGET_STEPS = 32 }; /* those that wait look again when this part of the ceiling is back */

static void budget_divide(struct budget *budget)
{
    uint64_t reserve = budget->ceiling / BUDGET_RESERVE;

    budget->shared = budget->ceiling - reserve;
    budget->own = budget->members > 0 ? reserve / budget->members : reserve;
}

/* What must be left for those that wait to look again. */
static uint64_t budget_next_look(const struct budget *budget)
{
    uint64_t step = budget->ceiling / BUDGET_STEPS;

    return budget->used > step ? budget->used - step : 0;
}

void budget_init(struct budget *budget, uint64_t ceiling)
{
    *budget = (struct budget){.ceiling = ceiling};
    TAILQ_INIT(&budget->waiting);
    budget_divide(budget);
}

void budget_set_ceiling(struct budget *budget, uint64_t ceiling)
{
    budget->ceiling = ceiling;
    budget_divide(budget);
    if (!TAILQ_EMPTY(&budget->waiting)) {
        budget_look(budget);
    }
}

void budget_join(struct budget *budget, struct budget_member *member, void (*on_room)(void *ctx),
                 void *ctx)
{
    *member = (struct budget_member){.on_room = on_room, .ctx = ctx};
    budget->members++;
    budget_divide(budget);
}

void budget_leave(struct budget *budget, struct budget_member *member)
{
    budget_stop_waiting(budget, member);
    budget_give(budget, member, member->held);
    budget->members--;
    budget_divide(budget);
}

void budget_look(struct budget *budget)
{
    budget->look_at = budget_next_look(budget);
    if (budget->on_room != NULL) {
        budget->on_room(budget->ctx);
    }
}

void budget_wait(struct budget *budget, struct budget_member *member)
{
    uint64_t look_at = budget_next_look(budget);

    if (TAILQ_EMPTY(&budget->waiting) || look_at > budget->look_at) {
        budget->look_at = look_at;
    }
    if (!member->waiting) {
        member->waiting = true;
        TAILQ_INSERT_TAIL(&budget->waiting, member, link);
    }
}

void budget_stop_waiting(struct budget *budget, struct budget_member *member)
{
    if (member->waiting) {
        member->waiting = false;
        TAILQ_REMOVE(&budget->waiting, member, link);
    }
}

void budget_wake(struct budget *budget)
{
    struct budget_member *member = TAILQ_FIRST(&budget->waiting);
    struct budget_member *next;

    for (; member != NULL; member = next) {
        next = TAILQ_NEXT(member, link);
        member->on_room(member->ctx);
    }
}
