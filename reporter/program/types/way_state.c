/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_state.h"

#include <assert.h>
#include <string.h>

static const struct lmm_way_value nothing = {.kind = LMM_WAY_NOTHING};

/* ---- Origins ---------------------------------------------------------------------------------- */

static bool has_same_loads(const struct lmm_way_origin *a, const struct lmm_way_origin *b)
{
    for (uint32_t i = 0; i < a->load_count; i++) {
        if (a->loads[i].offset != b->loads[i].offset || a->loads[i].scale != b->loads[i].scale) {
            return false;
        }
    }
    return true;
}

/* Returns the index of an origin, or LMM_WAY_ORIGINS when there are too many. */
static size_t keep_origin(struct lmm_way *way, const struct lmm_way_origin *origin)
{
    for (size_t i = 0; i < way->origin_count; i++) {
        const struct lmm_way_origin *other = &way->origins[i];

        if (other->reg == origin->reg && other->at == origin->at &&
            other->is_result == origin->is_result && other->load_count == origin->load_count &&
            has_same_loads(other, origin)) {
            return i;
        }
    }
    if (way->origin_count == LMM_WAY_ORIGINS) {
        return LMM_WAY_ORIGINS;
    }
    way->origins[way->origin_count] = *origin;
    return way->origin_count++;
}

struct lmm_way_value lmm_way_origin_value(struct lmm_way *way, const struct lmm_way_origin *origin)
{
    size_t kept = keep_origin(way, origin);

    if (kept == LMM_WAY_ORIGINS) {
        return nothing;
    }
    return (struct lmm_way_value) {.kind = LMM_WAY_ORIGIN, .origin = (uint16_t) kept};
}

struct lmm_way_value lmm_way_thread_value(struct lmm_way *way)
{
    struct lmm_way_origin origin;

    memset(&origin, 0, sizeof(origin));
    origin.reg = LMM_REGISTER_THREAD;
    return lmm_way_origin_value(way, &origin);
}

/* Returns the value that a register has before the current instruction, as an origin. */
static struct lmm_way_value register_value(struct lmm_way *way, int reg)
{
    struct lmm_way_origin origin;

    memset(&origin, 0, sizeof(origin));
    origin.reg = reg;
    origin.at = way->at;
    origin.is_before = (way->path->untouched >> reg & 1) != 0;
    return lmm_way_origin_value(way, &origin);
}

/* ---- Steps ------------------------------------------------------------------------------------ */

struct lmm_way_step *lmm_way_new_step(struct lmm_way *way, enum lmm_way_kind kind,
                                      struct lmm_way_value block)
{
    if (way->step_count == LMM_WAY_STEPS) {
        return NULL;
    }
    struct lmm_way_step *step = &way->steps[way->step_count++];

    memset(step, 0, sizeof(*step));
    step->kind = kind;
    step->sure_to = way->path->is_forked ? 0 : UINT64_MAX;
    step->is_unknown = block.is_unknown;
    step->is_inside = block.is_unknown || block.number != 0;
    step->added = block.number;
    step->from = way->at;
    step->to = way->next;
    step->distance = way->path->distance;
    step->reg = LMM_REGISTER_NONE;
    step->index = LMM_REGISTER_NONE;
    step->origin.reg = LMM_REGISTER_NONE;
    return step;
}

/* Opens the step of a register that holds the result from an address on. */
static void open_held(struct lmm_way *way, struct lmm_way_path *path, int reg, uint64_t from)
{
    struct lmm_way_step *step = lmm_way_new_step(way, LMM_WAY_HELD, path->values[reg]);

    path->held[reg] = -1;
    if (step != NULL) {
        step->reg = reg;
        step->from = from;
        step->to = from;
        path->held[reg] = (int) (step - way->steps);
    }
}

static void close_held(struct lmm_way *way, struct lmm_way_path *path, int reg, uint64_t to)
{
    if (path->held[reg] >= 0) {
        struct lmm_way_step *step = &way->steps[path->held[reg]];

        step->to = to;
        step->sure_to = step->sure_to < to ? step->sure_to : to;
    }
    path->held[reg] = -1;
}

void lmm_way_close_all(struct lmm_way *way, struct lmm_way_path *path, uint64_t to)
{
    for (int i = 0; i < LMM_WAY_REGISTERS; i++) {
        close_held(way, path, i, to);
    }
}

void lmm_way_open_all(struct lmm_way *way, struct lmm_way_path *path, uint64_t from)
{
    for (int i = 0; i < LMM_WAY_REGISTERS; i++) {
        path->held[i] = -1;
        if (path->values[i].kind == LMM_WAY_BLOCK) {
            open_held(way, path, i, from);
        }
    }
}

void lmm_way_fork(struct lmm_way *way, struct lmm_way_path *path)
{
    for (int i = 0; i < LMM_WAY_REGISTERS; i++) {
        if (path->held[i] >= 0 && way->steps[path->held[i]].sure_to == UINT64_MAX) {
            way->steps[path->held[i]].sure_to = way->next;
        }
    }
    path->is_forked = true;
}

/* ---- Registers -------------------------------------------------------------------------------- */

struct lmm_way_value lmm_way_get(struct lmm_way *way, int reg)
{
    assert(reg >= 0 && reg < LMM_WAY_REGISTERS);
    struct lmm_way_value value = way->path->values[reg];

    return value.kind == LMM_WAY_NOTHING ? register_value(way, reg) : value;
}

static bool is_slot_of_stack(const struct lmm_way_slot *slot)
{
    return slot->value.kind != LMM_WAY_NOTHING && !slot->is_pointer;
}

/* sp got a value that is not known: its slots can no longer be named, nor other addresses that were
 * counted from it. */
static void rebase_stack(struct lmm_way *way)
{
    struct lmm_way_value *values = way->path->values;

    for (size_t i = 0; i < LMM_WAY_SLOTS; i++) {
        if (is_slot_of_stack(&way->path->slots[i])) {
            way->path->slots[i].value = nothing;
        }
    }
    for (int i = 0; i < LMM_WAY_REGISTERS; i++) {
        if (values[i].kind == LMM_WAY_FRAME && !values[i].is_pointer) {
            values[i] = nothing;
        }
    }
    values[way->machine->stack] = (struct lmm_way_value) {.kind = LMM_WAY_FRAME};
}

void lmm_way_set(struct lmm_way *way, int reg, struct lmm_way_value value)
{
    assert(reg >= 0 && reg < LMM_WAY_REGISTERS);
    struct lmm_way_path *path = way->path;

    way->written |= UINT32_C(1) << reg;
    path->untouched &= ~(UINT32_C(1) << reg);
    if (lmm_way_is_same(path->values[reg], value)) {
        return;
    }
    close_held(way, path, reg, way->next);
    path->values[reg] = value;
    if (value.kind == LMM_WAY_BLOCK) {
        open_held(way, path, reg, way->next);
    }
    if (reg == way->machine->stack && value.kind != LMM_WAY_FRAME) {
        rebase_stack(way);
    }
}

void lmm_way_clear(struct lmm_way *way, int reg)
{
    lmm_way_set(way, reg, nothing);
}

static size_t lane_index(unsigned vector, unsigned lane)
{
    size_t index = LMM_WAY_REGISTERS + 2 * (size_t) vector + lane;

    assert(index < LMM_WAY_VALUES);
    return index;
}

struct lmm_way_value lmm_way_get_lane(const struct lmm_way *way, unsigned vector, unsigned lane)
{
    return way->path->values[lane_index(vector, lane)];
}

void lmm_way_set_lane(struct lmm_way *way, unsigned vector, unsigned lane,
                      struct lmm_way_value value)
{
    way->path->values[lane_index(vector, lane)] = value;
}

void lmm_way_clear_vector(struct lmm_way *way, unsigned vector)
{
    lmm_way_set_lane(way, vector, 0, nothing);
    lmm_way_set_lane(way, vector, 1, nothing);
}

void lmm_way_test(struct lmm_way *way, struct lmm_way_value value)
{
    way->path->tests_zero = value.kind == LMM_WAY_BLOCK && !value.is_unknown && value.number == 0;
}
