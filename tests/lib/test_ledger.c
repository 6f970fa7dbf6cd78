/* SPDX-License-Identifier: MIT */
/* ledger: the layout of <lmm/ledger.h>, sums over owners, growing rows, and no
 * memory. */
#include "tests/lib/seam.h"

#include "lib/ledger.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void start(void)
{
    cr_assert(lmm_ledger_start());
}

static uint32_t add_site(uint32_t family, uint32_t line, const char *file, const char *function)
{
    uint32_t id = UINT32_MAX;

    cr_assert(lmm_ledger_add_site(family, line, file, function, &id));
    return id;
}

static struct lmm_ledger_row sum(uint32_t site)
{
    lmm_ledger_acquire();
    struct lmm_ledger_row row = lmm_rows_sum_locked(site);
    lmm_ledger_release();
    return row;
}

static void assert_row(const struct lmm_ledger_row *row, uint64_t a, uint64_t b, uint64_t c,
                       uint64_t d)
{
    cr_expect(row->allocated_blocks == a && row->freed_blocks == b &&
                  row->allocated_extra_slots == c && row->freed_extra_slots == d,
              "%d %d %d %d", (int) row->allocated_blocks, (int) row->freed_blocks,
              (int) row->allocated_extra_slots, (int) row->freed_extra_slots);
}

Test(ledger, header, .init = start)
{
    const struct lmm_ledger_header *header = lmm_ledger_header();

    cr_expect(memcmp(header->magic, LMM_LEDGER_MAGIC, sizeof(header->magic)) == 0);
    cr_expect(header->version == LMM_LEDGER_VERSION && header->header_bytes == sizeof(*header));
    cr_expect(header->pid == (uint32_t) getpid());
    cr_expect(header->system_page_bytes == LMM_SYSTEM_PAGE_BYTES);
    cr_expect(strstr(header->executable, "lib_ledger") != NULL, "%s", header->executable);
    cr_expect(header->start_time_ns > 1600000000ull * 1000000000);
}

/* I1 of <lmm/ledger.h>: the chunks of a kind adjoin, and of rows each owner's start at 0. */
static void assert_chunks_adjoin(void)
{
    uint32_t next[LMM_LEDGER_ROWS] = {0};

    lmm_ledger_acquire();
    struct lmm_ledger_view view = lmm_ledger_view_locked();
    for (size_t i = 0; i < view.chunk_count; i++) {
        const struct lmm_ledger_chunk *chunk = view.chunks[i];
        cr_assert(chunk->kind <= LMM_LEDGER_ROWS);
        cr_assert(chunk->bytes % LMM_SYSTEM_PAGE_BYTES == 0);
        cr_assert(chunk->bytes >= sizeof(*chunk) + (uint64_t) chunk->capacity * chunk->record_bytes);
        if (chunk->kind == LMM_LEDGER_UNUSED) {
            continue;
        }
        cr_assert(chunk->used <= chunk->capacity);
        if (chunk->kind == LMM_LEDGER_ROWS) {
            cr_assert(chunk->first == 0 && chunk->used == chunk->capacity);
            continue;
        }
        cr_assert(chunk->first == next[chunk->kind]);
        next[chunk->kind] = chunk->first + chunk->capacity;
    }
    lmm_ledger_release();
}

Test(ledger, many_families_and_sites, .init = start)
{
    enum { FAMILIES = 500, SITES = 3000 };
    struct lmm_ledger_family *record[FAMILIES];
    char name[64];

    for (uint32_t i = 0; i < FAMILIES; i++) {
        snprintf(name, sizeof(name), "family %u", i);
        record[i] = lmm_ledger_add_family(name, i + 1, 8, i + 8);
        cr_assert(record[i] != NULL && lmm_ledger_family_count() == i + 1);
    }
    for (uint32_t i = 0; i < SITES; i++) {
        snprintf(name, sizeof(name), "file %u.c", i / 7);
        cr_assert(add_site(i % FAMILIES, i, name, i % 2 == 0 ? "even" : "odd") == i,
                  "ids are dense");
    }
    assert_chunks_adjoin();
    for (uint32_t i = 0; i < SITES; i++) {
        struct lmm_site_facts facts = lmm_ledger_site_facts(i);
        snprintf(name, sizeof(name), "file %u.c", i / 7);
        cr_assert(facts.family == i % FAMILIES && facts.line == i);
        cr_assert(strcmp(facts.file, name) == 0, "%s", facts.file);
        cr_assert(strcmp(facts.function, i % 2 == 0 ? "even" : "odd") == 0);
    }
    for (uint32_t i = 0; i < FAMILIES; i++) {
        cr_assert(record[i]->size_bytes == i + 1 && record[i]->stride_bytes == i + 8);
    }
}

Test(ledger, a_dropped_family_leaves_its_index, .init = start)
{
    for (uint32_t i = 0; i < 200; i++) {
        lmm_ledger_add_family("given up", 99, 8, 104);
        lmm_ledger_drop_family();
        cr_assert(lmm_ledger_family_count() == i);
        const struct lmm_ledger_family *record = lmm_ledger_add_family("kept", 1, 1, 1);
        cr_assert(lmm_ledger_family_count() == i + 1 && record->size_bytes == 1);
        cr_assert(record->pages == 0 && record->peak_slots == 0);
    }
    assert_chunks_adjoin();
}

Test(ledger, gauges_of_pages, .init = start)
{
    struct lmm_ledger_family *record = lmm_ledger_add_family("f", 8, 8, 8);

    lmm_ledger_count_page(record, 1, LMM_UNIT_BYTES, 100);
    lmm_ledger_count_page(record, 1, (size_t) 3 * LMM_UNIT_BYTES, 300);
    lmm_ledger_count_committed(record, 8192);
    lmm_ledger_count_page(record, -1, LMM_UNIT_BYTES, 100);
    lmm_ledger_count_committed(record, -4096);
    cr_expect(record->pages == 1 && record->mapped_bytes == (size_t) 3 * LMM_UNIT_BYTES);
    cr_expect(record->slots == 300 && record->committed_bytes == 4096);
}

Test(ledger, sums_go_over_all_owners, .init = start)
{
    struct lmm_rows one = {0};
    struct lmm_rows two = {0};
    uint32_t first = add_site(0, 1, "a", "f");
    uint32_t second = add_site(0, 2, "a", "f");

    cr_assert(lmm_rows_grow(1, 2, &one) && lmm_rows_grow(2, 2, &two));
    one.row[first] = (struct lmm_ledger_row){10, 2, 30, 4};
    two.row[first] = (struct lmm_ledger_row){100, 20, 300, 40};
    two.row[second] = (struct lmm_ledger_row){7, 6, 5, 4};
    lmm_rows_count_common(first, &(struct lmm_ledger_row){1000, 200, 3000, 400});
    struct lmm_ledger_row row = sum(first);
    assert_row(&row, 1110, 222, 3330, 444);
    row = sum(second);
    assert_row(&row, 7, 6, 5, 4);
}

Test(ledger, growing_keeps_the_counts, .init = start)
{
    struct lmm_rows rows = {0};
    enum { SITES = 2000 };

    for (uint32_t i = 0; i < SITES; i++) {
        add_site(0, i, "a", "f");
        cr_assert(lmm_rows_grow(5, i + 1, &rows) && rows.capacity > i);
        rows.row[i].allocated_blocks = i + 1;
    }
    for (uint32_t i = 0; i < SITES; i++) {
        cr_assert(sum(i).allocated_blocks == i + 1, "site %u", i);
    }
    assert_chunks_adjoin();
    cr_expect(lmm_ledger_header()->move_sequence % 2 == 0);
}

/* Outgrown chunks are used again, so what many owners grow through costs little more than one. */
Test(ledger, outgrown_rows_are_used_again, .init = start)
{
    enum { SITES = 1000, OWNERS = 8 };
    size_t bytes = 0;

    for (uint32_t i = 0; i < SITES; i++) {
        add_site(0, i, "a", "f");
    }
    for (uint32_t owner = 1; owner <= OWNERS; owner++) {
        struct lmm_rows rows = {0};
        for (uint32_t sites = 1; sites <= SITES; sites++) {
            cr_assert(lmm_rows_grow(owner, sites, &rows));
            cr_assert(rows.row[sites - 1].allocated_blocks == 0, "of nobody before");
            rows.row[sites - 1].allocated_blocks = sites;
            cr_assert(rows.row[sites / 2].allocated_blocks == sites / 2 + 1);
        }
    }
    struct lmm_ledger_view view = lmm_ledger_view_locked();
    for (size_t i = 0; i < view.chunk_count; i++) {
        bytes += view.chunks[i]->bytes;
    }
    cr_expect(bytes < 1 << 20, "%zu bytes for %d sites and %d owners", bytes, SITES, OWNERS);
    assert_chunks_adjoin();
}

/* I1: the common rows reach every site there is, without any heap's. */
Test(ledger, common_rows_reach_every_site, .init = start)
{
    const struct lmm_ledger_row delta = {2, 1, 0, 0};

    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t site = add_site(0, i, "a", "f");
        lmm_rows_count_common(site, &delta);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        struct lmm_ledger_row row = sum(i);
        assert_row(&row, 2, 1, 0, 0);
    }
}

Test(ledger, no_memory_leaves_all_as_it_was, .init = start)
{
    struct lmm_rows rows = {0};
    uint32_t id;
    uint32_t added = 1 + add_site(0, 0, "a file of some length", "f");

    lmm_rows_grow(1, 1, &rows);
    struct lmm_rows before = rows;
    seam_install();
    seam_fail_all(SEAM_MAP);
    while (lmm_ledger_add_site(0, added, "a file of some length", "f", &id)) {
        cr_assert(id == added++ && added < 10000);
    }
    cr_expect(errno == ENOMEM);
    cr_expect(lmm_ledger_site_count() == added);
    lmm_rows_count_common(added - 1, &(struct lmm_ledger_row){1, 0, 0, 0});
    errno = 0;
    cr_expect(!lmm_rows_grow(1, 100000, &rows) && errno == ENOMEM);
    cr_expect(rows.row == before.row && rows.capacity == before.capacity);
    uint32_t families = 0;
    while (lmm_ledger_add_family("f", 1, 1, 1) != NULL) {
        families++;
    }
    cr_expect(lmm_ledger_family_count() == families);
    assert_chunks_adjoin();
    seam_heal();
    cr_expect(add_site(0, 1, "b", "f") == added);
    cr_expect(lmm_ledger_add_family("f", 1, 1, 1) != NULL);
}

Test(ledger, start_without_memory_can_be_tried_again)
{
    seam_install();
    for (uint64_t k = 1; k <= 3; k++) {
        seam_fail(SEAM_MAP, seam_calls(SEAM_MAP) + k, seam_calls(SEAM_MAP) + k);
        cr_expect(lmm_ledger_start() == (lmm_ledger_header() != NULL));
        seam_heal();
        if (lmm_ledger_header() == NULL) {
            continue;
        }
        cr_expect(k > 1, "the first map is the header's");
        break;
    }
    cr_expect(lmm_ledger_header() != NULL || lmm_ledger_start());
    cr_expect(add_site(0, 1, "a", "f") == 0);
    cr_expect(strcmp(lmm_ledger_site_facts(0).file, "a") == 0);
}
