/* SPDX-License-Identifier: MIT */
#include "lib/preload/classes.h"

#include "lib/ground/short_text.h"
#include "lib/pages/family.h"

#include <errno.h>

uint8_t lmm_class_table[LMM_CLASS_BYTES_MAX / 8 + 1];
uint16_t lmm_class_strides[LMM_CLASSES];

static bool counts_requests; /* whether tags hold slacks; set at the start */

/* The stride of the class after the one with that stride. */
static uint32_t next_stride(uint32_t stride)
{
    return stride < 16 ? 16 : stride < 128 ? stride + 16 : stride + (1u << lmm_log2(stride)) / 8;
}

static void fill_tables(void)
{
    uint32_t stride = 8;
    uint32_t step = 0;

    for (uint32_t number = 0; number < LMM_CLASSES; number++) {
        lmm_class_strides[number] = (uint16_t) stride;
        for (; step <= stride / 8; step++) {
            lmm_class_table[step] = (uint8_t) number;
        }
        stride = next_stride(stride);
    }
    LMM_CHECK(lmm_class_strides[LMM_CLASSES - 1] == LMM_CLASS_BYTES_MAX);
}

static struct lmm_family *add_class(const char *name, size_t stride, bool counts_bytes)
{
    size_t align = stride < 16 ? stride : 16;

    return lmm_families_add(name, stride, align, counts_bytes);
}

bool lmm_classes_start(bool counts_bytes)
{
    char name[32];

    fill_tables();
    counts_requests = counts_bytes;
    for (uint32_t number = 0; number < LMM_CLASSES; number++) {
        struct lmm_short_text text = lmm_short_text_begin(name, sizeof(name));
        lmm_short_text_put(&text, "malloc-");
        lmm_short_text_put_number(&text, lmm_class_strides[number]);
        if (add_class(name, lmm_class_strides[number], counts_bytes) == NULL) {
            return false;
        }
    }
    struct lmm_family *large = add_class("malloc-large", LMM_LARGE_STRIDE, counts_bytes);
    if (large == NULL) {
        return false;
    }
    large->has_runs_only = true;
    large->cache_bytes = LMM_LARGE_CACHE_BYTES;
    return true;
}

static bool shape_of_large(size_t bytes, struct lmm_shape *ret_shape)
{
    if (bytes > PTRDIFF_MAX) {
        return false;
    }
    bytes = bytes == 0 ? 1 : bytes;
    size_t slots = lmm_class_large_slots(bytes);
    *ret_shape = (struct lmm_shape) {
        .class = LMM_CLASS_LARGE,
        .slack = (uint32_t) (slots * LMM_LARGE_STRIDE - bytes),
        .slots = slots,
    };
    return true;
}

bool lmm_shape_of(size_t bytes, size_t align, struct lmm_shape *ret_shape)
{
    LMM_CHECK(lmm_is_power_of_two(align));
    if (bytes > LMM_CLASS_BYTES_MAX || align > LMM_CLASS_BYTES_MAX) {
        return shape_of_large(bytes, ret_shape);
    }
    uint32_t number = lmm_class_of_aligned(bytes, align);
    size_t slack = lmm_class_strides[number] - bytes;
    if (counts_requests && slack > LMM_SLACK_MAX) {
        return shape_of_large(bytes, ret_shape);
    }
    *ret_shape = (struct lmm_shape) {.class = number, .slack = (uint32_t) slack, .slots = 1};
    return true;
}
