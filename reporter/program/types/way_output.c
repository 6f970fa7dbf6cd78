/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_output.h"

#include "reporter/program/types/way_flow.h"
#include "reporter/program/types/way_memory.h"
#include "reporter/program/types/way_survey.h"

/* Returns whether a value is the frame pointer's, and a number: of code whose start was not looked at. */
static bool is_frame_pointer(struct lmm_way_survey *survey, struct lmm_way_value value)
{
    const struct lmm_way *before = lmm_way_survey_way(survey);
    const struct lmm_way_origin *origin = &before->origins[value.origin];
    int reg = before->machine->frame_pointer;

    return value.kind == LMM_WAY_ORIGIN && origin->reg == reg && origin->load_count == 0 &&
           before->path->values[reg].kind == LMM_WAY_NOTHING &&
           lmm_way_survey_keeps(survey, reg, origin->at);
}

/* Returns a value of the code before the call as one of the way after it, in which places in the frame are
 * counted from where sp is then. */
static struct lmm_way_value translate(struct lmm_way *way, struct lmm_way_survey *survey,
                                      struct lmm_way_value value)
{
    const struct lmm_way *before = lmm_way_survey_way(survey);
    struct lmm_way_value sp = before->path->values[before->machine->stack];
    struct lmm_way_value result = value;

    if (is_frame_pointer(survey, value)) {
        result = (struct lmm_way_value) {.kind = LMM_WAY_FRAME, .is_pointer = true};
        result.number = value.number;
        result.scale = value.scale;
    } else if (value.kind == LMM_WAY_FRAME) {
        result.number = lmm_way_difference(value, lmm_way_constant(sp.number, false)).number;
    } else if (value.kind == LMM_WAY_ORIGIN) {
        result = lmm_way_origin_value(way, &before->origins[value.origin]);
        result.number = value.number;
        result.scale = value.scale;
    }
    return result;
}

/* Adds to the step of the store where the argument came from. */
static void put_before(struct lmm_way_survey *survey, struct lmm_way_step *step)
{
    step->has_before = step->has_origin;
    if (!step->has_origin || !lmm_way_survey_spilled(survey, &step->origin, &step->before)) {
        step->before = step->origin;
    }
}

/* Starts a way that has no result. */
static void start(struct lmm_way *way, struct lmm_way_survey *survey, uint64_t address)
{
    const struct lmm_way_machine *machine = way->machine;
    const struct lmm_way_path *before = lmm_way_survey_way(survey)->path;

    lmm_way_start(way, address);
    lmm_way_clear(way, machine->result);
    way->step_count = 0;
    if (before->values[machine->frame_pointer].kind == LMM_WAY_FRAME) {
        way->path->values[machine->frame_pointer] =
            translate(way, survey, before->values[machine->frame_pointer]);
    }
    way->at = lmm_way_survey_call(survey);
    way->next = address;
}

bool lmm_way_output_start(struct lmm_way *way, uint64_t address, uint32_t argument,
                          struct lmm_way_decoder *decoder)
{
    struct lmm_way_survey *survey =
        lmm_way_survey_open(way, address, LMM_WAY_SURVEY_TO_CALL, decoder);

    if (survey == NULL) {
        return false;
    }
    int reg = way->machine->arguments[argument];
    const struct lmm_way_place place = {.base = reg, .index = LMM_REGISTER_NONE};

    start(way, survey, address);
    way->path->values[reg] = translate(way, survey, lmm_way_survey_way(survey)->path->values[reg]);
    lmm_way_store(way, &place, LMM_WAY_WORD, (struct lmm_way_value) {.kind = LMM_WAY_BLOCK});
    bool is_origin = way->path->values[reg].kind == LMM_WAY_ORIGIN;

    way->path->values[reg] = (struct lmm_way_value) {.kind = LMM_WAY_NOTHING};
    if (way->step_count > 0 && is_origin) {
        put_before(survey, &way->steps[0]);
    }
    lmm_way_survey_close(survey);
    return way->step_count > 0;
}
