/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_before.h"

#include "reporter/program/types/way_memory.h"
#include "reporter/program/types/way_survey.h"

static bool needs_place(const struct lmm_way_step *step)
{
    return step->kind == LMM_WAY_STORED && step->has_origin && step->origin.is_before;
}

static bool needs_constant(const struct lmm_way_step *step)
{
    return step->kind == LMM_WAY_FILLED && step->reg != LMM_REGISTER_NONE;
}

/* Returns whether the result is where compilers keep variables: in the frame, or in a register that
 * a callee keeps. */
static bool is_kept(const struct lmm_way *way, const struct lmm_way_step *step)
{
    if (step->is_inside || step->reg == LMM_REGISTER_NONE) {
        return false;
    }
    if (step->kind == LMM_WAY_STORED) {
        return step->reg == way->machine->stack ||
               (step->reg == way->machine->frame_pointer && step->offset < 0);
    }
    return step->kind == LMM_WAY_HELD && (way->machine->kept >> step->reg & 1) != 0;
}

/* Returns whether it pays to look at the code before the call. */
static bool needs_survey(const struct lmm_way *way)
{
    bool has_place = false;
    bool has_constant = false;
    bool is_variable = false;

    for (size_t i = 0; i < way->step_count; i++) {
        has_place = has_place || needs_place(&way->steps[i]);
        has_constant = has_constant || needs_constant(&way->steps[i]);
        is_variable = is_variable || is_kept(way, &way->steps[i]);
    }
    return has_constant || (has_place && !is_variable);
}

/* Sets where the place of a store lies, by the code before the call. */
static void put_before(struct lmm_way_survey *survey, struct lmm_way_value value,
                       struct lmm_way_step *step)
{
    struct lmm_way_origin origin;

    /* Other words may have been written since. */
    if (lmm_way_survey_spilled(survey, &step->origin, &origin) &&
        origin.reg == LMM_REGISTER_DYNAMIC) {
        step->before = origin;
        step->has_before = true;
        return;
    }
    step->before = step->origin;
    step->has_before = lmm_way_origin_of(lmm_way_survey_way(survey), value, &origin) &&
                       lmm_way_origin_put_first(&step->before, &origin);
}

static void complete(struct lmm_way_survey *survey, struct lmm_way_step *step)
{
    const struct lmm_way *before = lmm_way_survey_way(survey);
    bool is_stored = step->kind == LMM_WAY_STORED;
    struct lmm_way_value value = before->path->values[is_stored ? step->origin.reg : step->reg];

    if (value.kind == LMM_WAY_NOTHING) {
        return;
    }
    if (is_stored) {
        put_before(survey, value, step);
    } else if (value.is_address || lmm_way_is_loaded(before, value)) {
        lmm_way_put_target(before, value, step);
        step->reg = LMM_REGISTER_NONE;
    }
}

void lmm_way_before(struct lmm_way *way, uint64_t address, struct lmm_way_decoder *decoder)
{
    struct lmm_way_survey *survey =
        needs_survey(way) ? lmm_way_survey_open(way, address, LMM_WAY_SURVEY_PAST_CALL, decoder)
                          : NULL;

    if (survey == NULL) {
        return;
    }
    for (size_t i = 0; i < way->step_count; i++) {
        if (needs_place(&way->steps[i]) || needs_constant(&way->steps[i])) {
            complete(survey, &way->steps[i]);
        }
    }
    lmm_way_survey_close(survey);
}
