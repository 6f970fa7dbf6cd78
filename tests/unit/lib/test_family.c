/* SPDX-License-Identifier: MIT */
/* family: the registry by name and index, sums, the high-water mark, and registrations without
 * memory. */
#include "tests/support/seam.h"

#include "lib/pages/family.h"
#include "lib/ground/meta.h"
#include "lib/heaps/start.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <stdio.h>
#include <string.h>

static void start(void)
{
    cr_assert(lmm_start());
}

static const char longest[] = "123456789012345678901234567890123456789012345678901234567890123";
static const char too_long[] = "1234567890123456789012345678901234567890123456789012345678901234";

static const struct {
    const char *name;
    size_t size;
    size_t align;
    int error;
} cases[] = {
    {"a", 1, 1, 0},
    {"a", 1, 1, 0},
    {"b", 10, 8, 0},
    {longest, 8, 8, 0},
    {too_long, 8, 8, ENAMETOOLONG},
    {NULL, 8, 8, EINVAL},
    {"", 8, 8, EINVAL},
    {"c", 0, 8, EINVAL},
    {"c", 8, 0, EINVAL},
    {"c", 8, 3, EINVAL},
    {"c", 8, 4096, 0},
    {"d", 8, 8192, EINVAL},
    {"d", SIZE_MAX, 1, EOVERFLOW},
    {"d", (size_t) UINT32_MAX, 1, EOVERFLOW},
    {"d", (size_t) UINT32_MAX - 4096, 4096, 0},
};

/* I3; families are checked when one is registered, in builds with internal checks. */
Test(family, without_ids_the_first_site_is_other, .init = start)
{
    lmm_site_own_ids = lmm_accounts_site_count();
    for (size_t i = 0; i < 3; i++) {
        char name[] = {(char) ('x' + i), '\0'};
        const struct lmm_family *family = lmm_families_add(name, 8, 8, false);
        cr_assert(family != NULL && family->site == family->sites.other);
        cr_expect(strcmp(lmm_accounts_site_facts(family->site).file, "(other)") == 0);
    }
    cr_expect(lmm_families_are_valid());
}

Test(family, arguments, .init = start)
{
    uint32_t count = 0;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        errno = 0;
        struct lmm_family *family =
            lmm_families_add(cases[i].name, cases[i].size, cases[i].align, false);
        if (cases[i].error != 0) {
            cr_expect(family == NULL && errno == cases[i].error, "case %zu: errno %d", i, errno);
            continue;
        }
        cr_assert(family != NULL, "case %zu: errno %d", i, errno);
        count = family->index + 1 > count ? family->index + 1 : count;
        cr_expect(family->stride % cases[i].align == 0 && family->stride >= cases[i].size &&
                  family->stride < cases[i].size + cases[i].align);
        cr_expect(lmm_families_at(family->index) == family);
        cr_expect(lmm_families_find(cases[i].name) == family);
    }
    cr_expect(lmm_families_count() == count && count == 5, "indices are dense");
    errno = 0;
    cr_expect(lmm_families_find("nobody") == NULL && errno == ENOENT);
}

Test(family, thousands, .init = start)
{
    enum { FAMILIES = 3000 };
    static struct lmm_family *family[FAMILIES];
    char name[32];

    for (uint32_t i = 0; i < FAMILIES; i++) {
        snprintf(name, sizeof(name), "family %u", i);
        family[i] = lmm_families_add(name, i + 1, 1, false);
        cr_assert(family[i] != NULL && family[i]->index == i);
    }
    for (uint32_t i = 0; i < FAMILIES; i++) {
        snprintf(name, sizeof(name), "family %u", i);
        cr_assert(lmm_families_find(name) == family[i] && lmm_families_at(i) == family[i]);
        struct lmm_site_facts facts = lmm_accounts_site_facts(family[i]->site);
        cr_assert(facts.family == i && strcmp(facts.file, "(unattributed)") == 0);
    }
}

/* Namesakes, also one that differs only in what it counts; the ledger has them as they are shown. */
Test(family, types_of_one_name, .init = start)
{
    static const struct {
        size_t size;
        bool counts_bytes;
        uint64_t flags;
        const char *shown;
    } types[] = {
        {8, false, 0, "a"},
        {16, true, LMM_LEDGER_FAMILY_BYTES | LMM_LEDGER_FAMILY_NAMESAKE, "a (16)"},
        {16, false, LMM_LEDGER_FAMILY_NAMESAKE, "a (16, align 8)"},
    };

    for (size_t i = 0; i < 2 * sizeof(types) / sizeof(types[0]); i++) {
        size_t type = i % (sizeof(types) / sizeof(types[0]));
        const struct lmm_family *family =
            lmm_families_add("a", types[type].size, 8, types[type].counts_bytes);
        cr_assert(family != NULL && family->index == type && family->name_bytes == 1);
        cr_expect(strcmp(family->name, types[type].shown) == 0, "%s", family->name);
        cr_expect(family->record->flags == types[type].flags);
        cr_expect(lmm_families_find(types[type].shown) == family);
    }
    cr_expect(lmm_families_are_valid());
}

/* Every step of a registration fails in turn; after a failure nothing is left of it. */
Test(family, no_memory, .init = start)
{
    char name[32];
    uint32_t added = 0;
    uint32_t refused = 0;

    seam_install();
    seam_fail_all(SEAM_MAP);
    for (uint32_t i = 0; i < 20000 && refused < 500; i++) {
        snprintf(name, sizeof(name), "family %u", i);
        errno = 0;
        struct lmm_family *family = lmm_families_add(name, 8, 8, false);
        if (family == NULL) {
            refused++;
            cr_assert(errno == ENOMEM && lmm_families_find(name) == NULL);
        } else {
            cr_assert(family->index == added++);
        }
        cr_assert(lmm_families_count() == added && lmm_accounts_family_count() == added);
    }
    cr_expect(refused == 500);
    seam_heal();
    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "later %u", i);
        struct lmm_family *family = lmm_families_add(name, 8, 8, false);
        cr_assert(family != NULL && family->index == added++);
    }
}

/* A family that gets a record but no site is taken back. */
Test(family, no_memory_for_the_site, .init = start)
{
    struct lmm_family *first = lmm_families_add("first", 8, 8, false);
    uint32_t line = 1;

    seam_install();
    seam_fail_all(SEAM_MAP);
    while (lmm_site_intern(0, &first->sites, "a.c", line, "f") != LMM_SITE_NONE) {
        line++;
    }
    for (int i = 0; i < 100; i++) {
        cr_assert(lmm_families_add("second", 8, 8, false) == NULL && errno == ENOMEM);
        cr_assert(lmm_families_find("second") == NULL);
        cr_assert(lmm_families_count() == 1 && lmm_accounts_family_count() == 1);
    }
    seam_heal();
    struct lmm_family *second = lmm_families_add("second", 24, 8, false);
    cr_assert(second != NULL && second->index == 1 && second->record->size_bytes == 24);
}

Test(family, high_water_mark, .init = start)
{
    struct lmm_family *family = lmm_families_add("f", 8, 8, false);
    const struct lmm_ledger_row up = {.allocated_blocks = 10, .allocated_extra = 5};
    const struct lmm_ledger_row down = {.freed_blocks = 8, .freed_extra = 4};

    lmm_rows_count_shared(family->site, &up);
    lmm_family_sample_peak(family);
    cr_expect(family->record->peak_amount == 15);
    lmm_rows_count_shared(family->site, &down);
    lmm_family_sample_peak(family);
    cr_expect(family->record->peak_amount == 15, "it never falls");
    lmm_rows_count_shared(family->site, &up);
    cr_expect(family->record->peak_amount == 15, "not sampled");
    lmm_family_sample_peak(family);
    cr_expect(family->record->peak_amount == 18);
    struct lmm_ledger_row sum = lmm_family_sum(family);
    cr_expect(sum.allocated_blocks == 20 && sum.freed_blocks == 8 && sum.allocated_extra == 10 &&
              sum.freed_extra == 4);
    /* More frees than allocations, as another thread may see it. */
    lmm_rows_count_shared(family->site, &(struct lmm_ledger_row) {.freed_blocks = 100});
    lmm_family_sample_peak(family);
    cr_expect(family->record->peak_amount == 18);
}

/* What heaps add: the mark is the most that lived, and the process's the most bytes. */
Test(family, live_amount, .init = start)
{
    static const struct {
        int64_t amount;
        uint64_t peak;
    } steps[] = {{10, 10}, {-4, 10}, {3, 10}, {-20, 10}, {20, 10}, {2, 11}, {100, 111}};
    struct lmm_family *family = lmm_families_add("f", 24, 8, false);
    const struct lmm_ledger_header *header = lmm_chunks_header();

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        lmm_family_add_live(family, steps[i].amount);
        cr_expect(family->record->peak_amount == steps[i].peak, "step %zu", i);
    }
    cr_expect(header->peak_bytes[header->peak_count % 2] == 111 * 24);
    lmm_rows_count_shared(family->site, &(struct lmm_ledger_row) {.allocated_blocks = 7});
    cr_expect(lmm_family_reset_live(family) == 7 * 24 && family->live == 7);
}

/* Checks that *field, wrong, makes the registry invalid, and restores it. */
#define EXPECT_SEEN(field, wrong, ...)                                                             \
    do {                                                                                           \
        __typeof__(field) saved = (field);                                                         \
        (field) = (wrong);                                                                         \
        cr_expect(!lmm_families_are_valid(), __VA_ARGS__);                                         \
        (field) = saved;                                                                           \
        cr_assert(lmm_families_are_valid());                                                       \
    } while (0)

Test(family, validity_sees_what_is_wrong, .init = start)
{
    struct lmm_family *one = lmm_families_add("one", 10, 8, false);
    const struct lmm_family *two = lmm_families_add("two", 10, 8, false);

    cr_assert(lmm_families_are_valid());
    EXPECT_SEEN(one->size, 11, "I1: another size than in the ledger");
    EXPECT_SEEN(one->align, 16, "I1: another alignment");
    EXPECT_SEEN(one->index, two->index, "I2: another's index");
    EXPECT_SEEN(one->record->stride_bytes, 24, "I2: another family's record");
    EXPECT_SEEN(one->site, two->site, "I3: another family's site");
    EXPECT_SEEN(one->counts_bytes, true, "I4: the unit of extra");
}
