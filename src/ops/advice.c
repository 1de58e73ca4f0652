/* From an error to its remedy. For: what goes wrong in practice, by what RabbitMQ, Redis and we
 * ourselves say then. Not for: the errors (they come in words from where they happen). */
#include "ops/advice.h"

#include <stddef.h>
#include <string.h>

/* Part of an error, and what to do; the first that fits counts. */
struct advice {
    const char *words;
    const char *remedy;
};

static const struct advice advices[] = {
    {"ACCESS_REFUSED - Login", "Check user and password in the connection's url or password_file; "
                               "guest may log in from the broker's own machine only."},
    {"ACCESS_REFUSED - access to vhost", "Give the user access: rabbitmqctl set_permissions -p "
                                         "VHOST USER '.*' '.*' '.*'."},
    {"ACCESS_REFUSED", "Give the user the permission named: rabbitmqctl set_permissions -p VHOST "
                       "USER CONFIGURE WRITE READ."},
    {"access to vhost", "Give the user access: rabbitmqctl set_permissions -p VHOST USER '.*' '.*' "
                        "'.*'."},
    {"NOT_ALLOWED - vhost", "Correct the vhost at the end of the url, or make it: rabbitmqctl "
                            "add_vhost VHOST."},
    {"NOT_FOUND - no exchange", "Declare the exchange under topology, or correct its name in the "
                                "bridge."},
    {"NOT_FOUND - no queue",
     "Declare the queue under topology, or correct its name in the bridge."},
    {"NOT_FOUND", "Declare what is missing under topology, or correct its name."},
    {"PRECONDITION_FAILED - inequivalent", "Make topology say what the broker has, or delete the "
                                           "object there so that it is declared anew."},
    {"RESOURCE_LOCKED", "Another connection has the queue for itself: stop that consumer, or take "
                        "a queue that is not exclusive."},
    {"WRONGPASS", "Check user and password in the connection's url or password_file, and ACL LIST "
                  "on the server."},
    {"NOAUTH", "Put a password into the connection's url, or give password_file."},
    {"NOPERM", "Allow it on the server: ACL SETUSER USER &CHANNEL +subscribe +publish; a pattern "
               "must stand there literally."},
    {"no permissions", "Allow it on the server: ACL SETUSER USER &CHANNEL +subscribe +publish."},
    {"max number of clients", "Raise maxclients on the server, or find who holds the connections: "
                              "CLIENT LIST."},
    {"replica", "Point the connection at the master: what is published on a replica reaches nobody "
                "else."},
    {"certificate", "Check tls.ca_file, tls.server_name and the certificate's names and dates."},
    {"cannot resolve", "Check the host name in the connection's url, and the resolver."},
    {"resolving", "Check the host name in the connection's url, and the resolver."},
    {"refused", "Check that the server runs and listens on the address and port of the url."},
    {"unreachable", "Check the address in the url, and the route to it."},
    {"No route", "Check the address in the url, and the route to it."},
    {"timed out", "Check that the server answers there, and that no firewall drops the packets."},
    {"blocked by the broker",
     "See to the broker's alarm: rabbitmqctl status tells memory and disk; "
     "what waits is kept meanwhile."},
    {"nobody is subscribed", "Start a subscriber, or choose another on_no_subscribers."},
    {"unroutable", "Bind a queue for the routing key, or set on_unroutable."},
    {"NO_ROUTE", "Bind a queue for the routing key, or set on_unroutable."},
    {"no queue is bound", "Bind a queue for the routing key, or set on_unroutable."},
    {"buffer and spool are full",
     "Make the sink take messages again, or raise spool.max_size and buffer.disk."},
    {"spool is full",
     "Make the sink take messages again, or raise spool.max_size and buffer.disk."},
    {"spool", "See to the disk of the spool: room, permissions, health."},
    {"buffer is full", "Make the sink take messages again, or raise buffer.messages, buffer.memory "
                       "or buffer.disk."},
    {"max_message_size", "Raise max_message_size of the connection, or send smaller messages."},
    {"by the operator", "chunnelctl resume NAME lets it go on."},
    {NULL, NULL},
};

const char *advice_for(const char *error)
{
    const struct advice *advice;

    if (error == NULL) {
        return NULL;
    }
    for (advice = advices; advice->words != NULL; advice++) {
        if (strstr(error, advice->words) != NULL) {
            return advice->remedy;
        }
    }
    return NULL;
}
