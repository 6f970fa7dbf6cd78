/* SPDX-License-Identifier: MIT */
/*
 * run_class: length classes of runs: lengths up to 16 slots are a class each, above that eight classes are
 * in each doubling.
 *
 * Owns a constant table of them.
 */
#ifndef LMM_RUN_CLASS_H
#define LMM_RUN_CLASS_H

#include "lib/ground/base.h"

enum {
    LMM_RUN_STEP_SHIFT = 3, /* classes per doubling */
    LMM_RUN_CLASSES = 1 + ((LMM_UNIT_SHIFT - LMM_RUN_STEP_SHIFT + 1) << LMM_RUN_STEP_SHIFT),
};

struct lmm_run_class {
    uint32_t number; /* 1 to LMM_RUN_CLASSES - 1 */
    uint32_t slots;  /* of the longest blocks */
};

/* The class of a block of n slots, 1 to LMM_UNIT_BYTES. */
static inline struct lmm_run_class lmm_run_class(size_t n)
{
    uint32_t last = (uint32_t) n - 1;
    uint32_t shift = lmm_log2(last | 1 << LMM_RUN_STEP_SHIFT) - LMM_RUN_STEP_SHIFT;
    uint32_t step = (last >> shift) + 1;

    return (struct lmm_run_class) {(shift << LMM_RUN_STEP_SHIFT) + step, step << shift};
}

/* The class numbers of the lengths from 1 to LMM_RUN_TABLE_SLOTS. */
enum { LMM_RUN_TABLE_SHIFT = 10, LMM_RUN_TABLE_SLOTS = 1 << LMM_RUN_TABLE_SHIFT };
extern const uint8_t lmm_run_class_numbers[LMM_RUN_TABLE_SLOTS + 1]
    __attribute__((visibility("hidden")));

/*
 * The number of the class alone: on x86-64 lmm_run_class() needs an instruction that some processors
 * execute slowly. Of more than LMM_RUN_TABLE_SLOTS only the highest bits count, so those share the table.
 */
static inline uint32_t lmm_run_class_number(size_t n)
{
    enum { LOW_BITS = LMM_RUN_TABLE_SHIFT - LMM_RUN_STEP_SHIFT };

    if (LMM_LIKELY(n <= LMM_RUN_TABLE_SLOTS)) {
        return lmm_run_class_numbers[n];
    }
    if (LMM_LIKELY(n <= (size_t) LMM_RUN_TABLE_SLOTS << LOW_BITS)) {
        uint32_t high = lmm_run_class_numbers[((n - 1) >> LOW_BITS) + 1];
        return high + (LOW_BITS << LMM_RUN_STEP_SHIFT);
    }
    return lmm_run_class(n).number;
}

/* The slots of the class with that number. */
static inline uint32_t lmm_run_class_slots(uint32_t number)
{
    uint32_t shift = number <= 1u << (LMM_RUN_STEP_SHIFT + 1)
                         ? 0
                         : (number - 1 - (1u << LMM_RUN_STEP_SHIFT)) >> LMM_RUN_STEP_SHIFT;

    return (number - (shift << LMM_RUN_STEP_SHIFT)) << shift;
}

#endif
