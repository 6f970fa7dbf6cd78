/* SPDX-License-Identifier: MIT */
/* accounts, series and rows: the layout of <lmm/ledger.h>, stacks, row pages and their sums, the
 * peak, and failing memory. */
#include "tests/support/seam.h"

#include "lib/books/accounts.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/stack_of.h"
#include "tests/support/fails_with.h"

static void start(void)
{
    cr_assert(lmm_accounts_start());
}

static uint32_t add_site(uint32_t family, uint32_t line, const char *file, const char *function)
{
    uint32_t id = UINT32_MAX;

    cr_assert(lmm_accounts_add_site(family, line, file, function, &id));
    return id;
}

static struct lmm_ledger_row sum(uint32_t site)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_row row = lmm_rows_sum_locked(site);
    lmm_lock_release(&lmm_chunks_lock);
    return row;
}

static void assert_row(const struct lmm_ledger_row *row, uint64_t a, uint64_t b, uint64_t c,
                       uint64_t d)
{
    cr_expect(row->allocated_blocks == a && row->freed_blocks == b && row->allocated_extra == c &&
                  row->freed_extra == d,
              "%d %d %d %d", (int) row->allocated_blocks, (int) row->freed_blocks,
              (int) row->allocated_extra, (int) row->freed_extra);
}

Test(accounts, header, .init = start)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();

    cr_expect(memcmp(header->magic, LMM_LEDGER_MAGIC, sizeof(header->magic)) == 0);
    cr_expect(header->version == LMM_LEDGER_VERSION && header->header_bytes == sizeof(*header));
    cr_expect(header->pid == (uint32_t) getpid());
    cr_expect(header->system_page_bytes == LMM_SYSTEM_PAGE_BYTES);
    cr_expect(strstr(header->executable, "lib_accounts") != NULL, "%s", header->executable);
    cr_expect(header->start_time_ns > 1600000000ull * 1000000000);
}

/* I1 of <lmm/ledger.h>: the chunks of a kind other than rows adjoin. */
static void assert_chunks_adjoin(void)
{
    uint32_t next[LMM_LEDGER_PEAKS + 1] = {0};

    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_view view = lmm_chunks_view();
    for (size_t i = 0; i < view.chunk_count; i++) {
        const struct lmm_ledger_chunk *chunk = view.chunks[i];
        cr_assert(chunk->kind != LMM_LEDGER_UNUSED && chunk->kind <= LMM_LEDGER_PEAKS);
        cr_assert(chunk->bytes % LMM_SYSTEM_PAGE_BYTES == 0);
        cr_assert(chunk->bytes >=
                  sizeof(*chunk) + (uint64_t) chunk->capacity * chunk->record_bytes);
        cr_assert(chunk->used <= chunk->capacity && chunk->owner == 0);
        if (chunk->kind != LMM_LEDGER_ROWS) {
            cr_assert(chunk->first == next[chunk->kind]);
            next[chunk->kind] = chunk->first + chunk->capacity;
        }
    }
    cr_assert(lmm_rows_are_valid_locked());
    lmm_lock_release(&lmm_chunks_lock);
}

/* The record with that number of a kind other than rows; NULL: there is none. */
static const void *find_record(enum lmm_ledger_kind kind, uint32_t number)
{
    const char *found = NULL;

    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_view view = lmm_chunks_view();
    for (size_t i = 0; i < view.chunk_count && found == NULL; i++) {
        const struct lmm_ledger_chunk *chunk = view.chunks[i];
        if (chunk->kind == (uint32_t) kind && number - chunk->first < chunk->used) {
            found = (const char *) (chunk + 1) + (number - chunk->first) * chunk->record_bytes;
        }
    }
    lmm_lock_release(&lmm_chunks_lock);
    return found;
}

/* The row pages with this owner; UINT32_MAX: all. */
static size_t pages_of(uint32_t owner)
{
    size_t count = 0;

    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_view view = lmm_chunks_view();
    for (size_t i = 0; i < view.chunk_count; i++) {
        const struct lmm_ledger_chunk *chunk = view.chunks[i];
        for (uint32_t k = 0; chunk->kind == LMM_LEDGER_ROWS && k < chunk->used; k++) {
            const struct lmm_ledger_row_page *page =
                (const void *) ((const char *) (chunk + 1) + (size_t) k * chunk->record_bytes);
            count += owner == UINT32_MAX || page->owner == owner;
        }
    }
    lmm_lock_release(&lmm_chunks_lock);
    return count;
}

static struct lmm_ledger_row blocks(uint64_t allocated, uint64_t freed, uint64_t allocated_extra,
                                    uint64_t freed_extra)
{
    return (struct lmm_ledger_row) {.allocated_blocks = allocated,
                                    .freed_blocks = freed,
                                    .allocated_extra = allocated_extra,
                                    .freed_extra = freed_extra};
}

/* Counts at the shared row of a site. */
static void share(uint32_t site, uint64_t allocated, uint64_t freed, uint64_t allocated_extra,
                  uint64_t freed_extra)
{
    struct lmm_ledger_row delta = blocks(allocated, freed, allocated_extra, freed_extra);

    lmm_rows_count_shared(site, &delta);
}

Test(accounts, many_families_and_sites, .init = start)
{
    enum { FAMILIES = 500, SITES = 3000 };
    struct lmm_ledger_family *record[FAMILIES];
    char name[64];

    for (uint32_t i = 0; i < FAMILIES; i++) {
        snprintf(name, sizeof(name), "family %u", i);
        record[i] = lmm_accounts_add_family(name, i + 1, 8, i + 8, 0);
        cr_assert(record[i] != NULL && lmm_accounts_family_count() == i + 1);
    }
    for (uint32_t i = 0; i < SITES; i++) {
        snprintf(name, sizeof(name), "file %u.c", i / 7);
        cr_assert(add_site(i % FAMILIES, i, name, i % 2 == 0 ? "even" : "odd") == i,
                  "ids are dense");
    }
    assert_chunks_adjoin();
    for (uint32_t i = 0; i < SITES; i++) {
        struct lmm_site_facts facts = lmm_accounts_site_facts(i);
        snprintf(name, sizeof(name), "file %u.c", i / 7);
        cr_assert(facts.family == i % FAMILIES && facts.line == i);
        cr_assert(strcmp(facts.file, name) == 0, "%s", facts.file);
        cr_assert(strcmp(facts.function, i % 2 == 0 ? "even" : "odd") == 0);
    }
    for (uint32_t i = 0; i < FAMILIES; i++) {
        cr_assert(record[i]->size_bytes == i + 1 && record[i]->stride_bytes == i + 8);
    }
}

Test(accounts, a_dropped_family_leaves_its_index, .init = start)
{
    for (uint32_t i = 0; i < 200; i++) {
        lmm_accounts_add_family("given up", 99, 8, 104, 0);
        lmm_accounts_drop_family();
        cr_assert(lmm_accounts_family_count() == i);
        const struct lmm_ledger_family *record = lmm_accounts_add_family("kept", 1, 1, 1, 0);
        cr_assert(lmm_accounts_family_count() == i + 1 && record->size_bytes == 1);
        cr_assert(record->pages == 0 && record->peak_amount == 0);
    }
    assert_chunks_adjoin();
}

Test(accounts, gauges_of_pages, .init = start)
{
    struct lmm_ledger_family *record = lmm_accounts_add_family("f", 8, 8, 8, 0);

    lmm_accounts_count_page(record, 1, LMM_UNIT_BYTES, 100);
    lmm_accounts_count_page(record, 1, (size_t) 3 * LMM_UNIT_BYTES, 300);
    lmm_accounts_count_committed(record, 8192);
    lmm_accounts_count_page(record, -1, LMM_UNIT_BYTES, 100);
    lmm_accounts_count_committed(record, -4096);
    cr_expect(record->pages == 1 && record->mapped_bytes == (size_t) 3 * LMM_UNIT_BYTES);
    cr_expect(record->slots == 300 && record->committed_bytes == 4096);
}

/* The family of all sites, which counts bytes. */
static void start_with_family(void)
{
    start();
    cr_assert(lmm_accounts_add_family("f", 8, 8, 8, LMM_LEDGER_FAMILY_BYTES) != NULL);
}

static void add_sites(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        add_site(0, i, "a", "f");
    }
}

Test(rows, sums_go_over_all_pages, .init = start)
{
    static const uint32_t sites[] = {0, 63, 64, 79, 80, 299};

    add_sites(300);
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
        uint32_t site = sites[i];
        struct lmm_row_page *one = lmm_rows_take(1, site);
        struct lmm_row_page *two = lmm_rows_take(2, site);
        cr_assert(one != NULL && two != NULL && one != two);
        *lmm_row_of(one, site) = blocks(10, 2, 30, 4);
        *lmm_row_of(two, site) = blocks(100, 20, 300, 40);
        share(site, 1000, 200, 3000, 400);
        struct lmm_ledger_row row = sum(site);
        assert_row(&row, 1110, 222, 3330, 444);
        one->next = two;
        two->next = NULL;
        lmm_rows_give(one);
        row = sum(site);
        assert_row(&row, 1110, 222, 3330, 444);
    }
    struct lmm_ledger_row row = sum(78);
    assert_row(&row, 0, 0, 0, 0);
    assert_chunks_adjoin();
}

/* A page has the rows of its group alone, with the site at the place that the record tells. */
Test(rows, a_page_covers_its_group, .init = start)
{
    add_sites(400);
    for (uint32_t site = 0; site < 400; site++) {
        uint32_t first =
            site < LMM_ROWS_IN_FIRST ? 0 : site / LMM_ROWS_PER_PAGE * LMM_ROWS_PER_PAGE;
        struct lmm_row_page *page = lmm_rows_take(site + 1, site);
        cr_assert(page != NULL && page->first_site == first && page->record->first_site == first);
        cr_assert(page->record->rows ==
                  (uint32_t) (first == 0 ? LMM_ROWS_IN_FIRST : LMM_ROWS_PER_PAGE));
        cr_assert(page->record->owner == site + 1 && lmm_row_of(page, site)->freed_blocks == 0);
        lmm_row_of(page, site)->freed_blocks = site;
    }
    for (uint32_t site = 0; site < 400; site++) {
        cr_assert(sum(site).freed_blocks == site);
    }
    assert_chunks_adjoin();
}

/* A heap goes on in the page of one whose thread ended, so a group has no more pages than heaps used
 * it at one time. */
Test(rows, pages_given_up_are_taken_again, .init = start)
{
    enum {
        SITES = 1000,
        HEAPS = 500,
        GROUPS = (SITES - LMM_ROWS_IN_FIRST) / LMM_ROWS_PER_PAGE + 2
    };

    add_sites(SITES);
    size_t shared = pages_of(UINT32_MAX);
    cr_expect(shared == pages_of(0) && shared <= GROUPS);
    for (uint32_t heap = 1; heap <= HEAPS; heap++) {
        struct lmm_row_page *mine = NULL;
        for (uint32_t site = 0; site < SITES; site += 50) {
            struct lmm_row_page *page = lmm_rows_take(heap, site);
            lmm_row_of(page, site)->allocated_blocks++;
            page->next = mine;
            mine = page;
        }
        lmm_rows_give(mine);
    }
    cr_expect(pages_of(UINT32_MAX) <= shared + SITES / 50 + 1, "%zu", pages_of(UINT32_MAX));
    for (uint32_t site = 0; site < SITES; site += 50) {
        cr_assert(sum(site).allocated_blocks == HEAPS);
    }
    assert_chunks_adjoin();
}

/* Sizes in the order noted, and the smallest and largest that remain; 0 bytes say nothing. */
Test(rows, smallest_and_largest)
{
    static const struct {
        uint64_t bytes[4];
        uint32_t smallest;
        uint32_t largest;
    } cases[] = {
        {{0, 0, 0, 0}, 0, 0},
        {{5, 0, 0, 0}, 5, 5},
        {{0, 7, 5, 9}, 5, 9},
        {{9, 7, 5, 1}, 1, 9},
        {{1, 1, 1, UINT64_MAX}, 1, UINT32_MAX},
        {{UINT32_MAX, (uint64_t) UINT32_MAX + 1, 0, 0}, UINT32_MAX, UINT32_MAX},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_ledger_row row = {0};
        for (size_t k = 0; k < 4; k++) {
            lmm_row_note_bytes(&row, cases[i].bytes[k]);
        }
        cr_expect(row.smallest_bytes == cases[i].smallest && row.largest_bytes == cases[i].largest,
                  "case %zu: %u to %u", i, row.smallest_bytes, row.largest_bytes);
    }
}

/* I4: the shared rows reach every site, without the rows of any heap. */
Test(rows, shared_rows_reach_every_site, .init = start)
{
    for (uint32_t i = 0; i < 1000; i++) {
        share(add_site(0, i, "a", "f"), 2, 1, 0, 0);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        struct lmm_ledger_row row = sum(i);
        assert_row(&row, 2, 1, 0, 0);
    }
}

Test(accounts, no_memory_leaves_all_as_it_was, .init = start)
{
    uint32_t id;
    uint32_t added = 1 + add_site(0, 0, "a file of some length", "f");

    seam_install();
    seam_fail_all(SEAM_MAP);
    while (lmm_accounts_add_site(0, added, "a file of some length", "f", &id)) {
        cr_assert(id == added++ && added < 10000);
    }
    cr_expect(errno == ENOMEM);
    cr_expect(lmm_accounts_site_count() == added);
    share(added - 1, 1, 0, 0, 0);
    size_t pages = pages_of(UINT32_MAX);
    for (errno = 0; lmm_rows_take(1, 0) != NULL; errno = 0) {
        cr_assert(++pages < 10000);
    }
    cr_expect(errno == ENOMEM && pages_of(UINT32_MAX) == pages);
    uint32_t families = 0;
    while (lmm_accounts_add_family("f", 1, 1, 1, 0) != NULL) {
        families++;
    }
    cr_expect(lmm_accounts_family_count() == families);
    assert_chunks_adjoin();
    seam_heal();
    cr_expect(add_site(0, 1, "b", "f") == added);
    cr_expect(lmm_accounts_add_family("f", 1, 1, 1, 0) != NULL);
}

Test(accounts, start_without_memory_can_be_tried_again)
{
    seam_install();
    for (uint64_t k = 1; k <= 2; k++) { /* the region, and the header in it */
        seam_fail(SEAM_MAP, seam_calls(SEAM_MAP) + k, SEAM_FOR_EVER);
        cr_expect(!lmm_accounts_start() && lmm_chunks_header() == NULL);
        seam_heal();
    }
    cr_expect(lmm_accounts_start());
    cr_expect(add_site(0, 1, "a", "f") == 0);
    cr_expect(strcmp(lmm_accounts_site_facts(0).file, "a") == 0);
}

/* ---- The drop-in's -------------------------------------------------------------------------------- */

Test(accounts, note_drop_in, .init = start)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();

    cr_expect(header->is_drop_in == 0 && header->stack_frames == 0);
    lmm_accounts_note_drop_in(24);
    cr_expect(header->is_drop_in == 1 && header->stack_frames == 24);
}

Test(accounts, note_panic, .init = start)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();
    char message[2 * LMM_LEDGER_PANIC_MAX] = "double free";

    cr_expect(header->panic_bytes == 0 && header->panic_stack == 0);
    lmm_accounts_note_panic(message);
    cr_expect(header->panic_bytes == 11 && memcmp(header->panic_message, message, 11) == 0);
    lmm_accounts_note_panic_stack(7);
    cr_expect_eq(header->panic_stack, 7);
    memset(message, 'x', sizeof(message) - 1);
    lmm_accounts_note_panic(message);
    cr_expect(header->panic_bytes == LMM_LEDGER_PANIC_MAX && header->reserved[0] == 0);
    cr_expect_eq(header->panic_stack, 0, "the next panic is elsewhere");
}

/* Frames are numbered from 1, modules from 0; a record uses 0 for "none". */
Test(accounts, frames_and_modules, .init = start)
{
    enum { FRAMES = 5000, MODULES = 300 };
    struct lmm_ledger_module module = {.end = 10, .build_id_bytes = 2, .build_id = "ab"};
    char path[32];
    uint32_t number;

    for (uint32_t i = 0; i < MODULES; i++) {
        snprintf(path, sizeof(path), "/lib/%u.so", i);
        module.start = i;
        cr_assert(lmm_accounts_add_module(&module, path, &number) && number == i);
    }
    for (uint32_t i = 1; i <= FRAMES; i++) {
        cr_assert(lmm_accounts_add_frame(100 + i, i / 2, i % (MODULES + 1)) == i);
    }
    cr_expect(lmm_accounts_module_count() == MODULES && frame_count() == FRAMES + 1);
    for (uint32_t i = 0; i < MODULES; i++) {
        const struct lmm_ledger_module *found = lmm_accounts_module(i);
        cr_assert(found->start == i && found->end == 10 && memcmp(found->build_id, "ab", 3) == 0);
        cr_assert(found->gone == 0 && found->path != 0);
    }
    for (uint32_t i = 1; i <= FRAMES; i++) {
        const struct lmm_ledger_frame *found = lmm_accounts_frame(i);
        cr_assert(found->address == 100 + i && found->caller == i / 2);
        cr_assert(found->module == i % (MODULES + 1));
    }
    cr_expect(lmm_accounts_frame(0)->address == 0 && lmm_accounts_frame(0)->caller == 0);
    assert_chunks_adjoin();
}

Test(accounts, sites_that_are_stacks, .init = start)
{
    enum { SITES = 3000 };
    uint32_t id;

    for (uint32_t i = 0; i < SITES; i++) {
        if (i % 10 < 3) {
            cr_assert(add_site(1, i, "a", "f") == i);
        } else {
            cr_assert(lmm_accounts_add_stack_site(2, i + 7, &id) && id == i);
        }
    }
    for (uint32_t i = 0; i < SITES; i++) {
        struct lmm_site_facts facts = lmm_accounts_site_facts(i);
        bool is_stack = i % 10 >= 3;
        cr_assert(stack_of(i) == (is_stack ? i + 7 : 0), "site %u", i);
        cr_assert((lmm_accounts_site_stack(i) != 0) == is_stack);
        cr_assert(facts.family == (is_stack ? 2 : 1) && facts.line == (is_stack ? 0 : i));
        cr_assert(strcmp(facts.file, is_stack ? "" : "a") == 0);
        cr_assert(strcmp(facts.function, is_stack ? "" : "f") == 0);
    }
    share(SITES - 1, 1, 0, 100, 0);
    cr_expect(sum(SITES - 1).allocated_extra == 100);
    assert_chunks_adjoin();
}

/* Each table fails at another moment; earlier records stay, and the failed ones do not exist. */
Test(accounts, no_memory_for_stacks, .init = start)
{
    const struct lmm_ledger_module module = {.end = 1};
    uint32_t sites = 0;
    uint32_t frames = 1;
    uint32_t modules = 0;
    uint32_t id = UINT32_MAX;

    seam_install();
    cr_assert(lmm_accounts_add_frame(1, 0, 0) == 1);
    cr_assert(lmm_accounts_add_module(&module, "a", &modules) && modules == 0);
    cr_assert(lmm_accounts_add_stack_site(0, 1, &id) && id == 0);
    seam_fail_all(SEAM_MAP);
    while (lmm_accounts_add_stack_site(0, 1, &id)) {
        cr_assert(id == ++sites && sites < 100000);
    }
    cr_expect(errno == ENOMEM && lmm_accounts_site_count() == sites + 1 && id == sites);
    errno = 0;
    while (lmm_accounts_add_frame(2, frames, 0) != 0) {
        cr_assert(++frames < 100000);
    }
    cr_expect(errno == ENOMEM && frame_count() == frames + 1);
    errno = 0;
    while (lmm_accounts_add_module(&module, "a", &id)) {
        cr_assert(id == ++modules && modules < 100000);
    }
    cr_expect(errno == ENOMEM && lmm_accounts_module_count() == modules + 1);
    assert_chunks_adjoin();
    seam_heal();
    cr_expect(lmm_accounts_add_stack_site(0, 9, &id) && id == sites + 1 && stack_of(id) == 9);
    cr_expect(stack_of(sites) == 1);
    cr_expect(add_site(0, 1, "a", "f") == sites + 2 && stack_of(sites + 2) == 0);
    cr_expect(lmm_accounts_add_frame(2, frames, 0) == frames + 1);
    cr_expect(lmm_accounts_add_module(&module, "a", &id) && id == modules + 1);
    assert_chunks_adjoin();
}

/* ---- The peak ------------------------------------------------------------------------------------- */

/* What lived at a site. */
struct live {
    uint64_t blocks;
    uint64_t bytes;
};

/* What the valid peak, or the one before it, records for a site. */
static struct live peak_before(uint32_t site, uint64_t before)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();
    const struct lmm_ledger_peak *peak = find_record(LMM_LEDGER_PEAKS, site);
    size_t turn = (header->peak_count - before) % 2;

    cr_assert(peak != NULL);
    return (struct live) {peak->blocks[turn], peak->bytes[turn]};
}

static struct live peak_of(uint32_t site)
{
    return peak_before(site, 0);
}

/* For one site, rows of one owner and of owner 0: their counters, and the expected peak. */
static const struct {
    uint64_t own[4];
    uint64_t common[4];
    struct live wanted;
} peaks[] = {
    {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0}},
    {{10, 4, 1000, 300}, {0, 0, 0, 0}, {6, 700}},
    {{10, 4, 1000, 300}, {5, 1, 50, 10}, {10, 740}},
    {{10, 0, 1000, 0}, {0, 10, 0, 1000}, {0, 0}},
    {{10, 0, 1000, 0}, {0, 9, 0, 1000}, {1, 0}},
    {{10, 0, 1000, 0}, {0, 11, 0, 900}, {0, 0}}, /* fewer blocks than none: cleared */
    {{10, 0, 1000, 0}, {0, 1, 0, 1100}, {0, 0}}, /* fewer bytes than none: cleared */
};

enum { PEAKS = sizeof(peaks) / sizeof(peaks[0]) };

Test(accounts, a_peak_is_what_lives, .init = start_with_family)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();

    add_sites(PEAKS);
    struct lmm_row_page *page = lmm_rows_take(3, 0);
    cr_assert(page != NULL);
    for (uint32_t i = 0; i < PEAKS; i++) {
        const uint64_t *own = peaks[i].own;
        const uint64_t *common = peaks[i].common;
        *lmm_row_of(page, i) = blocks(own[0], own[1], own[2], own[3]);
        share(i, common[0], common[1], common[2], common[3]);
    }
    cr_expect(header->peak_count == 0 && find_record(LMM_LEDGER_PEAKS, 0) == NULL);
    lmm_accounts_take_peak(1440);
    cr_expect(header->peak_count == 1 && header->peak_bytes[1] == 1440);
    for (uint32_t i = 0; i < PEAKS; i++) {
        struct live peak = peak_of(i);
        cr_expect(peak.blocks == peaks[i].wanted.blocks && peak.bytes == peaks[i].wanted.bytes,
                  "case %u: %d blocks, %d bytes", i, (int) peak.blocks, (int) peak.bytes);
    }
}

/* Two turns alternate; the earlier peak stays unchanged. */
Test(accounts, peaks_take_turns_and_grow, .init = start_with_family)
{
    enum { TURNS = 40, MORE = 100 };
    const struct lmm_ledger_header *header = lmm_chunks_header();
    uint32_t sites = 0;
    uint64_t time_ns = 0;

    for (uint32_t turn = 1; turn <= TURNS; turn++) {
        for (uint32_t i = 0; i < MORE; i++) {
            share(add_site(0, sites, "a", "f"), 1, 0, sites, 0);
            sites++;
        }
        lmm_accounts_take_peak(turn * 1000);
        uint32_t valid = turn % 2;
        cr_assert(header->peak_count == turn && header->peak_bytes[valid] == turn * 1000);
        cr_assert(turn == 1 || header->peak_bytes[1 - valid] == (turn - 1) * 1000);
        cr_assert(header->peak_time_ns[valid] >= time_ns);
        time_ns = header->peak_time_ns[valid];
        for (uint32_t i = 0; i < sites; i++) {
            cr_assert(peak_of(i).blocks == 1 && peak_of(i).bytes == i, "turn %u, site %u", turn, i);
        }
        for (uint32_t i = 0; turn > 1 && i < sites - MORE; i++) {
            cr_assert(peak_before(i, 1).blocks == 1 && peak_before(i, 1).bytes == i);
        }
    }
    assert_chunks_adjoin();
}

/* In a family that counts no bytes: so many slots of its size. */
Test(accounts, a_peak_of_slots, .init = start)
{
    cr_assert(lmm_accounts_add_family("f", 20, 8, 24, 0) != NULL);
    uint32_t site = add_site(0, 1, "a", "f");

    share(site, 5, 2, 7, 3);
    lmm_accounts_take_peak(140);
    cr_expect(peak_of(site).blocks == 3 && peak_of(site).bytes == (3 + 4) * 20);
}

/* One family counts bytes, one slots; nothing is in the shared rows. */
Test(accounts, a_peak_of_bytes_and_slots, .init = start_with_family)
{
    cr_assert(lmm_accounts_add_family("g", 20, 8, 24, 0) != NULL);
    uint32_t bytes = add_site(0, 1, "a", "f");
    uint32_t slots = add_site(1, 2, "a", "f");
    struct lmm_row_page *page = lmm_rows_take(1, bytes);

    cr_assert(page != NULL);
    *lmm_row_of(page, bytes) = blocks(5, 2, 70, 30);
    *lmm_row_of(page, slots) = blocks(5, 2, 7, 3);
    lmm_accounts_take_peak(180);
    cr_expect(peak_of(bytes).blocks == 3 && peak_of(bytes).bytes == 40);
    cr_expect(peak_of(slots).blocks == 3 && peak_of(slots).bytes == (3 + 4) * 20);
}

/* A freed site is absent from the peak that overwrites the one of two peaks before. */
Test(accounts, a_peak_forgets_the_one_before_last, .init = start_with_family)
{
    uint32_t site = add_site(0, 1, "a", "f");

    share(site, 2, 0, 20, 0);
    lmm_accounts_take_peak(20);
    share(site, 0, 2, 0, 20);
    lmm_accounts_take_peak(30);
    lmm_accounts_take_peak(40);
    cr_expect(peak_of(site).blocks == 0 && peak_of(site).bytes == 0);
}

Test(accounts, without_memory_the_last_peak_stays, .init = start_with_family)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();
    uint32_t site = add_site(0, 1, "a", "f");

    share(site, 1, 0, 10, 0);
    lmm_accounts_take_peak(10);
    for (uint32_t i = 0; i < 5000; i++) {
        add_site(0, 2 + i, "a", "f");
    }
    share(site, 1, 0, 10, 0);
    seam_install();
    seam_fail_all(SEAM_MAP);
    seam_fail_all(SEAM_POPULATE);
    lmm_accounts_take_peak(20);
    cr_expect(header->peak_count == 1 && header->peak_bytes[1] == 10 && peak_of(site).blocks == 1);
    seam_heal();
    lmm_accounts_take_peak(20);
    cr_expect(header->peak_count == 2 && header->peak_bytes[0] == 20 && peak_of(site).blocks == 2);
}

/* ---- The walker ------------------------------------------------------------------------------ */

static bool are_valid(void)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    bool valid = lmm_rows_are_valid_locked();
    lmm_lock_release(&lmm_chunks_lock);
    return valid;
}

Test(rows, the_walker_finds_damage, .init = start)
{
    add_sites(100);
    struct lmm_row_page *first = lmm_rows_take(1, 5);
    struct lmm_row_page *page = lmm_rows_take(2, 90);
    cr_assert(first != NULL && page != NULL);
    cr_expect(are_valid());
    first->record->rows--;
    cr_expect(!are_valid(), "I2: a page with too few rows");
    first->record->rows++;
    page->record->first_site += LMM_ROWS_PER_PAGE;
    cr_expect(!are_valid(), "I2: a page of another group");
    page->record->first_site -= LMM_ROWS_PER_PAGE;
    page->record->owner = 0;
    cr_expect(!are_valid(), "I2: two shared pages");
    page->record->owner = 2;
    lmm_rows_give(page);
    page->first_site = 0;
    cr_expect(!are_valid(), "I2: a free page of another group");
    page->first_site = 80;
    lmm_chunks_header()->peak_count++;
    cr_expect(!are_valid(), "I5: the header points at a peak that was never written");
    lmm_chunks_header()->peak_count--;
    cr_expect(are_valid());
}
