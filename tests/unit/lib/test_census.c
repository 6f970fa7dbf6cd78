/* SPDX-License-Identifier: MIT */
/* census, census_question, agent_text: fields of blocks whose values are known; inaccessible memory; threads; hostile questions. */
#include "tests/support/seam.h"

#include "lib/books/chunks.h"
#include "lib/front/block.h"
#include "lib/leaks/agent_text.h"
#include "lib/leaks/census.h"
#include "lib/leaks/census_question.h"
#include "lib/pages/family.h"
#include "lib/pages/page.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct item {
    void *never;
    long small;
    int negative;
    unsigned constant;
    unsigned char low : 3, high : 5;
    char name[19];
    struct item *rare;
};

enum { ITEMS = 5000, RARE = 100 };

static struct lmm_census census;
static struct item *items[ITEMS];

static struct item *new_item(void)
{
    return LMM_NEW(struct item);
}

static void fill(struct item *item, int i)
{
    item->small = i % 214;
    item->negative = i % 201 - 100;
    item->constant = 0xdeadbeef;
    item->low = (unsigned) i % 3;
    item->high = 17;
    memcpy(item->name, "of eleven b", (size_t) (i % 12));
    item->rare = i % RARE == 1 ? item : NULL;
}

static void make_items(void)
{
    for (int i = 0; i < ITEMS; i++) {
        items[i] = new_item();
        cr_assert(items[i] != NULL);
        fill(items[i], i);
    }
}

static uint32_t site_of(const void *block)
{
    struct lmm_location location;

    cr_assert(lmm_page_locate(block, &location));
    return lmm_tag_site(location.page->tags[location.slot]);
}

static void ask_for(size_t element_bytes, bool has_arrays, const void *block)
{
    memset(&census, 0, sizeof(census));
    census.element_bytes = (uint32_t) element_bytes;
    census.has_arrays = has_arrays;
    cr_assert(lmm_census_add_site(&census, site_of(block)));
}

static void add_field(size_t offset, size_t bytes, enum lmm_census_kind kind)
{
    cr_assert(lmm_census_add_field(&census, offset * 8, bytes * 8, kind));
}

#define FIELD(type, name, kind)                                                                    \
    add_field(offsetof(type, name), sizeof(((type *) NULL)->name), LMM_CENSUS_##kind)

static void expect_elements(uint64_t blocks, uint64_t elements, uint64_t skipped)
{
    cr_expect_eq(census.blocks, blocks, "%zu blocks", (size_t) census.blocks);
    cr_expect_eq(census.elements, elements, "%zu elements", (size_t) census.elements);
    cr_expect_eq(census.skipped, skipped, "%zu skipped", (size_t) census.skipped);
}

/* ---- What fields hold ------------------------------------------------------------------------ */

Test(census, each_kind_of_field)
{
    static const struct {
        const char *name;
        size_t bit;
        size_t bits;
        enum lmm_census_kind kind;
        uint64_t zeros;
        uint64_t sames;
        int64_t least;
        int64_t most;
    } fields[] = {
        {"never set", 0, 64, LMM_CENSUS_UNSIGNED, ITEMS, ITEMS, 0, 0},
        {"small", 64, 64, LMM_CENSUS_SIGNED, 24, 24, 0, 213},
        {"negative", 128, 32, LMM_CENSUS_SIGNED, 25, 25, -100, 100},
        {"the same as unsigned", 128, 32, LMM_CENSUS_UNSIGNED, 25, 25, 0, 0xffffffff},
        {"constant", 160, 32, LMM_CENSUS_UNSIGNED, 0, ITEMS, 0xdeadbeef, 0xdeadbeef},
        {"signed constant", 160, 32, LMM_CENSUS_SIGNED, 0, ITEMS, (int32_t) 0xdeadbeef,
         (int32_t) 0xdeadbeef},
        {"low bits", 192, 3, LMM_CENSUS_UNSIGNED, 1667, 1667, 0, 2},
        {"high bits", 195, 5, LMM_CENSUS_UNSIGNED, 0, ITEMS, 17, 17},
        {"high bits, signed", 195, 5, LMM_CENSUS_SIGNED, 0, ITEMS, 17 - 32, 17 - 32},
        {"bytes used of a name", 200, 152, LMM_CENSUS_BYTES, 417, 417, 0, 11},
        {"numbers of two bytes", 72, 48, LMM_CENSUS_ARRAY + 3, ITEMS, ITEMS, 0, 0},
        {"numbers of four bytes", 64, 128, LMM_CENSUS_ARRAY + 5, 0, 0, (int32_t) 0xdeadbeef, 213},
        {"the same as unsigned", 64, 128, LMM_CENSUS_ARRAY + 4, 0, 1, 0, 0xffffffff},
        {"three of its bytes", 200, 24, LMM_CENSUS_UNSIGNED, 417, 417, 0,
         'o' | 'f' << 8 | ' ' << 16},
        {"mostly null", offsetof(struct item, rare) * 8, 64, LMM_CENSUS_BYTES, ITEMS - 50,
         ITEMS - 50, 0, 6},
    };
    const size_t count = sizeof(fields) / sizeof(fields[0]);

    make_items();
    ask_for(sizeof(struct item), true, items[0]);
    for (size_t i = 0; i < count; i++) {
        cr_assert(lmm_census_add_field(&census, fields[i].bit, fields[i].bits, fields[i].kind),
                  "%s", fields[i].name);
    }
    cr_assert_eq(lmm_census_run(&census), 0);
    expect_elements(ITEMS, ITEMS, 0);
    for (size_t i = 0; i < count; i++) {
        const struct lmm_census_field *found = &census.fields[i];

        cr_expect_eq(found->zeros, fields[i].zeros, "%s: %zu zeros", fields[i].name,
                     (size_t) found->zeros);
        cr_expect_eq((int64_t) found->least, fields[i].least, "%s: least %lld", fields[i].name,
                     (long long) found->least);
        cr_expect_eq((int64_t) found->most, fields[i].most, "%s: most %lld", fields[i].name,
                     (long long) found->most);
        if (fields[i].sames == ITEMS || fields[i].least == 0) { /* else it depends on the first */
            cr_expect(found->sames == fields[i].sames || found->first != 0, "%s: %zu same",
                      fields[i].name, (size_t) found->sames);
        }
        cr_expect(found->first - found->least <= found->most - found->least, "%s", fields[i].name);
    }
}

/* Bytes are compared with the first value as a whole, not by their length. */
Test(census, bytes_of_one_length_may_differ)
{
    struct item *pair[2] = {new_item(), NULL};

    memcpy(pair[0]->name, "abc", 3);
    for (int i = 0; i < 2; i++) {
        ask_for(sizeof(struct item), true, pair[0]);
        FIELD(struct item, name, BYTES);
        cr_assert_eq(lmm_census_run(&census), 0);
        cr_expect_eq(census.fields[0].sames, 1);
        cr_expect(census.fields[0].least == 3 && census.fields[0].most == 3);
        if (i == 0) {
            pair[1] = new_item();
            memcpy(pair[1]->name, "abd", 3);
        }
    }
    expect_elements(2, 2, 0);
}

/* ---- Which blocks ---------------------------------------------------------------------------- */

Test(census, freed_blocks_and_those_of_other_sites_do_not_count)
{
    make_items();
    struct item *other = LMM_NEW(struct item);
    for (int i = 0; i < ITEMS; i += 2) {
        lmm_free(items[i]);
    }
    for (int both = 0; both < 2; both++) {
        ask_for(sizeof(struct item), true, items[1]);
        if (both) {
            cr_assert(lmm_census_add_site(&census, site_of(other)));
        }
        FIELD(struct item, constant, UNSIGNED);
        cr_assert_eq(lmm_census_run(&census), 0);
        expect_elements(ITEMS / 2 + both, ITEMS / 2 + both, 0);
        cr_expect_eq(census.fields[0].zeros, both);
    }
}

Test(census, each_struct_of_an_array)
{
    static const size_t lengths[] = {2, 300, 6000, 300000}; /* runs, and spans */

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct item *array = LMM_NEW_ARRAY(struct item, lengths[i]);

        for (size_t k = 0; k < lengths[i]; k++) {
            fill(&array[k], (int) k);
        }
        ask_for(sizeof(struct item), true, array);
        FIELD(struct item, constant, UNSIGNED);
        cr_assert_eq(lmm_census_run(&census), 0);
        expect_elements(1, lengths[i], 0);
        cr_expect_eq(census.fields[0].sames, lengths[i]);
        lmm_free(array);
    }
}

Test(census, blocks_of_another_size_are_skipped)
{
    make_items();
    ask_for(sizeof(struct item) - 8, true, items[0]);
    add_field(0, 8, LMM_CENSUS_UNSIGNED);
    cr_assert_eq(lmm_census_run(&census), 0);
    expect_elements(ITEMS, 0, ITEMS);
    cr_expect_eq(census.fields[0].sames, 0);
}

struct flexible {
    size_t count;
    int of[];
};

/* A block of a family with a flexible array is one struct, whatever its size. */
Test(census, structs_with_a_flexible_array)
{
    struct flexible *last = NULL;

    for (size_t i = 0; i < 100; i++) {
        last = LMM_NEW_FLEX(struct flexible, of, i);
        last->count = i;
    }
    for (int has_arrays = 0; has_arrays < 2; has_arrays++) {
        ask_for(sizeof(struct flexible), has_arrays, last);
        FIELD(struct flexible, count, UNSIGNED);
        cr_assert_eq(lmm_census_run(&census), 0);
        expect_elements(100, 100, 0);
        cr_expect_eq(census.fields[0].most, 99);
    }
}

/* Blocks of bytes, as malloc's are: those with a whole number of structs, or one struct and more. */
Test(census, structs_in_blocks_of_any_size)
{
    enum { STRIDE = 128 };
    static const struct {
        const char *name;
        size_t bytes;
        uint64_t number;      /* in the first 8 bytes */
        uint64_t elements[2]; /* without arrays, with them */
    } blocks[] = {
        {"too small", 20, 1, {0, 0}},
        {"one", 24, 1, {1, 1}},
        {"one and more", 50, 1, {1, 0}},
        {"five", 120, 1, {1, 5}},
        {"many", 24 * 2000, 1, {1, 2000}},
        {"five after their number", 128, 5, {1, 5}},
        {"after another number", 128, 6, {1, 0}},
        {"many after their number", 24 * 2000 + 8, 2000, {1, 2000}},
    };
    struct lmm_family *family = NULL;

    make_items();
    family = lmm_families_add("bytes", STRIDE, 16, true);
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        size_t slots = (blocks[i].bytes + STRIDE - 1) / STRIDE;
        uint32_t live = lmm_live_value(family->site, slots * STRIDE - blocks[i].bytes);
        uint64_t *block = lmm_block_alloc(family, live, slots, 1, true);

        block[0] = blocks[i].number;
        for (int has_arrays = 0; has_arrays < 2; has_arrays++) {
            uint64_t elements = blocks[i].elements[has_arrays];

            ask_for(24, has_arrays, block);
            add_field(16, 8, LMM_CENSUS_UNSIGNED);
            cr_assert_eq(lmm_census_run(&census), 0);
            cr_expect(census.blocks == 1 && census.elements == elements &&
                          census.skipped == (elements == 0),
                      "%s: %zu elements", blocks[i].name, (size_t) census.elements);
        }
        lmm_free(block);
    }
}

/* ---- Memory that cannot be read -------------------------------------------------------------- */

Test(census, inaccessible_system_pages_are_left_out)
{
    enum { LENGTH = 1 << 16, HIDDEN = 3 };
    long *array = LMM_NEW_ARRAY(long, LENGTH);
    char *page = (char *) array + (size_t) 5 * LMM_SYSTEM_PAGE_BYTES;

    for (int i = 0; i < LENGTH; i++) {
        array[i] = i;
    }
    page -= (uintptr_t) page % LMM_SYSTEM_PAGE_BYTES;
    ask_for(sizeof(long), true, array);
    add_field(0, sizeof(long), LMM_CENSUS_SIGNED);
    cr_assert_eq(mprotect(page, (size_t) HIDDEN * LMM_SYSTEM_PAGE_BYTES, PROT_NONE), 0);
    cr_assert_eq(lmm_census_run(&census), 0);
    cr_assert_eq(mprotect(page, (size_t) HIDDEN * LMM_SYSTEM_PAGE_BYTES, PROT_READ | PROT_WRITE),
                 0);
    expect_elements(1, LENGTH - HIDDEN * LMM_SYSTEM_PAGE_BYTES / sizeof(long), 1);
    cr_expect(census.fields[0].least == 0 && census.fields[0].most == LENGTH - 1);
}

Test(census, without_memory_the_question_has_failed)
{
    struct lmm_answer answer = {.length = 0};

    make_items();
    seam_install();
    seam_fail_all(SEAM_MAP);
    lmm_census_answer("8 1 0", &answer);
    seam_heal();
    cr_expect_eq(strncmp(answer.line, "error 12 the census failed", answer.length), 0);
}

Test(census, a_caller_that_interrupts_lmm_is_refused)
{
    make_items();
    ask_for(sizeof(struct item), true, items[0]);
    lmm_lock_acquire(&lmm_chunks_lock);
    cr_expect_eq(lmm_census_run(&census), -EDEADLK);
    lmm_lock_release(&lmm_chunks_lock);
    cr_expect_eq(census.blocks, 0);
}

/* ---- Questions ------------------------------------------------------------------------------- */

Test(census, a_field_must_fit_the_element)
{
    static const struct {
        uint64_t bit;
        uint64_t bits;
        uint64_t kind;
        bool is_good;
    } cases[] = {
        {0, 64, LMM_CENSUS_UNSIGNED, true},
        {7, 57, LMM_CENSUS_SIGNED, true},
        {7, 58, LMM_CENSUS_SIGNED, false},
        {0, 65, LMM_CENSUS_UNSIGNED, false},
        {0, 0, LMM_CENSUS_UNSIGNED, false},
        {0, 0, LMM_CENSUS_BYTES, false},
        {0, 160, LMM_CENSUS_BYTES, true},
        {0, 168, LMM_CENSUS_BYTES, false},
        {152, 8, LMM_CENSUS_BYTES, true},
        {160, 8, LMM_CENSUS_BYTES, false},
        {4, 8, LMM_CENSUS_BYTES, false},
        {0, 12, LMM_CENSUS_BYTES, false},
        {96, 64, LMM_CENSUS_UNSIGNED, true},
        {97, 64, LMM_CENSUS_UNSIGNED, false},
        {UINT64_MAX, 8, LMM_CENSUS_BYTES, false},
        {UINT64_MAX - 7, 16, LMM_CENSUS_UNSIGNED, false},
        {8, UINT64_MAX, LMM_CENSUS_BYTES, false},
        {0, 8, LMM_CENSUS_KINDS, false},
        {8, 24, LMM_CENSUS_ARRAY, true},
        {8, 24, LMM_CENSUS_ARRAY + 1, true},
        {8, 24, LMM_CENSUS_ARRAY + 2, false},
        {8, 128, LMM_CENSUS_ARRAY + 7, true},
        {40, 128, LMM_CENSUS_ARRAY + 7, false},
        {4, 64, LMM_CENSUS_ARRAY + 7, false},
        {0, 64, LMM_CENSUS_ARRAY_END, false},
        {0, 64, LMM_CENSUS_ARRAY - 1, false},
        {0, 8, UINT64_MAX, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&census, 0, sizeof(census));
        census.element_bytes = 20;
        cr_expect_eq(lmm_census_add_field(&census, cases[i].bit, cases[i].bits, cases[i].kind),
                     cases[i].is_good, "case %zu", i);
    }
}

static const char *answer_to(const char *question)
{
    static struct lmm_answer answer;
    static char text[LMM_ANSWER_MAX + 1];

    answer.length = 0;
    lmm_census_answer(question, &answer);
    memcpy(text, answer.line, answer.length);
    text[answer.length] = '\0';
    return text;
}

Test(census, a_question_that_is_not_understood)
{
    static const char *const questions[] = {
        "",
        "8",
        "8 1",
        "0 1 0",
        "65537 1 0",
        "8 2 0",
        "8 1 65",
        "8 1 1 0 8",
        "8 1 1 0 8 0x",
        "8 1 1 0 -8 0",
        "8 1 1 60 8 0",
        "8 1 0 1048576",
        "8 1 0 99999999999999999999999",
        "8 1 0 1 two",
        "8  1 0",
    };

    make_items();
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        cr_expect_str_eq(answer_to(questions[i]), "error 22 the question is not understood",
                         "\"%s\"", questions[i]);
    }
}

Test(census, an_answer_has_a_line_for_each_field)
{
    static char question[4096];
    struct item *item = new_item();

    item->negative = -2;
    cr_expect_str_eq(answer_to("8 1 0"), "ok 0 0 0");
    snprintf(question, sizeof(question), "%zu 1 2 128 32 1 0 64 0 %u", sizeof(*item),
             site_of(item));
    cr_expect_str_eq(answer_to(question),
                     "ok 1 1 0\n 0 1 18446744073709551614 18446744073709551614 "
                     "18446744073709551614\n 1 1 0 0 0");
}

/* The longest answer has room. */
Test(census, as_many_fields_as_there_may_be)
{
    static char question[4096];
    int used = snprintf(question, sizeof(question), "%zu 1 %d", sizeof(struct item),
                        LMM_CENSUS_FIELDS_MAX);
    size_t lines = 0;

    make_items();
    for (int i = 0; i < ITEMS; i++) {
        items[i]->rare = (struct item *) -1;
    }
    for (int i = 0; i < LMM_CENSUS_FIELDS_MAX; i++) {
        used += snprintf(question + used, sizeof(question) - (size_t) used, " %zu 64 1",
                         offsetof(struct item, rare) * 8);
    }
    snprintf(question + used, sizeof(question) - (size_t) used, " %u", site_of(items[0]));
    const char *text = answer_to(question);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    cr_expect_eq(lines, LMM_CENSUS_FIELDS_MAX);
    cr_expect_lt(strlen(text), LMM_ANSWER_MAX - 1);
}

/* ---- Threads --------------------------------------------------------------------------------- */

static bool is_over; /* atomic */

static void *churn(void *arg)
{
    enum { BLOCKS = 500, LONG = 150000 };
    struct item *blocks[BLOCKS] = {0};
    unsigned seed = (unsigned) (uintptr_t) arg;

    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        seed = seed * 1103515245 + 12345;
        size_t at = seed / 65536 % BLOCKS;
        lmm_free(blocks[at]);
        switch (seed / 131072 % 256) {
        case 0: blocks[at] = LMM_NEW_ARRAY(struct item, LONG); break;
        case 1 ... 64: blocks[at] = LMM_NEW_ARRAY(struct item, seed / 65536 % 300 + 2); break;
        default: blocks[at] = LMM_NEW(struct item); break;
        }
        fill(blocks[at], (int) at);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        lmm_free(blocks[i]);
    }
    return NULL;
}

/* The blocks at rest are counted right, whatever others do meanwhile. */
Test(census, threads_go_on)
{
    enum { THREADS = 3, WALKS = 40 };
    pthread_t threads[THREADS];

    make_items();
    for (uintptr_t i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, churn, (void *) (i + 1)), 0);
    }
    for (size_t i = 0; i < WALKS; i++) {
        ask_for(sizeof(struct item), true, items[0]);
        FIELD(struct item, small, SIGNED);
        FIELD(struct item, constant, UNSIGNED);
        cr_assert_eq(lmm_census_run(&census), 0);
        expect_elements(ITEMS, ITEMS, 0);
        cr_expect(census.fields[0].zeros == 24 && census.fields[0].most == 213);
        cr_expect_eq(census.fields[1].sames, ITEMS);
        for (uint32_t site = 0; site < 64; site++) { /* and all others, whose values change */
            cr_assert(lmm_census_add_site(&census, site));
        }
        census.blocks = census.elements = census.skipped = census.field_count = 0;
        FIELD(struct item, never, UNSIGNED);
        cr_assert_eq(lmm_census_run(&census), 0);
        cr_expect_geq(census.elements, ITEMS);
        cr_expect_eq(census.fields[0].most, 0);
    }
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}
