/* SPDX-License-Identifier: MIT */
#include "lib/ground/meta.h"

#include "lib/ground/options.h"
#include "lib/ground/sync.h"
#include "lib/ground/vm.h"

#include <string.h>

enum {
    CHUNK_BYTES = 1 << 20,
    LEAN_CHUNK_BYTES = 1 << 16, /* the first one, and when address space is short */
    LARGE_BYTES = 1 << 21,
    EXACT_LINES = 1024, /* a class for each number of lines up to this: tag tables of a page */
    EXACT_SHIFT = 8,
    STEPS = 4, /* size classes a doubling above */
    CLASSES = EXACT_LINES + 6 * STEPS,
};

struct record {
    struct record *next;
};

struct lmm_arena {
    struct lmm_lock *lock;
    char *unused; /* rest of the newest chunk */
    char *end;
    struct record **free; /* CLASSES lists */
    size_t mapped_bytes;  /* atomic */
    bool is_wiped;        /* in child processes */
};

struct lmm_lock lmm_arena_locks[LMM_ARENAS] = {
    LMM_LOCK_INIT(LMM_RANK_META), LMM_LOCK_INIT(LMM_RANK_META), LMM_LOCK_INIT(LMM_RANK_META)};

/* Not members of the arenas, which are initialised with pointers: the library's file would hold the
 * tables, and each process would have its own copy of their pages from the start. */
static struct record *free_records[LMM_ARENAS][CLASSES];

struct lmm_arena lmm_arena_records = {.lock = &lmm_arena_locks[0], .free = free_records[0]};
struct lmm_arena lmm_arena_tags = {.lock = &lmm_arena_locks[1], .free = free_records[1]};
struct lmm_arena lmm_arena_wiped = {
    .lock = &lmm_arena_locks[2], .free = free_records[2], .is_wiped = true};

/* ---- Mappings -------------------------------------------------------------------------------- */

enum { MAPPINGS_MAX = 4096 };

/* Each entry is free while its `from` is 0. */
static struct {
    struct {
        uintptr_t from; /* atomic */
        uintptr_t to;   /* atomic */
    } list[MAPPINGS_MAX];
    size_t used; /* atomic: entries from it on were never used */
} mappings;

static void note_mapping(void *memory, size_t bytes)
{
    uintptr_t from = (uintptr_t) memory;

    for (size_t i = 0; i < MAPPINGS_MAX; i++) {
        uintptr_t found = 0;
        if (lmm_load_relaxed(&mappings.list[i].from) == 0 &&
            __atomic_compare_exchange_n(&mappings.list[i].from, &found, from, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            lmm_store_release(&mappings.list[i].to, from + lmm_vm_round_up(bytes));
            size_t used = lmm_load_relaxed(&mappings.used);
            while (used <= i && !lmm_compare_exchange_acq_rel(&mappings.used, &used, i + 1)) {
            }
            return;
        }
    }
}

static void forget_mapping(const void *memory)
{
    size_t used = lmm_load_acquire(&mappings.used);

    for (size_t i = 0; i < used; i++) {
        if (lmm_load_relaxed(&mappings.list[i].from) == (uintptr_t) memory) {
            lmm_store_relaxed(&mappings.list[i].to, (uintptr_t) 0);
            lmm_store_release(&mappings.list[i].from, (uintptr_t) 0);
            return;
        }
    }
}

void lmm_meta_for_each_mapping(void (*visit)(uintptr_t from, uintptr_t to, void *arg), void *arg)
{
    size_t used = lmm_load_acquire(&mappings.used);

    for (size_t i = 0; i < used; i++) {
        uintptr_t from = lmm_load_acquire(&mappings.list[i].from);
        uintptr_t to = lmm_load_acquire(&mappings.list[i].to);
        if (from != 0 && from < to) {
            visit(from, to, arg);
        }
    }
    visit((uintptr_t) &mappings, (uintptr_t) (&mappings + 1), arg);
    /* The end of an arena may be the start of a page's first block. */
    const struct lmm_arena *const arenas[] = {&lmm_arena_records, &lmm_arena_tags,
                                              &lmm_arena_wiped};
    for (size_t i = 0; i < LMM_ARENAS; i++) {
        visit((uintptr_t) arenas[i], (uintptr_t) (arenas[i] + 1), arg);
    }
}

void *lmm_meta_map(size_t bytes)
{
    void *memory = lmm_vm_map(bytes);

    if (memory != NULL) {
        note_mapping(memory, bytes);
    }
    return memory;
}

void *lmm_meta_map_shared(size_t bytes)
{
    void *memory = lmm_vm_map_shared(bytes);

    if (memory != NULL) {
        note_mapping(memory, bytes);
    }
    return memory;
}

void lmm_meta_unmap(void *memory, size_t bytes)
{
    forget_mapping(memory);
    lmm_vm_unmap(memory, bytes);
}

/* ---- Arenas ---------------------------------------------------------------------------------- */

static void *map_for(const struct lmm_arena *arena, size_t bytes)
{
    void *memory = lmm_meta_map(bytes);

    if (memory != NULL && arena->is_wiped) {
        lmm_vm_wipe_in_children(memory, lmm_vm_round_up(bytes));
    }
    return memory;
}

/* The class of a size, and in *ret_bytes the room that its records have. */
static uint32_t class_of(size_t bytes, size_t *ret_bytes)
{
    uint32_t lines = (uint32_t) ((bytes + LMM_CACHE_LINE_BYTES - 1) / LMM_CACHE_LINE_BYTES);

    if (lines <= EXACT_LINES) {
        lines = lines == 0 ? 1 : lines;
        *ret_bytes = (size_t) lines * LMM_CACHE_LINE_BYTES;
        return lines - 1;
    }
    uint32_t shift = lmm_log2(lines - 1) - 2;
    uint32_t step = (lines - 1) >> shift; /* 4 to 7: the room is (step + 1) << shift */
    *ret_bytes = ((size_t) (step + 1) << shift) * LMM_CACHE_LINE_BYTES;
    return EXACT_LINES + STEPS * (shift - EXACT_SHIFT) + step - STEPS;
}

static bool add_chunk_locked(struct lmm_arena *arena, size_t bytes)
{
    /* As much as there is, so that a small process maps little and a large one seldom maps. */
    size_t chunk = lmm_load_relaxed(&arena->mapped_bytes);
    chunk = chunk < LEAN_CHUNK_BYTES ? LEAN_CHUNK_BYTES : chunk > CHUNK_BYTES ? CHUNK_BYTES : chunk;
    chunk = chunk > bytes ? chunk : bytes;
    char *memory = map_for(arena, chunk);

    if (memory == NULL) {
        chunk = LEAN_CHUNK_BYTES > bytes ? LEAN_CHUNK_BYTES : bytes;
        memory = map_for(arena, chunk);
        if (memory == NULL) {
            return false;
        }
    }
    lmm_fetch_add_relaxed(&arena->mapped_bytes, chunk);
    arena->unused = memory;
    arena->end = memory + chunk;
    return true;
}

static void *cut_locked(struct lmm_arena *arena, size_t bytes)
{
    /* The tags of long arrays of words lie at multiples of 512 bytes in their tables. Where the tables lay
     * at multiples of a page, they would all share a few sets of a processor's first cache. */
    bytes += bytes % LMM_SYSTEM_PAGE_BYTES == 0 ? LMM_CACHE_LINE_BYTES : 0;
    if ((size_t) (arena->end - arena->unused) < bytes && !add_chunk_locked(arena, bytes)) {
        return NULL;
    }
    LMM_CHECK((uintptr_t) arena->unused % LMM_CACHE_LINE_BYTES == 0);
    char *record = arena->unused;
    arena->unused += bytes;
    return record;
}

static void *alloc_large(struct lmm_arena *arena, size_t bytes)
{
    void *memory = map_for(arena, bytes);

    if (memory != NULL) {
        lmm_fetch_add_relaxed(&arena->mapped_bytes, bytes);
    }
    return memory;
}

/* *ret_reused: whether the record was used before, so that only its first word is zero. */
static void *alloc(struct lmm_arena *arena, size_t bytes, bool *ret_reused)
{
    size_t room;
    uint32_t class = class_of(bytes, &room);

    lmm_lock_acquire(arena->lock);
    struct record *record = arena->free[class];
    *ret_reused = record != NULL;
    if (record != NULL) {
        arena->free[class] = record->next;
        record->next = NULL;
    } else {
        record = cut_locked(arena, room);
    }
    lmm_lock_release(arena->lock);
    return record;
}

void *lmm_meta_alloc(struct lmm_arena *arena, size_t bytes)
{
    bool reused;

    return bytes > LARGE_BYTES ? alloc_large(arena, bytes) : alloc(arena, bytes, &reused);
}

/* Memory that was never used is not written to: much of a new table is never touched. */
void *lmm_meta_zalloc(size_t bytes)
{
    bool reused = false;
    void *record = bytes > LARGE_BYTES ? alloc_large(&lmm_arena_records, bytes)
                                       : alloc(&lmm_arena_records, bytes, &reused);

    return reused ? memset(record, 0, bytes) : record;
}

/* As alloc_large(). A page that the kernel gives one by one can take longer than all else that is done with it. */
static void *alloc_written(size_t bytes)
{
    size_t rounded = lmm_vm_round_up(bytes);
    void *memory = lmm_vm_map_aligned(rounded, LMM_LARGE_PAGE_BYTES);

    if (memory == NULL) {
        return alloc_large(&lmm_arena_records, bytes);
    }
    note_mapping(memory, bytes);
    lmm_fetch_add_relaxed(&lmm_arena_records.mapped_bytes, bytes);
    lmm_vm_prefer_large_pages(memory, rounded - rounded % LMM_LARGE_PAGE_BYTES);
    return memory;
}

void *lmm_meta_zalloc_written(size_t bytes)
{
    /* Kernels with longer pages have large ones of 32 or 512 MiB. */
    bool is_large = bytes > LARGE_BYTES && !lmm_options.never_huge_pages &&
                    lmm_vm_page_bytes() == LMM_SYSTEM_PAGE_BYTES;

    return is_large ? alloc_written(bytes) : lmm_meta_zalloc(bytes);
}

void lmm_meta_free(struct lmm_arena *arena, void *memory, size_t bytes)
{
    LMM_CHECK(memory != NULL && (uintptr_t) memory % LMM_CACHE_LINE_BYTES == 0);
    if (bytes > LARGE_BYTES) {
        lmm_fetch_sub_relaxed(&arena->mapped_bytes, bytes);
        lmm_meta_unmap(memory, bytes);
        return;
    }
    size_t room;
    uint32_t class = class_of(bytes, &room);
    struct record *record = memory;
    lmm_lock_acquire(arena->lock);
    record->next = arena->free[class];
    arena->free[class] = record;
    lmm_lock_release(arena->lock);
}

size_t lmm_meta_mapped_bytes(void)
{
    return lmm_load_relaxed(&lmm_arena_records.mapped_bytes) +
           lmm_load_relaxed(&lmm_arena_tags.mapped_bytes) +
           lmm_load_relaxed(&lmm_arena_wiped.mapped_bytes);
}
