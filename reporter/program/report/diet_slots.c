/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/diet_slots.h"

#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/saturate.h"

static void add(struct lmm_slots *slots, uint64_t stride)
{
    size_t i = slots->count;

    if (stride == 0 || i == LMM_SLOTS_MAX) {
        return;
    }
    for (; i > 0 && slots->strides[i - 1] > stride; i--) {
        slots->strides[i] = slots->strides[i - 1];
    }
    slots->strides[i] = stride;
    slots->count++;
}

void lmm_slots_read(const struct lmm_model *model, struct lmm_slots *ret_slots)
{
    static const char large[] = "malloc-large";
    struct lmm_slots slots = {.is_drop_in = model->is_drop_in};

    for (size_t i = 0; slots.is_drop_in && i < model->family_count; i++) {
        const struct lmm_model_family *family = model->families[i];

        if (family->name.bytes == strlen(large) &&
            memcmp(family->name.text, large, strlen(large)) == 0) {
            slots.large_bytes = family->stride_bytes;
        } else {
            add(&slots, family->stride_bytes);
        }
    }
    *ret_slots = slots;
}

uint64_t lmm_slots_of(const struct lmm_slots *slots, uint64_t bytes)
{
    for (size_t i = 0; i < slots->count; i++) {
        if (slots->strides[i] >= bytes) {
            return slots->strides[i];
        }
    }
    if (slots->large_bytes == 0) {
        return bytes;
    }
    uint64_t over = bytes % slots->large_bytes;

    return over == 0 ? bytes : lmm_add_saturated(bytes, slots->large_bytes - over);
}

uint64_t lmm_slots_below(const struct lmm_slots *slots, uint64_t bytes)
{
    uint64_t largest = slots->count == 0 ? 0 : slots->strides[slots->count - 1];

    if (bytes > largest && slots->large_bytes > 0) {
        uint64_t below = (bytes - 1) / slots->large_bytes * slots->large_bytes;

        return below > largest ? below : largest;
    }
    for (size_t i = slots->count; i > 0; i--) {
        if (slots->strides[i - 1] < lmm_slots_of(slots, bytes)) {
            return slots->strides[i - 1];
        }
    }
    return 0;
}
