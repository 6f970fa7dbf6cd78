/* SPDX-License-Identifier: MIT */
/* diet_csv: the hints of a diet as comma-separated values, with the fields of its JSON. */
#include <inttypes.h>

#include "reporter/core/sink.h"
#include "reporter/program/formats/csv_cell.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/diet_print.h"

static void put_hint(const struct lmm_hint *hint, bool is_for_terminal, struct lmm_sink *sink)
{
    lmm_sink_printf(sink, "%s,%" PRIu64 ",", lmm_hint_word(hint->kind), hint->saves_bytes);
    lmm_csv_put_name(sink, lmm_string_of(hint->type), is_for_terminal);
    lmm_sink_printf(sink, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",%s,",
                    hint->before_bytes, hint->after_bytes, hint->blocks, hint->share_permille,
                    lmm_hint_confidence(hint));
    lmm_csv_put_name(sink, hint->file, is_for_terminal);
    lmm_sink_printf(sink, ",%" PRIu32 ",", hint->line);
    lmm_csv_put_name(sink, hint->function, is_for_terminal);
    lmm_sink_puts(sink, ",");
    lmm_csv_put_name(sink, lmm_string_of(hint->text), is_for_terminal);
    lmm_sink_puts(sink, "\n");
}

int lmm_diet_put_csv(const struct lmm_diet *diet, const struct lmm_diet_look *look,
                     struct lmm_sink *sink)
{
    lmm_sink_puts(sink, "kind,saves_bytes,type,before_bytes,after_bytes,blocks,share_permille,"
                        "confidence,file,line,function,text\n");
    for (size_t i = 0; i < diet->hint_count && i < look->rows; i++) {
        put_hint(&diet->hints[i], look->terminal, sink);
    }
    return lmm_sink_flush(sink);
}
