/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/run_json_check.h"

#include <inttypes.h>
#include <stdio.h>

#include "reporter/core/json.h"
#include "reporter/core/model.h"
#include "reporter/program/report/fingerprint.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/run_json_types.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/verdict.h"

void lmm_json_amount(struct lmm_json *json, const char *key, struct lmm_model_amount amount)
{
    lmm_json_begin_object(json, key, LMM_JSON_ONE_LINE);
    lmm_json_u64(json, "blocks", amount.blocks);
    lmm_json_u64(json, "bytes", amount.bytes);
    lmm_json_end_object(json);
}

static struct lmm_model_amount hanging_of(const struct lmm_tally *tally)
{
    return (struct lmm_model_amount) {tally->lost.blocks - tally->direct.blocks,
                                      tally->lost.bytes - tally->direct.bytes};
}

/* null: no check was made, or not of the blocks that lived at the end. */
static void put_check(struct lmm_json *json, const struct lmm_run_report_process *process)
{
    const struct lmm_model_check *check = &process->model->check;
    const struct lmm_spots *spots = process->spots;

    if (!lmm_process_is_classified(process)) {
        lmm_json_null(json, "check");
        return;
    }
    lmm_json_begin_object(json, "check", LMM_JSON_LINES);
    lmm_json_bool(json, "at_exit", check->is_at_exit);
    lmm_json_u64(json, "time_ns", check->time_ns);
    lmm_json_u64(json, "pause_ns", check->pause_ns);
    lmm_json_u64(json, "scan_ns", check->scan_ns);
    lmm_json_u64(json, "scanned_bytes", check->scanned_bytes);
    lmm_json_bool(json, "stopped", check->is_stopped);
    lmm_json_bool(json, "unaligned", check->is_unaligned);
    lmm_json_bool(json, "confirmed", check->is_confirmed);
    lmm_json_u64(json, "mark", check->mark);
    lmm_json_u64(json, "threads", check->threads);
    lmm_json_u64(json, "threads_unseen", check->threads_unseen);
    lmm_json_u64(json, "roots_unread", check->roots_unread);
    lmm_json_amount(json, "definitely_lost", spots->total.direct);
    lmm_json_amount(json, "indirectly_lost", hanging_of(&spots->total));
    lmm_json_amount(json, "possibly_lost", spots->total.possible);
    lmm_json_amount(json, "still_reachable", spots->total.reachable);
    lmm_json_amount(json, "suppressed", spots->suppressed);
    lmm_json_end_object(json);
}

/* A list of a class: all its places. */
static const struct loss_list {
    enum lmm_model_class kind;
    enum lmm_measure measure;
} loss_lists[] = {
    {LMM_MODEL_DEFINITE, LMM_MEASURE_LOST},
    {LMM_MODEL_POSSIBLE, LMM_MEASURE_POSSIBLE},
    {LMM_MODEL_INDIRECT, LMM_MEASURE_INDIRECT},
    {LMM_MODEL_REACHABLE, LMM_MEASURE_REACHABLE},
};

/* Puts addresses of blocks of the class. */
static void put_examples(struct lmm_json *json, const struct lmm_model_losses *losses,
                         enum lmm_model_class kind)
{
    lmm_json_begin_array(json, "examples", LMM_JSON_ONE_LINE);
    for (uint32_t i = 0; losses != NULL && i < losses->leak_count; i++) {
        const struct lmm_model_leak *leak = &losses->leaks[i];

        if (leak->kind == kind && leak->example_count > 0) {
            for (uint32_t k = 0; k < leak->example_count; k++) {
                char text[32];

                snprintf(text, sizeof(text), "0x%" PRIx64, leak->examples[k]);
                lmm_json_text(json, NULL, text);
            }
            break;
        }
    }
    lmm_json_end_array(json);
}

static void put_loss_figures(struct lmm_json *json, const struct lmm_tally *tally,
                             const struct loss_list *list)
{
    lmm_json_u64(json, "bytes", lmm_tally_first(tally, list->measure));
    lmm_json_u64(json, "blocks", lmm_tally_second(tally, list->measure));
    if (list->kind == LMM_MODEL_DEFINITE) {
        lmm_json_amount(json, "direct", tally->direct);
        lmm_json_amount(json, "indirect", hanging_of(tally));
    }
}

/* Puts the fingerprints of all stacks, for --baseline. */
static void put_keys(struct lmm_json *json, const struct lmm_model *model,
                     const struct lmm_spot *spot, const struct loss_list *list)
{
    lmm_json_begin_array(json, "keys", LMM_JSON_ONE_LINE);
    for (size_t i = 0; i < spot->trace_count; i++) {
        if (lmm_tally_counts(&spot->traces[i].tally, list->measure)) {
            char text[32];

            snprintf(text, sizeof(text), "%016" PRIx64,
                     lmm_fingerprint(model, spot->traces[i].site));
            lmm_json_text(json, NULL, text);
        }
    }
    lmm_json_end_array(json);
}

static void put_loss(struct lmm_json *json, const struct lmm_run_report *run,
                     const struct lmm_model *model, struct lmm_spot *spot,
                     const struct loss_list *list)
{
    size_t count = lmm_spot_traces(spot, list->measure);
    size_t shown = count < run->bounds.stacks ? count : run->bounds.stacks;

    lmm_spot_order(spot, list->measure, shown);
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_text(json, "kind", lmm_kinds_word(list->kind));
    lmm_json_u64(json, "id", spot->id);
    lmm_json_string(json, "function", spot->site->function);
    lmm_json_string(json, "file", spot->site->file);
    lmm_json_u64(json, "line", spot->site->line);
    lmm_json_spot_type(json, model, spot, list->measure);
    put_loss_figures(json, &spot->tally, list);
    lmm_json_begin_array(json, "stacks", LMM_JSON_LINES);
    for (size_t i = 0; i < shown; i++) {
        lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
        put_loss_figures(json, &spot->traces[i].tally, list);
        put_examples(json, spot->traces[i].losses, list->kind);
        lmm_json_stack(json, "calls", model, spot->traces[i].site->stack, SIZE_MAX, LMM_JSON_LINES);
        lmm_json_end_object(json);
    }
    lmm_json_end_array(json);
    lmm_json_u64(json, "stacks_left_out", count - shown);
    put_keys(json, model, spot, list);
    lmm_json_end_object(json);
}

/* All places of the classes that are listed. */
static void put_losses(struct lmm_json *json, const struct lmm_run_report *run,
                       const struct lmm_run_report_process *process)
{
    lmm_json_begin_array(json, "lost", LMM_JSON_LINES);
    for (size_t k = 0; k < sizeof(loss_lists) / sizeof(loss_lists[0]); k++) {
        const struct loss_list *list = &loss_lists[k];
        bool is_listed =
            lmm_process_is_classified(process) && (run->shown_classes & 1u << list->kind) != 0;
        size_t count = is_listed ? lmm_spots_count(process->spots, list->measure) : 0;

        lmm_spots_order(process->spots, list->measure, count);
        for (size_t i = 0; i < count; i++) {
            put_loss(json, run, process->model, &process->spots->items[i], list);
        }
    }
    lmm_json_end_array(json);
}

/* null: the process was checked. */
static void put_verdict(struct lmm_json *json, const struct lmm_run_report *run,
                        const struct lmm_run_report_process *process)
{
    char words[LMM_VERDICT_BYTES];

    if (lmm_verdict_obstacle(run, process, words)) {
        lmm_json_text(json, "not_checked", words);
    } else {
        lmm_json_null(json, "not_checked");
    }
}

void lmm_json_leak_check(struct lmm_json *json, const struct lmm_run_report *run,
                         const struct lmm_run_report_process *process)
{
    put_verdict(json, run, process);
    put_check(json, process);
    put_losses(json, run, process);
}
