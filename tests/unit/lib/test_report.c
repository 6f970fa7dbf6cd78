/* SPDX-License-Identifier: MIT */
/* report: it works when there is no memory left. */
#include "tests/support/seam.h"

#include "lib/books/accounts.h"
#include "lib/ground/meta.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    char text[40];
} item_t;

static FILE *output;

static void start(void)
{
    output = tmpfile();
    cr_assert(output != NULL);
    seam_install();
}

/* From now on nothing can be mapped, and no mapped memory is unused. */
static void use_up(void)
{
    seam_fail_all(SEAM_MAP);
    for (size_t bytes = 1 << 20; bytes >= 64; bytes -= bytes > 4096 ? 4096 : 64) {
        while (lmm_meta_alloc(&lmm_arena_records, bytes) != NULL) {
        }
        while (lmm_meta_alloc(&lmm_arena_tags, bytes) != NULL) {
        }
    }
}

static uint64_t allocate_until_none(struct lmm_family *family)
{
    uint64_t count = 0;

    while (lmm_alloc(family) != NULL) {
        count++;
    }
    cr_assert(errno == ENOMEM);
    return count;
}

/* Everything that was printed so far. */
static const char *printed(void)
{
    static char text[1 << 20];

    rewind(output);
    text[fread(text, 1, sizeof(text) - 1, output)] = '\0';
    return text;
}

static void assert_reports_work(uint64_t live, const char *name)
{
    errno = 0;
    cr_expect(lmm_print_usage(output) == 0, "errno %d", errno);
    cr_expect(lmm_print_usage_json(output) == 0, "errno %d", errno);
    cr_expect(lmm_print_blocks(output, lmm_family_find(name)) == 0);
    cr_expect(lmm_leak_check(output) == live);
    char line[64];
    snprintf(line, sizeof(line), "SUMMARY: %llu live blocks, ", (unsigned long long) live);
    cr_expect(strstr(printed(), line) != NULL, "'%s' is not in: %s", line, printed());
    cr_expect(strstr(printed(), name) != NULL);
}

Test(report, out_of_memory, .init = start)
{
    uint64_t live = 10;

    for (uint64_t i = 0; i < live; i++) {
        cr_assert(LMM_ALLOC(item_t) != NULL);
    }
    use_up();
    live += allocate_until_none(lmm_family_find("item_t"));
    assert_reports_work(live, "item_t");
}

/* The memory for a report is reserved while families and sites are added, whatever their number. */
Test(report, out_of_memory_with_many_families, .init = start)
{
    char name[32];

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "family %d", i);
        cr_assert(lmm_family_register(name, 32, 8) != NULL);
        if (i % 97 == 0) {
            uint64_t map = seam_calls(SEAM_MAP);
            cr_expect(lmm_print_usage(output) == 0);
            cr_expect(seam_calls(SEAM_MAP) == map, "a report maps nothing with %d families", i + 1);
        }
    }
    use_up();
    allocate_until_none(lmm_family_find("family 0"));
    cr_expect(lmm_print_usage(output) == 0, "errno %d", errno);
}

static struct {
    sem_t ready;
    sem_t go;
} meeting;

static void *hold(void *arg)
{
    lmm_alloc(arg);
    sem_post(&meeting.ready);
    sem_wait(&meeting.go);
    return NULL;
}

/* Each thread adds rows to the ledger, although no family or site is added. */
Test(report, out_of_memory_with_many_threads, .init = start)
{
    enum { THREADS = 300 };
    pthread_t thread[THREADS];
    pthread_attr_t small;

    sem_init(&meeting.ready, 0, 0);
    sem_init(&meeting.go, 0, 0);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 << 10);
    struct lmm_family *family = lmm_family_register("item_t", sizeof(item_t), 1);
    for (int i = 0; i < THREADS; i++) {
        cr_assert(pthread_create(&thread[i], &small, hold, family) == 0);
        sem_wait(&meeting.ready);
    }
    use_up();
    assert_reports_work(THREADS, "item_t");
    for (int i = 0; i < THREADS; i++) {
        sem_post(&meeting.go);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
    }
}

/* A report without memory fails, and works again later. */
Test(report, no_memory_for_the_report, .init = start)
{
    cr_assert(lmm_family_register("first", 8, 8) != NULL);
    use_up();
    seam_heal();
    char name[32];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "family %d", i);
        cr_assert(lmm_family_register(name, 8, 8) != NULL);
    }
    seam_fail_all(SEAM_MAP);
    int i = 20;
    do {
        snprintf(name, sizeof(name), "family %d", i++);
    } while (lmm_family_register(name, 8, 8) != NULL);
    errno = 0;
    int result = lmm_print_usage(output);
    cr_expect(result == 0 || errno == ENOMEM, "errno %d", errno);
    seam_heal();
    cr_expect(lmm_print_usage(output) == 0);
}
