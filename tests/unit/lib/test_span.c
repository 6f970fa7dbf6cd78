/* SPDX-License-Identifier: MIT */
/* span: spans that grow, move, and are kept: where they are, what they hold, and what is counted. */
#include "tests/support/run_steps.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>

Test(span, spans_grow)
{
    static const struct {
        size_t stride;
        size_t from;
        size_t to;
    } cases[] = {{1000, 132, 263},     {1000, 132, 5000},   {1024, 129, 257},
                 {1024, 2000, 2049},   {1024, 2000, 30000}, {200000, 1, 2},
                 {1024, 129, 4000},    {300000, 3, 50},     {1, 300000, 3000001},
                 {1, 300000, 5000000}, {1024, 20000, 20481}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int has_room = 0; has_room < 2; has_room++) {
            size_t stride = cases[i].stride;
            set_up(stride);
            /* Where the kernel maps downwards, the second span ends where the first begins. */
            char *other = take(cases[i].from);
            char *block = take(cases[i].from);
            if (has_room == 1) {
                give(other, cases[i].from);
            }
            fill(block, cases[i].from * stride, 3);
            char *moved = remap(block, cases[i].to);
            bool is_short = cases[i].to * stride <= 15 * (size_t) LMM_UNIT_BYTES;
            cr_assert(is_short ? moved == block || moved == NULL : moved != NULL, "case %zu", i);
            if (moved == NULL) {
                give(block, cases[i].from);
                if (has_room == 0) {
                    give(other, cases[i].from);
                }
                continue; /* the caller copies it */
            }
            check_fill(moved, cases[i].from * stride, cases[i].from * stride, 3);
            assert_gauges();
            fill(moved, cases[i].to * stride, 4);
            cr_assert(resize(moved, cases[i].from), "case %zu", i);
            check_fill(moved, cases[i].from * stride, cases[i].to * stride, 4);
            assert_gauges();
            give(moved, cases[i].from);
            if (has_room == 0) {
                give(other, cases[i].from);
            }
            cr_expect(record.pages == 0 && record.mapped_bytes == 0 && record.committed_bytes == 0);
        }
    }
}

Test(span, growing_bit_by_bit_seldom_moves)
{
    enum { FROM = 200, TO = 200000 }; /* to 200 MB */
    set_up(1024);
    char *block = take(FROM);
    size_t length = FROM;

    uint64_t calls = seam_calls(SEAM_REMAP) + seam_calls(SEAM_MAP);
    while (length < TO) {
        size_t n = length + 64;
        if (!resize(block, n)) {
            block = remap(block, n);
            cr_assert(block != NULL);
        }
        length = n;
        block[(length - 1) * 1024] = 1;
    }
    calls = seam_calls(SEAM_REMAP) + seam_calls(SEAM_MAP) - calls;
    cr_expect(calls < 100, "%d", (int) calls);
    give(block, length);
}

Test(span, spans_do_not_grow)
{
    set_up(1024);
    char *run = take(100);
    char *span = take(1000);
    size_t slot;
    FAILS_WITH(ENOMEM, lmm_span_remap(&runs, page_of(run, &slot), 1000));
    cr_expect(remap(span, SIZE_MAX / 2048) == NULL);
    cr_expect(remap(span, LMM_TAG_VALUE_MASK) == NULL, "a TiB");
    lmm_tools_active = true;
    cr_expect(remap(span, 2000) == NULL, "tools watch");
    lmm_tools_active = false;
    give(span, 1000);
    give(run, 100);
}

/* Each kernel call of a growth fails in turn, once or from then on. */
Test(span, growing_fails)
{
    enum { SLOTS = 4000 }; /* it moves */
    static const enum seam_operation operations[] = {SEAM_MAP, SEAM_UNMAP, SEAM_REMAP,
                                                     SEAM_DISCARD};

    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        for (uint64_t k = 1; k <= 8; k++) {
            set_up(1024);
            char *other = take(SLOTS);
            char *block = take(SLOTS);
            memset(block, 5, (size_t) SLOTS * 1024);
            uint64_t call = seam_calls(operations[i]) + (k + 1) / 2;
            seam_fail(operations[i], call, k % 2 == 0 ? call : SEAM_FOR_EVER);
            char *moved = remap(block, SLOTS + SLOTS / 2);
            char *now = moved == NULL ? block : moved;
            size_t n = moved == NULL ? SLOTS : SLOTS + SLOTS / 2;
            for (size_t at = 0; at < (size_t) SLOTS * 1024; at += 1000) {
                cr_assert(now[at] == 5);
            }
            assert_gauges();
            seam_heal();
            give(now, n);
            give(other, SLOTS);
            assert_gauges();
            cr_expect(record.pages == 0 && record.committed_bytes == 0);
        }
    }
}

/* One of several threads that grow spans at the same time; returns how often its content was
 * wrong. */
static void *grow_spans(void *arg)
{
    const char *own = arg;
    uintptr_t wrong = 0;

    for (int round = 0; round < 5; round++) {
        bool zeroed;
        size_t n = 4100; /* long enough to be moved */
        char *block = lmm_run_take(&runs, n, 1, SITE, &zeroed);
        lmm_tools_block_begins(block, n * 1024);
        memset(block, *own, n * 1024);
        for (int step = 0; step < 5; step++) {
            struct lmm_page *page = lmm_page_of((uintptr_t) block);
            size_t old_bytes = n * 1024;
            size_t zero_from = lmm_page_facts(page)->clean_from * (size_t) LMM_SYSTEM_PAGE_BYTES;
            n = page->slots + 1;
            lmm_tools_page_ends(block, lmm_page_facts(page)->units * (size_t) LMM_UNIT_BYTES);
            char *moved = lmm_span_remap(&runs, page, n);
            if (moved == NULL) {
                break; /* its units were idle ones of several mappings */
            }
            block = moved;
            wrong += memcmp(block, block + 1, old_bytes - 1) != 0 || block[0] != *own;
            wrong += zero_from < old_bytes || block[zero_from] != 0;
            memset(block + old_bytes, *own, n * 1024 - old_bytes);
        }
        lmm_run_give(&runs, lmm_page_of((uintptr_t) block), 0,
                     lmm_run_length(lmm_page_of((uintptr_t) block), 0));
    }
    return (void *) wrong;
}

/* Another thread maps the addresses that a span has left at once. */
Test(span, spans_move_in_threads)
{
    enum { THREADS = 4 };
    static char own[] = "abcd";
    pthread_t thread[THREADS];

    set_up(1024);
    for (int i = 0; i < THREADS; i++) {
        cr_assert(pthread_create(&thread[i], NULL, grow_spans, &own[i]) == 0);
    }
    for (int i = 0; i < 200; i++) {
        assert_valid();
    }
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(thread[i], &wrong);
        cr_expect(wrong == NULL, "thread %d", i);
    }
    assert_gauges();
    cr_expect(record.pages == 0 && record.mapped_bytes == 0 && record.committed_bytes == 0);
}

/* The program cut its block's mapping in three: the kernel does not move it, and nothing
 * changes. */
Test(span, several_mappings_are_not_moved)
{
    set_up(1024);
    char *other = take(1000);
    char *block = take(1000);
    fill(block, 1000 * 1024, 9);
    cr_assert(mprotect(block + 65536, 4096, PROT_READ) == 0);
    cr_expect(remap(block, 9000) == NULL, "more than the idle units after it");
    check_fill(block, 1000 * 1024, 1000 * 1024, 9);
    assert_gauges();
    cr_assert(mprotect(block + 65536, 4096, PROT_READ | PROT_WRITE) == 0);
    give(block, 1000);
    give(other, 1000);
}

/* The units of a span serve the next one, which counts only committed memory as committed. */
Test(span, kept_spans_are_used_again)
{
    set_up(1024);
    lmm_reservoir_set_bound(8 << 20);
    char *block = take(4000);
    memset(block, 1, 4000 * 1024);
    uint64_t maps = seam_calls(SEAM_MAP);
    for (int i = 0; i < 10; i++) {
        size_t n = (size_t) (4000 - i * 300);
        give(block, i == 0 ? 4000 : n + 300);
        block = take(n);
        memset(block, 2, n * 1024);
        assert_gauges();
        cr_expect(record.committed_bytes == n * 1024);
    }
    cr_expect(seam_calls(SEAM_MAP) == maps);
    give(block, 1300);
    lmm_reservoir_empty();
}

/* A span grows into the units that are kept after it, with their contents, until they are used up. */
Test(span, spans_grow_into_kept_units)
{
    enum { LONG = 4096 }; /* 16 units */
    static const size_t lengths[] = {256, 257, 1000, 1024, 1025, 4000, 4096};

    set_up(1024);
    lmm_reservoir_set_bound(8 << 20);
    char *kept = take(LONG);
    memset(kept, 7, (size_t) LONG * 1024);
    give(kept, LONG);
    char *block = take(256);
    cr_assert(block == kept, "cut from the run that is kept");
    uint64_t calls = seam_calls(SEAM_MAP) + seam_calls(SEAM_REMAP) + seam_calls(SEAM_DISCARD);
    for (size_t i = 1; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t slot;
        struct lmm_page *page = page_of(block, &slot);
        cr_expect(lengths[i] <= page->slots || !resize(block, lengths[i]));
        cr_expect(lengths[i] <= page->slots ? resize(block, lengths[i])
                                            : lmm_span_extend(&runs, page, lengths[i]));
        cr_expect(lmm_run_length(page, 0) == lengths[i]);
        assert_valid();
        assert_gauges();
        for (size_t at = 0; at < lengths[i] * 1024; at += 512) {
            cr_assert(block[at] == 7);
        }
    }
    cr_expect(calls == seam_calls(SEAM_MAP) + seam_calls(SEAM_REMAP) + seam_calls(SEAM_DISCARD));
    cr_expect(record.committed_bytes == (size_t) LONG * 1024);
    size_t slot;
    struct lmm_page *page = page_of(block, &slot);
    cr_expect(!lmm_span_extend(&runs, page, LONG + 1), "nothing is kept after it");
    cr_expect(!lmm_span_extend(&runs, page, SIZE_MAX / 1024));
    give(block, LONG);
    block = take(256);
    page = page_of(block, &slot);
    cr_expect(!lmm_span_extend(&runs, page, LONG + 1), "too little is kept after it");
    lmm_tools_active = true;
    cr_expect(!lmm_span_extend(&runs, page, 512), "tools watch");
    lmm_tools_active = false;
    give(block, 256);
    lmm_reservoir_empty();
}

/* A new span keeps the memory after its end that the last one there has left: all when it grows and is
 * not long, up to half of its length when it is short. */
Test(span, spans_keep_memory_after_their_end)
{
    static const struct {
        size_t last; /* the slots of the last span there, all written */
        size_t slots;
        bool grows;
        size_t committed; /* in slots */
    } cases[] = {{256, 80, true, 256},     {256, 130, false, 132},   {140, 130, false, 140},
                 {192, 130, false, 192},   {193, 130, false, 132},   {512, 480, false, 480},
                 {512, 300, true, 512},    {256, 200, true, 256},    {256, 200, false, 256},
                 {6000, 5000, true, 5000}, {6000, 5000, false, 5000}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(1024);
        lmm_reservoir_set_bound(32 << 20);
        char *last = take(cases[i].last);
        memset(last, 1, cases[i].last * 1024);
        give(last, cases[i].last);
        char *block = cases[i].grows ? lmm_span_take_growing(&runs, cases[i].slots, SITE)
                                     : take(cases[i].slots);
        cr_assert(block == last);
        lmm_tools_block_begins(block, cases[i].slots * 1024);
        assert_valid();
        assert_gauges();
        cr_expect(record.committed_bytes == cases[i].committed * 1024, "case %zu", i);
        give(block, cases[i].slots);
        lmm_reservoir_empty();
    }
    FAILS_WITH(ENOMEM, lmm_span_take_growing(&runs, SIZE_MAX / 1024, SITE));
}

/* A span of 4 MiB or more is kept if all of it was written; else its memory is not worth it. */
Test(span, sparse_spans_are_not_kept)
{
    /* Where the system's setting is `always`, the kernel would add large pages. */
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    static const struct {
        size_t slots;
        size_t written; /* from the start on */
        bool is_kept;
    } cases[] = {{5000, 5000, true},   {5000, 4900, false},  {5000, 0, false},
                 {4096, 4090, false},  {4096, 4096, true},   {3800, 1, true},
                 {16384, 16384, true}, {16384, 16380, false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(1024);
        lmm_reservoir_set_bound(32 << 20);
        bool zeroed; /* take() would read the block, and the kernel counts that, too */
        char *block = lmm_run_take(&runs, cases[i].slots, 1, SITE, &zeroed);
        cr_assert(block != NULL && zeroed);
        lmm_tools_block_begins(block, cases[i].slots * 1024);
        memset(block, 1, cases[i].written * 1024);
        give(block, cases[i].slots);
        cr_expect((lmm_reservoir_kept_bytes() != 0) == cases[i].is_kept, "case %zu", i);
        lmm_reservoir_empty();
    }
}
