/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/clock.h"
#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/program/base/array.h"

enum {
    MS_PER_SECOND = 1000,
};

uint64_t lmm_top_rate(uint64_t count, uint64_t elapsed_ns)
{
    uint64_t elapsed_ms = elapsed_ns < LMM_NS_PER_MS ? 1 : elapsed_ns / LMM_NS_PER_MS;
    uint64_t thousandfold;

    if (__builtin_mul_overflow(count, (uint64_t) MS_PER_SECOND, &thousandfold)) {
        return count / elapsed_ms; /* inexact, but no process is so fast */
    }
    return thousandfold / elapsed_ms;
}

/* ---- Counts ---------------------------------------------------------------------------------- */

static struct lmm_top_counts family_counts(const struct lmm_model_family *family)
{
    return (struct lmm_top_counts) {
        .allocations = family->allocations,
        .frees = family->frees,
        .live_blocks = family->live_blocks,
        .live_bytes = family->live_bytes,
        .slots = family->slots,
        .pages = family->pages,
        .mapped_bytes = family->mapped_bytes,
        .committed_bytes = family->committed_bytes,
    };
}

static struct lmm_top_counts site_counts(const struct lmm_model_site *site)
{
    return (struct lmm_top_counts) {
        .allocations = site->allocations,
        .frees = site->frees,
        .live_blocks = site->live_blocks,
        .live_bytes = site->live_bytes,
    };
}

static uint64_t grown(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static int64_t change_rate(uint64_t now, uint64_t before, uint64_t elapsed_ns)
{
    uint64_t rate = lmm_top_rate(now > before ? now - before : before - now, elapsed_ns);
    int64_t limited = rate < INT64_MAX ? (int64_t) rate : INT64_MAX;

    return now < before ? -limited : limited;
}

static void track_counts(struct lmm_top_track *track, struct lmm_top_counts now,
                         uint64_t elapsed_ns)
{
    track->allocation_rate =
        lmm_top_rate(grown(now.allocations, track->now.allocations), elapsed_ns);
    track->free_rate = lmm_top_rate(grown(now.frees, track->now.frees), elapsed_ns);
    track->bytes_rate = change_rate(now.live_bytes, track->now.live_bytes, elapsed_ns);
    track->blocks_rate = change_rate(now.live_blocks, track->now.live_blocks, elapsed_ns);
    track->now = now;
}

static void add_sample(struct lmm_top_family *item)
{
    if (item->samples == LMM_TOP_SAMPLES) {
        memmove(item->live_bytes, item->live_bytes + 1,
                (LMM_TOP_SAMPLES - 1) * sizeof(item->live_bytes[0]));
        item->samples--;
    }
    item->live_bytes[item->samples++] = item->track.now.live_bytes;
}

/* ---- Families -------------------------------------------------------------------------------- */

static int compare_identities(const struct lmm_model_family *a, const struct lmm_model_family *b)
{
    int order = lmm_compare_strings(a->name, b->name);

    return order != 0 ? order : lmm_compare_u64(a->size_bytes, b->size_bytes);
}

static int compare_items(const void *left, const void *right)
{
    const struct lmm_top_family *a = left;
    const struct lmm_top_family *b = right;

    return compare_identities(a->family, b->family);
}

/* Returns items for the families of the model, in the order of I1; NULL: out of memory. */
static struct lmm_top_family *sorted_families(const struct lmm_model *model)
{
    struct lmm_top_family *items = calloc(model->family_count + 1, sizeof(*items));

    for (size_t i = 0; items != NULL && i < model->family_count; i++) {
        items[i].family = model->families[i];
    }
    if (items != NULL) {
        qsort(items, model->family_count, sizeof(*items), compare_items);
    }
    return items;
}

/* Both lists are in the same order, so one walk finds the previous item of each family. */
static void inherit(struct lmm_top_history *history, struct lmm_top_family *items, size_t count)
{
    size_t old = 0;

    for (size_t i = 0; i < count; i++) {
        const struct lmm_model_family *family = items[i].family;

        assert(i == 0 || compare_identities(items[i - 1].family, family) <= 0); /* I1 */
        while (old < history->family_count &&
               compare_identities(history->family[old].family, family) < 0) {
            old++;
        }
        if (old < history->family_count &&
            compare_identities(history->family[old].family, family) == 0) {
            items[i] = history->family[old++];
            items[i].family = family;
        } else {
            items[i].serial = ++history->next_serial;
        }
    }
}

static void track_families(struct lmm_top_history *history, uint64_t elapsed_ns)
{
    for (size_t i = 0; i < history->family_count; i++) {
        struct lmm_top_family *item = &history->family[i];

        track_counts(&item->track, family_counts(item->family), elapsed_ns);
        add_sample(item);
    }
}

const struct lmm_top_family *lmm_top_history_find(const struct lmm_top_history *history,
                                                  uint64_t serial)
{
    for (size_t i = 0; i < history->family_count; i++) {
        if (history->family[i].serial == serial) {
            return &history->family[i];
        }
    }
    return NULL;
}

/* ---- Sites ----------------------------------------------------------------------------------- */

static bool make_room_for_sites(struct lmm_top_history *history, const struct lmm_model *model)
{
    size_t limit = 1;

    for (size_t i = 0; i < model->site_count; i++) {
        limit = model->sites[i].id >= limit ? (size_t) model->sites[i].id + 1 : limit;
    }
    return lmm_array_reach(&history->site_trend, &history->trend_limit, limit,
                           sizeof(*history->site_trend)) &&
           lmm_array_reach(&history->site_track, &history->site_limit, limit,
                           sizeof(*history->site_track));
}

static void track_sites(struct lmm_top_history *history, const struct lmm_model *model,
                        uint64_t elapsed_ns)
{
    for (size_t i = 0; i < model->site_count; i++) {
        const struct lmm_model_site *site = &model->sites[i];

        assert(site->id < history->site_limit && site->id < history->trend_limit); /* I3 */
        history->site_trend[site->id].live_bytes[history->readings % LMM_TOP_SAMPLES] =
            (float) site->live_bytes;
        track_counts(&history->site_track[site->id], site_counts(site), elapsed_ns);
    }
}

size_t lmm_top_history_add_trend(const struct lmm_top_history *history, uint32_t id,
                                 uint64_t samples[LMM_TOP_SAMPLES])
{
    uint64_t count =
        history->readings < LMM_TOP_SAMPLES ? history->readings : (uint64_t) LMM_TOP_SAMPLES;

    assert(id < history->trend_limit);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t slot = (history->readings - count + i) % LMM_TOP_SAMPLES;

        samples[i] += (uint64_t) history->site_trend[id].live_bytes[slot];
    }
    return (size_t) count;
}

/* ---- Readings -------------------------------------------------------------------------------- */

bool lmm_top_history_add(struct lmm_top_history *history, const struct lmm_model *model,
                         uint64_t time_ns)
{
    uint64_t elapsed_ns = time_ns > history->time_ns ? time_ns - history->time_ns : 0;
    struct lmm_top_family *items = sorted_families(model);

    if (items == NULL || !make_room_for_sites(history, model)) {
        free(items);
        return false;
    }
    inherit(history, items, model->family_count);
    free(history->family);
    history->family = items;
    history->family_count = model->family_count;
    track_families(history, elapsed_ns);
    track_sites(history, model, elapsed_ns);
    track_counts(&history->total, family_counts(&model->total), elapsed_ns);
    history->time_ns = time_ns;
    history->rated = ++history->readings > 1;
    return true;
}

static void stop_track(struct lmm_top_track *track)
{
    track->allocation_rate = 0;
    track->free_rate = 0;
    track->bytes_rate = 0;
    track->blocks_rate = 0;
}

void lmm_top_history_stop(struct lmm_top_history *history)
{
    stop_track(&history->total);
    for (size_t i = 0; i < history->family_count; i++) {
        stop_track(&history->family[i].track);
    }
    for (size_t i = 0; i < history->site_limit; i++) {
        stop_track(&history->site_track[i]);
    }
}

void lmm_top_history_mark(struct lmm_top_history *history, bool marked)
{
    history->marked = marked;
    history->mark_time_ns = history->time_ns;
    history->total.mark = history->total.now;
    for (size_t i = 0; i < history->family_count; i++) {
        history->family[i].track.mark = history->family[i].track.now;
    }
    for (size_t i = 0; i < history->site_limit; i++) {
        history->site_track[i].mark = history->site_track[i].now;
    }
}

void lmm_top_history_close(struct lmm_top_history *history)
{
    free(history->family);
    free(history->site_track);
    free(history->site_trend);
    *history = (struct lmm_top_history) {.family = NULL};
}
