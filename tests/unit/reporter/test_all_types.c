/* SPDX-License-Identifier: MIT */
/* Types of several processes: sums by name, in how many processes, and what has none. */
#include "reporter/program/report/all_types.h"

#include <criterion/criterion.h>
#include <string.h>

#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"

static struct lmm_model_type node = {.name = {"struct node", 11}, .confidence = LMM_MODEL_CERTAIN};
static struct lmm_model_type likely = {.name = {"struct node", 11}, .confidence = LMM_MODEL_LIKELY};
static struct lmm_model_type chars = {.name = {"char[]", 6}, .confidence = LMM_MODEL_LIKELY};
static struct lmm_model_type guess = {.name = {"char[]", 6}, .confidence = LMM_MODEL_GUESS};

enum { TRACES = 4, PROCESSES = 3 };

/* What each trace of each process had at the peak. */
static const struct {
    const struct lmm_model_type *type;
    uint64_t bytes;
} made[PROCESSES][TRACES] = {
    {{&node, 100}, {&chars, 10}, {&guess, 7}, {NULL, 5}},
    {{&likely, 50}, {&node, 1}, {&chars, 500}, {&chars, 0}},
    {{&chars, 0}, {&guess, 1}, {&node, 30}, {&node, 30}},
};

Test(all_types, sums_by_name)
{
    static struct lmm_model models[PROCESSES];
    static struct lmm_trace traces[PROCESSES][TRACES];
    static struct lmm_spot items[PROCESSES];
    static struct lmm_spots spots[PROCESSES];
    static struct lmm_run_report_process processes[PROCESSES];
    static const struct lmm_model_site site = {.stack = 1};
    struct lmm_all_types types;

    for (size_t i = 0; i < PROCESSES; i++) {
        models[i] = (struct lmm_model) {.process = LMM_MODEL_EXITED, .is_drop_in = true};
        for (size_t k = 0; k < TRACES; k++) {
            traces[i][k] = (struct lmm_trace) {
                .site = &site,
                .type = made[i][k].type,
                .tally = {.peak_bytes = made[i][k].bytes, .peak_blocks = made[i][k].bytes > 0}};
        }
        items[i] = (struct lmm_spot) {.site = &site, .traces = traces[i], .trace_count = TRACES};
        spots[i] = (struct lmm_spots) {.model = &models[i], .items = &items[i], .count = 1};
        processes[i] = (struct lmm_run_report_process) {.model = &models[i], .spots = &spots[i]};
    }
    cr_assert(lmm_all_types_make(processes, PROCESSES, &types));
    cr_assert_eq(types.count, 2);
    cr_expect_eq(memcmp(types.items[0].type.name.text, "char[]", 6), 0);
    cr_expect_eq(types.items[0].peak.bytes, 510);
    cr_expect_eq(types.items[0].peak.blocks, 2);
    cr_expect_eq(types.items[0].processes, 2); /* the third had none at its peak */
    cr_expect_eq(types.items[1].peak.bytes, 211);
    cr_expect_eq(types.items[1].processes, 3);
    cr_expect_eq(types.items[1].type.confidence, LMM_MODEL_LIKELY);
    cr_expect_eq(types.known.bytes, 721);
    cr_expect_eq(types.unknown.bytes, 13);
    cr_expect_eq(types.unknown.blocks, 3);
    lmm_all_types_free(&types);
    models[1].other_malloc = (struct lmm_string) {"libjemalloc.so", 14}; /* not its own blocks */
    cr_assert(lmm_all_types_make(processes, PROCESSES, &types));
    cr_expect_eq(types.known.bytes, 170);
    lmm_all_types_free(&types);
}
