/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/call_path.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/array.h"
#include "reporter/program/types/type_info.h"

/* ---- Functions that return less than they allocate --------------------------------------------- */

enum lmm_maker lmm_call_path_maker(const struct lmm_call_path *path)
{
    enum lmm_maker outermost = LMM_MAKER_MALLOC;

    for (size_t i = 0; i < path->count; i++) {
        enum lmm_maker maker = lmm_fact_files_maker(path->places[i]);

        outermost = maker != LMM_MAKER_MALLOC ? maker : outermost;
    }
    return outermost;
}

/* Returns the struct that the function which makes the last call returns a pointer to; NULL: it does not. What operator new
 * gives is known by its class. */
static const struct lmm_type_info *returned(const struct lmm_call_path *path)
{
    const struct lmm_facts *facts = &path->places[path->count - 1]->facts;
    bool is_new = facts->count > 0 && lmm_call_path_maker(path) != LMM_MAKER_MALLOC;

    for (size_t i = 0; i < facts->count; i++) {
        const struct lmm_candidate *item = &facts->items[i];

        if (item->evidence == LMM_MODEL_BY_RETURN && item->type->kind == LMM_TYPE_RECORD &&
            !(item->type->is_cplusplus && (is_new || item->type->is_polymorphic))) {
            return item->type;
        }
    }
    return NULL;
}

/* Returns whether a function takes the block for bytes. */
static bool has_bytes(const struct lmm_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (facts->items[i].type->kind == LMM_TYPE_BYTE && !facts->items[i].is_inside) {
            return true;
        }
    }
    return false;
}

/* Returns whether a function returns what follows a header, and not a member of a struct. */
static bool returns_after_header(const struct lmm_facts *facts, const struct lmm_type_info *base)
{
    if (facts->returns_after == 0 || facts->returns) {
        return false;
    }
    return base != NULL ? has_bytes(facts) : facts->is_generic && facts->returns_after > 0;
}

static int32_t sum_of_headers(int32_t a, int32_t b)
{
    return a == LMM_HEADER_UNKNOWN || b == LMM_HEADER_UNKNOWN ? LMM_HEADER_UNKNOWN : a + b;
}

static bool has_left(const struct lmm_call_path *path)
{
    return path->first_left < path->count;
}

void lmm_call_path_add(struct lmm_call_path *path, struct lmm_fact_place *place)
{
    size_t at = path->count;

    assert(at < LMM_CALL_PATH_MAX);
    path->places[path->count++] = place;
    const struct lmm_type_info *base = returned(path);
    bool is_after = returns_after_header(&place->facts, base);

    if (at == 0) {
        path->first_left = LMM_CALL_PATH_MAX;
    }
    if (place->facts.count > 0 && !has_left(path)) {
        path->first = at;
    }
    path->headers[at + 1] = is_after ? sum_of_headers(path->headers[at], place->facts.returns_after)
                                     : path->headers[at];
    if (is_after || (base != NULL && base->is_base && place->facts.returns)) {
        path->bases[at] = base;
        path->first_left = at < path->first_left ? at : path->first_left;
    }
}

bool lmm_call_path_has_facts(const struct lmm_call_path *path)
{
    for (size_t i = 0; i < path->count; i++) {
        if (path->places[i]->facts.count > 0) {
            return true;
        }
    }
    return false;
}

/* ---- Candidates -------------------------------------------------------------------------------- */

/* Returns how a struct stands to those that functions return which make the calls before `end`. */
static enum lmm_start start_of(const struct lmm_call_path *path, size_t end,
                               const struct lmm_type_info *type)
{
    enum lmm_start start = LMM_START_NONE;

    for (size_t i = path->first; i < end; i++) {
        const struct lmm_type_info *base = path->bases[i];

        if (base != NULL && strcmp(base->name, type->name) == 0) {
            return LMM_START_BASE;
        }
        if (base != NULL && lmm_type_info_starts_with(type, base->name)) {
            start = LMM_START_DERIVED;
        }
    }
    return start;
}

/* Returns whether a function that returns a part of a block takes the whole for bytes, or for the header alone. */
static bool is_raw(const struct lmm_call_path *path, size_t at, const struct lmm_type_info *type)
{
    int64_t after = path->headers[at + 1];

    return type->kind < LMM_TYPE_POINTER ||
           (type->kind == LMM_TYPE_RECORD && after > 0 && type->bytes == (uint64_t) after);
}

/* Returns whether the sizes of all sites that come through a place refute what is known there. */
static bool is_refuted(const struct lmm_call_path *path, size_t at,
                       const struct lmm_candidate *candidate)
{
    for (; at < path->count; at++) {
        if (path->sizes[at] != NULL) {
            int32_t header;

            return lmm_fit_of(candidate, path->sizes[at]->items, path->sizes[at]->count,
                              lmm_call_path_maker(path) != LMM_MAKER_MALLOC,
                              &header) == LMM_FIT_NONE;
        }
    }
    return false;
}

/* Adds what is known at a place, as seen from the allocation. */
static void add_place(const struct lmm_call_path *path, size_t at,
                      struct lmm_call_path_candidates *candidates)
{
    const struct lmm_facts *facts = &path->places[at]->facts;
    const struct lmm_type_info *base = path->bases[at];

    for (size_t i = 0; i < facts->count; i++) {
        struct lmm_candidate candidate = facts->items[i];
        bool is_returned = candidate.is_inside && base != NULL && facts->returns_after != 0 &&
                           strcmp(candidate.type->name, base->name) == 0;

        if (at > path->first_left &&
            (candidate.is_late || start_of(path, at, candidate.type) == LMM_START_BASE)) {
            continue;
        }
        candidate.header_bytes = path->headers[is_returned ? at + 1 : at];
        candidate.is_inside &= !is_returned;
        candidate.is_raw = at == path->first_left && !is_returned && !candidate.is_inside &&
                           is_raw(path, at, candidate.type);
        candidate.start =
            candidate.is_inside ? LMM_START_NONE : start_of(path, path->count, candidate.type);
        if (is_refuted(path, at, &candidate)) {
            continue;
        }
        struct lmm_candidate *added =
            lmm_array_add(&candidates->items, &candidates->count, sizeof(*candidates->items));

        candidates->failed |= added == NULL;
        if (added != NULL) {
            *added = candidate;
        }
    }
}

/* Returns whether a struct starts with one that a function returns. */
static bool is_derived(const struct lmm_call_path *path, const struct lmm_type_info *type)
{
    for (size_t i = path->first; i < path->count; i++) {
        if (path->bases[i] != NULL && lmm_type_info_starts_with(type, path->bases[i]->name)) {
            return true;
        }
    }
    return false;
}

/* Forgets which classes of C++ functions return if nothing that derives from them is known: each may be a base
 * class, or not. */
static void forget_bases(const struct lmm_call_path *path,
                         struct lmm_call_path_candidates *candidates)
{
    bool has_derived = false;

    for (size_t i = 0; i < candidates->count; i++) {
        has_derived |= is_derived(path, candidates->items[i].type);
    }
    for (size_t i = 0; i < candidates->count && !has_derived; i++) {
        if (candidates->items[i].type->is_cplusplus) {
            candidates->items[i].start = LMM_START_NONE;
        }
    }
}

static struct lmm_call_path_candidates list(const struct lmm_call_path *path)
{
    struct lmm_call_path_candidates candidates = {.items = NULL};

    for (size_t i = path->first; i < path->count; i++) {
        add_place(path, i, &candidates);
    }
    return candidates;
}

struct lmm_call_path_candidates lmm_call_path_list(const struct lmm_call_path *path)
{
    struct lmm_call_path_candidates candidates = list(path);

    forget_bases(path, &candidates);
    return candidates;
}

bool lmm_call_path_returns_less(const struct lmm_call_path *path)
{
    size_t last = path->count - 1;
    const struct lmm_facts *facts = &path->places[last]->facts;
    const struct lmm_type_info *base = returned(path);
    bool is_after = returns_after_header(facts, base);

    return base == NULL ? is_after : base->is_base && (facts->returns || is_after);
}

bool lmm_call_path_leaves_question(const struct lmm_call_path *path,
                                   const struct lmm_size_range *sizes, size_t size_count)
{
    if (!lmm_call_path_returns_less(path)) {
        return false;
    }
    struct lmm_call_path_candidates candidates = list(path);
    struct lmm_verdict verdict = lmm_decide(candidates.items, candidates.count, sizes, size_count,
                                            lmm_call_path_maker(path));

    free(candidates.items);
    return verdict.confidence < LMM_MODEL_LIKELY || verdict.type->kind != LMM_TYPE_RECORD ||
           (verdict.has_more && start_of(path, path->count, verdict.type) == LMM_START_BASE);
}
