/* SPDX-License-Identifier: MIT */
/* Double frees: by the same thread, by others, by two at once; of structs and of arrays. */
#include "tests/death/cases.h"

#include <stdatomic.h>

static void *run_free_twice(void *arg)
{
    lmm_free(arg);
    lmm_free(arg);
    return NULL;
}

/* Allocates two, so that the page of the one returned stays in use. */
static void *run_alloc(void *arg)
{
    (void) arg;
    must(LMM_NEW(emp_t));
    return must(LMM_NEW(emp_t));
}

/* ---- Double free ---- */

static void expect_double_free(const void *p, const char *family)
{
    death_expect("double free: " HEX " (%s)", address_of(p), family);
}

void double_free_at_once(void)
{
    emp_t *emp = must(LMM_NEW(emp_t));
    expect_double_free(emp, "emp_t");
    lmm_free(emp);
    lmm_free(emp);
}

void double_free_later(void)
{
    emp_t *emp[64];
    for (size_t i = 0; i < 64; i++) {
        emp[i] = must(LMM_ALLOC(emp_t));
    }
    expect_double_free(emp[20], "emp_t");
    for (size_t i = 0; i < 64; i++) {
        lmm_free(emp[i]);
    }
    lmm_free(emp[20]);
}

void double_free_first_of_page(void)
{
    byte_t *first = must(LMM_NEW(byte_t));
    expect_double_free(first, "byte_t");
    lmm_free(first);
    lmm_free(first);
}

void double_free_large(void)
{
    large_t *large = must(LMM_ALLOC(large_t));
    large_t *other = must(LMM_ALLOC(large_t));
    expect_double_free(large, "large_t");
    lmm_free(large);
    lmm_free(large);
    lmm_free(other);
}

void double_free_unattributed(void)
{
    struct lmm_family *family = must(lmm_family_register("struct order", 72, 8));
    void *order = must(lmm_alloc(family));
    expect_double_free(order, "struct order");
    lmm_free(order);
    lmm_free(order);
}

void double_free_in_other_thread(void)
{
    emp_t *emp = must(LMM_NEW(emp_t));
    expect_double_free(emp, "emp_t");
    lmm_free(emp);
    in_thread(run_free, emp);
}

void double_free_twice_in_other_thread(void)
{
    emp_t *emp = must(LMM_NEW(emp_t));
    expect_double_free(emp, "emp_t");
    in_thread(run_free_twice, emp);
}

void double_free_after_other_thread(void)
{
    emp_t *emp = must(LMM_NEW(emp_t));
    expect_double_free(emp, "emp_t");
    in_thread(run_free, emp);
    lmm_free(emp);
}

void double_free_of_ended_thread(void)
{
    emp_t *emp = must(in_thread(run_alloc, NULL));
    expect_double_free(emp, "emp_t");
    lmm_free(emp);
    lmm_free(emp);
}

/* Frees arg; the thread goes on, so the free may still wait in its batch. */
static atomic_bool batch_filled;

static void *run_free_and_wait(void *arg)
{
    lmm_free(arg);
    atomic_store(&batch_filled, true);
    for (;;) {
        pause();
    }
    return NULL;
}

void double_free_of_batched(void)
{
    emp_t *emp = must(LMM_NEW(emp_t));
    expect_double_free(emp, "emp_t");
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_free_and_wait, emp) != 0) {
        _exit(3);
    }
    while (!atomic_load(&batch_filled)) {
    }
    lmm_free(emp);
}

/* ---- Two threads free one block at the same time: exactly one may succeed ---- */

struct race {
    atomic_int ready;
    void *block;
};

static void race_start(struct race *race)
{
    atomic_fetch_add(&race->ready, 1);
    while (atomic_load(&race->ready) < 2) {
    }
}

static void *run_racer(void *arg)
{
    struct race *race = arg;
    race_start(race);
    lmm_free(race->block);
    return NULL;
}

void race_of_strangers(void)
{
    struct race race = {0, must(LMM_NEW(emp_t))};
    expect_double_free(race.block, "emp_t");
    pthread_t thread[2];
    for (int i = 0; i < 2; i++) {
        if (pthread_create(&thread[i], NULL, run_racer, &race) != 0) {
            _exit(3);
        }
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], NULL);
    }
}

/* The owner's free has no atomic exchange, so the double free may be detected only when the other
 * thread's free is collected; but always before the slot is allocated twice. */
void race_with_owner(void)
{
    struct race race = {0, must(LMM_NEW(emp_t))};
    expect_double_free(race.block, "emp_t");
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_racer, &race) != 0) {
        _exit(3);
    }
    race_start(&race);
    lmm_free(race.block);
    pthread_join(thread, NULL);
    for (int i = 0; i < 100000; i++) {
        must(LMM_ALLOC(emp_t));
    }
}

void race_for_array(void)
{
    struct race race = {0, must(LMM_NEW_ARRAY(emp_t, 10))};
    must(LMM_NEW_ARRAY(emp_t, 10)); /* keeps the page in use */
    expect_double_free(race.block, "emp_t");
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_racer, &race) != 0) {
        _exit(3);
    }
    race_start(&race);
    lmm_free(race.block);
    pthread_join(thread, NULL);
}

/* ---- Double free of arrays ---- */

void double_free_array(void)
{
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 7));
    emp_t *after = must(LMM_NEW_ARRAY(emp_t, 7));
    expect_double_free(array, "emp_t");
    lmm_free(array);
    lmm_free(array);
    lmm_free(after);
}

/* The freed array is in the middle of a longer free run, and it is too long for a thread's
 * cache. */
void double_free_array_merged(void)
{
    emp_t *array[5];
    for (size_t i = 0; i < 5; i++) {
        array[i] = must(LMM_NEW_ARRAY(emp_t, 100));
    }
    expect_double_free(array[2], "emp_t");
    lmm_free(array[2]);
    lmm_free(array[1]);
    lmm_free(array[3]);
    lmm_free(array[2]);
}

void double_free_array_in_other_thread(void)
{
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 100));
    emp_t *other = must(LMM_NEW_ARRAY(emp_t, 100));
    expect_double_free(array, "emp_t");
    lmm_free(array);
    in_thread(run_free, array);
    lmm_free(other);
}

void double_free_resized(void)
{
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 3));
    emp_t *other = must(LMM_NEW_ARRAY(emp_t, 3));
    array = must(lmm_resize(array, 9));
    expect_double_free(array, "emp_t");
    lmm_free(array);
    lmm_free(array);
    lmm_free(other);
}
