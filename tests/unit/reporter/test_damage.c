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

static void make_missing_chunk(void)
{
    static const struct lmm_ledger_chunk *chunks[BOOK_CHUNKS_MAX];

    memcpy(chunks, book.chunks, sizeof(chunks));
    chunks[3] = NULL;
    book.view.chunks = chunks;
}

static void make_askew_chunk(void)
{
    static const struct lmm_ledger_chunk *chunks[BOOK_CHUNKS_MAX];

    memcpy(chunks, book.chunks, sizeof(chunks));
    chunks[3] = (const void *) ((const char *) chunks[3] + 1);
    book.view.chunks = chunks;
}

static void make_repeated_chunk(void)
{
    book.view.chunk_count = 2;
    static const struct lmm_ledger_chunk *chunks[2];

    chunks[0] = book_find(&book, LMM_LEDGER_STRINGS, 0);
    chunks[1] = chunks[0];
    book.view.chunks = chunks;
}

static void make_three_chunks_of_an_owner(void)
{
    book_chunk(&book, LMM_LEDGER_ROWS, 1, 4);
    book_chunk(&book, LMM_LEDGER_ROWS, 1, 2);
}

static void make_capacity_beyond_bytes(void)
{
    struct lmm_ledger_chunk *rows = book_find(&book, LMM_LEDGER_ROWS, 0);

    rows->capacity += 2;
    rows->used = rows->capacity;
}

/* An empty chunk between two others must not hide that the first is not full. */
static void make_hole_after_an_empty_chunk(void)
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

static void make_too_many_sites(void)
{
    struct lmm_ledger_chunk *second = book_find(&book, LMM_LEDGER_SITES, 1);

    second->used = second->capacity;
    book_chunk(&book, LMM_LEDGER_SITES, 0, LMM_LEDGER_MAX_SITES)->used = LMM_LEDGER_MAX_SITES;
}

static void make_name_in_the_unused(void)
{
    struct lmm_ledger_chunk *strings = book_find(&book, LMM_LEDGER_STRINGS, 0);

    book_family_at(&book, 1)->name = strings->first + strings->used;
}

static void make_file_without_end(void)
{
    struct lmm_ledger_chunk *strings = book_find(&book, LMM_LEDGER_STRINGS, 0);

    memset((char *) (strings + 1), 'x', strings->capacity);
    strings->used = strings->capacity;
}

static void make_function_past_the_last_chunk(void)
{
    struct lmm_ledger_chunk *strings = book_find(&book, LMM_LEDGER_STRINGS, 1);

    book_site_at(&book, 0)->function = strings->first + strings->capacity;
}

static struct lmm_ledger_row_page *page_of_rows(void)
{
    return (void *) (book_find(&book, LMM_LEDGER_ROWS, 0) + 1);
}

static struct lmm_ledger_leak *first_leak(void)
{
    return (void *) (book_find(&book, LMM_LEDGER_LEAKS_ODD, 0) + 1);
}

/* One of class INDIRECT. */
static struct lmm_ledger_leak *last_leak(void)
{
    struct lmm_ledger_leak *leaks = (void *) (book_find(&book, LMM_LEDGER_LEAKS_ODD, 1) + 1);

    return &leaks[2];
}

/* One in the middle. */
static struct lmm_ledger_page_use *page_use(void)
{
    return (struct lmm_ledger_page_use *) (book_find(&book, LMM_LEDGER_PAGES_ODD, 0) + 1) + 2;
}

#define FIND(kind, i) book_find(&book, LMM_LEDGER_##kind, i)

/* Each damage: its name, and the statement that does it. */
#define DAMAGES(ROW)                                                                               \
    ROW(no_magic, book.header.magic[7]++)                                                          \
    ROW(header_size, book.header.header_bytes--)                                                   \
    ROW(chunk_size, book.header.chunk_bytes++)                                                     \
    ROW(no_state, book.header.state = 0)                                                           \
    ROW(unknown_state, book.header.state = LMM_LEDGER_LOST + 1)                                    \
    ROW(command_too_long, book.header.command_bytes = LMM_LEDGER_COMMAND_MAX + 1)                  \
    ROW(endless_boot_id, memset(book.header.boot_id, 'x', sizeof(book.header.boot_id)))            \
    ROW(endless_executable, memset(book.header.executable, 'x', sizeof(book.header.executable)))   \
    ROW(no_header, book.view.header = NULL)                                                        \
    ROW(askew_header, book.view.header = (const void *) ((const char *) &book.header + 4))         \
    ROW(no_chunk_list, book.view.chunks = NULL)                                                    \
    ROW(missing_chunk, make_missing_chunk())                                                       \
    ROW(askew_chunk, make_askew_chunk())                                                           \
    ROW(repeated_chunk, make_repeated_chunk())                                                     \
    ROW(first_missing, FIND(SITES, 0)->kind = 5)                                                   \
    ROW(strings_missing, FIND(STRINGS, 1)->kind = LMM_LEDGER_UNUSED)                               \
    ROW(bytes_below_records, FIND(SITES, 0)->bytes -= 64)                                          \
    ROW(bytes_zero, FIND(ROWS, 0)->bytes = 0)                                                      \
    ROW(bytes_askew, FIND(FAMILIES, 0)->bytes += 8)                                                \
    ROW(capacity_beyond_bytes, make_capacity_beyond_bytes())                                       \
    ROW(record_too_small, FIND(FAMILIES, 0)->record_bytes--)                                       \
    ROW(record_huge, FIND(STRINGS, 0)->record_bytes = UINT32_MAX)                                  \
    ROW(record_zero, FIND(ROWS, 0)->record_bytes = 0)                                              \
    ROW(row_page_without_rows, FIND(ROWS, 0)->record_bytes = sizeof(struct lmm_ledger_row_page))   \
    ROW(row_page_askew, FIND(ROWS, 0)->record_bytes -= 8)                                          \
    ROW(more_rows_than_the_page, page_of_rows()->rows = BOOK_ROWS + 1)                             \
    ROW(rows_beyond_sites, page_of_rows()->first_site = UINT32_MAX)                                \
    ROW(owner_of_rows, FIND(ROWS, 0)->owner = 1)                                                   \
    ROW(more_pages_than_capacity, FIND(ROWS, 0)->used = BOOK_PAGES + 1)                            \
    ROW(owner_of_sites, FIND(SITES, 0)->owner = 1)                                                 \
    ROW(first_not_zero, FIND(STRINGS, 0)->first = 1)                                               \
    ROW(gap_between_chunks, FIND(SITES, 1)->first++)                                               \
    ROW(overlapping_chunks, FIND(SITES, 1)->first--)                                               \
    ROW(wrapping_capacity, FIND(SITES, 1)->capacity = UINT32_MAX)                                  \
    ROW(used_beyond_capacity, FIND(SITES, 1)->used = BOOK_SITES + 1)                               \
    ROW(hole_in_sites, FIND(SITES, 0)->used--)                                                     \
    ROW(hole_after_an_empty_chunk, make_hole_after_an_empty_chunk())                               \
    ROW(too_many_families,                                                                         \
        book_chunk(&book, LMM_LEDGER_FAMILIES, 0, LMM_LEDGER_MAX_FAMILIES)->used =                 \
            LMM_LEDGER_MAX_FAMILIES)                                                               \
    ROW(too_many_sites, make_too_many_sites())                                                     \
    ROW(family_beyond_families, book_site_at(&book, 4)->family = 2)                                \
    ROW(family_huge, book_site_at(&book, 0)->family = UINT32_MAX)                                  \
    ROW(name_beyond_strings, book_family_at(&book, 1)->name = UINT32_MAX)                          \
    ROW(name_in_the_unused, make_name_in_the_unused())                                             \
    ROW(file_without_end, make_file_without_end())                                                 \
    ROW(function_past_the_last_chunk, make_function_past_the_last_chunk())                         \
    ROW(no_strings, FIND(STRINGS, 0)->used = 0)                                                    \
    ROW(size_zero, book_family_at(&book, 0)->size_bytes = 0)                                       \
    ROW(stride_below_size, book_family_at(&book, 0)->stride_bytes = 35)                            \
    ROW(align_zero, book_family_at(&book, 0)->align_bytes = 0)                                     \
    ROW(align_odd, book_family_at(&book, 0)->align_bytes = 24)                                     \
    ROW(more_leaks_than_records, book.header.check[1].leaks = 8)                                   \
    ROW(leaks_of_a_failed_check, book.header.check[1].failure = 1)                                 \
    ROW(leaks_missing, FIND(LEAKS_ODD, 0)->kind = LMM_LEDGER_UNUSED)                               \
    ROW(leaks_of_another_size, FIND(LEAKS_ODD, 0)->record_bytes = 32)                              \
    ROW(hole_in_leaks, FIND(LEAKS_ODD, 0)->used--)                                                 \
    ROW(no_class, first_leak()->kind = 0)                                                          \
    ROW(unknown_class, first_leak()->kind = LMM_LEDGER_LEAK_IGNORED + 1)                           \
    ROW(site_of_a_leak, first_leak()->site = LMM_LEDGER_MAX_SITES)                                 \
    ROW(leader_of_a_leak, last_leak()->leader = UINT32_MAX)                                        \
    ROW(leader_of_a_reachable_block, first_leak()->leader = 3)                                     \
    ROW(too_many_examples, last_leak()->examples = 4)                                              \
    ROW(more_page_uses_than_records, book.header.page_walk[1].records = 6)                         \
    ROW(page_uses_of_a_failed_walk, book.header.page_walk[1].failure = 1)                          \
    ROW(more_sparse_than_held, book.header.page_walk[1].sparse_bytes = 40961)                      \
    ROW(page_uses_missing, FIND(PAGES_ODD, 0)->kind = LMM_LEDGER_UNUSED)                           \
    ROW(page_uses_of_another_size, FIND(PAGES_ODD, 0)->record_bytes = 32)                          \
    ROW(hole_in_page_uses, FIND(PAGES_ODD, 0)->used--)                                             \
    ROW(site_of_a_page_use, page_use()->site = LMM_LEDGER_MAX_SITES)                               \
    ROW(last_site_of_page_uses,                                                                    \
        ((struct lmm_ledger_page_use *) (FIND(PAGES_ODD, 1) + 1))->site = UINT32_MAX)              \
    ROW(page_use_twice, page_use()->site = 3)                                                      \
    ROW(page_uses_in_no_order, page_use()->site = 0)                                               \
    ROW(more_sparse_blocks_than_blocks, page_use()->sparse_blocks = 5)                             \
    ROW(more_sparse_live_bytes_than_live, page_use()->sparse_live_bytes = 145)                     \
    ROW(more_sparse_bytes_than_held, page_use()->sparse_bytes = UINT64_MAX)

/* The same for the rows of version 1. */
#define DAMAGES_V1(ROW)                                                                            \
    ROW(three_chunks_of_an_owner, make_three_chunks_of_an_owner())                                 \
    ROW(owner_beyond_owners, FIND(ROWS, 1)->owner = LMM_LEDGER_MAX_OWNERS)                         \
    ROW(rows_that_start_late, FIND(ROWS, 1)->first = 1)                                            \
    ROW(moved_rows_that_start_late, book_chunk(&book, LMM_LEDGER_ROWS, 1, 4)->first = 4)           \
    ROW(rows_partly_used, FIND(ROWS, 0)->used--)                                                   \
    ROW(record_of_version_2, FIND(ROWS, 0)->record_bytes = sizeof(struct lmm_ledger_row))

#define DEFINE(name, ...)                                                                          \
    static void name(void)                                                                         \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
#define LISTED(name, ...) {#name, name},

DAMAGES(DEFINE)
DAMAGES_V1(DEFINE)

static const struct damage {
    const char *name;
    void (*damage)(void);
} damages[] = {DAMAGES(LISTED)}, damages_v1[] = {DAMAGES_V1(LISTED)};

static void expect_einval(const struct damage *list, size_t count, uint32_t version)
{
    for (size_t i = 0; i < count; i++) {
        struct lmm_model *model = NULL;
        size_t bytes = 1 << 20;
        char *large = malloc(bytes);

        book_make_sound_of(&book, version);
        list[i].damage();
        cr_expect_eq(lmm_model_build(&book.view, large, bytes, &model), -EINVAL, "%s",
                     list[i].name);
        cr_expect_null(model, "%s: the result is touched", list[i].name);
        cr_expect_lt(lmm_model_bytes(&book.view), (size_t) 1 << 29, "%s: size is bounded",
                     list[i].name);
        free(large);
        book_close(&book);
    }
}

Test(model, every_damage_is_einval)
{
    expect_einval(damages, sizeof(damages) / sizeof(damages[0]), 2);
    expect_einval(damages_v1, sizeof(damages_v1) / sizeof(damages_v1[0]), 1);
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
