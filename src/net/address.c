/* Lists of socket addresses; see the header. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

int address_list_take(struct address_list *list, const struct addrinfo *found)
{
    const struct addrinfo *entry;
    size_t count = 0;

    for (entry = found; entry != NULL; entry = entry->ai_next) {
        count++;
    }
    list->items = count ? calloc(count, sizeof(*list->items)) : NULL;
    if (list->items == NULL) {
        return -1;
    }
    for (entry = found; entry != NULL; entry = entry->ai_next) {
        if (entry->ai_addrlen <= sizeof(list->items->storage)) {
            memcpy(&list->items[list->count].storage, entry->ai_addr, entry->ai_addrlen);
            list->items[list->count].len = entry->ai_addrlen;
            list->count++;
        }
    }
    return list->count > 0 ? 0 : -1;
}

int address_list_take_path(struct address_list *list, const char *path)
{
    struct sockaddr_un *name;
    size_t len = strlen(path);

    if (len >= sizeof(name->sun_path)) {
        return -1;
    }
    list->items = calloc(1, sizeof(*list->items));
    if (list->items == NULL) {
        return -1;
    }
    list->count = 1;
    name = (struct sockaddr_un *)&list->items[0].storage;
    name->sun_family = AF_UNIX;
    memcpy(name->sun_path, path, len + 1);
    list->items[0].len = sizeof(*name);
    return 0;
}

void address_list_fini(struct address_list *list)
{
    free(list->items);
    *list = (struct address_list){0};
}

void address_format(const struct address *address, char *out_text, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->storage;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->storage;

    switch (address->storage.ss_family) {
    case AF_INET:
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        snprintf(out_text, size, "%s:%u", host, (unsigned)ntohs(v4->sin_port));
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        snprintf(out_text, size, "[%s]:%u", host, (unsigned)ntohs(v6->sin6_port));
        break;
    default:
        snprintf(out_text, size, "%s", ((const struct sockaddr_un *)&address->storage)->sun_path);
        break;
    }
}
