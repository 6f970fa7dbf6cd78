/* SPDX-License-Identifier: MIT */
/* Blocks: sizes, alignments, zeroing, arrays, resizing, errors, and what can be asked of a
 * pointer. */
#include <lmm/lmm.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/fails_with.h"

typedef struct {
    char name[32];
    unsigned id;
} emp_t;

typedef struct {
    _Alignas(64) char line[64];
} line_t;

static struct lmm_family *family_of_size(size_t size, size_t align)
{
    char name[64];
    snprintf(name, sizeof(name), "size %zu align %zu", size, align);
    struct lmm_family *family = lmm_family_register(name, size, align);
    cr_assert(family != NULL, "%s: errno is %d", name, errno);
    return family;
}

static void assert_bytes(const void *block, size_t bytes, unsigned char value)
{
    const unsigned char *byte = block;
    if (bytes == 0) {
        return;
    }
    cr_assert(byte[0] == value, "byte 0 of %zu", bytes);
    cr_assert(memcmp(byte, byte + 1, bytes - 1) == 0, "a byte of %zu is not %#x", bytes, value);
}

static const size_t sizes[] = {
    1,      2,      3,      4,       5,       7,        8,        9,     15,    16,
    17,     24,     36,     63,      64,      65,       100,      255,   256,   257,
    1000,   4095,   4096,   4097,    10000,   32767,    32768,    32769, 65536, 100000,
    262143, 262144, 262145, 1048576, 3000001, 16777216, 67108864,
};

enum { AT_ONCE = 3 };

Test(block, every_size)
{
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t size = sizes[i];
        struct lmm_family *family = family_of_size(size, 1);
        unsigned char *block[AT_ONCE];
        for (int j = 0; j < AT_ONCE; j++) {
            block[j] = j == 1 ? lmm_zalloc(family) : lmm_alloc(family);
            cr_assert(block[j] != NULL, "size %zu: errno is %d", size, errno);
            memset(block[j], 'a' + j, size);
        }
        for (int j = 0; j < AT_ONCE; j++) {
            assert_bytes(block[j], size, (unsigned char) ('a' + j));
            cr_assert(lmm_block_count(block[j]) == 1);
            cr_assert(lmm_family_of(block[j]) == family);
        }
        for (int j = 0; j < AT_ONCE; j++) {
            lmm_free(block[j]);
        }
    }
}

Test(block, every_alignment)
{
    static const size_t some[] = {1, 3, 36, 64, 100, 4096, 5000, 300000};
    for (size_t align = 1; align <= LMM_ALIGN_MAX; align *= 2) {
        for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
            struct lmm_family *family = family_of_size(some[i], align);
            size_t stride = (some[i] + align - 1) / align * align;
            char *block[70];
            for (size_t j = 0; j < 70; j++) {
                size_t n = 1 + j % 7;
                block[j] = j % 2 == 0   ? lmm_alloc(family)
                           : j % 3 == 0 ? lmm_alloc_array(family, n)
                                        : lmm_calloc(family, n);
                cr_assert(block[j] != NULL);
                cr_assert((uintptr_t) block[j] % align == 0, "size %zu align %zu: %p", some[i],
                          align, (void *) block[j]);
                memset(block[j], 1, j % 2 == 0 ? some[i] : (n - 1) * stride + some[i]);
            }
            for (size_t j = 0; j < 70; j++) {
                lmm_free(block[j]);
            }
        }
    }
}

Test(block, macros_align)
{
    for (int i = 0; i < 100; i++) {
        cr_assert((uintptr_t) LMM_NEW(line_t) % 64 == 0);
        cr_assert((uintptr_t) LMM_ALLOC(line_t) % 64 == 0);
        cr_assert((uintptr_t) LMM_NEW_ARRAY(line_t, 3) % 64 == 0);
    }
}

static const struct {
    size_t size;
    size_t length;
} zeroed[] = {
    {1, 1}, {7, 1},  {36, 1},   {200, 1},  {5000, 1},   {300000, 1},
    {1, 2}, {36, 9}, {36, 300}, {5000, 7}, {64, 20000},
};

/* Blocks that were scribbled on and freed come back zeroed, in whatever order they come. */
Test(block, reused_blocks_are_zeroed)
{
    enum { BLOCKS = 60 };
    for (size_t row = 0; row < sizeof(zeroed) / sizeof(zeroed[0]); row++) {
        size_t length = zeroed[row].length;
        size_t bytes = zeroed[row].size * length;
        struct lmm_family *family = family_of_size(zeroed[row].size, 1);
        void *block[BLOCKS];
        for (int round = 0; round < 4; round++) {
            for (int i = 0; i < BLOCKS; i++) {
                block[i] = length == 1 ? lmm_zalloc(family) : lmm_calloc(family, length);
                cr_assert(block[i] != NULL);
                assert_bytes(block[i], bytes, 0);
                memset(block[i], 0xff, bytes);
            }
            for (int i = 0; i < BLOCKS; i++) {
                lmm_free(block[i * 7 % BLOCKS]);
            }
            if (round == 2) {
                lmm_trim();
            }
        }
    }
}

Test(block, calloc_of_one_is_zeroed)
{
    struct lmm_family *family = family_of_size(48, 8);
    for (int i = 0; i < 100; i++) {
        void *dirty = lmm_alloc(family);
        cr_assert(dirty != NULL);
        memset(dirty, 0xff, 48);
        lmm_free(dirty);
        void *block = lmm_calloc(family, 1);
        cr_assert(block != NULL);
        assert_bytes(block, 48, 0);
        cr_assert(lmm_block_count(block) == 1);
    }
}

Test(block, arrays_of_every_length)
{
    static const size_t lengths[] = {1,   2,    3,    7,     8,      63,      64,     65,
                                     100, 1000, 4095, 10000, 100000, 1000000, 5000000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t n = lengths[i];
        emp_t *array = LMM_NEW_ARRAY(emp_t, n);
        emp_t *second = LMM_NEW_ARRAY(emp_t, n);
        cr_assert(array != NULL && second != NULL, "length %zu: errno is %d", n, errno);
        cr_assert(array + n <= second || second + n <= array);
        cr_assert(lmm_block_count(array) == n);
        for (size_t j = 0; j < n; j++) {
            cr_assert(array[j].id == 0 && array[j].name[31] == 0);
            array[j].id = (unsigned) j;
            second[j].id = ~(unsigned) j;
        }
        for (size_t j = 0; j < n; j++) {
            cr_assert(array[j].id == (unsigned) j);
        }
        lmm_free(array);
        cr_assert(second[n - 1].id == ~(unsigned) (n - 1));
        lmm_free(second);
    }
}

Test(block, an_array_of_nothing_is_a_block)
{
    struct lmm_family *family = LMM_REGISTER(emp_t);
    struct lmm_stats stats;
    emp_t *none[3] = {LMM_NEW_ARRAY(emp_t, 0), lmm_calloc(family, 0), LMM_NEW_ARRAY(emp_t, 0)};
    for (size_t i = 0; i < 3; i++) {
        cr_assert(none[i] != NULL && lmm_family_of(none[i]) == family);
        cr_assert(none[i] != none[(i + 1) % 3]);
        cr_assert(lmm_block_count(none[i]) == 1);
    }
    cr_assert(lmm_family_stats(family, &stats) == 0 && stats.live_slots == 3);
    for (size_t i = 0; i < 3; i++) {
        lmm_free(none[i]);
    }
    cr_assert(lmm_family_stats(family, &stats) == 0 && stats.live_blocks == 0);
}

Test(block, array_length_is_evaluated_once)
{
    size_t n = 5;
    emp_t *array = LMM_NEW_ARRAY(emp_t, n++);
    cr_assert(array != NULL && n == 6);
    cr_assert(lmm_block_count(array) == 5);
}

/* ---- Errors ---- */

static const struct {
    size_t size;
    size_t n;
    int error;
    int other_error; /* accepted as well; 0: none */
} impossible[] = {
    {8, SIZE_MAX, EOVERFLOW, 0},
    {8, SIZE_MAX / 8 + 1, EOVERFLOW, 0},
    {8, SIZE_MAX / 2, EOVERFLOW, 0},
    {36, SIZE_MAX / 36 + 1, EOVERFLOW, 0},
    {4096, (size_t) 1 << 52, EOVERFLOW, 0},
    {67108864, (size_t) 1 << 38, EOVERFLOW, 0},
    {1, SIZE_MAX, EOVERFLOW, ENOMEM},
    {8, SIZE_MAX / 8, EOVERFLOW, ENOMEM},
    {8, (size_t) 1 << 59, EOVERFLOW, ENOMEM},
    {8, (size_t) 1 << 44, ENOMEM, EOVERFLOW},
    {36, (size_t) 1 << 42, ENOMEM, EOVERFLOW},
};

static void assert_error(size_t row, const char *call, const void *result)
{
    int error = errno;
    cr_assert(result == NULL, "row %zu: %s succeeded", row, call);
    cr_assert(error == impossible[row].error ||
                  (error == impossible[row].other_error && error != 0),
              "row %zu: %s: errno is %d", row, call, error);
}

Test(block, impossible_lengths)
{
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        struct lmm_family *family = family_of_size(impossible[i].size, 1);
        errno = 0;
        assert_error(i, "lmm_calloc", lmm_calloc(family, impossible[i].n));
        errno = 0;
        assert_error(i, "lmm_alloc_array", lmm_alloc_array(family, impossible[i].n));
        for (size_t length = 1; length < 4; length++) {
            unsigned char *block = lmm_calloc(family, length);
            cr_assert(block != NULL);
            block[0] = 0x42;
            errno = 0;
            assert_error(i, "lmm_resize", lmm_resize(block, impossible[i].n));
            cr_assert(block[0] == 0x42);
            cr_assert(lmm_block_count(block) == length);
            lmm_free(block);
        }
        struct lmm_stats stats;
        cr_assert(lmm_family_stats(family, &stats) == 0);
        cr_assert(stats.live_blocks == 0 && stats.live_slots == 0);
    }
}

/* An array of undefined contents is counted and found as one of lmm_calloc(). */
Test(block, arrays_that_are_not_zeroed)
{
    struct lmm_family *family = family_of_size(36, 4);
    struct lmm_stats stats;

    for (int round = 0; round < 3; round++) {
        char *one = lmm_alloc_array(family, 1);
        char *many = lmm_alloc_array(family, 10000);
        char *some = lmm_alloc_array(family, 7);
        cr_assert(one != NULL && many != NULL && some != NULL);
        memset(some, 0x42, (size_t) 7 * 36);
        cr_assert(lmm_block_count(one) == 1 && lmm_block_count(many) == 10000);
        cr_assert(lmm_block_count(some) == 7 && lmm_family_of(some) == family);
        cr_assert(lmm_family_stats(family, &stats) == 0);
        cr_assert(stats.live_blocks == 3 && stats.live_slots == 10008);
        lmm_free(one);
        lmm_free(many);
        lmm_free(some);
    }
    cr_assert(lmm_family_stats(family, &stats) == 0);
    cr_assert(stats.live_slots == 0 && stats.allocations == 9);
}

Test(block, macro_errors)
{
    FAILS_WITH(EOVERFLOW, LMM_NEW_ARRAY(emp_t, SIZE_MAX / 4));
}

Test(block, no_family)
{
    FAILS_WITH(EINVAL, lmm_alloc(NULL));
    FAILS_WITH(EINVAL, lmm_zalloc(NULL));
    FAILS_WITH(EINVAL, lmm_calloc(NULL, 1));
    FAILS_WITH(EINVAL, lmm_alloc_array(NULL, 1));
    FAILS_WITH(EINVAL, lmm_resize(NULL, 1));
    FAILS_WITH(EINVAL, lmm_family_of(NULL));
}

/* ---- Free ---- */

static void *free_in_thread(void *block)
{
    errno = 4242;
    lmm_free(block);
    cr_assert(errno == 4242);
    return NULL;
}

Test(block, free_preserves_errno)
{
    enum { BLOCKS = 20000 };
    static void *block[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        block[i] = i % 3 == 0 ? (void *) LMM_NEW_ARRAY(emp_t, 1 + i % 200) : LMM_ALLOC(emp_t);
        cr_assert(block[i] != NULL);
    }
    for (size_t i = 1; i < BLOCKS; i++) {
        errno = 4711;
        lmm_free(block[i]);
        cr_assert(errno == 4711, "block %zu: errno is %d", i, errno);
    }
    errno = 17;
    lmm_free(NULL);
    cr_assert(errno == 17);
    errno = 0;
    lmm_free(LMM_NEW(line_t));
    emp_t *huge = LMM_NEW_ARRAY(emp_t, 1000000);
    cr_assert(huge != NULL);
    errno = 18;
    lmm_free(huge);
    cr_assert(errno == 18);
    pthread_t thread;
    cr_assert(pthread_create(&thread, NULL, free_in_thread, block[0]) == 0);
    cr_assert(pthread_join(thread, NULL) == 0);
}

Test(block, free_of_null_before_all)
{
    errno = 5;
    lmm_free(NULL);
    cr_assert(errno == 5);
}

/* ---- Resize ---- */

static const size_t resizes[] = {1,    2,    3,  2,      10,     9, 1, 100, 101,
                                 5000, 4000, 20, 300000, 300001, 7, 1, 1};

Test(block, resize_keeps_contents_and_zeroes_the_rest)
{
    static const size_t some[] = {1, 36, 200, 4096, 5000};
    for (size_t s = 0; s < sizeof(some) / sizeof(some[0]); s++) {
        struct lmm_family *family = family_of_size(some[s], 1);
        /* Neighbours, so that growing in place is possible at times and not at others. */
        void *neighbour[50];
        for (size_t i = 0; i < 50; i++) {
            neighbour[i] = lmm_calloc(family, 1 + i % 5);
            cr_assert(neighbour[i] != NULL);
            memset(neighbour[i], 0xee, some[s] * (1 + i % 5));
        }
        for (size_t i = 0; i < 50; i += 3) {
            lmm_free(neighbour[i]);
        }
        size_t length = 1;
        unsigned char *block = lmm_zalloc(family);
        for (size_t i = 0; i < sizeof(resizes) / sizeof(resizes[0]); i++) {
            memset(block, 0x5c, length * some[s]);
            block = lmm_resize(block, resizes[i]);
            cr_assert(block != NULL, "size %zu to length %zu: errno is %d", some[s], resizes[i],
                      errno);
            size_t kept = length < resizes[i] ? length : resizes[i];
            assert_bytes(block, kept * some[s], 0x5c);
            assert_bytes(block + kept * some[s], (resizes[i] - kept) * some[s], 0);
            length = resizes[i];
            cr_assert(lmm_block_count(block) == length);
            cr_assert(lmm_family_of(block) == family);
        }
        lmm_free(block);
        for (size_t i = 0; i < 50; i++) {
            if (i % 3 != 0) {
                assert_bytes(neighbour[i], some[s] * (1 + i % 5), 0xee);
                lmm_free(neighbour[i]);
            }
        }
        struct lmm_stats stats;
        cr_assert(lmm_family_stats(family, &stats) == 0);
        cr_assert(stats.live_blocks == 0 && stats.live_slots == 0);
    }
}

Test(block, resize_to_nothing)
{
    emp_t *emp = LMM_NEW(emp_t);
    cr_assert(emp != NULL);
    FAILS_WITH(EINVAL, lmm_resize(emp, 0));
    cr_assert(lmm_block_count(emp) == 1);
    lmm_free(emp);
}

Test(block, resize_to_the_same_length_stays)
{
    emp_t *array = LMM_NEW_ARRAY(emp_t, 12);
    cr_assert(array != NULL);
    cr_assert(lmm_resize(array, 12) == array);
    cr_assert(lmm_resize(array, 5) == array, "shrinking in place is always possible");
}

/* ---- lmm_family_of() ---- */

Test(block, family_of_what_is_no_block)
{
    int on_stack = 0;
    emp_t *emp = LMM_NEW(emp_t);
    emp_t *freed = LMM_NEW(emp_t);
    emp_t *array = LMM_NEW_ARRAY(emp_t, 5);
    cr_assert(emp != NULL && freed != NULL && array != NULL);
    lmm_free(freed);
    const void *const no_block[] = {
        &on_stack,
        &emp->id,
        freed,
        &freed->id,
        array + 1,
        array + 4,
        &array[2].id,
        "text",
        emp + 5000,
        (void *) 1,
        (void *) UINTPTR_MAX,
        (void *) UINT64_C(0xdeadbeefdeadbeef),
    };
    for (size_t i = 0; i < sizeof(no_block) / sizeof(no_block[0]); i++) {
        errno = 0;
        cr_assert(lmm_family_of(no_block[i]) == NULL, "row %zu", i);
        cr_assert(errno == EINVAL, "row %zu: errno is %d", i, errno);
    }
    cr_assert(lmm_family_of(emp) == lmm_family_find("emp_t"));
    cr_assert(lmm_family_of(array) == lmm_family_find("emp_t"));
}
