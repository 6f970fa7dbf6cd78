/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/program/types/way_before.h"
#include "reporter/program/types/way_decoder.h"
#include "reporter/program/types/way_flow.h"
#include "reporter/program/types/way_output.h"
#include "reporter/program/types/way_state.h"

/* ---- Steps in order --------------------------------------------------------------------------- */

/* Orders steps HELD first: by what they hold where, and from which address on. */
static int compare_ranges(const void *left, const void *right)
{
    const struct lmm_way_step *a = left;
    const struct lmm_way_step *b = right;

    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->reg != b->reg) {
        return a->reg < b->reg ? -1 : 1;
    }
    if (a->is_unknown != b->is_unknown) {
        return a->is_unknown < b->is_unknown ? -1 : 1;
    }
    if (a->added != b->added) {
        return a->added < b->added ? -1 : 1;
    }
    return (a->from > b->from) - (a->from < b->from);
}

static int compare_distances(const void *left, const void *right)
{
    const struct lmm_way_step *a = left;
    const struct lmm_way_step *b = right;

    if (a->distance != b->distance) {
        return a->distance < b->distance ? -1 : 1;
    }
    if (a->from != b->from) {
        return a->from < b->from ? -1 : 1;
    }
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* Joins two steps when both are the same, or ranges that touch: paths meet there. */
static bool join(struct lmm_way_step *into, const struct lmm_way_step *step)
{
    if (into->kind != step->kind || into->reg != step->reg || into->added != step->added ||
        into->is_unknown != step->is_unknown) {
        return false;
    }
    if (step->kind == LMM_WAY_HELD ? step->from > into->to
                                   : step->from != into->from || step->argument != into->argument ||
                                         step->offset != into->offset) {
        return false;
    }
    into->to = step->to > into->to ? step->to : into->to;
    into->sure_to = step->sure_to > into->sure_to ? step->sure_to : into->sure_to;
    into->distance = step->distance < into->distance ? step->distance : into->distance;
    return true;
}

/* Returns whether a step says something: its path did not end at once, and a constant is known. */
static bool is_whole(const struct lmm_way_step *step)
{
    return step->to > step->from &&
           (step->kind != LMM_WAY_FILLED || step->reg == LMM_REGISTER_NONE);
}

/* Puts the steps in order; returns how many there are. */
static size_t put_steps(struct lmm_way *way, struct lmm_way_step *ret_steps)
{
    size_t count = 0;

    qsort(way->steps, way->step_count, sizeof(way->steps[0]), compare_ranges);
    for (size_t i = 0; i < way->step_count; i++) {
        if (is_whole(&way->steps[i]) &&
            (count == 0 || !join(&way->steps[count - 1], &way->steps[i]))) {
            way->steps[count++] = way->steps[i];
        }
    }
    qsort(way->steps, count, sizeof(way->steps[0]), compare_distances);
    count = count > LMM_WAY_STEPS_MAX ? LMM_WAY_STEPS_MAX : count;
    memcpy(ret_steps, way->steps, count * sizeof(way->steps[0]));
    return count;
}

/* Returns whether one of the steps says that the function returns the block itself. */
static bool has_returned(const struct lmm_way_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (steps[i].kind == LMM_WAY_RETURNED && !steps[i].is_inside) {
            return true;
        }
    }
    return false;
}

/* to_return: only until the function returns the block. */
static void follow_all(struct lmm_way *way, struct lmm_way_decoder *decoder, bool to_return)
{
    size_t decoded = 0;
    size_t seen = 0; /* steps */

    while (decoded < LMM_WAY_INSTRUCTIONS_MAX &&
           !(to_return && has_returned(&way->steps[seen], way->step_count - seen)) &&
           lmm_way_choose(way)) {
        seen = way->step_count;
        if (lmm_way_visit(way) && lmm_way_decoder_step(decoder, way)) {
            decoded++;
        }
    }
    lmm_way_stop(way);
}

/* Returns whether it is known where the way starts. */
static bool start(struct lmm_way *way, uint64_t address, int output,
                  struct lmm_way_decoder *decoder)
{
    if (output == LMM_WAY_RESULT) {
        lmm_way_start(way, address);
        return true;
    }
    return output >= 0 && (uint32_t) output < way->machine->argument_count &&
           lmm_way_output_start(way, address, (uint32_t) output, decoder);
}

/* ---- Followers -------------------------------------------------------------------------------- */

struct lmm_way_follower {
    struct lmm_way_decoder decoder; /* of no machine: it is not open */
    struct lmm_way way;
};

struct lmm_way_follower *lmm_way_follower_new(void)
{
    return calloc(1, sizeof(struct lmm_way_follower));
}

static void close_decoder(struct lmm_way_follower *follower)
{
    if (follower->decoder.machine != LMM_MACHINE_NONE) {
        lmm_way_decoder_close(&follower->decoder);
        follower->decoder.machine = LMM_MACHINE_NONE;
    }
}

void lmm_way_follower_free(struct lmm_way_follower *follower)
{
    if (follower != NULL) {
        close_decoder(follower);
        free(follower);
    }
}

/* Makes the follower's decoder one of a machine; returns false when memory ran out. */
static bool open_decoder(struct lmm_way_follower *follower, enum lmm_machine machine)
{
    if (follower->decoder.machine == machine) {
        return true;
    }
    close_decoder(follower);
    return lmm_way_decoder_open(machine, &follower->decoder);
}

/* As lmm_way_follow(), but leaves the steps in the way, in no order. to_return: only until the function returns the
 * block, and without what the code before the call does. Returns whether there is a way. */
static bool follow(struct lmm_way_follower *follower, const struct lmm_code *code, uint64_t address,
                   int output,
                   enum lmm_way_callee (*know)(void *context, uint64_t target, bool is_loaded),
                   void *context, bool to_return)
{
    struct lmm_way *way = &follower->way;

    way->code = code;
    way->machine = lmm_way_decoder_machine(code->machine);
    way->know = know;
    way->context = context;
    if (way->machine == NULL || address - code->address >= code->count ||
        !open_decoder(follower, code->machine) ||
        !start(way, address, output, &follower->decoder)) {
        return false;
    }
    follow_all(way, &follower->decoder, to_return);
    if (!to_return) {
        lmm_way_before(way, address, &follower->decoder);
    }
    return true;
}

size_t lmm_way_follow(struct lmm_way_follower *follower, const struct lmm_code *code,
                      uint64_t address, int output,
                      enum lmm_way_callee (*know)(void *context, uint64_t target, bool is_loaded),
                      void *context, struct lmm_way_step ret_steps[LMM_WAY_STEPS_MAX])
{
    return follow(follower, code, address, output, know, context, false)
               ? put_steps(&follower->way, ret_steps)
               : 0;
}

bool lmm_way_returns(struct lmm_way_follower *follower, const struct lmm_code *code,
                     uint64_t address, int output,
                     enum lmm_way_callee (*know)(void *context, uint64_t target, bool is_loaded),
                     void *context)
{
    return follow(follower, code, address, output, know, context, true) &&
           has_returned(follower->way.steps, follower->way.step_count);
}
