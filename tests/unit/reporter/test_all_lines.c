/* SPDX-License-Identifier: MIT */
/* Lines of several processes: which type a line has. */
#include "reporter/program/report/all_lines.h"

#include <criterion/criterion.h>

#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/report/run_report.h"

static struct lmm_model_type node = {.name = {"struct node", 11}, .confidence = LMM_MODEL_CERTAIN};
static struct lmm_model_type likely = {.name = {"struct node", 11}, .confidence = LMM_MODEL_LIKELY};
static struct lmm_model_type chars = {.name = {"char[]", 6}, .confidence = LMM_MODEL_LIKELY};

/* What two processes have at one line. */
static const struct {
    const struct lmm_model_type *types[2];
    uint64_t peak_bytes[2];
    const struct lmm_model_type *type; /* of both, at the peaks */
} cases[] = {
    {{&node, &node}, {8, 8}, &node},
    {{&node, &likely}, {8, 8}, &likely},
    {{&node, &chars}, {8, 8}, NULL},
    {{&node, NULL}, {8, 8}, NULL},
    {{NULL, &node}, {8, 8}, NULL},
    {{&node, &chars}, {8, 0}, &node}, /* the second has none at its peak */
    {{&node, &chars}, {0, 8}, &chars},
    {{&node, &node}, {0, 0}, NULL},
};

Test(all_lines, a_line_has_the_type_that_it_has_in_all_processes)
{
    struct lmm_model model = {.process = LMM_MODEL_EXITED};
    const struct lmm_model_site site = {.stack = 1, .file = {"a.c", 3}, .line = 4};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_run_report_process processes[2];
        struct lmm_trace traces[2];
        struct lmm_spot items[2];
        struct lmm_spots spots[2];
        struct lmm_all_lines lines;

        for (size_t k = 0; k < 2; k++) {
            struct lmm_tally tally = {.allocations = 1, .peak_bytes = cases[i].peak_bytes[k]};

            traces[k] =
                (struct lmm_trace) {.site = &site, .tally = tally, .type = cases[i].types[k]};
            items[k] = (struct lmm_spot) {
                .site = &site, .tally = tally, .traces = &traces[k], .trace_count = 1};
            spots[k] = (struct lmm_spots) {.items = &items[k], .count = 1};
            processes[k] = (struct lmm_run_report_process) {.model = &model, .spots = &spots[k]};
        }
        cr_assert(lmm_all_lines_make(processes, 2, &lines));
        cr_assert_eq(lines.count, 1);
        cr_expect_eq(lines.items[0].processes, 2);
        cr_expect_eq(lines.items[0].types[LMM_MEASURE_PEAK], cases[i].type, "case %zu", i);
        lmm_all_lines_free(&lines);
    }
}
