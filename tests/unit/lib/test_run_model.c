/* SPDX-License-Identifier: MIT */
/* run, at random against a model, by each fit, also with failing calls. */
#include "tests/support/run_steps.h"

#include <stdio.h>

#include "tests/support/random.h"

enum { MODEL_BLOCKS = 200 };

static struct model {
    uint64_t random;
    size_t count;
    struct {
        char *block;
        size_t n;
        unsigned seed;
    } at[MODEL_BLOCKS];
} model;

static uint64_t draw(uint64_t below)
{
    return (random_next(&model.random) >> 11) % below;
}

/* The slots of a few bytes, a run, or a span, each equally likely; a few spans are long. */
static size_t draw_length(void)
{
    static const size_t bytes_max[] = {4096, LMM_UNIT_BYTES / 2, 6 * LMM_UNIT_BYTES,
                                       30 * LMM_UNIT_BYTES};

    return 1 + draw(bytes_max[draw(24) == 0 ? 3 : draw(3)] / runs.stride + 1);
}

static size_t bytes_at(size_t i)
{
    return model.at[i].n * runs.stride;
}

static void model_set(size_t i, char *block, size_t n)
{
    model.at[i].block = block;
    model.at[i].n = n;
    model.at[i].seed = (unsigned) draw(200);
    fill(block, bytes_at(i), model.at[i].seed);
}

static void model_take(void)
{
    size_t n = draw_length();
    size_t align = draw(2) == 0 ? 1 : (size_t) 1 << draw(22);
    errno = 0;
    char *block = take_aligned(n, align);

    cr_assert(block != NULL || errno == ENOMEM);
    if (block != NULL) {
        model_set(model.count++, block, n);
    }
}

static void model_give(size_t i)
{
    check_fill(model.at[i].block, bytes_at(i), bytes_at(i), model.at[i].seed);
    give(model.at[i].block, model.at[i].n);
    model.at[i] = model.at[--model.count];
}

/* Resizes in place where there is room, else moves the block where that is possible. */
static void model_resize(size_t i)
{
    size_t n = draw_length();
    size_t old_n = model.at[i].n;
    size_t old_bytes = bytes_at(i);
    size_t slot;
    char *block = model.at[i].block;
    const struct lmm_page *page = page_of(block, &slot);

    if (!resize(block, n)) {
        block = page->kind == LMM_PAGE_SPAN && n > page->slots ? remap(block, n) : NULL;
    }
    if (block == NULL) {
        check_fill(model.at[i].block, old_bytes, old_bytes, model.at[i].seed);
        return;
    }
    check_fill(block, (n < old_n ? n : old_n) * runs.stride, old_bytes, model.at[i].seed);
    model_set(i, block, n);
}

static void model_step(bool failing)
{
    if (failing && draw(8) == 0) {
        enum seam_operation operation = (enum seam_operation) draw(SEAM_OPERATIONS);
        uint64_t call = seam_calls(operation) + 1 + draw(3);
        seam_fail(operation, call, call + draw(3));
    }
    uint64_t verb = draw(16);
    if (draw(50) == 0) {
        lmm_runs_set_fit(&runs, (enum lmm_fit) draw(LMM_FIT_BEST + 1));
    } else if (verb == 0) {
        lmm_runs_trim(&runs);
    } else if (verb < 7 && model.count < MODEL_BLOCKS) {
        model_take();
    } else if (verb < 11 && model.count != 0) {
        model_resize(draw(model.count));
    } else if (model.count != 0) {
        model_give(draw(model.count));
    }
    assert_gauges();
    if (failing && draw(4) == 0) {
        seam_heal();
    }
}

static void run_model(size_t stride, enum lmm_fit fit, bool failing)
{
    enum { STEPS = 300 };

    lmm_options.fit = fit;
    a_discard_failed = failing;
    set_up(stride);
    lmm_reservoir_set_bound(16 << 20);
    for (int i = 0; i < STEPS; i++) {
        model_step(failing);
    }
    while (model.count != 0) {
        model_give(model.count - 1);
    }
    seam_heal();
    assert_gauges();
    cr_assert(record.pages == 0 && record.committed_bytes == 0 && runs.holes.reserved == 0);
    lmm_reservoir_empty();
}

Test(run_model, random)
{
    static const size_t strides[] = {24, 1000, 1024, 20000, 70000};
    const char *seed = getenv("LMM_SEED");

    model.random = seed == NULL ? 20240229 : strtoull(seed, NULL, 0) | 1;
    for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
        for (int fit = LMM_FIT_LARGEST; fit <= LMM_FIT_BEST; fit++) {
            uint64_t random = model.random;
            printf("stride %zu fit %d: LMM_SEED=%llu\n", strides[i], fit,
                   (unsigned long long) random);
            run_model(strides[i], (enum lmm_fit) fit, false);
            run_model(strides[i], (enum lmm_fit) fit, true);
        }
    }
}
