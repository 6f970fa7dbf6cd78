/* SPDX-License-Identifier: MIT */
#include "reporter/program/change/growth.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/program/base/array.h"

/* The values of a site. */
struct track {
    uint64_t constant;
    uint64_t *values; /* a value for each moment; NULL: always `constant` */
};

struct lmm_growth {
    struct track *tracks; /* by site id */
    size_t track_count;
    size_t moments;
    size_t stride;                             /* readings in a moment */
    size_t in_last;                            /* readings in the last one so far */
    uint64_t times_ns[LMM_GROWTH_MOMENTS_MAX]; /* of each moment's first reading */
};

/* ---- Readings -------------------------------------------------------------------------------- */

struct lmm_growth *lmm_growth_new(void)
{
    struct lmm_growth *growth = calloc(1, sizeof(*growth));

    if (growth != NULL) {
        growth->stride = 1;
    }
    return growth;
}

void lmm_growth_free(struct lmm_growth *growth)
{
    for (size_t i = 0; growth != NULL && i < growth->track_count; i++) {
        free(growth->tracks[i].values);
    }
    free(growth == NULL ? NULL : growth->tracks);
    free(growth);
}

size_t lmm_growth_moments(const struct lmm_growth *growth)
{
    return growth->moments;
}

/* Merges every two moments into one, and sets the values after them to zero. */
static void halve_values(uint64_t *values)
{
    enum { HALF = LMM_GROWTH_MOMENTS_MAX / 2 };

    for (size_t i = 0; i < HALF; i++) {
        values[i] = values[2 * i] < values[2 * i + 1] ? values[2 * i] : values[2 * i + 1];
    }
    memset(values + HALF, 0, HALF * sizeof(values[0]));
}

static void halve(struct lmm_growth *growth)
{
    for (size_t i = 0; i < growth->track_count; i++) {
        if (growth->tracks[i].values != NULL) {
            halve_values(growth->tracks[i].values);
        }
    }
    for (size_t i = 0; i < LMM_GROWTH_MOMENTS_MAX / 2; i++) {
        growth->times_ns[i] = growth->times_ns[2 * i];
    }
    growth->moments = LMM_GROWTH_MOMENTS_MAX / 2;
    growth->stride *= 2;
    growth->in_last = growth->stride;
}

/* Starts a moment, unless the last one still has room for readings. */
static void advance(struct lmm_growth *growth, uint64_t time_ns)
{
    if (growth->moments > 0 && growth->in_last < growth->stride) {
        growth->in_last++;
        return;
    }
    if (growth->moments == LMM_GROWTH_MOMENTS_MAX) {
        halve(growth);
    }
    growth->times_ns[growth->moments++] = time_ns;
    growth->in_last = 1;
}

/* Gives a track values of its own, `constant` at all moments so far. */
static bool unfold(const struct lmm_growth *growth, struct track *track)
{
    track->values = calloc(LMM_GROWTH_MOMENTS_MAX, sizeof(track->values[0]));
    for (size_t i = 0; track->values != NULL && i < growth->moments; i++) {
        track->values[i] = track->constant;
    }
    return track->values != NULL;
}

static bool add_value(struct lmm_growth *growth, size_t id, uint64_t value)
{
    struct track *track;
    size_t last = growth->moments - 1;

    if (!lmm_array_reach(&growth->tracks, &growth->track_count, id + 1, sizeof(*track))) {
        return false;
    }
    track = &growth->tracks[id];
    if (last == 0 && growth->in_last == 1) {
        track->constant = value;
    }
    if (track->values == NULL && value == track->constant) {
        return true;
    }
    if (track->values == NULL && !unfold(growth, track)) {
        return false;
    }
    if (growth->in_last == 1 || value < track->values[last]) {
        track->values[last] = value;
    }
    return true;
}

bool lmm_growth_add(struct lmm_growth *growth, const struct lmm_model *model, uint64_t time_ns)
{
    assert(growth->moments == 0 || time_ns >= growth->times_ns[growth->moments - 1]);
    advance(growth, time_ns);
    assert(growth->moments > 0 && growth->moments <= LMM_GROWTH_MOMENTS_MAX &&
           growth->in_last <= growth->stride);
    for (size_t i = 0; i < model->site_count; i++) {
        if (!add_value(growth, model->sites[i].id, model->sites[i].live_bytes)) {
            return false;
        }
    }
    return true;
}

/* ---- Steady sites ---------------------------------------------------------------------------- */

static int compare_growing(const void *left, const void *right)
{
    const struct lmm_growing *a = left;
    const struct lmm_growing *b = right;
    int order = lmm_compare_u64(b->bytes_per_hour, a->bytes_per_hour);

    return order != 0 ? order : lmm_compare_u64(a->site->id, b->site->id);
}

size_t lmm_growth_steady(const struct lmm_growth *growth, const struct lmm_model *model,
                         struct lmm_growing **ret_growing)
{
    struct lmm_growing *growing = calloc(model->site_count + 1, sizeof(*growing));
    size_t count = 0;

    if (growing == NULL) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i < model->site_count; i++) {
        const struct lmm_model_site *site = &model->sites[i];
        const uint64_t *values =
            site->id < growth->track_count ? growth->tracks[site->id].values : NULL;
        double bytes_per_second;

        if (values != NULL &&
            lmm_is_steady(growth->times_ns, values, growth->moments, &bytes_per_second)) {
            growing[count++] =
                (struct lmm_growing) {site, lmm_steady_per_hour(bytes_per_second), values[0]};
        }
    }
    qsort(growing, count, sizeof(*growing), compare_growing);
    *ret_growing = growing;
    return count;
}
