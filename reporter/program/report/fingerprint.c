/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/fingerprint.h"

#include <string.h>

#include "reporter/core/hash.h"
#include "reporter/core/model.h"
#include "reporter/core/stack.h"

struct walk {
    uint64_t key;
    bool is_empty;
};

static uint64_t add_place(uint64_t key, struct lmm_string function, struct lmm_string file,
                          uint32_t line)
{
    key = lmm_hash_string(key, function);
    key = lmm_hash_string(key, lmm_model_last_component(file));
    return lmm_hash_u64(key, line);
}

static bool is_main(const struct lmm_model_call *call)
{
    return call->is_named && call->function.bytes == 4 &&
           memcmp(call->function.text, "main", 4) == 0;
}

static bool add_call(void *context, const struct lmm_model_call *call)
{
    struct walk *walk = context;

    if (call->is_wrapper || call->is_standard) {
        return true;
    }
    /* The name of an unknown function has its offset. */
    walk->key = call->is_named ? add_place(walk->key, call->function, call->file, call->line)
                               : lmm_hash_string(walk->key, call->module);
    walk->is_empty = false;
    return !is_main(call);
}

uint64_t lmm_fingerprint(const struct lmm_model *model, const struct lmm_model_site *site)
{
    struct walk walk = {.key = 1, .is_empty = true};

    lmm_stack_walk(model, site->stack, SIZE_MAX, add_call, &walk);
    if (walk.is_empty) {
        walk.key = add_place(walk.key, site->function, site->file, site->line);
        if (site->stack == 0) {
            walk.key = lmm_hash_string(walk.key, site->family->type);
        }
    }
    return walk.key == 0 ? 1 : walk.key;
}
