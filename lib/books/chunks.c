/* SPDX-License-Identifier: MIT */
#include "lib/books/chunks.h"

#include "lib/ground/meta.h"
#include "lib/ground/panic.h"
#include "lib/books/process.h"
#include "lib/books/store.h"
#include "lib/ground/system.h"
#include "lib/ground/vm.h"

#include <errno.h>
#include <string.h>

enum { DIRECTORY_FIRST = 64 };

struct lmm_lock lmm_chunks_lock = LMM_LOCK_INIT(LMM_RANK_LEDGER);

static struct {
    struct lmm_ledger_header *header;
    struct lmm_ledger_chunk **directory;
    size_t used;
    size_t capacity;
    bool has_file;   /* one of this process stands under its name */
    bool grows;      /* new chunks go into it */
    bool is_shared;  /* some chunks are shared mappings, of whatever file */
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

/* Makes room for a copy of `bytes`; untouched, it costs address space only. */
static bool mirror_reserve(size_t bytes)
{
    if (bytes <= chunks.mirror_bytes) {
        return true;
    }
    size_t larger_bytes = lmm_round_up(2 * bytes, LMM_SYSTEM_PAGE_BYTES);
    char *larger = lmm_vm_map(larger_bytes);
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

/* The file is the header and then the chunks: part 0 and parts 1 to `used`. */
static struct lmm_store_part part_at(size_t i)
{
    if (i == 0) {
        return (struct lmm_store_part) {chunks.header, sizeof(*chunks.header)};
    }
    return (struct lmm_store_part) {chunks.directory[i - 1],
                                    (size_t) chunks.directory[i - 1]->bytes};
}

/* Puts the file under the parts, where they are; not shared: as it is now, for this process
 * alone. False when the kernel will not map all of it. */
static bool map_parts(bool shared)
{
    size_t offset = 0;

    for (size_t i = 0; i <= chunks.used; i++) {
        struct lmm_store_part part = part_at(i);
        if (!lmm_store_map_over(part.data, part.bytes, offset, shared)) {
            return false;
        }
        offset += part.bytes;
    }
    return true;
}

/* The process goes on in private copies, so that the whole file keeps the state of one moment.
 * If the file cannot be opened, the mappings stay shared. */
static void leave_file(void)
{
    if (lmm_store_open()) {
        chunks.is_shared = !map_parts(false);
        lmm_store_close();
    }
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
             strerrordesc_np(error));
}

static size_t all_bytes(void)
{
    size_t bytes = sizeof(*chunks.header);

    for (size_t i = 0; i < chunks.used; i++) {
        bytes += (size_t) chunks.directory[i]->bytes;
    }
    return bytes;
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
    bool is_file_whole = !chunks.grows || (chunks.has_file && chunks.is_shared &&
                                           chunks.header->file_bytes == all_bytes());    /* I1 */
    bool is_child_apart = !chunks.is_pending || (!chunks.has_file && !chunks.is_shared); /* I2 */
    bool can_fork = !chunks.is_shared || all_bytes() <= chunks.mirror_bytes;             /* I3 */
    bool is_loss_known = chunks.lost == 0 || (!chunks.grows && chunks.is_shared);        /* I4 */
    return is_file_whole && is_child_apart && can_fork && is_loss_known &&
           chunks.used <= chunks.capacity && chunks.lost <= chunks.used;
}

/* Zeroed memory for a chunk, at the end of the file where there is one; NULL with errno ENOMEM. */
static void *map_chunk(size_t bytes)
{
    int error = 0;

    if (chunks.is_shared && !mirror_reserve(all_bytes() + bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (chunks.grows) {
        void *chunk = lmm_store_grow((size_t) chunks.header->file_bytes, bytes, &error);
        if (chunk != NULL) {
            return chunk;
        }
        if (error == 0 || error == ENOMEM) {
            errno = ENOMEM;
            return NULL;
        }
        lose_file(error);
    }
    return lmm_vm_map(bytes);
}

struct lmm_ledger_chunk *lmm_chunk_add(uint32_t record_bytes, uint32_t first, size_t bytes)
{
    LMM_CHECK(record_bytes != 0 && bytes % LMM_SYSTEM_PAGE_BYTES == 0);
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
    lmm_process_describe(header);
}

bool lmm_chunks_start(void)
{
    struct lmm_ledger_header *header = lmm_vm_map(sizeof(*header));

    if (header == NULL) {
        return false;
    }
    fill_header(header);
    lmm_store_release(&chunks.header, header);
    return true;
}

/* ---- The file -------------------------------------------------------------------------------- */

static void create_file(const struct lmm_store_part *parts)
{
    if (lmm_store_create(parts, chunks.used + 1, chunks.header) != 0) {
        return;
    }
    chunks.is_shared = true;
    chunks.has_file = map_parts(true);
    chunks.grows = chunks.has_file;
    lmm_store_close();
    if (!chunks.has_file) {
        lmm_store_remove();
        lmm_warn("no ledger: no memory to map it");
    }
}

void lmm_chunks_publish(void)
{
    if (chunks.has_file) {
        return;
    }
    size_t list_bytes = (chunks.used + 1) * sizeof(struct lmm_store_part);
    struct lmm_store_part *parts = lmm_meta_zalloc(list_bytes);
    size_t bytes = 0;

    for (size_t i = 0; parts != NULL && i <= chunks.used; i++) {
        parts[i] = part_at(i);
        bytes += parts[i].bytes;
    }
    if (parts == NULL || !mirror_reserve(bytes)) {
        lmm_warn("no ledger: no memory for it");
    } else {
        chunks.header->file_bytes = bytes;
        create_file(parts);
        chunks.header->file_bytes = chunks.has_file ? bytes : 0;
    }
    if (parts != NULL) {
        lmm_meta_free(&lmm_arena_records, parts, list_bytes);
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

/* Bytes of a part that hold something, so rounded that what follows them in a copy is aligned. */
static size_t filled_bytes(size_t i, const void *part)
{
    const struct lmm_ledger_chunk *chunk = part;
    size_t bytes = i == 0 ? sizeof(struct lmm_ledger_header)
                          : sizeof(*chunk) + (size_t) chunk->used * chunk->record_bytes;

    return lmm_round_up(bytes, LMM_CACHE_LINE_BYTES);
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

/* The child would see what the parent counts later in shared chunks, so it gets this copy. */
void lmm_chunks_before_fork(void)
{
    char *to = chunks.mirror;

    LMM_CHECK(lmm_chunks_are_valid_locked());
    for (size_t i = 0; chunks.is_shared && i <= chunks.used; i++) {
        const void *part = part_at(i).data;
        size_t bytes = filled_bytes(i, part);
        copy_words(to, part, bytes);
        to += bytes;
    }
}

/* The sizes are those of the copy: parts may have grown since. False: the kernel refused. */
static bool restore(void)
{
    const char *from = chunks.mirror;
    bool done = true;

    for (size_t i = 0; i <= chunks.used; i++) {
        struct lmm_store_part part = part_at(i);
        size_t bytes = filled_bytes(i, from);
        if (lmm_vm_map_over(part.data, part.bytes)) {
            memcpy(part.data, from, bytes);
        } else {
            done = false;
        }
        from += bytes;
    }
    return done;
}

void lmm_chunks_after_fork_in_child(void)
{
    if (chunks.is_shared && !restore()) {
        lmm_warn("no memory for books of its own after fork: this process shares its parent's");
    } else if (chunks.is_shared || chunks.has_file) {
        chunks.is_shared = false;
        lmm_store_release(&chunks.is_pending, true);
    }
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
