/* SPDX-License-Identifier: MIT */
/* Functions in the style of 1978. */
#include <stdlib.h>

#include "keep.h"

struct bin {
    struct bin *chain;
    int size;
    int pad;
};

struct bin *bins[8];

NOT_INLINED static struct bin *make_bin(size, chain)
int size;
struct bin *chain;
{
    register struct bin *bp;

    if ((bp = (struct bin *) malloc((unsigned) sizeof(struct bin))) == NULL) /* type: struct bin */
        exit(1);
    bp->size = size;
    bp->chain = chain;
    return (bp);
}

NOT_INLINED static char *room(n)
int n;
{
    char *cp;

    if (!(cp = (char *) malloc((unsigned) n))) /* type: char[] */
        exit(1);
    return cp;
}

int main(void)
{
    for (int i = 0; i < 8; i++) {
        bins[i] = make_bin(i, bins[0]);
    }
    keep(bins);
    keep(room(13));
    return 0;
}
