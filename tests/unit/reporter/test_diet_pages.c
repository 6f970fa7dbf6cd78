/* SPDX-License-Identifier: MIT */
/* diet_pages: which walks over the pages give hints, and their figures. */
#include "reporter/core/build.h"
#include "reporter/program/report/diet.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/support/book.h"

enum { SCRATCH_MAX = 1 << 16, SITES = 3, PAGE = 4096, MIB = 1 << 20 };

static _Alignas(16) char scratch[SCRATCH_MAX];
static struct book book;
static struct lmm_diet diet;

/* Two sites of one line, and one of another. */
static void open_book(void)
{
    book_open(&book, "/bin/sparse", 1);
    uint32_t family = book_family(&book, "node_t", 60, 4);

    for (uint32_t site = 0; site < SITES; site++) {
        book_count(&book, 1, book_site(&book, family, "sparse.c", site == 2 ? 7 : 3, "f"), 5000, 0);
    }
}

static void close_book(void)
{
    lmm_diet_free(&diet);
    book_close(&book);
}

TestSuite(diet_pages, .init = open_book, .fini = close_book);

/* Blocks of so many bytes, each on a page of its own. */
static void add_use(uint32_t site, uint64_t blocks, uint64_t bytes)
{
    book_page_use(&book, 1,
                  (struct lmm_ledger_page_use) {.site = site,
                                                .blocks = blocks,
                                                .live_bytes = blocks * bytes,
                                                .held_bytes = blocks * PAGE,
                                                .sparse_blocks = blocks,
                                                .sparse_live_bytes = blocks * bytes,
                                                .sparse_bytes = blocks * PAGE});
}

/* The hints of one kind; *ret_hint: the first. */
static size_t hints_of(enum lmm_hint_kind kind, struct lmm_ledger_page_walk walk,
                       char *const *types, struct lmm_hint *ret_hint)
{
    const struct lmm_diet_options options = {.most_types = 10, .types = types};
    struct lmm_model *model = NULL;
    size_t count = 0;

    walk.held_bytes = walk.sparse_bytes = UINT64_MAX;
    book_page_walk(&book, 1, walk);
    cr_assert_eq(lmm_model_build(&book.view, scratch, sizeof(scratch), &model), 0);
    lmm_diet_free(&diet);
    cr_assert(lmm_diet_make(model, NULL, &options, &diet));
    for (size_t i = diet.hint_count; i-- > 0;) {
        if (diet.hints[i].kind == kind) {
            *ret_hint = diet.hints[i];
            count++;
        }
    }
    return count;
}

static const struct lmm_ledger_page_walk at_exit = {.flags = LMM_LEDGER_PAGES_AT_EXIT};
static const struct lmm_ledger_page_walk now = {.flags = 0};

Test(diet_pages, sites_of_one_line_are_one_hint)
{
    struct lmm_hint hint;

    add_use(0, 100, 60);
    add_use(1, 300, 60);
    cr_assert_eq(hints_of(LMM_HINT_SPARSE, now, NULL, &hint), 1);
    cr_expect_eq(hint.line, 3);
    cr_expect_eq(hint.blocks, 400);
    cr_expect_eq(hint.saves_bytes, 400 * (PAGE - 60));
    cr_expect_eq(hint.before_bytes, PAGE);
    cr_expect_eq(hint.after_bytes, 60);
    cr_expect_str_eq(hint.type, "node_t");
    cr_expect_str_eq(hint.text, "keep 1.6 MiB of pages under 25% full: allocate them together");
}

Test(diet_pages, lines_that_save_most_come_first)
{
    struct lmm_hint hint;

    add_use(0, 100, 60);
    add_use(2, 300, 60);
    cr_assert_eq(hints_of(LMM_HINT_SPARSE, at_exit, NULL, &hint), 2);
    cr_expect_eq(hint.line, 7);
    cr_expect_str_eq(hint.text,
                     "at exit keep 1.2 MiB of pages under 25% full: allocate them together");
}

/* What is too little, or too large for its place to matter. */
static const struct {
    const char *name;
    uint64_t blocks;
    uint64_t bytes;
    size_t hints;
} uses[] = {
    {"less than 64 KiB", 15, 60, 0},
    {"64 KiB", 16, 60, 1},
    {"arrays of 17 structs", 50, 1020, 1},
    {"a quarter of a page", 50, 1024, 0},
};

Test(diet_pages, what_is_too_little_is_no_hint)
{
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        struct lmm_hint hint;

        add_use(0, uses[i].blocks, uses[i].bytes);
        cr_expect_eq(hints_of(LMM_HINT_SPARSE, now, NULL, &hint), uses[i].hints, "%s",
                     uses[i].name);
        close_book();
        open_book();
    }
}

Test(diet_pages, of_the_types_that_are_wanted)
{
    char node[] = "node_t";
    char other[] = "other_t";
    char *const matching[] = {node, NULL};
    char *const others[] = {other, NULL};
    struct lmm_hint hint;

    add_use(0, 100, 60);
    cr_expect_eq(hints_of(LMM_HINT_SPARSE, now, matching, &hint), 1);
    cr_expect_eq(hints_of(LMM_HINT_SPARSE, now, others, &hint), 0);
}

/* ---- Trimming -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    struct lmm_ledger_page_walk walk;
    size_t hints;
} walks[] = {
    {"a third", {.committed_bytes = 30 * MIB, .returnable_bytes = 10 * MIB}, 1},
    {"an eighth", {.committed_bytes = 80 * MIB, .returnable_bytes = 10 * MIB}, 1},
    {"less than an eighth", {.committed_bytes = 81 * MIB, .returnable_bytes = 10 * MIB}, 0},
    {"little", {.committed_bytes = 5 * MIB, .returnable_bytes = 4 * MIB - PAGE}, 0},
    {"at exit",
     {.committed_bytes = 30 * MIB, .returnable_bytes = 10 * MIB, .flags = LMM_LEDGER_PAGES_AT_EXIT},
     0},
};

Test(diet_pages, a_trim_is_worth_a_hint_when_it_gives_back_much)
{
    for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
        struct lmm_hint hint;
        size_t hints = hints_of(LMM_HINT_TRIM, walks[i].walk, NULL, &hint);

        cr_expect_eq(hints, walks[i].hints, "%s", walks[i].name);
        if (hints == 1) {
            cr_expect_eq(hint.saves_bytes, 10 * MIB);
            cr_expect_str_eq(hint.text, "free pages that malloc_trim would give back now");
        }
    }
}

Test(diet_pages, a_failed_walk_gives_none)
{
    struct lmm_hint hint;
    struct lmm_ledger_page_walk walk = walks[0].walk;

    walk.failure = ENOMEM;
    cr_expect_eq(hints_of(LMM_HINT_TRIM, walk, NULL, &hint), 0);
}
