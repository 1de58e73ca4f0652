/* A spool in a temporary directory, a loop to turn it, and records that can be told from all
 * others, for the tests of the spool. */
#ifndef CHUNNELD_TESTS_SPOOL_RIG_H
#define CHUNNELD_TESTS_SPOOL_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "spool/spool.h"

enum { SPOOL_RIG_WAIT_MS = 60000 }; /* the deadline of every wait */

struct spool_rig {
    char directory[64]; /* removed with all in it by spool_rig_fini() */
    struct spool_options options;
    struct spool *spool;   /* NULL: not open */
    struct err err;        /* of the last opening */
    struct strbuf notices; /* lines */
    char trouble[480];     /* words of the last on_trouble */
    bool in_trouble;       /* between on_trouble and on_recovered */
    unsigned troubles;     /* on_trouble calls */
    unsigned recoveries;   /* on_recovered calls */
    unsigned rooms;        /* on_room calls */
    bool closed;           /* on_closed came */
};

/* One FIFO of it, as a bridge would use it. */
struct spool_queue {
    struct spool_rig *rig;
    struct spool_fifo *fifo;
    const char *name;
    uint64_t durable;  /* last on_durable */
    uint64_t lost;     /* sum of on_lost */
    bool answered;     /* on_records came */
    uint64_t next;     /* its last argument */
    uint64_t expected; /* records come with rising numbers; the lowest that the next one may have */
    uint64_t read;     /* records that came, each compared with what was appended */
    uint64_t first;    /* number of the first record of the last answer; 0: it was empty */
    uint64_t count;    /* records in the last answer */
    uint64_t wrong;    /* records that are not what was appended */
};

/* A directory and options; nothing is open. */
void spool_rig_init(struct spool_rig *rig);
void spool_rig_fini(struct spool_rig *rig);
/* The same on the heap, as cmocka's fixtures: *state is the rig. */
int spool_rig_set_up(void **state);
int spool_rig_tear_down(void **state);
/* spool_open(), which may fail. */
enum spool_open_result spool_rig_try(struct spool_rig *rig);
/* It must succeed; it must fail so, with words that have `words` in them. */
void spool_rig_open(struct spool_rig *rig);
void spool_rig_refuse(struct spool_rig *rig, enum spool_open_result expected, const char *words);
/* The orderly end, waited for. */
void spool_rig_close(struct spool_rig *rig);
/* The end at once. */
void spool_rig_abort(struct spool_rig *rig);
/* Turns the loop once, waiting at most `wait_ms`. */
void spool_rig_turn(struct spool_rig *rig, int wait_ms);
/* Turns until `is_true` (of `ctx`); at the deadline the test fails with `what`. */
void spool_rig_wait(struct spool_rig *rig, bool (*is_true)(void *ctx), void *ctx, const char *what);
/* Removes all files in the directory. */
void spool_rig_clear(const struct spool_rig *rig);
/* The path of a file in the directory; valid until the next call. */
const char *spool_rig_path(const struct spool_rig *rig, const char *file);

/* Opens a FIFO without a limit. */
void spool_queue_open(struct spool_queue *queue, struct spool_rig *rig, const char *name);
/* spool_fifo_get_info() of it. */
struct spool_fifo_info spool_queue_info(const struct spool_queue *queue);
/* What record `seq` of the FIFO holds: some bytes that no other record has, of a length between 0
 * and about 2,000. */
void spool_queue_body(const char *name, uint64_t seq, struct strbuf *out);
/* Appends the next record. */
enum spool_append spool_queue_append(struct spool_queue *queue);
/* Appends `count` records, handing them over now and then; each must be taken. */
void spool_queue_fill(struct spool_queue *queue, uint64_t count);
/* Waits until all that was appended is durable. */
void spool_queue_wait_durable(struct spool_queue *queue);
/* Reads all there is from `from` on; a record that is wrong or out of order fails the test. */
void spool_queue_read_all(struct spool_queue *queue, uint64_t from);
/* One question and its answer. */
void spool_queue_read(struct spool_queue *queue, uint64_t from, size_t max_bytes, size_t max_count);

#endif
