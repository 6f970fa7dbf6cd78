/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_source.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <lmm/ledger.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/base/select.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/symbols/gap_note.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/types.h"
#include "reporter/program/top/top_history.h"

static uint64_t since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

bool lmm_top_source_is_live(const struct lmm_top_source *source)
{
    return !source->gone && lmm_process_runs(source->state);
}

/* The age of a process that ended is in its ledger; that of a live one advances with the monotonic
 * clock. */
static void learn_age(struct lmm_top_source *source, uint64_t now_ns)
{
    const struct lmm_ledger_header *header = source->snapshot->header;
    uint64_t end_ns = source->state == LMM_PROCESS_EXITED     ? header->end_time_ns
                      : source->state == LMM_PROCESS_SNAPSHOT ? header->snapshot_time_ns
                                                              : 0;

    if (end_ns != 0) {
        source->age_ns = since(end_ns, header->start_time_ns);
        source->known_age = true;
    } else if (lmm_top_source_is_live(source) && source->known_age) {
        source->age_ns += since(now_ns, source->read_ns);
    } else if (lmm_top_source_is_live(source)) {
        source->age_ns = since(lmm_clock_ns(CLOCK_REALTIME), header->start_time_ns);
        source->known_age = true;
    }
}

/* Returns the resident bytes of a process, 0: unknown. */
static uint64_t resident_of(uint32_t pid)
{
    unsigned long long size = 0;
    unsigned long long resident = 0;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/statm", pid);
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fscanf(file, "%llu %llu", &size, &resident) == 2;

    if (file != NULL) {
        fclose(file);
    }
    return is_read ? resident * (uint64_t) sysconf(_SC_PAGESIZE) : 0;
}

static bool take_in(struct lmm_top_source *source, struct lmm_top_history *history,
                    struct lmm_snapshot *snapshot, uint64_t now_ns)
{
    if (source->snapshot != NULL && !lmm_snapshot_same_process(source->snapshot, snapshot)) {
        lmm_top_history_close(history);
        source->known_age = false;
    }
    bool is_named = lmm_types_apply(&source->symbols, LMM_SYMBOLS_QUIET, snapshot->model);

    if (is_named && source->select != NULL) {
        lmm_select_filter_types(source->select, snapshot->model);
    }
    if (!is_named || !lmm_top_history_add(history, snapshot->model, now_ns)) {
        lmm_reason_set(&source->trouble, "%s", strerror(ENOMEM));
        lmm_snapshot_free(snapshot);
        return false;
    }
    lmm_snapshot_free(source->snapshot);
    source->snapshot = snapshot;
    return true;
}

/* Finds the note anew when it is of another file than before: the package is searched for. */
static void learn_note(struct lmm_top_source *source)
{
    struct lmm_symbols_gap gap;
    size_t count = source->symbols == NULL ? 0 : lmm_symbols_gaps(source->symbols, &gap, 1);
    char *texts[LMM_GAP_NOTES_MAX];

    if (count > 0 && source->note_of != NULL && strcmp(source->note_of, gap.path.text) == 0) {
        return;
    }
    free(source->note_of);
    free(source->note);
    source->note_of = count == 0 ? NULL : strdup(gap.path.text);
    source->note = lmm_gap_notes_texts(source->symbols, count, texts) == 0 ? NULL : texts[0];
}

bool lmm_top_source_read(struct lmm_top_source *source, struct lmm_top_history *history,
                         uint64_t now_ns)
{
    struct lmm_snapshot *snapshot = lmm_snapshot_try(source->path, &source->trouble);

    source->gone = snapshot == NULL && access(source->path, F_OK) != 0 && errno == ENOENT;
    if (snapshot == NULL || !take_in(source, history, snapshot, now_ns)) {
        lmm_top_history_stop(history);
        return false;
    }
    assert(source->snapshot == snapshot); /* I1 */
    source->trouble.text[0] = '\0';
    source->state = snapshot->state;
    source->resident_bytes =
        source->state == LMM_PROCESS_LIVE ? resident_of(snapshot->model->pid) : 0;
    learn_age(source, now_ns);
    learn_note(source);
    source->read_ns = now_ns;
    return true;
}

void lmm_top_source_close(struct lmm_top_source *source)
{
    lmm_snapshot_free(source->snapshot);
    lmm_symbols_close(source->symbols);
    free(source->note_of);
    free(source->note);
    free(source->path);
    *source = (struct lmm_top_source) {.select = source->select};
}

const char *lmm_top_source_words(const struct lmm_top_source *source)
{
    static const char *const words[] = {
        [LMM_PROCESS_LIVE] = "live",
        [LMM_PROCESS_LOST] = "live, but its ledger could not grow: figures of that moment",
        [LMM_PROCESS_LOST_ENDED] = "ENDED, and its ledger could not grow: figures of that moment",
        [LMM_PROCESS_EXITED] = "EXITED with live blocks: its last figures",
        [LMM_PROCESS_KILLED] = "KILLED: its last figures",
        [LMM_PROCESS_REPLACED] = "REPLACED by exec: its last figures",
        [LMM_PROCESS_SNAPSHOT] = "snapshot",
        [LMM_PROCESS_UNKNOWN] = "not visible from here: it may have ended",
    };
    bool is_lost = source->snapshot != NULL && source->snapshot->model->process == LMM_MODEL_LOST;

    if (is_lost && source->state == LMM_PROCESS_SNAPSHOT) {
        return "snapshot, of a ledger that could not grow";
    }
    if (is_lost && source->state == LMM_PROCESS_UNKNOWN) {
        return "its ledger could not grow: figures of that moment";
    }
    return source->gone ? "ENDED, ledger removed: its last figures" : words[source->state];
}
