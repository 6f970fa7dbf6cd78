/* SPDX-License-Identifier: MIT */
/* module: a shared object with a place that allocates, which the worker loads and unloads. */
#include <lmm/lmm.h>

#include <stdlib.h>

struct module_record {
    char text[40];
};

__attribute__((visibility("default"))) void module_work(unsigned allocations, unsigned frees);

/* Blocks that it does not free outlive it. */
void module_work(unsigned allocations, unsigned frees)
{
    for (unsigned i = 0; i < allocations; i++) {
        struct module_record *record = LMM_NEW(struct module_record);
        if (record == NULL) {
            abort();
        }
        if (i < frees) {
            lmm_free(record);
        }
    }
}
