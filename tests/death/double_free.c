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

static pthread_t start(void *(*run)(void *arg), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, arg) != 0) {
        _exit(3);
    }
    return thread;
}

/* ---- Double free ---- */

static void expect_double_free(const void *p, const char *family)
{
    death_expect("double free: " HEX " (%s)", address_of(p), family);
}

/* Frees p twice, each time in the main thread or in another. */
static void free_twice(void *p, const char *family, bool first_in_thread, bool second_in_thread)
{
    expect_double_free(p, family);
    for (int i = 0; i < 2; i++) {
        if (i == 0 ? first_in_thread : second_in_thread) {
            in_thread(run_free, p);
        } else {
            lmm_free(p);
        }
    }
}

void double_free_at_once(void)
{
    free_twice(must(LMM_NEW(emp_t)), "emp_t", false, false);
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
    free_twice(must(LMM_NEW(byte_t)), "byte_t", false, false);
}

void double_free_large(void)
{
    large_t *large = must(LMM_ALLOC(large_t));
    must(LMM_ALLOC(large_t));
    free_twice(large, "large_t", false, false);
}

void double_free_unattributed(void)
{
    struct lmm_family *family = must(lmm_family_register("struct order", 72, 8));
    free_twice(must(lmm_alloc(family)), "struct order", false, false);
}

void double_free_in_other_thread(void)
{
    free_twice(must(LMM_NEW(emp_t)), "emp_t", false, true);
}

void double_free_twice_in_other_thread(void)
{
    emp_t *emp = must(LMM_NEW(emp_t));
    expect_double_free(emp, "emp_t");
    in_thread(run_free_twice, emp);
}

void double_free_after_other_thread(void)
{
    free_twice(must(LMM_NEW(emp_t)), "emp_t", true, false);
}

void double_free_of_ended_thread(void)
{
    free_twice(must(in_thread(run_alloc, NULL)), "emp_t", false, false);
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
    start(run_free_and_wait, emp);
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
    pthread_t one = start(run_racer, &race);
    pthread_t two = start(run_racer, &race);
    pthread_join(one, NULL);
    pthread_join(two, NULL);
}

/* The main thread, which owns the block, and another one. */
static void race_owner(void *block)
{
    struct race race = {0, block};
    expect_double_free(block, "emp_t");
    pthread_t thread = start(run_racer, &race);
    race_start(&race);
    lmm_free(block);
    pthread_join(thread, NULL);
}

/* The owner's free has no atomic exchange, so the double free may be detected only when the other
 * thread's free is collected; but always before the slot is allocated twice. */
void race_with_owner(void)
{
    race_owner(must(LMM_NEW(emp_t)));
    for (int i = 0; i < 100000; i++) {
        must(LMM_ALLOC(emp_t));
    }
}

void race_for_array(void)
{
    void *array = must(LMM_NEW_ARRAY(emp_t, 10));
    must(LMM_NEW_ARRAY(emp_t, 10)); /* keeps the page in use */
    race_owner(array);
}

/* ---- Double free of arrays; another array keeps the page in use ---- */

void double_free_array(void)
{
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 7));
    must(LMM_NEW_ARRAY(emp_t, 7));
    free_twice(array, "emp_t", false, false);
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
    must(LMM_NEW_ARRAY(emp_t, 100));
    free_twice(array, "emp_t", false, true);
}

void double_free_resized(void)
{
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 3));
    must(LMM_NEW_ARRAY(emp_t, 3));
    free_twice(must(lmm_resize(array, 9)), "emp_t", false, false);
}
