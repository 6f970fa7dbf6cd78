/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_facts.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/base/signal_name.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/report/spots.h"

enum { SIGNAL_BYTES = 32 };

/* Adds a number, or null. */
static void put_known(struct lmm_json *json, const char *key, uint64_t number, bool is_known)
{
    if (is_known) {
        lmm_json_u64(json, key, number);
    } else {
        lmm_json_null(json, key);
    }
}

/* ---- Process --------------------------------------------------------------------------------- */

static bool is_killed(const struct lmm_page_moment *moment)
{
    return moment->has_status && WIFSIGNALED(moment->status);
}

static const char *state_of(const struct lmm_page_moment *moment)
{
    static const char *const words[] = {
        [LMM_MODEL_RUNNING] = "running",   [LMM_MODEL_EXITED] = "exited",
        [LMM_MODEL_LOST] = "lost",         [LMM_MODEL_KILLED] = "killed",
        [LMM_MODEL_REPLACED] = "replaced",
    };

    if (is_killed(moment)) {
        return "killed";
    }
    if (moment->has_status && moment->model->process != LMM_MODEL_LOST) {
        return "exited";
    }
    return words[moment->model->process];
}

static void put_signal(struct lmm_json *json, const struct lmm_page_moment *moment)
{
    int number = is_killed(moment) ? WTERMSIG(moment->status) : 0;
    const char *name = number == 0 ? NULL : lmm_signal_name(number);
    char words[SIGNAL_BYTES];

    put_known(json, "signal", (uint64_t) number, number != 0);
    if (name != NULL) {
        snprintf(words, sizeof(words), "SIG%s", name);
        lmm_json_text(json, "signal_name", words);
    } else {
        lmm_json_null(json, "signal_name");
    }
}

static void put_exit(struct lmm_json *json, const struct lmm_page_moment *moment)
{
    const struct lmm_model *model = moment->model;
    bool has_told = (model->exit == LMM_MODEL_EXIT_NORMAL || model->exit == LMM_MODEL_EXIT_QUICK) &&
                    model->process != LMM_MODEL_RUNNING;
    bool has_exited = moment->has_status && WIFEXITED(moment->status);
    int status = has_exited ? WEXITSTATUS(moment->status) : model->exit_status;

    put_known(json, "exit_status", (uint64_t) status,
              has_exited || (has_told && !is_killed(moment)));
    put_signal(json, moment);
}

static void put_command(struct lmm_json *json, const struct lmm_page_moment *moment)
{
    lmm_json_begin_array(json, "command", LMM_JSON_COMPACT);
    for (char *const *argument = moment->argv; argument != NULL && *argument != NULL; argument++) {
        lmm_json_text(json, NULL, *argument);
    }
    if (moment->argv == NULL && moment->model->command.bytes > 0) {
        lmm_json_string(json, NULL, moment->model->command);
    }
    lmm_json_end_array(json);
}

static uint64_t made_time_of(const struct lmm_page_moment *moment)
{
    const struct lmm_model *model = moment->model;

    if (moment->made_time_ns != 0) {
        return moment->made_time_ns;
    }
    if (model->snapshot_time_ns != 0) {
        return model->snapshot_time_ns;
    }
    return model->end_time_ns != 0 ? model->end_time_ns : lmm_clock_ns(CLOCK_REALTIME);
}

/* How long it has run. */
static void put_durations(struct lmm_json *json, const struct lmm_page_moment *moment)
{
    const struct lmm_ending *ending = moment->ending;
    const struct lmm_model *model = moment->model;
    bool has_end = model->end_time_ns > model->start_time_ns;
    uint64_t run_ns = has_end ? model->end_time_ns - model->start_time_ns : 0;

    put_known(json, "run_ns", ending != NULL ? ending->run_ns : run_ns, ending != NULL || has_end);
    put_known(json, "user_ns", ending == NULL ? 0 : lmm_timeval_ns(ending->usage.ru_utime),
              ending != NULL);
    put_known(json, "system_ns", ending == NULL ? 0 : lmm_timeval_ns(ending->usage.ru_stime),
              ending != NULL);
}

static void put_limit(struct lmm_json *json, const struct lmm_page_moment *moment)
{
    put_known(json, "limit_bytes", moment->limit_bytes, moment->limit_bytes != 0);
    if (moment->limit_bytes != 0) {
        lmm_json_text(json, "limit_source", moment->is_limit_given ? "option" : "cgroup");
    } else {
        lmm_json_null(json, "limit_source");
    }
}

void lmm_page_put_process(struct lmm_json *json, const struct lmm_page_moment *moment)
{
    const struct lmm_model *model = moment->model;

    lmm_json_begin_object(json, "process", LMM_JSON_COMPACT);
    lmm_json_string(json, "program", lmm_model_name(model));
    put_command(json, moment);
    lmm_json_u64(json, "pid", model->pid);
    lmm_json_u64(json, "parent_pid", model->parent_pid);
    lmm_json_text(json, "state", state_of(moment));
    put_exit(json, moment);
    lmm_json_u64(json, "start_time_ns", model->start_time_ns);
    lmm_json_u64(json, "end_time_ns", model->end_time_ns);
    lmm_json_u64(json, "made_time_ns", made_time_of(moment));
    put_durations(json, moment);
    lmm_json_bool(json, "is_typed", !model->is_drop_in);
    lmm_json_u64(json, "stack_frames", model->stack_frames);
    put_limit(json, moment);
    lmm_json_end_object(json);
}

/* ---- Totals ---------------------------------------------------------------------------------- */

static uint64_t peak_blocks_of(const struct lmm_model *model)
{
    uint64_t blocks = 0;

    for (size_t i = 0; i < model->site_count; i++) {
        blocks = lmm_add_saturated(blocks, model->sites[i].peak_blocks);
    }
    return blocks;
}

static uint64_t allocated_bytes_of(const struct lmm_model *model)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < model->site_count; i++) {
        bytes = lmm_add_saturated(bytes, model->sites[i].allocated_bytes);
    }
    return bytes;
}

void lmm_page_put_totals(struct lmm_json *json, const struct lmm_page_moment *moment)
{
    const struct lmm_model *model = moment->model;
    const struct lmm_ending *ending = moment->ending;

    lmm_json_begin_object(json, "totals", LMM_JSON_COMPACT);
    lmm_json_u64(json, "live_bytes", model->total.live_bytes);
    lmm_json_u64(json, "live_blocks", model->total.live_blocks);
    lmm_json_u64(json, "peak_bytes", model->peak_bytes);
    lmm_json_u64(json, "peak_blocks", peak_blocks_of(model));
    lmm_json_u64(json, "peak_time_ns", model->peak_time_ns);
    lmm_json_u64(json, "allocated_bytes", allocated_bytes_of(model));
    lmm_json_u64(json, "allocations", model->total.allocations);
    lmm_json_u64(json, "frees", model->total.frees);
    lmm_json_u64(json, "temporaries", model->temporaries);
    lmm_json_u64(json, "committed_bytes", model->total.committed_bytes);
    put_known(json, "resident_bytes", moment->resident_bytes, moment->resident_bytes != 0);
    put_known(json, "max_resident_bytes",
              ending == NULL ? 0 : (uint64_t) ending->usage.ru_maxrss * 1024, ending != NULL);
    lmm_json_end_object(json);
}

/* ---- Leak check ------------------------------------------------------------------------------ */

static void put_amount(struct lmm_json *json, const char *key, struct lmm_model_amount amount)
{
    lmm_json_begin_object(json, key, LMM_JSON_COMPACT);
    lmm_json_u64(json, "bytes", amount.bytes);
    lmm_json_u64(json, "blocks", amount.blocks);
    lmm_json_end_object(json);
}

void lmm_page_put_leak_check(struct lmm_json *json, const struct lmm_page_moment *moment)
{
    const struct lmm_model_check *check = &moment->model->check;
    const struct lmm_spots *spots = moment->spots;
    const struct lmm_model_amount *of = check->of;

    if (!check->is_there) {
        lmm_json_null(json, "leak_check");
        return;
    }
    lmm_json_begin_object(json, "leak_check", LMM_JSON_COMPACT);
    lmm_json_u64(json, "time_ns", check->time_ns);
    lmm_json_bool(json, "is_at_exit", check->is_at_exit);
    if (check->failure != 0) {
        lmm_json_text(json, "failure", strerror((int) check->failure));
    } else {
        lmm_json_null(json, "failure");
    }
    put_amount(json, "definite", spots == NULL ? of[LMM_MODEL_DEFINITE] : spots->total.direct);
    put_amount(json, "indirect", spots == NULL ? of[LMM_MODEL_INDIRECT] : spots->total.indirect);
    put_amount(json, "possible", spots == NULL ? of[LMM_MODEL_POSSIBLE] : spots->total.possible);
    put_amount(json, "reachable", spots == NULL ? of[LMM_MODEL_REACHABLE] : spots->total.reachable);
    put_amount(json, "suppressed", spots == NULL ? of[LMM_MODEL_IGNORED] : spots->suppressed);
    lmm_json_end_object(json);
}
