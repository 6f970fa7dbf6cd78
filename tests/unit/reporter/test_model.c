/* SPDX-License-Identifier: MIT */
/* The model: every figure, the order of the rows, and the memory that it needs. test_damage.c has
 * damaged ledgers. */
#include "reporter/core/build.h"
#include "reporter/core/model.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/sort.h"
#include "tests/support/book.h"

enum {
    SCRATCH_MAX = 1 << 16,
};

static _Alignas(16) char scratch[SCRATCH_MAX];
static struct book book;

static void close_book(void)
{
    book_close(&book);
}

TestSuite(model, .fini = close_book);

static struct lmm_model *built(void)
{
    struct lmm_model *model = NULL;
    int error = lmm_model_build(&book.view, scratch, sizeof(scratch), &model);

    cr_assert_eq(error, 0, "build: %s", strerror(-error));
    cr_expect(lmm_model_is_valid(model));
    return model;
}

static void expect_string(struct lmm_string string, const char *expected)
{
    cr_expect(string.bytes == strlen(expected) && memcmp(string.text, expected, string.bytes) == 0,
              "\"%.*s\" is not \"%s\"", (int) string.bytes, string.text, expected);
}

/* ---- Figures --------------------------------------------------------------------------------- */

Test(model, sums_over_owners_sites_and_families)
{
    book_make_sound(&book);
    struct lmm_model *model = built();

    cr_expect_eq(model->site_count, 5);
    cr_expect_eq(model->family_count, 2);
    cr_expect_eq(model->total.allocations, 75);
    cr_expect_eq(model->total.frees, 30);
    cr_expect_eq(model->total.live_blocks, 45);
    for (size_t i = 0; i < model->site_count; i++) {
        cr_expect_eq(model->sites[i].live_blocks, 11 - model->sites[i].id);
        cr_expect_eq(model->sites[i].allocations, 15);
    }
    expect_string(model->families[0]->name, "emp_t");
    cr_expect_eq(model->families[0]->live_blocks, 27);
    cr_expect_eq(model->families[0]->live_bytes, 27 * 36);
    cr_expect_eq(model->families[1]->live_bytes, 18 * 33);
    cr_expect_eq(model->total.live_bytes, 27 * 36 + 18 * 33);
    expect_string(model->program, "hr");
    cr_expect_eq(model->pid, 42);
    cr_expect(model->settled);
}

Test(model, runs_count_their_slots)
{
    book_make_sound(&book);
    book_row(&book, 1, 0)->allocated_extra = 100;
    book_row(&book, 7, 0)->freed_extra = 40;
    struct lmm_model *model = built();

    cr_expect_eq(model->sites[0].id, 0);
    cr_expect_eq(model->sites[0].live_blocks, 11);
    cr_expect_eq(model->sites[0].live_slots, 71);
    cr_expect_eq(model->sites[0].live_bytes, 71 * 36);
}

Test(model, live_is_never_negative)
{
    book_make_sound(&book);
    book_count(&book, 1, 0, 0, 1000);
    book_row(&book, 1, 1)->freed_extra = 500;
    struct lmm_model *model = built();

    for (size_t i = 0; i < model->site_count; i++) {
        struct lmm_model_site *site = &model->sites[i];

        cr_expect(site->id != 0 || (site->live_blocks == 0 && site->live_bytes == 0));
        cr_expect_geq(site->live_slots, site->live_blocks);
    }
}

/* Gauges of one family of size 24 in stride 32, with 10 live slots, and the figures defined by
 * them. */
static const struct {
    const char *what;
    uint64_t pages, mapped, committed, slots, run_free, longest_run, peak;
    uint64_t peak_bytes, internal_bytes;
    uint32_t occupancy, internal, external;
} figures[] = {
    {"nothing known", 0, 0, 0, 0, 0, 0, 0, 240, 0, 0, 0, 0},
    {"a page of 100 slots and a tail of 96", 1, 3296, 480, 100, 90, 45, 20, 480, 896, 500, 271,
     500},
    {"one stretch of free slots", 0, 3200, 3200, 100, 90, 90, 0, 240, 800, 75, 250, 0},
    {"only the runs' free slots can be scattered", 0, 3200, 3200, 100, 40, 10, 0, 240, 800, 75, 250,
     750},
    {"full pages", 0, 320, 320, 10, 0, 0, 0, 240, 80, 750, 250, 0},
    {"gauges older than the counters", 0, 64, 64, 2, 1, 9, 2, 240, 0, 1000, 0, 0},
    {"no shift of the scale rounds a share away", 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
     UINT64_MAX / 4, UINT64_MAX, UINT64_MAX, 0, 0, 0, 750},
};

Test(model, defines_each_figure)
{
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        const char *what = figures[i].what;
        book_open(&book, "x", 1);
        uint32_t family = book_family(&book, "t", 24, 32);
        struct lmm_ledger_family *record = book_family_at(&book, family);

        record->pages = figures[i].pages;
        record->mapped_bytes = figures[i].mapped;
        record->committed_bytes = figures[i].committed;
        record->slots = figures[i].slots;
        record->run_free_slots = figures[i].run_free;
        record->longest_run_slots = figures[i].longest_run;
        record->peak_amount = figures[i].peak;
        book_count(&book, 1, book_site(&book, family, "x.c", 1, "f"), 10, 0);
        const struct lmm_model_family *row = built()->families[0];

        cr_expect_eq(row->peak_bytes, figures[i].peak_bytes, "%s: peak", what);
        cr_expect_eq(row->free_slots, row->slots > 10 ? row->slots - 10 : 0, "%s: free slots",
                     what);
        cr_expect_eq(row->internal_bytes, figures[i].internal_bytes, "%s: internal bytes %llu",
                     what, (unsigned long long) row->internal_bytes);
        cr_expect_eq(row->occupancy_permille, figures[i].occupancy, "%s: occupancy", what);
        cr_expect_eq(row->internal_permille, figures[i].internal, "%s: internal %u", what,
                     (unsigned) row->internal_permille);
        cr_expect_eq(row->external_permille, figures[i].external, "%s: external %u", what,
                     (unsigned) row->external_permille);
        book_close(&book);
    }
}

Test(model, permille_is_exact_and_bounded)
{
    static const struct {
        uint64_t part, whole;
        uint32_t expected;
    } cases[] = {{0, 0, 0},
                 {5, 0, 0},
                 {0, 5, 0},
                 {1, 3, 333},
                 {2, 3, 666},
                 {3, 3, 1000},
                 {4, 3, 1000},
                 {999, 1000000, 0},
                 {1000, 1000000, 1},
                 {UINT64_MAX, UINT64_MAX, 1000},
                 {UINT64_MAX / 2, UINT64_MAX, 499},
                 {UINT64_MAX, 1, 1000},
                 {1, UINT64_MAX, 0}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(lmm_model_permille(cases[i].part, cases[i].whole), cases[i].expected,
                     "case %zu", i);
    }
}

/* ---- Rows ------------------------------------------------------------------------------------ */

Test(model, leaves_out_sites_that_counted_nothing)
{
    book_make_sound(&book);
    book_site(&book, 0, "hr.c", 99, "idle");
    struct lmm_model *model = built();

    cr_expect_eq(model->site_count, 5);
    cr_expect_eq(model->families_used, 2);
}

Test(model, rows_of_sites_not_yet_known_are_not_read_as_others)
{
    book_make_sound(&book);
    book_count(&book, 1, 7, 1000, 0);
    cr_expect_eq(built()->total.allocations, 75);
}

Test(model, orders_families_by_live_bytes_then_name)
{
    static const char *const expected[] = {"big", "aa", "aaa", "b"};

    book_open(&book, "x", 1);
    book_family(&book, "b", 8, 8);
    book_family(&book, "aaa", 8, 8);
    book_family(&book, "aa", 8, 8);
    uint32_t big = book_family(&book, "big", 8, 8);

    book_count(&book, 1, book_site(&book, big, "x.c", 1, "f"), 1, 0);
    struct lmm_model *model = built();

    for (size_t i = 0; i < 4; i++) {
        expect_string(model->families[i]->name, expected[i]);
    }
    cr_expect_eq(model->families_used, 1);
}

Test(model, orders_sites_by_live_bytes_allocations_and_place)
{
    static const uint32_t expected[] = {5, 4, 1, 2, 3, 0};

    book_open(&book, "x", 1);
    uint32_t family = book_family(&book, "t", 8, 8);

    book_count(&book, 1, book_site(&book, family, "z.c", 1, "f"), 1, 1);
    book_count(&book, 1, book_site(&book, family, "a.c", 9, "f"), 3, 3);
    book_count(&book, 1, book_site(&book, family, "b.c", 2, "f"), 3, 3);
    book_count(&book, 1, book_site(&book, family, "b.c", 10, "f"), 3, 3);
    book_count(&book, 1, book_site(&book, family, "z.c", 2, "f"), 9, 9);
    book_count(&book, 1, book_site(&book, family, "z.c", 3, "f"), 2, 1);
    struct lmm_model *model = built();

    for (size_t i = 0; i < 6; i++) {
        cr_expect_eq(model->sites[i].id, expected[i], "place %zu: site %u", i,
                     (unsigned) model->sites[i].id);
    }
    cr_expect_eq(model->sites[0].share_permille, 1000);
}

Test(model, orders_many_sites_with_and_without_lines)
{
    static const char *const files[] = {"", "", "a.c", "b.c"};
    uint32_t seed = 1;

    book_open(&book, "x", 1);
    uint32_t family = book_family(&book, "t", 8, 8);

    for (uint32_t i = 0; i < 120; i++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t site = book_site(&book, family, files[seed >> 30], seed >> 28 & 3, "f");
        uint32_t allocations = (seed >> 24 & 3) + 1;

        book_count(&book, 1, site, allocations,
                   (seed >> 22 & 3) == 0 ? allocations - 1 : allocations);
    }
    struct lmm_model *model = built();

    cr_assert_eq(model->site_count, 120);
    for (size_t i = 1; i < model->site_count; i++) {
        cr_expect_lt(lmm_model_compare_sites(&model->sites[i - 1], &model->sites[i]), 0,
                     "places %zu and %zu", i - 1, i);
    }
}

static int compare_bytes(const void *a, const void *b)
{
    return *(const unsigned char *) a - *(const unsigned char *) b;
}

Test(sort, agrees_with_counting_on_every_length)
{
    uint32_t seed = 12345;

    for (size_t count = 0; count < 200; count++) {
        unsigned char items[200][3];
        size_t seen[256] = {0};

        for (size_t i = 0; i < count; i++) {
            seed = seed * 1664525u + 1013904223u;
            items[i][0] = (unsigned char) (seed >> 24) % 50;
            items[i][1] = items[i][0];
            items[i][2] = (unsigned char) ~items[i][0];
            seen[items[i][0]]++;
        }
        lmm_sort(items, count, sizeof(items[0]), compare_bytes);
        for (size_t i = 0; i < count; i++) {
            cr_assert(i == 0 || items[i - 1][0] <= items[i][0]);
            cr_assert(items[i][1] == items[i][0] && items[i][2] == (unsigned char) ~items[i][0]);
            cr_assert(seen[items[i][0]]-- > 0);
        }
    }
}

/* ---- Room and time --------------------------------------------------------------------------- */

Test(model, needs_no_more_scratch_than_it_says)
{
    struct lmm_model *model = NULL;

    book_make_sound(&book);
    size_t bytes = lmm_model_bytes(&book.view);
    char *exact = malloc(bytes + 1);

    cr_assert_not_null(exact);
    cr_expect_eq(lmm_model_build(&book.view, exact, bytes, &model), 0);
    cr_expect_eq(lmm_model_build(&book.view, exact + 1, bytes, &model), 0, "any alignment");
    free(exact);
}

Test(model, too_little_scratch_is_enospc_at_every_size)
{
    book_make_sound(&book);
    size_t least = 0;

    for (size_t bytes = 0; bytes <= lmm_model_bytes(&book.view) && least == 0; bytes += 8) {
        struct lmm_model *model = NULL;
        char *exact = malloc(bytes + 1);
        int error = lmm_model_build(&book.view, exact, bytes, &model);

        cr_assert(error == 0 || (error == -ENOSPC && model == NULL), "%zu bytes: %d", bytes, error);
        least = error == 0 ? bytes : 0;
        free(exact);
    }
    cr_expect_gt(least, sizeof(struct lmm_model));
    cr_expect_eq(lmm_model_build(&book.view, NULL, 0, &(struct lmm_model *) {NULL}), -ENOSPC);
}

Test(model, scratch_has_room_for_sites_that_come_meanwhile)
{
    struct lmm_model *model = NULL;

    book_make_sound(&book);
    size_t bytes = lmm_model_bytes(&book.view);
    char *exact = malloc(bytes);

    book_family(&book, "late_t", 8, 8);
    for (uint32_t i = 0; i < 20; i++) {
        book_site(&book, 2, "late.c", i, "f");
    }
    cr_expect_eq(lmm_model_build(&book.view, exact, bytes, &model), 0);
    free(exact);
}

Test(model, a_move_that_never_ends_is_said)
{
    book_make_sound(&book);
    book.header.move_sequence = 5;
    struct lmm_model *model = built();

    cr_expect_not(model->settled);
    cr_expect_eq(model->total.allocations, 75, "the sums are those of one try");
    book.header.move_sequence = 6;
    cr_expect(built()->settled);
}

/* Counts an allocation, then its free, and sometimes moves the rows, as fast as possible. */
static atomic_bool stop;

static void *write_rows(void *unused)
{
    struct lmm_ledger_row *own = book_row(&book, 1, 0);
    struct lmm_ledger_row *departed = book_row(&book, 0, 0);

    (void) unused;
    for (uint64_t n = 1; !atomic_load(&stop); n++) {
        __atomic_store_n(&own->allocated_blocks, own->allocated_blocks + 1, __ATOMIC_RELEASE);
        __atomic_store_n(&own->freed_blocks, own->freed_blocks + 1, __ATOMIC_RELEASE);
        if (n % 64 == 0) {
            __atomic_add_fetch(&book.header.move_sequence, 1, __ATOMIC_SEQ_CST);
            __atomic_store_n(&departed->allocated_blocks,
                             departed->allocated_blocks + own->allocated_blocks, __ATOMIC_RELEASE);
            __atomic_store_n(&departed->freed_blocks, departed->freed_blocks + own->freed_blocks,
                             __ATOMIC_RELEASE);
            __atomic_store_n(&own->allocated_blocks, 0, __ATOMIC_RELEASE);
            __atomic_store_n(&own->freed_blocks, 0, __ATOMIC_RELEASE);
            __atomic_add_fetch(&book.header.move_sequence, 1, __ATOMIC_SEQ_CST);
        }
    }
    return NULL;
}

Test(model, a_writer_at_work_never_shows_more_frees_than_allocations)
{
    pthread_t writer;
    uint64_t settled = 0;
    uint64_t before = 0;

    book_open(&book, "x", 1);
    book.header.version = 1;
    book_site(&book, book_family(&book, "t", 8, 8), "x.c", 1, "f");
    book_row(&book, 0, 0);
    book_row(&book, 1, 0);
    atomic_store(&stop, false);
    cr_assert_eq(pthread_create(&writer, NULL, write_rows, NULL), 0);
    for (int i = 0; i < 20000 || before == 0; i++) { /* the writer may start late */
        struct lmm_model *model = built();

        if (model->settled) {
            settled++;
            cr_assert_leq(model->total.frees, model->total.allocations);
            cr_assert_geq(model->total.allocations, before,
                          "a move was counted twice or not at all");
            before = model->total.allocations;
        }
    }
    atomic_store(&stop, true);
    pthread_join(writer, NULL);
    cr_expect_gt(settled, 0);
    cr_expect_gt(before, 0);
}

/* The blocks of one row page are freed in others, which come into being meanwhile. */
static void *add_pages(void *chunk_of_rows)
{
    struct lmm_ledger_chunk *chunk = chunk_of_rows;
    size_t page_bytes = chunk->record_bytes;

    for (uint64_t n = 0; !atomic_load(&stop); n++) {
        uint32_t used = (uint32_t) (n / 1000 % chunk->capacity);
        struct lmm_ledger_row_page *born = (void *) (chunk + 1);
        struct lmm_ledger_row_page *freer = (void *) ((char *) born + used * page_bytes);

        if (used >= chunk->used) {
            freer->rows = BOOK_ROWS;
            __atomic_store_n(&chunk->used, used + 1, __ATOMIC_RELEASE);
        }
        __atomic_store_n(&freer->row[0].allocated_blocks, freer->row[0].allocated_blocks + 1,
                         __ATOMIC_RELEASE);
        __atomic_store_n(&born->row[0].freed_blocks, born->row[0].freed_blocks + 1,
                         __ATOMIC_RELEASE);
    }
    return NULL;
}

Test(model, new_row_pages_never_show_more_frees_than_allocations)
{
    enum { PAGES = 200 };
    pthread_t writer;

    book_open(&book, "x", 1);
    book_site(&book, book_family(&book, "t", 8, 8), "x.c", 1, "f");
    struct lmm_ledger_chunk *chunk = book_chunk(&book, LMM_LEDGER_ROWS, 0, PAGES);

    atomic_store(&stop, false);
    cr_assert_eq(pthread_create(&writer, NULL, add_pages, chunk), 0);
    while (__atomic_load_n(&chunk->used, __ATOMIC_ACQUIRE) < PAGES) {
        struct lmm_model *model = built();

        cr_assert(model->settled);
        cr_assert_leq(model->total.frees, model->total.allocations);
    }
    atomic_store(&stop, true);
    pthread_join(writer, NULL);
}

/* Rows beside the counters of blocks: sums, and the smallest and largest of all rows. */
Test(model, details_of_rows)
{
    static const struct {
        uint32_t smallest;
        uint32_t largest;
        uint64_t foreign_frees;
    } rows[] = {{0, 0, 0}, {30, 70, 2}, {12, 40, 1}, {0, 0, 3}};

    book_make_sound(&book);
    for (uint32_t i = 0; i < 4; i++) {
        struct lmm_ledger_row *row = book_row(&book, i + 20, 0);

        book_count(&book, i + 20, 0, 10, 5);
        row->smallest_bytes = rows[i].smallest;
        row->largest_bytes = rows[i].largest;
        row->foreign_frees = rows[i].foreign_frees;
        row->temporaries = i;
    }
    book_row(&book, 1, 1)->foreign_frees = UINT64_MAX;
    const struct lmm_model *model = built();

    for (size_t i = 0; i < model->site_count; i++) {
        const struct lmm_model_site *site = &model->sites[i];

        if (site->id == 0) {
            cr_expect(site->smallest_bytes == 12 && site->largest_bytes == 70);
            cr_expect(site->foreign_frees == 6 && site->temporaries == 6);
        } else {
            cr_expect_eq(site->smallest_bytes, site->family->size_bytes, "structs alone");
            cr_expect_eq(site->largest_bytes, site->family->size_bytes);
            cr_expect_leq(site->foreign_frees, site->frees);
        }
    }
}

/* ---- Moved rows, and unknown kinds of chunks ------------------------------------------------- */

Test(model, of_two_chunks_of_an_owner_the_larger_counts)
{
    for (uint32_t capacity = 1; capacity <= 5; capacity++) {
        book_make_sound_of(&book, 1);
        struct lmm_ledger_chunk *smaller = book_chunk(&book, LMM_LEDGER_ROWS, 1, capacity);

        memset(smaller + 1, 0x55, capacity * sizeof(struct lmm_ledger_row_v1));
        cr_expect_eq(built()->total.allocations, 75, "%u rows", (unsigned) capacity);
        book_close(&book);
    }
}

Test(model, unknown_kinds_of_chunks_are_skipped)
{
    static const uint32_t unknown[] = {LMM_LEDGER_TEMPORARIES_V1, LMM_LEDGER_PAGES_ODD + 1,
                                       UINT32_MAX};

    book_make_sound(&book);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        struct lmm_ledger_chunk *chunk = book_chunk(&book, unknown[i], 12345, 128);

        chunk->record_bytes = UINT32_MAX;
        chunk->capacity = UINT32_MAX;
    }
    cr_expect_eq(built()->total.allocations, 75);
}

/* ---- The drop-in ----------------------------------------------------------------------------- */

/* Two sites of one family, of which the first has a stack of two calls. */
static void make_drop_in(uint64_t bias)
{
    book_open(&book, "/usr/bin/tool", 42);
    book.header.is_drop_in = 1;
    uint32_t family = book_family(&book, "malloc-48", 48, 16);
    uint32_t stacked = book_site(&book, family, "", 0, "");
    uint32_t bare = book_site(&book, family, "(unattributed)", 0, "");
    uint32_t module = book_module(&book, "/usr/lib/libpart.so", bias, 0x8000);
    uint32_t outer = book_frame(&book, bias + 0x100, 0, module);

    book_stack(&book, stacked, book_frame(&book, bias + 0x200, outer, module));
    book_family_at(&book, family)->flags = LMM_LEDGER_FAMILY_BYTES;
    book_family_at(&book, family)->peak_amount = 1000;
    book_family_at(&book, family)->slots = 100;
    book_count(&book, 1, stacked, 10, 4);
    book_row(&book, 1, stacked)->allocated_extra = 400;
    book_row(&book, 1, stacked)->freed_extra = 100;
    book_count(&book, 1, bare, 1, 1);
    book_row(&book, 1, bare)->allocated_extra = 7;
    *book_temporaries(&book, 1, stacked) = 2;
    *book_temporaries(&book, 2, stacked) = 1;
    *book_temporaries(&book, 1, bare) = 9; /* more than the frees */
}

Test(model, bytes_are_those_asked_for_where_the_family_says_so)
{
    make_drop_in(0x70000000);
    const struct lmm_model *model = built();
    const struct lmm_model_site *site = &model->sites[0];
    const struct lmm_model_family *family = model->families[0];

    cr_expect(model->is_drop_in);
    cr_expect_eq(site->live_bytes, 300);
    cr_expect_eq(site->live_blocks, 6);
    cr_expect_eq(site->live_slots, 6);
    cr_expect_eq(site->allocated_bytes, 400);
    cr_expect_eq(site->allocated_slots, 10);
    cr_expect_eq(model->sites[1].live_bytes, 0, "no live bytes without a live block");
    cr_expect_eq(family->live_bytes, 300);
    cr_expect_eq(family->peak_bytes, 1000);
    cr_expect_eq(family->free_slots, 93, "300 bytes need 7 slots of 48");
    cr_expect_eq(site->temporaries, 3);
    cr_expect_eq(model->sites[1].temporaries, 1);
    cr_expect_eq(model->temporaries, 4);
}

Test(model, a_stack_has_one_key_wherever_its_files_were_mapped)
{
    uint64_t keys[2];

    for (unsigned i = 0; i < 2; i++) {
        make_drop_in(0x70000000 + i * 0x5000);
        const struct lmm_model *model = built();

        keys[i] = model->sites[0].stack_key;
        cr_expect_eq(lmm_model_offset(model, model->sites[0].stack), 0x200);
        cr_expect_eq(lmm_model_caller(model, model->sites[0].stack), 1);
        cr_expect_eq(model->frames[model->sites[0].stack].depth, 2);
        cr_expect_eq(model->sites[1].stack_key, 0);
        book_close(&book);
    }
    cr_expect_eq(keys[0], keys[1]);
    cr_expect_neq(keys[0], 0);
}

static void make_drop_in_v1(void)
{
    make_drop_in(0x70000000);
    book.header.version = 1;
    book_find(&book, LMM_LEDGER_ROWS, 0)->kind = LMM_LEDGER_UNUSED;
    book_count(&book, 1, 0, 1, 0);
}

Test(model, peaks_are_those_of_the_valid_turn)
{
    for (int version = 1; version <= 2; version++) {
        version == 1 ? make_drop_in_v1() : make_drop_in(0x70000000);
        book_peak(&book, 0, 0, 5, 5000);
        book_peak(&book, 1, 0, 6, 6000);
        book.header.peak_bytes[0] = 5000;
        book.header.peak_bytes[1] = 6000;
        for (uint64_t count = 1; count < 4; count++) {
            uint64_t expected = 5000 + 1000 * (count % 2);

            book.header.peak_count = count;
            cr_expect_eq(built()->sites[0].peak_bytes, expected);
            cr_expect_eq(built()->peak_bytes, expected);
        }
        book.header.peak_count = 0;
        cr_expect_eq(built()->has_peak, version == 2);
        cr_expect_eq(built()->peak_bytes, version == 2 ? built()->total.live_bytes : 0);
        book_close(&book);
    }
}

/* A peak below what lives is raised to it, with the sites' shares. */
Test(model, a_peak_is_never_below_what_lives)
{
    make_drop_in(0x70000000);
    book.header.peak_count = 1;
    book.header.peak_bytes[1] = 40;
    book.header.snapshot_time_ns = 77;
    book_peak(&book, 1, 0, 1, 40);
    const struct lmm_model *model = built();

    cr_expect(model->total.live_bytes > 40 && model->peak_bytes == model->total.live_bytes);
    cr_expect_eq(model->peak_time_ns, 77);
    for (size_t i = 0; i < model->site_count; i++) {
        cr_expect_eq(model->sites[i].peak_bytes, model->sites[i].live_bytes);
        cr_expect_eq(model->sites[i].peak_blocks, model->sites[i].live_blocks);
    }
}

Test(model, another_version_is_told_apart_from_damage)
{
    struct lmm_model *model = NULL;

    book_make_sound(&book);
    book.header.header_bytes += 4096;
    for (int i = 0; i < 2; i++) {
        book.header.version = i == 0 ? LMM_LEDGER_VERSION + 1 : LMM_LEDGER_VERSION_MIN - 1;
        cr_expect_eq(lmm_model_build(&book.view, scratch, sizeof(scratch), &model), -ENOTSUP);
        cr_expect_null(model);
    }
}

Test(model, tells_the_process_as_the_header_has_it)
{
    book_make_sound(&book);
    book_command(&book, "--all");
    book_command(&book, "");
    book_command(&book, "two words");
    book.header.parent_pid = 41;
    book.header.state = LMM_LEDGER_LOST;
    book.header.lost_errno = ENOSPC;
    book.header.end_time_ns = 7;
    book.header.snapshot_time_ns = 8;
    struct lmm_model *model = built();

    expect_string(model->command, "/usr/bin/hr --all  two words");
    cr_expect_eq(model->parent_pid, 41);
    cr_expect_eq(model->process, LMM_MODEL_LOST);
    cr_expect_eq(model->lost_errno, ENOSPC);
    cr_expect_eq(model->end_time_ns, 7);
    cr_expect_eq(model->snapshot_time_ns, 8);
    book.header.state = LMM_LEDGER_EXITED;
    cr_expect_eq(built()->process, LMM_MODEL_EXITED);
    book.header.command_bytes = 0;
    expect_string(built()->command, "");
}

/* ---- Panics ---------------------------------------------------------------------------------- */

/* The frames in front of the last one are those of its callers; 0 is no frame. */
enum { FRAMES = 3 };

static const struct {
    uint32_t bytes;
    uint32_t stack;
    const char *panic;
    uint32_t panic_stack;
} panics[] = {
    {0, 0, "", 0},
    {4, 0, "doub", 0},
    {6, FRAMES, "double", FRAMES},
    {6, FRAMES + 1, "double", 0},
    {6, UINT32_MAX, "double", 0},
    {0, FRAMES, "", 0},
};

Test(model, a_panic_is_within_its_bounds)
{
    uint32_t frame = 0;

    book_make_sound(&book);
    uint32_t module = book_module(&book, "/usr/bin/hr", 0x1000, 0x1000);
    for (int i = 0; i < FRAMES; i++) {
        frame = book_frame(&book, 0x1100 + (uint64_t) i, frame, module);
    }
    cr_assert_eq(frame, FRAMES);
    memcpy(book.header.panic_message, "double", 6);
    for (size_t i = 0; i < sizeof(panics) / sizeof(panics[0]); i++) {
        book.header.panic_bytes = panics[i].bytes;
        book.header.panic_stack = panics[i].stack;
        expect_string(built()->panic, panics[i].panic);
        cr_expect_eq(built()->panic_stack, panics[i].panic_stack, "case %zu", i);
    }
}

Test(model, a_panic_without_an_end)
{
    const uint32_t bytes[] = {LMM_LEDGER_PANIC_MAX, LMM_LEDGER_PANIC_MAX + 1, UINT32_MAX};

    book_make_sound(&book);
    memset(book.header.panic_message, 'x', sizeof(book.header.panic_message));
    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        book.header.panic_bytes = bytes[i];
        cr_expect_eq(built()->panic.bytes, LMM_LEDGER_PANIC_MAX, "case %zu", i);
        cr_expect_eq(built()->panic_stack, 0, "there are no frames");
    }
}
