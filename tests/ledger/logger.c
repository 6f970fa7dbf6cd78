/* SPDX-License-Identifier: MIT */
/*
 * logger [quiet] SEED: threads allocate and free, their own blocks and each other's, until the
 * program is killed. It logs each finished operation on stdout, by one write of four bytes: the
 * site, and the top bit for a free. So the ledger is at most one operation for each thread ahead of
 * the log.
 *
 * Threads end and others start; new places allocate all the time, so that the counters of each
 * thread move to larger chunks. quiet: no log, and full speed.
 */
#include <lmm/lmm.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/random.h"

enum {
    THREADS = 8,
    HELD = 64,
    EXCHANGE = 32,
    FAMILIES = 7,
    SITES = 4000,
    SITES_FIRST = 10,
    LIFE = 1500, /* operations of a thread, at least; quiet: times QUIET_FACTOR */
    QUIET_FACTOR = 1000,
};

#define FREED (UINT32_C(1) << 31)

static const char *const names[FAMILIES] = {"a_t", "b_t", "c_t", "d_t", "e_t", "f_t", "g_t"};

static struct lmm_site sites[SITES];
static char functions[SITES][16];
static atomic_uint sites_open = SITES_FIRST;
static _Atomic(uint32_t *) exchange[EXCHANGE];
static bool is_quiet;
static uint64_t seed;

static void log_operation(uint32_t record)
{
    if (!is_quiet && write(STDOUT_FILENO, &record, sizeof(record)) != sizeof(record)) {
        _exit(EXIT_FAILURE);
    }
}

/* A block holds its site, for the log of its free. */
static uint32_t *make(uint32_t site, uint64_t dice)
{
    uint32_t *block =
        dice % 9 == 0 ? lmm_site_calloc(&sites[site], 2 + dice % 40) : lmm_site_alloc(&sites[site]);

    if (block == NULL) {
        abort();
    }
    *block = site;
    log_operation(site);
    return block;
}

static void drop(uint32_t *block)
{
    if (block != NULL) {
        uint32_t site = *block;
        lmm_free(block);
        log_operation(site | FREED);
    }
}

/* A new place now and then, early ones more often: row chunks double. */
static void open_site(uint64_t dice)
{
    unsigned open = atomic_load(&sites_open);

    if (open < SITES && dice % (8 + open / 8) == 0) {
        atomic_fetch_add(&sites_open, 1);
    }
}

static void *work(void *argument)
{
    uint64_t random = seed * 1000003 + (uintptr_t) argument + 1;
    uint32_t *held[HELD] = {NULL};
    uint64_t life = LIFE + random_next(&random) % LIFE;

    for (life *= is_quiet ? QUIET_FACTOR : 1; life > 0; life--) {
        uint64_t dice = random_next(&random);
        uint32_t **place = &held[dice % HELD];
        unsigned open = atomic_load(&sites_open);
        drop(*place);
        *place = make((uint32_t) ((dice >> 16) % (open < SITES ? open : SITES)), dice >> 32);
        if (dice % 4 == 0) {
            *place = atomic_exchange(&exchange[(dice >> 8) % EXCHANGE], *place);
        }
        open_site(dice >> 40);
    }
    for (unsigned i = 0; i < HELD; i++) {
        drop(held[i]);
    }
    return NULL;
}

static void describe_sites(void)
{
    for (unsigned i = 0; i < SITES; i++) {
        snprintf(functions[i], sizeof(functions[i]), "site_%u", i);
        sites[i] = (struct lmm_site) {
            .id = LMM_SITE_UNKNOWN,
            .line = i + 1,
            .file = "logger.c",
            .function = functions[i],
            .type = names[i % FAMILIES],
            .size_bytes = 16 + 24 * (size_t) (i % FAMILIES),
            .align_bytes = 8,
        };
    }
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS];
    uintptr_t started = 0;

    is_quiet = argc > 1 && strcmp(argv[1], "quiet") == 0;
    seed = strtoull(argc > 1 ? argv[argc - 1] : "1", NULL, 10);
    describe_sites();
    for (unsigned i = 0; i < THREADS; i++) {
        if (pthread_create(&thread[i], NULL, work, (void *) started++) != 0) {
            return EXIT_FAILURE;
        }
    }
    /* One ends, one begins: never more than THREADS at work. */
    for (unsigned i = 0;; i = (i + 1) % THREADS) {
        if (pthread_join(thread[i], NULL) != 0 ||
            pthread_create(&thread[i], NULL, work, (void *) started++) != 0) {
            return EXIT_FAILURE;
        }
    }
}
