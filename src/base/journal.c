/* Entries for systemd's journal. For: base/log.c. Not for: what is logged and how often. */
#include "base/journal.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { KEY_MAX = 64, ID_SIZE = 33 };

/* syslog(3)'s priorities. */
static const char *const priorities[] = {
    [LOG_LEVEL_ERROR] = "3",
    [LOG_LEVEL_WARN] = "4",
    [LOG_LEVEL_INFO] = "6",
    [LOG_LEVEL_DEBUG] = "7",
};

bool journal_is_stream(const char *stream, int fd)
{
    unsigned long long device;
    unsigned long long inode;
    struct stat found;
    char more;

    return stream != NULL && sscanf(stream, "%llu:%llu%c", &device, &inode, &more) == 2 &&
           fstat(fd, &found) == 0 && found.st_dev == device && found.st_ino == inode;
}

int journal_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    int fd;

    if (len >= sizeof(address.sun_path)) {
        return -1;
    }
    memcpy(address.sun_path, path, len + 1);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* NAME, newline, length as 64 bits little-endian, value, newline: the form for any bytes. */
static void journal_put_field(struct journal_entry *entry, const char *name, const char *value,
                              size_t len)
{
    size_t name_len = strlen(name);
    char *end = entry->data + entry->len;

    if (name_len + 1 + sizeof(uint64_t) + len + 1 > JOURNAL_ENTRY_MAX - entry->len) {
        return;
    }
    memcpy(end, name, name_len);
    end += name_len;
    *end++ = '\n';
    for (unsigned i = 0; i < sizeof(uint64_t); i++) {
        *end++ = (char)(((uint64_t)len >> (8 * i)) & 0xff);
    }
    memcpy(end, value, len);
    end += len;
    *end++ = '\n';
    entry->len = (size_t)(end - entry->data);
}

static unsigned __int128 hash_text(unsigned __int128 hash, const char *text)
{
    const unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13b;

    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * prime;
    }
    return (hash ^ 0xff) * prime; /* so that "ab", "c" is not "a", "bc" */
}

/* FNV-1a of 128 bits (Fowler, Noll, Vo) of the kind and the message, in hexadecimal. */
static void journal_message_id(const char *kind, const char *message, char out_id[ID_SIZE])
{
    const unsigned __int128 basis =
        ((unsigned __int128)UINT64_C(0x6c62272e07bb0142) << 64) | UINT64_C(0x62b821756295c58d);
    unsigned __int128 hash = hash_text(hash_text(basis, kind != NULL ? kind : ""), message);

    snprintf(out_id, ID_SIZE, "%016llx%016llx", (unsigned long long)(hash >> 64),
             (unsigned long long)hash);
}

void journal_start(struct journal_entry *entry, enum log_level level, const char *kind,
                   const char *message, const char *text, size_t text_len)
{
    char id[ID_SIZE];

    entry->len = 0;
    journal_message_id(kind, message, id);
    journal_put_field(entry, "PRIORITY", priorities[level], 1);
    journal_put_field(entry, "SYSLOG_IDENTIFIER", "chunneld", strlen("chunneld"));
    journal_put_field(entry, "MESSAGE_ID", id, ID_SIZE - 1);
    journal_put_field(entry, "MESSAGE", text, text_len);
}

void journal_put(struct journal_entry *entry, const char *key, const char *value, size_t len)
{
    static const char prefix[] = "CHUNNEL_";
    char name[KEY_MAX];
    size_t at = sizeof(prefix) - 1;

    memcpy(name, prefix, at);
    for (; *key != '\0' && at < sizeof(name) - 1; key++) {
        name[at++] = *key >= 'a' && *key <= 'z' ? (char)(*key - 'a' + 'A') : *key;
    }
    name[at] = '\0';
    journal_put_field(entry, name, value, len);
}

int journal_send(int fd, const struct journal_entry *entry)
{
    ssize_t sent = send(fd, entry->data, entry->len, MSG_DONTWAIT | MSG_NOSIGNAL);

    return sent == (ssize_t)entry->len ? 0 : -1;
}
