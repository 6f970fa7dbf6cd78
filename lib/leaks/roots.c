/* SPDX-License-Identifier: MIT */
#include "lib/leaks/roots.h"

#include "lib/books/chunks.h"
#include "lib/ground/meta.h"
#include "lib/ground/space.h"
#include "lib/ground/sync.h"
#include "lib/ground/system.h"
#include "lib/ground/vm.h"
#include "lib/leaks/declared.h"
#include "lib/leaks/thread_stack.h"
#include "lib/pages/family.h"
#include "lib/pages/page.h"

#include <errno.h>
#include <fcntl.h>

enum { BUFFER_BYTES = 1 << 16 };

/* ---- What is LMM's own ----------------------------------------------------------------------- */

static void add_gap(uintptr_t from, uintptr_t to, void *arg)
{
    lmm_gaps_add(arg, from, to);
}

static void add_units(struct lmm_gaps *gaps)
{
    for (const struct lmm_area *area = lmm_space.areas; area != NULL; area = area->next) {
        for (size_t i = 0; i < LMM_AREA_UNITS;) {
            size_t end = i;
            while (end < LMM_AREA_UNITS && (area->mapped >> end & 1) != 0) {
                end++;
            }
            lmm_gaps_add(gaps, (area->first_unit + i) << LMM_UNIT_SHIFT,
                         (area->first_unit + end) << LMM_UNIT_SHIFT);
            i = end + 1;
        }
    }
}

static void add_own(struct lmm_gaps *gaps)
{
    uintptr_t from;
    uintptr_t to;

    add_units(gaps);
    lmm_page_window_memory(&from, &to);
    lmm_gaps_add(gaps, from, to);
    from = (uintptr_t) &lmm_page_near_window;
    lmm_gaps_add(gaps, from, from + sizeof(lmm_page_near_window));
    lmm_meta_for_each_mapping(add_gap, gaps);
    lmm_chunks_for_each_range(add_gap, gaps);
}

/* ---- Threads --------------------------------------------------------------------------------- */

static uintptr_t align_down(uintptr_t address)
{
    return address & ~(uintptr_t) (sizeof(uintptr_t) - 1);
}

/* The part of a thread's stack that is not in use becomes a gap. used: the lowest address in use. */
static void add_unused_stack(struct lmm_roots *roots, uintptr_t used, uintptr_t tp)
{
    const struct lmm_range *range = lmm_ranges_find(&roots->ranges, used);
    struct lmm_thread_stack stack;

    if (range == NULL) {
        return;
    }
    if ((range->flags & LMM_RANGE_STACK) != 0) {
        lmm_gaps_add(&roots->gaps, range->from, used);
        return;
    }
    range = tp == 0 ? NULL : lmm_ranges_find(&roots->ranges, tp);
    if (range != NULL && lmm_thread_stack_find(range, tp, &stack) && used >= stack.from &&
        used < stack.to) {
        lmm_gaps_add(&roots->gaps, stack.from, used);
    }
}

static void add_unused_stacks(struct lmm_roots *roots)
{
    const struct lmm_roots_settings *settings = &roots->settings;
    uintptr_t here = (uintptr_t) __builtin_frame_address(0);

    for (size_t i = 0; i < settings->stop->count; i++) {
        const struct lmm_stop_thread *thread = lmm_stop_thread(i);
        if (lmm_stop_state(thread) == LMM_STOP_SEEN) {
            add_unused_stack(roots, align_down(thread->sp - LMM_RED_ZONE_BYTES), thread->tp);
        }
    }
    add_unused_stack(roots, settings->self->sp, lmm_registers_tp());
    lmm_gaps_add(&roots->gaps, here, settings->self->sp); /* its frames, on whatever stack */
}

/* Whether the record is that of a thread that lives. */
static bool is_living(const struct lmm_roots *roots, const struct lmm_range *range,
                      uintptr_t record)
{
    if (record == lmm_registers_tp()) {
        return true;
    }
    for (size_t i = 0; i < roots->settings.stop->count; i++) {
        const struct lmm_stop_thread *thread = lmm_stop_thread(i);
        enum lmm_stop_state state = lmm_stop_state(thread);
        if (state == LMM_STOP_SEEN ? thread->tp == record
                                   : state == LMM_STOP_UNSEEN &&
                                         lmm_thread_stack_names(range, record, thread->thread)) {
            return true;
        }
    }
    return false;
}

/* A stack has a guard below it: a range that is not accessible. */
static bool may_be_stack(const struct lmm_ranges *ranges, size_t i)
{
    const uint32_t access = LMM_RANGE_READ | LMM_RANGE_WRITE | LMM_RANGE_EXECUTE;
    const struct lmm_range *range = &ranges->list[i];

    return (range->flags & (access | LMM_RANGE_SHARED | LMM_RANGE_FILE | LMM_RANGE_STACK)) ==
               (LMM_RANGE_READ | LMM_RANGE_WRITE) &&
           i != 0 && ranges->list[i - 1].to == range->from &&
           (ranges->list[i - 1].flags & access) == 0;
}

/* Calls visit for the record of each thread that has ended, or has not begun. */
static void
for_each_ended(const struct lmm_roots *roots,
               void (*visit)(const struct lmm_range *range, uintptr_t record, void *arg), void *arg)
{
    for (size_t i = 0; i < roots->ranges.count; i++) {
        const struct lmm_range *range = &roots->ranges.list[i];
        uintptr_t record = may_be_stack(&roots->ranges, i) ? lmm_thread_stack_record(range) : 0;
        if (record != 0 && !is_living(roots, range, record)) {
            visit(range, record, arg);
        }
    }
}

static void add_ended(const struct lmm_range *range, uintptr_t record, void *arg)
{
    struct lmm_thread_stack stack;

    if (lmm_thread_stack_find(range, record, &stack)) {
        lmm_gaps_add(arg, stack.from, lmm_thread_stack_is_joined(record) ? stack.to : record);
    }
}

/* ---- The start ------------------------------------------------------------------------------- */

static void add_forbidden(struct lmm_roots *roots)
{
    const struct lmm_ranges *marked = roots->settings.marked;

    for (size_t i = 0; i < marked->count; i++) {
        if ((marked->list[i].flags & (LMM_RANGE_USERFAULT | LMM_RANGE_IO)) != 0) {
            lmm_gaps_add(&roots->gaps, marked->list[i].from, marked->list[i].to);
        }
    }
}

int lmm_roots_init(struct lmm_roots *roots, const struct lmm_roots_settings *settings)
{
    *roots = (struct lmm_roots) {.settings = *settings, .memory = -1, .present = {.file = -1}};
    roots->buffer = lmm_meta_map(BUFFER_BYTES);
    int result = roots->buffer == NULL ? -ENOMEM : lmm_ranges_read(&roots->ranges, false);
    if (result == 0) {
        add_own(&roots->gaps);
        add_unused_stacks(roots);
        for_each_ended(roots, add_ended, &roots->gaps);
        add_forbidden(roots);
        lmm_gaps_close(&roots->gaps);
        result = roots->gaps.is_short ? -ENOMEM : 0;
    }
    if (result != 0) {
        lmm_roots_free(roots);
        return result;
    }
    lmm_present_open(&roots->present);
    roots->memory = lmm_system_open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC, 0);
    return 0;
}

void lmm_roots_free(struct lmm_roots *roots)
{
    lmm_present_close(&roots->present);
    if (roots->memory >= 0) {
        lmm_system_close(roots->memory);
    }
    lmm_gaps_free(&roots->gaps);
    lmm_ranges_free(&roots->ranges);
    if (roots->buffer != NULL) {
        lmm_meta_unmap(roots->buffer, BUFFER_BYTES);
        roots->buffer = NULL;
    }
}

/* ---- Visits ---------------------------------------------------------------------------------- */

struct visit {
    const struct lmm_roots *roots;
    struct lmm_roots_visitor *visitor;
    enum lmm_present_kind kind; /* of the pages that are visited now */
};

/* address: that of the first byte in the process; `from` is elsewhere when it was copied. */
static void take_copied(const void *from, const void *to, uintptr_t address,
                        const struct visit *visit)
{
    visit->visitor->bytes += (uint64_t) ((const char *) to - (const char *) from);
    visit->visitor->range(from, to, address, visit->visitor->arg);
}

static void take_range(const void *from, const void *to, void *arg)
{
    take_copied(from, to, (uintptr_t) from, arg);
}

static void take_word(const struct visit *visit, uintptr_t word)
{
    visit->visitor->word(word, visit->visitor->arg);
}

/* Reads to the end of a system page, if the kernel says that it can be read. */
static ssize_t copy_page(const struct lmm_roots *roots, uintptr_t from, size_t bytes)
{
    size_t left = LMM_SYSTEM_PAGE_BYTES - from % LMM_SYSTEM_PAGE_BYTES;

    if (!lmm_vm_is_readable(from)) {
        return 0;
    }
    bytes = bytes < left ? bytes : left;
    for (size_t i = 0; i < bytes; i++) {
        roots->buffer[i] = ((const volatile char *) from)[i];
    }
    return (ssize_t) bytes;
}

/* Reads at most a buffer by the kernel; how many bytes, 0 when the first page cannot be read. A filter
 * of system calls may refuse. */
static size_t copy(const struct lmm_roots *roots, uintptr_t from, size_t bytes)
{
    ssize_t got = -ENOSYS;

    if (roots->memory >= 0) {
        got = lmm_system_pread(roots->memory, roots->buffer, bytes, from);
    }
    if (got == -ENOSYS || got == -EPERM || got == -EACCES) {
        got = copy_page(roots, from, bytes);
    }
    return got <= 0 ? 0 : (size_t) got;
}

static void take_copy(uintptr_t from, uintptr_t to, void *arg)
{
    struct visit *visit = arg;

    while (from < to) {
        size_t wanted = to - from < BUFFER_BYTES ? to - from : BUFFER_BYTES;
        size_t got = copy(visit->roots, from, wanted);
        if (got != 0) {
            take_copied(visit->roots->buffer, visit->roots->buffer + got, from, visit);
            from += got;
            continue;
        }
        uintptr_t next = (from & ~(uintptr_t) (LMM_SYSTEM_PAGE_BYTES - 1)) + LMM_SYSTEM_PAGE_BYTES;
        next = next < to ? next : to;
        visit->visitor->unread_bytes += next - from;
        from = next;
    }
}

static void take_outside_gaps(uintptr_t from, uintptr_t to, void *arg)
{
    struct visit *visit = arg;

    if (visit->kind == LMM_PRESENT_IN_MEMORY) {
        take_range((const void *) from, (const void *) to, visit);
    } else {
        take_copy(from, to, visit);
    }
}

/* A thread that does not stand still may unmap what is read. */
static void take_pages(uintptr_t from, uintptr_t to, enum lmm_present_kind kind, void *arg)
{
    struct visit *visit = arg;
    const struct lmm_roots_settings *settings = &visit->roots->settings;
    bool is_safe = settings->is_copy || settings->stop->unseen == 0;

    visit->kind = is_safe ? kind : LMM_PRESENT_ELSEWHERE;
    lmm_gaps_outside(&visit->roots->gaps, from, to, take_outside_gaps, visit);
}

struct part {
    struct visit *visit;
    bool is_shared;
};

static void take_part(uintptr_t from, uintptr_t to, void *arg)
{
    const struct part *part = arg;

    if (part->is_shared) {
        lmm_present_for_each_shared(from, to, take_pages, part->visit);
    } else {
        lmm_present_for_each(&part->visit->roots->present, from, to, take_pages, part->visit);
    }
}

static bool is_root(const struct lmm_range *range)
{
    if ((range->flags & (LMM_RANGE_DEVICE | LMM_RANGE_KERNEL)) != 0) {
        return false;
    }
    uint32_t wanted =
        LMM_RANGE_READ | ((range->flags & LMM_RANGE_SHARED) != 0 ? LMM_RANGE_WRITE : 0u);
    return (range->flags & wanted) == wanted;
}

/* The kernel is asked for whole system pages, and not about those of LMM. */
static void take_mapping(const struct lmm_range *range, struct visit *visit)
{
    struct part part = {visit, (range->flags & LMM_RANGE_SHARED) != 0};

    if (part.is_shared) {
        take_part(range->from, range->to, &part);
        return;
    }
    lmm_gaps_outside(&visit->roots->gaps, range->from, range->to, take_part, &part);
}

/* A stack that lies in a block: from `used` on, or all of it. */
static void take_block_stack(struct visit *visit, uintptr_t used, uintptr_t tp)
{
    uintptr_t start;
    uintptr_t tp_start = 0;
    size_t bytes;

    if (visit->visitor->is_block(used, &start, &bytes, visit->visitor->arg)) {
        take_copy(used, start + bytes, visit);
    } else {
        start = 0;
    }
    if (tp != 0 && visit->visitor->is_block(tp, &tp_start, &bytes, visit->visitor->arg) &&
        tp_start != start) {
        take_copy(tp_start, tp_start + bytes, visit);
    }
}

static void take_tp(struct visit *visit, uintptr_t tp)
{
    if (tp != 0 && tp % sizeof(uintptr_t) == 0 && lmm_vm_is_readable(tp)) {
        take_word(visit, lmm_thread_stack_dtv(tp));
    }
}

static void take_thread(struct visit *visit, const struct lmm_stop_thread *thread)
{
    if (lmm_stop_state(thread) != LMM_STOP_SEEN) {
        return;
    }
    if (lmm_vm_is_readable((uintptr_t) thread->context)) {
        lmm_registers_visit(thread->context, take_range, visit);
    }
    take_block_stack(visit, align_down(thread->sp - LMM_RED_ZONE_BYTES), thread->tp);
    take_tp(visit, thread->tp);
}

static void take_self(struct visit *visit)
{
    const struct lmm_saved_registers *self = visit->roots->settings.self;

    for (size_t i = 0; i < LMM_REGISTERS_SAVED; i++) {
        take_word(visit, self->words[i]);
    }
    take_block_stack(visit, align_down(self->sp), lmm_registers_tp());
    take_tp(visit, lmm_registers_tp());
}

static void take_ended(const struct lmm_range *range, uintptr_t record, void *arg)
{
    (void) range;
    take_tp(arg, record);
}

/* Words that lie wholly in it. */
static void take_declared(uintptr_t from, uintptr_t to, void *arg)
{
    take_copy(lmm_round_up(from, sizeof(uintptr_t)), align_down(to), arg);
}

void lmm_roots_visit(const struct lmm_roots *roots, struct lmm_roots_visitor *visitor)
{
    struct visit visit = {.roots = roots, .visitor = visitor};

    for (size_t i = 0; i < roots->ranges.count; i++) {
        if (is_root(&roots->ranges.list[i])) {
            take_mapping(&roots->ranges.list[i], &visit);
        }
    }
    for (size_t i = 0; i < roots->settings.stop->count; i++) {
        take_thread(&visit, lmm_stop_thread(i));
    }
    take_self(&visit);
    for_each_ended(roots, take_ended, &visit);
    lmm_declared_for_each(take_declared, &visit);
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        take_word(&visit, (uintptr_t) lmm_families_at(i)->limit.arg);
    }
    for (size_t i = 0; i < roots->settings.word_count; i++) {
        take_word(&visit, roots->settings.words[i]);
    }
}

/* ---- Before the copy ------------------------------------------------------------------------- */

struct collection {
    uintptr_t *words;
    size_t count;
    size_t most;
};

static void collect_pages(uintptr_t from, uintptr_t to, enum lmm_present_kind kind, void *arg)
{
    struct collection *collection = arg;

    for (; kind == LMM_PRESENT_IN_MEMORY && from < to; from += sizeof(uintptr_t)) {
        uintptr_t word = *(const uintptr_t *) from;
        if (lmm_page_of(word) != NULL && collection->count < collection->most) {
            collection->words[collection->count++] = word;
        }
    }
}

static void collect_outside_gaps(uintptr_t from, uintptr_t to, void *arg)
{
    struct lmm_present present;

    lmm_present_open(&present);
    lmm_present_for_each(&present, from, to, collect_pages, arg);
    lmm_present_close(&present);
}

/* Blocks are no roots; but a copy cannot read them there, and their words must count nevertheless. */
static void collect_blocks(const struct lmm_range *range, struct collection *collection)
{
    for (uintptr_t at = range->from; at < range->to;) {
        uintptr_t next = (at | (LMM_UNIT_BYTES - 1)) + 1;
        const struct lmm_page *page = lmm_page_of(at);
        if (page != NULL && lmm_load_acquire(&page->kind) != LMM_PAGE_NONE) {
            collect_outside_gaps(at, next < range->to ? next : range->to, collection);
        }
        at = next;
    }
}

size_t lmm_roots_collect(const struct lmm_ranges *marked, uintptr_t *ret_words, size_t most)
{
    struct collection collection = {ret_words, 0, most};
    struct lmm_gaps gaps = {0};

    if (!lmm_ranges_have(marked, LMM_RANGE_NO_FORK | LMM_RANGE_WIPED)) {
        return 0;
    }
    add_own(&gaps);
    lmm_gaps_close(&gaps);
    for (size_t i = 0; i < marked->count && !gaps.is_short; i++) {
        const struct lmm_range *range = &marked->list[i];
        const uint32_t forbidden = LMM_RANGE_USERFAULT | LMM_RANGE_IO | LMM_RANGE_SHARED;
        if ((range->flags & (LMM_RANGE_NO_FORK | LMM_RANGE_WIPED)) != 0 &&
            (range->flags & forbidden) == 0 && is_root(range)) {
            lmm_gaps_outside(&gaps, range->from, range->to, collect_outside_gaps, &collection);
            collect_blocks(range, &collection);
        }
    }
    lmm_gaps_free(&gaps);
    return collection.count;
}
