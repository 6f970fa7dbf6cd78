/* SPDX-License-Identifier: MIT */
/*
 * snapshot: see snapshot.h for the contract.
 *
 * How a ledger is copied while its process writes it. The file may change at any moment, in any
 * way, so each value that decides where to read next is loaded once and kept, and then replaces the
 * copied one.
 *
 *   1  the chain is walked, which gives the offset, kind and length of each chunk
 *   2  `used` is loaded of sites, then of stacks, frames, modules, families, and last of strings. A
 *      writer publishes in the opposite order, so the copy contains all that its published records
 *      refer to
 *   3  all words are copied, the frees among them
 *   4  the allocations are copied again over those of step 3, so each free in the copy has its
 *      allocation
 *   5  the peaks are copied again, until their count is the same after the copy as before: a writer
 *      changes the count before it writes to the valid one of the two owners
 *   6  the chain is walked again. If rows have moved or were added since step 1, the frees may be
 *      those of a thread whose allocations are missing, and the copy starts again. It also does if
 *      step 5 gave up
 */
#include "reporter/program/ledger/snapshot.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <lmm/ledger.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "reporter/core/books.h"
#include "reporter/core/build.h"
#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
#include "reporter/program/base/array.h"

enum {
    TRIES = 100, /* together about 10 ms */
    PAUSE_NS = 100 * 1000,
    CHUNKS_MAX = 1 << 18, /* more than one chunk of rows for each thread */
};

/* The offset of a chunk, and the values of its header. */
struct link {
    size_t offset;
    uint64_t bytes;
    uint32_t kind;
    uint32_t used;
};

struct chain {
    struct link *links;
    size_t count;
};

/* The ledger that is read; its process may be writing it. */
struct source {
    const unsigned char *bytes;
    size_t size;
    bool still; /* no process writes it */
};

static const struct lmm_ledger_chunk *chunk_at(const unsigned char *bytes, size_t offset)
{
    return (const void *) (bytes + offset);
}

/* ---- The chain ------------------------------------------------------------------------------- */

static struct link *add_link(struct chain *chain)
{
    struct link *links = lmm_array_room(chain->links, chain->count, sizeof(*links));

    if (links == NULL) {
        return NULL;
    }
    chain->links = links;
    return &links[chain->count++];
}

/* Step 1: walks the chain of chunks and checks that each is inside the source. */
static bool walk(const struct source *source, struct chain *chain, struct lmm_reason *ret_reason)
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
        struct link *link = add_link(chain);

        if (link == NULL) {
            return lmm_reason_set(ret_reason, "%s", strerror(ENOMEM));
        }
        *link = (struct link) {offset, bytes, lmm_load_u32_acquire(&chunk->kind), 0};
        offset += bytes;
    }
    return true;
}

/* Step 2. */
static void load_used(const struct source *source, struct chain *chain)
{
    static const uint32_t order[] = {
        LMM_LEDGER_SITES,   LMM_LEDGER_STACKS,   LMM_LEDGER_FRAMES,
        LMM_LEDGER_MODULES, LMM_LEDGER_FAMILIES, LMM_LEDGER_STRINGS,
        LMM_LEDGER_ROWS,    LMM_LEDGER_PEAKS,    LMM_LEDGER_TEMPORARIES};

    for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
        for (size_t i = 0; i < chain->count; i++) {
            struct link *link = &chain->links[i];

            if (link->kind == order[k]) {
                link->used = lmm_load_u32_acquire(&chunk_at(source->bytes, link->offset)->used);
            }
        }
    }
}

/* Step 6: whether the chain is unchanged. */
static bool is_same_chain(const struct source *source, const struct chain *chain)
{
    const struct lmm_ledger_header *header = (const void *) source->bytes;

    for (size_t i = 0; i < chain->count; i++) {
        const struct link *link = &chain->links[i];

        if (lmm_load_u32(&chunk_at(source->bytes, link->offset)->kind) != link->kind) {
            return false;
        }
    }
    return lmm_load_u64(&header->file_bytes) == source->size;
}

/* ---- Copying --------------------------------------------------------------------------------- */

/* Copies the words at [offset, offset + bytes), which are multiples of the word size. */
static void copy_words(const struct source *source, unsigned char *copy, size_t offset,
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

static void keep_chain(const struct chain *chain, unsigned char *copy, size_t size)
{
    struct lmm_ledger_header *header = (void *) copy;

    assert(size % sizeof(struct lmm_ledger_chunk) == 0);
    header->file_bytes = size;
    for (size_t i = 0; i < chain->count; i++) {
        const struct link *link = &chain->links[i];
        struct lmm_ledger_chunk *chunk = (void *) (copy + link->offset);

        chunk->bytes = link->bytes;
        chunk->kind = link->kind;
        chunk->used = link->used;
    }
}

/* Step 4. */
static void copy_allocations(const struct source *source, const struct chain *chain,
                             unsigned char *copy)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct link *link = &chain->links[i];
        const struct lmm_ledger_row *from =
            (const void *) (chunk_at(source->bytes, link->offset) + 1);
        struct lmm_ledger_row *to =
            (void *) (copy + ((const unsigned char *) from - source->bytes));
        size_t rows = (link->bytes - sizeof(struct lmm_ledger_chunk)) / sizeof(*from);

        for (size_t k = 0; link->kind == LMM_LEDGER_ROWS && k < rows; k++) {
            to[k].allocated_blocks = lmm_load_u64_acquire(&from[k].allocated_blocks);
            to[k].allocated_extra = lmm_load_u64_acquire(&from[k].allocated_extra);
        }
    }
}

static void copy_peak_chunks(const struct source *source, struct chain *chain, uint64_t count,
                             unsigned char *copy)
{
    for (size_t i = 0; i < chain->count; i++) {
        struct link *link = &chain->links[i];
        const struct lmm_ledger_chunk *chunk = chunk_at(source->bytes, link->offset);

        if (link->kind == LMM_LEDGER_PEAKS && lmm_load_u32(&chunk->owner) == count % 2) {
            link->used = lmm_load_u32_acquire(&chunk->used);
            copy_words(source, copy, link->offset, link->bytes);
        }
    }
}

/* Step 5; returns whether all peaks in the copy are of one moment. */
static bool copy_peaks(const struct source *source, struct chain *chain, unsigned char *copy)
{
    const struct lmm_ledger_header *from = (const void *) source->bytes;
    struct lmm_ledger_header *to = (void *) copy;

    for (int tries = 0; tries < TRIES; tries++) {
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

/* Makes the sequence of the copy even if it is settled, and odd if not (I3). */
static void keep_sequence(unsigned char *copy, bool settled)
{
    struct lmm_ledger_header *header = (void *) copy;

    header->move_sequence = (header->move_sequence & ~UINT32_C(1)) | !settled;
}

enum outcome { COPY_SETTLED, COPY_UNSETTLED, COPY_FAILED };

static enum outcome copy_once(const struct source *source, struct chain *chain, unsigned char *copy,
                              struct lmm_reason *ret_reason)
{
    const struct lmm_ledger_header *header = (const void *) source->bytes;
    uint32_t before = lmm_load_u32_acquire(&header->move_sequence);

    if (!walk(source, chain, ret_reason)) {
        return COPY_FAILED;
    }
    load_used(source, chain);
    copy_words(source, copy, 0, source->size); /* step 3 */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    copy_allocations(source, chain, copy);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    bool peaks = copy_peaks(source, chain, copy);

    keep_chain(chain, copy, source->size);
    bool same = peaks && is_same_chain(source, chain) && before % 2 == 0 &&
                lmm_load_u32(&header->move_sequence) == before;
    bool marked = source->still && header->snapshot_time_ns != 0 && before % 2 != 0;
    bool settled = source->still ? !marked : same;

    keep_sequence(copy, settled);
    return settled || source->still ? COPY_SETTLED : COPY_UNSETTLED;
}

/* ---- A file that shrinks under its mapping --------------------------------------------------- */

static sigjmp_buf shrunk;

static void on_bus_error(int number)
{
    (void) number;
    siglongjmp(shrunk, 1);
}

static enum outcome copy_guarded(const struct source *source, struct chain *chain,
                                 unsigned char *copy, struct lmm_reason *ret_reason)
{
    struct sigaction guard = {.sa_handler = on_bus_error};
    struct sigaction before;
    volatile enum outcome outcome = COPY_FAILED;

    sigemptyset(&guard.sa_mask);
    sigaction(SIGBUS, &guard, &before);
    if (sigsetjmp(shrunk, 1) == 0) {
        outcome = copy_once(source, chain, copy, ret_reason);
    } else {
        lmm_reason_set(ret_reason, "the ledger was truncated while it was read");
    }
    sigaction(SIGBUS, &before, NULL);
    return outcome;
}

/* ---- Building -------------------------------------------------------------------------------- */

static struct lmm_snapshot *fail(struct lmm_snapshot *snapshot, struct lmm_reason *ret_reason,
                                 int error)
{
    if (error == -EINVAL) {
        lmm_reason_set(ret_reason, "a damaged ledger: inconsistent records");
    } else if (error != 0) {
        lmm_reason_set(ret_reason, "%s", strerror(-error));
    }
    lmm_snapshot_free(snapshot);
    return NULL;
}

static int build(struct lmm_snapshot *snapshot, const struct lmm_ledger_chunk **chunks,
                 const struct chain *chain)
{
    struct lmm_ledger_header *header = snapshot->copy;
    uint32_t sequence = header->move_sequence;

    for (size_t i = 0; i < chain->count; i++) {
        chunks[i] = chunk_at(snapshot->copy, chain->links[i].offset);
    }
    struct lmm_ledger_view view = {header, chunks, chain->count};
    size_t bytes = lmm_model_bytes(&view);

    snapshot->scratch = malloc(bytes);
    if (snapshot->scratch == NULL) {
        return -ENOMEM;
    }
    header->move_sequence = 0; /* no process writes the copy: its rows are read once */
    int error = lmm_model_build(&view, snapshot->scratch, bytes, &snapshot->model);

    header->move_sequence = sequence;
    if (error == 0) {
        snapshot->model->settled = sequence % 2 == 0;
    }
    return error;
}

/* Allocates a snapshot with room for a copy of size bytes, aligned for records. */
static struct lmm_snapshot *start(size_t size)
{
    struct lmm_snapshot *snapshot = calloc(1, sizeof(*snapshot));

    assert(size > 0 && size % sizeof(struct lmm_ledger_chunk) == 0);
    if (snapshot != NULL) {
        snapshot->copy = aligned_alloc(sizeof(struct lmm_ledger_chunk), size);
        snapshot->bytes = size;
        snapshot->header = snapshot->copy;
    }
    if (snapshot != NULL && snapshot->copy == NULL) {
        free(snapshot);
        return NULL;
    }
    return snapshot;
}

/* The header in the copy was read later than the one that gave the size of the copy. */
static bool check_copy(const struct lmm_snapshot *snapshot, struct lmm_reason *ret_reason)
{
    return lmm_ledger_file_check(snapshot->header, snapshot->bytes, ret_reason);
}

static struct lmm_snapshot *finish(struct lmm_snapshot *snapshot, const struct chain *chain,
                                   struct lmm_reason *ret_reason)
{
    if (!check_copy(snapshot, ret_reason)) {
        return fail(snapshot, ret_reason, 0);
    }
    const struct lmm_ledger_chunk **chunks =
        calloc(chain->count + 1, sizeof(struct lmm_ledger_chunk *));
    int error = chunks == NULL ? -ENOMEM : build(snapshot, chunks, chain);

    free(chunks);
    return error == 0 ? snapshot : fail(snapshot, ret_reason, error);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Copies as many bytes of the file as its header gives. */
static enum outcome copy_file(const struct lmm_ledger_file *file, bool still, struct chain *chain,
                              struct lmm_snapshot **ret_snapshot, struct lmm_reason *ret_reason)
{
    size_t size = file->header.file_bytes;
    void *mapping = mmap(NULL, size, PROT_READ, MAP_SHARED, file->descriptor, 0);
    struct lmm_snapshot *snapshot = start(size);
    enum outcome outcome = COPY_FAILED;

    if (mapping == MAP_FAILED || snapshot == NULL) {
        lmm_reason_set(ret_reason, "%s", strerror(mapping == MAP_FAILED ? errno : ENOMEM));
    } else {
        struct source source = {mapping, size, still};

        outcome = copy_guarded(&source, chain, snapshot->copy, ret_reason);
    }
    if (mapping != MAP_FAILED) {
        munmap(mapping, size);
    }
    *ret_snapshot = snapshot;
    return outcome;
}

static void complete(struct lmm_snapshot *snapshot, enum lmm_process_state state)
{
    assert(snapshot->model != NULL);
    snapshot->state = state;
    if (snapshot->model->process == LMM_MODEL_RUNNING && state == LMM_PROCESS_KILLED) {
        snapshot->model->process = LMM_MODEL_KILLED;
    } else if (snapshot->model->process == LMM_MODEL_RUNNING && state == LMM_PROCESS_REPLACED) {
        snapshot->model->process = LMM_MODEL_REPLACED;
    }
}

static struct lmm_snapshot *take(const struct lmm_ledger_file *file, enum outcome *ret_outcome,
                                 struct chain *chain, struct lmm_reason *ret_reason)
{
    enum lmm_process_state state = lmm_process_state(&file->header, file->device, file->inode);
    bool still = !lmm_process_runs(state);
    struct lmm_snapshot *snapshot = NULL;

    *ret_outcome = copy_file(file, still, chain, &snapshot, ret_reason);
    if (*ret_outcome == COPY_FAILED) {
        return fail(snapshot, ret_reason, 0);
    }
    snapshot = finish(snapshot, chain, ret_reason);
    if (snapshot != NULL) {
        complete(snapshot, state);
    }
    return snapshot;
}

/* Each try opens the file again: it may have grown, or its process may have ended. */
struct lmm_snapshot *lmm_snapshot_try(const char *path, struct lmm_reason *ret_reason)
{
    struct lmm_snapshot *snapshot = NULL;
    enum outcome outcome = COPY_UNSETTLED;
    struct chain chain = {NULL, 0};

    for (int tries = 0; tries < TRIES && outcome == COPY_UNSETTLED; tries++) {
        struct lmm_ledger_file file;

        if (tries > 0) {
            nanosleep(&(struct timespec) {.tv_nsec = PAUSE_NS}, NULL);
        }
        lmm_snapshot_free(snapshot);
        snapshot = NULL;
        if (!lmm_ledger_file_open(path, &file, ret_reason)) {
            break;
        }
        snapshot = take(&file, &outcome, &chain, ret_reason);
        lmm_ledger_file_close(&file);
    }
    free(chain.links);
    return snapshot;
}

struct lmm_snapshot *lmm_snapshot_read(const char *path)
{
    struct lmm_reason reason = {""};
    struct lmm_snapshot *snapshot = lmm_snapshot_try(path, &reason);

    if (snapshot == NULL) {
        lmm_complain("%s: %s", path, reason.text);
    }
    return snapshot;
}

struct lmm_snapshot *lmm_snapshot_select(const char *word)
{
    char *path = lmm_discover_path(word);
    struct lmm_snapshot *snapshot = path == NULL ? NULL : lmm_snapshot_read(path);

    free(path);
    return snapshot;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static enum lmm_process_state state_of(const struct lmm_ledger_header *header)
{
    return header->snapshot_time_ns != 0        ? LMM_PROCESS_SNAPSHOT
           : header->state == LMM_LEDGER_EXITED ? LMM_PROCESS_EXITED
                                                : LMM_PROCESS_UNKNOWN;
}

static struct lmm_snapshot *take_bytes(const struct source *source, struct chain *chain,
                                       struct lmm_reason *ret_reason)
{
    struct lmm_snapshot *snapshot = start(source->size);

    if (snapshot == NULL) {
        lmm_reason_set(ret_reason, "%s", strerror(ENOMEM));
        return NULL;
    }
    if (copy_once(source, chain, snapshot->copy, ret_reason) == COPY_FAILED) {
        return fail(snapshot, ret_reason, 0);
    }
    snapshot = finish(snapshot, chain, ret_reason);
    if (snapshot != NULL) {
        complete(snapshot, state_of(snapshot->header));
    }
    return snapshot;
}

struct lmm_snapshot *lmm_snapshot_of(const void *bytes, size_t size, struct lmm_reason *ret_reason)
{
    struct lmm_ledger_header header = {.version = 0};
    struct chain chain = {NULL, 0};

    memcpy(&header, bytes, size < sizeof(header) ? size : sizeof(header));
    if (!lmm_ledger_file_check(&header, size, ret_reason)) {
        return NULL;
    }
    /* Words are loaded as a whole, so they must be aligned. */
    unsigned char *aligned = aligned_alloc(sizeof(struct lmm_ledger_chunk), header.file_bytes);
    struct lmm_snapshot *snapshot = NULL;

    if (aligned == NULL) {
        lmm_reason_set(ret_reason, "%s", strerror(ENOMEM));
    } else {
        struct source source = {memcpy(aligned, bytes, header.file_bytes), header.file_bytes, true};

        snapshot = take_bytes(&source, &chain, ret_reason);
    }
    free(aligned);
    free(chain.links);
    return snapshot;
}

/* ---- Writing and ending ---------------------------------------------------------------------- */

int lmm_snapshot_write(const struct lmm_snapshot *snapshot, const char *path)
{
    struct lmm_ledger_header header = *snapshot->header;
    struct lmm_output output;

    if (header.snapshot_time_ns == 0) {
        header.snapshot_time_ns = lmm_clock_ns(CLOCK_REALTIME);
    }
    if (!lmm_output_open(&output, path, 0600)) {
        return LMM_EXIT_FAILED;
    }
    lmm_sink_write(&output.sink, (const char *) &header, sizeof(header));
    lmm_sink_write(&output.sink, (const char *) snapshot->copy + sizeof(header),
                   snapshot->bytes - sizeof(header));
    return lmm_output_close(&output);
}

bool lmm_snapshot_same_process(const struct lmm_snapshot *a, const struct lmm_snapshot *b)
{
    return a->header->pid == b->header->pid &&
           a->header->start_time_ns == b->header->start_time_ns &&
           a->header->start_ticks == b->header->start_ticks;
}

void lmm_snapshot_free(struct lmm_snapshot *snapshot)
{
    if (snapshot != NULL) {
        free(snapshot->copy);
        free(snapshot->scratch);
        free(snapshot);
    }
}
