/* What an error means in plain words and what an operator can do about it, from its own words. */
#ifndef CHUNNELD_OPS_ADVICE_H
#define CHUNNELD_OPS_ADVICE_H

/* Static. */
struct advice {
    const char *meaning; /* a sentence; NULL: the error itself is plain */
    const char *remedy;  /* likewise */
};

/* On `error` (words of a server or of ours); NULL: no idea, or `error` is NULL. */
const struct advice *advice_for(const char *error);

#endif
