/* SPDX-License-Identifier: MIT */
/* typed: a program of the typed API, with liblmm linked into it: it leaks 10 of 1,000 structs; with an
 * argument none. */
#include <lmm/lmm.h>

enum { BLOCKS = 1000, LEAKED = 10 };

struct item {
    char bytes[1000];
};

static struct item *items[BLOCKS];

int main(int argc, char **argv)
{
    (void) argv;
    for (int i = 0; i < BLOCKS; i++) {
        items[i] = LMM_NEW(struct item);
    }
    for (int i = argc > 1 ? 0 : LEAKED; i < BLOCKS; i++) {
        lmm_free(items[i]);
    }
    return 0;
}
