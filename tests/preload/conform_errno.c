/* SPDX-License-Identifier: MIT */
/* Every function of memory that can fail: what it returns and which errno it sets, in one table;
 * and that a failed realloc leaves its block. */
#include "tests/preload/conform.h"

/* A block for the calls that get one; its contents must survive their failure. */
enum { BLOCK_BYTES = 100 };
static void *block;

static void *by_malloc(size_t count, size_t size)
{
    (void) count;
    return malloc(size);
}

static void *by_realloc(size_t count, size_t size)
{
    (void) count;
    return realloc(block, size);
}

static void *by_realloc_of_null(size_t count, size_t size)
{
    (void) count;
    return realloc(NULL, size);
}

static void *by_reallocarray(size_t count, size_t size)
{
    return reallocarray(block, count, size);
}

static void *by_reallocarray_of_null(size_t count, size_t size)
{
    return reallocarray(NULL, count, size);
}

static void *by_valloc(size_t count, size_t size)
{
    (void) count;
    return valloc(size);
}

static void *by_pvalloc(size_t count, size_t size)
{
    (void) count;
    return pvalloc(size);
}

/* Returns NULL when the code is the errno, and the pointer is unchanged. */
static void *by_posix_memalign(size_t align, size_t size)
{
    char here;
    void *aligned = &here;
    int code = posix_memalign(&aligned, align, size);
    CHECK_AT(code == 0 || aligned == &here, code);
    CHECK_AT(code != ENOMEM || errno == ENOMEM, errno);
    CHECK_AT(code != EINVAL || errno == CONFORM_ERRNO, errno); /* left as it was */
    if (code == EINVAL) {
        errno = code;
    }
    return code == 0 ? aligned : NULL;
}

typedef void *function(size_t first, size_t second);

static const struct {
    const char *name;
    function *call;
    size_t first;
    size_t second;
    int code; /* 0: succeeds, and keeps errno */
} rows[] = {
    {"malloc", by_malloc, 0, PTRDIFF_MAX, ENOMEM},
    {"malloc", by_malloc, 0, (size_t) PTRDIFF_MAX + 1, ENOMEM},
    {"malloc", by_malloc, 0, SIZE_MAX, ENOMEM},
    {"malloc", by_malloc, 0, 0, 0},
    {"calloc", calloc, 1, (size_t) PTRDIFF_MAX + 1, ENOMEM},
    {"calloc", calloc, SIZE_MAX / 2 + 1, 2, ENOMEM},
    {"calloc", calloc, SIZE_MAX, SIZE_MAX, ENOMEM},
    {"calloc", calloc, SIZE_MAX, 0, 0},
    {"realloc", by_realloc, 0, (size_t) PTRDIFF_MAX + 1, ENOMEM},
    {"realloc", by_realloc, 0, SIZE_MAX, ENOMEM},
    {"realloc", by_realloc_of_null, 0, SIZE_MAX, ENOMEM},
    {"realloc", by_realloc_of_null, 0, 0, 0},
    {"reallocarray", by_reallocarray, SIZE_MAX / 2 + 1, 2, ENOMEM},
    {"reallocarray", by_reallocarray, 1, SIZE_MAX, ENOMEM},
    {"reallocarray", by_reallocarray_of_null, SIZE_MAX, SIZE_MAX, ENOMEM},
    {"reallocarray", by_reallocarray_of_null, SIZE_MAX, 0, 0},
    {"memalign", memalign, 64, SIZE_MAX, ENOMEM},
    {"memalign", memalign, 4096, (size_t) PTRDIFF_MAX + 1, ENOMEM},
    {"memalign", memalign, SIZE_MAX, 16, EINVAL},
    {"memalign", memalign, SIZE_MAX / 2 + 2, 16, EINVAL},
    {"memalign", memalign, 4096, 0, 0},
    {"aligned_alloc", aligned_alloc, 64, SIZE_MAX - 63, ENOMEM},
    {"aligned_alloc", aligned_alloc, 4096, (size_t) PTRDIFF_MAX + 1, ENOMEM},
    {"aligned_alloc", aligned_alloc, 64, 100, 0},
    {"posix_memalign", by_posix_memalign, 64, SIZE_MAX, ENOMEM},
    {"posix_memalign", by_posix_memalign, 4096, (size_t) PTRDIFF_MAX + 1, ENOMEM},
    {"posix_memalign", by_posix_memalign, (size_t) 1 << 62, 16, ENOMEM},
    {"posix_memalign", by_posix_memalign, 0, 16, EINVAL},
    {"posix_memalign", by_posix_memalign, 4, 16, EINVAL},
    {"posix_memalign", by_posix_memalign, 24, 16, EINVAL},
    {"posix_memalign", by_posix_memalign, 2 << 20, 1, 0},
    {"valloc", by_valloc, 0, SIZE_MAX, ENOMEM},
    {"valloc", by_valloc, 0, SIZE_MAX - 4096, ENOMEM},
    {"valloc", by_valloc, 0, 0, 0},
    {"pvalloc", by_pvalloc, 0, SIZE_MAX, ENOMEM},
    {"pvalloc", by_pvalloc, 0, SIZE_MAX - 4094, ENOMEM},
    {"pvalloc", by_pvalloc, 0, 1, 0},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Where glibc rounds up what it could refuse, LMM says EINVAL. */
static void test_odd_alignments_of_aligned_alloc(void)
{
    static const size_t odd[] = {0, 3, 24, SIZE_MAX};
    for (size_t i = 0; check_is_under_lmm() && i < sizeof(odd) / sizeof(odd[0]); i++) {
        FAILS_WITH(EINVAL, aligned_alloc(check_opaque(odd[i]), check_opaque(16)));
    }
}

int main(void)
{
    check_start();
    block = malloc(BLOCK_BYTES);
    CHECK(block != NULL);
    check_paint(block, BLOCK_BYTES, 7);
    for (size_t i = 0; i < ROWS; i++) {
        errno = CONFORM_ERRNO;
        void *got = rows[i].call(check_opaque(rows[i].first), check_opaque(rows[i].second));
        int code = errno;
        if (code != (rows[i].code == 0 ? CONFORM_ERRNO : rows[i].code)) {
            fprintf(stderr, "row %zu, %s: errno %d\n", i, rows[i].name, code);
        }
        CHECK_AT(code == (rows[i].code == 0 ? CONFORM_ERRNO : rows[i].code), i);
        CHECK_AT((got == NULL) == (rows[i].code != 0), i);
        free(got);
        CHECK_AT(check_is_painted(block, BLOCK_BYTES, 7), i);
    }
    test_odd_alignments_of_aligned_alloc();
    free(block);
    return 0;
}
