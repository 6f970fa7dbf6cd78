/* SPDX-License-Identifier: MIT */
/* tools: what fill= writes, in every way that a block begins and ends. Each case is a process that
 * starts LMM with its own LMM_OPTIONS. */
#include "lib/ground/tools.h"

#include <criterion/criterion.h>
#include <lmm/lmm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANY = -1, NEW = 0xAA, FREED = 0xDD, MINE = 0x5A };

static const struct {
    const char *options;
    int new_byte; /* of a block whose content is undefined */
    int freed_byte;
} cases[] = {{"fill=alloc", NEW, MINE},
             {"fill=free", ANY, FREED},
             {"fill=both", NEW, FREED},
             {"leaks=0", ANY, MINE}};

static const struct {
    size_t size;
    size_t length;
} shapes[] = {{1, 1},    {24, 1},   {5000, 1}, {24, 3},    {24, 60},
              {24, 500}, {9000, 1}, {9000, 4}, {24, 20000}};

/* Freed blocks may be poisoned; this test reads them on purpose. */
__attribute__((no_sanitize("address"))) static bool is_all(const void *memory, size_t bytes,
                                                           int value)
{
    const volatile unsigned char *byte = memory;

    for (size_t i = 0; value != ANY && i < bytes; i++) {
        if (byte[i] != value) {
            return false;
        }
    }
    return true;
}

/* The number of the check that failed, or 0. A second block keeps the page in use. */
static int check_shape(size_t size, size_t length, int new_byte, int freed_byte)
{
    char name[32];
    snprintf(name, sizeof(name), "%zu x %zu", size, length);
    struct lmm_family *family = lmm_family_register(name, size, 1);
    size_t bytes = size * length;
    void *keeper = lmm_calloc(family, length);

    if (length == 1) {
        void *undefined = lmm_alloc(family);
        if (!is_all(undefined, bytes, new_byte)) {
            return 1;
        }
        lmm_free(undefined);
    }
    unsigned char *block = lmm_calloc(family, length);
    if (!is_all(block, bytes, 0) || !is_all(keeper, bytes, 0)) {
        return 2;
    }
    memset(block, MINE, bytes);
    block = lmm_resize(block, length + 1);
    if (!is_all(block, bytes, MINE) || !is_all(block + bytes, size, 0)) {
        return 3;
    }
    block = lmm_resize(block, length);
    if (!is_all(block, bytes, MINE)) {
        return 4;
    }
    lmm_free(block);
    /* A span is unmapped when it is freed. */
    if (bytes <= 100000 && !is_all(block, bytes, freed_byte)) {
        return 5;
    }
    block = lmm_calloc(family, length);
    if (!is_all(block, bytes, 0)) {
        return 6;
    }
    return 0;
}

static int check_case(size_t i)
{
    setenv("LMM_OPTIONS", cases[i].options, 1);
    for (size_t j = 0; j < sizeof(shapes) / sizeof(shapes[0]); j++) {
        int failed =
            check_shape(shapes[j].size, shapes[j].length, cases[i].new_byte, cases[i].freed_byte);
        if (failed != 0) {
            return (int) j * 10 + failed;
        }
    }
    bool wanted = LMM_ASAN || strstr(cases[i].options, "fill") != NULL;
    return lmm_tools_active == wanted ? 0 : 200;
}

Test(tools, fill)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pid_t child = fork();
        int status;
        if (child == 0) {
            _exit(check_case(i));
        }
        cr_assert(waitpid(child, &status, 0) == child);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                  "%s: shape and check %d, signal %d", cases[i].options, WEXITSTATUS(status),
                  WTERMSIG(status));
    }
}
