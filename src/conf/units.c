/* Numbers with units. For: reading and printing the configuration. Not for: JSON's own numbers
 * (base/json.c). */
#include "conf/units.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/clock.h"

#define CONF_UNIT_MAX (UINT64_C(1) << 62)

/* A unit and what one of it is worth. */
struct conf_unit {
    const char *name;
    uint64_t factor;
};

/* The largest first, so that the first that divides a number prints it. */
static const struct conf_unit conf_durations[] = {
    {"h", 3600 * CLOCK_US_PER_S},
    {"m", 60 * CLOCK_US_PER_S},
    {"s", CLOCK_US_PER_S},
    {"ms", CLOCK_US_PER_MS},
};

static const struct conf_unit conf_sizes[] = {
    {"TiB", UINT64_C(1) << 40},
    {"TB", UINT64_C(1000000000000)},
    {"GiB", UINT64_C(1) << 30},
    {"GB", UINT64_C(1000000000)},
    {"MiB", UINT64_C(1) << 20},
    {"MB", UINT64_C(1000000)},
    {"KiB", UINT64_C(1) << 10},
    {"kB", UINT64_C(1000)},
    {"KB", UINT64_C(1000)},
    {"B", 1},
    {"", 1},
};

enum {
    CONF_DURATION_COUNT = sizeof(conf_durations) / sizeof(conf_durations[0]),
    CONF_SIZE_COUNT = sizeof(conf_sizes) / sizeof(conf_sizes[0]),
};

static int conf_unit_parse(struct slice text, const struct conf_unit *units, size_t count,
                           uint64_t *out_value)
{
    uint64_t number = 0;
    size_t at = 0;
    size_t i;

    while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9') {
        if (number > (CONF_UNIT_MAX - 9) / 10) {
            return -1;
        }
        number = number * 10 + (uint64_t)(text.data[at++] - '0');
    }
    if (at == 0) {
        return -1;
    }
    for (i = 0; i < count; i++) {
        if (slice_equal_text(slice_make(text.data + at, text.len - at), units[i].name)) {
            if (number > CONF_UNIT_MAX / units[i].factor) {
                return -1;
            }
            *out_value = number * units[i].factor;
            return 0;
        }
    }
    return -1;
}

int conf_duration_parse(struct slice text, uint64_t *out_us)
{
    return conf_unit_parse(text, conf_durations, CONF_DURATION_COUNT, out_us);
}

int conf_size_parse(struct slice text, uint64_t *out_bytes)
{
    return conf_unit_parse(text, conf_sizes, CONF_SIZE_COUNT, out_bytes);
}

void conf_duration_print(uint64_t us, struct strbuf *out)
{
    size_t i = 0;

    if (us == 0) {
        strbuf_append_text(out, "0s");
        return;
    }
    while (i < CONF_DURATION_COUNT - 1 && us % conf_durations[i].factor != 0) {
        i++;
    }
    strbuf_append_format(out, "%" PRIu64 "%s", us / conf_durations[i].factor,
                         conf_durations[i].name);
}

void conf_size_print(uint64_t bytes, struct strbuf *out)
{
    size_t i = 0;

    while (bytes == 0 ? conf_sizes[i].name[0] != '\0' : bytes % conf_sizes[i].factor != 0) {
        i++;
    }
    strbuf_append_format(out, "%" PRIu64 "%s", bytes / conf_sizes[i].factor, conf_sizes[i].name);
}
