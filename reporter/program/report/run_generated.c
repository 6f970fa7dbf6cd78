/* SPDX-License-Identifier: MIT */
/* run_generated: suppressions that a user may take over, one for each stack of a lost line, in
 * Valgrind's syntax, which Valgrind reads, too. Of a site without a stack: its line, or its type. */
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"
#include "reporter/core/words.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/run_sheet.h"

enum { CALLS_MAX = 24 }; /* Valgrind reads no more by default */

struct put {
    const struct lmm_sheet *sheet;
    struct lmm_string module; /* path of the frame's */
    size_t calls;
    bool is_done;
};

static bool is_named(const struct lmm_model_call *call, const char *name)
{
    return call->is_named && call->function.bytes == strlen(name) &&
           memcmp(call->function.text, name, call->function.bytes) == 0;
}

/* Puts the call that is not inlined: Valgrind leaves out the others. */
static bool put_call(void *context, const struct lmm_model_call *call)
{
    struct put *put = context;
    struct lmm_sink *sink = put->sheet->sink;

    if (call->is_inline) {
        return true;
    }
    if (is_named(call, "_start") || put->calls == CALLS_MAX) {
        put->is_done = true;
        return false;
    }
    lmm_sink_puts(sink, call->is_named ? "   fun:" : "   obj:");
    lmm_put_string(sink, !call->is_named          ? put->module
                         : call->symbol.bytes > 0 ? call->symbol
                                                  : call->function);
    lmm_sink_puts(sink, "\n");
    put->calls++;
    put->is_done = is_named(call, "main");
    return false;
}

static void put_stack(const struct lmm_sheet *sheet, uint32_t stack)
{
    struct put put = {.sheet = sheet};

    for (uint32_t frame = stack; frame != 0 && !put.is_done;
         frame = lmm_model_caller(sheet->model, frame)) {
        const struct lmm_model_module *module = lmm_model_module_of(sheet->model, frame);

        put.module = module == NULL ? lmm_string_of("*") : module->path;
        lmm_stack_walk(sheet->model, frame, SIZE_MAX, put_call, &put);
    }
}

void lmm_sheet_generated(const struct lmm_sheet *sheet, const struct lmm_model_site *site,
                         enum lmm_model_class kind)
{
    struct lmm_sink *sink = sheet->sink;

    if (site->stack == 0 && site->line != 0) {
        lmm_sink_puts(sink, "site:");
        lmm_put_place(sink, site->file, site->line, lmm_string_of(""));
        lmm_sink_puts(sink, "\n");
    } else if (site->stack == 0) {
        lmm_sink_puts(sink, "type:^");
        lmm_put_string(sink, site->family->type);
        lmm_sink_puts(sink, "$\n");
    } else {
        lmm_sink_puts(sink, "{\n   ");
        lmm_put_place(sink, site->file, site->line, site->function);
        lmm_sink_printf(sink, "\n   Memcheck:Leak\n   match-leak-kinds: %s\n   ...\n",
                        lmm_kinds_word(kind));
        put_stack(sheet, site->stack);
        lmm_sink_puts(sink, "}\n");
    }
}
