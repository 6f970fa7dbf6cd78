/* SPDX-License-Identifier: MIT */
/* Mismatched frees in the model: their figures, and records that a reader cannot trust. */
#include "reporter/core/build.h"
#include "reporter/core/model.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/book.h"

enum { SCRATCH_MAX = 1 << 18, RECORDS = 4 };

#define TEXT "free of a block of new[]"

static _Alignas(16) char scratch[SCRATCH_MAX];
static struct book book;
static struct lmm_ledger_mismatch *records;

static void open_book(void)
{
    book_open(&book, "/bin/mixed", 1);
    uint32_t text = book_string(&book, TEXT);
    uint32_t module = book_module(&book, "/bin/mixed", 0x1000, 0x1000);
    uint32_t outer = book_frame(&book, 0x1100, 0, module);
    uint32_t inner = book_frame(&book, 0x1200, outer, module);
    struct lmm_ledger_chunk *chunk = book_chunk(&book, LMM_LEDGER_MISMATCHES, 0, RECORDS);

    records = (struct lmm_ledger_mismatch *) (chunk + 1);
    records[0] = (struct lmm_ledger_mismatch) {
        .text = text, .allocated = inner, .freed = outer, .bytes = 40, .count = 3};
    records[1] = records[0];
    chunk->used = 2;
}

static void close_book(void)
{
    book_close(&book);
}

TestSuite(mismatches, .init = open_book, .fini = close_book);

static struct lmm_model *built(void)
{
    struct lmm_model *model = NULL;

    cr_assert(lmm_model_bytes(&book.view) <= sizeof(scratch));
    cr_assert_eq(lmm_model_build(&book.view, scratch, lmm_model_bytes(&book.view), &model), 0);
    cr_expect(lmm_model_is_valid(model));
    return model;
}

Test(mismatches, as_they_were_written)
{
    const struct lmm_model *model = built();
    const struct lmm_model_mismatch *first = &model->mismatches[0];

    cr_assert_eq(model->mismatch_count, 2);
    cr_expect(first->text.bytes == strlen(TEXT) &&
              memcmp(first->text.text, TEXT, strlen(TEXT)) == 0);
    cr_expect(first->allocated == records[0].allocated && first->freed == records[0].freed);
    cr_expect(first->bytes == 40 && first->count == 3);
}

Test(mismatches, a_stack_that_is_missing_is_none)
{
    records[0].allocated = 1000;
    records[0].freed = UINT32_MAX;
    const struct lmm_model *model = built();

    cr_assert_eq(model->mismatch_count, 2);
    cr_expect(model->mismatches[0].allocated == 0 && model->mismatches[0].freed == 0);
}

Test(mismatches, a_record_without_a_text_is_left_out)
{
    records[0].text = 0;
    cr_expect_eq(built()->mismatch_count, 1);
    records[1].text = UINT32_MAX;
    cr_expect_eq(built()->mismatch_count, 0);
}
