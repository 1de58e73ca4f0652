/* Watching a descriptor that is no link; see the header. */
#include "net/watch.h"

#include <event2/event.h>

static void watch_on_readable(evutil_socket_t fd, short what, void *ctx)
{
    struct watch *watch = ctx;

    (void)fd;
    (void)what;
    loop_touch(watch->loop);
    watch->run(watch->ctx);
}

int watch_init(struct watch *watch, struct loop *loop, int fd, void (*run)(void *ctx), void *ctx)
{
    *watch = (struct watch){.loop = loop, .run = run, .ctx = ctx};
    watch->event =
        event_new(loop_event_base(loop), fd, EV_READ | EV_PERSIST, watch_on_readable, watch);
    if (watch->event == NULL || event_add(watch->event, NULL) != 0) {
        watch_fini(watch);
        return -1;
    }
    return 0;
}

void watch_fini(struct watch *watch)
{
    if (watch->event != NULL) {
        event_free(watch->event);
        watch->event = NULL;
    }
}
