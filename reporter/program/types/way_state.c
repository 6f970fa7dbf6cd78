/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_state.h"

#include <assert.h>
#include <string.h>

enum {
    ARRAY_BYTES = 4096, /* of an array in the frame, at most */
};

static const struct lmm_way_value nothing = {.kind = LMM_WAY_NOTHING};

/* ---- Values ----------------------------------------------------------------------------------- */

/* Adds without a care for overflow: code is hostile. */
static int64_t add(int64_t a, int64_t b)
{
    return (int64_t) ((uint64_t) a + (uint64_t) b);
}

struct lmm_way_value lmm_way_constant(int64_t number, bool is_address)
{
    return (struct lmm_way_value) {
        .kind = LMM_WAY_CONSTANT, .is_address = is_address, .number = number};
}

struct lmm_way_value lmm_way_multiple(uint64_t scale)
{
    return (struct lmm_way_value) {.kind = LMM_WAY_CONSTANT,
                                   .scale = (uint16_t) (scale > UINT16_MAX ? 1 : scale)};
}

bool lmm_way_is_same(struct lmm_way_value a, struct lmm_way_value b)
{
    return a.kind == b.kind && a.is_unknown == b.is_unknown && a.is_pointer == b.is_pointer &&
           a.origin == b.origin && a.scale == b.scale && a.number == b.number;
}

static struct lmm_way_value moved(struct lmm_way_value value, int64_t number)
{
    value.number = value.is_unknown ? 0 : add(value.number, number);
    return value;
}

static bool is_distance(struct lmm_way_value value)
{
    return value.kind == LMM_WAY_CONSTANT && !value.is_address;
}

struct lmm_way_value lmm_way_tagged(struct lmm_way_value a)
{
    if (a.kind != LMM_WAY_BLOCK) {
        return nothing;
    }
    a.is_unknown = true;
    a.number = 0;
    return a;
}

/* Adds a number, or a multiple of one, to a value that is known. */
static struct lmm_way_value add_distance(struct lmm_way_value value, struct lmm_way_value by)
{
    if (value.kind == LMM_WAY_BLOCK) {
        return by.scale == 0 ? moved(value, by.number) : lmm_way_tagged(value);
    }
    if (value.scale == 0 || (by.scale != 0 && by.scale < value.scale)) {
        value.scale = by.scale;
    }
    return moved(value, by.number);
}

/* Returns whether a value may be a number: what is taken for the frame pointer is one where it is
 * added to a block. */
static bool is_any(struct lmm_way_value value)
{
    return value.kind == LMM_WAY_NOTHING || value.kind == LMM_WAY_ORIGIN ||
           (value.kind == LMM_WAY_FRAME && value.is_pointer);
}

struct lmm_way_value lmm_way_sum(struct lmm_way_value a, struct lmm_way_value b)
{
    if (is_distance(b) && a.kind != LMM_WAY_NOTHING) {
        return add_distance(a, b);
    }
    if (is_distance(a) && b.kind != LMM_WAY_NOTHING) {
        return add_distance(b, a);
    }
    if (a.kind == LMM_WAY_BLOCK && is_any(b)) {
        return lmm_way_tagged(a);
    }
    return b.kind == LMM_WAY_BLOCK && is_any(a) ? lmm_way_tagged(b) : nothing;
}

struct lmm_way_value lmm_way_difference(struct lmm_way_value a, struct lmm_way_value b)
{
    if (b.kind != LMM_WAY_CONSTANT || b.scale != 0 || a.kind == LMM_WAY_NOTHING) {
        return nothing;
    }
    return moved(a, (int64_t) (0 - (uint64_t) b.number));
}

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
            other->load_count == origin->load_count && has_same_loads(other, origin)) {
            return i;
        }
    }
    if (way->origin_count == LMM_WAY_ORIGINS) {
        return LMM_WAY_ORIGINS;
    }
    way->origins[way->origin_count] = *origin;
    return way->origin_count++;
}

static struct lmm_way_value origin_value(struct lmm_way *way, const struct lmm_way_origin *origin,
                                         int64_t number)
{
    size_t kept = keep_origin(way, origin);

    if (kept == LMM_WAY_ORIGINS) {
        return nothing;
    }
    return (struct lmm_way_value) {
        .kind = LMM_WAY_ORIGIN, .origin = (uint16_t) kept, .number = number};
}

/* Returns the value that a register has before the current instruction, as an origin. */
static struct lmm_way_value register_value(struct lmm_way *way, int reg)
{
    struct lmm_way_origin origin;

    memset(&origin, 0, sizeof(origin));
    origin.reg = reg;
    origin.at = way->at;
    return origin_value(way, &origin, 0);
}

/* ---- Steps ------------------------------------------------------------------------------------ */

static struct lmm_way_step *new_step(struct lmm_way *way, enum lmm_way_kind kind,
                                     struct lmm_way_value block)
{
    if (way->step_count == LMM_WAY_STEPS) {
        return NULL;
    }
    struct lmm_way_step *step = &way->steps[way->step_count++];

    memset(step, 0, sizeof(*step));
    step->kind = kind;
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
    struct lmm_way_step *step = new_step(way, LMM_WAY_HELD, path->values[reg]);

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
        way->steps[path->held[reg]].to = to;
    }
    path->held[reg] = -1;
}

static void close_all(struct lmm_way *way, struct lmm_way_path *path, uint64_t to)
{
    for (int i = 0; i < LMM_WAY_REGISTERS; i++) {
        close_held(way, path, i, to);
    }
}

static void open_all(struct lmm_way *way, struct lmm_way_path *path, uint64_t from)
{
    for (int i = 0; i < LMM_WAY_REGISTERS; i++) {
        path->held[i] = -1;
        if (path->values[i].kind == LMM_WAY_BLOCK) {
            open_held(way, path, i, from);
        }
    }
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

/* sp got a value that is not known: its slots can no longer be named. */
static void rebase_stack(struct lmm_way *way)
{
    for (size_t i = 0; i < LMM_WAY_SLOTS; i++) {
        if (is_slot_of_stack(&way->path->slots[i])) {
            way->path->slots[i].value = nothing;
        }
    }
    way->path->values[way->machine->stack] = (struct lmm_way_value) {.kind = LMM_WAY_FRAME};
}

void lmm_way_set(struct lmm_way *way, int reg, struct lmm_way_value value)
{
    assert(reg >= 0 && reg < LMM_WAY_REGISTERS);
    struct lmm_way_path *path = way->path;

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

/* ---- Memory ----------------------------------------------------------------------------------- */

static struct lmm_way_value base_value(struct lmm_way *way, const struct lmm_way_place *place)
{
    if (place->base == LMM_REGISTER_NONE) {
        return lmm_way_constant(0, place->index == LMM_REGISTER_NONE);
    }
    return lmm_way_get(way, place->base);
}

static struct lmm_way_value index_value(const struct lmm_way *way,
                                        const struct lmm_way_place *place)
{
    if (place->index == LMM_REGISTER_NONE) {
        return lmm_way_constant(0, false);
    }
    struct lmm_way_value value = way->path->values[place->index];

    if (place->is_part) {
        return lmm_way_multiple(place->scale);
    }
    if (place->scale == 1 && value.kind != LMM_WAY_NOTHING) {
        return value;
    }
    if (value.kind == LMM_WAY_CONSTANT && value.scale == 0) {
        value.number = (int64_t) ((uint64_t) value.number * place->scale);
        return value;
    }
    return lmm_way_multiple(place->scale);
}

struct lmm_way_value lmm_way_address(struct lmm_way *way, const struct lmm_way_place *place)
{
    if (place->is_elsewhere) {
        return nothing;
    }
    struct lmm_way_value value = lmm_way_sum(base_value(way, place), index_value(way, place));

    return lmm_way_sum(value, lmm_way_constant(place->offset, false));
}

/* Writes an address in the frame as [register + offset] of the current instruction. Returns false
 * when neither sp nor the frame pointer is known. */
static bool name_frame(const struct lmm_way *way, struct lmm_way_value frame, int *ret_reg,
                       int64_t *ret_offset)
{
    int reg = frame.is_pointer ? way->machine->frame_pointer : way->machine->stack;
    struct lmm_way_value now = way->path->values[reg];

    if (now.kind != LMM_WAY_FRAME || now.is_pointer != frame.is_pointer) {
        return false;
    }
    *ret_reg = reg;
    *ret_offset = add(frame.number, -now.number);
    return true;
}

static struct lmm_way_slot *find_slot(struct lmm_way_path *path, struct lmm_way_value frame)
{
    for (size_t i = 0; i < LMM_WAY_SLOTS; i++) {
        struct lmm_way_slot *slot = &path->slots[i];

        if (slot->value.kind != LMM_WAY_NOTHING && slot->is_pointer == frame.is_pointer &&
            slot->offset == frame.number) {
            return slot;
        }
    }
    return NULL;
}

/* Forgets the words that [frame, frame + bytes) overlaps. */
static void forget_slots(struct lmm_way_path *path, struct lmm_way_value frame, uint64_t bytes)
{
    for (size_t i = 0; i < LMM_WAY_SLOTS; i++) {
        struct lmm_way_slot *slot = &path->slots[i];
        uint64_t after = (uint64_t) slot->offset - (uint64_t) frame.number;

        if (slot->is_pointer == frame.is_pointer &&
            (after < bytes || after > UINT64_MAX - LMM_WAY_WORD + 1)) {
            slot->value = nothing;
        }
    }
}

/* Sets *ret_origin to the origin of an address. Returns false when that is not known. */
static bool origin_of(const struct lmm_way *way, struct lmm_way_value address,
                      struct lmm_way_origin *ret_origin)
{
    struct lmm_way_origin origin;

    memset(&origin, 0, sizeof(origin));
    origin.reg = LMM_REGISTER_NONE;
    origin.at = way->at;
    origin.offset = address.number;
    if (address.kind == LMM_WAY_ORIGIN) {
        origin = way->origins[address.origin];
        origin.offset = address.number;
    } else if (address.kind == LMM_WAY_FRAME) {
        if (!name_frame(way, address, &origin.reg, &origin.offset)) {
            return false;
        }
    } else if (address.kind != LMM_WAY_CONSTANT) {
        return false;
    }
    origin.scale = address.scale;
    *ret_origin = origin;
    return true;
}

struct lmm_way_value lmm_way_load(struct lmm_way *way, const struct lmm_way_place *place)
{
    struct lmm_way_value address = lmm_way_address(way, place);
    struct lmm_way_origin origin;

    if (address.kind == LMM_WAY_FRAME && address.scale == 0) {
        const struct lmm_way_slot *slot = find_slot(way->path, address);

        if (slot != NULL) {
            return slot->value;
        }
    }
    if (!origin_of(way, address, &origin) || origin.load_count == LMM_WAY_LOADS_MAX) {
        return nothing;
    }
    origin.loads[origin.load_count].offset = origin.offset;
    origin.loads[origin.load_count].scale = origin.scale;
    origin.load_count++;
    origin.offset = 0;
    origin.scale = 0;
    return origin_value(way, &origin, 0);
}

static bool is_kept_in_slot(struct lmm_way_value value)
{
    return value.kind != LMM_WAY_NOTHING && value.kind != LMM_WAY_ORIGIN && value.scale == 0;
}

static void put_slot(struct lmm_way *way, struct lmm_way_value frame, struct lmm_way_value value)
{
    struct lmm_way_path *path = way->path;

    /* Where rbp is no frame pointer, what lies after it is no frame. */
    if (frame.is_pointer && frame.number >= 0 && !way->machine->is_frame_above) {
        return;
    }
    for (size_t i = 0; i < LMM_WAY_SLOTS; i++) {
        if (path->slots[i].value.kind == LMM_WAY_NOTHING) {
            path->slots[i] = (struct lmm_way_slot) {
                .offset = frame.number, .is_pointer = frame.is_pointer, .value = value};
            return;
        }
    }
}

static void note_stored(struct lmm_way *way, const struct lmm_way_place *place,
                        struct lmm_way_value address, struct lmm_way_value value)
{
    struct lmm_way_step *step = new_step(way, LMM_WAY_STORED, value);

    if (step == NULL) {
        return;
    }
    step->has_origin = origin_of(way, address, &step->origin);
    step->reg = place->base;
    step->offset = place->offset;
    step->index = place->index;
    step->scale = place->index == LMM_REGISTER_NONE ? 0 : place->scale;
    if (step->has_origin && address.kind != LMM_WAY_ORIGIN) {
        step->reg = step->origin.reg;
        step->offset = step->origin.offset;
        step->scale = step->origin.scale;
        step->index = step->scale == 0 ? LMM_REGISTER_NONE : place->index;
    }
}

/* Returns whether a value was loaded from a word at a fixed address. */
static bool is_loaded(const struct lmm_way *way, struct lmm_way_value value)
{
    const struct lmm_way_origin *origin = &way->origins[value.origin];

    return value.kind == LMM_WAY_ORIGIN && value.scale == 0 && origin->reg == LMM_REGISTER_NONE &&
           origin->load_count == 1 && origin->loads[0].scale == 0;
}

/* Writes what a constant address is, or where it is loaded from, into a step. */
static void put_target(const struct lmm_way *way, struct lmm_way_value value,
                       struct lmm_way_step *step)
{
    if (is_loaded(way, value)) {
        step->is_loaded = true;
        step->target = (uint64_t) way->origins[value.origin].loads[0].offset;
        step->target_added = value.number;
    } else if (value.kind == LMM_WAY_CONSTANT && value.scale == 0) {
        step->target = (uint64_t) value.number;
    }
}

/* Notes that a constant is stored in the block. */
static void note_filled(struct lmm_way *way, struct lmm_way_value block, struct lmm_way_value value)
{
    if (block.is_unknown || !(is_loaded(way, value) || (value.is_address && value.scale == 0))) {
        return;
    }
    struct lmm_way_step *step =
        new_step(way, LMM_WAY_FILLED, (struct lmm_way_value) {.kind = LMM_WAY_BLOCK});

    if (step != NULL) {
        step->offset = block.number;
        put_target(way, value, step);
    }
}

void lmm_way_store(struct lmm_way *way, const struct lmm_way_place *place, uint64_t bytes,
                   struct lmm_way_value value)
{
    struct lmm_way_value address = lmm_way_address(way, place);
    bool is_word = bytes == LMM_WAY_WORD;

    if (address.kind == LMM_WAY_FRAME) {
        forget_slots(way->path, address, address.scale == 0 ? bytes : ARRAY_BYTES);
        /* A word of another origin is better known by its place: a variable lies there. */
        if (is_word && address.scale == 0 && is_kept_in_slot(value)) {
            put_slot(way, address, value);
        }
    }
    if (is_word && value.kind == LMM_WAY_BLOCK && !place->is_elsewhere) {
        note_stored(way, place, address, value);
    } else if (is_word && address.kind == LMM_WAY_BLOCK) {
        note_filled(way, address, value);
    }
}

static struct lmm_way_place stack_top(const struct lmm_way *way, int64_t offset)
{
    return (struct lmm_way_place) {
        .base = way->machine->stack, .index = LMM_REGISTER_NONE, .offset = offset};
}

void lmm_way_push(struct lmm_way *way, struct lmm_way_value value)
{
    const struct lmm_way_place top = stack_top(way, -LMM_WAY_WORD);

    lmm_way_store(way, &top, LMM_WAY_WORD, value);
    lmm_way_set(way, top.base, moved(way->path->values[top.base], -LMM_WAY_WORD));
}

struct lmm_way_value lmm_way_pop(struct lmm_way *way)
{
    const struct lmm_way_place top = stack_top(way, 0);
    struct lmm_way_value value = lmm_way_load(way, &top);

    lmm_way_set(way, top.base, moved(way->path->values[top.base], LMM_WAY_WORD));
    return value.kind == LMM_WAY_ORIGIN ? nothing : value;
}

/* ---- Paths ------------------------------------------------------------------------------------ */

void lmm_way_start(struct lmm_way *way, uint64_t address)
{
    struct lmm_way_path *path = &way->paths[0];
    const struct lmm_way_machine *machine = way->machine;

    memset(path, 0, sizeof(*path));
    path->at = address;
    path->is_waiting = true;
    path->values[machine->stack] = (struct lmm_way_value) {.kind = LMM_WAY_FRAME};
    path->values[machine->frame_pointer] =
        (struct lmm_way_value) {.kind = LMM_WAY_FRAME, .is_pointer = true};
    path->values[machine->result] = (struct lmm_way_value) {.kind = LMM_WAY_BLOCK};
    way->path = path;
    way->at = address;
    way->next = address;
    open_all(way, path, address);
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

    while (way->seen[i].visits != 0 && way->seen[i].at != at) {
        i = (i + 1) % LMM_WAY_SEEN;
    }
    struct lmm_way_seen *seen = &way->seen[i];

    for (uint32_t k = 0; k < seen->visits; k++) {
        if (seen->states[k] == state) {
            return false;
        }
    }
    if (seen->visits == LMM_WAY_VISITS) {
        return false;
    }
    seen->at = at;
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
    close_all(way, path, path->at);
    path->is_waiting = false;
    return false;
}

void lmm_way_end(struct lmm_way *way)
{
    close_all(way, way->path, way->next);
    way->path->is_waiting = false;
}

void lmm_way_stop(struct lmm_way *way)
{
    for (size_t i = 0; i < LMM_WAY_PATHS; i++) {
        if (way->paths[i].is_waiting) {
            close_all(way, &way->paths[i], way->paths[i].at);
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
            value.kind == LMM_WAY_BLOCK ? new_step(way, LMM_WAY_PASSED, value) : NULL;

        if (step != NULL) {
            put_target(way, callee, step);
            step->argument = i;
        }
    }
}

static enum lmm_way_callee callee_kind(const struct lmm_way *way, struct lmm_way_value callee)
{
    bool is_known = callee.kind == LMM_WAY_CONSTANT && callee.scale == 0 && way->know != NULL;

    return is_known ? way->know(way->context, (uint64_t) callee.number) : LMM_WAY_CALLEE_ANY;
}

/* Notes that `value` is the result of the function, if it is the block. */
static void note_returned(struct lmm_way *way, struct lmm_way_value value)
{
    if (value.kind == LMM_WAY_BLOCK) {
        new_step(way, LMM_WAY_RETURNED, value);
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
            forget_slots(path, value, LMM_WAY_WORD);
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

void lmm_way_call(struct lmm_way *way, struct lmm_way_value callee)
{
    struct lmm_way_value first = way->path->values[way->machine->arguments[0]];
    enum lmm_way_callee kind = callee_kind(way, callee);

    note_passed(way, callee);
    if (kind == LMM_WAY_CALLEE_ENDS) {
        lmm_way_end(way);
        return;
    }
    forget_for_callee(way);
    if (kind == LMM_WAY_CALLEE_RETURNS_FIRST && first.kind == LMM_WAY_BLOCK) {
        lmm_way_set(way, way->machine->result, first);
    }
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

    if (!is_inside_code(way, target)) {
        note_tail_call(way, lmm_way_constant((int64_t) target, true));
        lmm_way_end(way);
        return;
    }
    close_all(way, path, way->next);
    path->at = target;
    open_all(way, path, target);
}

void lmm_way_jump_loaded(struct lmm_way *way, struct lmm_way_value target)
{
    if (is_loaded(way, target) || target.kind == LMM_WAY_CONSTANT) {
        note_tail_call(way, target);
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
    other = free_path(way);
    if (other != NULL) {
        *other = *way->path;
        other->at = target;
        open_all(way, other, target);
    }
}
