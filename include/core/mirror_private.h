/* The inside of a mirror, shared by mirror.c (echoes, and who is in force), mirror_source.c and
 * mirror_sink.c (the ends) alone. */
#ifndef CHUNNELD_CORE_MIRROR_PRIVATE_H
#define CHUNNELD_CORE_MIRROR_PRIVATE_H

#include <sys/queue.h>

#include "core/echo.h"
#include "core/mirror.h"

enum { MIRROR_WHY_SIZE = 320 };

/* A Redis source with the mirror around it. */
struct mirror_source {
    struct source base; /* first */
    LIST_ENTRY(mirror_source) link;
    struct mirror *mirror;
    struct source *inner; /* owned */
    bool ready;           /* its last on_link was READY, and it is not paused since */
    bool paused;
    bool held;          /* start() was called, and waits for the old sinks to finish */
    bool stopping;      /* stop() was called: what comes is looked at for echoes, and dropped */
    bool inner_stopped; /* the inner one was told to stop */
    char why[MIRROR_WHY_SIZE]; /* while not ready */
};

/* And a sink. */
struct mirror_sink {
    struct sink base; /* first */
    LIST_ENTRY(mirror_sink) link;
    struct mirror *mirror;
    struct mirror_sink_setup setup;
    bool ready;    /* its last on_link */
    bool told;     /* the bridge was told READY last */
    bool busy;     /* send() said so for reasons of ours: on_writable is owed */
    bool hurried;  /* stop() was called with `now` */
    bool finished; /* the inner one has stopped */
    bool stopped;  /* and the bridge was told */
    /* Answered, but whether the mirror itself was the one subscriber too many is not known. In the
     * order of publishing. */
    struct delivery_list doubts;
    size_t doubts_before;      /* of them, the first ones: those that the barrier is to decide */
    char why[MIRROR_WHY_SIZE]; /* while not ready */
    char told_why[MIRROR_WHY_SIZE];
};

struct mirror {
    struct mirror_setup setup;
    struct echo *echo;                  /* owned */
    LIST_HEAD(, mirror_source) sources; /* the one in force first */
    LIST_HEAD(, mirror_sink) sinks;     /* likewise */
    struct mirror_source *pinged;       /* a barrier is under way on it; NULL: none is */
    bool missed_told;                   /* echoes that never came were logged */
};

/* mirror.c */

/* The ends in force; NULL: none yet. */
struct mirror_source *mirror_get_source(const struct mirror *m);
struct mirror_sink *mirror_get_sink(const struct mirror *m);
/* The source that the echoes of what was published come to: the one in force or, until that is
 * subscribed, the one before it. NULL: none is subscribed. */
struct mirror_source *mirror_get_listener(const struct mirror *m);
/* Whether messages may be published: that, or nobody wants to hear anything any more. */
bool mirror_may_send(const struct mirror *m);
/* Begins a barrier where one is worth while and none is under way. */
void mirror_seek_barrier(struct mirror *m);
/* Tells the bridge of the sink what has become possible, or impossible. Calls events. */
void mirror_tell_sink(struct mirror *m);
void mirror_relieve(struct mirror *m);

/* mirror_sink.c */

/* Settles what is known by now. Calls events. */
void mirror_sinks_decide(struct mirror *m);
/* The barrier under way is to decide what is in doubt now; it has. Calls events. */
void mirror_sinks_begin_barrier(struct mirror *m);
void mirror_sinks_end_barrier(struct mirror *m);
/* Whether something is in doubt. */
bool mirror_sinks_doubt(const struct mirror *m);
/* Whether all sinks but `except` (NULL: all) have stopped. */
bool mirror_sinks_are_done(const struct mirror *m, const struct mirror_sink *except);

/* mirror_source.c */

/* A sink has stopped: what waited for that goes on. */
void mirror_sources_step(struct mirror *m);

#endif
