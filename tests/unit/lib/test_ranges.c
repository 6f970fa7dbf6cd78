/* SPDX-License-Identifier: MIT */
/* ranges: the text of maps and smaps, line by line and with hostile names, and the process's own. */
#include "lib/leaks/ranges.h"

#include "lib/ground/vm.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/glibc.h"
#include "tests/support/sanitizers.h"
#include "tests/support/without_main_thread.h"

enum {
    R = LMM_RANGE_READ,
    W = LMM_RANGE_WRITE,
    X = LMM_RANGE_EXECUTE,
    S = LMM_RANGE_SHARED,
    F = LMM_RANGE_FILE,
    D = LMM_RANGE_DEVICE,
};

static void parse(struct lmm_ranges *ranges, const char *text, size_t piece)
{
    struct lmm_ranges_reader reader = {.length = 0};
    size_t bytes = strlen(text);

    for (size_t at = 0; at < bytes; at += piece) {
        size_t length = bytes - at < piece ? bytes - at : piece;
        cr_assert(lmm_ranges_parse(ranges, &reader, text + at, length) == 0);
    }
}

static const struct {
    const char *line;
    uintptr_t from;
    uintptr_t to; /* 0: the line is no range */
    uint32_t flags;
} lines[] = {
    {"1000-3000 rw-p 00000000 00:00 0 ", 0x1000, 0x3000, R | W},
    {"1000-3000 rw-p 00000000 00:00 0", 0x1000, 0x3000, R | W},
    {"1000-3000 ---p 00000000 00:00 0 ", 0x1000, 0x3000, 0},
    {"1000-3000 -w-p 00000000 00:00 0 ", 0x1000, 0x3000, W},
    {"1000-3000 rw-p 00000000 00:00 0    [heap]", 0x1000, 0x3000, R | W},
    {"1000-3000 rw-p 00000000 00:00 0    [anon:a pool]", 0x1000, 0x3000, R | W},
    {"1000-3000 rw-s 00000000 00:01 7    [anon_shmem:x]", 0x1000, 0x3000, R | W | S | F},
    {"7ffc1000-7ffc3000 rw-p 00000000 00:00 0    [stack]", 0x7ffc1000, 0x7ffc3000,
     R | W | LMM_RANGE_STACK},
    {"1000-3000 r--p 00000000 00:00 0    [vvar]", 0x1000, 0x3000, R | LMM_RANGE_KERNEL},
    {"1000-3000 r-xp 00000000 00:00 0    [vdso]", 0x1000, 0x3000, R | X | LMM_RANGE_KERNEL},
    {"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0    [vsyscall]", 0xffffffffff600000,
     0xffffffffff601000, X | LMM_RANGE_KERNEL},
    {"1000-3000 rw-p 00002000 fe:01 4711    /usr/lib/libc.so.6", 0x1000, 0x3000, R | W | F},
    {"1000-3000 rw-s 00000000 00:05 9    /dev/zero (deleted)", 0x1000, 0x3000, R | W | S | F},
    {"1000-3000 rw-s 00000000 00:18 9    /dev/shm/pool", 0x1000, 0x3000, R | W | S | F},
    {"1000-3000 rw-s 00000000 00:01 9    /memfd:[stack] (deleted)", 0x1000, 0x3000, R | W | S | F},
    {"1000-3000 rw-s 00000000 00:01 0    /SYSV00000000 (deleted)", 0x1000, 0x3000, R | W | S | F},
    {"1000-3000 rw-s 00000000 00:05 9    /dev/dri/card0", 0x1000, 0x3000, R | W | S | F | D},
    {"1000-3000 rw-s 00000000 00:05 9    /dev/nvidiactl", 0x1000, 0x3000, R | W | S | F | D},
    {"1000-3000 rw-s 00000000 00:0e 9    anon_inode:[io_uring]", 0x1000, 0x3000, R | W | S | F | D},
    {"1000-3000 rw-s 00000000 00:0e 9    anon_inode:i915.gem", 0x1000, 0x3000, R | W | S | F | D},
    {"1000-3000 rw-s 00000000 00:08 9    socket:[77]", 0x1000, 0x3000, R | W | S | F | D},
    {"1000-3000 rw-s 00000000 00:0f 9    /[aio] (deleted)", 0x1000, 0x3000, R | W | S | F | D},
    /* Names that look like something else. */
    {"1000-3000 rw-p 00000000 fe:01 9    /tmp/[stack]", 0x1000, 0x3000, R | W | F},
    {"1000-3000 rw-p 00000000 fe:01 9    /tmp/dev/nvidia0", 0x1000, 0x3000, R | W | F},
    {"1000-3000 rw-p 00000000 fe:01 9    /tmp/a\\012b-c rw-p", 0x1000, 0x3000, R | W | F},
    {"1000-3000 rw-p 00000000 fe:01 9    /tmp/ 5000-6000 ---s 0 0:0 0 /dev/x", 0x1000, 0x3000,
     R | W | F},
    /* No ranges. */
    {"", 0, 0, 0},
    {"Size:                  8 kB", 0, 0, 0},
    {"1000 rw-p", 0, 0, 0},
    {"1000-", 0, 0, 0},
    {"1000-3000", 0, 0, 0},
    {"1000-3000 rw", 0, 0, 0},
    {"3000-1000 rw-p 00000000 00:00 0", 0, 0, 0},
    {"3000-3000 rw-p 00000000 00:00 0", 0, 0, 0},
    {"11111111111111111-3000 rw-p 00000000 00:00 0", 0, 0, 0},
    {"garbage-of rw-p 00000000 00:00 0", 0, 0, 0},
};

Test(ranges, a_line)
{
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char text[256];
        struct lmm_ranges ranges = {0};
        snprintf(text, sizeof(text), "%s\n", lines[i].line);
        parse(&ranges, text, 1 + i % 5);
        cr_assert(ranges.count == (lines[i].to != 0), "%s", lines[i].line);
        if (ranges.count != 0) {
            cr_expect(ranges.list[0].from == lines[i].from, "%s", lines[i].line);
            cr_expect(ranges.list[0].to == lines[i].to, "%s", lines[i].line);
            cr_expect(ranges.list[0].flags == lines[i].flags, "%s: %x", lines[i].line,
                      ranges.list[0].flags);
        }
        lmm_ranges_free(&ranges);
    }
}

Test(ranges, marks_of_smaps)
{
    static const struct {
        const char *words;
        uint32_t marks;
    } cases[] = {
        {"rd wr mr mw me ac sd ", 0},
        {"rd wr mr mw me dc ac sd", LMM_RANGE_NO_FORK},
        {"rd wr mr mw me wf ac ", LMM_RANGE_WIPED},
        {"rd wr um", LMM_RANGE_USERFAULT},
        {"rd wr uw ", LMM_RANGE_USERFAULT},
        {"rd wr ui ", LMM_RANGE_USERFAULT},
        {"rd wr io pf de dd", LMM_RANGE_IO},
        {"rd wr pf dc wf um", LMM_RANGE_MARKS},
        {"", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        struct lmm_ranges ranges = {0};
        snprintf(text, sizeof(text),
                 "VmFlags: dc\n1000-2000 rw-p 00000000 00:00 0 \nSize: 4 kB\nVmFlags: %s\n"
                 "2000-3000 rw-p 00000000 00:00 0 [heap]\nVmFlags: rd\n",
                 cases[i].words);
        parse(&ranges, text, 7);
        cr_assert(ranges.count == 2);
        cr_expect(ranges.list[0].flags == (R | W | cases[i].marks), "'%s'", cases[i].words);
        cr_expect(ranges.list[1].flags == (R | W));
        cr_expect(lmm_ranges_have(&ranges, LMM_RANGE_MARKS) == (cases[i].marks != 0));
        lmm_ranges_free(&ranges);
    }
}

Test(ranges, a_name_of_any_length)
{
    enum { NAME = 5000 };
    char *text = malloc(NAME + 200);
    struct lmm_ranges ranges = {0};

    strcpy(text, "1000-2000 rw-p 00000000 fe:01 9    /");
    memset(text + strlen(text), 'a', NAME);
    text[NAME] = '\0';
    strcat(text, "\n2000-3000 r--p 00000000 00:00 0 \n");
    parse(&ranges, text, 4096);
    cr_expect(ranges.count == 2);
    cr_expect(ranges.list[0].flags == (R | W | F));
    cr_expect(ranges.list[1].flags == R);
    lmm_ranges_free(&ranges);
    free(text);
}

Test(ranges, what_overlaps_is_cut)
{
    struct lmm_ranges ranges = {0};

    parse(&ranges,
          "1000-3000 rw-p 0 00:00 0\n2000-5000 r--p 0 00:00 0\n1000-4000 rw-p 0 00:00 0\n"
          "4000-6000 rw-p 0 00:00 0\n",
          100);
    cr_assert(ranges.count == 3);
    cr_expect(ranges.list[1].from == 0x3000 && ranges.list[1].to == 0x5000);
    cr_expect(ranges.list[2].from == 0x5000 && ranges.list[2].to == 0x6000);
    cr_expect(lmm_ranges_are_valid(&ranges));
    lmm_ranges_free(&ranges);
}

Test(ranges, find)
{
    static const struct {
        uintptr_t address;
        int found;
    } cases[] = {{0, -1},     {0xfff, -1}, {0x1000, 0},  {0x1fff, 0},
                 {0x2000, 1}, {0x2fff, 1}, {0x3000, -1}, {0x4fff, -1},
                 {0x5000, 2}, {0x5fff, 2}, {0x6000, -1}, {UINTPTR_MAX, -1}};
    struct lmm_ranges ranges = {0};

    cr_expect(lmm_ranges_find(&ranges, 0x1000) == NULL);
    parse(&ranges, "1000-2000 rw-p 0 00:00 0\n2000-3000 r--p 0 00:00 0\n5000-6000 rw-p 0 00:00 0\n",
          100);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct lmm_range *found = lmm_ranges_find(&ranges, cases[i].address);
        cr_expect(found == (cases[i].found < 0 ? NULL : &ranges.list[cases[i].found]), "%zx",
                  cases[i].address);
    }
    lmm_ranges_free(&ranges);
}

Test(ranges, more_than_fit_at_first)
{
    enum { MANY = 5000 };
    struct lmm_ranges ranges = {0};

    for (uintptr_t i = 0; i < MANY; i++) {
        cr_assert(lmm_ranges_add(&ranges, &(struct lmm_range) {2 * i + 1, 2 * i + 2, R}) == 0);
    }
    cr_assert(ranges.count == MANY);
    cr_expect(lmm_ranges_are_valid(&ranges));
    cr_expect(lmm_ranges_find(&ranges, 2 * MANY - 1) == &ranges.list[MANY - 1]);
    cr_expect(lmm_ranges_find(&ranges, 2 * MANY) == NULL);
    lmm_ranges_free(&ranges);
}

/* ---- The process's own ----------------------------------------------------------------------- */

static void expect_own_ranges(void)
{
    static int variable;
    struct lmm_ranges ranges;
    char on_stack = 0;

    cr_assert(lmm_ranges_read(&ranges, false) == 0);
    const struct lmm_range *found = lmm_ranges_find(&ranges, (uintptr_t) &variable);
    cr_expect(found != NULL && (found->flags & (R | W)) == (R | W));
    found = lmm_ranges_find(&ranges, (uintptr_t) &on_stack);
    cr_expect(found != NULL && (found->flags & (R | W)) == (R | W));
    found = lmm_ranges_find(&ranges, (uintptr_t) &expect_own_ranges);
    cr_expect(found != NULL && (found->flags & (R | W | X)) == (R | X));
    cr_expect(!lmm_ranges_have(&ranges, LMM_RANGE_MARKS));
    lmm_ranges_free(&ranges);
}

Test(ranges, of_this_process)
{
    expect_own_ranges();
}

Test(ranges, the_kernel_s_marks)
{
    static const struct {
        int advice;
        uint32_t mark;
    } cases[] = {{MADV_DONTFORK, LMM_RANGE_NO_FORK}, {MADV_WIPEONFORK, LMM_RANGE_WIPED}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_ranges ranges;
        char *memory = lmm_vm_map(1 << 16);
        cr_assert(madvise(memory, 1 << 16, cases[i].advice) == 0);
        cr_assert(lmm_ranges_read(&ranges, true) == 0);
        const struct lmm_range *found = lmm_ranges_find(&ranges, (uintptr_t) memory);
        cr_expect(found != NULL && (found->flags & LMM_RANGE_MARKS) == cases[i].mark);
        lmm_ranges_free(&ranges);
        lmm_vm_unmap(memory, 1 << 16);
    }
}

/* What the reader used and gave back would be listed, and the next mapping would lie there. */
static void expect_later_mappings_in_no_range(void)
{
    struct lmm_ranges ranges;

    cr_assert(lmm_ranges_read(&ranges, false) == 0);
    for (size_t bytes = 4096; bytes <= 1 << 17; bytes *= 2) {
        for (unsigned i = 0; i < 4; i++) {
            uintptr_t memory = (uintptr_t) lmm_vm_map(bytes);
            cr_expect(lmm_ranges_find(&ranges, memory) == NULL, "%zu bytes", bytes);
        }
    }
    lmm_ranges_free(&ranges);
}

Test(ranges, memory_mapped_later_is_in_no_range)
{
    enum { PIECES = 5000, BYTES = PIECES * 4096 };
    char *memory = lmm_vm_map(BYTES);

    expect_later_mappings_in_no_range();
    for (size_t i = 0; i < BYTES; i += 8192) {
        cr_assert(mprotect(memory + i, 4096, PROT_READ) == 0);
    }
    expect_later_mappings_in_no_range();
}

static bool reads_own_ranges(void)
{
    expect_own_ranges();
    return true;
}

/* The kernel then has no memory to show under /proc/self. */
Test(ranges, after_the_main_thread_has_ended)
{
    if (!GLIBC) {
        cr_skip_test("musl 1.2.3 never ends the main thread of a forked child");
    }
    cr_expect(is_good_without_main_thread(reads_own_ranges));
}
