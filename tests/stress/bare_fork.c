/* SPDX-License-Identifier: MIT */
/* Children made by _Fork, which runs no handlers, allocate and free on the fast paths at once: that
 * counts for themselves and never for the parent. They free their parent's blocks, too. */
#include "tests/stress/stress.h"

#include <sys/wait.h>

enum { BLOCKS = 500, CHILDREN = 10, PATIENCE_SECONDS = 60 };

typedef struct {
    unsigned char bytes[40];
} item_t;

static item_t *item[BLOCKS];

static item_t *make(void)
{
    item_t *made = LMM_ALLOC(item_t);
    CHECK(made != NULL);
    return made;
}

static uint64_t allocations(void)
{
    return stress_stats(lmm_family_find("item_t")).allocations;
}

_Noreturn static void be_child(bool frees_first)
{
    patience_alarm(PATIENCE_SECONDS);
    if (frees_first) {
        lmm_free(item[0]);
        item[0] = make();
    }
    for (unsigned i = 0; i < 20; i++) {
        CHECK(make() != NULL);
    }
    CHECK(stress_stats(lmm_family_find("item_t")).live_blocks == BLOCKS + 20);
    for (unsigned i = 0; i < BLOCKS; i++) {
        lmm_free(item[i]);
    }
    CHECK(stress_stats(lmm_family_find("item_t")).live_blocks == 20);
    _exit(EXIT_SUCCESS);
}

int main(void)
{
    patience_alarm(PATIENCE_SECONDS);
    for (unsigned i = 0; i < BLOCKS; i++) {
        item[i] = make();
    }
    for (unsigned n = 0; n < CHILDREN; n++) {
        int status = 0;
        lmm_free(item[n]);
        item[n] = make();
        uint64_t before = allocations();
        pid_t child = _Fork();
        CHECK(child >= 0);
        if (child == 0) {
            be_child(n % 2 != 0);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        CHECK(allocations() == before);
        CHECK(stress_stats(lmm_family_find("item_t")).live_blocks == BLOCKS);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        lmm_free(item[i]);
    }
    return EXIT_SUCCESS;
}
