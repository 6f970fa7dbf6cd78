/* SPDX-License-Identifier: MIT */
/*
 * attempt_patches: what an attempt changes in the process at last, while all threads stand still: all of it, or nothing.
 *
 * Those of functions that only take a block come first, those that make one last: if this process is killed in between, no block of LMM
 * reaches the other malloc.
 */
#include "reporter/program/attach/attempt.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/array.h"
#include "reporter/program/ledger/ledger_file.h"

bool lmm_attempt_add_patch(struct lmm_attempt *attempt, uint64_t address, const void *bytes,
                           size_t count, uint32_t role)
{
    struct lmm_patch *patch =
        lmm_array_add(&attempt->patches, &attempt->patch_count, sizeof(*patch));

    if (patch == NULL) {
        return lmm_reason_set(attempt->reason, "out of memory");
    }
    *patch = (struct lmm_patch) {.address = address, .count = count, .role = role};
    memcpy(patch->after, bytes, count);
    return true;
}

bool lmm_attempt_has_patch(const struct lmm_attempt *attempt, uint64_t address)
{
    for (size_t i = 0; i < attempt->patch_count; i++) {
        if (attempt->patches[i].address == address) {
            return true;
        }
    }
    return false;
}

void lmm_attempt_drop_patches(struct lmm_attempt *attempt)
{
    free(attempt->patches);
    attempt->patches = NULL;
    attempt->patch_count = 0;
}

static bool read_before(struct lmm_attempt *attempt)
{
    bool done = true;

    for (size_t i = 0; done && i < attempt->patch_count; i++) {
        struct lmm_patch *patch = &attempt->patches[i];

        done = lmm_tracee_read(&attempt->tracee, patch->address, patch->before, patch->count);
    }
    return done;
}

/* Writes those of one role; false: one cannot be written. */
static bool write_role(struct lmm_attempt *attempt, uint32_t role)
{
    bool done = true;

    for (size_t i = 0; done && i < attempt->patch_count; i++) {
        struct lmm_patch *patch = &attempt->patches[i];

        if (patch->role == role) {
            done = lmm_tracee_write(&attempt->tracee, patch->address, patch->after, patch->count);
            patch->is_written = done;
        }
    }
    return done;
}

/* In the opposite order. */
static void put_back(struct lmm_attempt *attempt)
{
    for (uint32_t role = LMM_ATTACH_ROLES; role-- > 0;) {
        for (size_t i = 0; i < attempt->patch_count; i++) {
            struct lmm_patch *patch = &attempt->patches[i];

            if (patch->role == role && patch->is_written) {
                lmm_tracee_write(&attempt->tracee, patch->address, patch->before, patch->count);
            }
        }
    }
}

bool lmm_attempt_write_patches(struct lmm_attempt *attempt)
{
    bool done = read_before(attempt);

    for (uint32_t role = 0; done && role < (uint32_t) LMM_ATTACH_ROLES; role++) {
        done = write_role(attempt, role);
    }
    if (!done) {
        put_back(attempt);
    }
    return done || lmm_reason_set(attempt->reason, "its code cannot be written");
}
