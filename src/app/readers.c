/* Back-pressure from the disk to the Redis connections. For: finding those whose messages go to it.
 * Not for: when to hold them (hold.c, spooling.c). */
#include "app/readers.h"

#include <string.h>

#include "app/wiring.h"

/* Whether a bridge with a disk reads from the connection. */
static bool readers_feed_disk(const struct wiring *wiring, const char *connection)
{
    const struct unit *unit = NULL;

    while ((unit = wiring_next_unit(wiring, unit)) != NULL) {
        const struct conf_bridge *bridge = unit->conf;

        if (bridge->enabled && bridge->options.buffer_disk > 0 &&
            strcmp(bridge->source.connection->name, connection) == 0) {
            return true;
        }
    }
    return false;
}

/* The next Redis connection of that kind after `shown` (NULL: the first one); NULL: no more. */
static const struct board_connection *readers_next(const struct wiring *wiring,
                                                   const struct board_connection *shown)
{
    shown = shown ? TAILQ_NEXT(shown, link) : TAILQ_FIRST(&wiring->board.connections);
    while (shown != NULL && (shown->redis == NULL || !readers_feed_disk(wiring, shown->name))) {
        shown = TAILQ_NEXT(shown, link);
    }
    return shown;
}

static void readers_hold(void *ctx, bool hold)
{
    const struct wiring *wiring = ctx;
    const struct board_connection *shown = NULL;

    while ((shown = readers_next(wiring, shown)) != NULL) {
        redis_hub_hold_reading(wiring_find_hub(wiring, shown->name)->redis, hold);
    }
}

static uint64_t readers_bytes_read(void *ctx)
{
    const struct board_connection *shown = NULL;
    uint64_t bytes = 0;

    while ((shown = readers_next(ctx, shown)) != NULL) {
        bytes += redis_hub_bytes_read(shown->redis);
    }
    return bytes;
}

static bool readers_are_caught_up(void *ctx)
{
    const struct board_connection *shown = NULL;
    bool are = true;

    while ((shown = readers_next(ctx, shown)) != NULL) {
        are = are && redis_hub_is_caught_up(shown->redis);
    }
    return are;
}

const struct spooling_readers wiring_readers = {
    .hold = readers_hold,
    .bytes_read = readers_bytes_read,
    .are_caught_up = readers_are_caught_up,
};
