/* SPDX-License-Identifier: MIT */
#include "reporter/core/model.h"

#include "reporter/core/compare.h"
#include "reporter/core/require.h"
#include "reporter/core/saturate.h"

uint32_t lmm_model_permille(uint64_t part, uint64_t whole)
{
    if (whole == 0) {
        return 0;
    }
    if (part >= whole) {
        return 1000;
    }
    while (part > UINT64_MAX / 1000) {
        part >>= 1;
        whole >>= 1;
    }
    return (uint32_t) (part * 1000 / whole);
}

/* ---- Stacks ---------------------------------------------------------------------------------- */

uint32_t lmm_model_caller(const struct lmm_model *model, uint32_t frame)
{
    LMM_REQUIRE(frame > 0 && frame < model->frame_count);
    return model->frames[frame].caller;
}

const struct lmm_model_module *lmm_model_module_of(const struct lmm_model *model, uint32_t frame)
{
    uint32_t module = model->frames[frame].module;

    LMM_REQUIRE(frame < model->frame_count && module <= model->module_count);
    return module == 0 ? NULL : &model->modules[module - 1];
}

uint64_t lmm_model_offset(const struct lmm_model *model, uint32_t frame)
{
    const struct lmm_model_module *module = lmm_model_module_of(model, frame);

    return model->frames[frame].address - (module == NULL ? 0 : module->bias);
}

struct lmm_string lmm_model_last_component(struct lmm_string path)
{
    size_t start = 0;

    for (size_t i = 0; i < path.bytes; i++) {
        start = path.text[i] == '/' ? i + 1 : start;
    }
    return (struct lmm_string) {path.text + start, path.bytes - start};
}

struct lmm_string lmm_model_name(const struct lmm_model *model)
{
    return model->typed.bytes > 0 ? model->typed : model->program;
}

/* ---- Figures: every definition once, as docs/reports.md has them ----------------------------- */

/* For a family with the flag BYTES: its counters of slots hold blocks and bytes. */
static void define_bytes(struct lmm_model_site *site)
{
    uint64_t freed_bytes = site->freed_slots - site->frees;

    site->allocated_bytes = site->allocated_slots - site->allocations;
    site->allocated_slots = site->allocations;
    site->freed_slots = site->frees;
    site->live_slots = site->live_blocks;
    site->live_bytes =
        site->live_blocks == 0 ? 0 : lmm_subtract_saturated(site->allocated_bytes, freed_bytes);
}

static void define_site(struct lmm_model_site *site)
{
    site->live_blocks = lmm_subtract_saturated(site->allocations, site->frees);
    site->temporaries = lmm_smaller(site->temporaries, site->frees);
    site->foreign_frees = lmm_smaller(site->foreign_frees, site->frees);
    site->smallest_bytes = lmm_smaller(site->smallest_bytes, site->largest_bytes);
    if (site->family->counts_bytes) {
        define_bytes(site);
        return;
    }
    site->live_slots = lmm_subtract_saturated(site->allocated_slots, site->freed_slots);
    if (site->live_blocks == 0 || site->live_slots < site->live_blocks) {
        site->live_slots = site->live_blocks; /* a writer is between its two stores */
    }
    site->live_bytes = lmm_multiply_saturated(site->live_slots, site->family->size_bytes);
    site->allocated_bytes = lmm_multiply_saturated(site->allocated_slots, site->family->size_bytes);
}

static void add_counts(struct lmm_model_family *sum, const struct lmm_model_site *site)
{
    sum->sites++;
    sum->live_blocks = lmm_add_saturated(sum->live_blocks, site->live_blocks);
    sum->live_slots = lmm_add_saturated(sum->live_slots, site->live_slots);
    sum->live_bytes = lmm_add_saturated(sum->live_bytes, site->live_bytes);
    sum->allocations = lmm_add_saturated(sum->allocations, site->allocations);
    sum->frees = lmm_add_saturated(sum->frees, site->frees);
}

/* Returns the slots that the family's blocks take; with the flag BYTES: the least that they can
 * take. */
static uint64_t taken_slots(const struct lmm_model_family *family)
{
    if (!family->counts_bytes) {
        return family->live_slots;
    }
    uint64_t slots = family->live_bytes / family->stride_bytes;
    slots += family->live_bytes % family->stride_bytes != 0;
    return slots > family->live_blocks ? slots : family->live_blocks;
}

static void define_family(struct lmm_model_family *family)
{
    uint64_t slot_bytes = family->counts_bytes ? family->stride_bytes : family->size_bytes;

    family->free_slots = lmm_subtract_saturated(family->slots, taken_slots(family));
    family->peak_bytes =
        family->peak_bytes > family->live_bytes ? family->peak_bytes : family->live_bytes;
    family->internal_bytes = lmm_subtract_saturated(
        family->mapped_bytes,
        lmm_add_saturated(family->live_bytes,
                          lmm_multiply_saturated(family->free_slots, slot_bytes)));
    family->occupancy_permille = lmm_model_permille(family->live_bytes, family->committed_bytes);
    family->internal_permille = lmm_model_permille(family->internal_bytes, family->mapped_bytes);
    family->external_permille = lmm_model_permille(
        lmm_subtract_saturated(family->run_free_slots, family->longest_run_slots),
        family->run_free_slots);
}

static void add_family(struct lmm_model_family *sum, const struct lmm_model_family *family)
{
    sum->sites += family->sites;
    sum->live_blocks = lmm_add_saturated(sum->live_blocks, family->live_blocks);
    sum->live_slots = lmm_add_saturated(sum->live_slots, family->live_slots);
    sum->live_bytes = lmm_add_saturated(sum->live_bytes, family->live_bytes);
    sum->allocations = lmm_add_saturated(sum->allocations, family->allocations);
    sum->frees = lmm_add_saturated(sum->frees, family->frees);
    sum->pages = lmm_add_saturated(sum->pages, family->pages);
    sum->mapped_bytes = lmm_add_saturated(sum->mapped_bytes, family->mapped_bytes);
    sum->committed_bytes = lmm_add_saturated(sum->committed_bytes, family->committed_bytes);
    sum->internal_bytes = lmm_add_saturated(sum->internal_bytes, family->internal_bytes);
}

/* Keeps the sites with allocations or frees, and adds each to its family. */
static void define_sites(struct lmm_model *model, struct lmm_model_family *families)
{
    size_t kept = 0;

    for (size_t i = 0; i < model->site_count; i++) {
        struct lmm_model_site *site = &model->sites[i];

        if (site->allocations == 0 && site->frees == 0) {
            continue;
        }
        define_site(site);
        model->temporaries = lmm_add_saturated(model->temporaries, site->temporaries);
        add_counts(&families[site->family - families], site);
        model->sites[kept++] = *site;
    }
    model->site_count = kept;
}

void lmm_model_sum(struct lmm_model *model)
{
    struct lmm_model_family *total = &model->total;

    *total = (struct lmm_model_family) {.name = lmm_string_of("total")};
    model->families_used = 0;
    for (size_t i = 0; i < model->family_count; i++) {
        add_family(total, model->families[i]);
        model->families_used += model->families[i]->sites > 0;
    }
    total->occupancy_permille = lmm_model_permille(total->live_bytes, total->committed_bytes);
    total->internal_permille = lmm_model_permille(total->internal_bytes, total->mapped_bytes);
    for (size_t i = 0; i < model->site_count; i++) {
        model->sites[i].share_permille =
            lmm_model_permille(model->sites[i].live_bytes, total->live_bytes);
    }
}

/* The writer is behind by what threads have not added yet: a peak below what lives is now. */
static void raise_peak(struct lmm_model *model)
{
    if (!model->has_peak || model->peak_bytes >= model->total.live_bytes) {
        return;
    }
    model->peak_bytes = model->total.live_bytes;
    model->peak_time_ns = model->end_time_ns > 0 ? model->end_time_ns : model->snapshot_time_ns;
    for (size_t i = 0; i < model->site_count; i++) {
        model->sites[i].peak_blocks = model->sites[i].live_blocks;
        model->sites[i].peak_bytes = model->sites[i].live_bytes;
    }
}

void lmm_model_define(struct lmm_model *model, struct lmm_model_family *families)
{
    define_sites(model, families);
    for (size_t i = 0; i < model->family_count; i++) {
        define_family(&families[i]);
    }
    lmm_model_sum(model);
    raise_peak(model);
}

int lmm_model_compare_sites(const void *left, const void *right)
{
    const struct lmm_model_site *a = left;
    const struct lmm_model_site *b = right;
    int order = lmm_compare_u64(b->live_bytes, a->live_bytes);

    order = order != 0 ? order : lmm_compare_u64(b->allocations, a->allocations);
    order = order != 0 ? order : lmm_compare_strings(a->file, b->file);
    order = order != 0 ? order : lmm_compare_u64(a->line, b->line);
    return order != 0 ? order : lmm_compare_u64(a->id, b->id);
}
