/* SPDX-License-Identifier: MIT */
/* posix_memalign, aligned_alloc, memalign, valloc and pvalloc: alignments up to 2 MiB with sizes up
 * to hundreds of MiB, invalid arguments and their errors, and that an error changes nothing. */
#include "tests/preload/conform.h"

enum { ALIGN_MAX = 2 << 20, TOGETHER = 5 };

static void *by_posix(size_t align, size_t bytes)
{
    void *block = NULL;
    CHECK_AT(posix_memalign(&block, align < sizeof(void *) ? sizeof(void *) : align, bytes) == 0,
             align);
    return block;
}

static void *by_aligned_alloc(size_t align, size_t bytes)
{
    return aligned_alloc(check_opaque(align), check_opaque(bytes));
}

static void *by_memalign(size_t align, size_t bytes)
{
    return memalign(align, bytes);
}

static const struct {
    const char *name;
    void *(*get)(size_t align, size_t bytes);
} functions[] = {
    {"posix_memalign", by_posix}, {"aligned_alloc", by_aligned_alloc}, {"memalign", by_memalign}};
enum { FUNCTIONS = sizeof(functions) / sizeof(functions[0]) };

static const size_t sizes[] = {0,      1,      7,      8,       15,      16,      17,      24,
                               31,     33,     48,     63,      64,      65,      100,     127,
                               129,    255,    1000,   1024,    1025,    4095,    4096,    4097,
                               5000,   8191,   8192,   8193,    12345,   32768,   65535,   65537,
                               262143, 262144, 262145, 1000000, 1048575, 1048576, 1048577, 5000000};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

/* Some sizes are not a multiple of the alignment. */
static void check_pair(size_t align, size_t bytes)
{
    void *block[FUNCTIONS * TOGETHER];
    size_t count = bytes + align > 512 * KIB ? FUNCTIONS : FUNCTIONS * TOGETHER;
    for (size_t i = 0; i < count; i++) {
        block[i] = KEEPS_ERRNO(functions[i % FUNCTIONS].get(align, bytes));
        CHECK_AT(block[i] != NULL, align);
        CHECK_AT(check_is_aligned(block[i], align), align);
        CHECK_AT(malloc_usable_size(block[i]) >= bytes, bytes);
        if (bytes < 512 * KIB) {
            check_paint(block[i], malloc_usable_size(block[i]), i);
        }
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_AT(bytes >= 512 * KIB || check_is_painted(block[i], malloc_usable_size(block[i]), i),
                 bytes);
        KEEPS_ERRNO_VOID(free(block[i]));
    }
}

static void test_pairs(void)
{
    for (size_t align = 1; align <= ALIGN_MAX; align *= 2) {
        for (size_t i = 0; i < SIZES; i++) {
            check_pair(align, sizes[i]);
        }
    }
}

static void test_huge(void)
{
    for (size_t align = 16; align <= ALIGN_MAX; align *= 8) {
        static const size_t large[] = {33 * MIB + 1, 100 * MIB, 200 * MIB + 4097};
        for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
            char *block = functions[i % FUNCTIONS].get(align, large[i]);
            CHECK_AT(block != NULL && check_is_aligned(block, align), align);
            block[0] = 1;
            block[large[i] - 1] = 2;
            KEEPS_ERRNO_VOID(free(block));
        }
    }
}

static void test_posix_memalign_refusals(void)
{
    static const struct {
        size_t align;
        size_t bytes;
        int code;
    } cases[] = {
        {0, 16, EINVAL},
        {1, 16, EINVAL},
        {2, 16, EINVAL},
        {4, 16, EINVAL},
        {3, 16, EINVAL},
        {12, 16, EINVAL},
        {24, 16, EINVAL},
        {40, 0, EINVAL},
        {4095, 16, EINVAL},
        {SIZE_MAX, 16, EINVAL},
        {SIZE_MAX - 7, 16, EINVAL},
        {((size_t) 1 << 63) + 8, 16, EINVAL},
        {8, SIZE_MAX, ENOMEM},
        {16, PTRDIFF_MAX, ENOMEM},
        {16, (size_t) PTRDIFF_MAX + 1, ENOMEM},
        {64, SIZE_MAX - 63, ENOMEM},
        {4096, SIZE_MAX - 4096, ENOMEM},
        {ALIGN_MAX, SIZE_MAX - ALIGN_MAX, ENOMEM},
        {(size_t) 1 << 62, 16, ENOMEM},
        {(size_t) 1 << 62, (size_t) 1 << 62, ENOMEM},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char here;
        void *block = &here;
        int code =
            posix_memalign(&block, check_opaque(cases[i].align), check_opaque(cases[i].bytes));
        CHECK_AT(code == cases[i].code, i);
        CHECK_AT(block == &here, i);
    }
}

/* The largest power of two leaves no room for a block; glibc sets EINVAL or ENOMEM. */
static void test_huge_alignments(void)
{
    for (size_t align = (size_t) 1 << 63; align >= (size_t) 1 << 48; align /= 2) {
        char here;
        void *block = &here;
        int code = posix_memalign(&block, check_opaque(align), 16);
        CHECK_AT((code == ENOMEM || code == EINVAL) && block == &here, align);
        errno = 0;
        CHECK_AT(memalign(check_opaque(align), 16) == NULL, align);
        CHECK_AT(errno == ENOMEM || errno == EINVAL, align);
        errno = 0;
        CHECK_AT(aligned_alloc(check_opaque(align), check_opaque(16)) == NULL, align);
        CHECK_AT(errno == ENOMEM || errno == EINVAL, align);
    }
}

/* Not a power of two: EINVAL, or, as older glibc did, rounded up to the next one. */
static void test_odd_alignments(void)
{
    static const struct {
        size_t align;
        size_t next;
    } cases[] = {{0, 8}, {3, 4}, {12, 16}, {24, 32}, {100, 128}, {1000, 1024}, {5000, 8192}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t f = 1; f < FUNCTIONS; f++) {
            errno = 0;
            void *block = check_opaque_pointer(functions[f].get(check_opaque(cases[i].align), 200));
            if (block == NULL) {
                CHECK_AT(errno == EINVAL, cases[i].align);
            } else {
                CHECK_AT(check_is_aligned(block, cases[i].next), cases[i].align);
            }
            free(block);
        }
    }
}

static void test_impossible_sizes(void)
{
    for (size_t i = 0; i < sizeof(conform_too_large) / sizeof(conform_too_large[0]); i++) {
        size_t bytes = conform_too_large[i];
        for (size_t align = 1; align <= ALIGN_MAX; align *= 8) {
            FAILS_WITH(ENOMEM, memalign(check_opaque(align), check_opaque(bytes)));
            FAILS_WITH(ENOMEM, aligned_alloc(check_opaque(align), check_opaque(bytes)));
        }
        FAILS_WITH(ENOMEM, valloc(check_opaque(bytes)));
        FAILS_WITH(ENOMEM, pvalloc(check_opaque(bytes)));
    }
}

static void test_pages(void)
{
    size_t page = (size_t) sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < SIZES; i++) {
        void *block = KEEPS_ERRNO(valloc(sizes[i]));
        CHECK_AT(block != NULL && check_is_aligned(block, page), sizes[i]);
        CHECK_AT(malloc_usable_size(block) >= sizes[i], sizes[i]);
        KEEPS_ERRNO_VOID(free(block));
        block = KEEPS_ERRNO(pvalloc(sizes[i]));
        CHECK_AT(block != NULL && check_is_aligned(block, page), sizes[i]);
        size_t rounded = (sizes[i] + page - 1) / page * page;
        CHECK_AT(malloc_usable_size(block) >= rounded, sizes[i]);
        memset(block, 0x77, rounded);
        KEEPS_ERRNO_VOID(free(block));
    }
}

/* Whether call stacks are taken: then LMM counts the bytes requested. */
static bool counts_bytes(void)
{
    const char *options = getenv("LMM_OPTIONS");
    return check_is_under_lmm() && options != NULL && strstr(options, "stacks=") != NULL &&
           strstr(options, "stacks=0") == NULL;
}

/* The bytes counted for aligned blocks are those requested, whatever the two are. */
static void test_bytes(void)
{
    static const size_t bytes[] = {1,     2,      24,     100,    512,   513,  1000, 1023,
                                   1024,  1025,   2000,   2047,   2048,  3000, 4096, 5000,
                                   7168,  7169,   8192,   8193,   9000,  9216, 9217, 20000,
                                   65536, 100000, 131072, 131073, 300000};
    enum { BYTES = sizeof(bytes) / sizeof(bytes[0]), EACH = 3 };
    for (size_t align = 8; counts_bytes() && align <= ALIGN_MAX; align *= 2) {
        for (size_t i = 0; i < BYTES; i++) {
            void *block[EACH];
            size_t before = mallinfo2().uordblks;
            for (size_t k = 0; k < EACH; k++) {
                block[k] = by_posix(align, bytes[i]);
            }
            CHECK_AT(mallinfo2().uordblks == before + EACH * bytes[i], align);
            block[0] = realloc(block[0], bytes[i] + 500);
            CHECK_AT(mallinfo2().uordblks == before + EACH * bytes[i] + 500, align);
            for (size_t k = 0; k < EACH; k++) {
                free(block[k]);
            }
            CHECK_AT(mallinfo2().uordblks == before, align);
        }
    }
}

/* An aligned block takes little more memory than it needs, and the neighbours use the gaps. Where LMM
 * does not count the bytes that are requested, a block of up to 8 KiB may take as much as the next
 * multiple of the alignment. */
static void test_room(void)
{
    for (size_t align = 16; check_is_under_lmm() && align <= ALIGN_MAX; align *= 2) {
        for (size_t bytes = 1; bytes <= 64 * KIB; bytes = bytes * 3 + 5) {
            void *block = by_posix(align, bytes);
            bool is_slot = !counts_bytes() && bytes <= 8 * KIB && align <= 8 * KIB;
            size_t room = is_slot ? (bytes + align - 1) / align * align : bytes;
            CHECK_AT(malloc_usable_size(block) < room + room / 8 + KIB, bytes);
            free(block);
        }
    }
}

/* Many small blocks with a large alignment do not use up the address space. */
static void test_many(void)
{
    enum { BLOCKS = 2000 };
    static void *block[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t align = (size_t) 64 << (i % 8);
        block[i] = memalign(align, i % 300);
        CHECK_AT(block[i] != NULL && check_is_aligned(block[i], align), i);
        check_paint(block[i], i % 300, i);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        CHECK_AT(check_is_painted(block[i], i % 300, i), i);
        free(block[i]);
    }
}

int main(void)
{
    check_start();
    test_pairs();
    test_huge();
    test_posix_memalign_refusals();
    test_huge_alignments();
    test_odd_alignments();
    test_impossible_sizes();
    test_pages();
    test_many();
    test_bytes();
    test_room();
    return 0;
}
