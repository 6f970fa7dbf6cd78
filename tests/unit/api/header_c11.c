/* SPDX-License-Identifier: MIT */
/* The API from strict C11; see header_use.h. */
#include <lmm/lmm.h>
#include <lmm/ledger.h>
#include <lmm/lmm.h>

#include "tests/support/header_use.h"

struct point {
    double x, y;
};

typedef struct {
    char text[20];
} label_t;

static int count_family(struct lmm_family *family, void *arg)
{
    int *count = arg;
    ++*count;
    return lmm_family_name(family) == NULL;
}

static int count_block(const struct lmm_block *block, void *arg)
{
    size_t *slots = arg;
    *slots += block->slots;
    return block->address == NULL;
}

#define STEP(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "C11: %s\n", #condition);                                              \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static int use_from_c(void)
{
    struct lmm_stats stats;
    int families = 0;
    size_t slots = 0;
    struct lmm_family *family = LMM_REGISTER(struct point);
    STEP(family != NULL && family == lmm_family_find("struct point"));
    struct point *point = LMM_NEW(struct point);
    STEP(point != NULL && point->x == 0 && point->y == 0);
    label_t *label = LMM_ALLOC(label_t);
    STEP(label != NULL);
    struct point *points = LMM_NEW_ARRAY(struct point, 3);
    STEP(points != NULL && lmm_block_count(points) == 3 && lmm_family_of(points) == family);
    points = lmm_resize(points, 7);
    STEP(points != NULL && points[6].y == 0);
    STEP(lmm_family_stats(family, &stats) == 0 && stats.live_slots == 8);
    STEP(lmm_for_each_family(count_family, &families) == 0 && families == 2);
    STEP(lmm_for_each_block(NULL, count_block, &slots) == 0 && slots == 9);
    lmm_free(point);
    lmm_free(label);
    lmm_free(points);
    /* The macros are expressions, and nest. */
    lmm_free(LMM_NEW_ARRAY(label_t, LMM_REGISTER(label_t) != NULL ? 2 : 1));
    STEP(lmm_leak_check(stderr) == 0);
    return 0;
}

int main(void)
{
    if (use_from_c() != 0) {
        return 1;
    }
    return header_use_from_cxx(NULL);
}
