/* SPDX-License-Identifier: MIT */
/* realloc and reallocarray: contents across every border between size classes, up, down and at
 * random; NULL, zero, overflow; a failure that does not change the old block; blocks of the aligned
 * functions; what LMM counts. */
#include "tests/preload/conform.h"

#include <dlfcn.h>
#include <lmm/lmm.h>
#include <pthread.h>
#include <sys/resource.h>

enum { STEP_LIMIT = 9000, JUMPS = 1500 };

static void *resize(void *block, size_t bytes)
{
    void *resized = KEEPS_ERRNO(realloc(block, bytes));
    CHECK_AT(resized != NULL, bytes);
    CHECK_AT(check_is_aligned(resized, conform_align(bytes)), bytes);
    CHECK_AT(malloc_usable_size(resized) >= bytes, bytes);
    return resized;
}

/* By one byte, and by one size class. A block after it keeps others from being neighbours. */
static void test_grow_and_shrink(void)
{
    unsigned char *block = NULL;
    for (size_t bytes = 1; bytes <= STEP_LIMIT; bytes++) {
        block = resize(block, bytes);
        CHECK_AT(check_is_painted(block, bytes - 1, 1), bytes);
        block[bytes - 1] = check_byte(1, bytes - 1);
    }
    for (size_t bytes = STEP_LIMIT; bytes > 0; bytes--) {
        block = resize(block, bytes);
        CHECK_AT(check_is_painted(block, bytes, 1), bytes);
    }
    size_t last = 1;
    void *behind = NULL;
    size_t n = 0;
    for (size_t bytes; (bytes = conform_size(n, 2 * MIB)) != 0; n++) {
        block = resize(block, bytes);
        CHECK_AT(check_is_painted(block, last, 1), bytes);
        check_paint(block, bytes, 1);
        if (n % 7 == 0) {
            free(behind);
            behind = malloc(bytes);
        }
        last = bytes;
    }
    while (n-- > 0) {
        block = resize(block, conform_size(n, 2 * MIB));
        CHECK_AT(check_is_painted(block, conform_size(n, 2 * MIB), 1), n);
    }
    free(behind);
    free(block);
}

static size_t random_size(uint64_t *random)
{
    uint64_t dice = random_next(random);
    return 1 + (size_t) (random_next(random) % ((uint64_t) 16 << (dice % 18)));
}

/* A block that grows in small steps gets more than it needs, so that it is moved seldom; where LMM
 * counts the bytes requested, it gets a slot of its class. */
static void test_small_steps(void)
{
    static const struct {
        size_t first;
        size_t last;
        size_t step;
        size_t moves; /* at most */
    } cases[] = {{1, 8192, 1, 28},    {16, 400, 16, 10},   {8, 512, 8, 12},   {1, 128, 1, 7},
                 {144, 4096, 24, 14}, {2000, 4000, 50, 4}, {4096, 8192, 8, 8}};
    const char *options = getenv("LMM_OPTIONS");
    if (!check_is_under_lmm() || options == NULL || strcmp(options, "stacks=0") != 0) {
        return;
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t moves = 0;
        char *block = malloc(cases[i].first);
        for (size_t bytes = cases[i].first; bytes <= cases[i].last; bytes += cases[i].step) {
            char *resized = resize(block, bytes);
            moves += resized != block;
            block = resized;
        }
        CHECK_AT(moves <= cases[i].moves, i * 1000 + moves);
        free(block);
    }
}

/* Several blocks, so that the neighbours of a growing one are free, live, or too short. */
static void test_jumps(void)
{
    enum { BLOCKS = 8 };
    void *block[BLOCKS] = {NULL};
    size_t size[BLOCKS] = {0};
    uint64_t random = 88172645463325252u;
    for (size_t i = 0; i < JUMPS; i++) {
        size_t k = (size_t) (random_next(&random) % BLOCKS);
        size_t bytes = random_size(&random);
        block[k] = resize(block[k], bytes);
        size_t kept = bytes < size[k] ? bytes : size[k];
        CHECK_AT(check_is_painted(block[k], kept, k), i);
        check_paint(block[k], bytes, k);
        size[k] = bytes;
    }
    for (size_t k = 0; k < BLOCKS; k++) {
        CHECK(check_is_painted(block[k], size[k], k));
        KEEPS_ERRNO_VOID(free(block[k]));
    }
}

/* From the mapped sizes to the small ones and back. */
static void test_large(void)
{
    static const size_t sizes[] = {100,      40 * MIB, 80 * MIB + 1, 200 * MIB, 33 * MIB, 4 * MIB,
                                   64 * MIB, 5000,     1 * MIB,      90 * MIB,  16};
    unsigned char *block = NULL;
    size_t last = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        block = resize(block, sizes[i]);
        size_t kept = sizes[i] < last ? sizes[i] : last;
        for (size_t k = 0; k < kept; k += 4093) {
            CHECK_AT(block[k] == check_byte(9, k), sizes[i]);
        }
        CHECK_AT(kept == 0 || block[kept - 1] == check_byte(9, kept - 1), sizes[i]);
        for (size_t k = 0; k < sizes[i]; k += 4093) {
            block[k] = check_byte(9, k);
        }
        block[sizes[i] - 1] = check_byte(9, sizes[i] - 1);
        last = sizes[i];
        /* The last byte of the next, smaller size. */
        if (i + 1 < sizeof(sizes) / sizeof(sizes[0]) && sizes[i + 1] < last) {
            block[sizes[i + 1] - 1] = check_byte(9, sizes[i + 1] - 1);
        }
    }
    free(block);
}

/* As glibc's manual says: with NULL it is malloc, with size zero free. */
static void test_edges(void)
{
    void *block = KEEPS_ERRNO(realloc(NULL, 100));
    CHECK(block != NULL);
    CHECK(KEEPS_ERRNO(realloc(block, check_opaque(0))) == NULL);
    block = KEEPS_ERRNO(realloc(NULL, check_opaque(0)));
    CHECK(block != NULL);
    block = KEEPS_ERRNO(realloc(block, 10));
    CHECK(block != NULL);
    free(block);

    block = KEEPS_ERRNO(reallocarray(NULL, 10, 10));
    CHECK(block != NULL && malloc_usable_size(block) >= 100);
    memset(block, 7, 100);
    block = KEEPS_ERRNO(reallocarray(block, 1000, 10));
    CHECK(block != NULL && malloc_usable_size(block) >= 10000);
    CHECK(((unsigned char *) block)[99] == 7);
    CHECK(KEEPS_ERRNO(reallocarray(block, check_opaque(0), 10)) == NULL);
}

/* realloc(p, 0) frees: otherwise the blocks would fill the address space. */
static void test_zero_frees(void)
{
    struct rlimit old;
    CHECK(getrlimit(RLIMIT_AS, &old) == 0);
    struct rlimit limit = {GIB, old.rlim_max};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    for (size_t i = 0; i < 40; i++) {
        char *block = malloc(40 * MIB);
        CHECK_AT(block != NULL, i);
        block[0] = 1;
        CHECK_AT(realloc(block, check_opaque(0)) == NULL, i);
    }
    CHECK(setrlimit(RLIMIT_AS, &old) == 0);
}

static void test_failure_keeps_block(void)
{
    static const size_t sizes[] = {1, 100, 5000, 100 * KIB, 40 * MIB};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        void *block = malloc(sizes[i]);
        CHECK(block != NULL);
        check_paint(block, sizes[i], i);
        for (size_t k = 0; k < sizeof(conform_too_large) / sizeof(conform_too_large[0]); k++) {
            FAILS_WITH(ENOMEM,
                       realloc(check_opaque_pointer(block), check_opaque(conform_too_large[k])));
            FAILS_WITH(ENOMEM, reallocarray(check_opaque_pointer(block),
                                            check_opaque(conform_too_large[k]), 1));
        }
        FAILS_WITH(ENOMEM,
                   reallocarray(check_opaque_pointer(block), check_opaque(SIZE_MAX / 2 + 1), 2));
        FAILS_WITH(ENOMEM, reallocarray(check_opaque_pointer(block), check_opaque((size_t) 1 << 32),
                                        (size_t) 1 << 32));
        FAILS_WITH(ENOMEM,
                   reallocarray(check_opaque_pointer(block), check_opaque(SIZE_MAX / 24 + 1), 24));
        CHECK_AT(malloc_usable_size(block) >= sizes[i], sizes[i]);
        CHECK_AT(check_is_painted(block, sizes[i], i), sizes[i]);
        free(block);
    }
    for (size_t k = 0; k < sizeof(conform_too_large) / sizeof(conform_too_large[0]); k++) {
        FAILS_WITH(ENOMEM, realloc(NULL, check_opaque(conform_too_large[k])));
    }
}

/* A block of an aligned function may be resized; its contents stay. */
static void test_aligned_blocks(void)
{
    for (size_t align = 16; align <= MIB; align *= 2) {
        for (size_t bytes = 1; bytes < 300 * KIB; bytes = bytes * 5 + 3) {
            void *block = memalign(align, bytes);
            CHECK_AT(block != NULL, align);
            check_paint(block, bytes, align);
            block = resize(block, bytes * 2);
            CHECK_AT(check_is_painted(block, bytes, align), align);
            block = resize(block, bytes / 2 + 1);
            CHECK_AT(check_is_painted(block, bytes / 2 + 1, align), align);
            free(block);
        }
    }
}

/* ---- What LMM counts -------------------------------------------------------------------------- */

/* The functions of LMM's API that this test needs, which the drop-in exports. */
static __typeof__(lmm_for_each_family) *for_each_family;
static __typeof__(lmm_family_stats) *family_stats;

static int add_family(struct lmm_family *family, void *arg)
{
    struct lmm_stats *sums = arg;
    struct lmm_stats stats;
    CHECK(family_stats(family, &stats) == 0);
    sums->allocations += stats.allocations;
    sums->frees += stats.frees;
    sums->live_bytes += stats.live_bytes;
    return 0;
}

static struct lmm_stats sum_up(void)
{
    struct lmm_stats sums = {0};
    for_each_family(add_family, &sums);
    return sums;
}

/* What a block counts as: the bytes requested while call stacks are taken, else those of its slots. */
static size_t counted_bytes(void *block, size_t bytes)
{
    const char *options = getenv("LMM_OPTIONS");
    bool has_stacks = options != NULL && strstr(options, "stacks=0") == NULL;
    return has_stacks ? bytes : malloc_usable_size(block);
}

static void *allocate(void *arg)
{
    enum { COUNTED_BLOCKS = 40 };
    void **block = arg;
    for (size_t i = 0; i < COUNTED_BLOCKS; i++) {
        block[i] = malloc(1 + i * i * 40);
        CHECK_AT(block[i] != NULL, i);
    }
    return NULL;
}

/* Each realloc counts as one allocation and one free, as free and malloc do, whether the block stays
 * where it is or not, and the live bytes are exact. Blocks of this thread and of one that has ended, up, down and at
 * random. */
static void test_counts(void)
{
    enum { BLOCKS = 80, OWN = 40, ROUNDS = 1000 };
    static void *block[BLOCKS];
    static size_t size[BLOCKS];
    uint64_t random = 88172645463325252u;
    pthread_t thread;
    *(void **) &for_each_family = dlsym(RTLD_DEFAULT, "lmm_for_each_family");
    *(void **) &family_stats = dlsym(RTLD_DEFAULT, "lmm_family_stats");
    if (for_each_family == NULL || family_stats == NULL) {
        CHECK(!check_is_under_lmm());
        return;
    }
    allocate(block);
    CHECK(pthread_create(&thread, NULL, allocate, &block[OWN]) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    for (size_t i = 0; i < BLOCKS; i++) {
        size[i] = 1 + i % OWN * (i % OWN) * 40;
    }
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t k = (size_t) (random_next(&random) % BLOCKS);
        size_t step = 1 + (size_t) (random_next(&random) % 40);
        bool is_step = i % 2 == 0 && size[k] > 40;
        size_t bytes = !is_step     ? random_size(&random)
                       : i % 4 == 0 ? size[k] + step
                                    : size[k] - step;
        struct lmm_stats before = sum_up();
        size_t old_bytes = counted_bytes(block[k], size[k]);
        if (i % 8 == 1) {
            free(block[k]);
            block[k] = malloc(bytes);
        } else {
            block[k] = realloc(block[k], bytes);
        }
        struct lmm_stats after = sum_up();
        CHECK_AT(after.allocations == before.allocations + 1, bytes);
        CHECK_AT(after.frees == before.frees + 1, bytes);
        CHECK_AT(after.live_bytes - before.live_bytes == counted_bytes(block[k], bytes) - old_bytes,
                 bytes);
        size[k] = bytes;
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(block[i]);
    }
}

int main(void)
{
    check_start();
    test_grow_and_shrink();
    test_small_steps();
    test_jumps();
    test_large();
    test_edges();
    test_zero_frees();
    test_failure_keeps_block();
    test_aligned_blocks();
    test_counts();
    return 0;
}
