/* SPDX-License-Identifier: MIT */
/* run_mismatches: the lines of the report of `lmm run` on blocks that were freed in another way than they
 * were allocated. */
#include "reporter/program/report/run_sheet.h"

#include <inttypes.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/shown_stacks.h"

enum {
    LABEL_COLUMNS = 17,
    STACK_LINES = 2, /* of a stack in a brief report */
};

static void put_stack(const struct lmm_sheet *sheet, const char *words, uint32_t stack)
{
    size_t lines = sheet->run->look.is_brief ? STACK_LINES : SIZE_MAX;

    if (stack != 0) {
        lmm_sheet_label(sheet, "");
        lmm_sink_puts(sheet->sink, words);
        lmm_shown_stacks_put(sheet->stacks, sheet->model, stack, LABEL_COLUMNS + strlen(words),
                             lines, sheet->sink);
        lmm_sink_puts(sheet->sink, "\n");
    }
}

static void put_mismatch(const struct lmm_sheet *sheet, const struct lmm_model_mismatch *mismatch)
{
    lmm_sheet_label(sheet, "mismatch");
    lmm_put_string(sheet->sink, mismatch->text);
    lmm_sink_printf(sheet->sink, ", %" PRIu64 " %s", mismatch->bytes,
                    mismatch->bytes == 1 ? "byte" : "bytes");
    if (mismatch->count > 1) {
        lmm_sink_printf(sheet->sink, "; %" PRIu64 " such blocks", mismatch->count);
    }
    lmm_sink_puts(sheet->sink, "\n");
    put_stack(sheet, "allocated in ", mismatch->allocated);
    put_stack(sheet, "freed in ", mismatch->freed);
}

void lmm_sheet_mismatches(const struct lmm_sheet *sheet)
{
    size_t count = sheet->model->mismatch_count;
    size_t shown = count < sheet->run->bounds.rows ? count : sheet->run->bounds.rows;

    for (size_t i = 0; i < shown; i++) {
        put_mismatch(sheet, &sheet->model->mismatches[i]);
    }
    if (shown < count) {
        lmm_sheet_label(sheet, "");
        lmm_sink_printf(sheet->sink, "and %zu more pairs of places; --full shows them\n",
                        count - shown);
    }
}
