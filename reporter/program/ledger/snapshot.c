/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/snapshot.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <lmm/ledger.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "reporter/core/build.h"
#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/copy.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"

enum {
    TRIES = 100, /* together about 10 ms */
    BLOCK_BYTES = 4096,
    PAUSE_NS = 100 * 1000,
};

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
                 const struct lmm_copy_chain *chain)
{
    struct lmm_ledger_header *header = snapshot->copy;
    uint32_t sequence = header->move_sequence;

    for (size_t i = 0; i < chain->count; i++) {
        chunks[i] =
            (const void *) ((const unsigned char *) snapshot->copy + chain->links[i].offset);
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

/* Allocates a snapshot with room for a copy of size bytes. It takes memory only where it is
 * written, because a ledger may have large holes. */
static struct lmm_snapshot *start(size_t size)
{
    struct lmm_snapshot *snapshot = calloc(1, sizeof(*snapshot));

    assert(size > 0 && size % sizeof(struct lmm_ledger_chunk) == 0);
    if (snapshot != NULL) {
        snapshot->copy = mmap(NULL, size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        snapshot->bytes = size;
        snapshot->header = snapshot->copy;
    }
    if (snapshot != NULL && snapshot->copy == MAP_FAILED) {
        free(snapshot);
        return NULL;
    }
    return snapshot;
}

/* The local time of day, with the date if that is another one than today's; empty for 0. */
static void write_clock(uint64_t time_ns, char text[LMM_MODEL_CLOCK_BYTES])
{
    time_t then = (time_t) (time_ns / UINT64_C(1000000000));
    time_t now = time(NULL);
    struct tm local;
    struct tm today;

    text[0] = '\0';
    if (time_ns != 0 && localtime_r(&then, &local) != NULL && localtime_r(&now, &today) != NULL) {
        bool is_today = local.tm_yday == today.tm_yday && local.tm_year == today.tm_year;
        strftime(text, LMM_MODEL_CLOCK_BYTES, is_today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &local);
    }
}

/* Checks a copy and builds its model. */
static struct lmm_snapshot *finish(struct lmm_snapshot *snapshot, enum lmm_copy_outcome outcome,
                                   enum lmm_process_state state, const struct lmm_copy_chain *chain,
                                   struct lmm_reason *ret_reason)
{
    /* The header in the copy was read later than the one that gave the size of the copy. */
    if (outcome == LMM_COPY_FAILED ||
        !lmm_ledger_file_check(snapshot->header, snapshot->bytes, ret_reason)) {
        return fail(snapshot, ret_reason, 0);
    }
    const struct lmm_ledger_chunk **chunks =
        calloc(chain->count + 1, sizeof(struct lmm_ledger_chunk *));
    int error = chunks == NULL ? -ENOMEM : build(snapshot, chunks, chain);

    free(chunks);
    if (error != 0) {
        return fail(snapshot, ret_reason, error);
    }
    assert(snapshot->model != NULL);
    write_clock(snapshot->model->attach_time_ns, snapshot->model->attached_at);
    write_clock(snapshot->model->detach_time_ns, snapshot->model->detached_at);
    snapshot->state = state;
    if (snapshot->model->process == LMM_MODEL_RUNNING && state == LMM_PROCESS_KILLED) {
        snapshot->model->process = LMM_MODEL_KILLED;
    } else if (snapshot->model->process == LMM_MODEL_RUNNING && state == LMM_PROCESS_REPLACED) {
        snapshot->model->process = LMM_MODEL_REPLACED;
    }
    return snapshot;
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Copies as many bytes of the file as its header gives. */
static enum lmm_copy_outcome copy_file(const struct lmm_ledger_file *file, bool still, bool is_own,
                                       struct lmm_copy_chain *chain,
                                       struct lmm_snapshot **ret_snapshot,
                                       struct lmm_reason *ret_reason)
{
    size_t size = file->header.file_bytes;
    void *mapping = mmap(NULL, size, PROT_READ, MAP_SHARED, file->descriptor, 0);
    struct lmm_snapshot *snapshot = start(size);
    enum lmm_copy_outcome outcome = LMM_COPY_FAILED;

    if (mapping == MAP_FAILED || snapshot == NULL) {
        lmm_reason_set(ret_reason, "%s", strerror(mapping == MAP_FAILED ? errno : ENOMEM));
    } else {
        struct lmm_copy_source source = {
            .bytes = mapping,
            .size = size,
            .still = still,
            .is_kept = still && is_own,
            .descriptor = file->descriptor,
        };

        outcome = lmm_copy_ledger(&source, chain, snapshot->copy, ret_reason);
    }
    if (mapping != MAP_FAILED) {
        munmap(mapping, size);
    }
    *ret_snapshot = snapshot;
    return outcome;
}

static struct lmm_snapshot *take(const struct lmm_ledger_file *file, bool is_own,
                                 enum lmm_copy_outcome *ret_outcome, struct lmm_copy_chain *chain,
                                 struct lmm_reason *ret_reason)
{
    enum lmm_process_state state = lmm_process_state(&file->header, file->device, file->inode);
    bool still = !lmm_process_runs(state);
    struct lmm_snapshot *snapshot = NULL;

    *ret_outcome = copy_file(file, still, is_own, chain, &snapshot, ret_reason);
    return finish(snapshot, *ret_outcome, state, chain, ret_reason);
}

/* Each try opens the file again: it may have grown, or its process may have ended. */
static struct lmm_snapshot *try(const char *path, bool is_own, struct lmm_reason *ret_reason)
{
    struct lmm_snapshot *snapshot = NULL;
    enum lmm_copy_outcome outcome = LMM_COPY_UNSETTLED;
    struct lmm_copy_chain chain = {NULL, 0};

    for (int tries = 0; tries < TRIES && outcome == LMM_COPY_UNSETTLED; tries++) {
        struct lmm_ledger_file file;

        if (tries > 0) {
            nanosleep(&(struct timespec) {.tv_nsec = PAUSE_NS}, NULL);
        }
        lmm_snapshot_free(snapshot);
        snapshot = NULL;
        if (!lmm_ledger_file_open(path, &file, ret_reason)) {
            break;
        }
        snapshot = take(&file, is_own, &outcome, &chain, ret_reason);
        lmm_ledger_file_close(&file);
    }
    free(chain.links);
    return snapshot;
}

struct lmm_snapshot *lmm_snapshot_try(const char *path, struct lmm_reason *ret_reason)
{
    return try(path, false, ret_reason);
}

static struct lmm_snapshot *read_or_tell(const char *path, bool is_own)
{
    struct lmm_reason reason = {""};
    struct lmm_snapshot *snapshot = try(path, is_own, &reason);

    if (snapshot == NULL) {
        lmm_complain("%s: %s", path, reason.text);
    }
    return snapshot;
}

struct lmm_snapshot *lmm_snapshot_read(const char *path)
{
    return read_or_tell(path, false);
}

struct lmm_snapshot *lmm_snapshot_read_own(const char *path)
{
    return read_or_tell(path, true);
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

struct lmm_snapshot *lmm_snapshot_of(const void *bytes, size_t size, struct lmm_reason *ret_reason)
{
    struct lmm_ledger_header header = {.version = 0};
    struct lmm_copy_chain chain = {NULL, 0};

    memcpy(&header, bytes, size < sizeof(header) ? size : sizeof(header));
    if (!lmm_ledger_file_check(&header, size, ret_reason)) {
        return NULL;
    }
    /* Words are loaded as a whole, so they must be aligned. */
    unsigned char *aligned = aligned_alloc(sizeof(struct lmm_ledger_chunk), header.file_bytes);
    struct lmm_snapshot *snapshot = start(header.file_bytes);
    enum lmm_copy_outcome outcome = LMM_COPY_FAILED;

    if (aligned == NULL || snapshot == NULL) {
        lmm_reason_set(ret_reason, "%s", strerror(ENOMEM));
    } else {
        struct lmm_copy_source source = {
            .bytes = memcpy(aligned, bytes, header.file_bytes),
            .size = header.file_bytes,
            .still = true,
            .descriptor = -1,
        };

        outcome = lmm_copy_ledger(&source, &chain, snapshot->copy, ret_reason);
    }
    snapshot = finish(snapshot, outcome, state_of(&header), &chain, ret_reason);
    free(aligned);
    free(chain.links);
    return snapshot;
}

/* ---- Writing and ending ---------------------------------------------------------------------- */

/* Puts the bytes, whose blocks of zeros are holes of the file. */
static void put_sparse(struct lmm_output *output, const char *data, size_t bytes)
{
    static const char zeros[BLOCK_BYTES];
    size_t hole = 0;

    for (size_t at = 0; at < bytes; at += BLOCK_BYTES) {
        size_t block = bytes - at < BLOCK_BYTES ? bytes - at : BLOCK_BYTES;

        if (memcmp(data + at, zeros, block) == 0) {
            hole += block;
            continue;
        }
        lmm_output_skip(output, hole);
        lmm_sink_write(&output->sink, data + at, block);
        hole = 0;
    }
    lmm_output_skip(output, hole);
}

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
    put_sparse(&output, (const char *) snapshot->copy + sizeof(header),
               snapshot->bytes - sizeof(header));
    return lmm_output_close(&output);
}

void lmm_snapshot_tell_loss(const struct lmm_snapshot *snapshot)
{
    if (snapshot->model->process == LMM_MODEL_LOST) {
        lmm_complain("the ledger of %" PRIu32 " could not grow; its figures are of that moment",
                     snapshot->header->pid);
    }
}

void lmm_snapshot_tell_other_malloc(const struct lmm_snapshot *snapshot)
{
    const struct lmm_model *model = snapshot->model;

    if (model->other_malloc.bytes > 0) {
        struct lmm_string name = lmm_model_name(model);

        lmm_complain("%.*s does not use LMM: its malloc is that of %.*s", (int) name.bytes,
                     name.text, (int) model->other_malloc.bytes, model->other_malloc.text);
    }
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
        munmap(snapshot->copy, snapshot->bytes);
        free(snapshot->scratch);
        free(snapshot);
    }
}
