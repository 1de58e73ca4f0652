/* The connections from which bridges with a disk read, as the spool sees them: it may hold them. */
#ifndef CHUNNELD_APP_READERS_H
#define CHUNNELD_APP_READERS_H

#include "app/spooling.h"

/* Its ctx is a struct wiring. */
extern const struct spooling_readers wiring_readers;

#endif
