/* Which messages are the echoes of our own. For: core/mirror.c. Not for: commands and replies
 * (redis/), nor messages that say themselves where they come from (AMQP headers).
 *
 * Entries of equal fingerprint are interchangeable and hang on one print; the prints are found by
 * hash. Each entry is also in the list of its state, in the order in which it came into it. */
#include "core/echo.h"

#include <stdlib.h>
#include <sys/queue.h>

/* A hash that cannot grow reports it. The fingerprint is its own hash. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->added = false)
#define HASH_FUNCTION(key, len, hash) echo_hash(key, len, &(hash))
#include <uthash.h>

enum echo_state {
    ECHO_OPEN,     /* published; neither the answer nor the echo has come */
    ECHO_ANSWERED, /* the answer has come; the caller knows it no more */
    ECHO_DONE,     /* the echo has come, the answer has not */
    ECHO_HOPELESS, /* no echo will come, nor has the answer */
    ECHO_OWED,     /* a message was taken for the echo of what perhaps was not published; the caller
                    * knows it no more */
    ECHO_STATES
};

TAILQ_HEAD(echo_list, echo_entry);

/* A fingerprint that some entry has. */
struct echo_print {
    UT_hash_handle hh;
    struct siphash_print print;
    struct echo_list waiting; /* OPEN and ANSWERED, in the order of publishing */
    struct echo_list owed;    /* OWED, the oldest first */
    size_t entries;           /* that have it, in whatever state */
    bool added;               /* the hash took it */
};

struct echo_entry {
    TAILQ_ENTRY(echo_entry) alike; /* in waiting or owed, as its state says */
    TAILQ_ENTRY(echo_entry) line;  /* in the list of its state */
    struct echo_print *print;
    uint64_t answer; /* ANSWERED: the number of the answer */
    bool paid;       /* DONE by a debt: its own echo is to cross */
    enum echo_state state;
};

struct echo {
    uint8_t key[SIPHASH_KEY_SIZE];
    struct echo_print *prints; /* uthash, by fingerprint */
    struct echo_list lines[ECHO_STATES];
    size_t count; /* entries */
    size_t owed;  /* of them */
    size_t limit;
    uint64_t answers; /* that have come */
    uint64_t barrier; /* number of the last answer before it */
};

static inline void echo_hash(const void *key, size_t len, unsigned *out_hash)
{
    (void)len;
    memcpy(out_hash, key, sizeof(*out_hash));
}

/* The length keeps channel and body apart. */
static struct siphash_print echo_fingerprint(const struct echo *echo, struct slice channel,
                                             struct slice body)
{
    uint64_t len = channel.len;
    struct siphash hash;

    siphash_init(&hash, echo->key);
    siphash_feed(&hash, &len, sizeof(len));
    siphash_feed(&hash, channel.data, channel.len);
    siphash_feed(&hash, body.data, body.len);
    return siphash_end(&hash);
}

static struct echo_print *echo_find(const struct echo *echo, struct siphash_print print)
{
    struct echo_print *found;

    HASH_FIND(hh, echo->prints, &print, sizeof(print), found);
    return found;
}

static struct echo_print *echo_add(struct echo *echo, struct siphash_print print)
{
    struct echo_print *added = calloc(1, sizeof(*added));

    if (added == NULL) {
        return NULL;
    }
    added->print = print;
    added->added = true;
    TAILQ_INIT(&added->waiting);
    TAILQ_INIT(&added->owed);
    HASH_ADD(hh, echo->prints, print, sizeof(print), added);
    if (!added->added) {
        free(added);
        return NULL;
    }
    return added;
}

static void echo_release(struct echo *echo, struct echo_print *print)
{
    if (print->entries == 0) {
        HASH_DEL(echo->prints, print);
        free(print);
    }
}

/* The list of alike entries that one of `state` is in; NULL: none. */
static struct echo_list *echo_alike(struct echo_print *print, enum echo_state state)
{
    switch (state) {
    case ECHO_OPEN:
    case ECHO_ANSWERED:
        return &print->waiting;
    case ECHO_OWED:
        return &print->owed;
    default:
        return NULL;
    }
}

/* Out of its lists. */
static void echo_unlink(struct echo *echo, struct echo_entry *entry)
{
    struct echo_list *alike = echo_alike(entry->print, entry->state);

    if (alike != NULL) {
        TAILQ_REMOVE(alike, entry, alike);
    }
    TAILQ_REMOVE(&echo->lines[entry->state], entry, line);
    echo->owed -= entry->state == ECHO_OWED;
}

static void echo_move(struct echo *echo, struct echo_entry *entry, enum echo_state state)
{
    struct echo_list *from = echo_alike(entry->print, entry->state);
    struct echo_list *to = echo_alike(entry->print, state);

    /* An answer changes nothing of its place among those that wait. */
    if (from != to && from != NULL) {
        TAILQ_REMOVE(from, entry, alike);
    }
    if (from != to && to != NULL) {
        TAILQ_INSERT_TAIL(to, entry, alike);
    }
    TAILQ_REMOVE(&echo->lines[entry->state], entry, line);
    TAILQ_INSERT_TAIL(&echo->lines[state], entry, line);
    echo->owed -= entry->state == ECHO_OWED;
    echo->owed += state == ECHO_OWED;
    entry->state = state;
}

static void echo_end(struct echo *echo, struct echo_entry *entry)
{
    struct echo_print *print = entry->print;

    echo_unlink(echo, entry);
    free(entry);
    echo->count--;
    print->entries--;
    echo_release(echo, print);
}

struct echo *echo_new(const uint8_t key[SIPHASH_KEY_SIZE], size_t limit)
{
    struct echo *echo = calloc(1, sizeof(*echo));
    unsigned i;

    if (echo == NULL) {
        return NULL;
    }
    memcpy(echo->key, key, sizeof(echo->key));
    echo->limit = limit;
    for (i = 0; i < ECHO_STATES; i++) {
        TAILQ_INIT(&echo->lines[i]);
    }
    return echo;
}

void echo_free(struct echo *echo)
{
    struct echo_entry *entry;
    unsigned i;

    if (echo == NULL) {
        return;
    }
    for (i = 0; i < ECHO_STATES; i++) {
        while ((entry = TAILQ_FIRST(&echo->lines[i])) != NULL) {
            echo_end(echo, entry);
        }
    }
    free(echo);
}

bool echo_is_full(const struct echo *echo)
{
    return echo->count >= echo->limit;
}

struct echo_entry *echo_expect(struct echo *echo, struct slice channel, struct slice body)
{
    struct siphash_print fingerprint = echo_fingerprint(echo, channel, body);
    struct echo_print *print = echo_find(echo, fingerprint);
    struct echo_entry *entry;

    if (print == NULL) {
        print = echo_add(echo, fingerprint);
    } else if ((entry = TAILQ_FIRST(&print->owed)) != NULL) {
        echo_move(echo, entry, ECHO_DONE); /* what came in its stead came long ago */
        entry->paid = true;
        return entry;
    }
    entry = print ? calloc(1, sizeof(*entry)) : NULL;
    if (entry == NULL) {
        if (print != NULL) {
            echo_release(echo, print);
        }
        return NULL;
    }
    entry->print = print;
    entry->state = ECHO_OPEN;
    TAILQ_INSERT_TAIL(&print->waiting, entry, alike);
    TAILQ_INSERT_TAIL(&echo->lines[ECHO_OPEN], entry, line);
    print->entries++;
    echo->count++;
    return entry;
}

void echo_answered(struct echo *echo, struct echo_entry *entry)
{
    if (entry->state == ECHO_OPEN) {
        entry->answer = ++echo->answers;
        echo_move(echo, entry, ECHO_ANSWERED);
    } else {
        echo_end(echo, entry);
    }
}

void echo_withdraw(struct echo *echo, struct echo_entry *entry)
{
    if (entry->state != ECHO_DONE) {
        echo_end(echo, entry);
        return;
    }
    echo_move(echo, entry, ECHO_OWED);
    entry->paid = false;
    /* Debts that nobody comes to pay must not take the room of expectations. */
    if (echo->owed > echo->limit / 4) {
        echo_end(echo, TAILQ_FIRST(&echo->lines[ECHO_OWED]));
    }
}

enum echo_fate echo_get_fate(const struct echo_entry *entry)
{
    if (entry->state == ECHO_OPEN) {
        return ECHO_FATE_AWAITED;
    }
    return entry->state == ECHO_DONE && !entry->paid ? ECHO_FATE_CAME : ECHO_FATE_UNKNOWN;
}

void echo_drop(struct echo *echo, struct echo_entry *entry)
{
    echo_end(echo, entry);
}

bool echo_take(struct echo *echo, struct slice channel, struct slice body)
{
    struct echo_print *print;
    struct echo_entry *entry;

    if (echo->count == 0) {
        return false;
    }
    print = echo_find(echo, echo_fingerprint(echo, channel, body));
    entry = print ? TAILQ_FIRST(&print->waiting) : NULL;
    if (entry == NULL) {
        return false;
    }
    if (entry->state == ECHO_ANSWERED) {
        echo_end(echo, entry);
    } else {
        echo_move(echo, entry, ECHO_DONE);
    }
    return true;
}

void echo_forget(struct echo *echo)
{
    struct echo_entry *entry;

    while ((entry = TAILQ_FIRST(&echo->lines[ECHO_ANSWERED])) != NULL) {
        echo_end(echo, entry);
    }
    while ((entry = TAILQ_FIRST(&echo->lines[ECHO_OPEN])) != NULL) {
        echo_move(echo, entry, ECHO_HOPELESS);
    }
}

bool echo_wants_barrier(const struct echo *echo)
{
    return !TAILQ_EMPTY(&echo->lines[ECHO_ANSWERED]);
}

void echo_begin_barrier(struct echo *echo)
{
    echo->barrier = echo->answers;
}

size_t echo_end_barrier(struct echo *echo)
{
    struct echo_entry *entry;
    size_t ended = 0;

    while ((entry = TAILQ_FIRST(&echo->lines[ECHO_ANSWERED])) != NULL &&
           entry->answer <= echo->barrier) {
        echo_end(echo, entry);
        ended++;
    }
    return ended;
}
