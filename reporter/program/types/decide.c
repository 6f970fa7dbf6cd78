/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/decide.h"

#include <string.h>

#include "reporter/program/types/type_info.h"

enum {
    GROUPS_MAX = 16,
};

/* The candidates of one type. */
struct group {
    const struct lmm_type_info *type;
    unsigned kinds;
    enum lmm_fit fit;
    bool is_array;
    bool has_inside;  /* some evidence is a pointer to the inside of the block */
    bool is_inside;   /* all is, or the source adds the type to something */
    bool is_doubtful; /* R8, R14 */
    bool is_late;     /* all evidence is of one side of a branch */
    bool is_raw;      /* all evidence is what a function takes the block for that returns a part */
    bool is_choice;   /* R13 */
    enum lmm_start start;
    int32_t header_bytes; /* as of candidates, but found by the sizes where that is possible */
    bool is_fitted;       /* the size of the header is not known otherwise */
    int score;
};

/* How much a kind of evidence weighs, if several types are left. */
static const struct {
    unsigned kind;
    int weight;
} weights[] = {
    {LMM_MODEL_BY_RECORD, 1000}, {LMM_MODEL_BY_NAME, 200},    {LMM_MODEL_BY_OBJECT, 150},
    {LMM_MODEL_BY_SOURCE, 80},   {LMM_MODEL_BY_VARIABLE, 40}, {LMM_MODEL_BY_STORE, 35},
    {LMM_MODEL_BY_RETURN, 30},   {LMM_MODEL_BY_ARGUMENT, 15}, {LMM_MODEL_BY_SIZE, 5},
};

/* ---- Groups ---------------------------------------------------------------------------------- */

static bool has(const struct group *group, unsigned kinds)
{
    return (group->kinds & kinds) != 0;
}

/* Returns how many independent kinds of evidence a group has. */
static int kinds_of(const struct group *group)
{
    return __builtin_popcount(group->kinds & ~(unsigned) LMM_MODEL_BY_SIZE);
}

static bool is_bytes(const struct group *group)
{
    return group->type->kind == LMM_TYPE_BYTE;
}

static struct group *group_of(struct group *groups, size_t *count, const struct lmm_type_info *type)
{
    for (size_t i = 0; i < *count; i++) {
        if (groups[i].type->bytes == type->bytes && strcmp(groups[i].type->name, type->name) == 0) {
            return &groups[i];
        }
    }
    if (*count == GROUPS_MAX) {
        return NULL;
    }
    groups[*count] =
        (struct group) {.type = type, .is_inside = true, .is_raw = true, .is_late = true};
    return &groups[(*count)++];
}

/* Returns whether the block may begin with a struct that is smaller. */
static bool is_head(const struct lmm_candidate *candidate, const struct lmm_size_range *sizes,
                    size_t count)
{
    return candidate->type->kind == LMM_TYPE_RECORD && !candidate->is_inside &&
           candidate->type->bytes > 0 && lmm_sizes_are_least(sizes, count, candidate->type->bytes);
}

static bool has_bytes(const struct group *groups, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_bytes(&groups[i]) && !groups[i].is_inside) {
            return true;
        }
    }
    return false;
}

/* Drops structs with something after them that one kind of evidence is for, or all if there is
 * evidence for bytes (R10). */
static size_t drop_weak_heads(struct group *groups, size_t count)
{
    bool drops_all = has_bytes(groups, count);
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (groups[i].fit != LMM_FIT_HEAD || (kinds_of(&groups[i]) > 1 && !drops_all)) {
            groups[kept++] = groups[i];
        }
    }
    return kept;
}

/* R13: drops the larger of two structs that are a choice; then the smaller one has more. */
static size_t drop_choices(struct group *groups, size_t count)
{
    bool drops[GROUPS_MAX] = {false};
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            if (groups[i].is_choice && groups[j].is_choice &&
                lmm_type_info_starts_with(groups[i].type, groups[j].type->name)) {
                drops[i] = true;
                groups[j].fit = LMM_FIT_START;
                groups[j].start =
                    groups[j].start == LMM_START_NONE ? LMM_START_DERIVED : groups[j].start;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!drops[i]) {
            groups[kept++] = groups[i];
        }
    }
    return kept;
}

/* Returns whether a group's struct is known to the callers of a function that returned less. */
static bool is_found_later(const struct group *group)
{
    return (group->start != LMM_START_NONE || group->header_bytes != 0) &&
           group->type->kind == LMM_TYPE_RECORD && !group->is_inside && !group->is_raw &&
           (group->fit == LMM_FIT_START || group->fit > LMM_FIT_ARRAY) &&
           has(group, ~(unsigned) (LMM_MODEL_BY_ARGUMENT | LMM_MODEL_BY_SIZE));
}

/* Returns whether a group says less than another one (R11): what a function returns is not the other struct, but the
 * sizes say that it is no more than the start of one. */
static bool says_less(const struct group *group, const struct group *other)
{
    bool is_open = group->start == LMM_START_BASE && group->fit == LMM_FIT_START &&
                   other->start == LMM_START_DERIVED && other->fit > LMM_FIT_ARRAY;

    return is_found_later(other) && (group->is_raw || is_open ||
                                     (group->start != LMM_START_NONE &&
                                      lmm_type_info_starts_with(other->type, group->type->name)));
}

/* Drops structs that another one starts with, and what functions take a block for before they return
 * a part of it. */
static size_t drop_starts(struct group *groups, size_t count)
{
    bool drops[GROUPS_MAX] = {false};
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            drops[i] |= i != j && says_less(&groups[i], &groups[j]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!drops[i]) {
            groups[kept++] = groups[i];
        }
    }
    return kept;
}

/* Returns whether all blocks have the size of a struct that starts with what a group's pointers point at. */
static bool may_be_link(const struct group *group, const struct lmm_size_range *sizes, size_t count)
{
    uint64_t bytes = group->type->link_bytes;

    return bytes > 0 && lmm_sizes_are_constant(sizes, count) &&
           lmm_sizes_are_least(sizes, count, bytes) &&
           !lmm_sizes_are_least(sizes, count, bytes + 1);
}

/* R8: returns whether a pointer to the block may be one to the first member of a struct. is_known: of a struct
 * that may start the block, else of any. */
static bool may_be_member(const struct group *group, bool is_known)
{
    unsigned sure = is_known ? LMM_MODEL_BY_RECORD | LMM_MODEL_BY_NAME | LMM_MODEL_BY_SOURCE
                             : ~(unsigned) LMM_MODEL_BY_VARIABLE;

    return group->type->kind != LMM_TYPE_RECORD && group->fit < LMM_FIT_MORE && !group->is_array &&
           !has(group, sure);
}

/* R14: returns whether a struct is known on one side of a branch alone, and one that it starts with elsewhere. */
static bool is_one_of_several(const struct group *group, const struct lmm_candidate *candidates,
                              size_t count)
{
    for (size_t i = 0; i < count && group->is_late; i++) {
        if (!candidates[i].is_late && !candidates[i].is_inside &&
            candidates[i].type->kind == LMM_TYPE_RECORD &&
            lmm_type_info_starts_with(group->type, candidates[i].type->name)) {
            return true;
        }
    }
    return false;
}

/* R1 and the first half of R2. */
static size_t make_groups(const struct lmm_candidate *candidates, size_t count,
                          const struct lmm_size_range *sizes, size_t size_count, bool is_new,
                          bool (*counts)(const struct lmm_candidate *),
                          struct group groups[GROUPS_MAX])
{
    size_t made = 0;
    bool has_head = false;

    for (size_t i = 0; i < count; i++) {
        int32_t header;

        if (counts != NULL && !counts(&candidates[i])) {
            continue;
        }
        enum lmm_fit fit = lmm_fit_of(&candidates[i], sizes, size_count, is_new, &header);
        struct group *group =
            fit == LMM_FIT_NONE ? NULL : group_of(groups, &made, candidates[i].type);

        if (group != NULL) {
            group->kinds |= candidates[i].evidence;
            group->header_bytes = fit > group->fit ? header : group->header_bytes;
            group->fit = fit > group->fit ? fit : group->fit;
            group->is_fitted |= candidates[i].header_bytes == LMM_HEADER_UNKNOWN;
            group->is_raw &= candidates[i].is_raw;
            group->is_choice |= candidates[i].is_choice;
            group->is_late &= candidates[i].is_late;
            group->start = candidates[i].start;
            group->is_array |= candidates[i].is_array;
            group->has_inside |= candidates[i].is_inside;
            group->is_inside &=
                candidates[i].is_inside ||
                (candidates[i].has_more && candidates[i].evidence == LMM_MODEL_BY_SOURCE);
        }
        has_head |= (fit == LMM_FIT_NONE || fit == LMM_FIT_HEAD) &&
                    is_head(&candidates[i], sizes, size_count);
    }
    for (size_t i = 0; i < made; i++) {
        groups[i].is_inside &= groups[i].has_inside;
    }
    made = drop_choices(groups, drop_weak_heads(groups, made));
    made = drop_starts(groups, made);
    for (size_t i = 0; i < made; i++) {
        groups[i].is_doubtful = is_bytes(&groups[i])
                                    ? has_head && groups[i].is_inside
                                    : (has_head && may_be_member(&groups[i], true)) ||
                                          (may_be_link(&groups[i], sizes, size_count) &&
                                           may_be_member(&groups[i], false));
        groups[i].is_doubtful |= is_one_of_several(&groups[i], candidates, count);
    }
    return made;
}

/* Adds the evidence for pointers to anything, sizeof(void *), to that for the one other type of
 * pointers. */
static size_t join_pointers(struct group *groups, size_t count)
{
    struct group *any = NULL;
    struct group *other = NULL;
    size_t others = 0;

    for (size_t i = 0; i < count; i++) {
        if (groups[i].type->kind == LMM_TYPE_POINTER && !groups[i].is_inside) {
            bool is_any = strcmp(groups[i].type->name, "void *") == 0;

            any = is_any ? &groups[i] : any;
            other = is_any ? other : &groups[i];
            others += !is_any;
        }
    }
    if (any == NULL || others != 1) {
        return count;
    }
    other->kinds |= any->kinds;
    other->is_array |= any->is_array;
    *any = groups[count - 1];
    return count - 1;
}

static int score_of(const struct group *group)
{
    int score = group->fit == LMM_FIT_ONE     ? 30
                : group->fit == LMM_FIT_MORE  ? 25
                : group->fit == LMM_FIT_TAIL  ? 20
                : group->fit == LMM_FIT_ARRAY ? 5
                                              : 0;

    for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
        score += (group->kinds & weights[i].kind) != 0 ? weights[i].weight : 0;
    }
    score += group->is_array && group->fit == LMM_FIT_MANY ? 20 : 0;
    score -= group->fit == LMM_FIT_UNKNOWN ? 40 : 0;
    score -= group->is_inside ? 100 : 0;
    return score - (is_bytes(group) ? 45 : 0);
}

/* Returns whether a struct starts with another group's: then both may be right. */
static bool starts_with(const struct group *group, const struct group *other)
{
    return group->type->kind == LMM_TYPE_RECORD && other->type->kind == LMM_TYPE_RECORD &&
           lmm_type_info_starts_with(group->type, other->type->name);
}

static bool is_better(const struct group *group, const struct group *best)
{
    return best == NULL || group->score > best->score ||
           (group->score == best->score && starts_with(group, best));
}

/* Returns the group with the best score, or NULL, and sets *ret_second to the next one that is not of
 * bytes, nor what the best one starts with. */
static const struct group *best_of(struct group *groups, size_t count,
                                   const struct group **ret_second)
{
    const struct group *best = NULL;
    const struct group *second = NULL;

    for (size_t i = 0; i < count; i++) {
        groups[i].score = score_of(&groups[i]);
        best = is_better(&groups[i], best) ? &groups[i] : best;
    }
    for (size_t i = 0; i < count; i++) {
        if (&groups[i] != best && !is_bytes(&groups[i]) && groups[i].fit != LMM_FIT_UNKNOWN &&
            !groups[i].is_inside && !starts_with(best, &groups[i]) &&
            (second == NULL || groups[i].score > second->score)) {
            second = &groups[i];
        }
    }
    *ret_second = second;
    return best;
}

/* ---- Confidence ------------------------------------------------------------------------------ */

/* R6. */
static enum lmm_model_confidence of_bytes(const struct group *group)
{
    if (has(group, LMM_MODEL_BY_NAME | LMM_MODEL_BY_RECORD) ||
        (has(group, LMM_MODEL_BY_SOURCE) && kinds_of(group) > 1)) {
        return LMM_MODEL_CERTAIN;
    }
    return has(group, ~(unsigned) (LMM_MODEL_BY_ARGUMENT | LMM_MODEL_BY_SIZE)) ? LMM_MODEL_LIKELY
                                                                               : LMM_MODEL_GUESS;
}

/* R5: returns whether a struct that would have to be there several times may be what a larger one
 * starts with. */
static bool may_be_base(const struct group *group, enum lmm_maker maker)
{
    bool is_named = has(group, LMM_MODEL_BY_SOURCE) && kinds_of(group) > 1;
    bool is_base = group->fit == LMM_FIT_MANY
                       ? !is_named
                       : group->fit == LMM_FIT_ARRAY &&
                             (maker == LMM_MAKER_NEW || has(group, LMM_MODEL_BY_RETURN));

    return group->type->kind == LMM_TYPE_RECORD && !group->is_array && is_base &&
           (group->type->is_base || group->type->is_cplusplus);
}

/* R7, R8. */
static enum lmm_model_confidence of_inside(const struct group *group, bool is_same)
{
    bool is_struct = group->type->kind == LMM_TYPE_RECORD && kinds_of(group) > 1 && is_same &&
                     group->fit == LMM_FIT_MORE && !has(group, LMM_MODEL_BY_SOURCE);

    return is_struct || (is_bytes(group) && !group->is_doubtful) ? LMM_MODEL_LIKELY
                                                                 : LMM_MODEL_GUESS;
}

/* R9. */
static enum lmm_model_confidence of_unknown(const struct group *group, const struct group *second,
                                            bool is_same)
{
    return group->type->bytes == 0 && is_same && kinds_of(group) > 1 && second == NULL
               ? LMM_MODEL_LIKELY
               : LMM_MODEL_GUESS;
}

/* R3 to R5, of a type that the sizes agree with. */
static enum lmm_model_confidence of_fit(const struct group *group, const struct group *second,
                                        enum lmm_maker maker)
{
    bool is_class =
        maker == LMM_MAKER_MALLOC || has(group, LMM_MODEL_BY_OBJECT | LMM_MODEL_BY_SOURCE); /* R4 */
    bool is_sized = group->is_array || group->fit > LMM_FIT_ARRAY ||
                    (group->fit == LMM_FIT_ARRAY && group->type->kind != LMM_TYPE_RECORD);

    if (may_be_base(group, maker) || group->is_doubtful ||
        !has(group, ~(unsigned) (LMM_MODEL_BY_ARGUMENT | LMM_MODEL_BY_SIZE)) ||
        (second != NULL && group->score - second->score < 20)) {
        return LMM_MODEL_GUESS;
    }
    return kinds_of(group) > 1 && is_class && is_sized && second == NULL &&
                   !group->type->is_typed_header /* R12 */
               ? LMM_MODEL_CERTAIN
               : LMM_MODEL_LIKELY;
}

/* is_same: all blocks have one size. */
static enum lmm_model_confidence confidence_of(const struct group *group,
                                               const struct group *second, enum lmm_maker maker,
                                               bool is_same)
{
    if (group->is_inside) {
        return of_inside(group, is_same);
    }
    if (group->fit == LMM_FIT_UNKNOWN) {
        return of_unknown(group, second, is_same);
    }
    if (group->fit == LMM_FIT_HEAD) { /* R10 */
        return second == NULL ? LMM_MODEL_LIKELY : LMM_MODEL_GUESS;
    }
    if (group->fit == LMM_FIT_START) {
        return second == NULL && is_found_later(group) ? LMM_MODEL_LIKELY : LMM_MODEL_GUESS;
    }
    if (has(group, LMM_MODEL_BY_RECORD | LMM_MODEL_BY_NAME)) {
        return LMM_MODEL_CERTAIN;
    }
    if (is_bytes(group)) {
        return second != NULL ? LMM_MODEL_GUESS : of_bytes(group);
    }
    return of_fit(group, second, maker);
}

/* R11: returns whether a candidate counts when only what functions return does. */
static bool is_base_alone(const struct lmm_candidate *candidate)
{
    return candidate->start != LMM_START_DERIVED;
}

static struct lmm_verdict decide(const struct lmm_candidate *candidates, size_t count,
                                 const struct lmm_size_range *sizes, size_t size_count,
                                 enum lmm_maker maker, bool (*counts)(const struct lmm_candidate *))
{
    bool is_new = maker != LMM_MAKER_MALLOC;
    struct group groups[GROUPS_MAX] = {{.type = NULL}};
    size_t made = join_pointers(
        groups, make_groups(candidates, count, sizes, size_count, is_new, counts, groups));
    const struct group *second = NULL;
    const struct group *best = best_of(groups, made, &second);

    if (best == NULL) {
        return (struct lmm_verdict) {.type = NULL};
    }
    enum lmm_model_confidence confidence =
        confidence_of(best, second, maker, lmm_sizes_are_constant(sizes, size_count));
    return (struct lmm_verdict) {
        .type = best->type,
        .is_array = best->fit == LMM_FIT_MANY || best->fit == LMM_FIT_ARRAY || is_bytes(best) ||
                    (best->fit == LMM_FIT_UNKNOWN && best->is_array),
        .has_more = best->fit == LMM_FIT_START,
        .confidence =
            best->is_fitted && confidence > LMM_MODEL_LIKELY ? LMM_MODEL_LIKELY : confidence,
        .evidence = best->kinds,
        .is_after_header = best->header_bytes != 0,
        .header_bytes = best->header_bytes > 0 ? (uint32_t) best->header_bytes : 0,
    };
}

struct lmm_verdict lmm_decide(const struct lmm_candidate *candidates, size_t count,
                              const struct lmm_size_range *sizes, size_t size_count,
                              enum lmm_maker maker)
{
    struct lmm_verdict verdict = decide(candidates, count, sizes, size_count, maker, NULL);

    if (verdict.confidence < LMM_MODEL_LIKELY) {
        struct lmm_verdict base =
            decide(candidates, count, sizes, size_count, maker, is_base_alone);

        return base.has_more && base.confidence > verdict.confidence ? base : verdict;
    }
    return verdict;
}
