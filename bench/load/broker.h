/* Logging in at the broker, for the programs on the AMQP side; librabbitmq's blocking calls. */
#ifndef BENCH_LOAD_BROKER_H
#define BENCH_LOAD_BROKER_H

#include <amqp.h>
#include <stdbool.h>
#include <stdint.h>

enum { BROKER_CHANNEL = 1 };

/* Logs in as guest on 127.0.0.1 and opens channel BROKER_CHANNEL. Tries again for `wait_ms` while
 * the broker takes no connections; ends the program when it cannot be had. */
amqp_connection_state_t broker_connect(uint64_t port, uint64_t wait_ms);
/* Ends the program with the broker's words unless the reply is a good one. */
void broker_check(amqp_rpc_reply_t reply, const char *what);
/* Has something to read arrived already, so that poll on the socket would not tell? */
bool broker_has_input(amqp_connection_state_t broker);
void broker_close(amqp_connection_state_t broker);

#endif
