/* SPDX-License-Identifier: MIT */
#include "lib/leaks/check.h"

#include "lib/books/checks.h"
#include "lib/ground/meta.h"
#include "lib/ground/signals.h"
#include "lib/ground/sync.h"
#include "lib/ground/system.h"
#include "lib/ground/vm.h"
#include "lib/heaps/fork.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"
#include "lib/leaks/confirm.h"
#include "lib/leaks/process_copy.h"
#include "lib/leaks/ended_main.h"
#include "lib/leaks/leak_classes.h"
#include "lib/leaks/roots.h"
#include "lib/leaks/since.h"
#include "lib/leaks/soften.h"
#include "lib/leaks/turn.h"
#include "lib/pages/span.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum {
    WORDS_MAX = 1 << 17,
    LEAKS_MAX = 1 << 20, /* as many as there can be sites */
    LEAKS_MIN = 1 << 10,
    MOVE_US = 100,
    SLEEP_US_MAX = 500000,
    MOVES_MAX = 1000,
};

/* In memory that the process shares with its copy. */
struct result {
    uint32_t is_done; /* atomic; stored last */
    int error;        /* 0, or -errno */
    uint64_t scanned_bytes;
    uint64_t unread_bytes;
    struct lmm_chain chain; /* these three when they are asked for, instead of: */
    struct lmm_keepers keepers;
    struct lmm_chain_shapes shapes;
    size_t leaks_used;
    size_t leaks_room;
    struct lmm_ledger_leak leaks[];
};

enum question { CLASSES, FIRST_PASS, WHY, SHAPES, RETAINED };

/* A check that runs. */
struct run {
    const struct lmm_check_request *request;
    enum question question;
    uintptr_t wanted;                     /* of WHY: the block's address; of SHAPES the site */
    const struct lmm_site_groups *groups; /* of SHAPES and RETAINED; NULL: none */
    struct lmm_roots_settings roots;
    struct lmm_ranges marked;
    struct lmm_stop stop;
    struct lmm_since_filter filter;
    struct lmm_confirm *confirm; /* of FIRST_PASS, and of CLASSES after it; NULL: no first pass */
    int early;                   /* -errno of the first pass; 0: none */
    uintptr_t *words;
    struct result *result;
    size_t result_bytes;
    int copy;          /* its id; 0: none */
    bool is_uncertain; /* a long block was being moved all the time */
    struct lmm_ledger_check check;
};

/* ---- The scan -------------------------------------------------------------------------------- */

static void visit_range(const void *from, const void *to, uintptr_t address, void *arg)
{
    (void) address;
    lmm_marker_root(arg, from, to);
}

static void visit_word(uintptr_t word, void *arg)
{
    lmm_marker_root_word(arg, word);
}

static bool visit_is_block(uintptr_t address, uintptr_t *ret_start, size_t *ret_bytes, void *arg)
{
    return lmm_marker_is_block(arg, address, ret_start, ret_bytes);
}

/* The mappings of files, for the marker; NULL when there is no memory. */
static struct lmm_marker_mapping *list_files(const struct lmm_ranges *ranges, size_t *ret_count)
{
    struct lmm_marker_mapping *files = lmm_meta_map((ranges->count + 1) * sizeof(*files));
    const uint32_t wanted = LMM_RANGE_READ | LMM_RANGE_FILE;

    *ret_count = 0;
    for (size_t i = 0; files != NULL && i < ranges->count; i++) {
        const struct lmm_range *range = &ranges->list[i];
        if ((range->flags & (wanted | LMM_RANGE_DEVICE)) == wanted) {
            files[(*ret_count)++] = (struct lmm_marker_mapping) {
                range->from, range->to, (range->flags & LMM_RANGE_EXECUTE) != 0};
        }
    }
    return files;
}

static int tally(struct lmm_marker *marker, const struct run *run)
{
    struct result *result = run->result;
    struct lmm_classes classes;

    if (!lmm_classes_tally(marker, &run->filter, &classes)) {
        return -ENOMEM;
    }
    if (run->check.threads_unseen != 0 || marker->scan.graph.damaged != 0 ||
        run->roots.word_count == WORDS_MAX) {
        lmm_soften(classes.leaks, &classes.count);
    }
    result->leaks_used = classes.count < result->leaks_room ? classes.count : result->leaks_room;
    memcpy(result->leaks, classes.leaks, result->leaks_used * sizeof(result->leaks[0]));
    lmm_classes_end(&classes);
    return 0;
}

/* Blocks may lie in memory that a copy lacks, whose words were collected before; or in memory whose pages
 * another thread provides, where it is not known what they lead to. */
static void note_gaps(struct lmm_graph *graph, const struct run *run)
{
    const uint32_t unknown = LMM_RANGE_USERFAULT | LMM_RANGE_IO;
    const uint32_t flags = unknown | (run->roots.is_copy ? (uint32_t) LMM_RANGE_NO_FORK : 0u);

    for (size_t i = 0; i < run->marked.count; i++) {
        const struct lmm_range *range = &run->marked.list[i];
        size_t before = graph->gap_count;
        if ((range->flags & flags) != 0) {
            lmm_graph_add_gap(graph, range->from, range->to);
        }
        if ((range->flags & unknown) != 0 && graph->gap_count != before) {
            graph->damaged++;
        }
    }
}

static int mark(struct lmm_roots *roots, const struct run *run,
                const struct lmm_marker_settings *settings)
{
    struct lmm_marker marker;
    struct lmm_roots_visitor visitor = {
        .range = visit_range, .word = visit_word, .is_block = visit_is_block, .arg = &marker};

    if (!lmm_marker_init(&marker, settings)) {
        return -ENOMEM;
    }
    if (run->roots.is_copy || run->stop.unseen == 0) {
        lmm_scan_learn(&marker.scan, &roots->ranges, &roots->present);
    }
    note_gaps(&marker.scan.graph, run);
    lmm_roots_visit(roots, &visitor);
    lmm_marker_run(&marker);
    int error = 0;
    if (run->question == FIRST_PASS) {
        lmm_confirm_keep(run->confirm, &marker);
    } else {
        if (run->confirm != NULL) {
            lmm_confirm_apply(run->confirm, &marker);
        }
        error = tally(&marker, run);
    }
    run->result->scanned_bytes = marker.scan.bytes;
    run->result->unread_bytes = visitor.unread_bytes;
    lmm_marker_end(&marker);
    return error;
}

static int answer(struct lmm_roots *roots, const struct run *run,
                  const struct lmm_marker_settings *settings)
{
    switch (run->question) {
    case WHY: return lmm_chain_find(roots, settings, run->wanted, &run->result->chain);
    case SHAPES:
        return lmm_chain_shapes_find(roots, settings, run->groups, (uint32_t) run->wanted,
                                     &run->result->shapes);
    case RETAINED: return lmm_keepers_find(roots, run->groups, &run->result->keepers);
    default: return mark(roots, run, settings);
    }
}

/* In the copy, or in the process while the other threads stand still. */
static void scan(void *arg)
{
    struct run *run = arg;
    struct lmm_marker_settings settings = {.unaligned = run->request->unaligned,
                                           .heuristics = run->request->heuristics};
    struct lmm_roots roots;
    int error = lmm_roots_init(&roots, &run->roots);

    if (error == 0) {
        struct lmm_marker_mapping *files = list_files(&roots.ranges, &settings.mapping_count);
        settings.mappings = files;
        error = files == NULL ? -ENOMEM : answer(&roots, run, &settings);
        if (files != NULL) {
            lmm_meta_unmap(files, (roots.ranges.count + 1) * sizeof(*files));
        }
        lmm_roots_free(&roots);
    }
    run->result->error = error;
    lmm_store_release(&run->result->is_done, 1u);
}

/* ---- The pause ------------------------------------------------------------------------------- */

/* The copy is made, or the scan is done; the other threads stand still. */
static void scan_or_copy(struct run *run)
{
    const struct lmm_stop *stop = &run->stop;
    bool is_alone = stop->count == stop->ended;
    bool is_in_place =
        (run->request->at_exit && is_alone) || lmm_ranges_have(&run->marked, LMM_RANGE_USERFAULT);

    run->check.time_ns = lmm_system_time_ns();
    run->roots.words = run->words;
    run->roots.is_copy = !is_in_place;
    if (!is_in_place) {
        run->roots.word_count = lmm_roots_collect(&run->marked, run->words, WORDS_MAX);
        run->copy = lmm_copy_start(scan, run);
    }
    if (is_in_place || run->copy < 0) {
        run->copy = 0;
        run->roots.is_copy = false;
        run->roots.word_count = 0;
        run->check.flags |= is_in_place && is_alone ? 0u : (uint32_t) LMM_LEDGER_CHECK_STOPPED;
        scan(run);
    }
}

static int pause_others(struct run *run)
{
    lmm_vm_bypass_sanitizer(true);
    int error = lmm_stop_threads(&run->stop);
    if (error == 0) {
        run->check.threads = (uint32_t) (run->stop.count - run->stop.ended + 1);
        run->check.threads_unseen = (uint32_t) run->stop.unseen + run->is_uncertain;
        scan_or_copy(run);
        lmm_stop_release(&run->stop);
        uint64_t pause_ns = lmm_system_clock_ns(CLOCK_MONOTONIC) - run->stop.began_ns;
        run->check.pause_ns = pause_ns > run->check.pause_ns ? pause_ns : run->check.pause_ns;
    }
    lmm_vm_bypass_sanitizer(false);
    return error;
}

/* Takes LMM's locks at a moment at which no long block is being moved; where that does not come, the
 * check is not certain. False: this thread holds one already. */
static bool take_locks(struct run *run)
{
    for (unsigned i = 0; lmm_fork_take_locks(); i++) {
        run->is_uncertain = !lmm_spans_are_at_rest();
        if (!run->is_uncertain || i == MOVES_MAX) {
            return true;
        }
        lmm_fork_release_locks();
        lmm_system_sleep_us(MOVE_US);
    }
    return false;
}

/* While others stand still, libc's own signals are blocked, too: a thread that changes the user waits. Not before:
 * that thread may hold a lock of libc for which a forking thread waits, which has LMM's locks (musl). */
static int pause_with_locks(struct run *run)
{
    uint64_t signals = 0;

    if (!take_locks(run)) {
        return -EDEADLK;
    }
    lmm_system_sigmask(SIG_BLOCK, UINT64_MAX, &signals);
    bool has_room = run->question != FIRST_PASS || lmm_confirm_map(run->confirm);
    int error = has_room ? pause_others(run) : -ENOMEM;
    lmm_fork_release_locks();
    lmm_system_sigmask(SIG_SETMASK, signals, NULL);
    return error;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static bool map_result(struct run *run)
{
    for (size_t room = LEAKS_MAX; room >= LEAKS_MIN; room /= 2) {
        run->result_bytes = sizeof(*run->result) + room * sizeof(run->result->leaks[0]);
        run->result = lmm_meta_map_shared(run->result_bytes);
        if (run->result != NULL) {
            run->result->leaks_room = room;
            return true;
        }
    }
    return false;
}

static int prepare(struct run *run)
{
    run->filter =
        (struct lmm_since_filter) {lmm_since_find(run->request->mark), run->request->wants_old};
    if (run->request->mark != 0 && run->filter.mark == NULL) {
        return -ENOENT;
    }
    run->words = lmm_meta_map(WORDS_MAX * sizeof(run->words[0]));
    if (run->words == NULL || !map_result(run)) {
        return -ENOMEM;
    }
    return lmm_ranges_read(&run->marked, true);
}

static void clean_up(struct run *run)
{
    lmm_ranges_free(&run->marked);
    if (run->words != NULL) {
        lmm_meta_unmap(run->words, WORDS_MAX * sizeof(run->words[0]));
    }
    if (run->result != NULL) {
        lmm_meta_unmap(run->result, run->result_bytes);
    }
}

/* The copy may have been killed, for example because memory ran out. */
static int finish(struct run *run)
{
    if (run->copy != 0) {
        lmm_copy_wait(run->copy);
    }
    if (lmm_load_acquire(&run->result->is_done) == 0) {
        return -ECHILD;
    }
    run->check.scanned_bytes = run->result->scanned_bytes;
    run->check.roots_unread = run->result->unread_bytes;
    run->check.leaks = run->result->error == 0 ? (uint32_t) run->result->leaks_used : 0;
    run->check.scan_ns = lmm_system_time_ns() - run->check.time_ns;
    return run->result->error;
}

static int run_blocked(struct run *run)
{
    int error = run->early != 0 ? run->early : prepare(run);

    error = error != 0 ? error : pause_with_locks(run);
    error = error != 0 ? error : finish(run);
    if (error == -EDEADLK) {
        return error;
    }
    run->check.time_ns = run->check.time_ns == 0 ? lmm_system_time_ns() : run->check.time_ns;
    run->check.failure = (uint32_t) -error;
    if (run->question != CLASSES) {
        return error;
    }
    if (!lmm_checks_write(&run->check, error == 0 ? run->result->leaks : NULL) && error == 0) {
        error = -ENOMEM;
        run->check.failure = ENOMEM;
        run->check.leaks = 0;
    }
    return error;
}

/* Runs a check, a pass of one, or a question, with the caller's signals blocked. take(): gets the result,
 * unless that is NULL. */
static int run_pass(struct run *run, const struct lmm_saved_registers *entry,
                    void (*take)(const struct result *result, void *ret), void *ret)
{
    run->roots = (struct lmm_roots_settings) {
        .self = entry, .stop = &run->stop, .marked = &run->marked, .is_copy = true};
    uint64_t signals = lmm_signals_block();
    int error = run_blocked(run);
    if (error == 0 && take != NULL) {
        take(run->result, ret);
    }
    clean_up(run);
    lmm_signals_restore(signals);
    return error;
}

static void wait_ms(uint32_t ms)
{
    uint64_t end_ns = lmm_system_clock_ns(CLOCK_MONOTONIC) + ms * UINT64_C(1000000);

    for (uint64_t now_ns; (now_ns = lmm_system_clock_ns(CLOCK_MONOTONIC)) < end_ns;) {
        uint64_t us = (end_ns - now_ns) / 1000 + 1;
        lmm_system_sleep_us(us < SLEEP_US_MAX ? (unsigned) us : SLEEP_US_MAX);
    }
}

/* The first pass of two, and the time between them. *ret_pause_ns: how long it stopped the threads. */
static LMM_NOINLINE int run_first_pass(const struct lmm_check_request *request,
                                       const struct lmm_saved_registers *entry,
                                       struct lmm_confirm *confirm, uint64_t *ret_pause_ns)
{
    struct run run = {.request = request, .question = FIRST_PASS, .confirm = confirm};
    int error = run_pass(&run, entry, NULL, NULL);

    if (error == 0) {
        *ret_pause_ns = run.check.pause_ns;
        wait_ms(request->confirm_ms);
    }
    return error;
}

static LMM_NOINLINE int run_check(const struct lmm_check_request *request,
                                  const struct lmm_saved_registers *entry,
                                  struct lmm_ledger_check *ret_check)
{
    struct lmm_confirm confirm = {.first = NULL};
    struct run run = {.request = request};
    struct lmm_saved_registers end = {.sp = 0};
    uint64_t first_pause_ns = 0;

    if (request->at_exit && lmm_main_has_returned(entry->sp, &end.sp)) {
        entry =
            &end; /* frames and registers of what runs at the end hold nothing of the program's */
    }
    if (request->confirm_ms != 0) {
        run.early = run_first_pass(request, entry, &confirm, &first_pause_ns);
        run.confirm = &confirm;
        run.check.pause_ns = first_pause_ns;
    }
    run.check.flags = request->flags | (request->at_exit ? LMM_LEDGER_CHECK_AT_EXIT : 0u) |
                      (request->unaligned ? LMM_LEDGER_CHECK_UNALIGNED : 0u) |
                      (request->confirm_ms != 0 ? LMM_LEDGER_CHECK_TWICE : 0u);
    run.check.mark = request->mark;
    int error = run_pass(&run, entry, NULL, NULL);
    *ret_check = run.check;
    lmm_confirm_unmap(&confirm);
    return error;
}

int lmm_check_run(const struct lmm_check_request *request, struct lmm_ledger_check *ret_check)
{
    struct lmm_saved_registers here = {.sp = 0};

    lmm_registers_save(&here);
    *ret_check = (struct lmm_ledger_check) {0};
    if (!lmm_start()) {
        return -ENOMEM;
    }
    lmm_thread_settle();
    int error = lmm_turn_take();
    if (error == 0) {
        error = run_check(request, request->entry != NULL ? request->entry : &here, ret_check);
        lmm_turn_give();
    }
    return error;
}

/* Runs a check whose result is not for the books. */
static LMM_NOINLINE int run_question(struct run *run, const struct lmm_saved_registers *entry,
                                     void (*take)(const struct result *result, void *ret),
                                     void *ret)
{
    struct lmm_saved_registers end = {.sp = 0};

    if (run->request->at_exit && lmm_main_has_returned(entry->sp, &end.sp)) {
        entry = &end;
    }
    return run_pass(run, entry, take, ret);
}

static int ask(struct run *run, const struct lmm_saved_registers *entry,
               void (*take)(const struct result *result, void *ret), void *ret)
{
    int error = lmm_start() ? 0 : -ENOMEM;

    if (error == 0) {
        lmm_thread_settle();
        error = lmm_turn_take();
    }
    if (error == 0) {
        error = run_question(run, entry, take, ret);
        lmm_turn_give();
    }
    return error;
}

static void take_chain(const struct result *result, void *ret)
{
    *(struct lmm_chain *) ret = result->chain;
}

int lmm_check_find_chain(uintptr_t address, const struct lmm_saved_registers *entry,
                         struct lmm_chain *ret_chain)
{
    const struct lmm_check_request request = {.heuristics = LMM_HEURISTICS_ALL};
    struct run run = {.request = &request, .question = WHY, .wanted = address};

    return ask(&run, entry, take_chain, ret_chain);
}

static void take_shapes(const struct result *result, void *ret)
{
    *(struct lmm_chain_shapes *) ret = result->shapes;
}

int lmm_check_find_shapes(const struct lmm_site_groups *groups, uint32_t site,
                          const struct lmm_saved_registers *entry,
                          struct lmm_chain_shapes *ret_shapes)
{
    const struct lmm_check_request request = {.heuristics = LMM_HEURISTICS_ALL};
    struct run run = {.request = &request, .question = SHAPES, .wanted = site, .groups = groups};

    return ask(&run, entry, take_shapes, ret_shapes);
}

static void take_keepers(const struct result *result, void *ret)
{
    *(struct lmm_keepers *) ret = result->keepers;
}

int lmm_check_find_keepers(const struct lmm_saved_registers *entry, bool at_exit,
                           const struct lmm_site_groups *groups, struct lmm_keepers *ret_keepers)
{
    const struct lmm_check_request request = {.heuristics = LMM_HEURISTICS_ALL, .at_exit = at_exit};
    struct run run = {.request = &request, .question = RETAINED, .groups = groups};

    return ask(&run, entry, take_keepers, ret_keepers);
}
