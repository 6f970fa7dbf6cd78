/* SPDX-License-Identifier: MIT */
/* since: which blocks lived at a mark, and which marks are kept. */
#include "tests/support/seam.h"

#include "lib/leaks/since.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/lmm.h>

struct item {
    long words[5];
};

static struct lmm_graph graph;

static bool lived_at(uint32_t number, const void *block)
{
    struct lmm_graph_block found;

    cr_assert(lmm_graph_find(&graph, (uintptr_t) block, &found));
    const uint64_t *bits = lmm_since_bits(lmm_since_find(number), found.page);
    return bits != NULL && (bits[found.slot / 64] >> (found.slot % 64) & 1) != 0;
}

Test(since, only_blocks_from_before_the_mark_are_old)
{
    enum { ITEMS = 20000 };
    static struct item *items[ITEMS];
    struct item *array = LMM_NEW_ARRAY(struct item, 100);

    for (size_t i = 0; i < ITEMS / 2; i++) {
        items[i] = LMM_NEW(struct item);
    }
    cr_assert(lmm_since_keep(7));
    for (size_t i = ITEMS / 2; i < ITEMS; i++) {
        items[i] = LMM_NEW(struct item);
    }
    struct item *long_array = LMM_NEW_ARRAY(struct item, 100000);
    cr_assert(lmm_graph_init(&graph));
    for (size_t i = 0; i < ITEMS; i++) {
        cr_assert(lived_at(7, items[i]) == (i < ITEMS / 2), "item %zu", i);
    }
    cr_expect(lived_at(7, array) && !lived_at(7, long_array));
    cr_expect(!lived_at(8, items[0]), "there is no such mark");
}

Test(since, a_filter_shows_new_or_old_blocks)
{
    static const uint64_t old[] = {0, 5};
    LMM_NEW(struct item);
    cr_assert(lmm_since_keep(1));
    const struct lmm_since *mark = lmm_since_find(1);
    const struct {
        struct lmm_since_filter filter;
        const uint64_t *old;
        uint64_t wanted;
    } rows[] = {
        {{NULL, false}, NULL, UINT64_MAX},   {{NULL, true}, old, UINT64_MAX},
        {{mark, false}, old, ~(uint64_t) 5}, {{mark, true}, old, 5},
        {{mark, false}, NULL, UINT64_MAX},   {{mark, true}, NULL, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect(lmm_since_wanted(&rows[i].filter, rows[i].old, 1) == rows[i].wanted, "row %zu",
                  i);
    }
    cr_expect(lmm_since_wanted(NULL, old, 1) == UINT64_MAX);
}

Test(since, a_page_of_another_family_is_new)
{
    struct item *item = LMM_NEW(struct item);
    cr_assert(lmm_since_keep(1));
    cr_assert(lmm_graph_init(&graph));
    cr_expect(lived_at(1, item));
    graph.pages[0].family++;
    cr_expect(!lived_at(1, item));
}

Test(since, the_last_marks_are_kept)
{
    LMM_NEW(struct item);
    for (uint32_t number = 1; number <= 10; number++) {
        cr_assert(lmm_since_keep(number));
    }
    for (uint32_t number = 0; number <= 11; number++) {
        bool is_kept = number > 10 - LMM_SINCE_KEPT && number <= 10;
        cr_expect((lmm_since_find(number) != NULL) == is_kept, "mark %d", (int) number);
    }
}

Test(since, without_memory_no_mark_is_lost)
{
    LMM_NEW(struct item);
    cr_assert(lmm_since_keep(1));
    seam_install();
    for (uint64_t call = 1; call <= 3; call++) {
        uint64_t calls = seam_calls(SEAM_MAP);
        seam_fail(SEAM_MAP, calls + call, calls + call);
        if (!lmm_since_keep(2)) {
            cr_expect(errno == ENOMEM && lmm_since_find(2) == NULL && lmm_since_find(1) != NULL);
        } else {
            cr_expect(call == 3, "a graph has two mappings, a mark has one more");
        }
    }
}
