/* SPDX-License-Identifier: MIT */
/* accounts and rows: the layout of <lmm/ledger.h>, stacks, sums over owners, growing columns, the
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

static bool is_column(uint32_t kind)
{
    return kind == LMM_LEDGER_ROWS || kind == LMM_LEDGER_PEAKS || kind == LMM_LEDGER_TEMPORARIES;
}

/* I1 of <lmm/ledger.h>: the chunks of a kind adjoin, and of columns each owner's start at 0. */
static void assert_chunks_adjoin(void)
{
    uint32_t next[LMM_LEDGER_TEMPORARIES + 1] = {0};

    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_view view = lmm_chunks_view();
    for (size_t i = 0; i < view.chunk_count; i++) {
        const struct lmm_ledger_chunk *chunk = view.chunks[i];
        cr_assert(chunk->kind <= LMM_LEDGER_TEMPORARIES);
        cr_assert(chunk->bytes % LMM_SYSTEM_PAGE_BYTES == 0);
        cr_assert(chunk->bytes >=
                  sizeof(*chunk) + (uint64_t) chunk->capacity * chunk->record_bytes);
        if (chunk->kind == LMM_LEDGER_UNUSED) {
            continue;
        }
        cr_assert(chunk->used <= chunk->capacity);
        if (is_column(chunk->kind)) {
            cr_assert(chunk->first == 0 && chunk->used == chunk->capacity);
            continue;
        }
        cr_assert(chunk->first == next[chunk->kind]);
        next[chunk->kind] = chunk->first + chunk->capacity;
    }
    lmm_lock_release(&lmm_chunks_lock);
}

/* The one chunk of a kind and owner; NULL: there is none. */
static const struct lmm_ledger_chunk *column(enum lmm_ledger_kind kind, uint32_t owner)
{
    const struct lmm_ledger_chunk *found = NULL;

    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_view view = lmm_chunks_view();
    for (size_t i = 0; i < view.chunk_count; i++) {
        if (view.chunks[i]->kind == (uint32_t) kind && view.chunks[i]->owner == owner) {
            cr_assert(found == NULL, "one chunk an owner");
            found = view.chunks[i];
        }
    }
    lmm_lock_release(&lmm_chunks_lock);
    return found;
}

Test(accounts, many_families_and_sites, .init = start)
{
    enum { FAMILIES = 500, SITES = 3000 };
    struct lmm_ledger_family *record[FAMILIES];
    char name[64];

    for (uint32_t i = 0; i < FAMILIES; i++) {
        snprintf(name, sizeof(name), "family %u", i);
        record[i] = lmm_accounts_add_family(name, i + 1, 8, i + 8);
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
        lmm_accounts_add_family("given up", 99, 8, 104);
        lmm_accounts_drop_family();
        cr_assert(lmm_accounts_family_count() == i);
        const struct lmm_ledger_family *record = lmm_accounts_add_family("kept", 1, 1, 1);
        cr_assert(lmm_accounts_family_count() == i + 1 && record->size_bytes == 1);
        cr_assert(record->pages == 0 && record->peak_amount == 0);
    }
    assert_chunks_adjoin();
}

Test(accounts, gauges_of_pages, .init = start)
{
    struct lmm_ledger_family *record = lmm_accounts_add_family("f", 8, 8, 8);

    lmm_accounts_count_page(record, 1, LMM_UNIT_BYTES, 100);
    lmm_accounts_count_page(record, 1, (size_t) 3 * LMM_UNIT_BYTES, 300);
    lmm_accounts_count_committed(record, 8192);
    lmm_accounts_count_page(record, -1, LMM_UNIT_BYTES, 100);
    lmm_accounts_count_committed(record, -4096);
    cr_expect(record->pages == 1 && record->mapped_bytes == (size_t) 3 * LMM_UNIT_BYTES);
    cr_expect(record->slots == 300 && record->committed_bytes == 4096);
}

Test(accounts, sums_go_over_all_owners, .init = start)
{
    struct lmm_rows one = {0};
    struct lmm_rows two = {0};
    uint32_t first = add_site(0, 1, "a", "f");
    uint32_t second = add_site(0, 2, "a", "f");

    cr_assert(lmm_rows_grow(1, 2, &one) && lmm_rows_grow(2, 2, &two));
    one.row[first] = (struct lmm_ledger_row) {10, 2, 30, 4};
    two.row[first] = (struct lmm_ledger_row) {100, 20, 300, 40};
    two.row[second] = (struct lmm_ledger_row) {7, 6, 5, 4};
    lmm_rows_count_shared(first, &(struct lmm_ledger_row) {1000, 200, 3000, 400});
    struct lmm_ledger_row row = sum(first);
    assert_row(&row, 1110, 222, 3330, 444);
    row = sum(second);
    assert_row(&row, 7, 6, 5, 4);
}

Test(accounts, growing_keeps_the_counts, .init = start)
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
    cr_expect(lmm_chunks_header()->move_sequence % 2 == 0);
}

/* Outgrown chunks are used again, so what many owners grow through costs little more than one. */
Test(accounts, outgrown_rows_are_used_again, .init = start)
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
    struct lmm_ledger_view view = lmm_chunks_view();
    for (size_t i = 0; i < view.chunk_count; i++) {
        bytes += view.chunks[i]->bytes;
    }
    cr_expect(bytes < 1 << 20, "%zu bytes for %d sites and %d owners", bytes, SITES, OWNERS);
    assert_chunks_adjoin();
}

/* I2: the shared rows reach every site, without the rows of any heap. */
Test(accounts, common_rows_reach_every_site, .init = start)
{
    const struct lmm_ledger_row delta = {2, 1, 0, 0};

    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t site = add_site(0, i, "a", "f");
        lmm_rows_count_shared(site, &delta);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        struct lmm_ledger_row row = sum(i);
        assert_row(&row, 2, 1, 0, 0);
    }
}

Test(accounts, no_memory_leaves_all_as_it_was, .init = start)
{
    struct lmm_rows rows = {0};
    uint32_t id;
    uint32_t added = 1 + add_site(0, 0, "a file of some length", "f");

    lmm_rows_grow(1, 1, &rows);
    struct lmm_rows before = rows;
    seam_install();
    seam_fail_all(SEAM_MAP);
    while (lmm_accounts_add_site(0, added, "a file of some length", "f", &id)) {
        cr_assert(id == added++ && added < 10000);
    }
    cr_expect(errno == ENOMEM);
    cr_expect(lmm_accounts_site_count() == added);
    lmm_rows_count_shared(added - 1, &(struct lmm_ledger_row) {1, 0, 0, 0});
    FAILS_WITH(ENOMEM, lmm_rows_grow(1, 100000, &rows));
    cr_expect(rows.row == before.row && rows.capacity == before.capacity);
    uint32_t families = 0;
    while (lmm_accounts_add_family("f", 1, 1, 1) != NULL) {
        families++;
    }
    cr_expect(lmm_accounts_family_count() == families);
    assert_chunks_adjoin();
    seam_heal();
    cr_expect(add_site(0, 1, "b", "f") == added);
    cr_expect(lmm_accounts_add_family("f", 1, 1, 1) != NULL);
}

Test(accounts, start_without_memory_can_be_tried_again)
{
    seam_install();
    for (uint64_t k = 1; k <= 3; k++) {
        seam_fail(SEAM_MAP, seam_calls(SEAM_MAP) + k, seam_calls(SEAM_MAP) + k);
        cr_expect(lmm_accounts_start() == (lmm_chunks_header() != NULL));
        seam_heal();
        if (lmm_chunks_header() == NULL) {
            continue;
        }
        cr_expect(k > 1, "the first map is the header's");
        break;
    }
    cr_expect(lmm_chunks_header() != NULL || lmm_accounts_start());
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
    lmm_rows_count_shared(SITES - 1, &(struct lmm_ledger_row) {1, 0, 100, 0});
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

Test(accounts, temporaries_grow, .init = start)
{
    enum { SITES = 3000 };
    struct lmm_temporaries one = {0};
    struct lmm_temporaries two = {0};

    for (uint32_t i = 0; i < SITES; i++) {
        cr_assert(lmm_temporaries_grow(1, i + 1, &one) && one.capacity > i);
        cr_assert(lmm_temporaries_grow(2, i + 1, &two) && two.capacity > i);
        one.count[i] = i + 1;
        two.count[i] = 1;
    }
    for (uint32_t i = 0; i < SITES; i++) {
        cr_assert(one.count[i] == i + 1 && two.count[i] == 1);
    }
    const struct lmm_ledger_chunk *chunk = column(LMM_LEDGER_TEMPORARIES, 1);
    cr_expect((const void *) (chunk + 1) == one.count && chunk->capacity == one.capacity);
    cr_expect(column(LMM_LEDGER_ROWS, 1) == NULL, "rows are another column");
    assert_chunks_adjoin();
    seam_install();
    seam_fail_all(SEAM_MAP);
    FAILS_WITH(ENOMEM, lmm_temporaries_grow(1, 1000000, &one));
    cr_expect((const void *) (chunk + 1) == one.count && one.count[SITES - 1] == SITES);
    cr_expect(lmm_chunks_header()->move_sequence % 2 == 0);
}

/* ---- The peak ------------------------------------------------------------------------------------- */

/* What the peak records for a site. */
static struct lmm_ledger_peak peak_of(uint32_t site)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();
    const struct lmm_ledger_chunk *chunk =
        column(LMM_LEDGER_PEAKS, (uint32_t) header->peak_count % 2);

    cr_assert(chunk != NULL && site < chunk->used);
    return ((const struct lmm_ledger_peak *) (const void *) (chunk + 1))[site];
}

/* For one site, rows of one owner and of owner 0: their counters, and the expected peak. */
static const struct {
    struct lmm_ledger_row own;
    struct lmm_ledger_row common;
    struct lmm_ledger_peak wanted;
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

Test(accounts, a_peak_is_what_lives, .init = start)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();
    struct lmm_rows rows = {0};

    for (uint32_t i = 0; i < PEAKS; i++) {
        cr_assert(add_site(0, i, "a", "f") == i);
    }
    cr_assert(lmm_rows_grow(3, PEAKS, &rows));
    for (uint32_t i = 0; i < PEAKS; i++) {
        rows.row[i] = peaks[i].own;
        lmm_rows_count_shared(i, &peaks[i].common);
    }
    cr_expect(header->peak_count == 0 && column(LMM_LEDGER_PEAKS, 0) == NULL);
    lmm_accounts_take_peak(1440);
    cr_expect(header->peak_count == 1 && header->peak_bytes[1] == 1440);
    for (uint32_t i = 0; i < PEAKS; i++) {
        struct lmm_ledger_peak peak = peak_of(i);
        cr_expect(peak.blocks == peaks[i].wanted.blocks && peak.bytes == peaks[i].wanted.bytes,
                  "case %u: %d blocks, %d bytes", i, (int) peak.blocks, (int) peak.bytes);
    }
}

/* Two owners alternate; the earlier peak stays unchanged. */
Test(accounts, peaks_take_turns_and_grow, .init = start)
{
    enum { TURNS = 40, MORE = 100 };
    const struct lmm_ledger_header *header = lmm_chunks_header();
    uint32_t sites = 0;
    uint64_t time_ns = 0;

    for (uint32_t turn = 1; turn <= TURNS; turn++) {
        for (uint32_t i = 0; i < MORE; i++) {
            lmm_rows_count_shared(add_site(0, sites, "a", "f"),
                                  &(struct lmm_ledger_row) {1, 0, sites, 0});
            sites++;
        }
        lmm_accounts_take_peak(turn * 1000);
        uint32_t owner = turn % 2;
        cr_assert(header->peak_count == turn && header->peak_bytes[owner] == turn * 1000);
        cr_assert(turn == 1 || header->peak_bytes[1 - owner] == (turn - 1) * 1000);
        cr_assert(header->peak_time_ns[owner] >= time_ns);
        time_ns = header->peak_time_ns[owner];
        for (uint32_t i = 0; i < sites; i++) {
            cr_assert(peak_of(i).blocks == 1 && peak_of(i).bytes == i, "turn %u, site %u", turn, i);
        }
        const struct lmm_ledger_chunk *other = column(LMM_LEDGER_PEAKS, 1 - owner);
        cr_assert(turn == 1 ? other == NULL : other->used >= sites - MORE);
    }
    assert_chunks_adjoin();
    cr_expect(header->move_sequence % 2 == 0);
}

/* A freed site is absent from the peak that overwrites the chunk of two peaks before. */
Test(accounts, a_peak_forgets_the_one_before_last, .init = start)
{
    uint32_t site = add_site(0, 1, "a", "f");

    lmm_rows_count_shared(site, &(struct lmm_ledger_row) {2, 0, 20, 0});
    lmm_accounts_take_peak(20);
    lmm_rows_count_shared(site, &(struct lmm_ledger_row) {0, 2, 0, 20});
    lmm_accounts_take_peak(30);
    lmm_accounts_take_peak(40);
    cr_expect(peak_of(site).blocks == 0 && peak_of(site).bytes == 0);
}

Test(accounts, without_memory_the_last_peak_stays, .init = start)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();
    uint32_t site = add_site(0, 1, "a", "f");

    lmm_rows_count_shared(site, &(struct lmm_ledger_row) {1, 0, 10, 0});
    lmm_accounts_take_peak(10);
    for (uint32_t i = 0; i < 5000; i++) {
        add_site(0, 2 + i, "a", "f");
    }
    lmm_rows_count_shared(site, &(struct lmm_ledger_row) {1, 0, 10, 0});
    seam_install();
    seam_fail_all(SEAM_MAP);
    /* Outgrown rows would be long enough for it. */
    for (uint32_t owner = 1; lmm_rows_grow(owner, 4000, &(struct lmm_rows) {0}); owner++) {
    }
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

/* A column that the test may damage. */
static struct lmm_ledger_chunk *open_column(enum lmm_ledger_kind kind, uint32_t owner)
{
    return (struct lmm_ledger_chunk *) (uintptr_t) column(kind, owner);
}

Test(rows, the_walker_finds_damage, .init = start)
{
    struct lmm_rows one = {0};
    struct lmm_rows two = {0};

    add_site(0, 1, "a", "f");
    cr_assert(lmm_rows_grow(1, 1, &one) && lmm_rows_grow(2, 1, &two));
    lmm_accounts_take_peak(10);
    cr_expect(are_valid());
    struct lmm_ledger_chunk *rows = open_column(LMM_LEDGER_ROWS, 2);
    rows->owner = 1;
    cr_expect(!are_valid(), "I2: an owner has two chunks");
    rows->owner = 2;
    rows->used--;
    cr_expect(!are_valid(), "I2: rows that are not in use");
    rows->used++;
    lmm_chunks_header()->move_sequence++;
    cr_expect(!are_valid(), "I2: a move has not ended");
    lmm_chunks_header()->move_sequence--;
    struct lmm_ledger_chunk *peak = open_column(LMM_LEDGER_PEAKS, 1);
    peak->owner = 0;
    cr_expect(!are_valid(), "I3: the peaks are of another owner");
    peak->owner = 1;
    lmm_chunks_header()->peak_count++;
    cr_expect(!are_valid(), "I3: the header points at a chunk that was never written");
    lmm_chunks_header()->peak_count--;
    cr_expect(are_valid());
}
