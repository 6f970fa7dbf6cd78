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

/* Allocates two, so that the page of the one returned stays in use; *arg is set to its line. */
static void *run_alloc(void *arg)
{
    int *line = arg;
    must(LMM_NEW(emp_t));
    *line = __LINE__ + 1;
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

#define THIS_FILE "tests/death/double_free.c"

/* line: of this file, that allocated p; 0: LMM cannot be sure of it. */
static void expect_double_free(const void *p, const char *family, int line)
{
    if (line == 0) {
        death_expect("double free: " HEX " (%s)", address_of(p), family);
    } else {
        death_expect("double free: " HEX " (%s, allocated at " THIS_FILE ":%d)", address_of(p),
                     family, line);
    }
}

/* Frees p twice, each time in the main thread or in another. */
static void free_twice(void *p, const char *family, int line, bool first_in_thread,
                       bool second_in_thread)
{
    expect_double_free(p, family, line);
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
    free_twice(must(LMM_NEW(emp_t)), "emp_t", __LINE__, false, false);
}

void double_free_later(void)
{
    emp_t *emp[64];
    const int line = __LINE__ + 2;
    for (size_t i = 0; i < 64; i++) {
        emp[i] = must(LMM_ALLOC(emp_t));
    }
    expect_double_free(emp[20], "emp_t", line);
    for (size_t i = 0; i < 64; i++) {
        lmm_free(emp[i]);
    }
    lmm_free(emp[20]);
}

/* Of several lines, the one of the block that was freed last. */
void double_free_of_one_of_two_lines(void)
{
    emp_t *other = must(LMM_NEW(emp_t));
    const int line = __LINE__ + 1;
    emp_t *emp = must(LMM_ALLOC(emp_t));
    lmm_free(other);
    expect_double_free(emp, "emp_t", line);
    lmm_free(emp);
    lmm_free(emp);
}

/* The slot has been allocated at another line meanwhile: the last one counts. */
void double_free_after_reuse(void)
{
    enum { COUNT = 20000 };
    static emp_t *others[COUNT];
    emp_t *emp = must(LMM_NEW(emp_t));
    void *stale = beside(emp, 0);
    lmm_free(emp);
    const int line = __LINE__ + 3;
    size_t found = COUNT;
    for (size_t i = 0; i < COUNT; i++) {
        others[i] = must(LMM_ALLOC(emp_t));
        found = others[i] == stale ? i : found;
    }
    if (found == COUNT) {
        _exit(4);
    }
    expect_double_free(stale, "emp_t", line);
    lmm_free(others[found]);
    lmm_free(stale);
}

/* Which of two lines is not known any more: then none is named. */
void double_free_of_an_unknown_line(void)
{
    emp_t *emp = must(LMM_NEW(emp_t));
    emp_t *other = must(LMM_ALLOC(emp_t));
    expect_double_free(emp, "emp_t", 0);
    lmm_free(emp);
    lmm_free(other);
    lmm_free(emp);
}

/* Blocks of another line were freed in the page before: the last one's line is named. */
void double_free_after_another_line(void)
{
    const int line = __LINE__ + 2;
    emp_t *other = must(LMM_NEW(emp_t));
    emp_t *emp = must(LMM_ALLOC(emp_t));
    lmm_free(other);
    free_twice(emp, "emp_t", line, false, false);
}

void double_free_first_of_page(void)
{
    free_twice(must(LMM_NEW(byte_t)), "byte_t", __LINE__, false, false);
}

void double_free_large(void)
{
    const int line = __LINE__ + 1;
    large_t *large = must(LMM_ALLOC(large_t));
    must(LMM_ALLOC(large_t));
    free_twice(large, "large_t", line, false, false);
}

void double_free_unattributed(void)
{
    struct lmm_family *family = must(lmm_family_register("struct order", 72, 8));
    void *order = must(lmm_alloc(family));
    death_expect("double free: " HEX " (struct order, unattributed)", address_of(order));
    lmm_free(order);
    lmm_free(order);
}

void double_free_in_other_thread(void)
{
    free_twice(must(LMM_NEW(emp_t)), "emp_t", __LINE__, false, true);
}

void double_free_twice_in_other_thread(void)
{
    const int line = __LINE__ + 1;
    emp_t *emp = must(LMM_NEW(emp_t));
    expect_double_free(emp, "emp_t", line);
    in_thread(run_free_twice, emp);
}

void double_free_after_other_thread(void)
{
    free_twice(must(LMM_NEW(emp_t)), "emp_t", __LINE__, true, false);
}

void double_free_of_ended_thread(void)
{
    int line;
    void *emp = must(in_thread(run_alloc, &line)); /* this thread then adopts its heap */
    free_twice(emp, "emp_t", line, false, false);
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
    const int line = __LINE__ + 1;
    emp_t *emp = must(LMM_NEW(emp_t));
    expect_double_free(emp, "emp_t", line);
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
    const int line = __LINE__ + 1;
    struct race race = {0, must(LMM_NEW(emp_t))};
    expect_double_free(race.block, "emp_t", line);
    pthread_t one = start(run_racer, &race);
    pthread_t two = start(run_racer, &race);
    pthread_join(one, NULL);
    pthread_join(two, NULL);
}

/* The main thread, which owns the block, and another one. */
static void race_owner(void *block, int line)
{
    struct race race = {0, block};
    expect_double_free(block, "emp_t", line);
    death_expect("double free: by two threads at once (emp_t)");
    pthread_t thread = start(run_racer, &race);
    race_start(&race);
    lmm_free(block);
    pthread_join(thread, NULL);
}

/* The owner's free has no atomic exchange, so the double free may be detected only when the other
 * thread's free is collected, or when the slot is taken again, whose line is lost then; but always before it
 * is allocated twice. */
void race_with_owner(void)
{
    emp_t *emp[2];
    const int line = __LINE__ + 2;
    for (int i = 0; i < 100000; i++) {
        emp[i != 0] = must(LMM_NEW(emp_t));
        if (i == 0) {
            race_owner(emp[0], line);
        }
    }
}

void race_for_array(void)
{
    const int line = __LINE__ + 1;
    void *array = must(LMM_NEW_ARRAY(emp_t, 10));
    must(LMM_NEW_ARRAY(emp_t, 10)); /* keeps the page in use */
    race_owner(array, line);
}

/* ---- Double free of arrays; another array keeps the page in use ---- */

void double_free_array(void)
{
    const int line = __LINE__ + 1;
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 7));
    must(LMM_NEW_ARRAY(emp_t, 7));
    free_twice(array, "emp_t", line, false, false);
}

/* The freed array is in the middle of a longer free run, and it is too long for a thread's
 * cache. */
void double_free_array_merged(void)
{
    emp_t *array[5];
    array[0] = must(LMM_NEW_ARRAY(emp_t, 130));
    array[1] = must(LMM_NEW_ARRAY(emp_t, 130));
    const int line = __LINE__ + 1;
    array[2] = must(LMM_NEW_ARRAY(emp_t, 130));
    array[3] = must(LMM_NEW_ARRAY(emp_t, 130));
    array[4] = must(LMM_NEW_ARRAY(emp_t, 130));
    expect_double_free(array[2], "emp_t", line);
    lmm_free(array[2]);
    lmm_free(array[1]);
    lmm_free(array[3]);
    lmm_free(array[2]);
}

/* The thread's cache was full, and too many arrays were freed after it. The page stays, since the first of
 * the others lives there. */
void double_free_array_of_an_unknown_line(void)
{
    enum { LENGTH = 100000 / sizeof(emp_t), OTHERS = 60, BEFORE = 30 };
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, LENGTH));
    emp_t *others[OTHERS];
    for (size_t i = 0; i < OTHERS; i++) {
        others[i] = must(LMM_NEW_ARRAY(emp_t, LENGTH));
    }
    expect_double_free(array, "emp_t", 0);
    for (size_t i = 1; i < BEFORE; i++) {
        lmm_free(others[i]);
    }
    lmm_free(array);
    for (size_t i = BEFORE; i < OTHERS; i++) {
        lmm_free(others[i]);
    }
    lmm_free(array);
}

void double_free_string(void)
{
    const int line = __LINE__ + 1;
    char *string = must(lmm_strdup("string"));
    must(lmm_strdup("another"));
    free_twice(string, "char[]", line, false, false);
}

void double_free_array_in_other_thread(void)
{
    const int line = __LINE__ + 1;
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 100));
    must(LMM_NEW_ARRAY(emp_t, 100));
    free_twice(array, "emp_t", line, false, true);
}

void double_free_resized(void)
{
    const int line = __LINE__ + 1;
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 3));
    must(LMM_NEW_ARRAY(emp_t, 3));
    free_twice(must(lmm_resize(array, 9)), "emp_t", line, false, false);
}
