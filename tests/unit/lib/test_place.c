/* SPDX-License-Identifier: MIT */
/* place: one record for each place, whichever thread asks first, and running out of memory. */
#include "tests/support/seam.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <pthread.h>

enum { THREADS = 4, PLACES = 300 };

static const char file_a[] = "a.cpp";
static const char file_b[] = "b.cpp";
static const char function[] = "f";

static struct lmm_site place_at(uint32_t line, const char *file, const char *type, size_t size)
{
    struct lmm_site site = {LMM_SITE_UNKNOWN, 0, line, file, function, type, size, 8};

    return site;
}

Test(place, each_field_makes_another_record)
{
    static struct lmm_places places;
    const struct lmm_site sites[] = {
        place_at(1, file_a, "emp", 24), place_at(2, file_a, "emp", 24),
        place_at(1, file_b, "emp", 24), place_at(1, file_a, "student", 24),
        place_at(1, file_a, "emp", 32),
    };
    struct lmm_site *records[5];

    for (int i = 0; i < 5; i++) {
        records[i] = lmm_place_site(&places, &sites[i]);
        cr_assert_not_null(records[i]);
        for (int j = 0; j < i; j++) {
            cr_assert_neq(records[i], records[j], "%d and %d", i, j);
        }
    }
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(lmm_place_site(&places, &sites[i]), records[i]);
        cr_assert_eq(records[i]->id, LMM_SITE_UNKNOWN);
        cr_assert_eq(records[i]->line, sites[i].line);
        cr_assert_eq(records[i]->type, sites[i].type);
    }
}

static int copy_block(const struct lmm_block *block, void *arg)
{
    *(struct lmm_block *) arg = *block;
    return 1;
}

/* A record is a site like those of the macros; the copy that asked for it may be gone. */
Test(place, blocks_are_counted_there)
{
    static struct lmm_places places;
    struct lmm_block block = {0};

    for (int i = 0; i < 2; i++) {
        struct lmm_site site = place_at(77, file_a, "emp", 24);
        struct lmm_site *record = lmm_place_site(&places, &site);
        void *p = lmm_site_alloc(record);
        cr_assert_not_null(p);
        cr_assert_eq(lmm_for_each_block(lmm_family_find("emp"), copy_block, &block), 1);
        cr_assert_eq(block.address, p);
        cr_assert_eq(block.line, 77);
        cr_assert_str_eq(block.file, "a.cpp");
        lmm_free(p);
    }
}

static struct lmm_places shared;
static pthread_barrier_t barrier;

static void *ask_for_all(void *arg)
{
    struct lmm_site **records = arg;

    pthread_barrier_wait(&barrier);
    for (uint32_t i = 0; i < PLACES; i++) {
        struct lmm_site site = place_at(i + 1, file_a, "emp", 24);
        records[i] = lmm_place_site(&shared, &site);
        lmm_free(lmm_site_alloc(records[i]));
    }
    return NULL;
}

Test(place, threads_that_ask_at_once_get_the_same_id)
{
    static struct lmm_site *records[THREADS][PLACES];
    pthread_t threads[THREADS];

    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        cr_assert(pthread_create(&threads[i], NULL, ask_for_all, records[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < PLACES; i++) {
        for (int j = 0; j < THREADS; j++) {
            cr_assert_not_null(records[j][i]);
            cr_assert_eq(records[j][i]->id, records[0][i]->id);
        }
    }
}

Test(place, no_memory_for_a_record)
{
    static struct lmm_places places;
    struct lmm_site known = place_at(1, file_a, "emp", 24);
    struct lmm_site unknown = place_at(2, file_a, "emp", 24);
    struct lmm_site *record = lmm_place_site(&places, &known);

    cr_assert_not_null(record);
    seam_install();
    seam_starve();
    errno = 0;
    cr_assert_null(lmm_place_site(&places, &unknown));
    cr_assert_eq(errno, ENOMEM);
    cr_assert_eq(lmm_place_site(&places, &known), record);
    seam_heal();
    cr_assert_not_null(lmm_place_site(&places, &unknown));
}
