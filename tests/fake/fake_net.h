/* net/loop.h and net/link.h without a kernel: time stands still until the test moves it, and every
 * link leads to one server inside the test. Linked in the place of net/'s own, so that protocol
 * code is tested with every byte and every timer under control.
 *
 * Nothing moves but inside fake_net_settle() and fake_net_advance(). */
#ifndef CHUNNELD_TESTS_FAKE_NET_H
#define CHUNNELD_TESTS_FAKE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/loop.h"

/* The server's end of a connected link. */
struct fake_wire;

struct fake_server {
    void *ctx;
    /* A client has connected. */
    void (*on_connect)(void *ctx, struct fake_wire *wire);
    /* Bytes came, each once. */
    void (*on_bytes)(void *ctx, struct fake_wire *wire, const uint8_t *data, size_t len);
    /* The client has closed; the wire is gone after this. */
    void (*on_closed)(void *ctx, struct fake_wire *wire);
};

enum fake_answer {
    FAKE_ACCEPT,  /* connects at once */
    FAKE_REFUSE,  /* "connection refused" */
    FAKE_SILENCE, /* no answer: the connect timeout */
};

/* Where all links of the loop lead; borrowed. */
void fake_net_set_server(struct loop *loop, const struct fake_server *server);
/* How connecting to `port` goes from now on; port 0: to any. */
void fake_net_set_answer(struct loop *loop, uint16_t port, enum fake_answer answer);
/* Bytes from the server arrive in pieces of this size; 0: all at once. */
void fake_net_set_piece(struct loop *loop, size_t bytes);

/* Lets everything happen that needs no time. */
void fake_net_settle(struct loop *loop);
/* Lets `us` pass, with every timer in its turn. */
void fake_net_advance(struct loop *loop, uint64_t us);
/* Timers that are set. */
size_t fake_net_timers(const struct loop *loop);

/* For the server. Sends; what was sent arrives with the next settling. */
void fake_wire_send(struct fake_wire *wire, const void *data, size_t len);
/* Closes after what was sent. */
void fake_wire_close(struct fake_wire *wire);
/* Takes nothing from the client any more, or takes it again. */
void fake_wire_stall(struct fake_wire *wire, bool stalled);
uint16_t fake_wire_port(const struct fake_wire *wire);
/* Of whom the wire is, for the server alone. */
void fake_wire_set_user(struct fake_wire *wire, void *user);
void *fake_wire_user(const struct fake_wire *wire);

#endif
