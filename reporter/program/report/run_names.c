/* SPDX-License-Identifier: MIT */
/* run_names: the section that says how rows could get better names: functions that are probably
 * wrappers, and files without debug information. */
#include <stdlib.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/run_sheet.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suspects.h"
#include "reporter/program/symbols/gap_note.h"
#include "reporter/program/symbols/wrapper.h"

enum {
    FUNCTION_COLUMNS = 40,
    BRIEF_SUSPECTS = 1, /* of a brief report */
};

static void put_title(const struct lmm_sheet *sheet, bool *has_title)
{
    if (!*has_title) {
        *has_title = true;
        lmm_sink_puts(sheet->sink, "\n");
        lmm_sheet_paint(sheet, "\033[1m");
        lmm_sink_puts(sheet->sink, "Names");
        lmm_sheet_paint(sheet, "\033[0m");
        lmm_sink_puts(sheet->sink, "\n");
    }
}

/* Puts "  janet_gcalloc has 373 stacks from 41 callers: --wrapper janet_gcalloc?" */
static void put_suspect(const struct lmm_sheet *sheet, const struct lmm_suspect *suspect)
{
    struct lmm_string function = suspect->spot->site->function;
    struct lmm_string last = lmm_wrapper_component(function);
    struct lmm_string plain = {function.text, (size_t) (last.text - function.text) + last.bytes};
    char cell[LMM_CELL_BYTES];

    lmm_sink_pad(sheet->sink, LMM_SHEET_INDENT);
    lmm_shown_put_function(&sheet->run->look, sheet->sink, plain, FUNCTION_COLUMNS);
    lmm_write_count(cell, suspect->spot->trace_count);
    lmm_sink_printf(sheet->sink, " has %s stacks from ", cell);
    lmm_write_count(cell, suspect->callers);
    lmm_sink_printf(sheet->sink, "%s callers: --wrapper ", cell);
    lmm_put_string(sheet->sink, last);
    lmm_sink_puts(sheet->sink, "?\n");
}

void lmm_sheet_names(const struct lmm_sheet *sheet, bool is_last)
{
    bool is_brief = sheet->run->look.is_brief;
    bool has_title = false;
    struct lmm_suspect suspects[LMM_SUSPECTS_MAX];
    char *gaps[LMM_GAP_NOTES_MAX];
    size_t suspect_count = lmm_suspects_find(sheet->process->spots, suspects);
    bool has_gaps = is_last && !(is_brief && lmm_sheet_has_types(sheet));
    size_t gap_count =
        !has_gaps ? 0
                  : lmm_gap_notes_texts(sheet->run->symbols,
                                        is_brief ? LMM_GAP_NOTES_FEW : LMM_GAP_NOTES_MAX, gaps);

    for (size_t i = 0; i < suspect_count && (i < BRIEF_SUSPECTS || !is_brief); i++) {
        put_title(sheet, &has_title);
        put_suspect(sheet, &suspects[i]);
    }
    for (size_t i = 0; i < gap_count; i++) {
        put_title(sheet, &has_title);
        lmm_sink_pad(sheet->sink, LMM_SHEET_INDENT);
        lmm_put_string(sheet->sink, lmm_string_of(gaps[i]));
        lmm_sink_puts(sheet->sink, "\n");
        free(gaps[i]);
    }
}
