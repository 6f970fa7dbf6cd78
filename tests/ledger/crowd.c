/* SPDX-License-Identifier: MIT */
/*
 * crowd: many threads and many places that allocate, as crowd.py commands. It is compiled twice: with
 * TYPED=1 the places are records of liblmm, else call stacks that end in malloc.
 *
 * Commands are lines of stdin, each answered by "ok" and perhaps a number:
 *   sites N      allocates a block at each of N places
 *   idle N       starts N threads that allocate and free a block, and sleep
 *   wake N       each idle thread allocates and frees a block at place N, and keeps one of place 0
 *   wave N K     N threads allocate at the same K places, all before one frees, and end
 *   more N       allocates N blocks, at the places by turns
 *   less         frees the blocks of `more`
 *   fork         a child allocates one block and ends by _exit; the answer is its PID
 *   fork-idle    as fork, without a block
 * Blocks have BLOCK_BYTES, as nothing else here has.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BLOCK_BYTES = 203,
    PLACES_MAX = 1 << 14, /* what the levels below can make */
    THREADS_MAX = 4000,
    MORE_MAX = 200000,
    WAVE_PLACES_MAX = 64,
    STACK_BYTES = 64 * 1024,
    LINE_BYTES = 64,
};

static void need(bool is_so, const char *what)
{
    if (!is_so) {
        printf("bad %s\n", what);
        _exit(1);
    }
}

/* ---- Places ---------------------------------------------------------------------------------- */

#if TYPED

#include <lmm/lmm.h>

static struct lmm_site places[PLACES_MAX];

static void name_places(void)
{
    for (unsigned i = 0; i < PLACES_MAX; i++) {
        places[i] = (struct lmm_site) {
            .id = LMM_SITE_UNKNOWN,
            .line = i + 1,
            .file = "places.c",
            .function = "place",
            .type = "record",
            .size_bytes = BLOCK_BYTES,
            .align_bytes = 1,
        };
    }
}

static void *allocate_at(unsigned place)
{
    return lmm_site_alloc(&places[place]);
}

static void release(void *block)
{
    lmm_free(block);
}

#else

#include "../../bench/call_stacks.h"

static __attribute__((noinline)) void *leaf(unsigned place)
{
    void *block = malloc(BLOCK_BYTES);

    __asm__ volatile("" : : "r"(place));
    return block;
}

static void name_places(void)
{
}

static void *allocate_at(unsigned place)
{
    return level_7(place);
}

static void release(void *block)
{
    free(block);
}

#endif

static void *allocate(unsigned place)
{
    need(place < PLACES_MAX, "place");
    void *block = allocate_at(place);
    need(block != NULL, "memory");
    return block;
}

static void *kept[PLACES_MAX];
static void *more[MORE_MAX];
static pthread_t threads[THREADS_MAX];
static unsigned kept_count;
static unsigned more_count;

/* ---- Threads --------------------------------------------------------------------------------- */

static pthread_barrier_t met;   /* all threads of a command, and perhaps the main thread */
static pthread_barrier_t awake; /* the idle threads and the main thread */
static unsigned idle_count;
static unsigned argument[2]; /* of the command; threads read them after a barrier or their start */

static void start(unsigned first, unsigned count, void *(*run)(void *) )
{
    pthread_attr_t attributes;

    need(first + count <= THREADS_MAX, "too many threads");
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (unsigned i = first; i < first + count; i++) {
        need(pthread_create(&threads[i], &attributes, run, NULL) == 0, "pthread_create");
    }
    pthread_attr_destroy(&attributes);
}

static void *be_idle(void *unused)
{
    release(allocate(0));
    pthread_barrier_wait(&met);
    for (;;) {
        pthread_barrier_wait(&awake);
        release(allocate(argument[0]));
        allocate(0);
        pthread_barrier_wait(&met);
    }
    return unused;
}

static void start_idle(void)
{
    idle_count = argument[0];
    pthread_barrier_init(&met, NULL, idle_count + 1);
    pthread_barrier_init(&awake, NULL, idle_count + 1);
    start(0, idle_count, be_idle);
    pthread_barrier_wait(&met);
}

static void wake(void)
{
    pthread_barrier_wait(&awake);
    pthread_barrier_wait(&met);
}

static void *run_in_wave(void *unused)
{
    void *block[WAVE_PLACES_MAX];
    unsigned count = argument[1];

    for (unsigned i = 0; i < count; i++) {
        block[i] = allocate(i * (PLACES_MAX / count));
    }
    pthread_barrier_wait(&met);
    for (unsigned i = 0; i < count; i++) {
        release(block[i]);
    }
    return unused;
}

static void wave(void)
{
    need(idle_count == 0 && argument[1] >= 1 && argument[1] <= WAVE_PLACES_MAX, "wave");
    pthread_barrier_init(&met, NULL, argument[0]);
    start(0, argument[0], run_in_wave);
    for (unsigned i = 0; i < argument[0]; i++) {
        need(pthread_join(threads[i], NULL) == 0, "pthread_join");
    }
    pthread_barrier_destroy(&met);
}

/* ---- The main thread ------------------------------------------------------------------------- */

/* One function for both, so that both have the same call stacks. */
static __attribute__((noinline)) void fill(void **blocks, unsigned *count, unsigned places_used)
{
    for (unsigned end = *count + argument[0]; *count < end; ++*count) {
        blocks[*count] = allocate(*count % places_used);
    }
}

static void fill_places(void)
{
    need(kept_count + argument[0] <= PLACES_MAX, "sites");
    fill(kept, &kept_count, PLACES_MAX);
}

static void fill_more(void)
{
    need(more_count + argument[0] <= MORE_MAX && kept_count > 0, "more");
    fill(more, &more_count, kept_count);
}

static void less(void)
{
    while (more_count > 0) {
        release(more[--more_count]);
    }
}

static unsigned fork_child(bool allocates)
{
    pid_t child = fork();

    if (child == 0) {
        if (allocates) {
            allocate(1);
        }
        _exit(EXIT_SUCCESS);
    }
    need(child > 0 && waitpid(child, NULL, 0) == child, "fork");
    return (unsigned) child;
}

static unsigned obey(const char *word)
{
    static const struct {
        const char *word;
        void (*run)(void);
    } commands[] = {{"sites", fill_places}, {"idle", start_idle}, {"wake", wake},
                    {"wave", wave},         {"more", fill_more},  {"less", less}};

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(word, commands[i].word) == 0) {
            commands[i].run();
            return 0;
        }
    }
    need(strcmp(word, "fork") == 0 || strcmp(word, "fork-idle") == 0, word);
    return fork_child(strcmp(word, "fork") == 0);
}

int main(void)
{
    static char room[2][BUFSIZ];
    char line[LINE_BYTES];
    char word[LINE_BYTES];

    setvbuf(stdin, room[0], _IOFBF, BUFSIZ);
    setvbuf(stdout, room[1], _IOLBF, BUFSIZ);
    name_places();
    puts("ready");
    while (fgets(line, sizeof(line), stdin) != NULL) {
        need(sscanf(line, "%63s %u %u", word, &argument[0], &argument[1]) >= 1, "command");
        printf("ok %u\n", obey(word));
    }
    _exit(EXIT_SUCCESS);
}
