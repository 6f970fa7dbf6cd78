/* SPDX-License-Identifier: MIT */
/* The model: every figure, the order of the rows, and what damaged ledgers lead to. */
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

/* Two families, five sites (so two chunks of them and of rows), three owners, two string chunks. */
static void make_sound(void)
{
    book_open(&book, "/usr/bin/hr", 42);
    uint32_t emp = book_family(&book, "emp_t", 36, 4);
    uint32_t student = book_family(&book, "student_t", 33, 16);

    for (uint32_t line = 1; line <= 5; line++) {
        book_site(&book, line % 2 == 0 ? student : emp, "a/rather/long/path/to/hr.c", line, "hire");
    }
    for (uint32_t site = 0; site < 5; site++) {
        book_count(&book, 0, site, 10, 4);
        book_count(&book, 1, site, 5, 0);
        book_count(&book, 7, site, 0, site);
    }
    book_family_at(&book, emp)->committed_bytes = 8192;
}

/* ---- Figures --------------------------------------------------------------------------------- */

Test(model, sums_over_owners_sites_and_families)
{
    make_sound();
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
    book_close(&book);
}

Test(model, runs_count_their_slots)
{
    make_sound();
    book_row(&book, 1, 0)->allocated_extra = 100;
    book_row(&book, 7, 0)->freed_extra = 40;
    struct lmm_model *model = built();

    cr_expect_eq(model->sites[0].id, 0);
    cr_expect_eq(model->sites[0].live_blocks, 11);
    cr_expect_eq(model->sites[0].live_slots, 71);
    cr_expect_eq(model->sites[0].live_bytes, 71 * 36);
    book_close(&book);
}

Test(model, live_is_never_negative)
{
    make_sound();
    book_count(&book, 1, 0, 0, 1000);
    book_row(&book, 1, 1)->freed_extra = 500;
    struct lmm_model *model = built();

    for (size_t i = 0; i < model->site_count; i++) {
        struct lmm_model_site *site = &model->sites[i];

        cr_expect(site->id != 0 || (site->live_blocks == 0 && site->live_bytes == 0));
        cr_expect_geq(site->live_slots, site->live_blocks);
    }
    book_close(&book);
}

/* Gauges of one family of size 24 in stride 32, with 10 live slots, and what follows from them. */
static const struct {
    const char *what;
    struct lmm_ledger_family gauges;
    uint64_t peak_bytes;
    uint64_t internal_bytes;
    uint32_t occupancy;
    uint32_t internal;
    uint32_t external;
} figures[] = {
    {"nothing known", {0}, 240, 0, 0, 0, 0},
    {"a page of 100 slots and a tail of 96",
     {.pages = 1,
      .mapped_bytes = 3296,
      .committed_bytes = 480,
      .slots = 100,
      .run_free_slots = 90,
      .longest_run_slots = 45,
      .peak_amount = 20},
     480,
     896,
     500,
     271,
     500},
    {"one stretch of free slots",
     {.mapped_bytes = 3200,
      .committed_bytes = 3200,
      .slots = 100,
      .run_free_slots = 90,
      .longest_run_slots = 90},
     240,
     800,
     75,
     250,
     0},
    {"only the runs' free slots can be scattered",
     {.mapped_bytes = 3200,
      .committed_bytes = 3200,
      .slots = 100,
      .run_free_slots = 40,
      .longest_run_slots = 10},
     240,
     800,
     75,
     250,
     750},
    {"full pages",
     {.mapped_bytes = 320, .committed_bytes = 320, .slots = 10},
     240,
     80,
     750,
     250,
     0},
    {"gauges older than the counters",
     {.mapped_bytes = 64,
      .committed_bytes = 64,
      .slots = 2,
      .run_free_slots = 1,
      .longest_run_slots = 9,
      .peak_amount = 2},
     240,
     0,
     1000,
     0,
     0},
    {"no shift of the scale rounds a share away",
     {.mapped_bytes = UINT64_MAX,
      .committed_bytes = UINT64_MAX,
      .slots = UINT64_MAX,
      .run_free_slots = UINT64_MAX,
      .longest_run_slots = UINT64_MAX / 4,
      .peak_amount = UINT64_MAX},
     UINT64_MAX,
     0,
     0,
     0,
     750},
};

Test(model, defines_each_figure)
{
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        book_open(&book, "x", 1);
        uint32_t family = book_family(&book, "t", 24, 32);
        struct lmm_ledger_family *record = book_family_at(&book, family);
        struct lmm_ledger_family kept = *record;

        *record = figures[i].gauges;
        record->name = kept.name;
        record->size_bytes = kept.size_bytes;
        record->align_bytes = kept.align_bytes;
        record->stride_bytes = kept.stride_bytes;
        book_count(&book, 1, book_site(&book, family, "x.c", 1, "f"), 10, 0);
        const struct lmm_model_family *row = built()->families[0];

        cr_expect_eq(row->peak_bytes, figures[i].peak_bytes, "%s: peak", figures[i].what);
        cr_expect_eq(row->free_slots, row->slots > 10 ? row->slots - 10 : 0, "%s: free slots",
                     figures[i].what);
        cr_expect_eq(row->internal_bytes, figures[i].internal_bytes, "%s: internal bytes %llu",
                     figures[i].what, (unsigned long long) row->internal_bytes);
        cr_expect_eq(row->occupancy_permille, figures[i].occupancy, "%s: occupancy",
                     figures[i].what);
        cr_expect_eq(row->internal_permille, figures[i].internal, "%s: internal %u",
                     figures[i].what, (unsigned) row->internal_permille);
        cr_expect_eq(row->external_permille, figures[i].external, "%s: external %u",
                     figures[i].what, (unsigned) row->external_permille);
        book_close(&book);
    }
}

Test(model, permille_is_exact_and_bounded)
{
    static const struct {
        uint64_t part, whole;
        uint32_t expected;
    } cases[] = {
        {0, 0, 0},
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
        {1, UINT64_MAX, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(lmm_model_permille(cases[i].part, cases[i].whole), cases[i].expected,
                     "case %zu", i);
    }
}

/* ---- Rows ------------------------------------------------------------------------------------ */

Test(model, leaves_out_sites_that_counted_nothing)
{
    make_sound();
    book_site(&book, 0, "hr.c", 99, "idle");
    struct lmm_model *model = built();

    cr_expect_eq(model->site_count, 5);
    cr_expect_eq(model->families_used, 2);
    book_close(&book);
}

Test(model, rows_of_sites_not_yet_known_are_not_read_as_others)
{
    make_sound();
    book_count(&book, 1, 7, 1000, 0);
    cr_expect_eq(built()->total.allocations, 75);
    book_close(&book);
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
    book_close(&book);
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
    book_close(&book);
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

    make_sound();
    size_t bytes = lmm_model_bytes(&book.view);
    char *exact = malloc(bytes + 1);

    cr_assert_not_null(exact);
    cr_expect_eq(lmm_model_build(&book.view, exact, bytes, &model), 0);
    cr_expect_eq(lmm_model_build(&book.view, exact + 1, bytes, &model), 0, "any alignment");
    free(exact);
    book_close(&book);
}

Test(model, too_little_scratch_is_enospc_at_every_size)
{
    make_sound();
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
    book_close(&book);
}

Test(model, scratch_has_room_for_sites_that_come_meanwhile)
{
    struct lmm_model *model = NULL;

    make_sound();
    size_t bytes = lmm_model_bytes(&book.view);
    char *exact = malloc(bytes);

    book_family(&book, "late_t", 8, 8);
    for (uint32_t i = 0; i < 20; i++) {
        book_site(&book, 2, "late.c", i, "f");
    }
    cr_expect_eq(lmm_model_build(&book.view, exact, bytes, &model), 0);
    free(exact);
    book_close(&book);
}

Test(model, a_move_that_never_ends_is_said)
{
    make_sound();
    book.header.move_sequence = 5;
    struct lmm_model *model = built();

    cr_expect_not(model->settled);
    cr_expect_eq(model->total.allocations, 75, "and the sums are those of one reading");
    book.header.move_sequence = 6;
    cr_expect(built()->settled);
    book_close(&book);
}

/* Counts up an allocation, then its free, and moves now and then, as fast as it can. */
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
    book_site(&book, book_family(&book, "t", 8, 8), "x.c", 1, "f");
    book_row(&book, 0, 0);
    book_row(&book, 1, 0);
    atomic_store(&stop, false);
    cr_assert_eq(pthread_create(&writer, NULL, write_rows, NULL), 0);
    for (int i = 0; i < 20000; i++) {
        struct lmm_model *model = built();

        if (model->settled) {
            settled++;
            cr_assert_leq(model->total.frees, model->total.allocations);
            cr_assert_geq(model->total.allocations, before, "a move was seen twice or not at all");
            before = model->total.allocations;
        }
    }
    atomic_store(&stop, true);
    pthread_join(writer, NULL);
    cr_expect_gt(settled, 0);
    cr_expect_gt(before, 0);
    book_close(&book);
}

/* ---- Moved rows, and what this version does not know ------------------------------------------ */

Test(model, of_two_chunks_of_an_owner_the_larger_counts)
{
    for (uint32_t capacity = 1; capacity <= 5; capacity++) {
        make_sound();
        struct lmm_ledger_chunk *smaller = book_chunk(&book, LMM_LEDGER_ROWS, 1, capacity);

        memset(smaller + 1, 0x55, capacity * sizeof(struct lmm_ledger_row));
        cr_expect_eq(built()->total.allocations, 75, "%u rows", (unsigned) capacity);
        book_close(&book);
    }
}

Test(model, unknown_kinds_of_chunks_are_skipped)
{
    make_sound();
    for (uint32_t kind = LMM_LEDGER_TEMPORARIES + 1; kind < LMM_LEDGER_TEMPORARIES + 3; kind++) {
        struct lmm_ledger_chunk *chunk = book_chunk(&book, kind, 12345, 128);

        chunk->record_bytes = UINT32_MAX;
        chunk->capacity = UINT32_MAX;
    }
    cr_expect_eq(built()->total.allocations, 75);
    book_close(&book);
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
    *book_temporaries(&book, 1, bare) = 9; /* more than there were frees */
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
    cr_expect_eq(model->sites[1].live_bytes, 0, "without a live block there are none");
    cr_expect_eq(family->live_bytes, 300);
    cr_expect_eq(family->peak_bytes, 1000);
    cr_expect_eq(family->free_slots, 93, "300 bytes need 7 slots of 48");
    cr_expect_eq(site->temporaries, 3);
    cr_expect_eq(model->sites[1].temporaries, 1);
    cr_expect_eq(model->temporaries, 4);
    book_close(&book);
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

Test(model, peaks_are_those_of_the_valid_owner)
{
    make_drop_in(0x70000000);
    *book_peak(&book, 0, 0) = (struct lmm_ledger_peak) {5, 50};
    *book_peak(&book, 1, 0) = (struct lmm_ledger_peak) {6, 60};
    book.header.peak_bytes[0] = 50;
    book.header.peak_bytes[1] = 60;
    for (uint64_t count = 0; count < 4; count++) {
        uint64_t expected = count == 0 ? 0 : 50 + 10 * (count % 2);

        book.header.peak_count = count;
        cr_expect_eq(built()->sites[0].peak_bytes, expected);
        cr_expect_eq(built()->peak_bytes, expected);
    }
    book_close(&book);
}

Test(model, another_version_is_told_apart_from_damage)
{
    struct lmm_model *model = NULL;

    make_sound();
    book.header.version++;
    book.header.header_bytes += 4096;
    cr_expect_eq(lmm_model_build(&book.view, scratch, sizeof(scratch), &model), -ENOTSUP);
    cr_expect_null(model);
    book_close(&book);
}

Test(model, tells_the_process_as_the_header_has_it)
{
    make_sound();
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
    book_close(&book);
}

/* ---- Damage ---------------------------------------------------------------------------------- */

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

/* An empty chunk of no room between two must not hide that the first is not full. */
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

        make_sound();
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

/* Flips every bit of every chunk in turn: any answer will do, a read outside will not. */
Test(model, no_flipped_bit_leads_outside)
{
    size_t sound = 0;

    make_sound();
    for (size_t c = 0; c < book.view.chunk_count; c++) {
        struct lmm_ledger_chunk *chunk = book.chunks[c];
        size_t bytes = sizeof(*chunk) + (size_t) chunk->capacity * chunk->record_bytes;
        uint64_t whole = chunk->bytes;

        for (size_t bit = 0; bit < bytes * 8; bit++) {
            unsigned char *byte = (unsigned char *) chunk + bit / 8;
            struct lmm_model *model = NULL;
            int error;

            *byte ^= (unsigned char) (1u << bit % 8);
            if (chunk->bytes <= whole) { /* the caller vouches that a chunk is all there */
                error = lmm_model_build(&book.view, scratch, sizeof(scratch), &model);
                cr_assert(error == 0 || error == -EINVAL);
                sound += error == 0;
            }
            *byte ^= (unsigned char) (1u << bit % 8);
        }
    }
    cr_expect_gt(sound, 0);
    book_close(&book);
}
