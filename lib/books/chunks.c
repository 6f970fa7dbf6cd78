/* SPDX-License-Identifier: MIT */
#include "lib/books/chunks.h"

#include "lib/ground/libc.h"
#include "lib/ground/meta.h"
#include "lib/ground/panic.h"
#include "lib/ground/signals.h"
#include "lib/books/process.h"
#include "lib/books/store.h"
#include "lib/ground/system.h"
#include "lib/ground/vm.h"

#include <errno.h>
#include <string.h>

enum {
    DIRECTORY_FIRST = 64,
    REGION_BYTES_MIN = 1 << 18, /* a smaller region is not worth a file */
    LIMIT_SHARE = 16,           /* of a limit of address space the region takes this part */
};

struct lmm_lock lmm_chunks_lock = LMM_LOCK_INIT(LMM_RANK_LEDGER);

static struct {
    struct lmm_ledger_header *header; /* the start of the region */
    size_t region_bytes;
    size_t region_used; /* the header and the chunks in the region */
    struct lmm_ledger_chunk **directory;
    size_t used;
    size_t capacity;
    bool has_file;   /* one of this process stands under its name */
    bool grows;      /* new chunks go into it */
    bool is_shared;  /* the region is a shared mapping, of whatever file */
    bool is_outside; /* some chunks are outside the region */
    size_t lost;     /* the first so many chunks are in a file that could not grow */
    bool is_pending; /* atomic; see lmm_chunks_are_pending() */
    char *mirror;    /* I3 */
    size_t mirror_bytes;
} chunks;

/* ---- The chain ------------------------------------------------------------------------------- */

static bool directory_reserve(void)
{
    if (chunks.used < chunks.capacity) {
        return true;
    }
    size_t capacity = chunks.capacity == 0 ? DIRECTORY_FIRST : 2 * chunks.capacity;
    struct lmm_ledger_chunk **larger =
        lmm_meta_zalloc(capacity * sizeof(struct lmm_ledger_chunk *));
    if (larger == NULL) {
        return false;
    }
    if (chunks.directory != NULL) {
        memcpy(larger, chunks.directory, chunks.used * sizeof(struct lmm_ledger_chunk *));
        lmm_meta_free(&lmm_arena_records, chunks.directory,
                      chunks.capacity * sizeof(struct lmm_ledger_chunk *));
    }
    chunks.directory = larger;
    chunks.capacity = capacity;
    return true;
}

/* Maps memory that each fork fills and gives back. In large pages the kernel clears it, and copies
 * its page tables, several times faster than page by page. */
static char *map_mirror(size_t bytes)
{
    char *mirror = NULL;

    if (bytes >= LMM_LARGE_PAGE_BYTES) {
        mirror = lmm_vm_map_aligned(bytes, LMM_LARGE_PAGE_BYTES);
    }
    if (mirror == NULL) {
        return lmm_vm_map(bytes);
    }
    lmm_vm_prefer_large_pages(mirror, bytes);
    return mirror;
}

/* Makes room for a copy of `bytes`; untouched, it costs address space only. */
static bool mirror_reserve(size_t bytes)
{
    if (bytes <= chunks.mirror_bytes) {
        return true;
    }
    size_t larger_bytes = lmm_vm_round_up(2 * bytes);
    char *larger = map_mirror(larger_bytes);
    if (larger == NULL) {
        return false;
    }
    if (chunks.mirror != NULL) {
        lmm_vm_unmap(chunks.mirror, chunks.mirror_bytes);
    }
    chunks.mirror = larger;
    chunks.mirror_bytes = larger_bytes;
    return true;
}

/* The bytes of the region that are accessible: chunks follow one another, and the kernel's pages may be
 * longer than the last one. */
static size_t open_bytes(void)
{
    return lmm_vm_round_up(chunks.region_used);
}

static bool is_in_region(const struct lmm_ledger_chunk *chunk)
{
    return (uintptr_t) chunk - (uintptr_t) chunks.header < chunks.region_bytes;
}

/* The process goes on in private copies, so that the whole file keeps the state of one moment.
 * If the file is out of reach, the region stays shared. */
static void leave_file(void)
{
    chunks.is_shared = !lmm_store_leave(chunks.header, open_bytes());
    chunks.lost = chunks.is_shared ? chunks.used : 0;
}

/* The file could not grow: from now on it keeps the state of this moment. */
static void lose_file(int error)
{
    struct lmm_ledger_header *header = chunks.header;

    chunks.grows = false;
    header->lost_errno = (uint32_t) error;
    lmm_store_relaxed(&header->end_time_ns, lmm_system_time_ns());
    lmm_store_release(&header->state, (uint32_t) LMM_LEDGER_LOST);
    leave_file();
    lmm_warn("the ledger cannot grow (%s): seen from outside, the books of this process end here",
             lmm_error_text(error));
}

/* The bytes of the header and of the chunks in the region. */
static size_t region_chunk_bytes(void)
{
    size_t bytes = sizeof(*chunks.header);

    for (size_t i = 0; i < chunks.used; i++) {
        bytes += is_in_region(chunks.directory[i]) ? (size_t) chunks.directory[i]->bytes : 0;
    }
    return bytes;
}

void lmm_chunks_for_each_range(void (*visit)(uintptr_t from, uintptr_t to, void *arg), void *arg)
{
    uintptr_t region = (uintptr_t) chunks.header;
    uintptr_t mirror = (uintptr_t) chunks.mirror;
    size_t bytes = chunks.region_bytes == 0 ? sizeof(*chunks.header) : chunks.region_bytes;

    if (region != 0) {
        visit(region, region + bytes, arg);
    }
    if (mirror != 0) {
        visit(mirror, mirror + chunks.mirror_bytes, arg);
    }
    for (size_t i = 0; i < chunks.used; i++) {
        uintptr_t chunk = (uintptr_t) chunks.directory[i];
        if (!is_in_region(chunks.directory[i])) {
            visit(chunk, chunk + (size_t) chunks.directory[i]->bytes, arg);
        }
    }
}

static bool chunk_is_valid(const struct lmm_ledger_chunk *chunk)
{
    return chunk->bytes % LMM_SYSTEM_PAGE_BYTES == 0 && chunk->bytes >= sizeof(*chunk) &&
           chunk->record_bytes != 0 && chunk->used <= chunk->capacity &&
           chunk->capacity <= (chunk->bytes - sizeof(*chunk)) / chunk->record_bytes;
}

bool lmm_chunks_are_own(void)
{
    return !chunks.is_shared || chunks.has_file;
}

bool lmm_chunks_are_valid_locked(void)
{
    if (!lmm_chunks_are_own()) {
        return true;
    }
    for (size_t i = 0; i < chunks.used; i++) {
        if (!chunk_is_valid(chunks.directory[i])) {
            return false;
        }
    }
    bool is_file_whole =
        !chunks.grows || (chunks.has_file && chunks.is_shared &&
                          chunks.header->file_bytes == region_chunk_bytes());            /* I1 */
    bool is_child_apart = !chunks.is_pending || (!chunks.has_file && !chunks.is_shared); /* I2 */
    bool can_fork = !chunks.is_shared || region_chunk_bytes() <= chunks.mirror_bytes;    /* I3 */
    bool is_loss_known = chunks.lost == 0 || (!chunks.grows && chunks.is_shared);        /* I4 */
    return is_file_whole && is_child_apart && can_fork && is_loss_known &&
           chunks.used <= chunks.capacity && chunks.lost <= chunks.used;
}

/* Makes the next bytes of the region accessible, in the file where there is one. 0, or ENOMEM. */
static int grow_region(size_t bytes)
{
    size_t open = open_bytes();
    size_t more = lmm_vm_round_up(chunks.region_used + bytes) - open;

    if (chunks.is_shared && !mirror_reserve(open + more)) {
        return ENOMEM;
    }
    if (more == 0) {
        return 0;
    }
    if (chunks.grows) {
        int error = lmm_store_grow(chunks.header, open, more);
        if (error == 0 || error == ENOMEM) {
            return error;
        }
        lose_file(error);
    }
    return lmm_vm_map_over((char *) chunks.header + open, more) ? 0 : ENOMEM;
}

/* Zeroed memory for a chunk, in the region as long as it fits; NULL with errno ENOMEM. */
static void *map_chunk(size_t bytes)
{
    if (bytes <= chunks.region_bytes - chunks.region_used) {
        void *chunk = (char *) chunks.header + chunks.region_used;
        if (grow_region(bytes) != 0) {
            errno = ENOMEM;
            return NULL;
        }
        chunks.region_used += bytes;
        return chunk;
    }
    void *chunk = lmm_vm_map(bytes);
    if (chunk != NULL && chunks.grows) {
        lose_file(EFBIG);
    }
    chunks.is_outside = chunks.is_outside || chunk != NULL;
    return chunk;
}

static struct lmm_ledger_chunk *add(uint32_t record_bytes, uint32_t first, size_t bytes)
{
    struct lmm_ledger_chunk *chunk = directory_reserve() ? map_chunk(bytes) : NULL;

    if (chunk == NULL) {
        return NULL;
    }
    chunk->bytes = bytes;
    chunk->record_bytes = record_bytes;
    chunk->first = first;
    chunk->capacity = (uint32_t) ((bytes - sizeof(*chunk)) / record_bytes);
    chunks.directory[chunks.used++] = chunk;
    if (chunks.grows) {
        lmm_store_release(&chunks.header->file_bytes, chunks.header->file_bytes + bytes);
    }
    LMM_CHECK(lmm_chunks_are_valid_locked());
    return chunk;
}

/* No signal handler may fork meanwhile: fork copies the chain, which must be whole. */
struct lmm_ledger_chunk *lmm_chunk_add(uint32_t record_bytes, uint32_t first, size_t bytes)
{
    LMM_CHECK(record_bytes != 0 && bytes % LMM_SYSTEM_PAGE_BYTES == 0);
    uint64_t signals = lmm_signals_block();
    struct lmm_ledger_chunk *chunk = add(record_bytes, first, bytes);

    lmm_signals_restore(signals);
    return chunk;
}

bool lmm_chunk_is_lost(const struct lmm_ledger_chunk *chunk)
{
    size_t i = 0;

    while (i < chunks.lost && chunks.directory[i] != chunk) {
        i++;
    }
    return i < chunks.lost;
}

struct lmm_ledger_header *lmm_chunks_header(void)
{
    return lmm_load_acquire(&chunks.header);
}

struct lmm_ledger_view lmm_chunks_view(void)
{
    return (struct lmm_ledger_view) {
        .header = chunks.header,
        .chunks = (const struct lmm_ledger_chunk *const *) chunks.directory,
        .chunk_count = chunks.used,
    };
}

static void fill_header(struct lmm_ledger_header *header)
{
    memcpy(header->magic, LMM_LEDGER_MAGIC, sizeof(header->magic));
    header->version = LMM_LEDGER_VERSION;
    header->header_bytes = sizeof(*header);
    header->chunk_bytes = sizeof(struct lmm_ledger_chunk);
    header->state = LMM_LEDGER_RUNNING;
    header->file_bytes = 0;
    header->end_time_ns = 0;
    header->lost_errno = 0;
    header->started = 0;
    header->check_count = 0;
    header->page_walk_count = 0;
    header->exit_kind = header->exit_kind == LMM_LEDGER_EXIT_UNTOLD ? LMM_LEDGER_EXIT_UNTOLD
                                                                    : LMM_LEDGER_EXIT_NOT_YET;
    lmm_process_describe(header);
}

/* How much address space the region may take. */
static size_t region_bound(void)
{
    size_t share = lmm_vm_limit_bytes() / LIMIT_SHARE;
    size_t bytes = share < LMM_LEDGER_FILE_MAX ? share : LMM_LEDGER_FILE_MAX;

    return lmm_store_is_wanted() ? lmm_vm_page_start(bytes) : 0;
}

/* Reserves the region, a shorter one where address space is short, and returns its first page; or a
 * page alone, for a process without a file. NULL: no memory. */
static void *reserve_region(void)
{
    for (size_t bytes = region_bound(); bytes >= REGION_BYTES_MIN; bytes /= 2) {
        bytes = lmm_vm_round_up(bytes);
        void *region = lmm_vm_reserve(bytes);
        if (region != NULL && lmm_vm_map_over(region, lmm_vm_round_up(sizeof(*chunks.header)))) {
            chunks.region_bytes = bytes;
            return region;
        }
        if (region != NULL) {
            lmm_vm_unmap(region, bytes);
            return NULL;
        }
    }
    chunks.region_bytes = lmm_vm_round_up(sizeof(*chunks.header));
    return lmm_vm_map(sizeof(*chunks.header));
}

bool lmm_chunks_start(void)
{
    struct lmm_ledger_header *header = reserve_region();

    if (header == NULL) {
        return false;
    }
    chunks.region_used = sizeof(*header);
    fill_header(header);
    lmm_store_release(&chunks.header, header);
    return true;
}

/* ---- The file -------------------------------------------------------------------------------- */

void lmm_chunks_publish(void)
{
    if (chunks.has_file) {
        return;
    }
    if (lmm_store_is_wanted() && chunks.is_outside) {
        lmm_warn("no ledger: it would be too large");
    } else if (lmm_store_is_wanted() && !mirror_reserve(open_bytes())) {
        lmm_warn("no ledger: no memory for it");
    } else {
        chunks.header->file_bytes = chunks.region_used;
        chunks.has_file =
            lmm_store_create(chunks.header, open_bytes(), chunks.region_bytes, chunks.header) == 0;
        chunks.header->file_bytes = chunks.has_file ? chunks.region_used : 0;
        chunks.is_shared = chunks.is_shared || chunks.has_file;
        chunks.grows = chunks.has_file;
    }
    lmm_store_release(&chunks.is_pending, false);
    LMM_CHECK(lmm_chunks_are_valid_locked());
}

bool lmm_chunks_are_pending(void)
{
    return lmm_load_acquire(&chunks.is_pending);
}

void lmm_chunks_end(bool keep)
{
    if (!chunks.has_file) {
        return;
    }
    if (chunks.grows) {
        lmm_store_relaxed(&chunks.header->end_time_ns, lmm_system_time_ns());
        lmm_store_release(&chunks.header->state, (uint32_t) LMM_LEDGER_EXITED);
        chunks.grows = false;
    }
    if (!keep) {
        lmm_store_remove(); /* may fail after setuid or chroot: the state was stored before */
        chunks.has_file = false;
    }
}

/* ---- fork ------------------------------------------------------------------------------------ */

/* Bytes of a chunk that hold something, rounded up to whole words. */
static size_t filled_bytes(const struct lmm_ledger_chunk *chunk)
{
    return lmm_round_up(sizeof(*chunk) + (size_t) chunk->used * chunk->record_bytes,
                        LMM_CACHE_LINE_BYTES);
}

typedef uint64_t __attribute__((may_alias)) word;

/* Copies a multiple of words that other threads write to: each counter is whole. */
static void copy_words(void *to, const void *from, size_t bytes)
{
    word *target = to;
    const word *source = from;

    for (size_t i = 0; i < bytes / sizeof(word); i++) {
        target[i] = lmm_load_relaxed(&source[i]);
    }
}

/* Copies to the region's offset in the mirror. Populating its pages at once is faster than a page
 * fault for each; if the kernel does not, the copy faults. */
static void copy_to_mirror(const void *from, size_t bytes)
{
    char *to = chunks.mirror + ((const char *) from - (const char *) chunks.header);

    uintptr_t start = lmm_vm_page_start((uintptr_t) to);
    lmm_vm_populate((void *) start, lmm_vm_round_up((uintptr_t) to + bytes) - start);
    copy_words(to, from, bytes);
}

/* The child would see what the parent counts later in shared chunks, so it gets this copy, which has
 * each chunk at its offset in the region. */
void lmm_chunks_before_fork(void)
{
    LMM_CHECK(lmm_chunks_are_valid_locked());
    if (!chunks.is_shared) {
        return;
    }
    copy_to_mirror(chunks.header, sizeof(*chunks.header));
    for (size_t i = 0; i < chunks.used; i++) {
        const struct lmm_ledger_chunk *chunk = chunks.directory[i];
        if (is_in_region(chunk)) {
            copy_to_mirror(chunk, filled_bytes(chunk));
        }
    }
}

/* Moves the copy to the region's addresses; where the kernel forbids that, copies it. False: the kernel refused. */
static bool restore(void)
{
    size_t used = open_bytes();

    if (lmm_vm_move(chunks.mirror, used, chunks.header, used)) {
        chunks.mirror_bytes -= used;
        chunks.mirror = chunks.mirror_bytes == 0 ? NULL : chunks.mirror + used;
    } else if (lmm_vm_map_over(chunks.header, used)) {
        memcpy(chunks.header, chunks.mirror, used);
    } else {
        return false;
    }
    /* What is not accessible may as well stay the parent's file. */
    if (chunks.region_bytes != used) {
        lmm_vm_reserve_over((char *) chunks.header + used, chunks.region_bytes - used);
    }
    return true;
}

void lmm_chunks_after_fork_in_child(void)
{
    if (chunks.is_shared && !restore()) {
        lmm_warn("no memory for books of its own after fork: this process shares its parent's");
    } else if (chunks.is_shared || chunks.has_file) {
        chunks.is_shared = false;
        lmm_store_release(&chunks.is_pending, true);
    }
    lmm_store_after_fork_in_child();
    chunks.has_file = false;
    chunks.grows = false;
    chunks.lost = 0;
    if (chunks.header != NULL && !chunks.is_shared) {
        fill_header(chunks.header);
    }
    LMM_CHECK(lmm_chunks_are_valid_locked());
}

void lmm_chunks_after_fork(void)
{
    if (chunks.mirror != NULL && (chunks.is_shared || chunks.is_pending)) {
        lmm_vm_discard(chunks.mirror, chunks.mirror_bytes);
    }
}
