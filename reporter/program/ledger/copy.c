/* SPDX-License-Identifier: MIT */
/*
 * The file may change at any moment, in any way, so each value that decides where to read next is
 * loaded once and kept, and then replaces the copied one.
 *
 *   1  the chain is walked, which gives the offset, kind and length of each chunk
 *   2  `used` is loaded of sites, then of stacks, frames, modules, families, and last of strings. A
 *      writer publishes in the opposite order, so the copy contains all that its published records
 *      refer to
 *   3  all words are copied, the frees among them, except those in holes of the file: what step 2
 *      has published is not in one
 *   4  `used` of the rows is loaded again, and their allocations are copied over those of step 3, so
 *      each free in the copy has its allocation, also if that is in a row page which is new
 *   5  the peaks are copied again, until their count is the same after the copy as before: a writer
 *      changes the count before it writes to the valid one of the two turns. Then the last leak
 *      check and the last walk over the pages, in the same way
 *   6  the chain is walked again. If a chunk was added since step 1, or, in version 1, rows have
 *      moved, the frees may be those of a thread whose allocations are missing, and the copy starts
 *      again. It also does if step 5 gave up
 *
 * A ledger that nobody writes any more, and that stays as it is, needs no steps 4 and 5, and its long parts are mapped in
 * step 3, not copied.
 */
#include "reporter/program/ledger/copy.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <lmm/ledger.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "reporter/core/books.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/lost_pages.h"
#include "reporter/program/ledger/ledger_file.h"

enum {
    TURN_TRIES = 100,
    POPULATE_READ = 22, /* MADV_, since Linux 5.14 and glibc 2.35 */
    POPULATE_WRITE = 23,
    SHARED_MIN = 1 << 20, /* bytes of a part that is shared: it takes a mapping */
    CHUNKS_MAX = 1 << 18, /* more than one chunk of rows for each thread */
};

static const struct lmm_ledger_chunk *chunk_at(const unsigned char *bytes, size_t offset)
{
    return (const void *) (bytes + offset);
}

/* ---- The chain ------------------------------------------------------------------------------- */

/* Step 1: walks the chain of chunks and checks that each is inside the source. */
static bool walk(const struct lmm_copy_source *source, struct lmm_copy_chain *chain,
                 struct lmm_reason *ret_reason)
{
    chain->count = 0;
    for (size_t offset = sizeof(struct lmm_ledger_header); offset < source->size;) {
        const struct lmm_ledger_chunk *chunk = chunk_at(source->bytes, offset);
        uint64_t bytes = lmm_load_u64_acquire(&chunk->bytes);

        if (!lmm_books_are_chunk_bytes(bytes) || bytes > source->size - offset) {
            return lmm_reason_set(
                ret_reason, "a damaged ledger: a chunk of %" PRIu64 " bytes at byte %zu of %zu",
                bytes, offset, source->size);
        }
        if (chain->count == CHUNKS_MAX) {
            return lmm_reason_set(ret_reason, "a damaged ledger: more than %d chunks", CHUNKS_MAX);
        }
        struct lmm_copy_link *link = lmm_array_add(&chain->links, &chain->count, sizeof(*link));

        if (link == NULL) {
            return lmm_reason_set(ret_reason, "%s", strerror(ENOMEM));
        }
        *link = (struct lmm_copy_link) {.offset = offset,
                                        .bytes = bytes,
                                        .kind = lmm_load_u32_acquire(&chunk->kind),
                                        .record_bytes = lmm_load_u32(&chunk->record_bytes)};
        offset += bytes;
    }
    return true;
}

/* Step 2. */
static void load_used(const struct lmm_copy_source *source, struct lmm_copy_chain *chain)
{
    static const uint32_t order[] = {
        LMM_LEDGER_KEEPERS,       LMM_LEDGER_MISMATCHES, LMM_LEDGER_MARKS,  LMM_LEDGER_SITES,
        LMM_LEDGER_STACKS,        LMM_LEDGER_GUESSES,    LMM_LEDGER_FRAMES, LMM_LEDGER_MODULES,
        LMM_LEDGER_FAMILIES,      LMM_LEDGER_STRINGS,    LMM_LEDGER_ROWS,   LMM_LEDGER_PEAKS,
        LMM_LEDGER_TEMPORARIES_V1};

    for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
        for (size_t i = 0; i < chain->count; i++) {
            struct lmm_copy_link *link = &chain->links[i];

            if (link->kind == order[k]) {
                link->used = lmm_load_u32_acquire(&chunk_at(source->bytes, link->offset)->used);
            }
        }
    }
}

/* Step 6: whether the chain is unchanged. */
static bool is_same_chain(const struct lmm_copy_source *source, const struct lmm_copy_chain *chain)
{
    const struct lmm_ledger_header *header = (const void *) source->bytes;

    for (size_t i = 0; i < chain->count; i++) {
        const struct lmm_copy_link *link = &chain->links[i];

        if (lmm_load_u32(&chunk_at(source->bytes, link->offset)->kind) != link->kind) {
            return false;
        }
    }
    return lmm_load_u64(&header->file_bytes) == source->size;
}

/* ---- Copying --------------------------------------------------------------------------------- */

/* Copies the words at [offset, offset + bytes), which are multiples of the word size. */
static void copy_words(const struct lmm_copy_source *source, unsigned char *copy, size_t offset,
                       size_t bytes)
{
    const uint64_t *from = (const void *) (source->bytes + offset);
    uint64_t *to = (void *) (copy + offset);

    assert(offset % sizeof(*from) == 0 && bytes % sizeof(*from) == 0);
    assert(offset <= source->size && bytes <= source->size - offset);
    for (size_t i = 0; i < bytes / sizeof(*from); i++) {
        to[i] = lmm_load_u64(&from[i]);
    }
}

/* A part of the source that is not in a hole of its file. */
struct part {
    size_t start;
    size_t end;
};

/* Sets *part to the next part after its end, up to `to`; false: there is none. A file system that
 * does not tell has no holes. A reader who touches a hole of a mapping in /dev/shm would fill it
 * with memory. */
static bool next_part(const struct lmm_copy_source *source, size_t to, struct part *part)
{
    off_t start = (off_t) part->end;
    off_t end = -1;

    if (source->descriptor >= 0 && part->end < to) {
        start = lseek(source->descriptor, start, SEEK_DATA);
        if (start < 0) {
            start = errno == ENXIO ? (off_t) to : (off_t) part->end;
        } else {
            end = lseek(source->descriptor, start, SEEK_HOLE);
        }
    }
    if (start >= (off_t) to) {
        return false;
    }
    *part = (struct part) {(size_t) start, end < 0 || end > (off_t) to ? to : (size_t) end};
    return part->start < part->end;
}

/* Has the kernel provide the memory of a part at once, which takes less time than a fault for each system
 * page. What it does not do, faults do. */
static void provide(const unsigned char *bytes, const struct part *part, int advice)
{
    const uintptr_t page_bytes = (uintptr_t) sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t) (bytes + part->start) / page_bytes * page_bytes;

    madvise((void *) start, (uintptr_t) (bytes + part->end) - start, advice);
}

/* Maps a part into the copy, so that only system pages that are written later are copied. Returns false when it must be
 * copied instead. */
static bool share(const struct lmm_copy_source *source, unsigned char *copy,
                  const struct part *part)
{
    uintptr_t page_bytes = (uintptr_t) sysconf(_SC_PAGESIZE);
    unsigned char *start = copy + part->start;
    size_t bytes = part->end - part->start;

    if (!source->is_kept || bytes < SHARED_MIN || part->start % page_bytes != 0 ||
        (uintptr_t) start % page_bytes != 0) {
        return false;
    }
    const int flags = MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED;

    if (mmap(start, bytes, PROT_READ | PROT_WRITE, flags, source->descriptor,
             (off_t) part->start) != MAP_FAILED) {
        madvise(start, bytes, POPULATE_READ);
        return true;
    }
    /* A mapping that failed may have removed the memory of the copy there: it is mapped once more. */
    (void) mmap(start, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    return false;
}

/* Copies the words at [offset, offset + bytes), except those in holes. */
static void copy_parts(const struct lmm_copy_source *source, unsigned char *copy, size_t offset,
                       size_t bytes)
{
    for (struct part part = {.end = offset}; next_part(source, offset + bytes, &part);) {
        if (!share(source, copy, &part)) {
            provide(source->bytes, &part, POPULATE_READ);
            provide(copy, &part, POPULATE_WRITE);
            copy_words(source, copy, part.start, part.end - part.start);
        }
    }
}

static void keep_chain(const struct lmm_copy_chain *chain, unsigned char *copy, size_t size)
{
    struct lmm_ledger_header *header = (void *) copy;

    assert(size % sizeof(struct lmm_ledger_chunk) == 0);
    header->file_bytes = size;
    for (size_t i = 0; i < chain->count; i++) {
        const struct lmm_copy_link *link = &chain->links[i];
        struct lmm_ledger_chunk *chunk = (void *) (copy + link->offset);

        chunk->bytes = link->bytes;
        chunk->kind = link->kind;
        chunk->record_bytes = link->record_bytes;
        chunk->used = link->used;
    }
}

static void copy_allocated(const unsigned char *from, unsigned char *to)
{
    const struct lmm_ledger_row_v1 *row = (const void *) from; /* the start of version 2's, too */
    struct lmm_ledger_row_v1 *copied = (void *) to;

    copied->allocated_blocks = lmm_load_u64_acquire(&row->allocated_blocks);
    copied->allocated_extra = lmm_load_u64_acquire(&row->allocated_extra);
}

/* Copies the allocations in a chunk of rows of version 1. Parts start at multiples of the size of a
 * row, as rows do. */
static void copy_rows_v1(const struct lmm_copy_source *source, const struct lmm_copy_link *link,
                         unsigned char *copy)
{
    size_t row_bytes = sizeof(struct lmm_ledger_row_v1);
    struct part part = {.end = link->offset + sizeof(struct lmm_ledger_chunk)};

    static_assert(sizeof(struct lmm_ledger_chunk) % sizeof(struct lmm_ledger_row_v1) == 0,
                  "rows start at multiples of their size");
    while (next_part(source, link->offset + link->bytes, &part)) {
        for (size_t at = part.start; at + row_bytes <= part.end; at += row_bytes) {
            copy_allocated(source->bytes + at, copy + at);
        }
    }
}

/* Copies the head of a row page, which may be new, and its allocations. */
static void copy_row_page(const struct lmm_copy_source *source, size_t at, uint32_t rows,
                          unsigned char *copy)
{
    size_t head_bytes = sizeof(struct lmm_ledger_row_page);

    copy_words(source, copy, at, head_bytes);
    for (uint32_t k = 0; k < rows; k++) {
        size_t row = at + head_bytes + k * sizeof(struct lmm_ledger_row);
        copy_allocated(source->bytes + row, copy + row);
    }
}

/* Copies the row pages of a chunk that are in use now. */
static void copy_row_pages(const struct lmm_copy_source *source, struct lmm_copy_link *link,
                           unsigned char *copy)
{
    size_t first = link->offset + sizeof(struct lmm_ledger_chunk);
    uint32_t rows = lmm_books_rows_in(link->record_bytes);
    struct part part = {.end = first};

    link->used = lmm_load_u32_acquire(&chunk_at(source->bytes, link->offset)->used);
    if (rows == 0) {
        return;
    }
    size_t room = (link->bytes - sizeof(struct lmm_ledger_chunk)) / link->record_bytes;
    size_t pages = link->used < room ? link->used : room;

    while (next_part(source, first + pages * link->record_bytes, &part)) {
        size_t page = (part.start - first) / link->record_bytes;

        for (; first + page * link->record_bytes < part.end; page++) {
            copy_row_page(source, first + page * link->record_bytes, rows, copy);
        }
    }
}

/* Step 4. */
static void copy_allocations(const struct lmm_copy_source *source, struct lmm_copy_chain *chain,
                             unsigned char *copy)
{
    for (size_t i = 0; i < chain->count; i++) {
        struct lmm_copy_link *link = &chain->links[i];

        if (link->kind == LMM_LEDGER_ROWS &&
            link->record_bytes == sizeof(struct lmm_ledger_row_v1)) {
            copy_rows_v1(source, link, copy);
        } else if (link->kind == LMM_LEDGER_ROWS) {
            copy_row_pages(source, link, copy);
        }
    }
}

/* Copies the valid peaks: the chunk of that owner in version 1, all chunks in version 2. */
static void copy_peak_chunks(const struct lmm_copy_source *source, struct lmm_copy_chain *chain,
                             uint64_t count, unsigned char *copy)
{
    for (size_t i = 0; i < chain->count; i++) {
        struct lmm_copy_link *link = &chain->links[i];
        const struct lmm_ledger_chunk *chunk = chunk_at(source->bytes, link->offset);
        bool is_single = link->record_bytes == sizeof(struct lmm_ledger_peak_v1);

        if (link->kind == LMM_LEDGER_PEAKS &&
            (!is_single || lmm_load_u32(&chunk->owner) == count % 2)) {
            link->used = lmm_load_u32_acquire(&chunk->used);
            copy_parts(source, copy, link->offset, link->bytes);
        }
    }
}

/* Step 5, first half; returns whether all peaks in the copy are of one moment. */
static bool copy_peaks(const struct lmm_copy_source *source, struct lmm_copy_chain *chain,
                       unsigned char *copy)
{
    const struct lmm_ledger_header *from = (const void *) source->bytes;
    struct lmm_ledger_header *to = (void *) copy;

    for (int tries = 0; tries < TURN_TRIES; tries++) {
        uint64_t count = lmm_load_u64_acquire(&from->peak_count);

        to->peak_count = count;
        to->peak_bytes[count % 2] = lmm_load_u64(&from->peak_bytes[count % 2]);
        to->peak_time_ns[count % 2] = lmm_load_u64(&from->peak_time_ns[count % 2]);
        copy_peak_chunks(source, chain, count, copy);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (lmm_load_u64(&from->peak_count) == count) {
            return true;
        }
    }
    return false;
}

/* A result that is written by turns: a number of results in the header, the facts of the last two, and for each
 * turn a kind of chunks with its records. */
struct result {
    size_t count; /* these three: offsets in the header, and bytes of the facts of one */
    size_t facts;
    size_t fact_bytes;
    uint32_t kinds[2];
};

static const struct result results[] = {
    {offsetof(struct lmm_ledger_header, check_count),
     offsetof(struct lmm_ledger_header, check),
     sizeof(struct lmm_ledger_check),
     {LMM_LEDGER_LEAKS_EVEN, LMM_LEDGER_LEAKS_ODD}},
    {offsetof(struct lmm_ledger_header, page_walk_count),
     offsetof(struct lmm_ledger_header, page_walk),
     sizeof(struct lmm_ledger_page_walk),
     {LMM_LEDGER_PAGES_EVEN, LMM_LEDGER_PAGES_ODD}},
};

static void copy_chunks(const struct lmm_copy_source *source, struct lmm_copy_chain *chain,
                        uint32_t kind, unsigned char *copy)
{
    for (size_t i = 0; i < chain->count; i++) {
        struct lmm_copy_link *link = &chain->links[i];

        if (link->kind == kind) {
            link->used = lmm_load_u32_acquire(&chunk_at(source->bytes, link->offset)->used);
            copy_parts(source, copy, link->offset, link->bytes);
        }
    }
}

/* Step 5, second half; returns whether the result in the copy is of one moment. */
static bool copy_result(const struct lmm_copy_source *source, struct lmm_copy_chain *chain,
                        const struct result *result, unsigned char *copy)
{
    const uint64_t *from = (const void *) (source->bytes + result->count);
    uint64_t *to = (void *) (copy + result->count);

    for (int tries = 0; tries < TURN_TRIES; tries++) {
        uint64_t count = lmm_load_u64_acquire(from);

        *to = count;
        copy_words(source, copy, result->facts + count % 2 * result->fact_bytes,
                   result->fact_bytes);
        copy_chunks(source, chain, result->kinds[count % 2], copy);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (lmm_load_u64(from) == count) {
            return true;
        }
    }
    *to = 0; /* no result, rather than a torn one */
    return false;
}

/* Instead of steps 4 and 5, where nothing changes. Returns true. */
static bool load_all_used(const struct lmm_copy_source *source, struct lmm_copy_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        struct lmm_copy_link *link = &chain->links[i];

        link->used = lmm_load_u32_acquire(&chunk_at(source->bytes, link->offset)->used);
    }
    return true;
}

/* Steps 4 and 5; returns whether what is written by turns is of one moment. */
static bool copy_again(const struct lmm_copy_source *source, struct lmm_copy_chain *chain,
                       unsigned char *copy)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    copy_allocations(source, chain, copy);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    bool turns = copy_peaks(source, chain, copy);

    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        turns = copy_result(source, chain, &results[i], copy) && turns;
    }
    return turns;
}

static enum lmm_copy_outcome copy_once(const struct lmm_copy_source *source,
                                       struct lmm_copy_chain *chain, unsigned char *copy,
                                       struct lmm_reason *ret_reason)
{
    const struct lmm_ledger_header *header = (const void *) source->bytes;
    uint32_t before = lmm_load_u32_acquire(&header->move_sequence);

    if (!walk(source, chain, ret_reason)) {
        return LMM_COPY_FAILED;
    }
    load_used(source, chain);
    copy_parts(source, copy, 0, source->size); /* step 3 */
    bool turns = source->is_kept ? load_all_used(source, chain) : copy_again(source, chain, copy);

    keep_chain(chain, copy, source->size);
    bool same = turns && is_same_chain(source, chain) && before % 2 == 0 &&
                lmm_load_u32(&header->move_sequence) == before;
    bool marked = source->still && header->snapshot_time_ns != 0 && before % 2 != 0;
    bool settled = source->still ? !marked : same;

    struct lmm_ledger_header *to = (void *) copy;

    to->move_sequence = (to->move_sequence & ~UINT32_C(1)) | !settled; /* I2 */
    return settled || source->still ? LMM_COPY_DONE : LMM_COPY_UNSETTLED;
}

/* ---- A file that shrinks under its mapping --------------------------------------------------- */

enum lmm_copy_outcome lmm_copy_ledger(const struct lmm_copy_source *source,
                                      struct lmm_copy_chain *chain, unsigned char *copy,
                                      struct lmm_reason *ret_reason)
{
    uint32_t lost = lmm_lost_pages_count();
    enum lmm_copy_outcome outcome;

    lmm_lost_pages_start();
    outcome = copy_once(source, chain, copy, ret_reason);
    if (lmm_lost_pages_count() != lost) {
        lmm_reason_set(ret_reason, "the ledger was truncated while it was read");
        outcome = LMM_COPY_FAILED;
    }
    return outcome;
}
