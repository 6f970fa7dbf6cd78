/* SPDX-License-Identifier: MIT */
/* model_valid: checks the invariants of a model that was just built; see model.h. */
#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/saturate.h"

enum {
    SUMMED_MAX = 1 << 24, /* sites looked at for the sums of single families */
};

/* The counts that I2 is about. */
struct sums {
    uint64_t sites;
    uint64_t live_blocks;
    uint64_t live_slots;
    uint64_t live_bytes;
    uint64_t allocations;
    uint64_t frees;
};

static void add_family(struct sums *sums, const struct lmm_model_family *family)
{
    sums->sites += family->sites;
    sums->live_blocks = lmm_add_saturated(sums->live_blocks, family->live_blocks);
    sums->live_slots = lmm_add_saturated(sums->live_slots, family->live_slots);
    sums->live_bytes = lmm_add_saturated(sums->live_bytes, family->live_bytes);
    sums->allocations = lmm_add_saturated(sums->allocations, family->allocations);
    sums->frees = lmm_add_saturated(sums->frees, family->frees);
}

static void add_site(struct sums *sums, const struct lmm_model_site *site)
{
    sums->sites++;
    sums->live_blocks = lmm_add_saturated(sums->live_blocks, site->live_blocks);
    sums->live_slots = lmm_add_saturated(sums->live_slots, site->live_slots);
    sums->live_bytes = lmm_add_saturated(sums->live_bytes, site->live_bytes);
    sums->allocations = lmm_add_saturated(sums->allocations, site->allocations);
    sums->frees = lmm_add_saturated(sums->frees, site->frees);
}

static bool are_counts_of(const struct sums *sums, const struct lmm_model_family *family)
{
    return sums->sites == family->sites && sums->live_blocks == family->live_blocks &&
           sums->live_slots == family->live_slots && sums->live_bytes == family->live_bytes &&
           sums->allocations == family->allocations && sums->frees == family->frees;
}

/* I2, for one family, or for the total when family is NULL. */
static bool is_sum_of_sites(const struct lmm_model *model, const struct lmm_model_family *family)
{
    struct sums sums = {0};

    for (size_t i = 0; i < model->site_count; i++) {
        if (family == NULL || model->sites[i].family == family) {
            add_site(&sums, &model->sites[i]);
        }
    }
    return are_counts_of(&sums, family == NULL ? &model->total : family);
}

static bool are_sums_valid(const struct lmm_model *model)
{
    struct sums sums = {0};
    size_t most = model->site_count == 0 ? model->family_count : SUMMED_MAX / model->site_count;

    for (size_t i = 0; i < model->family_count; i++) {
        add_family(&sums, model->families[i]);
        if (i < most && !is_sum_of_sites(model, model->families[i])) {
            return false;
        }
    }
    return are_counts_of(&sums, &model->total) && is_sum_of_sites(model, NULL);
}

static bool are_permilles_valid(const struct lmm_model_family *family)
{
    return family->occupancy_permille <= 1000 && family->internal_permille <= 1000 &&
           family->external_permille <= 1000;
}

static bool are_families_valid(const struct lmm_model *model)
{
    for (size_t i = 0; i < model->family_count; i++) {
        const struct lmm_model_family *family = model->families[i];

        if (family->peak_bytes < family->live_bytes || !are_permilles_valid(family) ||
            (i > 0 && model->families[i - 1]->live_bytes < family->live_bytes)) {
            return false;
        }
    }
    return are_permilles_valid(&model->total) &&
           (!model->has_peak || model->peak_bytes >= model->total.live_bytes);
}

static bool is_site_valid(const struct lmm_model *model, const struct lmm_model_site *site)
{
    return site->live_blocks == lmm_subtract_saturated(site->allocations, site->frees) &&
           site->live_slots >= site->live_blocks && site->share_permille <= 1000 &&
           (site->allocations > 0 || site->frees > 0) && site->temporaries <= site->frees &&
           site->foreign_frees <= site->frees && site->smallest_bytes <= site->largest_bytes &&
           (site->stack == 0 || site->stack < model->frame_count);
}

static bool are_sites_valid(const struct lmm_model *model)
{
    for (size_t i = 0; i < model->site_count; i++) {
        const struct lmm_model_site *site = &model->sites[i];
        const struct lmm_model_site *before = i == 0 ? site : &model->sites[i - 1];
        int order = lmm_compare_u64(site->live_bytes, before->live_bytes);

        order = order != 0 ? order : lmm_compare_u64(site->allocations, before->allocations);
        if (order > 0 || !is_site_valid(model, site)) {
            return false;
        }
    }
    return true;
}

static bool are_frames_valid(const struct lmm_model *model)
{
    if (model->panic_stack != 0 && model->panic_stack >= model->frame_count) {
        return false;
    }
    for (size_t i = 0; i < model->mismatch_count; i++) {
        const struct lmm_model_mismatch *mismatch = &model->mismatches[i];

        if ((mismatch->allocated != 0 && mismatch->allocated >= model->frame_count) ||
            (mismatch->freed != 0 && mismatch->freed >= model->frame_count)) {
            return false;
        }
    }
    for (uint32_t i = 1; i < model->frame_count; i++) {
        const struct lmm_model_frame *frame = &model->frames[i];

        if (frame->caller >= i || frame->module > model->module_count ||
            frame->depth != model->frames[frame->caller].depth + 1 ||
            frame->depth > LMM_MODEL_STACK_MAX) {
            return false;
        }
    }
    return true;
}

/* ---- The leak check -------------------------------------------------------------------------- */

static void add_amount(struct lmm_model_amount *sum, struct lmm_model_amount amount)
{
    sum->blocks = lmm_add_saturated(sum->blocks, amount.blocks);
    sum->bytes = lmm_add_saturated(sum->bytes, amount.bytes);
}

/* Whether the leaks have these sums, by class. */
static bool are_sums_of(const struct lmm_model_leak *leaks, size_t count,
                        const struct lmm_model_amount *of)
{
    struct lmm_model_amount sums[LMM_MODEL_CLASSES] = {{0, 0}};

    for (size_t i = 0; i < count; i++) {
        add_amount(&sums[leaks[i].kind], leaks[i].amount);
    }
    for (size_t i = 0; i < LMM_MODEL_CLASSES; i++) {
        if (sums[i].blocks != of[i].blocks || sums[i].bytes != of[i].bytes) {
            return false;
        }
    }
    return true;
}

static bool is_leak_valid(const struct lmm_model_leak *leak)
{
    return leak->kind < LMM_MODEL_CLASSES && leak->example_count <= LMM_MODEL_EXAMPLES &&
           (leak->kind == LMM_MODEL_INDIRECT || leak->leader == leak->site);
}

static bool is_check_valid(const struct lmm_model *model)
{
    const struct lmm_model_check *check = &model->check;

    for (size_t i = 0; i < check->leak_count; i++) {
        const struct lmm_model_leak *before = &check->leaks[i == 0 ? 0 : i - 1];

        if (!is_leak_valid(&check->leaks[i]) || before->site > check->leaks[i].site) {
            return false;
        }
    }
    for (size_t i = 0; i < model->site_count; i++) {
        const struct lmm_model_losses *losses = model->sites[i].losses;

        if (losses != NULL && !are_sums_of(losses->leaks, losses->leak_count, losses->of)) {
            return false;
        }
    }
    return (check->is_there || check->leak_count == 0) &&
           (check->failure == 0 || check->leak_count == 0) &&
           are_sums_of(check->leaks, check->leak_count, check->of);
}

static bool is_use_valid(const struct lmm_model_page_use *use)
{
    return use->sparse_blocks <= use->blocks && use->sparse_live_bytes <= use->live_bytes &&
           use->sparse_bytes <= use->held_bytes;
}

bool lmm_model_page_walk_is_valid(const struct lmm_model_page_walk *walk)
{
    for (size_t i = 0; i < walk->use_count; i++) {
        if (!is_use_valid(&walk->uses[i]) ||
            (i > 0 && walk->uses[i - 1].site >= walk->uses[i].site)) {
            return false;
        }
    }
    return walk->sparse_bytes <= walk->held_bytes &&
           (walk->use_count == 0 || (walk->is_there && walk->failure == 0));
}

bool lmm_model_is_valid(const struct lmm_model *model)
{
    return are_families_valid(model) && are_sites_valid(model) && are_frames_valid(model) &&
           are_sums_valid(model) && is_check_valid(model) &&
           lmm_model_page_walk_is_valid(&model->page_walk);
}
