/* SPDX-License-Identifier: MIT */
/* lmm_trim() gives back every system page without a live block, shown by the resident memory of the
 * process: in pages in use too, for structs and arrays. Live blocks stay whole, and the room is
 * used again, zeroed where asked. */
#include "tests/stress/stress.h"

#include <string.h>
#include <sys/prctl.h>

enum {
    TOTAL_BYTES = 64 << 20, /* of each step */
    SLACK_BYTES = 3 << 20,  /* LMM's records, libc's, and pages in use for small things */
    TAG_BYTES = 4,          /* of each slot of a page in use */
};

struct step {
    const char *name;
    size_t size;
    size_t align;
    size_t length;      /* of each block */
    size_t keep_one_in; /* 0: keep none */
};

static const struct step steps[] = {
    {"1000 bytes, one in 50 kept", 1000, 8, 1, 50},
    {"36 bytes, one in 1500 kept", 36, 4, 1, 1500},
    {"100 bytes, one in 50 kept", 100, 4, 1, 50},
    {"5000 bytes, one in 10 kept", 5000, 8, 1, 10},
    {"1 MiB, one in 4 kept", 1 << 20, 16, 1, 4},
    {"arrays of 12 x 64 bytes, one in 50 kept", 64, 8, 12, 50},
    {"arrays of 300 x 40 bytes, one in 20 kept", 40, 8, 300, 20},
    {"arrays of 30000 x 40 bytes, one in 3 kept", 40, 8, 30000, 3},
    {"56 bytes, none kept", 56, 8, 1, 0},
    {"arrays of 9 x 24 bytes, none kept", 24, 8, 9, 0},
};

static size_t page_bytes; /* of the kernel */

static bool is_kept(const struct step *step, size_t i)
{
    return step->keep_one_in != 0 && i % step->keep_one_in == 7 % step->keep_one_in;
}

static unsigned char *make(const struct step *step, struct lmm_family *family)
{
    unsigned char *block =
        step->length == 1 ? lmm_zalloc(family) : lmm_calloc(family, step->length);
    size_t bytes = step->length * step->size;
    CHECK(block != NULL);
    for (size_t i = 0; i < bytes; i += 512) {
        CHECK(block[i] == 0);
    }
    CHECK(block[bytes - 1] == 0);
    memset(block, (int) (((uintptr_t) block >> 4) | 1), bytes);
    return block;
}

static void check(const struct step *step, const unsigned char *block)
{
    unsigned char byte = (unsigned char) (((uintptr_t) block >> 4) | 1);
    for (size_t i = 0; i < step->length * step->size; i++) {
        CHECK(block[i] == byte);
    }
}

static int by_address(const void *a, const void *b)
{
    uintptr_t left = *(const uintptr_t *) a;
    uintptr_t right = *(const uintptr_t *) b;
    return (left > right) - (left < right);
}

/* System pages in which one of the kept blocks lies. */
static size_t pages_of_kept(const struct step *step, unsigned char **block, size_t count)
{
    uintptr_t *start = calloc(count, sizeof(*start));
    CHECK(start != NULL);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_kept(step, i)) {
            start[kept++] = (uintptr_t) block[i];
        }
    }
    qsort(start, kept, sizeof(*start), by_address);
    size_t pages = 0;
    uintptr_t next = 0;
    for (size_t i = 0; i < kept; i++) {
        uintptr_t first = start[i] / page_bytes;
        uintptr_t last = (start[i] + step->length * step->size - 1) / page_bytes;
        first = first > next ? first : next;
        pages += last + 1 > first ? last + 1 - first : 0;
        next = last + 1 > next ? last + 1 : next;
    }
    free(start);
    return pages;
}

static void expect_at_most(const struct step *step, const char *what, size_t is, size_t most)
{
    if (is > most) {
        fprintf(stderr, "%s: %s is %zu KiB, should be at most %zu KiB\n", step->name, what,
                is >> 10, most >> 10);
        abort();
    }
}

static void run_step(const struct step *step)
{
    struct lmm_family *family = lmm_family_register(step->name, step->size, step->align);
    CHECK(family != NULL);
    size_t count = TOTAL_BYTES / (step->size * step->length);
    unsigned char **block = calloc(count, sizeof(*block));
    CHECK(block != NULL);
    memset(block, 0xff, count * sizeof(*block)); /* resident before it is measured */
    lmm_trim();
    size_t before = resident_bytes();
    for (size_t i = 0; i < count; i++) {
        block[i] = make(step, family);
    }
    size_t full = resident_bytes();
    CHECK(full >= before + TOTAL_BYTES / 10 * 9);
    for (size_t i = 0; i < count; i++) {
        if (!is_kept(step, i)) {
            lmm_free(block[i]);
        }
    }
    size_t kept_bytes = pages_of_kept(step, block, count) * page_bytes;
    size_t tag_bytes = count * step->length * TAG_BYTES; /* kept for other tags */
    size_t resident_before_trim = resident_bytes();
    size_t given_back = lmm_trim();
    size_t after = resident_bytes();
    printf(
        "%-42s resident +%5zu KiB, after the frees +%5zu, after the trim +%5zu; live pages %5zu\n",
        step->name, (full - before) >> 10, (resident_before_trim - before) >> 10,
        after > before ? (after - before) >> 10 : 0, kept_bytes >> 10);
    fflush(stdout);
    expect_at_most(step, "resident memory after lmm_trim()", after,
                   before + kept_bytes + tag_bytes + SLACK_BYTES);
    expect_at_most(step, "committed_bytes", stress_stats(family).committed_bytes,
                   kept_bytes + (256 << 10));
    CHECK(given_back + SLACK_BYTES >= resident_before_trim - after);

    /* The room that was given back serves again, and the kept blocks are as they were. */
    for (size_t i = 0; i < count; i++) {
        if (!is_kept(step, i)) {
            block[i] = make(step, family);
        }
    }
    for (size_t i = 0; i < count; i++) {
        check(step, block[i]);
        lmm_free(block[i]);
    }
    lmm_trim();
    expect_at_most(step, "resident memory at the end", resident_bytes(),
                   before + tag_bytes + SLACK_BYTES);
    free(block);
}

int main(void)
{
    if (ASAN || TSAN) {
        puts("skipped: the sanitizers' own memory hides what is resident");
        return STRESS_SKIPPED;
    }
    /* A large page that the kernel gives unasked makes memory resident that nothing has touched. */
    CHECK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
    page_bytes = (size_t) sysconf(_SC_PAGESIZE);
    size_t before = resident_bytes();
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        run_step(&steps[i]);
    }
    size_t after = resident_bytes();
    printf("after all: %zu KiB more than before\n", after > before ? (after - before) >> 10 : 0);
    return EXIT_SUCCESS;
}
