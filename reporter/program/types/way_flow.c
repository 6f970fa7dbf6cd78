/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_flow.h"

#include <string.h>

#include "reporter/program/types/way_memory.h"

static const struct lmm_way_value nothing = {.kind = LMM_WAY_NOTHING};

/* ---- Paths ------------------------------------------------------------------------------------ */

void lmm_way_start(struct lmm_way *way, uint64_t address)
{
    struct lmm_way_path *path = &way->paths[0];
    const struct lmm_way_machine *machine = way->machine;

    way->number++;
    way->step_count = 0;
    way->origin_count = 0;
    for (size_t i = 1; i < LMM_WAY_PATHS; i++) {
        way->paths[i].is_waiting = false;
    }
    memset(path, 0, sizeof(*path));
    path->at = address;
    path->is_waiting = true;
    path->untouched = machine->kept;
    path->values[machine->stack] = (struct lmm_way_value) {.kind = LMM_WAY_FRAME};
    path->values[machine->frame_pointer] =
        (struct lmm_way_value) {.kind = LMM_WAY_FRAME, .is_pointer = true};
    path->values[machine->result] = (struct lmm_way_value) {.kind = LMM_WAY_BLOCK};
    way->path = path;
    way->at = address;
    way->next = address;
    lmm_way_open_all(way, path, address);
}

bool lmm_way_choose(struct lmm_way *way)
{
    way->path = NULL;
    for (size_t i = 0; i < LMM_WAY_PATHS; i++) {
        struct lmm_way_path *path = &way->paths[i];

        if (path->is_waiting && (way->path == NULL || path->distance < way->path->distance)) {
            way->path = path;
        }
    }
    return way->path != NULL;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static uint64_t mix_value(uint64_t hash, uint64_t place, struct lmm_way_value value)
{
    return mix(mix(hash, place), (uint64_t) value.number * 2 + value.is_unknown);
}

/* Returns a number for what the path holds of the block; 0: nothing. */
static uint64_t state_of(const struct lmm_way *way, const struct lmm_way_path *path)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < LMM_WAY_VALUES; i++) {
        if (path->values[i].kind == LMM_WAY_BLOCK) {
            hash = mix_value(hash, i + 1, path->values[i]);
        }
    }
    for (size_t i = 0; i < LMM_WAY_SLOTS; i++) {
        const struct lmm_way_slot *slot = &path->slots[i];

        /* Slots are in no order. */
        if (slot->value.kind == LMM_WAY_BLOCK) {
            hash += mix_value(slot->is_pointer, (uint64_t) slot->offset, slot->value) | 1;
        }
    }
    return hash == 0 ? 0 : mix(hash, (uint64_t) path->values[way->machine->stack].number) | 1;
}

/* Notes a visit; returns false when another brought the same there, or there were too many. */
static bool is_new(struct lmm_way *way, uint64_t at, uint64_t state)
{
    size_t i = mix(0, at) % LMM_WAY_SEEN;

    while (way->seen[i].number == way->number && way->seen[i].at != at) {
        i = (i + 1) % LMM_WAY_SEEN;
    }
    struct lmm_way_seen *seen = &way->seen[i];

    if (seen->number != way->number) {
        *seen = (struct lmm_way_seen) {.at = at, .number = way->number};
    }

    for (uint32_t k = 0; k < seen->visits; k++) {
        if (seen->states[k] == state) {
            return false;
        }
    }
    if (seen->visits == LMM_WAY_VISITS) {
        return false;
    }
    seen->states[seen->visits++] = state;
    return true;
}

bool lmm_way_visit(struct lmm_way *way)
{
    struct lmm_way_path *path = way->path;
    uint64_t state = state_of(way, path);

    if (state != 0 && is_new(way, path->at, state)) {
        return true;
    }
    lmm_way_close_all(way, path, path->at);
    path->is_waiting = false;
    return false;
}

void lmm_way_end(struct lmm_way *way)
{
    way->is_ended = true;
    if (way->is_survey) {
        return;
    }
    lmm_way_close_all(way, way->path, way->next);
    way->path->is_waiting = false;
}

void lmm_way_stop(struct lmm_way *way)
{
    for (size_t i = 0; i < LMM_WAY_PATHS; i++) {
        if (way->paths[i].is_waiting) {
            lmm_way_close_all(way, &way->paths[i], way->paths[i].at);
        }
    }
}

static bool is_inside_code(const struct lmm_way *way, uint64_t address)
{
    return address - way->code->address < way->code->count;
}

static void note_passed(struct lmm_way *way, struct lmm_way_value callee)
{
    for (uint32_t i = 0; i < way->machine->argument_count; i++) {
        struct lmm_way_value value = way->path->values[way->machine->arguments[i]];
        struct lmm_way_step *step =
            value.kind == LMM_WAY_BLOCK ? lmm_way_new_step(way, LMM_WAY_PASSED, value) : NULL;

        if (step != NULL) {
            lmm_way_put_target(way, callee, step);
            step->argument = i;
        }
    }
}

static enum lmm_way_callee callee_kind(const struct lmm_way *way, struct lmm_way_value callee)
{
    bool is_known = callee.kind == LMM_WAY_CONSTANT && callee.scale == 0;
    bool is_loaded = lmm_way_is_loaded(way, callee) && callee.number == 0;

    if (way->know == NULL || !(is_known || is_loaded)) {
        return LMM_WAY_CALLEE_ANY;
    }
    return way->know(
        way->context,
        (uint64_t) (is_known ? callee.number : way->origins[callee.origin].loads[0].offset),
        is_loaded);
}

/* Returns whether a call is to the function of a descriptor, which is given the descriptor's own address: the
 * result is the distance of a variable from the thread pointer, and other registers are kept. */
static bool is_to_descriptor(const struct lmm_way *way, struct lmm_way_value callee)
{
    struct lmm_way_value own = way->path->values[way->machine->result];

    return lmm_way_is_loaded(way, callee) && callee.number == 0 && own.kind == LMM_WAY_CONSTANT &&
           own.scale == 0 && own.number == way->origins[callee.origin].loads[0].offset;
}

/* Notes that `value` is the result of the function, if it is the block. */
static void note_returned(struct lmm_way *way, struct lmm_way_value value)
{
    if (value.kind == LMM_WAY_BLOCK) {
        lmm_way_new_step(way, LMM_WAY_RETURNED, value);
    }
}

void lmm_way_return(struct lmm_way *way)
{
    note_returned(way, way->path->values[way->machine->result]);
    lmm_way_end(way);
}

/* The callee may write to what lies below sp, and to variables whose address it gets. */
static void forget_for_callee(struct lmm_way *way)
{
    struct lmm_way_path *path = way->path;
    int64_t top = path->values[way->machine->stack].number;

    for (uint32_t i = 0; i < way->machine->argument_count; i++) {
        struct lmm_way_value value = path->values[way->machine->arguments[i]];

        if (value.kind == LMM_WAY_FRAME) {
            lmm_way_forget(path, value, LMM_WAY_WORD);
        }
    }
    for (size_t i = 0; i < LMM_WAY_SLOTS; i++) {
        if (!path->slots[i].is_pointer && path->slots[i].offset < top) {
            path->slots[i].value = nothing;
        }
    }
    for (int i = 0; i < LMM_WAY_REGISTERS; i++) {
        if ((way->machine->kept >> i & 1) == 0) {
            lmm_way_clear(way, i);
        }
    }
    for (unsigned i = 0; i < LMM_WAY_LANES / 2; i++) {
        lmm_way_clear_vector(way, i);
    }
    path->tests_zero = false;
}

/* Returns the result of the current call. */
static struct lmm_way_value call_result(struct lmm_way *way, enum lmm_way_callee kind,
                                        struct lmm_way_value first)
{
    struct lmm_way_origin origin;

    if (kind == LMM_WAY_CALLEE_RETURNS_FIRST && first.kind == LMM_WAY_BLOCK) {
        return first;
    }
    if (kind == LMM_WAY_CALLEE_THREAD && first.kind == LMM_WAY_CONSTANT && first.scale == 0) {
        return lmm_way_dynamic_value(way, (uint64_t) first.number);
    }

    memset(&origin, 0, sizeof(origin));
    origin.reg = way->machine->result;
    origin.at = way->next;
    origin.is_result = true;
    return lmm_way_origin_value(way, &origin);
}

void lmm_way_call(struct lmm_way *way, struct lmm_way_value callee)
{
    struct lmm_way_value first = way->path->values[way->machine->arguments[0]];
    enum lmm_way_callee kind = callee_kind(way, callee);

    if (is_to_descriptor(way, callee)) {
        lmm_way_set(way, way->machine->result, callee);
        return;
    }
    note_passed(way, callee);
    if (kind == LMM_WAY_CALLEE_ENDS) {
        lmm_way_end(way);
        return;
    }
    forget_for_callee(way);
    lmm_way_set(way, way->machine->result, call_result(way, kind, first));
}

/* Notes a call whose result the function returns. */
static void note_tail_call(struct lmm_way *way, struct lmm_way_value callee)
{
    note_passed(way, callee);
    if (callee_kind(way, callee) == LMM_WAY_CALLEE_RETURNS_FIRST) {
        note_returned(way, way->path->values[way->machine->arguments[0]]);
    }
}

void lmm_way_jump(struct lmm_way *way, uint64_t target)
{
    struct lmm_way_path *path = way->path;

    if (way->is_survey) {
        way->has_jump = is_inside_code(way, target);
        way->jump = target;
        way->is_ended = true;
        return;
    }
    if (!is_inside_code(way, target)) {
        note_tail_call(way, lmm_way_constant((int64_t) target, true));
        lmm_way_end(way);
        return;
    }
    lmm_way_close_all(way, path, way->next);
    path->at = target;
    lmm_way_open_all(way, path, target);
}

void lmm_way_jump_loaded(struct lmm_way *way, struct lmm_way_value target)
{
    if (lmm_way_is_loaded(way, target) || target.kind == LMM_WAY_CONSTANT) {
        note_tail_call(way, target);
    } else {
        way->is_lost = true;
    }
    lmm_way_end(way);
}

static struct lmm_way_path *free_path(struct lmm_way *way)
{
    for (size_t i = 0; i < LMM_WAY_PATHS; i++) {
        if (!way->paths[i].is_waiting) {
            return &way->paths[i];
        }
    }
    return NULL;
}

void lmm_way_branch(struct lmm_way *way, uint64_t target, enum lmm_way_condition condition)
{
    struct lmm_way_path *other;

    if (way->is_survey) {
        way->has_jump = is_inside_code(way, target);
        way->jump = target;
        return;
    }
    if (condition == LMM_WAY_NOT_ZERO) {
        lmm_way_jump(way, target);
        return;
    }
    if (condition == LMM_WAY_ZERO) {
        return;
    }
    if (!is_inside_code(way, target)) {
        note_tail_call(way, lmm_way_constant((int64_t) target, true));
        return;
    }
    lmm_way_fork(way, way->path);
    other = free_path(way);
    if (other != NULL) {
        *other = *way->path;
        other->at = target;
        lmm_way_open_all(way, other, target);
    }
}
