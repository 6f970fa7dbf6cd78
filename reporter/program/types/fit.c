/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/fit.h"

#include "reporter/core/model.h"
#include "reporter/program/types/type_info.h"

enum {
    COOKIE_BYTES = 8, /* before the elements of new[]: their number */
    HEADER_STEP = 16, /* R11: what follows is aligned as malloc() does it */
    HEADER_BYTES_MAX = 64,
};

static bool is_one(const struct lmm_type_info *type, uint64_t size)
{
    return size == type->bytes;
}

/* For none at all, many programs allocate one byte. */
static bool is_multiple(const struct lmm_type_info *type, uint64_t size)
{
    return size % type->bytes == 0 || (size == 1 && type->kind != LMM_TYPE_RECORD);
}

static bool is_multiple_after_cookie(const struct lmm_type_info *type, uint64_t size)
{
    uint64_t cookie = type->bytes % 16 == 0 && (size & 15) == 0 ? 16 : COOKIE_BYTES;

    return is_multiple(type, size) || (size > cookie && (size - cookie) % type->bytes == 0);
}

static bool has_tail(const struct lmm_type_info *type, uint64_t size)
{
    return type->tail_bytes > 0 &&
           ((size >= type->tail_offset && (size - type->tail_offset) % type->tail_bytes == 0) ||
            (size >= type->bytes && (size - type->bytes) % type->tail_bytes == 0));
}

/* Returns whether a struct ends in an array without a length. */
static bool is_flexible(const struct lmm_type_info *type)
{
    return type->tail_bytes > 0 && type->tail_offset >= type->bytes && !type->is_cplusplus;
}

static bool has_more(const struct lmm_type_info *type, uint64_t size)
{
    return size >= type->bytes;
}

/* Returns whether a test holds for the smallest and the largest size of each site, without a header. */
static bool all_after(uint64_t header, const struct lmm_type_info *type,
                      const struct lmm_size_range *sizes, size_t count,
                      bool (*test)(const struct lmm_type_info *type, uint64_t size))
{
    for (size_t i = 0; i < count; i++) {
        if (sizes[i].smallest > 0 &&
            !(sizes[i].smallest > header && test(type, sizes[i].smallest - header) &&
              test(type, sizes[i].largest - header))) {
            return false;
        }
    }
    return true;
}

static bool all(const struct lmm_type_info *type, const struct lmm_size_range *sizes, size_t count,
                bool (*test)(const struct lmm_type_info *type, uint64_t size))
{
    return all_after(0, type, sizes, count, test);
}

bool lmm_sizes_are_constant(const struct lmm_size_range *sizes, size_t count)
{
    uint64_t size = 0;

    for (size_t i = 0; i < count; i++) {
        if (sizes[i].smallest > 0 &&
            (sizes[i].smallest != sizes[i].largest || (size != 0 && size != sizes[i].smallest))) {
            return false;
        }
        size = sizes[i].smallest > 0 ? sizes[i].smallest : size;
    }
    return true;
}

static bool are_known(const struct lmm_size_range *sizes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sizes[i].smallest > 0) {
            return true;
        }
    }
    return false;
}

/* Returns whether no larger struct starts with the type (R10). Where the source has sizeof, it would
 * tell what is added. */
static bool is_alone(const struct lmm_candidate *candidate)
{
    return candidate->evidence != LMM_MODEL_BY_SOURCE && candidate->type->kind == LMM_TYPE_RECORD &&
           !candidate->type->is_base && !candidate->type->is_cplusplus && !candidate->is_inside;
}

/* Returns whether a type is larger than all blocks. */
static bool is_larger(const struct lmm_type_info *type, const struct lmm_size_range *sizes,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sizes[i].smallest > 0 && sizes[i].largest >= type->bytes) {
            return false;
        }
    }
    return true;
}

/* Returns whether a struct stands for all that start with it: a function returns it. */
static bool is_open(const struct lmm_candidate *candidate)
{
    return candidate->start == LMM_START_BASE && candidate->type->is_base;
}

/* Returns how a type fits after a header, where functions leave the question to their callers. */
static enum lmm_fit fit_after(uint64_t header, const struct lmm_candidate *candidate,
                              const struct lmm_size_range *sizes, size_t count)
{
    const struct lmm_type_info *type = candidate->type;
    bool is_start = candidate->start != LMM_START_NONE;

    if (all_after(header, type, sizes, count, is_one)) {
        return LMM_FIT_ONE;
    }
    if ((!is_start || candidate->is_array) && all_after(header, type, sizes, count, is_multiple)) {
        return lmm_sizes_are_constant(sizes, count) ? LMM_FIT_MANY : LMM_FIT_ARRAY;
    }
    if (all_after(header, type, sizes, count, has_tail)) {
        return LMM_FIT_TAIL;
    }
    if (!all_after(header, type, sizes, count, has_more)) {
        return LMM_FIT_NONE;
    }
    return is_open(candidate)                      ? LMM_FIT_START
           : candidate->has_more                   ? LMM_FIT_MORE
           : candidate->start == LMM_START_DERIVED ? LMM_FIT_START
                                                   : LMM_FIT_NONE;
}

/* Returns how a type fits after a header whose size is not known, and sets *ret_header to the size with
 * which it fits best. */
static enum lmm_fit fit_after_any(const struct lmm_candidate *candidate,
                                  const struct lmm_size_range *sizes, size_t count,
                                  int32_t *ret_header)
{
    enum lmm_fit best = LMM_FIT_NONE;
    int32_t last = is_open(candidate)         ? 0
                   : candidate->type->is_base ? HEADER_STEP
                                              : HEADER_BYTES_MAX;

    for (int32_t header = 0; header <= last; header += HEADER_STEP) {
        enum lmm_fit fit = fit_after((uint64_t) header, candidate, sizes, count);

        if (fit > best) {
            best = fit;
            *ret_header = fit == LMM_FIT_ONE ? header : LMM_HEADER_UNKNOWN;
        }
    }
    return is_open(candidate) && best > LMM_FIT_START ? LMM_FIT_START : best;
}

enum lmm_fit lmm_fit_of(const struct lmm_candidate *candidate, const struct lmm_size_range *sizes,
                        size_t count, bool is_new, int32_t *ret_header)
{
    const struct lmm_type_info *type = candidate->type;

    *ret_header = candidate->header_bytes;

    if (type->bytes == 0 || !are_known(sizes, count)) {
        return LMM_FIT_UNKNOWN;
    }
    if (candidate->is_inside && type->kind == LMM_TYPE_RECORD) { /* R7 */
        return all(type, sizes, count, has_more) ? LMM_FIT_MORE : LMM_FIT_NONE;
    }
    if (candidate->is_choice) { /* R13 */
        return is_larger(type, sizes, count) ? LMM_FIT_NONE : LMM_FIT_MORE;
    }
    if (candidate->header_bytes == LMM_HEADER_UNKNOWN) {
        return fit_after_any(candidate, sizes, count, ret_header);
    }
    if (candidate->header_bytes > 0 || candidate->start != LMM_START_NONE) {
        return fit_after((uint64_t) candidate->header_bytes, candidate, sizes, count);
    }
    if (all(type, sizes, count, is_one)) {
        return LMM_FIT_ONE;
    }
    if (is_flexible(type) && all(type, sizes, count, has_tail)) { /* there are no arrays of it */
        return LMM_FIT_TAIL;
    }
    if ((!candidate->has_more || candidate->is_array) &&
        all(type, sizes, count, is_new ? is_multiple_after_cookie : is_multiple)) {
        return lmm_sizes_are_constant(sizes, count) ? LMM_FIT_MANY : LMM_FIT_ARRAY;
    }
    if (all(type, sizes, count, has_tail) && !(is_new && type->is_typed_header)) { /* R12 */
        return LMM_FIT_TAIL;
    }
    if (!all(type, sizes, count, has_more)) {
        return LMM_FIT_NONE;
    }
    return candidate->has_more ? LMM_FIT_MORE : is_alone(candidate) ? LMM_FIT_HEAD : LMM_FIT_NONE;
}

bool lmm_sizes_are_least(const struct lmm_size_range *sizes, size_t count, uint64_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (sizes[i].smallest > 0 && sizes[i].smallest < bytes) {
            return false;
        }
    }
    return true;
}
