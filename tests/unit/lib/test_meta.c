/* SPDX-License-Identifier: MIT */
/* meta: where records start, what they hold when new and when reused, and running out of memory. */
#include "tests/support/seam.h"

#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/ground/vm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/support/fails_with.h"

enum { LARGE_BYTES = 1 << 21 };

static const size_t sizes[] = {
    1,       4,       8,       63,      64,          65,
    128,     400,     4096,    65472,   65535,       65536,
    65537,   81920,   81921,   98304,   114688,      131072,
    131073,  200000,  262144,  300000,  524288,      1000000,
    1048576, 1048577, 1500000, 2097151, LARGE_BYTES, LARGE_BYTES + 1,
    5000000,
};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void assert_all(const unsigned char *memory, size_t from, size_t to, unsigned char value)
{
    for (size_t i = from; i < to; i++) {
        cr_assert(memory[i] == value, "byte %zu of [%zu, %zu) is %d", i, from, to, memory[i]);
    }
}

Test(meta, records_are_apart_zeroed_and_on_a_line)
{
    unsigned char *record[SIZES];

    for (size_t i = 0; i < SIZES; i++) {
        record[i] = lmm_meta_alloc(&lmm_arena_records, sizes[i]);
        cr_assert(record[i] != NULL);
        cr_expect((uintptr_t) record[i] % LMM_CACHE_LINE_BYTES == 0, "size %zu", sizes[i]);
        assert_all(record[i], 0, sizes[i], 0);
        memset(record[i], (int) i + 1, sizes[i]);
    }
    for (size_t i = 0; i < SIZES; i++) {
        assert_all(record[i], 0, sizes[i], (unsigned char) (i + 1));
    }
}

Test(meta, a_reused_record_keeps_all_but_its_first_word)
{
    for (size_t i = 0; i < SIZES && sizes[i] <= LARGE_BYTES; i++) {
        size_t bytes = sizes[i];
        unsigned char *record = lmm_meta_alloc(&lmm_arena_tags, bytes);
        memset(record, 0xC5, bytes);
        lmm_meta_free(&lmm_arena_tags, lmm_meta_alloc(&lmm_arena_tags, bytes), bytes);
        lmm_meta_free(&lmm_arena_tags, record, bytes);
        unsigned char *again = lmm_meta_alloc(&lmm_arena_tags, bytes);
        cr_assert(again == record, "size %zu: the record is taken again", bytes);
        assert_all(again, 0, bytes < 8 ? bytes : 8, 0);
        assert_all(again, 8, bytes < 8 ? 8 : bytes, 0xC5);
    }
}

Test(meta, zalloc_zeroes_a_reused_record)
{
    for (size_t i = 0; i < SIZES; i++) {
        unsigned char *record = lmm_meta_zalloc(sizes[i]);
        memset(record, 0xC5, sizes[i]);
        lmm_meta_free(&lmm_arena_records, record, sizes[i]);
        assert_all(lmm_meta_zalloc(sizes[i]), 0, sizes[i], 0);
    }
}

/* A freed record serves every size of its class, and no larger size. */
Test(meta, a_class_has_room_for_its_largest)
{
    for (size_t lines = 1; lines < LARGE_BYTES / 64; lines += lines < 1100 ? 1 : 97) {
        size_t bytes = lines * 64;
        unsigned char *first = lmm_meta_alloc(&lmm_arena_records, bytes - 63);
        lmm_meta_free(&lmm_arena_records, first, bytes - 63);
        unsigned char *again = lmm_meta_alloc(&lmm_arena_records, bytes);
        cr_assert(again == first, "%zu lines", lines);
        unsigned char *next = lmm_meta_alloc(&lmm_arena_records, bytes);
        cr_assert(next >= again + bytes || next + bytes <= again, "%zu lines", lines);
        lmm_meta_free(&lmm_arena_records, again, bytes);
        lmm_meta_free(&lmm_arena_records, next, bytes);
    }
}

Test(meta, arenas_are_apart_and_counted)
{
    seam_install();
    size_t before = lmm_meta_mapped_bytes();
    void *tags = lmm_meta_alloc(&lmm_arena_tags, 64);
    void *record = lmm_meta_alloc(&lmm_arena_records, 64);
    cr_expect(seam_calls(SEAM_MAP) == 2, "a chunk each");
    cr_expect(lmm_meta_mapped_bytes() - before == seam_bytes(SEAM_MAP));
    lmm_meta_free(&lmm_arena_tags, tags, 64);
    cr_expect(lmm_meta_alloc(&lmm_arena_records, 64) != tags);
    (void) record;
    size_t small = lmm_meta_mapped_bytes();
    void *large = lmm_meta_alloc(&lmm_arena_records, LARGE_BYTES + 4096);
    cr_expect(lmm_meta_mapped_bytes() == small + LARGE_BYTES + 4096);
    lmm_meta_free(&lmm_arena_records, large, LARGE_BYTES + 4096);
    cr_expect(lmm_meta_mapped_bytes() == small);
    cr_expect(seam_calls(SEAM_UNMAP) == 1 && seam_bytes(SEAM_UNMAP) == LARGE_BYTES + 4096);
}

/* ---- Records that are written wholly --------------------------------------------------------- */

static uintptr_t advised_from; /* of the last range that large pages were wanted for */
static size_t advised_bytes;

static int note_advice(void *address, size_t bytes, bool wanted)
{
    cr_expect(wanted);
    advised_from = (uintptr_t) address;
    advised_bytes = bytes;
    return 0;
}

static const struct {
    size_t bytes;
    bool is_refused;      /* by the option hugepages=never */
    size_t advised_bytes; /* 0: none */
} written[] = {
    {64, false, 0},
    {LARGE_BYTES, false, 0},
    {LARGE_BYTES + 16, false, LARGE_BYTES}, /* the rest is no large page */
    {3 * LARGE_BYTES + 4096, false, 3 * LARGE_BYTES},
    {LARGE_BYTES + 16, true, 0},
};

Test(meta, large_pages_where_every_page_is_written)
{
    bool can = lmm_vm_page_bytes() == LMM_SYSTEM_PAGE_BYTES;

    lmm_vm.advise_large = note_advice;
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        size_t expected = can ? written[i].advised_bytes : 0;
        advised_bytes = 0;
        lmm_options.never_huge_pages = written[i].is_refused;
        char *record = lmm_meta_zalloc_written(written[i].bytes);
        cr_assert(record != NULL && record[0] == 0 && record[written[i].bytes - 1] == 0);
        cr_expect(advised_bytes == expected, "%zu: %zu bytes", i, advised_bytes);
        cr_expect(expected == 0 ||
                  (advised_from == (uintptr_t) record && advised_from % LMM_LARGE_PAGE_BYTES == 0));
        lmm_meta_free(&lmm_arena_records, record, written[i].bytes);
    }
}

/* Without the address space for the alignment. */
Test(meta, no_large_pages_where_memory_is_short)
{
    seam_install();
    size_t before = lmm_meta_mapped_bytes();
    seam_fail(SEAM_MAP, 1, 1);
    void *record = lmm_meta_zalloc_written(LARGE_BYTES + 16);
    cr_assert(record != NULL && lmm_meta_mapped_bytes() == before + LARGE_BYTES + 16);
    lmm_meta_free(&lmm_arena_records, record, LARGE_BYTES + 16);
    cr_expect(lmm_meta_mapped_bytes() == before);
    seam_fail_all(SEAM_MAP);
    FAILS_WITH(ENOMEM, lmm_meta_zalloc_written(LARGE_BYTES + 16));
}

/* Otherwise what is at one place in each of them would share a set of the processor's caches. */
Test(meta, records_of_whole_pages_begin_at_different_lines)
{
    enum { RECORDS = 100, BYTES = 2 * LMM_SYSTEM_PAGE_BYTES };
    uintptr_t last = LMM_SYSTEM_PAGE_BYTES;

    for (size_t i = 0; i < RECORDS; i++) {
        char *record = lmm_meta_alloc(&lmm_arena_tags, BYTES);
        cr_assert(record != NULL && (uintptr_t) record % LMM_CACHE_LINE_BYTES == 0);
        cr_expect((uintptr_t) record % LMM_SYSTEM_PAGE_BYTES != last, "record %zu", i);
        last = (uintptr_t) record % LMM_SYSTEM_PAGE_BYTES;
        memset(record, 1, BYTES);
    }
}

Test(meta, out_of_memory)
{
    seam_install();
    seam_fail_all(SEAM_MAP);
    for (size_t i = 0; i < SIZES; i++) {
        FAILS_WITH(ENOMEM, lmm_meta_alloc(&lmm_arena_records, sizes[i]));
        cr_expect(lmm_meta_zalloc(sizes[i]) == NULL);
    }
    cr_expect(lmm_meta_mapped_bytes() == 0);
    seam_heal();
    cr_expect(lmm_meta_alloc(&lmm_arena_records, 64) != NULL);
}

/* With little address space a small chunk is mapped. */
Test(meta, lean_chunk_when_a_chunk_fails)
{
    seam_install();
    seam_fail(SEAM_MAP, 1, 1);
    cr_expect(lmm_meta_alloc(&lmm_arena_records, 64) != NULL);
    cr_expect(seam_calls(SEAM_MAP) == 2);
    cr_expect(seam_bytes(SEAM_MAP) == lmm_meta_mapped_bytes());
    cr_expect(lmm_meta_mapped_bytes() < 1 << 20);
    seam_fail_all(SEAM_MAP);
    cr_expect(lmm_meta_alloc(&lmm_arena_records, 64) != NULL, "the chunk has more");
}

/* The table of mappings holds their addresses: a leak check may not take them for the program's. */
static uintptr_t looked_for;
static size_t found;

static void look(uintptr_t from, uintptr_t to, void *arg)
{
    (void) arg;
    for (const uintptr_t *at = (const uintptr_t *) from; at < (const uintptr_t *) to; at++) {
        found += *at == looked_for;
    }
}

Test(meta, the_table_of_mappings_is_among_them)
{
    void *mapping = lmm_meta_map(4096);

    cr_assert(mapping != NULL);
    looked_for = (uintptr_t) mapping;
    lmm_meta_for_each_mapping(look, NULL);
    cr_expect(found != 0);
    lmm_meta_unmap(mapping, 4096);
}

static void look_for_place(uintptr_t from, uintptr_t to, void *arg)
{
    (void) arg;
    found += looked_for >= from && looked_for < to;
}

/* The end of an arena's memory may be the address of a block. */
Test(meta, the_arenas_are_among_them)
{
    const struct lmm_arena *const arenas[] = {&lmm_arena_records, &lmm_arena_tags,
                                              &lmm_arena_wiped};

    for (size_t i = 0; i < LMM_ARENAS; i++) {
        looked_for = (uintptr_t) arenas[i];
        found = 0;
        lmm_meta_for_each_mapping(look_for_place, NULL);
        cr_expect(found == 1, "arena %zu", i);
    }
}
