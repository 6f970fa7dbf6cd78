/* SPDX-License-Identifier: MIT */
/* MeMS, clause by clause of its contract, with the default settings: PAGE_SIZE 4096, from 1000.
 * What it prints is compared as a whole. */
#include "tests/support/seam.h"
#include "tests/support/capture.h"

#include "lib/heaps/start.h"
#include "lib/ground/vm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mems.h>

#define HEAD "----- MeMS SYSTEM STATS -----\n"
#define TAIL "-----------------------------\n"
#define EMPTY                                                                                      \
    HEAD "Pages used:\t0\nSpace unused:\t0\nMain Chain Length:\t0\nSub-chain Length array: "       \
         "[]\n" TAIL

static void *at(uintptr_t address)
{
    return (void *) address;
}

static void expect_stats(const char *expected)
{
    const char *stats = capture_stats();
    cr_expect(strcmp(stats, expected) == 0, "printed:\n%sexpected:\n%s", stats, expected);
}

static void expect_one_line(const char *text, const char *expected)
{
    cr_expect(strcmp(text, expected) == 0, "on stderr: %sexpected: %s", text, expected);
}

static struct capture errors;

/* ---- The chains ------------------------------------------------------------------------------ */

Test(mems, the_example_of_the_contract)
{
    mems_init();
    expect_stats(EMPTY);
    cr_expect(mems_malloc(1000) == at(1000));
    cr_expect(mems_malloc(1000) == at(2000));
    expect_stats(HEAD "MAIN[1000:5095]-> P[1000:1999] <-> P[2000:2999] <-> H[3000:5095] <-> NULL\n"
                      "Pages used:\t1\nSpace unused:\t2096\nMain Chain Length:\t1\n"
                      "Sub-chain Length array: [3, ]\n" TAIL);
    mems_finish();
}

Test(mems, exact_fit_leaves_no_hole)
{
    cr_expect(mems_malloc(4096) == at(1000));
    cr_expect(mems_malloc(1) == at(5096));
    cr_expect(mems_malloc(4095) == at(5097));
    expect_stats(HEAD "MAIN[1000:5095]-> P[1000:5095] <-> NULL\n"
                      "MAIN[5096:9191]-> P[5096:5096] <-> P[5097:9191] <-> NULL\n"
                      "Pages used:\t2\nSpace unused:\t0\nMain Chain Length:\t2\n"
                      "Sub-chain Length array: [1, 2, ]\n" TAIL);
}

Test(mems, a_node_has_as_many_pages_as_it_takes)
{
    cr_expect(mems_malloc(4097) == at(1000));
    cr_expect(mems_malloc(8192) == at(9192));
    cr_expect(mems_malloc(4096) == at(17384));
    cr_expect(mems_malloc(4095) == at(5097), "in the hole of the first node");
    expect_stats(HEAD "MAIN[1000:9191]-> P[1000:5096] <-> P[5097:9191] <-> NULL\n"
                      "MAIN[9192:17383]-> P[9192:17383] <-> NULL\n"
                      "MAIN[17384:21479]-> P[17384:21479] <-> NULL\n"
                      "Pages used:\t5\nSpace unused:\t0\nMain Chain Length:\t3\n"
                      "Sub-chain Length array: [2, 1, 1, ]\n" TAIL);
}

/* The first hole that is long enough, not the shortest, nor the one freed last. */
Test(mems, first_fit_in_chain_order)
{
    for (uintptr_t i = 0; i < 8; i++) {
        cr_assert(mems_malloc(1024) == at(1000 + 1024 * i));
    }
    mems_free(at(1000 + 1024 * 6));
    mems_free(at(1000 + 1024 * 1));
    mems_free(at(1000 + 1024 * 2));
    cr_expect(mems_malloc(1024) == at(2024), "a longer hole that comes first");
    cr_expect(mems_malloc(1025) == at(9192), "none is long enough: a node");
    cr_expect(mems_malloc(1024) == at(3048));
    cr_expect(mems_malloc(1024) == at(7144));
    cr_expect(mems_malloc(1024) == at(10217));
}

static void make_five_of_100(void)
{
    for (uintptr_t i = 0; i < 5; i++) {
        cr_assert(mems_malloc(100) == at(1000 + 100 * i));
    }
}

static const struct {
    const char *what;
    uintptr_t free[4];
    const char *chain;
} merges[] = {
    {"neither", {1100}, "P[1000:1099] <-> H[1100:1199] <-> P[1200:1299] <-> P[1300:1399]"},
    {"before", {1100, 1200}, "P[1000:1099] <-> H[1100:1299] <-> P[1300:1399]"},
    {"after", {1200, 1100}, "P[1000:1099] <-> H[1100:1299] <-> P[1300:1399]"},
    {"both", {1100, 1300, 1200}, "P[1000:1099] <-> H[1100:1399]"},
    {"first", {1000, 1100}, "H[1000:1199] <-> P[1200:1299] <-> P[1300:1399]"},
};

Test(mems, free_merges_with_the_holes_beside_it)
{
    for (size_t i = 0; i < sizeof(merges) / sizeof(merges[0]); i++) {
        make_five_of_100();
        for (size_t k = 0; k < 4 && merges[i].free[k] != 0; k++) {
            mems_free(at(merges[i].free[k]));
        }
        cr_expect(strstr(capture_stats(), merges[i].chain) != NULL, "%s: %s", merges[i].what,
                  capture_stats());
        mems_finish();
    }
}

Test(mems, free_merges_inside_its_node_only)
{
    cr_assert(mems_malloc(4096) == at(1000));
    cr_assert(mems_malloc(4096) == at(5096));
    cr_assert(mems_malloc(4096) == at(9192));
    mems_free(at(1000));
    mems_free(at(9192));
    mems_free(at(5096));
    expect_stats(HEAD "MAIN[1000:5095]-> H[1000:5095] <-> NULL\n"
                      "MAIN[5096:9191]-> H[5096:9191] <-> NULL\n"
                      "MAIN[9192:13287]-> H[9192:13287] <-> NULL\n"
                      "Pages used:\t3\nSpace unused:\t12288\nMain Chain Length:\t3\n"
                      "Sub-chain Length array: [1, 1, 1, ]\n" TAIL);
    cr_expect(mems_malloc(4097) == at(13288), "two nodes do not make a larger hole");
}

/* ---- Translation ----------------------------------------------------------------------------- */

Test(mems, get_is_base_plus_offset)
{
    char *base = mems_get(mems_malloc(1000));
    cr_assert(base != NULL);
    mems_malloc(3096);
    char *other = mems_get(mems_malloc(5000));
    for (uintptr_t offset = 0; offset < 4096; offset++) {
        cr_assert(mems_get(at(1000 + offset)) == base + offset, "offset %zu", offset);
    }
    cr_expect(mems_get(at(5096 + 4999)) == other + 4999);
    cr_expect(other >= base + 4096 || other + 8192 <= base);
    cr_expect((uintptr_t) base % 4096 == 0);
}

Test(mems, contents_stay_after_free)
{
    mems_malloc(50);
    void *address = mems_malloc(300);
    memset(mems_get(address), 0xA7, 300);
    mems_free(address);
    cr_assert(mems_malloc(100) == address);
    cr_assert(mems_malloc(200) == (void *) ((char *) address + 100));
    const unsigned char *bytes = mems_get(address);
    for (size_t i = 0; i < 300; i++) {
        cr_assert(bytes[i] == 0xA7, "byte %zu", i);
    }
}

/* ---- Errors ---------------------------------------------------------------------------------- */

static const struct {
    const char *what;
    uintptr_t address;
    bool can_get;
} bad_frees[] = {
    {"NULL", 0, false},
    {"before the first", 999, false},
    {"inside", 1001, true},
    {"the last byte", 1099, true},
    {"a hole's start", 1100, false},
    {"inside a hole", 1101, false},
    {"the hole at the end", 1300, false},
    {"past the end", 5096, false},
    {"the highest address", UINTPTR_MAX, false},
};

Test(mems, wrong_addresses_change_nothing)
{
    static struct capture before;
    char line[128];

    mems_malloc(100);
    mems_free((mems_malloc(100), mems_malloc(100), at(1100)));
    capture_begin(&before, STDOUT_FILENO);
    mems_print_stats();
    capture_end(&before);
    for (size_t i = 0; i < sizeof(bad_frees) / sizeof(bad_frees[0]); i++) {
        uintptr_t address = bad_frees[i].address;
        capture_begin(&errors, STDERR_FILENO);
        errno = 0;
        mems_free(at(address));
        cr_expect(errno == 0, "%s", bad_frees[i].what);
        snprintf(line, sizeof(line), "lmm: mems_free: %zu is not the start of a PROCESS segment\n",
                 address);
        expect_one_line(capture_end(&errors), line);

        capture_begin(&errors, STDERR_FILENO);
        void *physical = mems_get(at(address));
        snprintf(line, sizeof(line), "lmm: mems_get: %zu is not in a PROCESS segment\n", address);
        expect_one_line(capture_end(&errors), bad_frees[i].can_get ? "" : line);
        cr_expect((physical != NULL) == bad_frees[i].can_get, "%s", bad_frees[i].what);
        cr_expect(errno == (bad_frees[i].can_get ? 0 : EFAULT), "%s", bad_frees[i].what);
        expect_stats(before.text);
    }
}

Test(mems, second_free_is_wrong)
{
    mems_malloc(100);
    mems_free(at(1000));
    capture_begin(&errors, STDERR_FILENO);
    mems_free(at(1000));
    expect_one_line(capture_end(&errors),
                    "lmm: mems_free: 1000 is not the start of a PROCESS segment\n");
}

static const struct {
    size_t size;
    int error;
} impossible[] = {
    {0, EINVAL},
    {SIZE_MAX, ENOMEM},
    {SIZE_MAX - 4095, ENOMEM},
    {SIZE_MAX / 2, ENOMEM},
    {(size_t) 1 << 57, ENOMEM},
    {((size_t) 1 << 56) - 4095, ENOMEM},
    {(size_t) 1 << 55, ENOMEM},
};

Test(mems, sizes_that_can_not_be)
{
    mems_malloc(1);
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        errno = 0;
        cr_expect(mems_malloc(impossible[i].size) == NULL);
        cr_expect(errno == impossible[i].error, "size %zu: errno %d", impossible[i].size, errno);
    }
    expect_stats(HEAD "MAIN[1000:5095]-> P[1000:1000] <-> H[1001:5095] <-> NULL\n"
                      "Pages used:\t1\nSpace unused:\t4095\nMain Chain Length:\t1\n"
                      "Sub-chain Length array: [2, ]\n" TAIL);
}

/* ---- Start and end --------------------------------------------------------------------------- */

Test(mems, any_call_starts_it)
{
    cr_expect(mems_malloc(10) == at(1000));
    mems_finish();
    expect_stats(EMPTY);
    mems_finish();
    capture_begin(&errors, STDERR_FILENO);
    cr_expect(mems_get(at(1000)) == NULL && errno == EFAULT);
    expect_one_line(capture_end(&errors), "lmm: mems_get: 1000 is not in a PROCESS segment\n");
    mems_finish();
    mems_finish();
    capture_begin(&errors, STDERR_FILENO);
    mems_free(at(1000));
    expect_one_line(capture_end(&errors),
                    "lmm: mems_free: 1000 is not the start of a PROCESS segment\n");
}

Test(mems, second_init_changes_nothing)
{
    mems_init();
    mems_malloc(10);
    mems_init();
    cr_expect(mems_malloc(10) == at(1010));
    mems_finish();
    mems_init();
    expect_stats(EMPTY);
    cr_expect(mems_malloc(10) == at(1000), "a new life begins at the first address");
}

Test(mems, does_not_start_the_typed_allocator)
{
    mems_init();
    mems_free(mems_malloc(10));
    capture_stats();
    mems_finish();
    cr_expect(!lmm_has_started());
}

Test(mems, child_of_a_fork_has_a_copy)
{
    int *mine = mems_get(mems_malloc(sizeof(int)));
    *mine = 1;
    pid_t child = fork();
    if (child == 0) {
        bool right = *mine == 1 && mems_malloc(5) == at(1004);
        *mine = 2;
        mems_finish();
        _exit(right && mems_malloc(5) == at(1000) ? 0 : 1);
    }
    int status = 1;
    cr_assert(waitpid(child, &status, 0) == child);
    cr_expect(status == 0);
    cr_expect(*mine == 1 && mems_malloc(5) == at(1004));
}

/* ---- The kernel ------------------------------------------------------------------------------ */

enum { BLOCKS = 300 };

static void *(*real_map)(size_t bytes);
static size_t odd_lengths;

static void *map_and_check(size_t bytes)
{
    odd_lengths += bytes % PAGE_SIZE != 0;
    return real_map(bytes);
}

/* Sizes for holes of all kinds, and for nodes of one page and of more. */
static size_t block_bytes(size_t i)
{
    return i % 50 == 49 ? 9000 : 1 + i * 37 % 500;
}

/* Allocates and frees so that records run short in every place; tells how many mallocs failed. Each
 * failure must leave things as they were. */
static size_t work(void)
{
    static void *blocks[BLOCKS];
    static char before[CAPTURE_BYTES];
    size_t failures = 0;

    for (size_t i = 0; i < BLOCKS; i++) {
        strcpy(before, capture_stats());
        errno = 0;
        blocks[i] = mems_malloc(block_bytes(i));
        if (blocks[i] == NULL) {
            failures++;
            cr_assert(errno == ENOMEM, "block %zu: errno %d", i, errno);
            cr_assert(strcmp(before, capture_stats()) == 0, "block %zu: something changed", i);
        } else {
            cr_assert(errno == 0);
            memset(mems_get(blocks[i]), (int) i, block_bytes(i));
        }
        if (i % 3 == 2 && blocks[i - 1] != NULL) {
            const unsigned char *bytes = mems_get(blocks[i - 1]);
            cr_assert(bytes[0] == (unsigned char) (i - 1) &&
                      bytes[block_bytes(i - 1) - 1] == (unsigned char) (i - 1));
            mems_free(blocks[i - 1]);
        }
    }
    return failures;
}

Test(mems, every_mapping_is_whole_pages_and_goes)
{
    seam_install();
    real_map = lmm_vm.map;
    lmm_vm.map = map_and_check;
    cr_expect(work() == 0);
    cr_expect(seam_calls(SEAM_UNMAP) == 0, "pages stay mapped until the end");
    mems_finish();
    cr_expect(odd_lengths == 0);
    cr_expect(seam_calls(SEAM_MAP) > 10);
    cr_expect(seam_calls(SEAM_UNMAP) == seam_calls(SEAM_MAP));
    cr_expect(seam_bytes(SEAM_UNMAP) == seam_bytes(SEAM_MAP));
    cr_expect(seam_calls(SEAM_DISCARD) == 0);
}

/* Makes each mapping fail, alone and with all that follow. */
Test(mems, out_of_memory_changes_nothing, .timeout = 300)
{
    seam_install();
    work();
    mems_finish();
    uint64_t calls = seam_calls(SEAM_MAP);
    for (uint64_t k = 1; k <= 2 * calls; k++) {
        bool alone = k <= calls;
        uint64_t first = seam_calls(SEAM_MAP) + (alone ? k : k - calls);
        seam_fail(SEAM_MAP, first, alone ? first : SEAM_FOR_EVER);
        size_t failures = work();
        /* A chunk of several pages that fails alone is tried again with one page. */
        cr_expect(alone ? failures <= 1 : failures >= 1, "failing call %zu", (size_t) k);
        seam_heal();
        cr_expect(mems_malloc(100000) != NULL);
        mems_finish();
        cr_assert(seam_bytes(SEAM_UNMAP) == seam_bytes(SEAM_MAP), "failing call %zu", (size_t) k);
    }
}

/* munmap can fail while its neighbours are mapped; then it is tried again. */
Test(mems, finish_tries_again)
{
    seam_install();
    work();
    seam_fail(SEAM_UNMAP, 2, 5);
    capture_begin(&errors, STDERR_FILENO);
    mems_finish();
    expect_one_line(capture_end(&errors), "");
    cr_expect(seam_calls(SEAM_UNMAP) == seam_calls(SEAM_MAP) + 4);
    cr_expect(seam_bytes(SEAM_UNMAP) == seam_bytes(SEAM_MAP));
}

Test(mems, finish_gives_up_with_a_line)
{
    seam_install();
    mems_malloc(5000);
    seam_fail_all(SEAM_UNMAP);
    capture_begin(&errors, STDERR_FILENO);
    mems_finish();
    expect_one_line(capture_end(&errors),
                    "lmm: mems_finish: the kernel would not unmap 16384 bytes\n");
    expect_stats(EMPTY);
}
