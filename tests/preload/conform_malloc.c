/* SPDX-License-Identifier: MIT */
/* malloc, free, calloc and malloc_usable_size: alignment, room and contents at every size where an
 * allocator may behave differently; zero and impossible sizes; zeroed memory that was used before;
 * errno. */
#include "tests/preload/conform.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>

enum { NEIGHBOURS = 3, REUSED = 64, ZERO_SIZED = 1000 };

static void check_new_block(void *block, size_t bytes)
{
    CHECK_AT(block != NULL, bytes);
    CHECK_AT(check_is_aligned(block, conform_align(bytes)), bytes);
    CHECK_AT(malloc_usable_size(block) >= bytes, bytes);
}

/* All bytes that malloc_usable_size returns belong to the block, and to no neighbour. */
static void test_room_of_each_size(void)
{
    for (size_t n = 0, bytes; (bytes = conform_size(n, MIB)) != 0; n++) {
        void *block[NEIGHBOURS];
        for (size_t i = 0; i < NEIGHBOURS; i++) {
            block[i] = KEEPS_ERRNO(malloc(bytes));
            check_new_block(block[i], bytes);
            check_paint(block[i], malloc_usable_size(block[i]), i + bytes);
        }
        for (size_t i = 0; i < NEIGHBOURS; i++) {
            CHECK_AT(check_is_painted(block[i], malloc_usable_size(block[i]), i + bytes), bytes);
            KEEPS_ERRNO_VOID(free(block[i]));
        }
    }
}

static void test_zero_sizes(void)
{
    static void *block[ZERO_SIZED];
    for (size_t i = 0; i < ZERO_SIZED; i++) {
        block[i] = KEEPS_ERRNO(i % 2 == 0 ? malloc(check_opaque(0))
                                          : calloc(check_opaque(i % 3), check_opaque(0)));
        CHECK(block[i] != NULL);
        for (size_t k = 0; k < i; k++) {
            CHECK(block[k] != block[i]);
        }
    }
    for (size_t i = 0; i < ZERO_SIZED; i++) {
        KEEPS_ERRNO_VOID(free(block[i]));
    }
    KEEPS_ERRNO_VOID(free(NULL));
    CHECK(KEEPS_ERRNO(malloc_usable_size(NULL)) == 0);
}

static void test_impossible_sizes(void)
{
    for (size_t i = 0; i < sizeof(conform_too_large) / sizeof(conform_too_large[0]); i++) {
        size_t bytes = conform_too_large[i];
        FAILS_WITH(ENOMEM, malloc(check_opaque(bytes)));
        FAILS_WITH(ENOMEM, calloc(check_opaque(1), check_opaque(bytes)));
        FAILS_WITH(ENOMEM, calloc(check_opaque(bytes), check_opaque(1)));
    }
    static const struct {
        size_t count;
        size_t bytes;
    } overflows[] = {{SIZE_MAX / 2 + 1, 2},   {2, SIZE_MAX / 2 + 1},       {SIZE_MAX, SIZE_MAX},
                     {4 * GIB, 4 * GIB},      {4 * GIB + 1, 4 * GIB},      {SIZE_MAX / 16 + 2, 16},
                     {SIZE_MAX / 24 + 1, 24}, {SIZE_MAX / 4096 + 1, 4096}, {PTRDIFF_MAX, 2},
                     {PTRDIFF_MAX / 2 + 1, 2}};
    for (size_t i = 0; i < sizeof(overflows) / sizeof(overflows[0]); i++) {
        FAILS_WITH(ENOMEM,
                   calloc(check_opaque(overflows[i].count), check_opaque(overflows[i].bytes)));
    }
}

/* Blocks of that size that were filled with ones are zeroed by calloc, up to their usable size. */
static void check_calloc_after_use(size_t bytes)
{
    void *block[REUSED];
    size_t count = bytes > 64 * KIB ? 4 : bytes > 4 * KIB ? REUSED / 4 : REUSED;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < count; i++) {
            block[i] = malloc(bytes);
            CHECK_AT(block[i] != NULL, bytes);
            memset(block[i], 0xff, malloc_usable_size(block[i]));
        }
        for (size_t i = 0; i < count; i++) {
            free(block[round == 0 ? i : count - 1 - i]);
        }
        for (size_t i = 0; i < count; i++) {
            block[i] = KEEPS_ERRNO(i % 2 == 0 ? calloc(1, bytes) : calloc(bytes, 1));
            check_new_block(block[i], bytes);
            CHECK_AT(check_is_zero(block[i], malloc_usable_size(block[i])), bytes);
            memset(block[i], 0xff, malloc_usable_size(block[i]));
        }
        for (size_t i = 0; i < count; i++) {
            free(block[i]);
        }
    }
}

static void *others[2 * 1000]; /* of another thread */

/* Fills blocks of each size with ones. */
static void *make_others(void *arg)
{
    size_t count = 0;

    for (size_t n = 0, bytes; (bytes = conform_size(n, 8 * KIB)) != 0; n++) {
        if (bytes % 16 == 0) {
            others[count] = malloc(bytes);
            CHECK_AT(others[count] != NULL, bytes);
            memset(others[count], 0xff, malloc_usable_size(others[count]));
            count++;
        }
    }
    return arg;
}

/* A thread that has no block of a size frees one of another thread, and allocates another of it. */
static void *calloc_others(void *arg)
{
    for (size_t i = 0; others[i] != NULL; i++) {
        size_t bytes = malloc_usable_size(others[i]);
        free(others[i]);
        char *block = calloc(1, bytes);
        CHECK_AT(block != NULL && check_is_zero(block, malloc_usable_size(block)), bytes);
        free(block);
    }
    return arg;
}

static void test_calloc_of_others(void)
{
    pthread_t thread;

    make_others(NULL);
    CHECK(pthread_create(&thread, NULL, calloc_others, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void test_calloc(void)
{
    for (size_t n = 0, bytes; (bytes = conform_size(n, MIB)) != 0; n++) {
        if (bytes < 300 || bytes % 8 != 0) {
            check_calloc_after_use(bytes);
        }
    }
    static const size_t large[] = {16 * MIB, 33 * MIB + 5, 100 * MIB};
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
        char *block = malloc(large[i]);
        CHECK_AT(block != NULL, large[i]);
        memset(block, 0xff, large[i]);
        free(block);
        block = calloc(large[i] / 5 + 1, 5);
        CHECK_AT(block != NULL && check_is_zero(block, malloc_usable_size(block)), large[i]);
        free(block);
    }
}

/* A freed large block's neighbours, freed in any order, merge to memory that calloc must zero. */
static void test_calloc_of_merged(void)
{
    enum { PIECES = 9 };
    for (size_t piece = 5000; piece < 300 * KIB; piece += piece / 3) {
        void *pieces[PIECES];
        for (size_t i = 0; i < PIECES; i++) {
            pieces[i] = malloc(piece);
            CHECK(pieces[i] != NULL);
            memset(pieces[i], 0xff, piece);
        }
        for (size_t i = 0; i < PIECES; i++) {
            free(pieces[i * 4 % PIECES]);
        }
        void *whole = calloc(PIECES, piece);
        CHECK_AT(whole != NULL && check_is_zero(whole, malloc_usable_size(whole)), piece);
        free(whole);
    }
}

/* realloc keeps all usable bytes of a block that grows, not only those that were requested. */
static void test_calloc_then_realloc(void)
{
    for (size_t n = 0, bytes; (bytes = conform_size(n, MIB)) != 0; n++) {
        char *block = calloc(1, bytes);
        CHECK_AT(block != NULL, bytes);
        size_t usable = malloc_usable_size(block);
        check_paint(block, usable, bytes);
        block = realloc(block, usable + bytes / 3 + 1);
        CHECK_AT(block != NULL && check_is_painted(block, usable, bytes), bytes);
        size_t grown = malloc_usable_size(block);
        check_paint(block, grown, bytes);
        block = realloc(block, usable / 2 + 1);
        CHECK_AT(block != NULL && check_is_painted(block, usable / 2 + 1, bytes), bytes);
        free(block);
    }
}

static void test_huge(void)
{
    static const size_t sizes[] = {32 * MIB, 32 * MIB + 1, 128 * MIB - 1, 300 * MIB};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned char *block = KEEPS_ERRNO(malloc(sizes[i]));
        check_new_block(block, sizes[i]);
        block[0] = 1;
        block[sizes[i] / 2] = 2;
        block[sizes[i] - 1] = 3;
        CHECK(block[0] == 1 && block[sizes[i] / 2] == 2 && block[sizes[i] - 1] == 3);
        KEEPS_ERRNO_VOID(free(block));
    }
}

/* free keeps errno also when it gives memory back to the kernel. */
static void test_free_keeps_errno(void)
{
    enum { BLOCKS = 20000 };
    static void *block[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        block[i] = KEEPS_ERRNO(malloc(2000 + i % 4000));
        CHECK(block[i] != NULL);
        memset(block[i], 1, 2000);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        KEEPS_ERRNO_VOID(free(block[i]));
    }
}

static void test_names(void)
{
    if (!check_is_under_lmm()) {
        return;
    }
    static const char *const names[] = {
        "malloc",
        "free",
        "calloc",
        "realloc",
        "reallocarray",
        "posix_memalign",
        "memalign",
        "aligned_alloc",
        "valloc",
        "pvalloc",
        "malloc_usable_size",
        "malloc_trim",
        "mallinfo2",
        "malloc_stats",
        "free_sized",
        "free_aligned_sized",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        Dl_info info;
        void *function = dlsym(RTLD_DEFAULT, names[i]);
        CHECK_AT(function != NULL && dladdr(function, &info) != 0, i);
        CHECK_AT(strstr(info.dli_fname, "liblmm_preload.so") != NULL, i);
    }
}

int main(void)
{
    check_start();
    test_names();
    test_room_of_each_size();
    test_zero_sizes();
    test_impossible_sizes();
    test_calloc_of_others();
    test_calloc();
    test_calloc_of_merged();
    test_calloc_then_realloc();
    test_huge();
    test_free_keeps_errno();
    return 0;
}
