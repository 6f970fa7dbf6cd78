/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_memory.h"

#include <string.h>

enum {
    ARRAY_BYTES = 4096, /* of an array in the frame, at most */
    CONTROL_BYTES = 16, /* before the object that std::make_shared makes */
};

static const struct lmm_way_value nothing = {.kind = LMM_WAY_NOTHING};

/* ---- Memory ----------------------------------------------------------------------------------- */

bool lmm_way_is_loaded(const struct lmm_way *way, struct lmm_way_value value)
{
    const struct lmm_way_origin *origin = &way->origins[value.origin];

    return value.kind == LMM_WAY_ORIGIN && value.scale == 0 && origin->reg == LMM_REGISTER_NONE &&
           origin->load_count == 1 && origin->loads[0].scale == 0;
}

struct lmm_way_value lmm_way_dynamic_value(struct lmm_way *way, uint64_t word)
{
    struct lmm_way_origin origin;

    memset(&origin, 0, sizeof(origin));
    origin.reg = LMM_REGISTER_DYNAMIC;
    origin.load_count = 1;
    origin.loads[0].offset = (int64_t) word;
    return lmm_way_origin_value(way, &origin);
}

static bool is_thread_pointer(const struct lmm_way *way, struct lmm_way_value value)
{
    const struct lmm_way_origin *origin = &way->origins[value.origin];

    return value.kind == LMM_WAY_ORIGIN && value.scale == 0 && origin->load_count == 0 &&
           origin->reg == LMM_REGISTER_THREAD;
}

struct lmm_way_value lmm_way_total(struct lmm_way *way, struct lmm_way_value a,
                                   struct lmm_way_value b)
{
    struct lmm_way_value word = is_thread_pointer(way, a) ? b : a;

    if (!is_thread_pointer(way, is_thread_pointer(way, a) ? a : b) ||
        !lmm_way_is_loaded(way, word)) {
        return lmm_way_sum(a, b);
    }
    return lmm_way_moved(
        lmm_way_dynamic_value(way, (uint64_t) way->origins[word.origin].loads[0].offset),
        lmm_way_add(a.number, b.number));
}

static struct lmm_way_value base_value(struct lmm_way *way, const struct lmm_way_place *place)
{
    if (place->is_thread) {
        return place->base == LMM_REGISTER_NONE
                   ? lmm_way_thread_value(way)
                   : lmm_way_total(way, lmm_way_thread_value(way), lmm_way_get(way, place->base));
    }
    if (place->base == LMM_REGISTER_NONE) {
        return lmm_way_constant(0, place->index == LMM_REGISTER_NONE);
    }
    return lmm_way_get(way, place->base);
}

/* Returns what an index that is not known has for certain: (i + 2) * 8 has 16. */
static int64_t known_part(struct lmm_way_value index, uint32_t scale)
{
    bool is_known = index.kind == LMM_WAY_CONSTANT || index.kind == LMM_WAY_ORIGIN;

    return is_known ? (int64_t) ((uint64_t) index.number * scale) : 0;
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
    return lmm_way_moved(lmm_way_multiple(place->scale), known_part(value, place->scale));
}

struct lmm_way_value lmm_way_address(struct lmm_way *way, const struct lmm_way_place *place)
{
    if (place->is_elsewhere) {
        return nothing;
    }
    struct lmm_way_value value =
        lmm_way_total(way, base_value(way, place), index_value(way, place));

    return lmm_way_sum(value, lmm_way_constant(place->offset, false));
}

/* Writes an address in the frame as [register + offset] of the current instruction. Returns false
 * when neither sp nor the frame pointer is known. */
static bool name_frame(const struct lmm_way *way, struct lmm_way_value frame, int *ret_reg,
                       int64_t *ret_offset)
{
    const int registers[] = {way->machine->frame_pointer, way->machine->stack};

    for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        struct lmm_way_value now = way->path->values[registers[i]];

        if (now.kind == LMM_WAY_FRAME && now.is_pointer == frame.is_pointer) {
            *ret_reg = registers[i];
            *ret_offset = (int64_t) ((uint64_t) frame.number - (uint64_t) now.number);
            return true;
        }
    }
    return false;
}

/* Returns whether a value in a word of the frame says more than that word's place, where a variable may
 * lie. */
static bool is_better_than_place(const struct lmm_way *way, struct lmm_way_value value)
{
    return value.kind != LMM_WAY_ORIGIN || way->origins[value.origin].reg == LMM_REGISTER_DYNAMIC;
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

void lmm_way_forget(struct lmm_way_path *path, struct lmm_way_value frame, uint64_t bytes)
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

bool lmm_way_origin_of(const struct lmm_way *way, struct lmm_way_value address,
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
        origin.is_before = address.is_pointer && (way->path->untouched >> origin.reg & 1) != 0;
    } else if (address.kind != LMM_WAY_CONSTANT) {
        return false;
    }
    origin.scale = address.scale;
    *ret_origin = origin;
    return true;
}

bool lmm_way_origin_put_first(struct lmm_way_origin *origin, const struct lmm_way_origin *first)
{
    struct lmm_way_origin all = *first;

    if (first->load_count + origin->load_count > LMM_WAY_LOADS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < origin->load_count; i++) {
        all.loads[all.load_count].offset = lmm_way_add(all.offset, origin->loads[i].offset);
        all.loads[all.load_count].scale = all.scale == 0 ? origin->loads[i].scale : all.scale;
        all.load_count++;
        all.offset = 0;
        all.scale = 0;
    }
    all.offset = lmm_way_add(all.offset, origin->offset);
    all.scale = all.scale == 0 ? origin->scale : all.scale;
    *origin = all;
    return true;
}

struct lmm_way_value lmm_way_load(struct lmm_way *way, const struct lmm_way_place *place)
{
    struct lmm_way_value address = lmm_way_address(way, place);
    struct lmm_way_origin origin;

    if (address.kind == LMM_WAY_FRAME && address.scale == 0) {
        const struct lmm_way_slot *slot = find_slot(way->path, address);

        if (slot != NULL && is_better_than_place(way, slot->value)) {
            return slot->value;
        }
    }
    if (!lmm_way_origin_of(way, address, &origin) || origin.load_count == LMM_WAY_LOADS_MAX) {
        return nothing;
    }
    origin.loads[origin.load_count].offset = origin.offset;
    origin.loads[origin.load_count].scale = origin.scale;
    origin.load_count++;
    origin.offset = 0;
    origin.scale = 0;
    return lmm_way_origin_value(way, &origin);
}

/* The code before a call may keep an argument in a word that is no variable (way_output.c). */
static bool is_kept_in_slot(const struct lmm_way *way, struct lmm_way_value value)
{
    return value.kind == LMM_WAY_ORIGIN ? way->is_survey || is_better_than_place(way, value)
                                        : value.kind != LMM_WAY_NOTHING && value.scale == 0;
}

/* Returns a slot that is free, or else one that can be missed, or NULL. */
static struct lmm_way_slot *free_slot(struct lmm_way_path *path)
{
    struct lmm_way_slot *other = NULL;

    for (size_t i = 0; i < LMM_WAY_SLOTS; i++) {
        if (path->slots[i].value.kind == LMM_WAY_NOTHING) {
            return &path->slots[i];
        }
        if (path->slots[i].value.kind == LMM_WAY_ORIGIN) {
            other = &path->slots[i];
        }
    }
    return other;
}

static void put_slot(struct lmm_way *way, struct lmm_way_value frame, struct lmm_way_value value)
{
    struct lmm_way_slot *slot = free_slot(way->path);

    /* Where rbp is no frame pointer, what lies after it is no frame. */
    if (frame.is_pointer && frame.number >= 0 && !way->machine->is_frame_above) {
        return;
    }
    if (slot != NULL) {
        *slot = (struct lmm_way_slot) {
            .offset = frame.number, .is_pointer = frame.is_pointer, .value = value};
    }
}

static void note_stored(struct lmm_way *way, const struct lmm_way_place *place,
                        struct lmm_way_value address, struct lmm_way_value value)
{
    struct lmm_way_step *step = lmm_way_new_step(way, LMM_WAY_STORED, value);

    if (step == NULL) {
        return;
    }
    step->has_origin = lmm_way_origin_of(way, address, &step->origin);
    step->reg = place->is_thread ? LMM_REGISTER_THREAD : place->base;
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

void lmm_way_put_target(const struct lmm_way *way, struct lmm_way_value value,
                        struct lmm_way_step *step)
{
    if (lmm_way_is_loaded(way, value)) {
        step->is_loaded = true;
        step->target = (uint64_t) way->origins[value.origin].loads[0].offset;
        step->target_added = value.number;
    } else if (value.kind == LMM_WAY_CONSTANT && value.scale == 0) {
        step->target = (uint64_t) value.number;
    }
}

/* Returns the register whose value before the call is a value, or NONE. */
static int register_before(const struct lmm_way *way, struct lmm_way_value value)
{
    const struct lmm_way_origin *origin = &way->origins[value.origin];
    bool is_whole = value.kind == LMM_WAY_ORIGIN && value.scale == 0 && value.number == 0 &&
                    origin->load_count == 0 && origin->is_before;

    return is_whole ? origin->reg : LMM_REGISTER_NONE;
}

/* Notes that a constant is stored in the block. One that a register got before the call is found
 * out later (way_before.h). */
static void note_filled(struct lmm_way *way, struct lmm_way_value block, struct lmm_way_value value)
{
    bool is_constant = lmm_way_is_loaded(way, value) || (value.is_address && value.scale == 0);
    bool is_table_place = block.number == 0 || block.number == CONTROL_BYTES;
    int before = is_table_place ? register_before(way, value) : LMM_REGISTER_NONE;

    if (block.is_unknown || (!is_constant && before == LMM_REGISTER_NONE)) {
        return;
    }
    struct lmm_way_step *step =
        lmm_way_new_step(way, LMM_WAY_FILLED, (struct lmm_way_value) {.kind = LMM_WAY_BLOCK});

    if (step != NULL) {
        step->offset = block.number;
        step->reg = before;
        lmm_way_put_target(way, value, step);
    }
}

void lmm_way_store(struct lmm_way *way, const struct lmm_way_place *place, uint64_t bytes,
                   struct lmm_way_value value)
{
    struct lmm_way_value address = lmm_way_address(way, place);
    bool is_word = bytes == LMM_WAY_WORD;
    bool is_elsewhere =
        place->is_elsewhere || (place->is_thread && address.kind == LMM_WAY_NOTHING);

    if (address.kind == LMM_WAY_FRAME) {
        lmm_way_forget(way->path, address, address.scale == 0 ? bytes : ARRAY_BYTES);
        if (is_word && address.scale == 0 && is_kept_in_slot(way, value)) {
            put_slot(way, address, value);
        }
    }
    if (is_word && value.kind == LMM_WAY_BLOCK && !is_elsewhere) {
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
    lmm_way_set(way, top.base, lmm_way_moved(way->path->values[top.base], -LMM_WAY_WORD));
}

struct lmm_way_value lmm_way_pop(struct lmm_way *way)
{
    const struct lmm_way_place top = stack_top(way, 0);
    struct lmm_way_value value = lmm_way_load(way, &top);

    lmm_way_set(way, top.base, lmm_way_moved(way->path->values[top.base], LMM_WAY_WORD));
    return value.kind == LMM_WAY_ORIGIN ? nothing : value;
}
