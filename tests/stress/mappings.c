/* SPDX-License-Identifier: MIT */
/* Blocks of 200 KiB, of which every second is freed: the mappings of the process stay within what
 * lives / 4 MiB and a constant, so it can go on starting threads, and the freed memory is gone. */
#include "tests/stress/stress.h"

enum {
    BLOCKS = 20000,
    ARRAY_LENGTH = 200,
    MAPPING_BYTES = 4 << 20,
    CONSTANT = 400, /* libraries, stacks, LMM's own records */
};

typedef struct {
    char bytes[1024];
} kilobyte_t;

static kilobyte_t *blocks[BLOCKS];

static size_t mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    size_t lines = 0;
    CHECK(file != NULL);
    for (int byte; (byte = getc(file)) != EOF;) {
        lines += byte == '\n';
    }
    fclose(file);
    return lines;
}

static void check_mappings(const char *when, size_t live_blocks)
{
    size_t live_bytes = live_blocks * ARRAY_LENGTH * sizeof(kilobyte_t);
    size_t count = mappings();
    printf("%s: %zu mappings\n", when, count);
    CHECK(count <= live_bytes / MAPPING_BYTES + CONSTANT);
}

int main(void)
{
    if (ASAN || TSAN) {
        puts("skipped: the sanitizers have mappings of their own");
        return STRESS_SKIPPED;
    }
    puts("mappings:");
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            blocks[i] = blocks[i] != NULL ? blocks[i] : LMM_NEW_ARRAY(kilobyte_t, ARRAY_LENGTH);
            CHECK(blocks[i] != NULL);
            blocks[i]->bytes[0] = 1;
        }
        check_mappings("all live", BLOCKS);
        for (size_t i = round; i < BLOCKS; i += 2) {
            lmm_free(blocks[i]);
            blocks[i] = NULL;
        }
        check_mappings("every second freed", BLOCKS / 2);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        lmm_free(blocks[i]);
    }
    check_mappings("all freed", 0);
    return EXIT_SUCCESS;
}
