/* SPDX-License-Identifier: MIT */
#include "lib/front/leaks.h"

#include "lib/books/accounts.h"
#include "lib/books/checks.h"
#include "lib/books/site.h"
#include "lib/front/block.h"
#include "lib/front/misuse.h"
#include "lib/ground/options.h"
#include "lib/ground/system.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"
#include "lib/leaks/agent.h"
#include "lib/leaks/check.h"
#include "lib/leaks/declared.h"
#include "lib/leaks/keepers.h"
#include "lib/leaks/mark.h"
#include "lib/leaks/marks.h"
#include "lib/leaks/page_walk.h"
#include "lib/pages/family.h"

#include <errno.h>
#include <limits.h>
#include <lmm/lmm.h>
#include <string.h>

/* The drop-in starts before libc is ready for what the agent needs. */
__attribute__((constructor(102))) static void watch_for_questions(void)
{
    if (lmm_has_started()) {
        lmm_agent_watch();
    }
}

/* ---- Checks ---------------------------------------------------------------------------------- */

enum { CONFIRM_MS = 100 };

static bool is_done;            /* the check at exit; atomic */
static bool (*ask_first)(void); /* before it; NULL: nobody */

static_assert((unsigned) LMM_OPTION_HEURISTICS_ALL == (unsigned) LMM_HEURISTICS_ALL,
              "the options name all of them");

static unsigned heuristics(void)
{
    return LMM_HEURISTICS_ALL & ~lmm_options.heuristics_off;
}

/* Whether this process ends, and not a child that has not called LMM. */
static bool has_books(void)
{
    return lmm_has_started() && lmm_thread_is_settled() && lmm_chunks_header() != NULL &&
           lmm_chunks_header()->pid == (uint32_t) lmm_system_getpid();
}

static bool has_reader(void)
{
    return lmm_load_relaxed(&lmm_chunks_header()->file_bytes) != 0;
}

/* Whether the options ask for a check, somebody can see its result, and it was not made yet. */
static bool begin_check_at_exit(void)
{
    return has_books() &&
           ((lmm_options.check && has_reader()) || (lmm_options.leaks && !lmm_options.leaks_all)) &&
           !__atomic_exchange_n(&is_done, true, __ATOMIC_RELAXED);
}

/* The walk over the pages at exit, once. */
static void walk_pages_at_exit(void)
{
    static bool is_walked; /* atomic */

    if (has_books() && (lmm_options.check || lmm_options.pages) && has_reader() &&
        !__atomic_exchange_n(&is_walked, true, __ATOMIC_RELAXED)) {
        lmm_page_walk_run(LMM_LEDGER_PAGES_AT_EXIT);
    }
}

/* Puts the sites that retain most bytes into the books, which do without them where memory is short. */
static void keep_keepers(const struct lmm_saved_registers *entry)
{
    static struct lmm_keepers keepers; /* it is long; the process ends once */
    static struct lmm_ledger_keeper records[LMM_KEEPERS_MAX];

    if (lmm_check_find_keepers(entry, true, NULL, &keepers) != 0) {
        return;
    }
    for (size_t i = 0; i < keepers.count; i++) {
        records[i] = (struct lmm_ledger_keeper) {.bytes = keepers.list[i].bytes,
                                                 .site = keepers.list[i].site};
    }
    lmm_checks_add_keepers(records, keepers.count);
}

/* The program may set options when it is asked. */
static void check_at_exit(const struct lmm_saved_registers *entry)
{
    if (!begin_check_at_exit() || (ask_first != NULL && !ask_first())) {
        return;
    }
    const struct lmm_check_request request = {
        .at_exit = true,
        .unaligned = lmm_options.unaligned,
        .heuristics = heuristics(),
        .entry = entry,
    };
    struct lmm_ledger_check check;

    if (lmm_check_run(&request, &check) == 0 && lmm_options.retained) {
        keep_keepers(entry);
    }
}

void lmm_leaks_check_at_exit(const struct lmm_saved_registers *entry)
{
    check_at_exit(entry);
    walk_pages_at_exit();
}

void lmm_leaks_ask_before_exit(bool (*ask)(void))
{
    ask_first = ask;
}

static LMM_NOINLINE int check_with(uint32_t flags, const struct lmm_saved_registers *entry)
{
    const struct lmm_check_request request = {.flags = flags,
                                              .unaligned = lmm_options.unaligned,
                                              .heuristics = heuristics(),
                                              .entry = entry};
    struct lmm_ledger_check check;

    return lmm_check_run(&request, &check);
}

int lmm_leaks_check_now(const struct lmm_saved_registers *entry)
{
    return check_with(0, entry);
}

int lmm_leaks_check_instead(const struct lmm_saved_registers *entry)
{
    __atomic_store_n(&is_done, true, __ATOMIC_RELAXED);
    return check_with(LMM_LEDGER_CHECK_AT_EXIT, entry);
}

static struct lmm_leak_count count_kind(uint32_t kind)
{
    struct lmm_checks_sum sum = lmm_checks_sum(kind);

    return (struct lmm_leak_count) {sum.blocks, sum.bytes};
}

uint64_t lmm_leaks_lost_blocks(void)
{
    return count_kind(LMM_LEDGER_LEAK_DEFINITE).blocks +
           count_kind(LMM_LEDGER_LEAK_INDIRECT).blocks;
}

/* In a frame of its own, as all that follows the saving of registers (check.h): a frame has room in which old words
 * may lie, and they would be roots. */
static LMM_NOINLINE int scan_since(uint32_t mark, unsigned flags, struct lmm_leaks *ret_leaks,
                                   const struct lmm_saved_registers *entry)
{
    const struct lmm_check_request request = {
        .mark = mark,
        .confirm_ms = (flags & LMM_LEAK_CONFIRM) != 0 ? CONFIRM_MS : 0,
        .unaligned = (flags & LMM_LEAK_UNALIGNED) != 0,
        .heuristics = (flags & LMM_LEAK_EXACT_ONLY) != 0 ? 0 : heuristics(),
        .entry = entry,
    };
    struct lmm_ledger_check check;
    const unsigned known = LMM_LEAK_UNALIGNED | LMM_LEAK_EXACT_ONLY | LMM_LEAK_CONFIRM;
    bool is_known = (flags & ~known) == 0;
    int error = is_known && ret_leaks != NULL ? lmm_check_run(&request, &check) : -EINVAL;

    if (error != 0) {
        errno = -error;
        return -1;
    }
    *ret_leaks = (struct lmm_leaks) {
        .definite = count_kind(LMM_LEDGER_LEAK_DEFINITE),
        .indirect = count_kind(LMM_LEDGER_LEAK_INDIRECT),
        .possible = count_kind(LMM_LEDGER_LEAK_POSSIBLE),
        .reachable = count_kind(LMM_LEDGER_LEAK_REACHABLE),
        .ignored = count_kind(LMM_LEDGER_LEAK_IGNORED),
        .threads = check.threads,
        .threads_unseen = check.threads_unseen,
        .pause_ns = check.pause_ns,
        .scan_ns = check.scan_ns,
    };
    return 0;
}

LMM_API int lmm_leak_scan_since(uint32_t mark, unsigned flags, struct lmm_leaks *ret_leaks)
{
    struct lmm_saved_registers entry;

    lmm_registers_save(&entry);
    if (mark == 0) {
        errno = EINVAL;
        return -1;
    }
    return scan_since(mark, flags, ret_leaks, &entry);
}

LMM_API int lmm_leak_scan(unsigned flags, struct lmm_leaks *ret_leaks)
{
    struct lmm_saved_registers entry;

    lmm_registers_save(&entry);
    return scan_since(0, flags, ret_leaks, &entry);
}

LMM_API uint32_t lmm_mark(const char *text)
{
    char kept[LMM_MARK_TEXT_MAX + 1] = {0};

    if (text != NULL) {
        memcpy(kept, text, strnlen(text, LMM_MARK_TEXT_MAX));
    }
    uint32_t number = 0;
    int error = lmm_marks_add(kept, &number);
    if (error != 0) {
        errno = -error;
    }
    return number;
}

/* ---- Who holds a block ----------------------------------------------------------------------- */

static_assert((int) LMM_LEAK_STEPS_MAX == (int) LMM_CHAIN_STEPS, "the public room is enough");

static struct lmm_leak_step public_step(const struct lmm_chain_link *link)
{
    struct lmm_site_facts site = lmm_accounts_site_facts(link->to_site);

    return (struct lmm_leak_step) {
        .is_root = link->step.is_root,
        .from = (const void *) link->step.from,
        .offset = link->step.offset,
        .to = (const void *) link->step.to,
        .to_offset = link->step.to_offset,
        .bytes = link->to_bytes,
        .file = site.file,
        .function = site.function,
        .line = site.line,
    };
}

static LMM_NOINLINE int find_path(const void *p, struct lmm_leak_step *ret_steps,
                                  const struct lmm_saved_registers *entry)
{
    struct lmm_chain chain;

    int error = p == NULL || ret_steps == NULL ? -EINVAL
                                               : lmm_check_find_chain((uintptr_t) p, entry, &chain);
    if (error == 0 && !chain.is_block) {
        error = -EINVAL;
    }
    if (error != 0) {
        errno = -error;
        return -1;
    }
    for (size_t i = 0; i < chain.count; i++) {
        ret_steps[i] = public_step(&chain.links[i]);
    }
    return chain.length < INT_MAX ? (int) chain.length : INT_MAX;
}

LMM_API int lmm_leak_path(const void *p, struct lmm_leak_step *ret_steps)
{
    struct lmm_saved_registers entry;

    lmm_registers_save(&entry);
    return find_path(p, ret_steps, &entry);
}

/* ---- Roots ----------------------------------------------------------------------------------- */

static bool is_range(const void *start, size_t bytes)
{
    if (start != NULL && bytes != 0 && bytes <= UINTPTR_MAX - (uintptr_t) start) {
        return true;
    }
    errno = EINVAL;
    return false;
}

LMM_API int lmm_root_add(const void *start, size_t bytes)
{
    return is_range(start, bytes) && lmm_start() && lmm_declared_add(start, bytes) ? 0 : -1;
}

LMM_API int lmm_root_remove(const void *start, size_t bytes)
{
    return is_range(start, bytes) && lmm_declared_remove(start, bytes) ? 0 : -1;
}

/* ---- Blocks that are no leaks ---------------------------------------------------------------- */

LMM_API void lmm_leak_ignore(void *p)
{
    struct lmm_block_facts facts;

    if (p == NULL) {
        return;
    }
    if (!lmm_block_find(p, &facts)) {
        lmm_misuse(p, "ignore");
    }
    lmm_block_ignore(p, &facts);
}

LMM_API void lmm_leak_disable(void)
{
    lmm_thread_ignore_begin();
}

LMM_API void lmm_leak_enable(void)
{
    lmm_thread_ignore_end();
}

/* ---- Blocks without pointers ----------------------------------------------------------------- */

LMM_API struct lmm_family *lmm_family_no_pointers(struct lmm_family *family)
{
    if (family != NULL) {
        lmm_store_relaxed(&family->is_pointer_free, true);
    }
    return family;
}

LMM_API void *lmm_site_no_pointers(void *p)
{
    struct lmm_block_facts facts;

    if (p == NULL) {
        return NULL;
    }
    if (!lmm_block_find(p, &facts)) {
        lmm_misuse(p, "mark");
    }
    lmm_site_mark(lmm_tag_site(facts.tag), LMM_SITE_POINTER_FREE);
    return p;
}
