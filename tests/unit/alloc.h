/* Lets memory run out: for sweeps that make the first allocation fail, then the second, and so on.
 * Programs that use it are linked with $(ALLOC_LDFLAGS). */
#ifndef CHUNNELD_TESTS_UNIT_ALLOC_H
#define CHUNNELD_TESTS_UNIT_ALLOC_H

#include <stdbool.h>

/* After `successes` more allocations one fails. */
void alloc_fail_after(unsigned successes);
/* All succeed again. Whether one has failed. */
bool alloc_fail_stop(void);

#endif
