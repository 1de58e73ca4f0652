/* What tells a spool's file from others, as SQLite keeps it in the first 100 bytes. */
#ifndef CHUNNELD_SPOOL_FORMAT_H
#define CHUNNELD_SPOOL_FORMAT_H

enum {
    FORMAT_APPLICATION_ID = 0x63686e6c, /* "chnl" */
    FORMAT_VERSION = 1,                 /* SQLite's user_version: raised when old readers must not
                                         * read the file */
    FORMAT_HEADER_LEN = 100,            /* bytes of SQLite's header */
    FORMAT_AT_VERSION = 60,             /* big-endian u32 in it */
    FORMAT_AT_APPLICATION_ID = 68,      /* likewise */
};

#endif
