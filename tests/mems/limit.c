/* SPDX-License-Identifier: MIT */
/* limit: 10,000 segments of 40 bytes, with their records, fit into 5 MiB more address space than
 * the process had at its start. Then it allocates until the limit: MeMS must return ENOMEM, and
 * work on. */
#include "tests/stress/stress.h"

#include <mems.h>

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

enum { LIMIT_BYTES = 5 << 20, SEGMENTS = 10000, SEGMENT_BYTES = 40, MANY = 1000000 };

static void *segments[MANY];

static size_t mapped_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages = 0;
    CHECK(file != NULL && fscanf(file, "%zu", &pages) == 1);
    fclose(file);
    return pages * (size_t) sysconf(_SC_PAGESIZE);
}

static void check_and_free(size_t i)
{
    unsigned char *bytes = mems_get(segments[i]);
    CHECK(bytes != NULL && bytes[0] == (i & 0xff) && bytes[SEGMENT_BYTES - 1] == (i & 0xff));
    mems_free(segments[i]);
}

/* Fills until count or the end of memory; returns how many there are. */
static size_t fill(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        segments[i] = mems_malloc(SEGMENT_BYTES);
        if (segments[i] == NULL) {
            CHECK(errno == ENOMEM);
            return i;
        }
        memset(mems_get(segments[i]), (int) i & 0xff, SEGMENT_BYTES);
    }
    return count;
}

int main(void)
{
    if (ASAN || TSAN) {
        puts("skipped: the sanitizers need more address space than the limit");
        return STRESS_SKIPPED;
    }
    puts("address space:");
    fflush(stdout);
    size_t start_bytes = mapped_bytes();
    const struct rlimit limit = {start_bytes + LIMIT_BYTES, start_bytes + LIMIT_BYTES};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    for (int round = 0; round < 3; round++) {
        CHECK(fill(SEGMENTS) == SEGMENTS);
        printf("%d segments: %zu KiB\n", SEGMENTS, (mapped_bytes() - start_bytes) >> 10);
        for (size_t i = 0; i < SEGMENTS; i++) {
            check_and_free(i * 7919 % SEGMENTS);
        }
        mems_finish();
    }
    size_t most = fill(MANY);
    CHECK(most > SEGMENTS && most < MANY);
    for (size_t i = 0; i < most; i++) {
        check_and_free(i);
    }
    CHECK(fill(SEGMENTS) == SEGMENTS);
    mems_finish();
    CHECK(fill(MANY) == most);
    printf("%zu segments: there is no more\n", most);
    return EXIT_SUCCESS;
}
