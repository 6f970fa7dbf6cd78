/* SPDX-License-Identifier: MIT */
/* realloc and reallocarray: contents across every border between size classes, up, down and at
 * random; NULL, zero, overflow; a failure that does not change the old block; blocks of the aligned
 * functions. */
#include "tests/preload/conform.h"

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

int main(void)
{
    check_start();
    test_grow_and_shrink();
    test_jumps();
    test_large();
    test_edges();
    test_zero_frees();
    test_failure_keeps_block();
    test_aligned_blocks();
    return 0;
}
