/* SPDX-License-Identifier: MIT */
/* The last walk over the pages in the model: its figures, those of each site, its valid turn, and its JSON.
 * test_damage.c has damaged ones. */
#include "reporter/core/build.h"
#include "reporter/core/json.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/support/book.h"

enum {
    SCRATCH_MAX = 1 << 16,
    TEXT_MAX = 1 << 14,
    SITES = 6,
};

static _Alignas(16) char scratch[SCRATCH_MAX];
static struct book book;

static void open_book(void)
{
    book_open(&book, "/bin/sparse", 1);
    uint32_t family = book_family(&book, "node_t", 64, 8);

    for (uint32_t site = 0; site < SITES; site++) {
        book_count(&book, 1, book_site(&book, family, "sparse.c", site + 1, "f"), site + 1, 0);
    }
}

static void close_book(void)
{
    book_close(&book);
}

TestSuite(page_uses, .init = open_book, .fini = close_book);

static struct lmm_model *built(void)
{
    struct lmm_model *model = NULL;

    cr_assert_eq(lmm_model_build(&book.view, scratch, sizeof(scratch), &model), 0);
    cr_expect(lmm_model_is_valid(model));
    return model;
}

static const struct lmm_model_page_use *use_at(const struct lmm_model *model, uint32_t line)
{
    for (size_t i = 0; i < model->site_count; i++) {
        if (model->sites[i].line == line) {
            return model->sites[i].page_use;
        }
    }
    cr_expect_fail("no site at line %u", (unsigned) line);
    return NULL;
}

/* Uses of all sites but those of lines 1 and 4, and of one that is newer than the sites. */
static void add_walk(uint32_t turn)
{
    for (uint32_t site = 1; site <= SITES; site++) {
        if (site != 3) {
            book_page_use(&book, turn,
                          (struct lmm_ledger_page_use) {.site = site,
                                                        .blocks = site + 1,
                                                        .live_bytes = (site + 1) * 64,
                                                        .held_bytes = site * 4096,
                                                        .sparse_blocks = site,
                                                        .sparse_live_bytes = site * 64,
                                                        .sparse_bytes = 4096 - turn});
        }
    }
    book_page_walk(&book, turn,
                   (struct lmm_ledger_page_walk) {.time_ns = 17,
                                                  .committed_bytes = 1 << 20,
                                                  .held_bytes = 73728,
                                                  .live_bytes = 1472,
                                                  .sparse_bytes = 20480,
                                                  .returnable_bytes = 8192,
                                                  .flags = LMM_LEDGER_PAGES_AT_EXIT});
}

Test(page_uses, are_those_of_the_sites)
{
    add_walk(0);
    const struct lmm_model *model = built();
    const struct lmm_model_page_walk *walk = &model->page_walk;
    const struct lmm_model_page_use *use = use_at(model, 3);

    cr_expect(walk->is_there && walk->is_at_exit && walk->failure == 0 && walk->time_ns == 17);
    cr_expect_eq(walk->committed_bytes, 1 << 20);
    cr_expect_eq(walk->held_bytes, 73728);
    cr_expect_eq(walk->live_bytes, 1472);
    cr_expect_eq(walk->sparse_bytes, 20480);
    cr_expect_eq(walk->returnable_bytes, 8192);
    cr_expect_eq(walk->use_count, 5);
    cr_assert_not_null(use);
    cr_expect(use->site == 2 && use->blocks == 3 && use->live_bytes == 192);
    cr_expect(use->held_bytes == 8192 && use->sparse_blocks == 2);
    cr_expect(use->sparse_live_bytes == 128 && use->sparse_bytes == 4096);
    cr_expect_null(use_at(model, 1));
    cr_expect_null(use_at(model, 4));
}

Test(page_uses, of_the_valid_turn_alone)
{
    add_walk(0);
    add_walk(1);
    cr_expect_eq(use_at(built(), 3)->sparse_bytes, 4095);
    book.header.page_walk_count++;
    cr_expect_eq(use_at(built(), 3)->sparse_bytes, 4096);
}

Test(page_uses, without_a_walk_there_are_none)
{
    cr_expect_not(built()->page_walk.is_there);
    cr_expect_null(use_at(built(), 3));
}

Test(page_uses, a_failed_walk_says_why)
{
    book_page_walk(&book, 1, (struct lmm_ledger_page_walk) {.failure = ENOMEM});
    cr_expect(built()->page_walk.is_there);
    cr_expect_eq(built()->page_walk.failure, ENOMEM);
}

Test(page_uses, there_is_room_for_all)
{
    struct lmm_model *model;

    add_walk(0);
    cr_expect_eq(lmm_model_build(&book.view, scratch, lmm_model_bytes(&book.view), &model), 0);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static char text[TEXT_MAX];
static size_t text_bytes;

static int keep(void *context, const char *bytes, size_t count)
{
    (void) context;
    cr_assert_lt(text_bytes + count, sizeof(text));
    memcpy(text + text_bytes, bytes, count);
    text_bytes += count;
    return 0;
}

static const char *as_json(void)
{
    struct lmm_sink sink;

    text_bytes = 0;
    lmm_sink_init(&sink, keep, NULL);
    cr_assert_eq(lmm_json_usage(built(), &sink), 0);
    text[text_bytes] = '\0';
    return text;
}

Test(page_uses, json_has_them_where_there_was_a_walk)
{
    cr_expect_null(strstr(as_json(), "page_walk"));
    cr_expect_null(strstr(text, "page_use"));
    add_walk(0);
    cr_expect_not_null(
        strstr(as_json(),
               "\"page_walk\": {\"time_ns\": 17, \"at_exit\": true, \"committed_bytes\": 1048576, "
               "\"held_bytes\": 73728, \"live_bytes\": 1472, \"sparse_bytes\": 20480, "
               "\"returnable_bytes\": 8192}"));
    cr_expect_not_null(
        strstr(text, "\"page_use\": {\"blocks\": 3, \"live_bytes\": 192, \"held_bytes\": 8192, "
                     "\"sparse_blocks\": 2, \"sparse_live_bytes\": 128, \"sparse_bytes\": 4096}"));
}
