/* SPDX-License-Identifier: MIT */
/* const, volatile, restrict, static variables. */
#include <stdlib.h>

#include "keep.h"

struct sensor {
    volatile int value;
    int unit;
    struct sensor *volatile next;
};

static struct sensor *volatile current;

NOT_INLINED static const struct sensor *calibrated(void)
{
    static struct sensor *kept;

    if (kept == NULL) {
        kept = malloc(sizeof(struct sensor)); /* type: struct sensor */
        kept->unit = 1;
    }
    return kept;
}

NOT_INLINED static void copy(struct sensor *restrict to, const struct sensor *restrict from)
{
    to->value = from->value;
    to->next = malloc(number(16)); /* type: struct sensor */
}

int main(void)
{
    const struct sensor *const a = calloc(1, sizeof(*a)); /* type: struct sensor */
    volatile struct sensor *b = malloc(number(16));       /* type: struct sensor */
    struct sensor *restrict c = malloc(number(16));       /* type: struct sensor */
    const volatile char *d = malloc(number(5));           /* type: char[] */

    current = malloc(number(16)); /* type: struct sensor */
    b->value = 1;
    copy(c, a);
    keep(a), keep((const void *) b), keep(c), keep((const void *) d), keep(calibrated());
    return 0;
}
