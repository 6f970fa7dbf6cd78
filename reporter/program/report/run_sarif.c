/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"
#include "reporter/core/words.h"
#include "reporter/program/report/fingerprint.h"
#include "reporter/program/report/gate.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/run_ci.h"
#include "reporter/program/report/run_json_types.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/unseen.h"
#include "reporter/program/report/verdict.h"

enum {
    URI_BYTES = 4096,
    TYPE_BYTES = 512, /* of a type's name in a message */
};

static const struct rule {
    enum lmm_model_class kind;
    enum lmm_measure measure;
    const char *id;
    const char *words;
} rules[] = {
    {LMM_MODEL_DEFINITE, LMM_MEASURE_LOST, "definitely-lost",
     "Nothing leads to these blocks any more."},
    {LMM_MODEL_POSSIBLE, LMM_MEASURE_POSSIBLE, "possibly-lost",
     "Only pointers to the inside of these blocks lead to them."},
    {LMM_MODEL_INDIRECT, LMM_MEASURE_INDIRECT, "indirectly-lost",
     "Only lost blocks lead to these blocks."},
    {LMM_MODEL_REACHABLE, LMM_MEASURE_REACHABLE, "still-reachable",
     "The program did not free these blocks, but could have."},
};

enum { RULES = sizeof(rules) / sizeof(rules[0]) };

/* ---- Places ---------------------------------------------------------------------------------- */

/* Writes a path as a URI: relative to the folder of the report, or absolute; each byte that may not
 * stand in one becomes %XX. False: it is too long. */
static bool write_uri(const struct lmm_run_report *run, struct lmm_string file, char uri[URI_BYTES])
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    const char *folder = run->look.folder;
    size_t skipped = folder == NULL ? 0 : strlen(folder);
    char *end = uri;

    if (skipped == 0 || file.bytes <= skipped || memcmp(file.text, folder, skipped) != 0) {
        skipped = 0;
    }
    if (skipped == 0 && file.bytes > 0 && file.text[0] == '/') {
        end = stpcpy(end, "file://");
    }
    for (size_t i = skipped; i < file.bytes; i++) {
        if (end + 4 > uri + URI_BYTES) {
            return false;
        }
        if (file.text[i] != '\0' && strchr(plain, file.text[i]) != NULL) {
            *end++ = file.text[i];
        } else {
            end += sprintf(end, "%%%02X", (unsigned) (unsigned char) file.text[i]);
        }
    }
    *end = '\0';
    return end > uri;
}

/* Puts the keys of a location. */
static void put_location(struct lmm_json *json, const struct lmm_run_report *run,
                         struct lmm_string file, uint32_t line, struct lmm_string function)
{
    char uri[URI_BYTES];

    if (line != 0 && write_uri(run, file, uri)) {
        lmm_json_begin_object(json, "physicalLocation", LMM_JSON_LINES);
        lmm_json_begin_object(json, "artifactLocation", LMM_JSON_ONE_LINE);
        lmm_json_text(json, "uri", uri);
        lmm_json_end_object(json);
        lmm_json_begin_object(json, "region", LMM_JSON_ONE_LINE);
        lmm_json_u64(json, "startLine", line);
        lmm_json_end_object(json);
        lmm_json_end_object(json);
    }
    if (function.bytes > 0) {
        lmm_json_begin_array(json, "logicalLocations", LMM_JSON_LINES);
        lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
        lmm_json_string(json, "fullyQualifiedName", function);
        lmm_json_text(json, "kind", "function");
        lmm_json_end_object(json);
        lmm_json_end_array(json);
    }
}

/* ---- Results --------------------------------------------------------------------------------- */

struct frames {
    struct lmm_json *json;
    const struct lmm_run_report *run;
};

static bool put_frame(void *context, const struct lmm_model_call *call)
{
    const struct frames *frames = context;

    lmm_json_begin_object(frames->json, NULL, LMM_JSON_LINES);
    lmm_json_begin_object(frames->json, "location", LMM_JSON_LINES);
    put_location(frames->json, frames->run, call->file, call->line, call->function);
    lmm_json_end_object(frames->json);
    lmm_json_string(frames->json, "module", call->module);
    lmm_json_end_object(frames->json);
    return true;
}

static void put_stacks(struct lmm_json *json, const struct lmm_run_report *run,
                       const struct lmm_model *model, const struct lmm_spot *spot, size_t count)
{
    struct frames frames = {json, run};

    lmm_json_begin_array(json, "stacks", LMM_JSON_LINES);
    for (size_t i = 0; i < count && i < run->bounds.stacks; i++) {
        if (spot->traces[i].site->stack != 0) {
            lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
            lmm_json_begin_array(json, "frames", LMM_JSON_LINES);
            lmm_stack_walk(model, spot->traces[i].site->stack, SIZE_MAX, put_frame, &frames);
            lmm_json_end_array(json);
            lmm_json_end_object(json);
        }
    }
    lmm_json_end_array(json);
}

/* Returns the type of the blocks of a result; NULL: it is not known. */
static const struct lmm_model_type *type_of(const struct lmm_spot *spot, const struct rule *rule)
{
    const struct lmm_model_type *type = lmm_spot_type(spot, rule->measure);

    return type != NULL && lmm_site_type_is_known(type) ? type : NULL;
}

/* Writes " of struct node", or nothing; returns the address of its NUL. */
static char *write_type(char *end, const struct lmm_model_type *type)
{
    if (type == NULL) {
        return end;
    }
    return end + sprintf(end, " of %.*s",
                         (int) (type->name.bytes < TYPE_BYTES ? type->name.bytes : TYPE_BYTES),
                         type->name.text);
}

/* Of lost blocks with others that hang on them the type is that of the former. */
static void put_message(struct lmm_json *json, const struct lmm_run_report_process *process,
                        const struct lmm_spot *spot, const struct rule *rule)
{
    const struct lmm_tally *tally = &spot->tally;
    uint64_t bytes = lmm_tally_first(tally, rule->measure);
    uint64_t blocks = lmm_tally_second(tally, rule->measure);
    bool has_indirect =
        rule->kind == LMM_MODEL_DEFINITE && tally->lost.blocks > tally->direct.blocks;
    char words[512 + TYPE_BYTES];
    char *end = words;

    end += sprintf(end, "%" PRIu64 " %s", bytes, lmm_plural(bytes, "byte", "bytes"));
    end = has_indirect ? end : write_type(end, type_of(spot, rule));
    end += sprintf(end, " in %" PRIu64 " %s", blocks, lmm_plural(blocks, "block", "blocks"));
    if (has_indirect) {
        end += sprintf(end, ": %" PRIu64 " direct in %" PRIu64, tally->direct.bytes,
                       tally->direct.blocks);
        end = write_type(end, type_of(spot, rule));
        end += sprintf(end, ", %" PRIu64 " indirect in %" PRIu64,
                       tally->lost.bytes - tally->direct.bytes,
                       tally->lost.blocks - tally->direct.blocks);
    }
    sprintf(end, ", %s, in process %" PRIu32, rule->id, process->model->pid);
    lmm_json_begin_object(json, "message", LMM_JSON_ONE_LINE);
    lmm_json_text(json, "text", words);
    lmm_json_end_object(json);
}

/* Adds the type, as in docs/run.schema.json, if it is known. */
static void put_properties(struct lmm_json *json, const struct lmm_run_report_process *process,
                           const struct lmm_spot *spot, const struct rule *rule)
{
    if (type_of(spot, rule) != NULL) {
        lmm_json_begin_object(json, "properties", LMM_JSON_LINES);
        lmm_json_spot_type(json, process->model, spot, rule->measure);
        lmm_json_end_object(json);
    }
}

static void put_result(struct lmm_json *json, const struct lmm_run_report *run,
                       const struct lmm_run_report_process *process, struct lmm_spot *spot,
                       size_t which)
{
    const struct rule *rule = &rules[which];
    bool is_error = (run->error_classes & 1u << rule->kind) != 0;
    size_t count = lmm_spot_traces(spot, rule->measure);
    char key[32];

    lmm_spot_order(spot, rule->measure, run->bounds.stacks);
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_text(json, "ruleId", rule->id);
    lmm_json_u64(json, "ruleIndex", which);
    lmm_json_text(json, "level", is_error ? "error" : "warning");
    put_message(json, process, spot, rule);
    lmm_json_begin_array(json, "locations", LMM_JSON_LINES);
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    put_location(json, run, spot->site->file, spot->site->line, spot->site->function);
    lmm_json_end_object(json);
    lmm_json_end_array(json);
    put_stacks(json, run, process->model, spot, count);
    snprintf(key, sizeof(key), "%016" PRIx64,
             lmm_fingerprint(process->model, spot->traces[0].site));
    lmm_json_begin_object(json, "partialFingerprints", LMM_JSON_ONE_LINE);
    lmm_json_text(json, "lmmStack/v1", key);
    lmm_json_end_object(json);
    if (run->has_baseline) {
        lmm_json_text(json, "baselineState", lmm_gate_fails_line(run, spot) ? "new" : "unchanged");
    }
    put_properties(json, process, spot, rule);
    lmm_json_end_object(json);
}

static void put_results(struct lmm_json *json, const struct lmm_run_report *run,
                        const struct lmm_run_report_process *process)
{
    for (size_t k = 0; k < RULES; k++) {
        unsigned listed = run->shown_classes | run->error_classes;
        bool is_listed = lmm_process_is_classified(process) && (listed & 1u << rules[k].kind) != 0;
        size_t count = is_listed ? lmm_spots_count(process->spots, rules[k].measure) : 0;

        lmm_spots_order(process->spots, rules[k].measure, count);
        for (size_t i = 0; i < count; i++) {
            put_result(json, run, process, &process->spots->items[i], k);
        }
    }
}

/* ---- The document ---------------------------------------------------------------------------- */

static void put_tool(struct lmm_json *json)
{
    lmm_json_begin_object(json, "tool", LMM_JSON_LINES);
    lmm_json_begin_object(json, "driver", LMM_JSON_LINES);
    lmm_json_text(json, "name", "LMM");
    lmm_json_text(json, "version", LMM_PROGRAM_VERSION);
    lmm_json_begin_array(json, "rules", LMM_JSON_LINES);
    for (size_t i = 0; i < RULES; i++) {
        lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
        lmm_json_text(json, "id", rules[i].id);
        lmm_json_begin_object(json, "shortDescription", LMM_JSON_ONE_LINE);
        lmm_json_text(json, "text", rules[i].words);
        lmm_json_end_object(json);
        lmm_json_end_object(json);
    }
    lmm_json_end_array(json);
    lmm_json_end_object(json);
    lmm_json_end_object(json);
}

static void put_notification(struct lmm_json *json, struct lmm_string program, uint32_t pid,
                             const char *words)
{
    char text[LMM_GATE_WORDS + LMM_VERDICT_BYTES];

    snprintf(text, sizeof(text), "%.*s (pid %" PRIu32 ") was not checked: %s",
             (int) (program.bytes < 80 ? program.bytes : 80), program.text, pid, words);
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_text(json, "level", "error");
    lmm_json_begin_object(json, "message", LMM_JSON_ONE_LINE);
    lmm_json_text(json, "text", text);
    lmm_json_end_object(json);
    lmm_json_end_object(json);
}

/* Says whether all was checked. */
static void put_invocation(struct lmm_json *json, const struct lmm_run_report *run)
{
    char words[LMM_GATE_WORDS];
    char reason[LMM_VERDICT_BYTES];

    lmm_json_begin_array(json, "invocations", LMM_JSON_LINES);
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_bool(json, "executionSuccessful", !lmm_gate_is_blind(run, words));
    lmm_json_begin_array(json, "toolExecutionNotifications", LMM_JSON_LINES);
    for (size_t i = 0; i < run->process_count; i++) {
        if (lmm_gate_is_for(run, &run->processes[i]) &&
            lmm_verdict_obstacle(run, &run->processes[i], reason)) {
            const struct lmm_model *model = run->processes[i].model;

            put_notification(json, model->program, model->pid, reason);
        }
    }
    for (size_t i = 0; run->unseen != NULL && i < run->unseen->process_count; i++) {
        const struct lmm_unseen_process *process = &run->unseen->processes[i];

        put_notification(json, lmm_model_last_component(lmm_string_of(process->program)),
                         process->pid,
                         process->reason == NULL ? "it did not load LMM" : process->reason);
    }
    lmm_json_end_array(json);
    lmm_json_end_object(json);
    lmm_json_end_array(json);
}

int lmm_run_report_sarif(const struct lmm_run_report *run, struct lmm_sink *sink)
{
    struct lmm_json writer;
    struct lmm_json *json = &writer;

    lmm_json_init(json, sink);
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_text(json, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    lmm_json_text(json, "version", "2.1.0");
    lmm_json_begin_array(json, "runs", LMM_JSON_LINES);
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    put_tool(json);
    put_invocation(json, run);
    lmm_json_begin_array(json, "results", LMM_JSON_LINES);
    for (size_t i = 0; i < run->process_count; i++) {
        if (lmm_gate_is_for(run, &run->processes[i])) {
            put_results(json, run, &run->processes[i]);
        }
    }
    lmm_json_end_array(json);
    lmm_json_end_object(json);
    lmm_json_end_array(json);
    lmm_json_end_object(json);
    return lmm_json_finish(json);
}
