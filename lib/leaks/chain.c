/* SPDX-License-Identifier: MIT */
#include "lib/leaks/chain.h"

#include "lib/ground/vm.h"
#include "lib/leaks/registers.h"
#include "lib/leaks/stop.h"
#include "lib/leaks/thread_stack.h"

#include <errno.h>

static void visit_range(const void *from, const void *to, uintptr_t address, void *arg)
{
    lmm_path_root(arg, from, to, address);
}

static void visit_word(uintptr_t word, void *arg)
{
    lmm_path_root_word(arg, word);
}

static bool visit_is_block(uintptr_t address, uintptr_t *ret_start, size_t *ret_bytes, void *arg)
{
    const struct lmm_path *path = arg;

    return lmm_marker_is_block(&path->marker, address, ret_start, ret_bytes);
}

/* Adds the sites of the blocks. */
static void describe(const struct lmm_path *path, struct lmm_chain_link *link)
{
    struct lmm_graph_block block;

    if (lmm_graph_find(&path->marker.scan.graph, link->step.to, &block)) {
        link->to_site = lmm_tag_site(lmm_load_relaxed(&block.page->tags[block.slot]));
        link->to_bytes = lmm_graph_counted_bytes(&block);
    }
}

/* ---- Whose the root is ----------------------------------------------------------------------- */

struct search {
    uintptr_t address;
    bool is_found;
};

static void look_in(const void *from, const void *to, void *arg)
{
    struct search *search = arg;

    search->is_found = search->is_found ||
                       (search->address >= (uintptr_t) from && search->address < (uintptr_t) to);
}

/* Whether a register of the thread was saved there. */
static bool is_register_of(const struct lmm_stop_thread *thread, uintptr_t address)
{
    struct search search = {.address = address};

    if (lmm_vm_is_readable((uintptr_t) thread->context)) {
        lmm_registers_visit(thread->context, look_in, &search);
    }
    return search.is_found;
}

/* Whether the address is on the thread's own stack, above which glibc has the thread's variables. range:
 * that of the address. */
static bool is_on_stack_of(const struct lmm_stop_thread *thread, const struct lmm_range *range,
                           uintptr_t address)
{
    struct lmm_thread_stack stack;

    if ((range->flags & LMM_RANGE_STACK) != 0) {
        return thread->sp >= range->from && thread->sp < range->to;
    }
    return thread->tp >= range->from && thread->tp < range->to &&
           lmm_thread_stack_find(range, thread->tp, &stack) && address >= stack.from &&
           address < stack.to;
}

int lmm_chain_thread_of(const struct lmm_roots *roots, uintptr_t address, bool *ret_is_register)
{
    const struct lmm_range *range = lmm_ranges_find(&roots->ranges, address);

    for (size_t i = 0; range != NULL && i < roots->settings.stop->count; i++) {
        const struct lmm_stop_thread *thread = lmm_stop_thread(i);
        if (lmm_stop_state(thread) != LMM_STOP_SEEN) {
            continue;
        }
        *ret_is_register = is_register_of(thread, address);
        if (*ret_is_register || is_on_stack_of(thread, range, address)) {
            return thread->thread;
        }
    }
    return 0;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void take_chain(const struct lmm_path *path, uintptr_t address, struct lmm_chain *chain)
{
    struct lmm_path_step steps[LMM_CHAIN_STEPS];
    struct lmm_graph_block block;

    *chain = (struct lmm_chain) {
        .is_block = lmm_graph_find(&path->marker.scan.graph, address, &block),
        .length = lmm_path_find(path, address, steps, LMM_CHAIN_STEPS),
    };
    chain->count = chain->length < LMM_CHAIN_STEPS ? chain->length : (size_t) LMM_CHAIN_STEPS;
    for (size_t i = 0; i < chain->count; i++) {
        chain->links[i].step = steps[i];
        describe(path, &chain->links[i]);
    }
}

bool lmm_chain_follow(const struct lmm_roots *roots, const struct lmm_marker_settings *settings,
                      struct lmm_path *ret_path)
{
    struct lmm_roots_visitor visitor = {
        .range = visit_range, .word = visit_word, .is_block = visit_is_block, .arg = ret_path};

    if (!lmm_path_init(ret_path, settings)) {
        return false;
    }
    lmm_roots_visit(roots, &visitor);
    lmm_path_run(ret_path);
    return true;
}

int lmm_chain_find(const struct lmm_roots *roots, const struct lmm_marker_settings *settings,
                   uintptr_t address, struct lmm_chain *ret_chain)
{
    struct lmm_path path;

    if (!lmm_chain_follow(roots, settings, &path)) {
        return -ENOMEM;
    }
    take_chain(&path, address, ret_chain);
    if (ret_chain->count != 0 && ret_chain->links[0].step.is_root) {
        ret_chain->thread =
            lmm_chain_thread_of(roots, ret_chain->links[0].step.from, &ret_chain->is_in_register);
    }
    lmm_path_end(&path);
    return 0;
}
