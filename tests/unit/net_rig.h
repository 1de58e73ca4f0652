/* A link under test on a loop of its own, and plain sockets for its peer. What the link says is
 * noted; that it says nothing inside an operation is asserted. Nothing sleeps: the loop is turned
 * until a condition holds, with a deadline. */
#ifndef CHUNNELD_TESTS_UNIT_NET_RIG_H
#define CHUNNELD_TESTS_UNIT_NET_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "net/link.h"
#include "net/loop.h"

enum { NET_RIG_DEADLINE_US = 30 * 1000 * 1000 };

struct net_rig {
    struct loop *loop;
    struct link *link;
    struct link_limits limits; /* may be changed before net_rig_make() */
    struct link_target target; /* of net_rig_connect() */
    bool in_operation;

    unsigned ups;
    unsigned downs;
    unsigned writables;
    unsigned shows;   /* calls of on_data */
    char why[300];    /* of the last on_down */
    struct strbuf in; /* bytes used by on_data */

    /* What the owner does in events; NULL: uses all that is shown, and nothing else. */
    size_t (*on_data)(struct net_rig *rig, const uint8_t *data, size_t len);
    void (*on_up)(struct net_rig *rig);
    void (*on_down)(struct net_rig *rig);
    void (*on_writable)(struct net_rig *rig);
    void *ctx; /* of whoever sets these */
    /* The peer's work, once a turn of the loop; NULL: it has none. */
    void (*peer_work)(struct net_rig *rig);
    void *peer_ctx;

    int listener;    /* the peer's; -1: none */
    int peer;        /* its connected socket, non-blocking; -1: none */
    uint16_t port;   /* of the listener */
    char folder[64]; /* for unix sockets and files; "" until asked for */
};

/* An idle rig with its loop. */
void net_rig_init(struct net_rig *rig);
/* The link, with the limits as they are. */
void net_rig_make(struct net_rig *rig);
/* Frees everything, at any time. */
void net_rig_fini(struct net_rig *rig);
/* A folder of its own, removed with what is in it by net_rig_fini(). */
const char *net_rig_folder(struct net_rig *rig);

/* A listener on 127.0.0.1, and the target set to it. */
void net_rig_listen_tcp(struct net_rig *rig);
void net_rig_listen_unix(struct net_rig *rig);
/* Makes, listens where nobody does, connects, and accepts: the link is up. */
void net_rig_run(struct net_rig *rig);
/* Takes the next connection of the listener as the peer. */
void net_rig_accept(struct net_rig *rig);
void net_rig_close_peer(struct net_rig *rig);
/* Closes it so that the link's end gets a reset. */
void net_rig_reset_peer(struct net_rig *rig);

/* Operations on the link. */
void net_rig_connect(struct net_rig *rig);
void net_rig_close(struct net_rig *rig);
void net_rig_write(struct net_rig *rig, const void *data, size_t len);

/* One turn of the loop, waiting at most so long, and the peer's work. */
void net_rig_turn(struct net_rig *rig, uint64_t wait_us);
/* Turns the loop until `done`; fails at the deadline. */
void net_rig_wait(struct net_rig *rig, bool (*done)(struct net_rig *rig));
/* Until it is up; until on_down came for the n-th time; until `len` bytes were used in all. */
void net_rig_wait_up(struct net_rig *rig);
void net_rig_wait_down(struct net_rig *rig, unsigned times);
void net_rig_wait_in(struct net_rig *rig, size_t len);
/* Turns the loop for a while, to see that nothing happens. */
void net_rig_idle(struct net_rig *rig);

/* The peer writes (what fits into the kernel's buffer at once), and reads exactly that. */
void net_rig_peer_write(struct net_rig *rig, const void *data, size_t len);
void net_rig_peer_expect(struct net_rig *rig, const void *data, size_t len);
/* The peer reads the end of the stream. */
void net_rig_peer_expect_end(struct net_rig *rig);

/* Call it first in main(), and run the test last: is every descriptor closed again? */
void net_rig_note_descriptors(void);
void net_rig_test_descriptors(void **state);

/* Byte `position` of an endless pattern that repeats late. */
uint8_t net_rig_pattern(uint64_t position);
void net_rig_fill(uint8_t *data, size_t len, uint64_t position);

/* A bound TCP socket on `address` (in dots) and a free port below the ephemeral ones, not
 * listening. */
int net_rig_bind(const char *address, uint16_t port, uint16_t *out_port);

#endif
