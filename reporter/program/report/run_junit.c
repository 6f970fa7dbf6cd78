/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"
#include "reporter/core/words.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/report/gate.h"
#include "reporter/program/report/run_ci.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/unseen.h"
#include "reporter/program/report/verdict.h"

/* ---- XML ------------------------------------------------------------------------------------- */

/* Writes data to the sink in context, with entities for what has a meaning in XML. */
static int write_escaped(void *context, const char *data, size_t bytes)
{
    struct lmm_sink *sink = context;

    for (size_t i = 0; i < bytes; i++) {
        switch (data[i]) {
        case '&': lmm_sink_puts(sink, "&amp;"); break;
        case '<': lmm_sink_puts(sink, "&lt;"); break;
        case '>': lmm_sink_puts(sink, "&gt;"); break;
        case '"': lmm_sink_puts(sink, "&quot;"); break;
        default: lmm_sink_write(sink, &data[i], 1); break;
        }
    }
    return sink->error;
}

/* Makes a sink for text in an element or attribute of another sink; the caller flushes it. */
static void open_text(struct lmm_sink *text, struct lmm_sink *sink)
{
    lmm_sink_init(text, write_escaped, sink);
}

/* Puts a string that may have any bytes. */
static void put_string(struct lmm_sink *sink, struct lmm_string string)
{
    struct lmm_sink text;

    open_text(&text, sink);
    lmm_put_string(&text, string);
    lmm_sink_flush(&text);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

struct suite {
    const struct lmm_run_report *run;
    const struct lmm_run_report_process *process;
    struct lmm_sink *sink;
};

static void begin_case(const struct suite *suite)
{
    lmm_sink_puts(suite->sink, "    <testcase classname=\"");
    put_string(suite->sink, suite->process->model->program);
    lmm_sink_puts(suite->sink, "\" name=\"");
}

struct put {
    struct lmm_sink *sink;
    size_t number;
};

static bool put_call(void *context, const struct lmm_model_call *call)
{
    struct put *put = context;

    lmm_sink_printf(put->sink, "  #%zu ", put->number++);
    lmm_stack_put_call(put->sink, call);
    lmm_sink_puts(put->sink, "\n");
    return true;
}

/* Puts "177 bytes in 3 blocks". */
static void put_amount(struct lmm_sink *sink, uint64_t bytes, uint64_t blocks)
{
    lmm_put_count(sink, bytes, "byte", "bytes");
    lmm_sink_puts(sink, " in ");
    lmm_put_count(sink, blocks, "block", "blocks");
}

/* Puts "177 bytes of struct node in 3 blocks", of the blocks of a line that a measure counts. */
static void put_typed_amount(const struct suite *suite, const struct lmm_spot *spot,
                             enum lmm_measure measure, struct lmm_model_amount amount)
{
    const struct lmm_model_type *type = lmm_spot_type(spot, measure);

    if (type == NULL || !lmm_site_type_is_known(type)) {
        put_amount(suite->sink, amount.bytes, amount.blocks);
        return;
    }
    lmm_put_count(suite->sink, amount.bytes, "byte", "bytes");
    lmm_sink_puts(suite->sink, " of ");
    put_string(suite->sink, type->name);
    lmm_sink_puts(suite->sink, " in ");
    lmm_put_count(suite->sink, amount.blocks, "block", "blocks");
}

/* Puts the stacks of a line that make it fail, and how many more there are. */
static void put_stacks(const struct suite *suite, struct lmm_spot *spot)
{
    size_t count = lmm_spot_traces(spot, LMM_MEASURE_LOST);
    enum lmm_measure measure = count > 0 ? LMM_MEASURE_LOST : LMM_MEASURE_POSSIBLE;
    struct lmm_sink text;

    count = lmm_spot_traces(spot, measure);
    lmm_spot_order(spot, measure, suite->run->bounds.stacks);
    open_text(&text, suite->sink);
    for (size_t i = 0; i < count && i < suite->run->bounds.stacks; i++) {
        struct put put = {&text, 0};
        const struct lmm_trace *trace = &spot->traces[i];

        put_amount(&text, lmm_tally_first(&trace->tally, measure),
                   lmm_tally_second(&trace->tally, measure));
        lmm_sink_puts(&text, " from\n");
        lmm_stack_walk(suite->process->model, trace->site->stack, SIZE_MAX, put_call, &put);
    }
    if (count > suite->run->bounds.stacks) {
        lmm_sink_puts(&text, "... ");
        lmm_put_count(&text, count - suite->run->bounds.stacks, "more stack", "more stacks");
        lmm_sink_puts(&text, ": --full\n");
    }
    lmm_sink_flush(&text);
}

static void put_failure(const struct suite *suite, struct lmm_spot *spot)
{
    const struct lmm_tally *tally = &spot->tally;
    const struct lmm_model_site *site = spot->site;
    struct lmm_sink text;

    begin_case(suite);
    open_text(&text, suite->sink);
    lmm_put_place(&text, site->file, site->line, site->function);
    lmm_sink_flush(&text);
    lmm_sink_puts(suite->sink, "\">\n      <failure type=\"leak\" message=\"");
    put_typed_amount(suite, spot, LMM_MEASURE_LOST, tally->direct);
    lmm_sink_puts(suite->sink, " definitely lost, ");
    put_amount(suite->sink, tally->lost.bytes - tally->direct.bytes,
               tally->lost.blocks - tally->direct.blocks);
    lmm_sink_puts(suite->sink, " hanging on these");
    if (tally->possible.blocks > 0) {
        lmm_sink_puts(suite->sink, ", ");
        put_typed_amount(suite, spot, LMM_MEASURE_POSSIBLE, tally->possible);
        lmm_sink_puts(suite->sink, " possibly lost");
    }
    lmm_sink_puts(suite->sink, "\">");
    put_stacks(suite, spot);
    lmm_sink_puts(suite->sink, "</failure>\n    </testcase>\n");
}

static void put_failures(const struct suite *suite)
{
    struct lmm_spots *spots = suite->process->spots;
    size_t lines = 0;

    lmm_spots_order(spots, LMM_MEASURE_LOST, spots->count);
    for (size_t i = 0; i < spots->count; i++) {
        if (lmm_gate_fails_line(suite->run, &spots->items[i])) {
            put_failure(suite, &spots->items[i]);
            lines++;
        }
    }
    if (lines == 0) {
        begin_case(suite);
        lmm_sink_puts(suite->sink,
                      "lines that the ledger does not have\">\n      <failure type=\"leak\" "
                      "message=\"blocks are lost\"/>\n    </testcase>\n");
    }
}

static void put_error(const struct suite *suite, const char *words)
{
    begin_case(suite);
    lmm_sink_puts(suite->sink,
                  "leak check\">\n      <error type=\"not done\" message=\"not done: ");
    put_string(suite->sink, lmm_string_of(words));
    lmm_sink_puts(suite->sink, "\"/>\n    </testcase>\n");
}

/* ---- Suites ---------------------------------------------------------------------------------- */

/* The counts of a suite, or of all. */
struct counts {
    size_t tests;
    size_t failures;
    size_t errors;
};

static struct counts counts_of(const struct lmm_run_report *run,
                               const struct lmm_run_report_process *process)
{
    char words[LMM_VERDICT_BYTES];

    if (!lmm_gate_is_for(run, process)) {
        return (struct counts) {0, 0, 0};
    }
    if (lmm_verdict_obstacle(run, process, words)) {
        return (struct counts) {1, 0, 1};
    }
    size_t lines = lmm_gate_failed_lines(run, process);

    return lines == 0 ? (struct counts) {1, 0, 0} : (struct counts) {lines, lines, 0};
}

static void put_counts(struct lmm_sink *sink, const struct counts *counts, uint64_t ns)
{
    lmm_sink_printf(
        sink, "tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" time=\"%" PRIu64 ".%03" PRIu64 "\">\n",
        counts->tests, counts->failures, counts->errors, ns / LMM_NS_PER_SECOND,
        ns / LMM_NS_PER_MS % 1000);
}

static void put_suite(const struct lmm_run_report *run,
                      const struct lmm_run_report_process *process, struct lmm_sink *sink)
{
    struct suite suite = {run, process, sink};
    struct counts counts = counts_of(run, process);
    const struct lmm_model *model = process->model;
    char words[LMM_VERDICT_BYTES];
    uint64_t ns =
        model->end_time_ns > model->start_time_ns ? model->end_time_ns - model->start_time_ns : 0;

    if (counts.tests == 0) {
        return;
    }
    lmm_sink_puts(sink, "  <testsuite name=\"");
    put_string(sink, model->program);
    lmm_sink_printf(sink, " (pid %" PRIu32 ")\" ", model->pid);
    put_counts(sink, &counts, ns);
    if (lmm_verdict_obstacle(run, process, words)) {
        put_error(&suite, words);
    } else if (counts.failures == 0) {
        begin_case(&suite);
        lmm_sink_puts(sink, "leak check\"/>\n");
    } else {
        put_failures(&suite);
    }
    lmm_sink_puts(sink, "  </testsuite>\n");
}

/* Puts the processes that LMM did not see. */
static void put_unseen(const struct lmm_run_report *run, size_t count, struct lmm_sink *sink)
{
    const struct lmm_unseen *unseen = run->unseen;
    struct counts counts = {count, 0, count};

    if (count == 0) {
        return;
    }
    lmm_sink_puts(sink, "  <testsuite name=\"not seen\" ");
    put_counts(sink, &counts, 0);
    for (size_t i = 0; i < unseen->process_count; i++) {
        const struct lmm_unseen_process *process = &unseen->processes[i];

        lmm_sink_puts(sink, "    <testcase classname=\"");
        put_string(sink, lmm_model_last_component(lmm_string_of(process->program)));
        lmm_sink_puts(
            sink, "\" name=\"leak check\">\n      <error type=\"not done\" message=\"not done: ");
        lmm_sink_printf(sink, "%s\"/>\n    </testcase>\n",
                        process->reason == NULL ? "it did not load LMM" : process->reason);
    }
    lmm_sink_puts(sink, "  </testsuite>\n");
}

int lmm_run_report_junit(const struct lmm_run_report *run, struct lmm_sink *sink)
{
    bool has_unseen = run->unseen != NULL && run->unseen->has_children && run->gate == NULL;
    size_t unseen = has_unseen ? run->unseen->process_count : 0;
    struct counts all = {unseen, 0, unseen};

    for (size_t i = 0; i < run->process_count; i++) {
        struct counts counts = counts_of(run, &run->processes[i]);

        all.tests += counts.tests;
        all.failures += counts.failures;
        all.errors += counts.errors;
    }
    lmm_sink_puts(sink, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"LMM\" ");
    put_counts(sink, &all, run->ending == NULL ? 0 : run->ending->run_ns);
    for (size_t i = 0; i < run->process_count && sink->error == 0; i++) {
        put_suite(run, &run->processes[i], sink);
    }
    put_unseen(run, unseen, sink);
    lmm_sink_puts(sink, "</testsuites>\n");
    return lmm_sink_flush(sink);
}
