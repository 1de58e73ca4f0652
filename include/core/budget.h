/* A ceiling over what all bridges together hold in memory, shared fairly without asking who else
 * there is: each may hold at most BUDGET_FACTOR times what is then still free. So one bridge alone
 * may take most of it, several end up with equal parts, and some always stays free for those that
 * hold little (dynamic thresholds, A. Choudhury and E. Hahne, 1998). Beside that each has a part of
 * its own that no other can take: a BUDGET_RESERVE-th of the ceiling is divided among all.
 *
 * What counts is the size of the deliveries that are not settled, and what is asked back from the
 * disk. One thread. */
#ifndef CHUNNELD_CORE_BUDGET_H
#define CHUNNELD_CORE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum { BUDGET_FACTOR = 8, BUDGET_RESERVE = 8 };

/* A part of the budget, embedded in whoever holds it. */
struct budget_member {
    uint64_t held;              /* bytes */
    void (*on_room)(void *ctx); /* it waits, and may have room again */
    void *ctx;
    bool waiting;
    TAILQ_ENTRY(budget_member) link; /* among those that wait */
};

TAILQ_HEAD(budget_members, budget_member);

struct budget {
    uint64_t ceiling; /* bytes; 0: none */
    uint64_t used;    /* of all members */
    uint64_t shared;  /* of the ceiling, what is for all */
    uint64_t own;     /* of the rest, the part of each member */
    size_t members;
    struct budget_members waiting;
    uint64_t look_at;           /* those that wait look again once `used` is at most this */
    void (*on_room)(void *ctx); /* somebody may have room again: call budget_wake(), but not inside;
                                 * NULL: nobody asks */
    void *ctx;
};

void budget_init(struct budget *budget, uint64_t ceiling);
/* Another ceiling; those that wait are told. */
void budget_set_ceiling(struct budget *budget, uint64_t ceiling);

/* `on_room` and `ctx` are for budget_wake(). */
void budget_join(struct budget *budget, struct budget_member *member, void (*on_room)(void *ctx),
                 void *ctx);
/* Gives back what it still holds. */
void budget_leave(struct budget *budget, struct budget_member *member);

/* Most bytes that the member may hold, as long as the others hold what they do; UINT64_MAX: no
 * limit. */
static inline uint64_t budget_limit(const struct budget *budget, const struct budget_member *member)
{
    uint64_t others = budget->used - member->held;
    uint64_t part;

    if (budget->ceiling == 0) {
        return UINT64_MAX;
    }
    /* held = FACTOR * (shared - others - held) */
    part = others < budget->shared ? (budget->shared - others) / (BUDGET_FACTOR + 1) * BUDGET_FACTOR
                                   : 0;
    return part > budget->own ? part : budget->own;
}

/* Takes `size` bytes, whether they fit or not: what is there cannot be wished away. */
static inline void budget_take(struct budget *budget, struct budget_member *member, uint64_t size)
{
    member->held += size;
    budget->used += size;
}

/* The body of budget_give() when somebody waits. */
void budget_look(struct budget *budget);

/* Gives `size` of them back. */
static inline void budget_give(struct budget *budget, struct budget_member *member, uint64_t size)
{
    member->held -= size;
    budget->used -= size;
    if (budget->used <= budget->look_at && !TAILQ_EMPTY(&budget->waiting)) {
        budget_look(budget);
    }
}

/* The member waits for others to give something back; legal twice. */
void budget_wait(struct budget *budget, struct budget_member *member);
/* It no longer does; legal when it does not. */
void budget_stop_waiting(struct budget *budget, struct budget_member *member);
/* Calls on_room of every member that waits; they may stop waiting inside. */
void budget_wake(struct budget *budget);

#endif
