/* SPDX-License-Identifier: MIT */
/*
 * A thread frees blocks of another one, fewer than it hands over at once: nobody sees them alive, neither
 * counters, nor walks, leak checks, marks, and children. When the thread ends, they come back.
 *
 * usage: foreign [SIZE]    of the blocks; in the drop-in those above 1 KiB go to magazines
 */
#include <dlfcn.h>
#include <lmm/lmm.h>
#include <pthread.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

enum { BLOCKS = 1000, FEW = 50, LOST = 2000 };

static size_t size = 48; /* of the blocks */

static char *blocks[BLOCKS];
static char *lost[LOST];
static size_t freed; /* the first ones of blocks */
static pthread_barrier_t barrier;
static pthread_t thread;
static bool has_ended;

/* Of the drop-in; NULL when the program runs plain. */
static __typeof__(lmm_family_of) *family_of;
static __typeof__(lmm_family_stats) *family_stats;
static __typeof__(lmm_for_each_block) *for_each_block;
static __typeof__(lmm_leak_scan) *leak_scan;
static __typeof__(lmm_leak_scan_since) *leak_scan_since;
static __typeof__(lmm_leak_ignore) *leak_ignore;
static __typeof__(lmm_mark) *mark;
static __typeof__(lmm_print_usage_json) *print_usage_json;

static void find_functions(void)
{
    *(void **) &family_of = dlsym(RTLD_DEFAULT, "lmm_family_of");
    *(void **) &family_stats = dlsym(RTLD_DEFAULT, "lmm_family_stats");
    *(void **) &for_each_block = dlsym(RTLD_DEFAULT, "lmm_for_each_block");
    *(void **) &leak_scan = dlsym(RTLD_DEFAULT, "lmm_leak_scan");
    *(void **) &leak_scan_since = dlsym(RTLD_DEFAULT, "lmm_leak_scan_since");
    *(void **) &leak_ignore = dlsym(RTLD_DEFAULT, "lmm_leak_ignore");
    *(void **) &mark = dlsym(RTLD_DEFAULT, "lmm_mark");
    *(void **) &print_usage_json = dlsym(RTLD_DEFAULT, "lmm_print_usage_json");
}

/* ---- The thread that frees ------------------------------------------------------------------- */

static void *free_few(void *arg)
{
    for (;;) {
        pthread_barrier_wait(&barrier);
        if (has_ended) {
            return arg;
        }
        for (size_t i = freed; i < freed + FEW; i++) {
            free(blocks[i]);
            blocks[i] = NULL;
        }
        pthread_barrier_wait(&barrier);
    }
}

static void let_free(void)
{
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    freed += FEW;
}

static void end_thread(void)
{
    has_ended = true;
    pthread_barrier_wait(&barrier);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* ---- Readers --------------------------------------------------------------------------------- */

/* By counters; 0 when the program runs plain. */
static uint64_t live_blocks(void)
{
    struct lmm_stats stats = {.live_blocks = 0};

    CHECK(family_stats == NULL || family_stats(family_of(blocks[BLOCKS - 1]), &stats) == 0);
    return stats.live_blocks;
}

static int count(const struct lmm_block *block, void *arg)
{
    (void) block;
    ++*(uint64_t *) arg;
    return 0;
}

static uint64_t shown_blocks(void)
{
    uint64_t shown = 0;

    if (for_each_block != NULL) {
        for_each_block(family_of(blocks[BLOCKS - 1]), count, &shown);
    }
    return shown;
}

static uint64_t lost_blocks(void)
{
    struct lmm_leaks leaks = {.threads = 0};

    CHECK(leak_scan == NULL || leak_scan(0, &leaks) == 0);
    return leaks.definite.blocks + leaks.indirect.blocks + leaks.possible.blocks;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void test_leak_check(void)
{
    uint64_t before = lost_blocks();

    let_free();
    CHECK(lost_blocks() == before);
}

static void test_walk(void)
{
    uint64_t live = live_blocks();

    CHECK(shown_blocks() == live);
    let_free();
    uint64_t expected = family_stats == NULL ? 0 : live - FEW;
    CHECK(live_blocks() == expected && shown_blocks() == expected);
}

/* The child does not have the thread. It takes the slots of the blocks that this one freed, and no
 * others. */
static void in_child(uint64_t expected)
{
    CHECK(live_blocks() == expected && shown_blocks() == expected);
    for (size_t i = 0; i < LOST; i++) {
        lost[i] = memset(malloc(size), 1, size);
    }
    for (size_t i = freed; i < BLOCKS; i++) {
        CHECK_AT(check_is_painted(blocks[i], size, i), i);
    }
    CHECK(family_stats == NULL || live_blocks() == expected + LOST);
    _exit(0);
}

static void test_child(void)
{
    uint64_t expected = family_stats == NULL ? 0 : live_blocks() - FEW;
    int status = 1;
    let_free();
    pid_t child = fork();
    if (child == 0) {
        in_child(expected);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    CHECK(live_blocks() == expected && shown_blocks() == expected);
}

/* The blocks that are lost lie in the slots of those that were freed before the mark. */
static void test_mark(void)
{
    struct lmm_leaks since = {.threads = 0};

    let_free();
    uint32_t number = mark == NULL ? 0 : mark("m");
    end_thread();
    for (size_t i = 0; i < LOST; i++) {
        lost[i] = malloc(size);
    }
    CHECK(mark == NULL || leak_scan_since(number, 0, &since) == 0);
    uint64_t lived = since.reachable.blocks;
    memset(lost, 0, sizeof(lost));
    CHECK(mark == NULL || leak_scan_since(number, 0, &since) == 0);
    CHECK_AT(mark == NULL || lived - since.reachable.blocks >= LOST - FEW / 2,
             lived - since.reachable.blocks);
}

/* They count at a site of their own. */
static void test_ignored(void)
{
    char *text = NULL;
    size_t bytes;

    for (size_t i = freed; i < freed + FEW && leak_ignore != NULL; i++) {
        leak_ignore(blocks[i]);
    }
    let_free();
    FILE *stream = open_memstream(&text, &bytes);
    CHECK(stream != NULL && (print_usage_json == NULL || print_usage_json(stream) == 0));
    fclose(stream);
    CHECK(print_usage_json == NULL || strstr(text, "\"allocations\": 50, \"frees\": 50,") != NULL);
    free(text);
}

int main(int argc, char **argv)
{
    check_start();
    size = argc > 1 ? strtoul(argv[1], NULL, 10) : size;
    if (check_is_under_lmm()) {
        find_functions();
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(size);
        CHECK(blocks[i] != NULL);
        check_paint(blocks[i], size, i);
    }
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, free_few, NULL) == 0);
    test_leak_check();
    test_walk();
    test_child();
    test_ignored();
    test_mark();
    return 0;
}
