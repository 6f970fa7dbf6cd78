/* SPDX-License-Identifier: MIT */
#include <fnmatch.h>

#include "reporter/program/attach/attempt.h"
#include "reporter/program/ledger/ledger_file.h"

/* Functions that only some mallocs have, and that take a block. Under many of these names a malloc has a function that is led to
 * LMM by another name; then the process may call it. */
static const char *const patterns[] = {
    "mi_*realloc*", "mi_*recalloc*", "mi_*rezalloc*", "mi_*free*",
    "mi_*expand",   "mi_*_size",     "reallocarr",    "tc_*realloc*",
    "tc_*free*",    "tc_*delete*",   "tc_*_size",     "MallocExtension_GetAllocatedSize",
};

static bool takes_block(const char *name)
{
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        if (fnmatch(patterns[i], name, 0) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_led(const struct lmm_attempt *attempt, uint64_t address)
{
    for (size_t i = 0; i < attempt->there.count; i++) {
        if (attempt->there.functions[i].old == address && attempt->there.functions[i].own != 0) {
            return true;
        }
    }
    return false;
}

/* Whether a module has the function with that address, and that is the process's malloc. */
static bool has_malloc(const struct lmm_attempt *attempt, const struct lmm_image_symbols *image)
{
    uint64_t address = lmm_image_symbol(image, "malloc", NULL);

    return address != 0 && is_led(attempt, address);
}

/* Finds what the process calls of its malloc, and LMM does not replace. */
static const char *find_unled(const struct lmm_attempt *attempt,
                              const struct lmm_image_symbols *image,
                              const struct lmm_image_symbols *malloc_image)
{
    for (size_t i = 1; i < image->count; i++) {
        const char *name = lmm_image_symbol_name(image, &image->symbols[i]);
        uint64_t address = image->symbols[i].st_shndx == SHN_UNDEF && takes_block(name)
                               ? lmm_image_symbol(malloc_image, name, NULL)
                               : 0;

        if (address != 0 && !is_led(attempt, address)) {
            return name;
        }
    }
    return NULL;
}

static bool find_malloc(const struct lmm_attempt *attempt, struct lmm_image_symbols *ret_image)
{
    const struct lmm_mapping *module = NULL;

    while ((module = lmm_target_map_next_module(&attempt->map, module)) != NULL) {
        if (lmm_image_symbols_read(&attempt->tracee, module->from, ret_image)) {
            if (has_malloc(attempt, ret_image)) {
                return true;
            }
            lmm_image_symbols_free(ret_image);
        }
    }
    return false;
}

bool lmm_attempt_check_others(struct lmm_attempt *attempt)
{
    const struct lmm_mapping *module = NULL;
    struct lmm_image_symbols malloc_image;
    bool done = true;

    if (!find_malloc(attempt, &malloc_image)) {
        return lmm_reason_set(attempt->reason, "its malloc cannot be found");
    }
    while (done && (module = lmm_target_map_next_module(&attempt->map, module)) != NULL) {
        struct lmm_image_symbols image;

        if (lmm_image_symbols_read(&attempt->tracee, module->from, &image)) {
            const char *name = find_unled(attempt, &image, &malloc_image);

            done = name == NULL ||
                   lmm_reason_set(attempt->reason,
                                  "it calls %s of its malloc, which LMM does not replace", name);
            lmm_image_symbols_free(&image);
        }
    }
    lmm_image_symbols_free(&malloc_image);
    return done;
}
