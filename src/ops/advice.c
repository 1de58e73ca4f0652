/* From an error to its remedy. For: what goes wrong in practice, by what RabbitMQ, Redis and we
 * ourselves say then. Not for: the errors (they come in words from where they happen). */
#include "ops/advice.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *words; /* part of an error; the first that fits counts */
    struct advice advice;
} advices[] = {
    {"ACCESS_REFUSED - Login",
     {"The broker does not accept this user and password.",
      "Check user and password in the connection's url or password_file; guest may log in from the "
      "broker's own machine only."}},
    {"ACCESS_REFUSED - access to vhost",
     {"The user may not use this virtual host.",
      "Give the user access: rabbitmqctl set_permissions -p VHOST USER '.*' '.*' '.*'."}},
    {"ACCESS_REFUSED",
     {"The user lacks a permission on the broker.",
      "Give the user the permission named: rabbitmqctl set_permissions -p VHOST USER CONFIGURE "
      "WRITE READ."}},
    {"access to vhost",
     {"The user may not use this virtual host.",
      "Give the user access: rabbitmqctl set_permissions -p VHOST USER '.*' '.*' '.*'."}},
    {"NOT_ALLOWED - vhost",
     {"The broker has no such virtual host.",
      "Correct the vhost at the end of the url, or make it: rabbitmqctl add_vhost VHOST."}},
    {"NOT_FOUND - no exchange",
     {"The broker has no such exchange.",
      "Declare the exchange under topology, or correct its name in the bridge."}},
    {"NOT_FOUND - no queue",
     {"The broker has no such queue.",
      "Declare the queue under topology, or correct its name in the bridge."}},
    {"NOT_FOUND",
     {"The broker has nothing of that name.",
      "Declare what is missing under topology, or correct its name."}},
    {"PRECONDITION_FAILED - inequivalent",
     {"The broker has it, but not as topology says.",
      "Make topology say what the broker has, or delete the object there so that it is declared "
      "anew."}},
    {"RESOURCE_LOCKED",
     {"The queue belongs to another connection alone.",
      "Another connection has the queue for itself: stop that consumer, or take a queue that is "
      "not exclusive."}},
    {"WRONGPASS",
     {"Redis does not accept this user and password.",
      "Check user and password in the connection's url or password_file, and ACL LIST on the "
      "server."}},
    {"NOAUTH",
     {"Redis wants a password.",
      "Put a password into the connection's url, or give password_file."}},
    {"NOPERM",
     {"The user may not use this channel on Redis.",
      "Allow it on the server: ACL SETUSER USER &CHANNEL +subscribe +publish; a pattern must stand "
      "there literally."}},
    {"no permissions",
     {"The user may not use this channel on Redis.",
      "Allow it on the server: ACL SETUSER USER &CHANNEL +subscribe +publish."}},
    {"max number of clients",
     {"Redis takes no more connections.",
      "Raise maxclients on the server, or find who holds the connections: CLIENT LIST."}},
    {"replica",
     {"This Redis is a replica.",
      "Point the connection at the master: what is published on a replica reaches nobody else."}},
    {"certificate",
     {"The certificate is not accepted.",
      "Check tls.ca_file, tls.server_name and the certificate's names and dates."}},
    {"cannot resolve",
     {"The name of the server is not known.",
      "Check the host name in the connection's url, and the resolver."}},
    {"resolving",
     {"The name of the server is not known.",
      "Check the host name in the connection's url, and the resolver."}},
    {"refused",
     {"Nothing takes connections at this address.",
      "Check that the server runs and listens on the address and port of the url."}},
    {"unreachable",
     {"There is no way to this address.", "Check the address in the url, and the route to it."}},
    {"No route",
     {"There is no way to this address.", "Check the address in the url, and the route to it."}},
    {"timed out",
     {"The server does not answer.",
      "Check that the server answers there, and that no firewall drops the packets."}},
    {"blocked by the broker",
     {"The broker takes no messages: it is low on memory or disk.",
      "See to the broker's alarm: rabbitmqctl status tells memory and disk; what waits is kept "
      "meanwhile."}},
    {"nobody is subscribed", {NULL, "Start a subscriber, or choose another on_no_subscribers."}},
    {"unroutable",
     {"No queue gets messages with this routing key.",
      "Bind a queue for the routing key, or set on_unroutable."}},
    {"NO_ROUTE",
     {"No queue gets messages with this routing key.",
      "Bind a queue for the routing key, or set on_unroutable."}},
    {"no queue is bound",
     {"No queue gets messages with this routing key.",
      "Bind a queue for the routing key, or set on_unroutable."}},
    {"buffer and spool are full",
     {NULL, "Make the sink take messages again, or raise spool.max_size and buffer.disk."}},
    {"spool is full",
     {NULL, "Make the sink take messages again, or raise spool.max_size and buffer.disk."}},
    {"spool", {NULL, "See to the disk of the spool: room, permissions, health."}},
    {"buffer is full",
     {NULL, "Make the sink take messages again, or raise buffer.messages, buffer.memory or "
            "buffer.disk."}},
    {"max_message_size",
     {NULL, "Raise max_message_size of the connection, or send smaller messages."}},
    {"by the operator", {NULL, "chunnelctl resume NAME lets it go on."}},
};

const struct advice *advice_for(const char *error)
{
    size_t i;

    for (i = 0; error != NULL && i < sizeof(advices) / sizeof(advices[0]); i++) {
        if (strstr(error, advices[i].words) != NULL) {
            return &advices[i].advice;
        }
    }
    return NULL;
}
