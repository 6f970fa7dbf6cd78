/* SPDX-License-Identifier: MIT */
/* page_cells, cells_question: live slots of pages that are known; more pages than cells; hostile questions. */
#include "tests/support/seam.h"

#include "lib/books/chunks.h"
#include "lib/leaks/agent_text.h"
#include "lib/leaks/cells_question.h"
#include "lib/leaks/page_cells.h"
#include "lib/pages/family.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <stdio.h>
#include <string.h>

struct brick {
    char bytes[1000];
};

enum { BRICKS = 2000 };

static struct lmm_page_cells cells;
static struct brick *bricks[BRICKS];

static const struct lmm_page *page_of(const void *block)
{
    struct lmm_location location;

    cr_assert(lmm_page_locate(block, &location));
    return location.page;
}

static void make_bricks(void)
{
    for (size_t i = 0; i < BRICKS; i++) {
        bricks[i] = LMM_NEW(struct brick);
        cr_assert(bricks[i] != NULL);
    }
}

static void walk_for(const void *block)
{
    memset(&cells, 0, sizeof(cells));
    cr_assert(lmm_page_cells_want(&cells, page_of(block)->family));
    cr_assert_eq(lmm_page_cells_run(&cells), 0);
}

/* ---- Pages ----------------------------------------------------------------------------------- */

/* How many of the bricks lie in a page. */
static uint64_t bricks_in(const struct lmm_page *page)
{
    uint64_t count = 0;

    for (size_t i = 0; i < BRICKS; i++) {
        count += bricks[i] != NULL && page_of(bricks[i]) == page;
    }
    return count;
}

/* The page with the lowest address above that of `page`; NULL: the first one. */
static const struct lmm_page *next_page(const struct lmm_page *page)
{
    const struct lmm_page *next = NULL;

    for (size_t i = 0; i < BRICKS; i++) {
        const struct lmm_page *found = bricks[i] == NULL ? NULL : page_of(bricks[i]);

        if (found != NULL && (page == NULL || found->unit > page->unit) &&
            (next == NULL || found->unit < next->unit)) {
            next = found;
        }
    }
    return next;
}

/* Of the bricks of each page another part stays, but always the first one. */
Test(page_cells, each_page_has_the_live_slots_of_its_blocks)
{
    const struct lmm_page *page = NULL;
    uint32_t seen = 0;

    make_bricks();
    for (size_t i = 0; i < BRICKS; i++) {
        if (i % 7 > page_of(bricks[i])->unit % 5) {
            lmm_free(bricks[i]);
            bricks[i] = NULL;
        }
    }
    walk_for(bricks[0]);
    cr_expect(cells.fold == 1 && cells.left_out == 0 && cells.pages == cells.count);
    for (uint32_t i = 0; i < cells.count; i++, seen++) {
        page = next_page(page);
        cr_assert(page != NULL);
        cr_expect(cells.cells[i].family == page->family && cells.cells[i].pages == 1);
        cr_expect_eq(cells.cells[i].slots, page->slots);
        cr_expect_eq(cells.cells[i].live_slots, bricks_in(page), "page %u", i);
    }
    cr_expect(seen > 5 && next_page(page) == NULL);
}

/* Of a run page all slots count, of a span those of its run. */
Test(page_cells, slots_of_arrays)
{
    static const struct {
        size_t length;
        bool is_span;
    } cases[] = {{3, false}, {100, false}, {1000, true}, {100000, true}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct brick *array = LMM_NEW_ARRAY(struct brick, cases[i].length);
        const struct lmm_page *page = page_of(array);

        cr_assert_eq(page->kind == LMM_PAGE_SPAN, cases[i].is_span);
        walk_for(array);
        uint64_t slots = cases[i].is_span ? cases[i].length : page->slots;
        uint32_t found = 0;
        for (uint32_t k = 0; k < cells.count;
             k++) { /* the run page of the first ones is empty later */
            found += cells.cells[k].slots == slots && cells.cells[k].live_slots == cases[i].length;
        }
        cr_expect_eq(found, 1, "%zu: %u of %u cells", cases[i].length, found, cells.count);
        cr_expect_leq(cells.count, 2);
        lmm_free(array);
    }
}

Test(page_cells, other_families_only_when_asked_for)
{
    long *other = LMM_NEW(long);

    make_bricks();
    walk_for(other);
    cr_expect(cells.count == 1 && cells.cells[0].live_slots == 1);
    memset(&cells, 0, sizeof(cells));
    cells.has_all = true;
    cr_assert_eq(lmm_page_cells_run(&cells), 0);
    cr_expect_gt(cells.count, 5);
    memset(&cells, 0, sizeof(cells));
    cr_assert_eq(lmm_page_cells_run(&cells), 0);
    cr_expect_eq(cells.count, 0);
}

Test(page_cells, a_caller_that_interrupts_lmm_is_refused)
{
    make_bricks();
    lmm_lock_acquire(&lmm_chunks_lock);
    cr_expect_eq(lmm_page_cells_run(&cells), -EDEADLK);
    lmm_lock_release(&lmm_chunks_lock);
}

/* ---- Folding --------------------------------------------------------------------------------- */

/* Pages of so many families, in turn; each has 10 slots, of which its number mod 10 are live. */
Test(page_cells, more_pages_than_cells)
{
    static const struct {
        uint32_t pages;
        uint32_t families;
        uint32_t fold;
        uint32_t count;
        uint64_t left_out;
    } cases[] = {
        {0, 1, 0, 0, 0},
        {1, 1, 1, 1, 0},
        {LMM_PAGE_CELLS_MAX, 1, 1, LMM_PAGE_CELLS_MAX, 0},
        {LMM_PAGE_CELLS_MAX, 3, 1, LMM_PAGE_CELLS_MAX, 0},
        {LMM_PAGE_CELLS_MAX + 1, 1, 2, LMM_PAGE_CELLS_MAX / 2 + 1, 0},
        {LMM_PAGE_CELLS_MAX + 1, 2, 2, LMM_PAGE_CELLS_MAX / 2 + 1, 0},
        {LMM_PAGE_CELLS_MAX * 2, 1, 2, LMM_PAGE_CELLS_MAX, 0},
        {LMM_PAGE_CELLS_MAX * 2 + 2, 2, 4, LMM_PAGE_CELLS_MAX / 2 + 2, 0},
        {LMM_PAGE_CELLS_MAX * 100, 1, 128, 1600, 0},
        {LMM_PAGE_CELLS_MAX + 9, LMM_PAGE_CELLS_MAX + 9, 1 << 30, LMM_PAGE_CELLS_MAX, 9},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t live = 0;
        uint64_t found = 0;

        memset(&cells, 0, sizeof(cells));
        for (uint32_t k = 0; k < cases[i].pages; k++) {
            lmm_page_cells_add(&cells, k % cases[i].families, 10, k % 10);
            live += k < cases[i].pages - cases[i].left_out ? k % 10 : 0;
        }
        for (uint32_t k = 0; k < cells.count; k++) {
            cr_expect_eq(cells.cells[k].slots, UINT64_C(10) * cells.cells[k].pages);
            found += cells.cells[k].live_slots;
        }
        cr_expect(lmm_page_cells_are_valid(&cells), "case %zu", i);
        cr_expect_eq(cells.pages, cases[i].pages, "case %zu", i);
        cr_expect_eq(cells.fold, cases[i].fold, "case %zu: %u", i, cells.fold);
        cr_expect_eq(cells.count, cases[i].count, "case %zu: %u cells", i, cells.count);
        cr_expect_eq(cells.left_out, cases[i].left_out, "case %zu", i);
        cr_expect_eq(found, live, "case %zu", i);
    }
}

/* ---- Questions ------------------------------------------------------------------------------- */

static const char *answer_to(const char *question)
{
    static struct lmm_answer answer;
    static char text[LMM_LONG_ANSWER_MAX + 1];

    answer.length = 0;
    lmm_cells_answer(question, &answer);
    memcpy(text, answer.line, answer.length);
    text[answer.length] = '\0';
    return text;
}

Test(page_cells, a_question_that_is_not_understood)
{
    static const char *const questions[] = {"x",     "-1",   "1 x",        "65536",
                                            "1 2 ,", "1  2", "4294967295", "99999999999"};

    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        cr_expect_str_eq(answer_to(questions[i]), "error 22 the question is not understood", "%s",
                         questions[i]);
    }
}

Test(page_cells, an_answer)
{
    struct brick *array = LMM_NEW_ARRAY(struct brick, 1000);
    char question[16];
    char expected[64];

    snprintf(question, sizeof(question), "%u", page_of(array)->family);
    snprintf(expected, sizeof(expected), "ok 1 1 0\n %u 1 1000 1000", page_of(array)->family);
    cr_expect_str_eq(answer_to(question), expected);
    cr_expect_str_eq(answer_to("65535"), "ok 0 0 0");
}

Test(page_cells, without_memory_the_question_has_failed)
{
    make_bricks();
    seam_install();
    seam_fail_all(SEAM_MAP);
    const char *text = answer_to("");
    seam_heal();
    cr_expect_str_eq(text, "error 12 the walk failed");
}
