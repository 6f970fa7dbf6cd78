/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/suppress_frames.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/core/hash.h"
#include "reporter/program/base/glob.h"
#include "reporter/program/report/numbers.h"
#include "reporter/program/report/suppress.h"

static bool fits_function(const char *glob, const struct lmm_model_call *call)
{
    if (!call->is_named) {
        return lmm_glob_fits(glob, lmm_string_of("\?\?\?")); /* as Valgrind calls it */
    }
    return lmm_glob_fits(glob, call->function) || lmm_glob_fits(glob, call->symbol);
}

bool lmm_suppress_frame_fits(const struct lmm_suppression_frame *frame,
                             const struct lmm_framed_call *call)
{
    struct lmm_string file = call->call.file;

    switch (frame->kind) {
    case LMM_FRAME_FUNCTION: return fits_function(frame->glob, &call->call);
    case LMM_FRAME_OBJECT: return lmm_glob_fits(frame->glob, call->module);
    case LMM_FRAME_SOURCE:
        return (frame->line == 0 || frame->line == call->call.line) &&
               (lmm_glob_fits(frame->glob, file) ||
                lmm_glob_fits(frame->glob, lmm_model_last_component(file)));
    default: return true;
    }
}

/* Returns whether the lines fit the calls. To go back to the last "..." is enough: when the lines
 * before it fit, an earlier one need not fit more. */
static bool fit(const struct lmm_suppression_frame *frames, size_t frame_count,
                const struct lmm_framed_call *calls, size_t count)
{
    size_t after_any = frame_count; /* the line after the last "..." */
    size_t held = 0;                /* the call at which that line was tried */
    size_t at = 0;

    for (size_t i = 0; i < frame_count;) {
        if (frames[i].kind == LMM_FRAME_ANY) {
            after_any = ++i;
            held = at;
        } else if (at < count && lmm_suppress_frame_fits(&frames[i], &calls[at])) {
            i++;
            at++;
        } else if (at < count && calls[at].call.is_inline) {
            at++;
        } else if (after_any < frame_count && held < count) {
            at = ++held;
            i = after_any;
        } else {
            return false;
        }
    }
    return true;
}

/* Whether a line fits a function that allocates. */
static bool fits_allocation(const struct lmm_suppression_frame *frame)
{
    static const char *const names[] = {
        "malloc",
        "calloc",
        "realloc",
        "memalign",
        "posix_memalign",
        "aligned_alloc",
        "valloc",
        "pvalloc",
        "reallocarray",
        "_Znwm",
        "_Znam",
        "_Znwj",
        "_Znaj",
        "_ZnwmRKSt9nothrow_t",
        "_ZnamRKSt9nothrow_t",
        "_ZnwmSt11align_val_t",
        "_ZnamSt11align_val_t",
        "operator new(unsigned long)",
        "operator new[](unsigned long)",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (frame->kind == LMM_FRAME_FUNCTION &&
            lmm_glob_fits(frame->glob, lmm_string_of(names[i]))) {
            return true;
        }
    }
    return false;
}

bool lmm_suppress_frames_fit(const struct lmm_suppression *suppression,
                             const struct lmm_framed_call *calls, size_t count)
{
    const struct lmm_suppression_frame *frames = suppression->frames;

    return fit(frames, suppression->frame_count, calls, count) ||
           (fits_allocation(&frames[0]) &&
            fit(frames + 1, suppression->frame_count - 1, calls, count));
}

/* ---- Anchors --------------------------------------------------------------------------------- */

static size_t literal_bytes(const char *glob)
{
    size_t bytes = 0;

    for (; *glob != '\0'; glob++) {
        bytes += *glob != '*' && *glob != LMM_GLOB_ONE;
    }
    return bytes;
}

static uint64_t key_of(const char *glob)
{
    uint64_t key = lmm_hash_string(1, lmm_string_of(glob));

    return key == 0 ? 1 : key;
}

/* Counts how many lines have each glob. */
static bool count_globs(const struct lmm_suppressions *suppressions, struct lmm_numbers *counts)
{
    for (size_t i = 0; i < suppressions->count; i++) {
        const struct lmm_suppression *item = &suppressions->items[i];

        for (size_t k = 0; k < item->frame_count; k++) {
            uint32_t *count = item->frames[k].glob == NULL
                                  ? NULL
                                  : lmm_numbers_at(counts, key_of(item->frames[k].glob));

            if (count == NULL && item->frames[k].glob != NULL) {
                return false;
            }
            if (count != NULL) {
                ++*count;
            }
        }
    }
    return true;
}

/* Returns the rarest glob of the lines, of equally rare ones the longest; not that of a function that
 * allocates, which may not be in the stack. */
static const char *anchor_of(const struct lmm_suppression *item, const struct lmm_numbers *counts)
{
    const char *anchor = NULL;
    uint32_t least = 0;

    for (size_t i = 0; i < item->frame_count; i++) {
        const char *glob = item->frames[i].glob;

        if (glob == NULL || literal_bytes(glob) == 0 ||
            (i == 0 && fits_allocation(&item->frames[0]))) {
            continue;
        }
        uint32_t count = lmm_numbers_find(counts, key_of(glob));

        if (anchor == NULL || count < least ||
            (count == least && literal_bytes(glob) > literal_bytes(anchor))) {
            anchor = glob;
            least = count;
        }
    }
    return anchor;
}

const char **lmm_suppress_frames_anchors(const struct lmm_suppressions *suppressions)
{
    const char **anchors = calloc(suppressions->count + 1, sizeof(const char *));
    struct lmm_numbers counts = {.entries = NULL};

    if (anchors == NULL || !count_globs(suppressions, &counts)) {
        free((void *) anchors);
        anchors = NULL;
    }
    for (size_t i = 0; i < suppressions->count && anchors != NULL; i++) {
        if (suppressions->items[i].scope == LMM_SUPPRESS_FRAMES) {
            anchors[i] = anchor_of(&suppressions->items[i], &counts);
        }
    }
    lmm_numbers_free(&counts);
    return anchors;
}
