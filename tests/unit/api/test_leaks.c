/* SPDX-License-Identifier: MIT */
/* What the program says for leak checks: counts by line when blocks are ignored, and how ignoring
 * nests. */
#include <lmm/lmm.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fails_with.h"

struct node {
    struct node *next;
    long value[3];
};

/* Live blocks of the type by source line; the sites of a line added up. */
struct at_line {
    unsigned line;
    unsigned blocks;
};

static int count_line(const struct lmm_block *block, void *arg)
{
    struct at_line *at = arg;

    at->blocks += block->line == at->line;
    return 0;
}

static unsigned live_at(unsigned line)
{
    struct at_line at = {.line = line};

    lmm_for_each_block(NULL, count_line, &at);
    return at.blocks;
}

static struct lmm_stats stats_of(const char *name)
{
    struct lmm_stats stats = {0};

    cr_assert(lmm_family_stats(lmm_family_find(name), &stats) == 0);
    return stats;
}

enum { NODES = 1000 };

static struct node *nodes[NODES];

static unsigned make_nodes(void)
{
    for (size_t i = 0; i < NODES; i++) {
        nodes[i] = LMM_NEW(struct node);
        cr_assert(nodes[i] != NULL);
    }
    return __LINE__ - 3;
}

Test(leaks, an_ignored_block_stays_at_its_line)
{
    unsigned line = make_nodes();

    for (size_t i = 0; i < NODES; i += 2) {
        lmm_leak_ignore(nodes[i]);
        lmm_leak_ignore(nodes[i]);
    }
    lmm_leak_ignore(NULL);
    cr_expect(live_at(line) == NODES);
    cr_expect(stats_of("struct node").live_blocks == NODES);
    for (size_t i = 0; i < NODES; i++) {
        cr_expect(nodes[i]->next == NULL && lmm_block_count(nodes[i]) == 1);
        lmm_free(nodes[i]);
    }
    cr_expect(live_at(line) == 0 && stats_of("struct node").live_blocks == 0);
}

Test(leaks, arrays_and_strings_can_be_ignored)
{
    struct node *array = LMM_NEW_ARRAY(struct node, 5000);
    char *text = lmm_strdup("text");

    lmm_leak_ignore(array);
    lmm_leak_ignore(text);
    cr_expect(lmm_block_count(array) == 5000 && strcmp(text, "text") == 0);
    cr_expect(lmm_block_bytes(text) == 5);
    cr_expect(stats_of("struct node").live_slots == 5000 && stats_of("char[]").live_bytes == 5);
    array = lmm_resize(array, 9000);
    cr_assert(array != NULL);
    lmm_free(array);
    lmm_free(text);
    cr_expect(stats_of("struct node").live_slots == 0 && stats_of("char[]").live_bytes == 0);
}

Test(leaks, what_is_allocated_while_disabled_counts_at_its_line)
{
    lmm_leak_disable();
    lmm_leak_disable();
    lmm_leak_enable();
    unsigned line = make_nodes();
    lmm_leak_enable();
    lmm_leak_enable(); /* once more than needed */
    struct node *after = LMM_NEW(struct node);

    cr_expect(live_at(line) == NODES);
    cr_expect(stats_of("struct node").live_blocks == NODES + 1);
    for (size_t i = 0; i < NODES; i++) {
        lmm_free(nodes[i]);
    }
    lmm_free(after);
    cr_expect(live_at(line) == 0 && stats_of("struct node").live_blocks == 0);
}

static void *free_all(void *arg)
{
    (void) arg;
    for (size_t i = 0; i < NODES; i++) {
        lmm_free(nodes[i]);
    }
    return NULL;
}

Test(leaks, another_thread_frees_ignored_blocks)
{
    pthread_t thread;

    lmm_leak_disable();
    unsigned line = make_nodes();
    lmm_leak_enable();
    cr_assert(pthread_create(&thread, NULL, free_all, NULL) == 0);
    pthread_join(thread, NULL);
    cr_expect(live_at(line) == 0 && stats_of("struct node").live_blocks == 0);
}

Test(leaks, declarations_return_what_they_declare)
{
    struct lmm_family *family = LMM_NO_POINTERS(struct node);
    struct node *node = lmm_site_no_pointers(LMM_NEW(struct node));

    cr_expect(family != NULL && family == LMM_REGISTER(struct node));
    cr_expect(lmm_family_no_pointers(NULL) == NULL && lmm_site_no_pointers(NULL) == NULL);
    cr_assert(node != NULL);
    lmm_free(node);
}

Test(leaks, a_pointer_that_is_no_block_cannot_be_ignored, .signal = SIGABRT)
{
    struct node *node = LMM_NEW(struct node);

    lmm_leak_ignore((char *) node + 8);
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static struct node *volatile list;

static __attribute__((noinline)) void make_list(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct node *node = LMM_NEW(struct node);
        node->next = list;
        list = node;
    }
}

static __attribute__((noinline)) void lose(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct node *volatile node = LMM_NEW(struct node);
        node->next = NULL;
        node = NULL;
    }
}

/* Overwrites what earlier calls left on the stack. */
static __attribute__((noinline)) void forget(void)
{
    volatile char room[16384];

    for (size_t i = 0; i < sizeof(room); i++) {
        room[i] = 0;
    }
}

Test(leaks, a_scan_counts_by_class)
{
    struct lmm_leaks leaks;

    make_list(10);
    lose(20);
    forget();
    cr_assert(lmm_leak_scan(0, &leaks) == 0);
    cr_expect(leaks.definite.blocks == 20 && leaks.definite.bytes == 20 * sizeof(struct node));
    cr_expect(leaks.reachable.blocks == 10 && leaks.indirect.blocks == 0);
    list = (struct node *) (void *) ((char *) list + 8);
    forget();
    cr_assert(lmm_leak_scan(0, &leaks) == 0);
    cr_expect(leaks.possible.blocks == 10 && leaks.reachable.blocks == 0);
    list = NULL;
    forget();
    cr_assert(lmm_leak_scan(LMM_LEAK_UNALIGNED, &leaks) == 0);
    cr_expect(leaks.definite.blocks == 21 && leaks.indirect.blocks == 9);
    cr_expect(leaks.threads >= 1 && leaks.threads_unseen == 0 && leaks.scan_ns != 0);
}

Test(leaks, a_scan_of_what_is_new)
{
    struct lmm_leaks leaks;

    lose(5);
    cr_assert(lmm_mark("first") == 1 && lmm_mark(NULL) == 2);
    lose(7);
    forget();
    cr_assert(lmm_leak_scan_since(2, 0, &leaks) == 0);
    cr_expect(leaks.definite.blocks == 7);
    cr_assert(lmm_leak_scan(0, &leaks) == 0);
    cr_expect(leaks.definite.blocks == 12);
    cr_assert(lmm_leak_scan_since(2, LMM_LEAK_CONFIRM, &leaks) == 0);
    cr_expect(leaks.definite.blocks == 7 && leaks.possible.blocks == 0);
}

Test(leaks, wrong_arguments)
{
    struct lmm_leaks leaks = {.threads = 77};
    struct lmm_leak_step steps[LMM_LEAK_STEPS_MAX];

    FAILS_WITH(EINVAL, lmm_leak_scan(8, &leaks) == 0);
    FAILS_WITH(EINVAL, lmm_leak_scan(0, NULL) == 0);
    FAILS_WITH(EINVAL, lmm_leak_scan_since(0, 0, &leaks) == 0);
    FAILS_WITH(EINVAL, lmm_root_add(NULL, 8) == 0);
    FAILS_WITH(EINVAL, lmm_root_add(&leaks, 0) == 0);
    FAILS_WITH(EINVAL, lmm_root_add(&leaks, SIZE_MAX) == 0);
    FAILS_WITH(EINVAL, lmm_leak_path(NULL, steps) == 0);
    FAILS_WITH(EINVAL, lmm_leak_path(&leaks, steps) == 0);
    FAILS_WITH(ENOENT, lmm_leak_scan_since(9, 0, &leaks) == 0);
    FAILS_WITH(ENOENT, lmm_root_remove(&leaks, 8) == 0);
    cr_expect(leaks.threads == 77, "untouched");
}

Test(leaks, the_path_to_a_block)
{
    struct lmm_leak_step steps[LMM_LEAK_STEPS_MAX];

    make_list(50);
    int length = lmm_leak_path((const void *) list, steps);
    cr_assert(length == 1, "%d", length);
    cr_expect(steps[0].is_root == 1 && steps[0].to == list && steps[0].to_offset == 0);
    cr_expect(steps[0].bytes == sizeof(struct node) && strcmp(steps[0].function, "make_list") == 0);
    uintptr_t last = (uintptr_t) list;
    for (size_t i = 1; i < 50; i++) {
        last = (uintptr_t) ((struct node *) last)->next;
    }
    /* The address of its last word, so that the caller's pointer does not hold its start. */
    length = lmm_leak_path((const void *) (last + 24), steps);
    last = 0;
    cr_assert(length >= 1 && length <= 50, "%d", length);
    cr_expect(steps[0].is_root == 1 && steps[length < 32 ? length - 1 : 31].to != NULL);
}
