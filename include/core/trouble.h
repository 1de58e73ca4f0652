/* What is wrong with a bridge though it may run. */
#ifndef CHUNNELD_CORE_TROUBLE_H
#define CHUNNELD_CORE_TROUBLE_H

enum bridge_trouble {
    TROUBLE_NONE,
    TROUBLE_NOBODY,       /* it holds messages, as nobody is subscribed */
    TROUBLE_FULL_NEWEST,  /* the buffer is full, the newest are dropped */
    TROUBLE_FULL_OLDEST,  /* likewise, the oldest */
    TROUBLE_FULL_DISK,    /* buffer and spool are full, the newest are dropped */
    TROUBLE_DISK_REFUSES, /* every message needs a record, and the spool takes none */
    TROUBLES
};

/* For people and the log; static. TROUBLE_NONE: NULL. */
const char *bridge_trouble_words(enum bridge_trouble trouble);
/* One word, to stand in the place of a bridge's state: "holding", "full", "dropping"; static.
 * TROUBLE_NONE: NULL. */
const char *bridge_trouble_name(enum bridge_trouble trouble);

#endif
