/* What an operator can do about an error, from its words. */
#ifndef CHUNNELD_OPS_ADVICE_H
#define CHUNNELD_OPS_ADVICE_H

/* What to do about `error` (words of a server or of ours), a sentence; NULL: no idea, or `error` is
 * NULL. */
const char *advice_for(const char *error);

#endif
