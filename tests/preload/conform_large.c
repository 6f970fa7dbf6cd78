/* SPDX-License-Identifier: MIT */
/* Blocks of 4 MiB and more: contents, how much memory sparse ones take, what stays resident after
 * they are freed, and PR_SET_THP_DISABLE. */
#include "tests/preload/conform.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/support/resident.h"

enum {
    BLOCKS = 100,
    BLOCK_BYTES = 8 << 20,
    LARGE_PAGE_BYTES = 2 << 20,
    SYSTEM_PAGE_BYTES = 4096,
};

static bool is_filling(void)
{
    const char *options = getenv("LMM_OPTIONS");

    return options != NULL && strstr(options, "fill=") != NULL;
}

/* The KiB of the lines `key:  N kB` of /proc/self/smaps, of mappings that have the flag, or of all. */
static size_t mapped_kib(const char *key, const char *flag)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[512];
    size_t sum = 0;
    size_t last = 0;

    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            last = strtoul(line + strlen(key), NULL, 10);
        } else if (strncmp(line, "VmFlags:", 8) == 0 && (flag == NULL || strstr(line, flag))) {
            sum += last;
        }
    }
    fclose(file);
    return sum;
}

static char *allocate(size_t bytes)
{
    char *block = check_opaque_pointer(malloc(bytes));

    CHECK(block != NULL);
    return block;
}

static void write_and_free(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *block = allocate(BLOCK_BYTES);
        memset(block, 1, BLOCK_BYTES);
        free(block);
    }
}

/* Whether the kernel makes large pages of all memory that is touched, also of what no program asks for. */
static bool are_large_pages_unasked(void)
{
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    char line[128] = "";

    if (file != NULL) {
        CHECK(fgets(line, sizeof(line), file) != NULL);
        fclose(file);
    }
    return strstr(line, "[always]") != NULL;
}

/* After blocks that were written wholly, others are touched in few places: they take little more
 * memory than was touched, and the kernel may not make large pages of them. */
static void test_sparse(void)
{
    enum { BOUND = (32 + 16) << 20 };
    static char *block[BLOCKS];

    write_and_free(6);
    size_t before = resident_bytes();
    for (size_t i = 0; i < BLOCKS; i++) {
        block[i] = i % 2 == 0 ? allocate(BLOCK_BYTES) : calloc(1, BLOCK_BYTES);
        CHECK(block[i] != NULL);
        for (size_t at = 0; at < BLOCK_BYTES; at += LARGE_PAGE_BYTES) {
            block[i][at] = 1;
        }
    }
    size_t after = resident_bytes();
    CHECK_AT(after <= before + BOUND, after - before);
    size_t advised = mapped_kib("Size:", " hg");
    CHECK_AT(advised <= BOUND / KIB, advised);
    for (size_t i = 0; i < BLOCKS; i++) {
        free(block[i]);
    }
}

/* The most that stays after all blocks were freed, and after a trim. */
static void test_kept(void)
{
    enum { COUNT = 30, KEPT = 64 << 20, MARGIN = 8 << 20 };
    static char *block[COUNT];

    malloc_trim(0);
    size_t before = resident_bytes();
    for (size_t i = 0; i < COUNT; i++) {
        block[i] = allocate(BLOCK_BYTES + i * 10000);
        memset(block[i], 1, BLOCK_BYTES + i * 10000);
    }
    for (size_t i = 0; i < COUNT; i++) {
        free(block[i]);
    }
    size_t kept = resident_bytes();
    CHECK_AT(kept <= before + KEPT + MARGIN, kept - before);
    malloc_trim(0);
    size_t trimmed = resident_bytes();
    CHECK_AT(trimmed <= before + MARGIN, trimmed - before);
}

static void mark(char *block, size_t bytes, size_t seed)
{
    for (size_t at = 0; at < bytes; at += SYSTEM_PAGE_BYTES) {
        block[at] = (char) (seed + at / SYSTEM_PAGE_BYTES);
    }
    block[bytes - 1] = (char) seed;
}

/* `bytes` of the block are marked, the last one only if is_whole. */
static void check_marks(const char *block, size_t bytes, size_t seed, bool is_whole)
{
    for (size_t at = 0; at < bytes - 1; at += SYSTEM_PAGE_BYTES) {
        CHECK_AT(block[at] == (char) (seed + at / SYSTEM_PAGE_BYTES), at);
    }
    CHECK(!is_whole || block[bytes - 1] == (char) seed);
}

static size_t random_bytes(uint64_t *random)
{
    return (4 << 20) + (random_next(random) >> 8) % (12 << 20) + 1;
}

/* Blocks that are replaced and resized at random keep their contents; calloc's read as zero. */
static void test_contents(void)
{
    enum { LIVE = 6, STEPS = 150 };
    char *block[LIVE] = {0};
    size_t bytes[LIVE] = {0};
    uint64_t random = 20240229;

    for (size_t step = 0; step < STEPS; step++) {
        size_t i = (random_next(&random) >> 8) % LIVE;
        size_t new_bytes = random_bytes(&random);
        if (block[i] != NULL) {
            check_marks(block[i], bytes[i], i, true);
        }
        if (block[i] != NULL && step % 3 == 0) {
            block[i] = realloc(block[i], new_bytes);
            CHECK(block[i] != NULL);
            check_marks(block[i], new_bytes < bytes[i] ? new_bytes : bytes[i] - 1, i, false);
        } else {
            free(block[i]);
            block[i] = step % 3 == 1 ? calloc(1, new_bytes) : malloc(new_bytes);
            CHECK(block[i] != NULL);
            for (size_t at = 0; step % 3 == 1 && at < new_bytes; at += 512) {
                CHECK_AT(block[i][at] == 0, at);
            }
        }
        bytes[i] = new_bytes;
        mark(block[i], bytes[i], i);
    }
    for (size_t i = 0; i < LIVE; i++) {
        free(block[i]);
    }
}

/* A process that wants no large pages gets none. */
static void test_disabled(void)
{
    enum { COUNT = 6 };
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        CHECK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
        malloc_trim(0);
        write_and_free(3);
        size_t before = mapped_kib("AnonHugePages:", NULL);
        for (size_t i = 0; i < COUNT; i++) {
            memset(allocate(BLOCK_BYTES), 1, BLOCK_BYTES);
        }
        CHECK(mapped_kib("AnonHugePages:", NULL) == before);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void)
{
    if (!is_filling() && !are_large_pages_unasked()) {
        test_sparse();
    }
    test_kept();
    test_contents();
    test_disabled();
    return 0;
}
