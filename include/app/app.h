/* The daemon as a whole. */
#ifndef CHUNNELD_APP_APP_H
#define CHUNNELD_APP_APP_H

#include "app/options.h"

/* Does what the options say; returns the exit status (sysexits.h): 0, 64 usage, 69 a needed
 * service could not be used at start, 71 the system refused what the loop needs, 78 configuration.
 */
int app_main(const struct options *options);

#endif
