/* SPDX-License-Identifier: MIT */
#include "lib/leaks/keepers.h"

#include <errno.h>

static void visit_range(const void *from, const void *to, uintptr_t address, void *arg)
{
    (void) address;
    lmm_retainer_root(arg, from, to);
}

static void visit_word(uintptr_t word, void *arg)
{
    lmm_retainer_root_word(arg, word);
}

static bool visit_is_block(uintptr_t address, uintptr_t *ret_start, size_t *ret_bytes, void *arg)
{
    const struct lmm_retainer *retainer = arg;
    struct lmm_graph_block block;

    if (!lmm_graph_find(&retainer->scan.graph, address, &block)) {
        return false;
    }
    *ret_start = block.start;
    *ret_bytes = block.room;
    return true;
}

/* Keeps the largest, by insertion. */
static void add(struct lmm_keepers *keepers, struct lmm_keeper keeper)
{
    size_t at = keepers->count < LMM_KEEPERS_MAX ? keepers->count++ : LMM_KEEPERS_MAX - 1;

    if (at == LMM_KEEPERS_MAX - 1 && keepers->list[at].bytes >= keeper.bytes) {
        return;
    }
    for (; at > 0 && keepers->list[at - 1].bytes < keeper.bytes; at--) {
        keepers->list[at] = keepers->list[at - 1];
    }
    keepers->list[at] = keeper;
}

int lmm_keepers_find(const struct lmm_roots *roots, const struct lmm_site_groups *groups,
                     struct lmm_keepers *ret_keepers)
{
    struct lmm_retainer retainer;
    struct lmm_roots_visitor visitor = {
        .range = visit_range, .word = visit_word, .is_block = visit_is_block, .arg = &retainer};

    *ret_keepers = (struct lmm_keepers) {.count = 0};
    if (!lmm_retainer_init(&retainer)) {
        return -ENOMEM;
    }
    retainer.groups = groups;
    lmm_roots_visit(roots, &visitor);
    bool done = lmm_retainer_run(&retainer);
    for (uint32_t site = 0; site < LMM_RETAINED_SITES && done; site++) {
        if (retainer.bytes[site] != 0) {
            add(ret_keepers, (struct lmm_keeper) {site, retainer.bytes[site]});
        }
    }
    lmm_retainer_end(&retainer);
    return done ? 0 : -ENOMEM;
}
