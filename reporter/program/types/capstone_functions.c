/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/capstone_functions.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "reporter/program/base/late_module.h"

const struct lmm_capstone *lmm_capstone(void)
{
    static const struct lmm_capstone *_Atomic known;
    static atomic_bool has_failed;
    const struct lmm_capstone *functions = atomic_load(&known);

    if (functions == NULL && !atomic_load(&has_failed)) {
        functions = &lmm_capstone_functions != NULL
                        ? &lmm_capstone_functions
                        : lmm_late_module_open("liblmm_capstone.so", "lmm_capstone_functions");
        atomic_store(&known, functions);
        atomic_store(&has_failed, functions == NULL);
    }
    return functions;
}
