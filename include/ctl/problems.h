/* What is wrong, as chunnelctl tells it. */
#ifndef CHUNNELD_CTL_PROBLEMS_H
#define CHUNNELD_CTL_PROBLEMS_H

#include "base/json.h"
#include "base/strbuf.h"

/* Appends what is wrong by the overview `root`, each cause once: who has it, its words, what to do.
 */
void problems_append(const struct json_node *root, struct strbuf *out);

#endif
