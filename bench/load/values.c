/* Draws bodies from a few values and counts them; see values.h. Not for: bodies as such (body.c),
 * the books of numbered ones (tally.c). */
#include "values.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void values_begin(struct values *values, uint64_t seed)
{
    if (values->count > VALUES_MOST)
        die("--values must be %d at most", VALUES_MOST);
    values->state = seed;
    if (!values->count)
        return;
    values->counts = calloc(values->count, sizeof(*values->counts));
    values->missed = calloc(values->count, sizeof(*values->missed));
    if (!values->counts || !values->missed)
        die("out of memory");
}

/* splitmix64 */
uint64_t values_draw(struct values *values)
{
    uint64_t mixed = values->state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (mixed ^ mixed >> 31) % values->count;
}

void values_print(const char *name, const uint64_t *counts, uint64_t size)
{
    printf(", \"%s\": [", name);
    for (uint64_t i = 0; i < size; i++)
        printf("%s%" PRIu64, i ? ", " : "", counts[i]);
    printf("]");
}

void values_end(struct values *values)
{
    free(values->counts);
    free(values->missed);
}
