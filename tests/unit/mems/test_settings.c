/* SPDX-License-Identifier: MIT */
/* PAGE_SIZE and MEMS_VADDR_START, which are expressions here so that each case has its own: values
 * that are right, those that are not, and the end of all addresses. */
#include "tests/support/seam.h"
#include "tests/support/capture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static size_t page_bytes = 4096;
static uintptr_t first_address = 1000;
#define PAGE_SIZE        page_bytes
#define MEMS_VADDR_START first_address

#include <mems.h>

static const struct {
    size_t page_bytes;
    size_t taken;
} pages[] = {
    {4096, 4096},     {8192, 8192},
    {12288, 12288},   {1 << 30, 1 << 30},
    {0, 4096},        {1, 4096},
    {4095, 4096},     {4097, 8192},
    {SIZE_MAX, 4096}, {SIZE_MAX - 4096, SIZE_MAX - 4095},
};

Test(mems_settings, page_size_is_a_multiple_of_the_systems)
{
    static struct capture errors;
    char expected[256];

    seam_install();
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        page_bytes = pages[i].page_bytes;
        snprintf(expected, sizeof(expected),
                 "lmm: mems_init: PAGE_SIZE %zu is not a multiple of the system's page size; "
                 "taking %zu\n",
                 page_bytes, pages[i].taken);
        capture_begin(&errors, STDERR_FILENO);
        mems_init();
        capture_end(&errors);
        bool is_right = page_bytes == pages[i].taken;
        cr_expect(strcmp(errors.text, is_right ? "" : expected) == 0, "%zu: %s", page_bytes,
                  errors.text);
        if (pages[i].taken <= 1 << 30) {
            uint64_t before_bytes = seam_bytes(SEAM_MAP);
            uint64_t calls = seam_calls(SEAM_MAP);
            cr_expect(mems_malloc(1) == (void *) first_address);
            cr_expect(seam_bytes(SEAM_MAP) - before_bytes ==
                      (seam_calls(SEAM_MAP) - calls) * pages[i].taken);
        } else {
            cr_expect(mems_malloc(1) == NULL && errno == ENOMEM);
        }
        mems_finish();
    }
}

Test(mems_settings, values_count_at_the_start_only)
{
    mems_init();
    page_bytes = 8192;
    first_address = 77;
    cr_expect(mems_malloc(5000) == (void *) 1000);
    cr_expect(mems_malloc(3193) == (void *) 9192, "a second page of 4096");
    mems_finish();
    cr_expect(mems_malloc(5000) == (void *) 77);
    cr_expect(mems_malloc(3193) == (void *) (77 + 8192));
}

/* From 0, a success looks like NULL, so errno must tell. */
Test(mems_settings, zero_is_an_address)
{
    first_address = 0;
    errno = EXDEV;
    cr_expect(mems_malloc(10) == NULL && errno == EXDEV);
    char *physical = mems_get(NULL);
    cr_expect(physical != NULL && mems_get((void *) 9) == physical + 9);
    mems_free(NULL);
    cr_expect(strstr(capture_stats(), "MAIN[0:4095]-> H[0:4095] <-> NULL\n") != NULL);
    cr_expect(mems_get(NULL) == NULL && errno == EFAULT);
}

Test(mems_settings, addresses_come_to_an_end)
{
    first_address = UINTPTR_MAX - 3 * 4096;
    cr_expect(mems_malloc(4096) == (void *) first_address);
    cr_expect(mems_malloc(8193) == NULL && errno == ENOMEM);
    cr_expect(mems_malloc(8192) == (void *) (first_address + 4096), "up to the last but one");
    cr_expect(mems_get((void *) (UINTPTR_MAX - 1)) != NULL);
    cr_expect(mems_malloc(1) == NULL && errno == ENOMEM);
    cr_expect(strstr(capture_stats(), "P[18446744073709543423:18446744073709551614] <-> NULL") !=
              NULL);
    mems_free((void *) first_address);
    cr_expect(mems_malloc(1) == (void *) first_address, "freed addresses are used again");
    mems_finish();
    first_address = UINTPTR_MAX;
    cr_expect(mems_malloc(1) == NULL && errno == ENOMEM);
}
