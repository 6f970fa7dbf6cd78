/* SPDX-License-Identifier: MIT */
/* Unit tests of the classic names: what they allocate, what they refuse, and what they print. */
#include "uapi_mm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ground/libc.h"
#include "tests/support/capture.h"

typedef struct emp_ {
    char name[32];
    uint32_t emp_id;
} emp_t;

/* emp_t is the start of its name. */
typedef struct emp_tree_ {
    struct emp_tree_ *left;
    struct emp_tree_ *right;
} emp_tree_t;

/* ---- What is printed ------------------------------------------------------------------------- */

static struct capture printed;

/* The text that the statement prints; valid until the next one. */
#define CAPTURE(statement)                                                                         \
    (capture_begin(&printed, STDOUT_FILENO), (void) (statement), capture_end(&printed))

static void assert_printed(const char *text, const char *expected)
{
    cr_assert_str_eq(text, expected);
}

static void assert_block_line(const char *expected)
{
    const char *text = CAPTURE(mm_print_block_usage());

    cr_assert(strstr(text, expected) != NULL, "\"%s\" is not in \"%s\"", expected, text);
}

/* ---- Allocating ------------------------------------------------------------------------------ */

static emp_t *one_emp(void)
{
    return XCALLOC(1, emp_t);
}

/* The line is printed each time, and the call site works as soon as the struct is registered. */
Test(classic, unregistered_struct_is_refused)
{
    const char *refusal = "Error : Structure emp_t not registered with Memory Manager\n";
    emp_t *emp = NULL;

    mm_init();
    for (int i = 0; i < 2; i++) {
        errno = 0;
        assert_printed(CAPTURE(emp = one_emp()), refusal);
        cr_assert_null(emp);
        cr_assert_eq(errno, ENOENT);
        assert_printed(CAPTURE(emp = xcalloc("emp_t", 1)), refusal);
        cr_assert_null(emp);
    }
    cr_assert_null(lmm_family_find("emp_t"));
    MM_REG_STRUCT(emp_t);
    assert_printed(CAPTURE(emp = one_emp()), "");
    cr_assert_not_null(emp);
    XFREE(emp);
}

/*

 * As in the classic, the macro's second argument is only a name: one that is no type compiles too.

 */
Test(classic, mistyped_struct_is_refused_when_it_runs)
{
    void *block = NULL;

    MM_REG_STRUCT(emp_t);
    assert_printed(CAPTURE(block = XCALLOC(1, empt_t)),
                   "Error : Structure empt_t not registered with Memory Manager\n");
    cr_assert_null(block);
}

static void assert_zero(const void *memory, size_t bytes)
{
    const char *byte = memory;

    for (size_t i = 0; i < bytes; i++) {
        cr_assert_eq(byte[i], 0, "byte %zu", i);
    }
}

Test(classic, blocks_are_zeroed)
{
    MM_REG_STRUCT(emp_t);
    for (size_t units = 1; units < 40; units++) {
        emp_t *emps = XCALLOC(units, emp_t);
        cr_assert_not_null(emps);
        assert_zero(emps, units * sizeof(emp_t));
        memset(emps, 0xff, units * sizeof(emp_t));
        XFREE(emps);
        emps = xcalloc("emp_t", units);
        assert_zero(emps, units * sizeof(emp_t));
        memset(emps, 0xff, units * sizeof(emp_t));
        xfree(emps);
    }
    XFREE(NULL);
}

static int copy_block(const struct lmm_block *block, void *arg)
{
    struct lmm_block *copy = arg;

    *copy = *block;
    return 0;
}

Test(classic, macro_records_the_place_and_the_name_does_not)
{
    struct lmm_block block = {0};

    MM_REG_STRUCT(emp_t);
    emp_t *emp = XCALLOC(1, emp_t);
    uint32_t line = __LINE__ - 1;
    lmm_for_each_block(lmm_family_find("emp_t"), copy_block, &block);
    cr_assert_eq(block.address, emp);
    cr_assert_eq(block.line, line);
    cr_assert(strstr(block.file, "test_classic.c") != NULL, "%s", block.file);
    cr_assert_str_eq(block.function, __func__);
    xfree(emp);

    emp = xcalloc("emp_t", 3);
    lmm_for_each_block(lmm_family_find("emp_t"), copy_block, &block);
    cr_assert_eq(block.address, emp);
    cr_assert_eq(block.slots, 3);
    cr_assert_eq(block.line, 0);
    cr_assert_str_eq(block.file, "(unattributed)");
    xfree(emp);
}

Test(classic, request_larger_than_a_page)
{
    MM_REG_STRUCT(emp_t);
    emp_t *emps = XCALLOC(100000, emp_t);
    cr_assert_not_null(emps);
    assert_zero(emps, 100000 * sizeof(emp_t));
    emps[99999].emp_id = 7;
    assert_block_line("OBC : 1 AppMemUsage : 3600000\n");
    XFREE(emps);
    assert_block_line("OBC : 0 AppMemUsage : 0\n");
}

static emp_t *some_emps(size_t units)
{
    return XCALLOC(units, emp_t);
}

/* At a call site that was never used and, the second time round, at one that was. */
Test(classic, impossible_requests)
{
    static const struct {
        size_t units;
        int error;
    } cases[] = {{SIZE_MAX, EOVERFLOW}, {SIZE_MAX / sizeof(emp_t) + 1, EOVERFLOW}};

    enum { CASES = sizeof cases / sizeof cases[0] };

    MM_REG_STRUCT(emp_t);
    for (size_t i = 0; i < 2 * CASES; i++) {
        if (i == CASES) {
            xfree(some_emps(1));
        }
        errno = 0;
        cr_assert_null(some_emps(cases[i % CASES].units), "case %zu", i);
        cr_assert_eq(errno, cases[i % CASES].error, "case %zu: %s", i, strerror(errno));
        errno = 0;
        cr_assert_null(xcalloc("emp_t", cases[i % CASES].units), "case %zu", i);
        cr_assert_eq(errno, cases[i % CASES].error, "case %zu: %s", i, strerror(errno));
    }
}

/* ---- Registering ----------------------------------------------------------------------------- */

Test(classic, registering)
{
    char long_name[LMM_NAME_MAX + 2];
    char expected[LMM_NAME_MAX + 100];
    static const char *const wording =
        "Error : Structure %s can not be registered with Memory Manager : %s\n";

    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_printed(CAPTURE(MM_REG_STRUCT(emp_t)), "");
    assert_printed(CAPTURE(MM_REG_STRUCT(emp_t)), "");
    assert_printed(CAPTURE(mm_instantiate_new_page_family("emp_t", sizeof(emp_t))), "");

    snprintf(expected, sizeof expected, wording, "emp_t", lmm_error_text(EEXIST));
    assert_printed(CAPTURE(mm_instantiate_new_page_family("emp_t", 40)), expected);
    snprintf(expected, sizeof expected, wording, "nothing_t", lmm_error_text(EINVAL));
    assert_printed(CAPTURE(mm_instantiate_new_page_family("nothing_t", 0)), expected);
    snprintf(expected, sizeof expected, wording, long_name, lmm_error_text(ENAMETOOLONG));
    assert_printed(CAPTURE(mm_instantiate_new_page_family(long_name, 8)), expected);

    mm_instantiate_new_page_family("page_t", 4096);
    mm_instantiate_new_page_family("large_t", 1000001);
    assert_printed(CAPTURE(mm_print_registered_page_families()),
                   "Page Family : emp_t, Size = 36\nPage Family : page_t, Size = 4096\n"
                   "Page Family : large_t, Size = 1000001\n");
}

/* A family made by name and size serves the type of that name, whatever its alignment. */
Test(classic, family_by_name_is_aligned_for_its_type)
{
    static const struct {
        const char *name;
        size_t size;
        size_t align;
    } cases[] = {{"a1", 1, 1},    {"a36", 36, 4},        {"a40", 40, 8},
                 {"a48", 48, 16}, {"a4096", 4096, 4096}, {"a12288", 12288, 4096}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mm_instantiate_new_page_family(cases[i].name, cases[i].size);
        for (int n = 0; n < 5; n++) {
            uintptr_t address = (uintptr_t) xcalloc(cases[i].name, 1);
            cr_assert_neq(address, 0);
            cr_assert_eq(address % cases[i].align, 0, "%s", cases[i].name);
        }
    }
    mm_instantiate_new_page_family("emp_tree_t", sizeof(emp_tree_t));
    assert_printed(CAPTURE(MM_REG_STRUCT(emp_tree_t)), "");
    cr_assert_not_null(XCALLOC(1, emp_tree_t));
}

/* ---- Printing -------------------------------------------------------------------------------- */

Test(classic, name_filter_matches_exactly)
{
    MM_REG_STRUCT(emp_t);
    MM_REG_STRUCT(emp_tree_t);
    emp_t *emp = XCALLOC(1, emp_t);
    emp_tree_t *tree = XCALLOC(1, emp_tree_t);
    cr_assert(emp != NULL && tree != NULL);

    const char *text = CAPTURE(mm_print_memory_usage("emp_t"));
    cr_assert_not_null(strstr(text, "vm_page_family : emp_t, struct size = 36\n"));
    cr_assert_null(strstr(text, "emp_tree_t"));
    cr_assert_not_null(strstr(text, "\n# Of VM Pages in Use : 1 (262144 Bytes)\n"
                                    "Total Memory being used by Memory Manager = 262144 Bytes\n"
                                    "Memory Touched in these Pages = 4096 Bytes\n"));
    text = CAPTURE(mm_print_memory_usage(0));
    cr_assert_not_null(strstr(text, "page family = emp_t\n"));
    cr_assert_not_null(strstr(text, "page family = emp_tree_t\n"));
    cr_assert_not_null(strstr(text, "\n# Of VM Pages in Use : 2 (524288 Bytes)\n"));
    assert_printed(CAPTURE(mm_print_memory_usage("emp")),
                   "Error : Structure emp not registered with Memory Manager\n");
    xfree(emp);
    xfree(tree);
}

/* When all blocks are freed there is no page, neither of structs nor of arrays. */
Test(classic, no_page_without_a_block)
{
    MM_REG_STRUCT(emp_t);
    MM_REG_STRUCT(emp_tree_t);
    emp_t *emp = XCALLOC(1, emp_t);
    emp_tree_t *trees = XCALLOC(3, emp_tree_t);

    xfree(emp);
    xfree(trees);
    const char *text = CAPTURE(mm_print_memory_usage(NULL));
    cr_expect_not_null(strstr(text, "\n# Of VM Pages in Use : 0 (0 Bytes)\n"), "%s", text);
}

/* Reads "next = X, prev = Y" of a page's line; (nil) reads as 0. */
static void read_page_line(const char *line, uintptr_t *ret_next, uintptr_t *ret_prev)
{
    const char *prev = strstr(line, "prev = ");

    cr_assert_not_null(prev);
    *ret_next = (uintptr_t) strtoull(line + strlen("next = "), NULL, 16);
    *ret_prev = (uintptr_t) strtoull(prev + strlen("prev = "), NULL, 16);
}

/* Follows the printed pages: each names the one printed before and the one printed after. Returns
 * how many there are. */
static size_t check_page_chain(const char *text)
{
    uintptr_t announced = 0;
    uintptr_t before = 0;
    size_t pages = 0;

    for (const char *line = text; (line = strstr(line, "\t\t next = ")) != NULL; pages++) {
        uintptr_t next;
        uintptr_t prev;
        read_page_line(line + strlen("\t\t "), &next, &prev);
        const char *block = strstr(line, "\t\t\t0x");
        cr_assert_not_null(block);
        uintptr_t first_block = (uintptr_t) strtoull(block, NULL, 16);
        cr_assert(pages == 0 || first_block == announced, "page %zu", pages);
        cr_assert_eq(prev, before, "page %zu", pages);
        cr_assert(next == 0 || next > first_block, "page %zu", pages);
        announced = next;
        before = first_block;
        line = block;
    }
    cr_assert_eq(announced, 0);
    return pages;
}

static size_t number_after(const char *text, const char *word)
{
    const char *found = strstr(text, word);

    cr_assert_not_null(found, "no \"%s\" in \"%s\"", word, text);
    return strtoull(found + strlen(word), NULL, 10);
}

/* All pages are counted in one size, also where one of LMM's pages is several. */
Test(classic, pages_of_one_size)
{
    MM_REG_STRUCT(emp_t);
    MM_REG_STRUCT(emp_tree_t);
    emp_t *many = XCALLOC(100000, emp_t);
    emp_tree_t *tree = XCALLOC(1, emp_tree_t);
    cr_assert(many != NULL && tree != NULL);

    const char *text = CAPTURE(mm_print_memory_usage(NULL));
    size_t page_bytes = number_after(text, "\nPage Size = ");
    size_t pages = number_after(text, "\n# Of VM Pages in Use : ");
    cr_assert_eq(number_after(strstr(text, "\n# Of VM Pages"), " ("), pages * page_bytes);
    cr_assert_eq(number_after(text, "used by Memory Manager = "), pages * page_bytes);
    cr_assert_eq(pages, (100000 * sizeof(emp_t) + page_bytes - 1) / page_bytes + 1);
    cr_assert_leq(number_after(text, "Touched in these Pages = "), pages * page_bytes);
    xfree(many);
    xfree(tree);
}

/* More pages than are gathered at a time; each block alone on its page. */
Test(classic, pages_are_chained)
{
    enum { PAGES = 600 };

    mm_instantiate_new_page_family("wide_t", 1 << 15);
    for (int i = 0; i < PAGES; i++) {
        char *block = xcalloc("wide_t", 8);
        cr_assert_not_null(block);
    }
    const char *text = CAPTURE(mm_print_memory_usage("wide_t"));
    cr_assert_eq(check_page_chain(text), PAGES);
    assert_block_line("wide_t   TBC : 600    FBC : 0    OBC : 600 AppMemUsage : 157286400\n");
}
