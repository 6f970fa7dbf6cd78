/* SPDX-License-Identifier: MIT */
/*
 * Random operations against a naive model. Several threads allocate, resize, zero, align and free
 * blocks of 0 bytes to 1 MiB, most of them small, and exchange them. The model of a block is its
 * length, its alignment and the seed of its contents; the contents are checked before a block is
 * freed and after it is resized. From time to time a thread forks, and the child checks all blocks
 * on offer, does operations of its own, and exits.
 *
 * usage: stress_model [OPERATIONS [SEED]]    operations of each thread; the seed is printed
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/preload/check.h"

enum {
    THREADS = 4,
    OWN = 800, /* the most blocks of a thread */
    EXCHANGE = 512,
    FORKS = 4, /* by each thread */
    CHILD_OPERATIONS = 5000,
    CHECKED_ENDS = 256, /* bytes at each end of a large block that are written and checked */
    PATIENCE_SECONDS = 110,
};

struct model {
    unsigned char *block;
    size_t bytes;
    uint64_t seed;
};

/* A block on offer. The lock is held while a thread puts or takes it, and around fork. */
static struct model exchange[EXCHANGE];
static pthread_mutex_t exchange_lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t first_seed = 20260101;
static size_t operations = 500000;

/* The pattern fills a small block, and both ends of a large one. */
static void paint(const struct model *model)
{
    if (model->bytes <= (size_t) 2 * CHECKED_ENDS) {
        check_paint(model->block, model->bytes, model->seed);
        return;
    }
    check_paint(model->block, CHECKED_ENDS, model->seed);
    check_paint(model->block + model->bytes - CHECKED_ENDS, CHECKED_ENDS, model->seed + 1);
}

static void verify(const struct model *model)
{
    if (model->bytes <= (size_t) 2 * CHECKED_ENDS) {
        CHECK_AT(check_is_painted(model->block, model->bytes, model->seed), model->bytes);
        return;
    }
    CHECK_AT(check_is_painted(model->block, CHECKED_ENDS, model->seed), model->bytes);
    CHECK_AT(
        check_is_painted(model->block + model->bytes - CHECKED_ENDS, CHECKED_ENDS, model->seed + 1),
        model->bytes);
}

/* 60 % up to 128 bytes, 30 % up to 4 KiB, 9 % up to 64 KiB, 1 % up to 1 MiB. */
static size_t random_bytes(uint64_t *random)
{
    uint64_t dice = random_next(random) % 100;
    uint64_t most = dice < 60 ? 128 : dice < 90 ? 4096 : dice < 99 ? 65536 : 1 << 20;
    return (size_t) (random_next(random) % (most + 1));
}

static void end(struct model *model)
{
    if (model->block != NULL) {
        verify(model);
        free(model->block);
    }
    *model = (struct model) {0};
}

static void begin(struct model *model, uint64_t *random)
{
    size_t bytes = random_bytes(random);
    uint64_t dice = random_next(random) % 20;
    size_t align = bytes >= 16 ? 16 : 8;
    unsigned char *block;
    if (dice < 12) {
        block = malloc(bytes);
    } else if (dice < 17) {
        block = calloc(1, bytes);
        CHECK_AT(block != NULL && check_is_zero(block, bytes), bytes);
    } else if (dice < 18) {
        block = realloc(NULL, bytes);
    } else {
        align = (size_t) 16 << (random_next(random) % 9);
        block = memalign(align, bytes);
    }
    CHECK_AT(block != NULL && check_is_aligned(block, align), bytes);
    CHECK_AT(malloc_usable_size(block) >= bytes, bytes);
    *model = (struct model) {block, bytes, random_next(random)};
    paint(model);
}

/* Up and down. The kept part of the contents, as far as the model knows it, is checked with a
 * copy. */
static void resize(struct model *model, uint64_t *random)
{
    verify(model);
    size_t bytes = 1 + random_bytes(random);
    size_t kept = bytes < model->bytes ? bytes : model->bytes;
    size_t known = kept < CHECKED_ENDS ? kept : CHECKED_ENDS;
    unsigned char *block = realloc(model->block, bytes);
    CHECK_AT(block != NULL && check_is_aligned(block, bytes >= 16 ? 16 : 8), bytes);
    CHECK_AT(malloc_usable_size(block) >= bytes, bytes);
    CHECK_AT(check_is_painted(block, known, model->seed), bytes);
    if (kept == model->bytes && kept > (size_t) 2 * CHECKED_ENDS) {
        CHECK_AT(check_is_painted(block + kept - CHECKED_ENDS, CHECKED_ENDS, model->seed + 1),
                 bytes);
    }
    *model = (struct model) {block, bytes, random_next(random)};
    paint(model);
}

static void trade(struct model *model, uint64_t *random)
{
    size_t i = (size_t) (random_next(random) % EXCHANGE);
    CHECK(pthread_mutex_lock(&exchange_lock) == 0);
    struct model other = exchange[i];
    exchange[i] = *model;
    CHECK(pthread_mutex_unlock(&exchange_lock) == 0);
    *model = other;
    if (model->block != NULL) {
        verify(model);
    }
}

static void operate(struct model *own, size_t count, uint64_t *random)
{
    for (size_t i = 0; i < count; i++) {
        struct model *model = &own[random_next(random) % OWN];
        uint64_t dice = random_next(random) % 16;
        if (dice < 2) {
            trade(model, random);
        } else if (model->block == NULL) {
            begin(model, random);
        } else if (dice < 6) {
            resize(model, random);
        } else {
            end(model);
        }
    }
}

static void end_all(struct model *models, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        end(&models[i]);
    }
}

/* The child cannot reach the other threads' own blocks; it has those on offer and its thread's. */
_Noreturn static void be_child(struct model *own, uint64_t random)
{
    patience_alarm(PATIENCE_SECONDS);
    CHECK(pthread_mutex_unlock(&exchange_lock) == 0);
    for (size_t i = 0; i < EXCHANGE; i++) {
        if (exchange[i].block != NULL) {
            verify(&exchange[i]);
        }
    }
    operate(own, CHILD_OPERATIONS, &random);
    end_all(own, OWN);
    end_all(exchange, EXCHANGE);
    exit(0);
}

static void fork_once(struct model *own, uint64_t *random)
{
    uint64_t random_of_child = random_next(random);
    CHECK(pthread_mutex_lock(&exchange_lock) == 0);
    pid_t child = fork();
    if (child == 0) {
        be_child(own, random_of_child);
    }
    CHECK(pthread_mutex_unlock(&exchange_lock) == 0);
    int status = 0;
    CHECK(child > 0);
    while (waitpid(child, &status, 0) != child) {
        CHECK(errno == EINTR);
    }
    CHECK_AT(status == 0, (size_t) status);
}

static void *run(void *number)
{
    uint64_t random = first_seed * 0x9e3779b97f4a7c15u + (uintptr_t) number;
    struct model *own = calloc(OWN, sizeof(*own));
    CHECK(own != NULL);
    for (int i = 0; i < FORKS; i++) {
        operate(own, operations / FORKS, &random);
        fork_once(own, &random);
    }
    end_all(own, OWN);
    free(own);
    return NULL;
}

int main(int argc, char **argv)
{
    check_start();
    patience_alarm(PATIENCE_SECONDS);
    if (argc > 1) {
        operations = (size_t) strtoull(argv[1], NULL, 0);
    }
    if (argc > 2) {
        first_seed = strtoull(argv[2], NULL, 0);
    }
    printf("%zu operations, seed %llu\n", operations, (unsigned long long) first_seed);
    fflush(stdout);
    pthread_t thread[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, run, (void *) (i + 1)) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    end_all(exchange, EXCHANGE);
    return 0;
}
