/* SPDX-License-Identifier: MIT */
/* The last leak check in the model: its figures, the losses of each site, and its valid turn.
 * test_damage.c has damaged ones. */
#include "reporter/core/build.h"
#include "reporter/core/model.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/book.h"

enum {
    SCRATCH_MAX = 1 << 16,
    SITES = 3,
};

static _Alignas(16) char scratch[SCRATCH_MAX];
static struct book book;

static void open_book(void)
{
    book_open(&book, "/bin/lossy", 1);
    uint32_t family = book_family(&book, "node_t", 24, 8);

    for (uint32_t site = 0; site < SITES; site++) {
        book_count(&book, 1, book_site(&book, family, "lossy.c", site + 1, "f"), 10 * (site + 1),
                   0);
    }
}

static void close_book(void)
{
    book_close(&book);
}

TestSuite(losses, .init = open_book, .fini = close_book);

static struct lmm_model *built(void)
{
    struct lmm_model *model = NULL;

    cr_assert_eq(lmm_model_build(&book.view, scratch, sizeof(scratch), &model), 0);
    cr_expect(lmm_model_is_valid(model));
    return model;
}

static const struct lmm_model_losses *losses_at(const struct lmm_model *model, uint32_t line)
{
    for (size_t i = 0; i < model->site_count; i++) {
        if (model->sites[i].line == line) {
            return model->sites[i].losses;
        }
    }
    cr_expect_fail("no site at line %u", (unsigned) line);
    return NULL;
}

#define EXPECT_AMOUNT(amount, n, m)                                                                \
    cr_expect((amount).blocks == (n) && (amount).bytes == (m), "%llu blocks, %llu bytes",          \
              (unsigned long long) (amount).blocks, (unsigned long long) (amount).bytes)

static void add_leaks(void)
{
    book_leak(&book, 0, LMM_LEDGER_LEAK_DEFINITE, 2, 2, 2, 48);
    book_leak(&book, 0, LMM_LEDGER_LEAK_INDIRECT, 0, 2, 5, 120);
    book_leak(&book, 0, LMM_LEDGER_LEAK_INDIRECT, 2, 2, 1, 24);
    book_leak(&book, 0, LMM_LEDGER_LEAK_POSSIBLE, 0, 0, 3, 72);
    book_leak(&book, 0, LMM_LEDGER_LEAK_REACHABLE, 2, 2, 7, 168);
    book_leak(&book, 0, LMM_LEDGER_LEAK_IGNORED, 0, 0, 1, 24);
    book_check(&book, 0,
               (struct lmm_ledger_check) {.threads = 4,
                                          .threads_unseen = 1,
                                          .mark = 2,
                                          .pause_ns = 10,
                                          .roots_unread = 4096,
                                          .flags = LMM_LEDGER_CHECK_AT_EXIT});
}

Test(losses, are_summed_by_class_and_by_site)
{
    add_leaks();
    const struct lmm_model *model = built();
    const struct lmm_model_check *check = &model->check;
    const struct lmm_model_losses *leader = losses_at(model, 3);
    const struct lmm_model_losses *other = losses_at(model, 1);

    EXPECT_AMOUNT(check->of[LMM_MODEL_DEFINITE], 2, 48);
    EXPECT_AMOUNT(check->of[LMM_MODEL_INDIRECT], 6, 144);
    EXPECT_AMOUNT(check->of[LMM_MODEL_POSSIBLE], 3, 72);
    EXPECT_AMOUNT(check->of[LMM_MODEL_REACHABLE], 7, 168);
    EXPECT_AMOUNT(check->of[LMM_MODEL_IGNORED], 1, 24);
    EXPECT_AMOUNT(leader->of[LMM_MODEL_DEFINITE], 2, 48);
    EXPECT_AMOUNT(leader->of[LMM_MODEL_INDIRECT], 1, 24);
    EXPECT_AMOUNT(leader->hanging, 6, 144);
    EXPECT_AMOUNT(other->of[LMM_MODEL_INDIRECT], 5, 120);
    EXPECT_AMOUNT(other->hanging, 0, 0);
    cr_expect_null(losses_at(model, 2));
    cr_assert_eq(leader->leak_count, 3);
    cr_expect_eq(leader->leaks[0].kind, LMM_MODEL_DEFINITE);
    cr_expect_eq(leader->leaks[0].examples[0], 48);
}

Test(losses, facts_are_those_of_the_check)
{
    add_leaks();
    const struct lmm_model_check *check = &built()->check;

    cr_expect(check->is_there && check->is_at_exit && !check->is_stopped && !check->is_unaligned);
    cr_expect_eq(check->threads, 4);
    cr_expect_eq(check->threads_unseen, 1);
    cr_expect_eq(check->mark, 2);
    cr_expect_eq(check->pause_ns, 10);
    cr_expect_eq(check->roots_unread, 4096);
}

Test(losses, of_the_valid_turn_alone)
{
    add_leaks();
    book_leak(&book, 1, LMM_LEDGER_LEAK_DEFINITE, 1, 1, 1, 24);
    book_check(&book, 1, (struct lmm_ledger_check) {.threads = 1});
    const struct lmm_model *model = built();

    cr_expect_eq(model->check.leak_count, 1);
    EXPECT_AMOUNT(model->check.of[LMM_MODEL_DEFINITE], 1, 24);
    cr_expect_null(losses_at(model, 3));
}

Test(losses, without_a_check_there_are_none)
{
    cr_expect_not(built()->check.is_there);
}

Test(losses, a_failed_check_says_why)
{
    book_check(&book, 1, (struct lmm_ledger_check) {.failure = 12});
    const struct lmm_model_check *check = &built()->check;

    cr_expect(check->is_there);
    cr_expect_eq(check->failure, 12);
    cr_expect_eq(check->leak_count, 0);
}

/* Other threads add sites while a ledger is read. */
Test(losses, of_sites_not_yet_known_count_in_the_totals_only)
{
    book_leak(&book, 0, LMM_LEDGER_LEAK_DEFINITE, SITES + 5, SITES + 5, 1, 24);
    book_leak(&book, 0, LMM_LEDGER_LEAK_INDIRECT, 1, SITES + 5, 1, 24);
    book_check(&book, 0, (struct lmm_ledger_check) {.threads = 1});
    const struct lmm_model *model = built();

    EXPECT_AMOUNT(model->check.of[LMM_MODEL_DEFINITE], 1, 24);
    EXPECT_AMOUNT(losses_at(model, 2)->of[LMM_MODEL_INDIRECT], 1, 24);
}

Test(losses, need_no_more_scratch_than_it_says)
{
    add_leaks();
    size_t bytes = lmm_model_bytes(&book.view);
    struct lmm_model *model = NULL;

    cr_assert_leq(bytes, sizeof(scratch));
    cr_expect_eq(lmm_model_build(&book.view, scratch, bytes, &model), 0);
    cr_expect_eq(model->check.leak_count, 6);
}

Test(losses, do_not_overflow)
{
    book_leak(&book, 0, LMM_LEDGER_LEAK_DEFINITE, 0, 0, UINT64_MAX, UINT64_MAX);
    book_leak(&book, 0, LMM_LEDGER_LEAK_DEFINITE, 0, 0, 5, 5);
    book_check(&book, 0, (struct lmm_ledger_check) {.threads = 1});
    EXPECT_AMOUNT(built()->check.of[LMM_MODEL_DEFINITE], UINT64_MAX, UINT64_MAX);
}
