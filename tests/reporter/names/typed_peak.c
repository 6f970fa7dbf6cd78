/* SPDX-License-Identifier: MIT */
/* A typed program whose peak is far above what it has at its end. */
#include <lmm/lmm.h>

enum {
    COUNT = 1000,
    KEPT = 10,
};

struct record {
    char bytes[1000];
};

static struct record *records[COUNT];

int main(void)
{
    for (int i = 0; i < COUNT; i++) {
        records[i] = LMM_NEW(struct record); /* MARK record */
    }
    for (int i = KEPT; i < COUNT; i++) {
        lmm_free(records[i]);
    }
    return 0;
}
