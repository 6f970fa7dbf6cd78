/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/reloads.h"

#include <stdlib.h>

#include "reporter/core/hash.h"
#include "reporter/core/model.h"

/* All frames, each with the first one that is equal. */
struct merge {
    const struct lmm_model *model;
    const uint32_t *files;
    uint32_t *first; /* by frame */
    uint32_t *slots; /* a hash table of frames that are the first; 0: empty */
    size_t mask;
};

static uint32_t file_of(const struct merge *merge, uint32_t frame)
{
    uint32_t module = merge->model->frames[frame].module;

    return module == 0 ? UINT32_MAX : merge->files[module - 1];
}

static bool is_equal(const struct merge *merge, uint32_t a, uint32_t b)
{
    const struct lmm_model_frame *frames = merge->model->frames;

    return merge->first[frames[a].caller] == merge->first[frames[b].caller] &&
           file_of(merge, a) == file_of(merge, b) &&
           lmm_model_offset(merge->model, a) == lmm_model_offset(merge->model, b) &&
           frames[a].is_guess == frames[b].is_guess;
}

/* A frame's caller has a lower number, so its first equal is known. */
static void add_frame(struct merge *merge, uint32_t frame)
{
    uint64_t key =
        lmm_hash_u64(merge->first[merge->model->frames[frame].caller],
                     lmm_hash_u64(file_of(merge, frame), lmm_model_offset(merge->model, frame)));
    size_t slot = (size_t) key & merge->mask;

    while (merge->slots[slot] != 0 && !is_equal(merge, merge->slots[slot], frame)) {
        slot = (slot + 1) & merge->mask;
    }
    if (merge->slots[slot] == 0) {
        merge->slots[slot] = frame;
    }
    merge->first[frame] = merge->slots[slot];
}

/* Returns whether no two modules have one file. */
static bool are_all_different(const struct lmm_model *model, const uint32_t *files, bool *seen)
{
    for (uint32_t i = 0; i < model->module_count; i++) {
        if (seen[files[i]]) {
            return false;
        }
        seen[files[i]] = true;
    }
    return true;
}

static uint32_t most_of(const uint32_t *files, uint32_t count)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < count; i++) {
        most = files[i] > most ? files[i] : most;
    }
    return most;
}

bool lmm_reloads_merge(struct lmm_model *model, const uint32_t *files)
{
    bool *seen = calloc((size_t) most_of(files, model->module_count) + 1, sizeof(*seen));
    bool is_done = seen != NULL && are_all_different(model, files, seen);
    size_t room = 16;

    free(seen);
    if (is_done) {
        return true;
    }
    while (room < 2 * (size_t) model->frame_count) {
        room *= 2;
    }
    struct merge merge = {
        .model = model,
        .files = files,
        .first = calloc((size_t) model->frame_count + 1, sizeof(*merge.first)),
        .slots = calloc(room, sizeof(*merge.slots)),
        .mask = room - 1,
    };
    bool has_room = merge.first != NULL && merge.slots != NULL;

    for (uint32_t frame = 1; has_room && frame < model->frame_count; frame++) {
        add_frame(&merge, frame);
    }
    for (size_t i = 0; has_room && i < model->site_count; i++) {
        model->sites[i].stack = merge.first[model->sites[i].stack];
    }
    free(merge.first);
    free(merge.slots);
    return has_room;
}
