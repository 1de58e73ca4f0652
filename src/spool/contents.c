/* The FIFOs of the spool as bridges. For: whoever asks what is there of which bridge. Not for:
 * reading it (reader.c), or without a daemon (offline.c). */
#include "spool/contents.h"

#include <stdlib.h>
#include <string.h>

#include "spool/shelf.h"

static void contents_add(struct contents_bridge *bridge, struct spool_fifo *fifo,
                         const struct spool_fifo_info *info)
{
    bool is_main = strlen(info->name) == bridge->name.len;

    bridge->fifos[is_main ? 1 : 0] = fifo;
    bridge->count += info->count;
    bridge->bytes += info->bytes;
    bridge->lost += info->lost;
    bridge->in_use = bridge->in_use || info->is_open;
}

static int contents_compare(const void *a, const void *b)
{
    const struct contents_bridge *left = a;
    const struct contents_bridge *right = b;

    return slice_compare(left->name, right->name);
}

/* Makes one of those that are neighbours and of one name; how many are left. */
static size_t contents_merge(struct contents_bridge *bridges, size_t count)
{
    size_t kept = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        struct contents_bridge *last = kept > 0 ? &bridges[kept - 1] : NULL;
        struct spool_fifo *fifo = bridges[i].fifos[0];
        struct spool_fifo_info info;

        spool_fifo_get_info(fifo, &info);
        if (last == NULL || !slice_equal(last->name, bridges[i].name)) {
            last = &bridges[kept++];
            *last = (struct contents_bridge){.name = shelf_bridge_of(info.name)};
        }
        contents_add(last, fifo, &info);
    }
    return kept;
}

int contents_list(const struct spool *spool, struct contents_bridge **out_bridges,
                  size_t *out_count)
{
    struct spool_fifo *fifo = NULL;
    struct contents_bridge *bridges;
    size_t count = 0;
    size_t i = 0;

    while ((fifo = spool_fifo_next(spool, fifo)) != NULL) {
        count++;
    }
    bridges = calloc(count + 1, sizeof(*bridges));
    if (bridges == NULL) {
        return -1;
    }
    while ((fifo = spool_fifo_next(spool, fifo)) != NULL) {
        struct spool_fifo_info info;

        spool_fifo_get_info(fifo, &info);
        bridges[i].name = shelf_bridge_of(info.name);
        bridges[i++].fifos[0] = fifo;
    }
    qsort(bridges, count, sizeof(*bridges), contents_compare);
    *out_count = contents_merge(bridges, count);
    *out_bridges = bridges;
    return 0;
}

bool contents_find(const struct spool *spool, struct slice name, struct contents_bridge *out_bridge)
{
    struct contents_bridge found = {0};
    struct spool_fifo *fifo = NULL;

    while ((fifo = spool_fifo_next(spool, fifo)) != NULL) {
        struct spool_fifo_info info;

        spool_fifo_get_info(fifo, &info);
        if (slice_equal(shelf_bridge_of(info.name), name)) {
            found.name = shelf_bridge_of(info.name);
            contents_add(&found, fifo, &info);
        }
    }
    if (found.name.data == NULL) {
        return false;
    }
    *out_bridge = found;
    return true;
}

uint64_t contents_purge(const struct contents_bridge *bridge)
{
    uint64_t gone = 0;
    size_t i;

    for (i = 0; i < CONTENTS_FIFOS; i++) {
        struct spool_fifo_info info;

        if (bridge->fifos[i] != NULL) {
            spool_fifo_get_info(bridge->fifos[i], &info);
            gone += spool_fifo_remove_upto(bridge->fifos[i], info.next - 1);
        }
    }
    return gone;
}
