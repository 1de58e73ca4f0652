/* From the name of a bridge to what the rules say of its messages on the disk. Not for: whether a
 * bridge has them open now (spool/contents.c). */
#include "app/spool_rule.h"

const char *spool_rule(const struct config *config, struct slice bridge)
{
    size_t i;

    for (i = 0; i < config->bridge_count; i++) {
        const struct conf_bridge *rule = &config->bridges[i];

        if (slice_equal_text(bridge, rule->name)) {
            return !rule->enabled                   ? "disabled"
                   : rule->options.buffer_disk == 0 ? "without disk"
                                                    : "enabled";
        }
    }
    return "gone";
}
