/* SPDX-License-Identifier: MIT */
/*
 * baseline: the losses of an earlier run, which do not make a gate fail: those of a JSON report of
 * `lmm run`, or of a ledger. A stack is known if its fingerprint (fingerprint.h) was there, in the
 * same class; a definitely lost one also covers a possibly lost one, but not the other way round.
 * How many blocks and bytes it lost does not matter.
 */
#ifndef LMM_PROGRAM_BASELINE_H
#define LMM_PROGRAM_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/model.h"
#include "reporter/program/report/numbers.h"

struct lmm_spots;

struct lmm_baseline {
    struct lmm_numbers keys; /* of fingerprints and classes */
    size_t count;
};

/* Reads the file at path. Returns false after one line on stderr. The baseline is to be freed in any
 * case. */
bool lmm_baseline_read(const char *path, struct lmm_baseline *ret_baseline);

/* Adds the losses of spots; false: out of memory. */
bool lmm_baseline_add(struct lmm_baseline *baseline, const struct lmm_spots *spots);

/* Adds a fingerprint; false: out of memory. */
bool lmm_baseline_add_key(struct lmm_baseline *baseline, uint64_t key, enum lmm_model_class kind);

/* Marks the stacks, and the lines, whose losses are known. */
void lmm_baseline_apply(const struct lmm_baseline *baseline, struct lmm_spots *spots);

void lmm_baseline_free(struct lmm_baseline *baseline);

#endif
