/* systemd's journal, spoken to in its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), so that
 * priority, subject and details of a line are fields that journalctl can select by. libsystemd is
 * not used for it: its call waits for a journal that hangs. For base/log.c and its owner. */
#ifndef CHUNNELD_BASE_JOURNAL_H
#define CHUNNELD_BASE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

enum { JOURNAL_ENTRY_MAX = 16384 };

/* An entry while it is put together; fields that do not fit are left out. */
struct journal_entry {
    size_t len; /* bytes of `data` in use */
    char data[JOURNAL_ENTRY_MAX];
};

/* Whether `stream` ($JOURNAL_STREAM, "device:inode"; NULL: no) says that the file `fd` is a stream
 * to the journal. */
bool journal_is_stream(const char *stream, int fd);
/* A socket that sends to the journal's at `path`, closed on exec and never waiting; -1: there is
 * none. The caller closes it. */
int journal_open(const char *path);

/* Begins an entry with PRIORITY, SYSLOG_IDENTIFIER, MESSAGE and MESSAGE_ID. The identifier is the
 * same for every line of this kind and message, whatever its details. */
void journal_start(struct journal_entry *entry, enum log_level level, const char *kind,
                   const char *message, const char *text, size_t text_len);
/* Adds the field CHUNNEL_KEY (the key in upper case). */
void journal_put(struct journal_entry *entry, const char *key, const char *value, size_t len);
/* 0, or -1: the journal has no room or is gone. */
int journal_send(int fd, const struct journal_entry *entry);

#endif
