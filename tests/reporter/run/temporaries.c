/* SPDX-License-Identifier: MIT */
/*
 * temporaries: blocks that are freed soon, each ROUNDS times. LMM counts those that their thread
 * frees before it allocates again, heaptrack those that are freed before anything else is allocated
 * or freed in the process. test_books.py has a table of both.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 100 };

static void *volatile kept; /* so that no allocation is optimised away */

static void free_at_once(void)
{
    kept = malloc(10);
    free(kept);
}

static void free_two(void)
{
    void *first = malloc(20);

    kept = malloc(30);
    free(kept);
    free(first);
}

static void free_another_before(void)
{
    void *other = malloc(40);

    kept = malloc(50);
    free(other);
    free(kept);
}

static void grow(void)
{
    kept = malloc(60);
    memset(kept, 1, 60);
    kept = realloc(kept, 1000000);
    free(kept);
}

static void shrink(void)
{
    kept = malloc(3000);
    kept = realloc(kept, 2990);
    free(kept);
}

/* ---- Another thread -------------------------------------------------------------------------- */

static sem_t asked;
static sem_t done;
static void (*task)(void);

static void *serve(void *unused)
{
    (void) unused;
    for (sem_wait(&asked); task != NULL; sem_wait(&asked)) {
        task();
        sem_post(&done);
    }
    return NULL;
}

static void let_other_do(void (*what)(void))
{
    task = what;
    sem_post(&asked);
    if (what != NULL) {
        sem_wait(&done);
    }
}

static void free_kept(void)
{
    free(kept);
}

static void *volatile of_other;

static void take_block(void)
{
    of_other = malloc(70);
}

static void free_of_other(void)
{
    free(of_other);
}

static void other_frees(void)
{
    kept = malloc(80);
    let_other_do(free_kept);
}

static void other_allocates(void)
{
    kept = malloc(90);
    let_other_do(take_block);
    free(kept);
    let_other_do(free_of_other);
}

int main(void)
{
    static void (*const all[])(void) = {free_at_once, free_two,    free_another_before, grow,
                                        shrink,       other_frees, other_allocates};
    pthread_t thread;

    sem_init(&asked, 0, 0);
    sem_init(&done, 0, 0);
    if (pthread_create(&thread, NULL, serve, NULL) != 0) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (int round = 0; round < ROUNDS; round++) {
            all[i]();
        }
    }
    let_other_do(NULL);
    pthread_join(thread, NULL);
    return 0;
}
