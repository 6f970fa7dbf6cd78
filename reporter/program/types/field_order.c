/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/field_order.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t bytes_max = UINT64_C(1) << 32;

/* ---- Placing --------------------------------------------------------------------------------- */

static uint64_t round_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) / align * align;
}

static bool is_placeable(const struct lmm_field *field)
{
    bool is_good = field->align > 0 && field->align <= bytes_max && field->bytes <= bytes_max;

    return is_good &&
           (field->kind != LMM_FIELD_BITS || (field->bits > 0 && field->bits <= field->bytes * 8));
}

/* Places a field at or after a bit; returns the bit after it. */
static uint64_t place(struct lmm_field *field, uint64_t bit, enum lmm_base_rule rule)
{
    uint64_t unit = field->bytes * 8;

    switch (field->kind) {
    case LMM_FIELD_BITS:
        if (bit / unit != (bit + field->bits - 1) / unit) {
            bit = round_up(bit, unit);
        }
        field->bit = bit;
        return bit + field->bits;
    case LMM_FIELD_BASE:
        if (field->data_bytes == 0) { /* an empty class takes no room */
            field->bit = 0;
            return bit;
        }
        field->bit = round_up(bit, field->align * 8);
        return field->bit + 8 * (rule == LMM_BASE_DATA ? field->data_bytes : field->bytes);
    default: field->bit = round_up(bit, field->align * 8); return field->bit + unit;
    }
}

bool lmm_fields_place(struct lmm_field *fields, size_t count, enum lmm_base_rule rule,
                      uint64_t *ret_bytes, uint64_t *ret_align)
{
    uint64_t bit = 0;
    uint64_t align = 1;

    for (size_t i = 0; i < count; i++) {
        if (!is_placeable(&fields[i])) {
            return false;
        }
        bit = place(&fields[i], bit, rule);
        align = fields[i].align > align ? fields[i].align : align;
        if (bit > bytes_max * 8) {
            return false;
        }
    }
    *ret_bytes = round_up(round_up(bit, 8) / 8, align);
    *ret_align = align;
    return true;
}

/* ---- Pieces: what moves together ------------------------------------------------------------- */

struct piece {
    size_t first;
    size_t count;
    uint64_t align;
    uint64_t key; /* what pieces are sorted by */
};

struct pieces {
    struct piece *items;
    size_t count;
    size_t begin; /* the fields [begin, end) may move */
    size_t end;
};

/* The largest power of two that the bytes of bit-fields are a multiple of, up to an alignment. */
static uint64_t key_of_bits(const struct lmm_field *fields, const struct piece *piece)
{
    uint64_t bits = 0;
    uint64_t key = 1;

    for (size_t i = 0; i < piece->count; i++) {
        bits += fields[piece->first + i].bits;
    }
    while (key < piece->align && round_up(bits, 8) / 8 % (2 * key) == 0) {
        key *= 2;
    }
    return key;
}

/* Lists the pieces that may move; items has room for `count`. */
static void make_pieces(const struct lmm_field *fields, size_t count, struct pieces *pieces)
{
    size_t i = 0;

    while (i < count && fields[i].kind <= LMM_FIELD_BASE) {
        i++;
    }
    pieces->begin = i;
    while (i < count && fields[i].kind != LMM_FIELD_TAIL) {
        struct piece piece = {.first = i};
        bool is_bits = fields[i].kind == LMM_FIELD_BITS;

        do {
            piece.align = fields[i].align > piece.align ? fields[i].align : piece.align;
            piece.count++;
            i++;
        } while (is_bits && i < count && fields[i].kind == LMM_FIELD_BITS);
        piece.key = piece.align;
        pieces->items[pieces->count++] = piece;
    }
    pieces->end = i;
}

/* Sorts by key, the largest first; equal ones stay in their order. */
static void sort_pieces(struct pieces *pieces)
{
    for (size_t i = 1; i < pieces->count; i++) {
        struct piece piece = pieces->items[i];
        size_t k = i;

        for (; k > 0 && pieces->items[k - 1].key < piece.key; k--) {
            pieces->items[k] = pieces->items[k - 1];
        }
        pieces->items[k] = piece;
    }
}

/* ---- Orders ---------------------------------------------------------------------------------- */

/* Returns the bit after the fields of a piece that starts at or after a bit, and whether nothing is
 * left free before it. */
static uint64_t after_piece(struct lmm_field *fields, const struct piece *piece, uint64_t bit,
                            bool *ret_fits)
{
    uint64_t end = bit;

    for (size_t i = 0; i < piece->count; i++) {
        end = place(&fields[piece->first + i], end, LMM_BASE_WHOLE);
    }
    *ret_fits = fields[piece->first].bit == bit;
    return end;
}

/* Orders sorted pieces so that each starts where the one before ends, as far as there is one that
 * can: a piece with a large alignment may not be able to start where the base classes end. */
static void fill_gaps(struct lmm_field *fields, struct pieces *pieces, uint64_t bit)
{
    for (size_t i = 0; i < pieces->count; i++) {
        size_t chosen = i;
        bool fits = false;

        for (size_t k = i; k < pieces->count && !fits; k++) {
            after_piece(fields, &pieces->items[k], bit, &fits);
            chosen = fits || pieces->items[k].align < pieces->items[chosen].align ? k : chosen;
        }
        struct piece piece = pieces->items[chosen];

        bit = after_piece(fields, &piece, bit, &fits);
        memmove(&pieces->items[i + 1], &pieces->items[i], (chosen - i) * sizeof(piece));
        pieces->items[i] = piece;
    }
}

/* Sets ret_fields to the fields in the order of the pieces. */
static void arrange(const struct lmm_field *fields, size_t count, const struct pieces *pieces,
                    struct lmm_field *ret_fields)
{
    size_t used = pieces->begin;

    memcpy(ret_fields, fields, count * sizeof(*fields));
    for (size_t i = 0; i < pieces->count; i++) {
        const struct piece *piece = &pieces->items[i];

        memcpy(&ret_fields[used], &fields[piece->first], piece->count * sizeof(*fields));
        used += piece->count;
    }
}

/* Places fields by each of the rules; returns whether all places are the same. */
static bool place_by_rules(struct lmm_field *fields, size_t count, unsigned rules,
                           uint64_t *ret_bytes)
{
    struct lmm_field *other = calloc(count, sizeof(*other));
    uint64_t align;
    bool is_same = other != NULL;
    bool has_places = false;

    for (unsigned rule = 0; is_same && rule < LMM_BASE_RULES; rule++) {
        uint64_t bytes;

        if ((rules & (1u << rule)) == 0) {
            continue;
        }
        memcpy(other, fields, count * sizeof(*fields));
        is_same = lmm_fields_place(other, count, rule, &bytes, &align) &&
                  (!has_places || bytes == *ret_bytes);
        for (size_t i = 0; is_same && has_places && i < count; i++) {
            is_same = other[i].bit == fields[i].bit;
        }
        if (is_same) {
            memcpy(fields, other, count * sizeof(*fields));
            *ret_bytes = bytes;
            has_places = true;
        }
    }
    free(other);
    return is_same && has_places;
}

/* What is needed to try an order. */
struct trial {
    const struct lmm_field *fields;
    size_t count;
    unsigned rules;
    struct pieces pieces;
    struct lmm_field *order; /* the one that is tried */
    struct lmm_field *best;
    uint64_t best_bytes;
    bool has_best;
};

static void try_order(struct trial *trial)
{
    uint64_t bytes = 0;

    arrange(trial->fields, trial->count, &trial->pieces, trial->order);
    if (place_by_rules(trial->order, trial->count, trial->rules, &bytes) &&
        bytes < trial->best_bytes) {
        memcpy(trial->best, trial->order, trial->count * sizeof(*trial->best));
        trial->best_bytes = bytes;
        trial->has_best = true;
    }
}

static void try_orders(struct trial *trial)
{
    struct pieces *pieces = &trial->pieces;
    uint64_t bit = 0;

    sort_pieces(pieces);
    try_order(trial);
    for (size_t i = 0; i < pieces->count; i++) {
        struct piece *piece = &pieces->items[i];

        if (trial->fields[piece->first].kind == LMM_FIELD_BITS) {
            piece->key = key_of_bits(trial->fields, piece);
        }
    }
    sort_pieces(pieces);
    try_order(trial);
    memcpy(trial->order, trial->fields, trial->count * sizeof(*trial->order));
    for (size_t i = 0; i < pieces->begin; i++) {
        bit = place(&trial->order[i], bit,
                    (trial->rules & (1u << LMM_BASE_DATA)) != 0 ? LMM_BASE_DATA : LMM_BASE_WHOLE);
    }
    fill_gaps(trial->order, pieces, bit);
    try_order(trial);
}

/* Returns whether fields are such that an order may be found: what stays is where it can stay. */
static bool is_movable(const struct lmm_field *fields, size_t count, const struct pieces *pieces)
{
    bool is_good = pieces->end == count || pieces->end + 1 == count;

    for (size_t i = 0; i < count; i++) {
        is_good = is_good && is_placeable(&fields[i]) &&
                  (fields[i].kind <= LMM_FIELD_BASE) == (i < pieces->begin);
    }
    return is_good;
}

bool lmm_fields_reorder(struct lmm_field *fields, size_t count, unsigned rules, uint64_t bytes,
                        uint64_t *ret_bytes)
{
    struct trial trial = {
        .fields = fields,
        .count = count,
        .rules = rules,
        .pieces = {.items = calloc(count + 1, sizeof(struct piece))},
        .order = calloc(count + 1, sizeof(*fields)),
        .best = calloc(count + 1, sizeof(*fields)),
        .best_bytes = bytes,
    };

    if (trial.pieces.items != NULL && trial.order != NULL && trial.best != NULL) {
        make_pieces(fields, count, &trial.pieces);
        if (trial.pieces.count > 1 && is_movable(fields, count, &trial.pieces)) {
            try_orders(&trial);
        }
    }
    if (trial.has_best) {
        memcpy(fields, trial.best, count * sizeof(*fields));
        *ret_bytes = trial.best_bytes;
    }
    free(trial.pieces.items);
    free(trial.order);
    free(trial.best);
    return trial.has_best;
}

/* ---- Gaps ------------------------------------------------------------------------------------ */

uint64_t lmm_fields_gap(const struct lmm_field *fields, size_t count, size_t index, uint64_t bytes)
{
    uint64_t end = 0;
    uint64_t next = index < count ? fields[index].bit / 8 : bytes;

    for (size_t i = 0; i < index; i++) {
        const struct lmm_field *field = &fields[i];
        uint64_t bits = field->kind == LMM_FIELD_BITS ? field->bits : field->bytes * 8;
        bool is_empty = field->kind == LMM_FIELD_BASE && field->data_bytes == 0;
        uint64_t field_end = is_empty ? 0 : round_up(field->bit + bits, 8) / 8;

        end = field_end > end ? field_end : end;
    }
    if (index == count && count > 0 && fields[count - 1].kind == LMM_FIELD_TAIL) {
        return 0; /* its elements lie there */
    }
    return next > end ? next - end : 0;
}
