/* SPDX-License-Identifier: MIT */
/* Damaged ledgers: the build fails, and reads nothing outside of their chunks. */
#include "reporter/core/build.h"
#include "reporter/core/model.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/book.h"

enum {
    SCRATCH_MAX = 1 << 16,
};

static _Alignas(16) char scratch[SCRATCH_MAX];
static struct book book;

static void no_magic(void)
{
    book.header.magic[7]++;
}

static void header_size(void)
{
    book.header.header_bytes--;
}

static void chunk_size(void)
{
    book.header.chunk_bytes++;
}

static void no_state(void)
{
    book.header.state = 0;
}

static void unknown_state(void)
{
    book.header.state = LMM_LEDGER_LOST + 1;
}

static void command_too_long(void)
{
    book.header.command_bytes = LMM_LEDGER_COMMAND_MAX + 1;
}

static void endless_boot_id(void)
{
    memset(book.header.boot_id, 'x', sizeof(book.header.boot_id));
}

static void endless_executable(void)
{
    memset(book.header.executable, 'x', sizeof(book.header.executable));
}

static void no_header(void)
{
    book.view.header = NULL;
}

static void askew_header(void)
{
    book.view.header = (const void *) ((const char *) &book.header + 4);
}

static void no_chunk_list(void)
{
    book.view.chunks = NULL;
}

static void missing_chunk(void)
{
    static const struct lmm_ledger_chunk *chunks[BOOK_CHUNKS_MAX];

    memcpy(chunks, book.chunks, sizeof(chunks));
    chunks[3] = NULL;
    book.view.chunks = chunks;
}

static void askew_chunk(void)
{
    static const struct lmm_ledger_chunk *chunks[BOOK_CHUNKS_MAX];

    memcpy(chunks, book.chunks, sizeof(chunks));
    chunks[3] = (const void *) ((const char *) chunks[3] + 1);
    book.view.chunks = chunks;
}

static void repeated_chunk(void)
{
    book.view.chunk_count = 2;
    static const struct lmm_ledger_chunk *chunks[2];

    chunks[0] = book_find(&book, LMM_LEDGER_STRINGS, 0);
    chunks[1] = chunks[0];
    book.view.chunks = chunks;
}

static void three_chunks_of_an_owner(void)
{
    book_chunk(&book, LMM_LEDGER_ROWS, 1, 4);
    book_chunk(&book, LMM_LEDGER_ROWS, 1, 2);
}

static void first_missing(void)
{
    book_find(&book, LMM_LEDGER_SITES, 0)->kind = 5;
}

static void strings_missing(void)
{
    book_find(&book, LMM_LEDGER_STRINGS, 1)->kind = LMM_LEDGER_UNUSED;
}

static void bytes_below_records(void)
{
    book_find(&book, LMM_LEDGER_SITES, 0)->bytes -= 64;
}

static void bytes_zero(void)
{
    book_find(&book, LMM_LEDGER_ROWS, 0)->bytes = 0;
}

static void bytes_askew(void)
{
    book_find(&book, LMM_LEDGER_FAMILIES, 0)->bytes += 8;
}

static void capacity_beyond_bytes(void)
{
    struct lmm_ledger_chunk *rows = book_find(&book, LMM_LEDGER_ROWS, 0);

    rows->capacity += 2;
    rows->used = rows->capacity;
}

static void record_too_small(void)
{
    book_find(&book, LMM_LEDGER_FAMILIES, 0)->record_bytes--;
}

static void record_huge(void)
{
    book_find(&book, LMM_LEDGER_STRINGS, 0)->record_bytes = UINT32_MAX;
}

static void record_zero(void)
{
    book_find(&book, LMM_LEDGER_ROWS, 0)->record_bytes = 0;
}

static void owner_of_sites(void)
{
    book_find(&book, LMM_LEDGER_SITES, 0)->owner = 1;
}

static void first_not_zero(void)
{
    book_find(&book, LMM_LEDGER_STRINGS, 0)->first = 1;
}

static void gap_between_chunks(void)
{
    book_find(&book, LMM_LEDGER_SITES, 1)->first++;
}

static void overlapping_chunks(void)
{
    book_find(&book, LMM_LEDGER_SITES, 1)->first--;
}

static void wrapping_capacity(void)
{
    book_find(&book, LMM_LEDGER_SITES, 1)->capacity = UINT32_MAX;
}

static void owner_beyond_owners(void)
{
    book_find(&book, LMM_LEDGER_ROWS, 1)->owner = LMM_LEDGER_MAX_OWNERS;
}

static void rows_that_start_late(void)
{
    book_find(&book, LMM_LEDGER_ROWS, 1)->first = 1;
}

static void moved_rows_that_start_late(void)
{
    book_chunk(&book, LMM_LEDGER_ROWS, 1, 4)->first = 4;
}

static void rows_partly_used(void)
{
    book_find(&book, LMM_LEDGER_ROWS, 0)->used--;
}

static void used_beyond_capacity(void)
{
    book_find(&book, LMM_LEDGER_SITES, 1)->used = BOOK_SITES + 1;
}

static void hole_in_sites(void)
{
    book_find(&book, LMM_LEDGER_SITES, 0)->used--;
}

/* An empty chunk between two others must not hide that the first is not full. */
static void hole_behind_an_empty_chunk(void)
{
    static const struct lmm_ledger_chunk *chunks[BOOK_CHUNKS_MAX];
    struct lmm_ledger_chunk *second = book_find(&book, LMM_LEDGER_SITES, 1);
    struct lmm_ledger_chunk *empty = book_chunk(&book, LMM_LEDGER_SITES, 0, 0);
    size_t count = 0;

    empty->first = second->first;
    book_find(&book, LMM_LEDGER_SITES, 0)->used--;
    for (size_t i = 0; i + 1 < book.view.chunk_count; i++) {
        if (book.chunks[i] == second) {
            chunks[count++] = empty;
        }
        chunks[count++] = book.chunks[i];
    }
    book.view.chunks = chunks;
}

static void too_many_families(void)
{
    book_chunk(&book, LMM_LEDGER_FAMILIES, 0, LMM_LEDGER_MAX_FAMILIES)->used =
        LMM_LEDGER_MAX_FAMILIES;
}

static void too_many_sites(void)
{
    struct lmm_ledger_chunk *second = book_find(&book, LMM_LEDGER_SITES, 1);

    second->used = second->capacity;
    book_chunk(&book, LMM_LEDGER_SITES, 0, LMM_LEDGER_MAX_SITES)->used = LMM_LEDGER_MAX_SITES;
}

static void family_beyond_families(void)
{
    book_site_at(&book, 4)->family = 2;
}

static void family_huge(void)
{
    book_site_at(&book, 0)->family = UINT32_MAX;
}

static void name_beyond_strings(void)
{
    book_family_at(&book, 1)->name = UINT32_MAX;
}

static void name_in_the_unused(void)
{
    struct lmm_ledger_chunk *strings = book_find(&book, LMM_LEDGER_STRINGS, 0);

    book_family_at(&book, 1)->name = strings->first + strings->used;
}

static void file_without_end(void)
{
    struct lmm_ledger_chunk *strings = book_find(&book, LMM_LEDGER_STRINGS, 0);

    memset((char *) (strings + 1), 'x', strings->capacity);
    strings->used = strings->capacity;
}

static void function_past_the_last_chunk(void)
{
    struct lmm_ledger_chunk *strings = book_find(&book, LMM_LEDGER_STRINGS, 1);

    book_site_at(&book, 0)->function = strings->first + strings->capacity;
}

static void no_strings(void)
{
    book_find(&book, LMM_LEDGER_STRINGS, 0)->used = 0;
}

static void size_zero(void)
{
    book_family_at(&book, 0)->size_bytes = 0;
}

static void stride_below_size(void)
{
    book_family_at(&book, 0)->stride_bytes = 35;
}

static void align_zero(void)
{
    book_family_at(&book, 0)->align_bytes = 0;
}

static void align_odd(void)
{
    book_family_at(&book, 0)->align_bytes = 24;
}

#define DAMAGE(name)                                                                               \
    {                                                                                              \
#name, name                                                                                \
    }

static const struct {
    const char *name;
    void (*damage)(void);
} damages[] = {
    DAMAGE(no_magic),
    DAMAGE(header_size),
    DAMAGE(chunk_size),
    DAMAGE(no_state),
    DAMAGE(unknown_state),
    DAMAGE(command_too_long),
    DAMAGE(endless_boot_id),
    DAMAGE(endless_executable),
    DAMAGE(no_header),
    DAMAGE(askew_header),
    DAMAGE(no_chunk_list),
    DAMAGE(missing_chunk),
    DAMAGE(askew_chunk),
    DAMAGE(repeated_chunk),
    DAMAGE(three_chunks_of_an_owner),
    DAMAGE(first_missing),
    DAMAGE(strings_missing),
    DAMAGE(bytes_below_records),
    DAMAGE(bytes_zero),
    DAMAGE(bytes_askew),
    DAMAGE(capacity_beyond_bytes),
    DAMAGE(record_too_small),
    DAMAGE(record_huge),
    DAMAGE(record_zero),
    DAMAGE(owner_of_sites),
    DAMAGE(first_not_zero),
    DAMAGE(gap_between_chunks),
    DAMAGE(overlapping_chunks),
    DAMAGE(wrapping_capacity),
    DAMAGE(owner_beyond_owners),
    DAMAGE(rows_that_start_late),
    DAMAGE(moved_rows_that_start_late),
    DAMAGE(rows_partly_used),
    DAMAGE(used_beyond_capacity),
    DAMAGE(hole_in_sites),
    DAMAGE(hole_behind_an_empty_chunk),
    DAMAGE(too_many_families),
    DAMAGE(too_many_sites),
    DAMAGE(family_beyond_families),
    DAMAGE(family_huge),
    DAMAGE(name_beyond_strings),
    DAMAGE(name_in_the_unused),
    DAMAGE(file_without_end),
    DAMAGE(function_past_the_last_chunk),
    DAMAGE(no_strings),
    DAMAGE(size_zero),
    DAMAGE(stride_below_size),
    DAMAGE(align_zero),
    DAMAGE(align_odd),
};

Test(model, every_damage_is_einval)
{
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        struct lmm_model *model = NULL;
        size_t bytes = 1 << 20;
        char *large = malloc(bytes);

        book_make_sound(&book);
        damages[i].damage();
        cr_expect_eq(lmm_model_build(&book.view, large, bytes, &model), -EINVAL, "%s",
                     damages[i].name);
        cr_expect_null(model, "%s: the result is touched", damages[i].name);
        cr_expect_lt(lmm_model_bytes(&book.view), (size_t) 1 << 28, "%s: size is bounded",
                     damages[i].name);
        free(large);
        book_close(&book);
    }
    cr_expect_eq(lmm_model_build(NULL, scratch, sizeof(scratch), &(struct lmm_model *) {NULL}),
                 -EINVAL);
}

/* Flips every bit of every chunk in turn: the build may fail, but it must not read outside of a
 * chunk, and a model must be valid. */
Test(model, no_flipped_bit_leads_outside)
{
    size_t sound = 0;

    book_make_sound(&book);
    for (size_t c = 0; c < book.view.chunk_count; c++) {
        struct lmm_ledger_chunk *chunk = book.chunks[c];
        size_t bytes = sizeof(*chunk) + (size_t) chunk->capacity * chunk->record_bytes;
        uint64_t whole = chunk->bytes;

        for (size_t bit = 0; bit < bytes * 8; bit++) {
            unsigned char *byte = (unsigned char *) chunk + bit / 8;
            struct lmm_model *model = NULL;
            int error;

            *byte ^= (unsigned char) (1u << bit % 8);
            if (chunk->bytes <= whole) { /* else the chunk would not be readable to its end */
                error = lmm_model_build(&book.view, scratch, sizeof(scratch), &model);
                cr_assert(error == -EINVAL || (error == 0 && lmm_model_is_valid(model)));
                sound += error == 0;
            }
            *byte ^= (unsigned char) (1u << bit % 8);
        }
    }
    cr_expect_gt(sound, 0);
    book_close(&book);
}
