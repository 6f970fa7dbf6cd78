/* SPDX-License-Identifier: MIT */
/* Structs without a name. */
#include <stdlib.h>

#include "keep.h"

typedef struct {
    double x, y;
} point;

struct line {
    struct {
        point from, to;
    };
    union {
        int colour;
        float grey;
    };
};

static struct {
    long a, b, c, d, e;
} * nameless;

int main(void)
{
    point *p = malloc(sizeof(point));          /* type: point */
    point *q = malloc(number(16));             /* type: point */
    struct line *line = malloc(sizeof(*line)); /* type: struct line */
    struct {
        int a, b, c;
    } *local = malloc(sizeof(*local)); /* type: struct (...) */

    nameless = malloc(number(40)); /* type: struct (...) */
    nameless->a = 1;
    local->a = 3;
    p->x = 1;
    q->y = 2;
    line->from = *p;
    keep(p), keep(q), keep(line), keep(local), keep(nameless);
    return 0;
}
