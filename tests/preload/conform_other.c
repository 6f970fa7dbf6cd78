/* SPDX-License-Identifier: MIT */
/* malloc_trim, mallinfo, mallinfo2, malloc_stats, malloc_info, mallopt, and C23's free_sized and
 * free_aligned_sized, which glibc of 2022 does not have. */
#include "tests/preload/conform.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>

#include "tests/support/resident.h"

/* The bytes in use, by mallinfo2, including mapped blocks. */
static size_t in_use(void)
{
    struct mallinfo2 info = KEEPS_ERRNO(mallinfo2());
    return info.uordblks + info.hblkhd;
}

/* The figures follow the live blocks. Small blocks may be in a cache after they are freed. */
static void test_mallinfo(void)
{
    enum { SMALL = 20000, SMALL_BYTES = 1000, LARGE_BYTES = 40 << 20 };
    static void *small[SMALL];
    size_t before = in_use();
    for (size_t i = 0; i < SMALL; i++) {
        small[i] = malloc(SMALL_BYTES);
        CHECK(small[i] != NULL);
    }
    CHECK(in_use() >= before + (size_t) SMALL * SMALL_BYTES);
    void *large = malloc(LARGE_BYTES);
    CHECK(large != NULL);
    size_t most = in_use();
    CHECK(most >= before + (size_t) SMALL * SMALL_BYTES + LARGE_BYTES);
    for (size_t i = 0; i < SMALL; i++) {
        free(small[i]);
    }
    free(large);
    CHECK(in_use() <= most - LARGE_BYTES - (size_t) SMALL * SMALL_BYTES / 2);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    struct mallinfo old = KEEPS_ERRNO(mallinfo());
#pragma GCC diagnostic pop
    CHECK(old.arena >= 0 && old.uordblks >= 0);
}

/* After all blocks are freed, a trim gives most memory back, even if a block at the end is live. */
static void test_trim(void)
{
    enum { BLOCKS = 50000, BYTES = 1000 };
    static void *block[BLOCKS];
    size_t before = resident_bytes();
    for (size_t i = 0; i < BLOCKS; i++) {
        block[i] = malloc(BYTES);
        CHECK(block[i] != NULL);
        memset(block[i], 1, BYTES);
    }
    void *last = malloc(BYTES);
    CHECK(last != NULL);
    for (size_t i = 0; i < BLOCKS; i++) {
        free(block[i]);
    }
    int trimmed = KEEPS_ERRNO(malloc_trim(0));
    CHECK(trimmed == 0 || trimmed == 1);
    CHECK(resident_bytes() < before + (size_t) BLOCKS * BYTES / 2);
    trimmed = KEEPS_ERRNO(malloc_trim(16 * MIB));
    CHECK(trimmed == 0 || trimmed == 1);
    memset(last, 2, BYTES);
    free(last);
}

/* Runs the function with stderr in a file. Returns the file's length. */
static size_t bytes_on_stderr(void (*run)(void))
{
    char path[] = "/tmp/lmm-conform-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0);
    unlink(path);
    int old = dup(STDERR_FILENO);
    CHECK(old >= 0 && dup2(file, STDERR_FILENO) == STDERR_FILENO);
    run();
    off_t length = lseek(file, 0, SEEK_CUR);
    CHECK(dup2(old, STDERR_FILENO) == STDERR_FILENO);
    close(old);
    close(file);
    return (size_t) length;
}

static void test_reports(void)
{
    CHECK(bytes_on_stderr(malloc_stats) > 0);
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    CHECK(stream != NULL);
    CHECK(malloc_info(0, stream) == 0);
    CHECK(fclose(stream) == 0);
    CHECK(bytes > 0 && strstr(text, "<malloc") != NULL);
    free(text);
    CHECK(malloc_info(1, stderr) != 0);
}

/* 1 is success, 0 an error; glibc's parameters succeed. */
static void test_mallopt(void)
{
    static const struct {
        int parameter;
        int value;
    } cases[] = {
        {M_MMAP_THRESHOLD, 1 << 20},
        {M_TRIM_THRESHOLD, 1 << 20},
        {M_ARENA_MAX, 2},
        {M_TOP_PAD, 1 << 16},
        {M_MMAP_MAX, 100},
        {M_CHECK_ACTION, 1},
        {M_MXFAST, 64},
        {12345, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int result = mallopt(cases[i].parameter, cases[i].value);
        CHECK_AT(result == 0 || result == 1, i);
    }
    void *block = malloc(2 * MIB);
    CHECK(block != NULL);
    free(block);
}

/* The functions, or NULL if libc has none; ISO C does not allow to cast an object pointer. */
static void find(const char *name, void *ret_function)
{
    void *function = dlsym(RTLD_DEFAULT, name);
    CHECK(function != NULL || !check_is_under_lmm());
    memcpy(ret_function, &function, sizeof(function));
}

static void test_sized_free(void)
{
    void (*sized)(void *block, size_t bytes);
    void (*aligned_sized)(void *block, size_t align, size_t bytes);
    find("free_sized", &sized);
    find("free_aligned_sized", &aligned_sized);
    if (sized == NULL || aligned_sized == NULL) {
        return;
    }
    KEEPS_ERRNO_VOID(sized(NULL, 0));
    KEEPS_ERRNO_VOID(sized(NULL, 100));
    KEEPS_ERRNO_VOID(aligned_sized(NULL, 64, 0));
    for (size_t n = 0, bytes; (bytes = conform_size(n, 128 * KIB)) != 0; n++) {
        void *block = malloc(bytes);
        CHECK_AT(block != NULL, bytes);
        KEEPS_ERRNO_VOID(sized(block, bytes));
        block = calloc(bytes, 1);
        CHECK_AT(block != NULL, bytes);
        KEEPS_ERRNO_VOID(sized(block, bytes));
        block = realloc(malloc(bytes / 2 + 1), bytes);
        CHECK_AT(block != NULL, bytes);
        KEEPS_ERRNO_VOID(sized(block, bytes));
        for (size_t align = 8; align <= 64 * KIB; align *= 16) {
            block = aligned_alloc(align, bytes);
            CHECK_AT(block != NULL, bytes);
            KEEPS_ERRNO_VOID(aligned_sized(block, align, bytes));
        }
    }
    sized(malloc(check_opaque(0)), 0);
}

static void *free_in_thread(void *block)
{
    KEEPS_ERRNO_VOID(free(block));
    CHECK(KEEPS_ERRNO(malloc_trim(0)) <= 1);
    return NULL;
}

static void test_other_thread(void)
{
    for (size_t bytes = 1; bytes < 64 * MIB; bytes *= 7) {
        void *block = malloc(bytes);
        CHECK(block != NULL);
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, free_in_thread, block) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
}

int main(void)
{
    check_start();
    test_mallinfo();
    test_trim();
    test_reports();
    test_mallopt();
    test_sized_free();
    test_other_thread();
    return 0;
}
