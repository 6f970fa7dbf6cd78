/* SPDX-License-Identifier: MIT */
/*
 * mems: MeMS, the memory manager with simulated virtual addresses (include/mems.h; docs/mems.md).
 *
 * Owns the main chain: a node for each mapping, in order of creation, and each node's sub-chain:
 * the PROCESS and HOLE segments that cover it. All segments also hang in one tree by virtual
 * address (mems_tree). A new node is one hole, from which the request is served like from any other
 * hole.
 *
 * Invariants, checked by chains_are_valid_locked():
 *   I1  the virtual addresses of nodes follow each other without a gap, from first_address to
 *       next_address; none is used again
 *   I2  a node's segments do the same within it, and count as many as it says
 *   I3  no two holes of a node are neighbours
 *   I4  the tree holds these segments and no others
 *   I5  every mapping is a multiple of page_bytes long, those for records too
 *   I6  steps that can fail (records, the mapping) come before the first change; free needs no
 *       memory
 *
 * Locks: one for everything. Its rank is the last because its holder takes no other lock of LMM, so
 * a thread may call MeMS with any lock held. Output is written while it is not held, unless there is
 * no memory for it.
 *
 * Not responsible for: what the program does with physical addresses; signal handlers.
 */
#include <mems.h>

#include "lib/mems/records.h"
#include "lib/mems/tree.h"
#include "lib/ground/panic.h"
#include "lib/ground/signals.h"
#include "lib/ground/sync.h"
#include "lib/ground/vm.h"

#include "glthread/glthread.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/auxv.h>

struct lmm_mems_node {
    struct glthread main;
    struct glthread sub_chain;
    uintptr_t address; /* the first virtual one */
    size_t pages;
    size_t segments;
    char *base; /* where address is mapped */
};

enum { RECORD_BYTES = LMM_CACHE_LINE_BYTES };

_Static_assert(sizeof(struct lmm_mems_node) <= RECORD_BYTES, "a node is a record");
_Static_assert(sizeof(struct lmm_mems_segment) <= RECORD_BYTES, "a segment is a record");

/* All of it under lock. */
static struct {
    struct lmm_lock lock;
    bool is_running; /* if false, the fields below are not valid */
    size_t page_bytes;
    uintptr_t first_address;
    uintptr_t next_address; /* of the next node */
    struct glthread main_chain;
    struct lmm_mems_tree tree;       /* all segments */
    struct lmm_mems_records records; /* nodes and segments */
} mems = {.lock = LMM_LOCK_INIT(LMM_RANK_MEMS)};

static struct lmm_mems_node *node_at(struct glthread *link)
{
    return GLTHREAD_ENTRY(link, struct lmm_mems_node, main);
}

static struct lmm_mems_segment *segment_at(struct glthread *link)
{
    return GLTHREAD_ENTRY(link, struct lmm_mems_segment, sub);
}

static size_t node_bytes(const struct lmm_mems_node *node)
{
    return node->pages * mems.page_bytes;
}

/* ---- Invariants ------------------------------------------------------------------------------ */

static bool sub_chain_is_valid_locked(struct lmm_mems_node *node, size_t *count)
{
    uintptr_t address = node->address;
    size_t segments = 0;
    bool after_hole = false;

    for (struct glthread *link = node->sub_chain.next; link != &node->sub_chain;
         link = link->next, segments++) {
        struct lmm_mems_segment *segment = segment_at(link);
        if (segment->address != address || segment->node != node || segment->bytes == 0 ||
            segment->physical != node->base + (address - node->address) ||
            (after_hole && !segment->is_process) ||
            lmm_mems_tree_find(&mems.tree, address) != segment) {
            return false;
        }
        after_hole = !segment->is_process;
        address += segment->bytes;
    }
    *count += segments;
    return segments == node->segments && address - node->address == node_bytes(node);
}

static bool chains_are_valid_locked(void)
{
    uintptr_t address = mems.first_address;
    size_t count = 0;

    for (struct glthread *link = mems.main_chain.next; link != &mems.main_chain;
         link = link->next) {
        struct lmm_mems_node *node = node_at(link);
        if (node->address != address || !sub_chain_is_valid_locked(node, &count)) {
            return false;
        }
        address += node_bytes(node);
    }
    return address == mems.next_address && count == mems.tree.count &&
           lmm_mems_tree_is_valid(&mems.tree);
}

/* ---- Start and end --------------------------------------------------------------------------- */

/* Rounds up to a multiple of the system's page size; 0, and sizes too large, become one page. */
static size_t usable_page_bytes(size_t wanted)
{
    size_t system = (size_t) getauxval(AT_PAGESZ);
    size_t pages = wanted / system + (wanted % system != 0);
    size_t bytes;

    return pages != 0 && lmm_multiply_fits(pages, system, &bytes) ? bytes : system;
}

static void start_locked(struct lmm_mems_settings settings)
{
    mems.page_bytes = usable_page_bytes(settings.page_bytes);
    if (mems.page_bytes != settings.page_bytes) {
        lmm_warn("mems_init: PAGE_SIZE %zu is not a multiple of the system's page size; taking %zu",
                 settings.page_bytes, mems.page_bytes);
    }
    mems.first_address = settings.first_address;
    mems.next_address = settings.first_address;
    glthread_init(&mems.main_chain);
    lmm_mems_tree_init(&mems.tree, mems.page_bytes);
    lmm_mems_records_init(&mems.records, mems.page_bytes, RECORD_BYTES);
    mems.is_running = true;
}

/* Takes the lock and starts MeMS if it does not run. */
static void enter(struct lmm_mems_settings settings)
{
    lmm_lock_acquire(&mems.lock);
    if (LMM_UNLIKELY(!mems.is_running)) {
        start_locked(settings);
    }
}

static void leave(void)
{
    lmm_lock_release(&mems.lock);
}

/* Tries each node once; returns the bytes that stayed, on the chain. */
static size_t unmap_nodes_locked(void)
{
    size_t stayed_bytes = 0;
    struct glthread *next;

    for (struct glthread *link = mems.main_chain.next; link != &mems.main_chain; link = next) {
        struct lmm_mems_node *node = node_at(link);
        next = link->next;
        if (lmm_vm_unmap(node->base, node_bytes(node))) {
            glthread_remove(link);
        } else {
            stayed_bytes += node_bytes(node);
        }
    }
    return stayed_bytes;
}

/* Unmaps everything; returns the bytes that stay because the kernel refuses to unmap them. */
static size_t finish_locked(void)
{
    size_t before_bytes;
    size_t stayed_bytes = SIZE_MAX;

    LMM_CHECK(chains_are_valid_locked());
    do {
        before_bytes = stayed_bytes;
        stayed_bytes = unmap_nodes_locked();
    } while (stayed_bytes != 0 && stayed_bytes != before_bytes);
    stayed_bytes += lmm_mems_tree_finish(&mems.tree);
    stayed_bytes += lmm_mems_records_finish(&mems.records);
    mems.is_running = false;
    return stayed_bytes;
}

void lmm_mems_init(struct lmm_mems_settings settings)
{
    enter(settings);
    leave();
}

void lmm_mems_finish(void)
{
    size_t stayed_bytes = 0;

    lmm_lock_acquire(&mems.lock);
    if (mems.is_running) {
        stayed_bytes = finish_locked();
    }
    lmm_lock_release(&mems.lock);
    if (stayed_bytes != 0) {
        lmm_warn("mems_finish: the kernel would not unmap %zu bytes", stayed_bytes);
    }
}

/* ---- Allocating ------------------------------------------------------------------------------ */

/* Reserves records for that many segments, in the chains and in the tree, and for a node. */
static bool reserve_locked(unsigned segments)
{
    return lmm_mems_records_reserve(&mems.records, segments + 1) &&
           lmm_mems_tree_reserve(&mems.tree, segments);
}

/* Puts a hole of node into its sub-chain, before `position`, and into the tree. */
static struct lmm_mems_segment *hole_add_locked(struct lmm_mems_node *node,
                                                struct glthread *position, uintptr_t address,
                                                size_t bytes)
{
    struct lmm_mems_segment *hole = lmm_mems_records_take(&mems.records);

    *hole = (struct lmm_mems_segment) {
        .address = address,
        .bytes = bytes,
        .physical = node->base + (address - node->address),
        .node = node,
    };
    glthread_insert_before(position, &hole->sub);
    node->segments++;
    lmm_mems_tree_insert(&mems.tree, hole);
    return hole;
}

/* The pages that bytes need; false when that number, or the last address, does not fit. */
static bool pages_for_locked(size_t bytes, size_t *ret_pages)
{
    size_t pages = bytes / mems.page_bytes + (bytes % mems.page_bytes != 0);
    size_t whole_bytes;
    uintptr_t end;

    if (!lmm_multiply_fits(pages, mems.page_bytes, &whole_bytes) ||
        !lmm_add_fits(mems.next_address, whole_bytes, &end)) {
        return false;
    }
    *ret_pages = pages;
    return true;
}

/* Puts a mapping at the end of the main chain, as a node that is one hole. */
static struct lmm_mems_segment *node_append_locked(char *base, size_t pages)
{
    struct lmm_mems_node *node = lmm_mems_records_take(&mems.records);

    *node = (struct lmm_mems_node) {.address = mems.next_address, .pages = pages, .base = base};
    glthread_init(&node->sub_chain);
    glthread_insert_before(&mems.main_chain, &node->main);
    mems.next_address += node_bytes(node);
    return hole_add_locked(node, &node->sub_chain, node->address, node_bytes(node));
}

/* Maps a node with room for bytes and returns its hole; reserves the record of the hole's rest. */
static struct lmm_mems_segment *map_hole_locked(size_t bytes)
{
    enum { HOLE_AND_REST = 2 };
    size_t pages;

    if (!pages_for_locked(bytes, &pages) || !reserve_locked(HOLE_AND_REST)) {
        return NULL;
    }
    char *base = lmm_vm_map(pages * mems.page_bytes);
    return base == NULL ? NULL : node_append_locked(base, pages);
}

/* Makes a hole a process segment of bytes; the rest of it becomes a hole right after. */
static bool hole_use_locked(struct lmm_mems_segment *hole, size_t bytes)
{
    size_t rest_bytes = hole->bytes - bytes;

    LMM_CHECK(!hole->is_process && bytes <= hole->bytes);
    if (rest_bytes != 0 && !reserve_locked(1)) {
        return false;
    }
    hole->is_process = true;
    hole->bytes = bytes;
    lmm_mems_tree_refresh(&mems.tree, hole);
    if (rest_bytes != 0) {
        hole_add_locked(hole->node, hole->sub.next, hole->address + bytes, rest_bytes);
    }
    return true;
}

static struct lmm_mems_segment *allocate_locked(size_t bytes)
{
    struct lmm_mems_segment *hole = lmm_mems_tree_first_fit(&mems.tree, bytes);

    if (hole == NULL) {
        hole = map_hole_locked(bytes);
    }
    return hole != NULL && hole_use_locked(hole, bytes) ? hole : NULL;
}

void *lmm_mems_malloc(struct lmm_mems_settings settings, size_t bytes)
{
    int saved_errno = errno;
    uintptr_t address = 0;

    enter(settings);
    const struct lmm_mems_segment *segment = bytes == 0 ? NULL : allocate_locked(bytes);
    if (segment != NULL) {
        address = segment->address;
        errno = saved_errno;
    } else {
        errno = bytes == 0 ? EINVAL : ENOMEM;
    }
    leave();
    return (void *) address;
}

/* ---- Freeing and translating ----------------------------------------------------------------- */

/* The hole at link, an element of node's sub-chain or its head; NULL: it is not a hole. */
static struct lmm_mems_segment *hole_at_locked(struct lmm_mems_node *node, struct glthread *link)
{
    return link == &node->sub_chain || segment_at(link)->is_process ? NULL : segment_at(link);
}

/* Adds a hole to the segment before it; the caller refreshes that one in the tree. */
static void absorb_locked(struct lmm_mems_segment *lower, struct lmm_mems_segment *hole)
{
    LMM_CHECK(lower->node == hole->node && lower->address + lower->bytes == hole->address);
    lower->bytes += hole->bytes;
    lower->node->segments--;
    glthread_remove(&hole->sub);
    lmm_mems_tree_remove(&mems.tree, hole);
    lmm_mems_records_give(&mems.records, hole);
}

static void release_locked(struct lmm_mems_segment *segment)
{
    struct lmm_mems_segment *before = hole_at_locked(segment->node, segment->sub.prev);
    struct lmm_mems_segment *after = hole_at_locked(segment->node, segment->sub.next);

    segment->is_process = false;
    if (after != NULL) {
        absorb_locked(segment, after);
    }
    if (before != NULL) {
        absorb_locked(before, segment);
    }
    lmm_mems_tree_refresh(&mems.tree, before != NULL ? before : segment);
}

static struct lmm_mems_segment *process_find_locked(uintptr_t address)
{
    struct lmm_mems_segment *segment = lmm_mems_tree_find(&mems.tree, address);

    return segment != NULL && segment->is_process ? segment : NULL;
}

void lmm_mems_free(struct lmm_mems_settings settings, void *address)
{
    enter(settings);
    struct lmm_mems_segment *segment = process_find_locked((uintptr_t) address);
    bool is_start = segment != NULL && segment->address == (uintptr_t) address;
    if (is_start) {
        release_locked(segment);
    }
    leave();
    if (!is_start) {
        lmm_warn("mems_free: %" PRIuPTR " is not the start of a PROCESS segment",
                 (uintptr_t) address);
    }
}

void *lmm_mems_get(struct lmm_mems_settings settings, void *address)
{
    char *physical = NULL;

    enter(settings);
    const struct lmm_mems_segment *segment = process_find_locked((uintptr_t) address);
    if (segment != NULL) {
        physical = segment->physical + ((uintptr_t) address - segment->address);
    }
    leave();
    if (physical == NULL) {
        lmm_warn("mems_get: %" PRIuPTR " is not in a PROCESS segment", (uintptr_t) address);
        errno = EFAULT;
    }
    return physical;
}

/* ---- Statistics ------------------------------------------------------------------------------ */

/* The lines are made in memory under the lock, and written without it: stdout may be a pipe that
 * nobody reads, or be used by a thread that waits for MeMS. */
struct lines {
    char *text;
    size_t bytes; /* 0: the lines are only counted */
    size_t used;
    bool is_direct; /* they are written at once */
};

/* For few lines, unless another thread has it. */
static char few_lines[1 << 14];
static bool few_lines_taken; /* atomic */

static LMM_PRINTF(2, 3) void put(struct lines *lines, const char *format, ...)
{
    char *at = lines->bytes == 0 ? NULL : lines->text + lines->used;
    va_list arguments;

    va_start(arguments, format);
    int length = lines->is_direct ? vprintf(format, arguments)
                                  : vsnprintf(at, at == NULL ? 0 : lines->bytes - lines->used,
                                              format, arguments);
    va_end(arguments);
    lines->used += length < 0 ? 0 : (size_t) length;
}

static void put_node_locked(struct lines *lines, struct lmm_mems_node *node, size_t *unused_bytes)
{
    put(lines, "MAIN[%" PRIuPTR ":%" PRIuPTR "]-> ", node->address,
        node->address + (node_bytes(node) - 1));
    for (struct glthread *link = node->sub_chain.next; link != &node->sub_chain;
         link = link->next) {
        const struct lmm_mems_segment *segment = segment_at(link);
        uintptr_t last = segment->address + (segment->bytes - 1);
        put(lines, "%c[%" PRIuPTR ":%" PRIuPTR "] <-> ", segment->is_process ? 'P' : 'H',
            segment->address, last);
        *unused_bytes += segment->is_process ? 0 : segment->bytes;
    }
    put(lines, "NULL\n");
}

static void put_sub_chain_lengths_locked(struct lines *lines)
{
    put(lines, "Sub-chain Length array: [");
    for (struct glthread *link = mems.main_chain.next; link != &mems.main_chain;
         link = link->next) {
        put(lines, "%zu, ", node_at(link)->segments);
    }
    put(lines, "]\n");
}

static void put_all_locked(struct lines *lines)
{
    size_t unused_bytes = 0;
    size_t pages = 0;
    size_t nodes = 0;

    put(lines, "----- MeMS SYSTEM STATS -----\n");
    for (struct glthread *link = mems.main_chain.next; link != &mems.main_chain;
         link = link->next, nodes++) {
        put_node_locked(lines, node_at(link), &unused_bytes);
        pages += node_at(link)->pages;
    }
    put(lines, "Pages used:\t%zu\n", pages);
    put(lines, "Space unused:\t%zu\n", unused_bytes);
    put(lines, "Main Chain Length:\t%zu\n", nodes);
    put_sub_chain_lengths_locked(lines);
    put(lines, "-----------------------------\n");
}

/* Finds memory for `bytes` of text. Without any, the lines must be written under the lock. */
static struct lines room_locked(size_t bytes)
{
    struct lines lines = {.text = few_lines, .bytes = sizeof(few_lines)};

    if (bytes >= sizeof(few_lines) || lmm_exchange_acq_rel(&few_lines_taken, true)) {
        lines.bytes = (bytes / mems.page_bytes + 1) * mems.page_bytes; /* I5 */
        lines.text = lmm_vm_map(lines.bytes);
        lines.is_direct = lines.text == NULL;
    }
    return lines;
}

static void give_room(const struct lines *lines)
{
    if (lines->text == few_lines) {
        lmm_store_release(&few_lines_taken, false);
    } else {
        lmm_vm_unmap(lines->text, lines->bytes);
    }
}

void lmm_mems_print_stats(struct lmm_mems_settings settings)
{
    int saved_errno = errno;
    struct lines count = {0};

    enter(settings);
    LMM_CHECK(chains_are_valid_locked());
    put_all_locked(&count);
    struct lines lines = room_locked(count.used);
    put_all_locked(&lines);
    leave();
    if (!lines.is_direct) {
        fwrite(lines.text, 1, lines.used, stdout);
        give_room(&lines);
    }
    errno = saved_errno;
}

/* ---- fork ------------------------------------------------------------------------------------ */

/* The thread's mask, from the prepare handler to the parent's or the child's. */
static _Thread_local uint64_t signals_before_fork __attribute__((tls_model("initial-exec")));

static void before_fork(void)
{
    signals_before_fork = lmm_signals_block();
    lmm_lock_acquire_for_fork(&mems.lock);
}

static void after_fork(void)
{
    lmm_lock_release_for_fork(&mems.lock);
    lmm_signals_restore(signals_before_fork);
}

/* Runs before main, while the C library has room for handlers and need not allocate any. */
__attribute__((constructor(101))) static void watch_forks(void)
{
    if (pthread_atfork(before_fork, after_fork, after_fork) != 0) {
        lmm_warn("no memory to watch for forks: do not fork while other threads call MeMS");
    }
}
