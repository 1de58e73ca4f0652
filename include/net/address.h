/* Socket addresses: what a name resolved to, and their text. For dialer.c alone. */
#ifndef CHUNNELD_NET_ADDRESS_H
#define CHUNNELD_NET_ADDRESS_H

#include <stddef.h>
#include <sys/socket.h>

struct evutil_addrinfo;
struct addrinfo;

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* Embedded by value; zeroed is empty. */
struct address_list {
    struct address *items; /* owned */
    size_t count;
};

/* Copies the resolver's answer; 0, or -1: out of memory or nothing in it. The list was empty. */
int address_list_take(struct address_list *list, const struct addrinfo *found);
/* One unix socket's path; -1: too long (sun_path has 108 bytes), or out of memory. */
int address_list_take_path(struct address_list *list, const char *path);
void address_list_fini(struct address_list *list);

/* "127.0.0.1:6379", "[::1]:5672" or the path, cut to `size`. */
void address_format(const struct address *address, char *out_text, size_t size);

#endif
