/* SPDX-License-Identifier: MIT */
/*
 * Each function that allocates, sizes at the limits, and functions of libc whose result the caller must free.
 */
#include "tests/leaks/cases/case.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

/* Each allocator refuses that, without a word. */
static const size_t TOO_MANY_BYTES = (size_t) 1 << 62;

static void *volatile results[8];

static void by_calloc(void)
{
    results[0] = calloc(7, 11);
    results[0] = NULL;
}

static void by_realloc(void)
{
    results[0] = realloc(NULL, 77);
    results[0] = realloc(results[0], 1077);
    results[0] = NULL;
}

static void by_reallocarray(void)
{
    results[0] = reallocarray(NULL, 7, 11);
    results[0] = NULL;
}

static void by_realloc_to_nothing(void)
{
    results[0] = own(77);
    results[0] = realloc(results[0], 0);
}

static void realloc_fails(void)
{
    void *again;

    held = own(77);
    again = realloc(held, TOO_MANY_BYTES);
    need(again == NULL, "realloc succeeded");
}

/* The usual mistake: the only pointer is overwritten with NULL. */
static void realloc_fails_and_loses(void)
{
    held = own(77);
    held = realloc(held, TOO_MANY_BYTES);
}

static void of_no_bytes_kept(void)
{
    held = malloc(0);
}

static void of_no_bytes_lost(void)
{
    results[0] = malloc(0);
    results[0] = NULL;
}

static void of_one_byte_lost(void)
{
    results[0] = malloc(1);
    results[0] = NULL;
}

static void allocate_aligned(void)
{
    void *block = NULL;

    need(posix_memalign(&block, 4096, 100) == 0, "posix_memalign");
    results[0] = block;
    results[1] = aligned_alloc(64, 128);
    results[2] = memalign(32, 100);
    results[3] = valloc(100);
}

static void aligned_kept(void)
{
    allocate_aligned();
}

static void aligned_lost(void)
{
    allocate_aligned();
    for (int i = 0; i < 4; i++) {
        results[i] = NULL;
    }
}

static void aligned_more_than_a_page(void)
{
    results[0] = aligned_alloc(1 << 20, 1 << 20);
    results[0] = NULL;
}

static void huge_lost(void)
{
    results[0] = calloc(1, (size_t) 64 << 20);
    results[0] = NULL;
}

static void huge_holds_another(void)
{
    void **block = calloc(1, (size_t) 64 << 20);

    need(block != NULL, "calloc");
    block[((size_t) 64 << 20) / sizeof(*block) - 1] = own(24);
    held = block;
}

static void every_size(void)
{
    for (size_t bytes = 1; bytes <= 2000; bytes++) {
        own(bytes);
    }
}

static void every_size_kept(void)
{
    static void *volatile all[2000];

    for (size_t bytes = 1; bytes <= 2000; bytes++) {
        all[bytes - 1] = own(bytes);
    }
}

static void by_strdup(void)
{
    results[0] = strdup("seven b");
    results[0] = NULL;
}

static void by_strndup(void)
{
    results[0] = strndup("seven b and more", 7);
    results[0] = NULL;
}

static void by_wcsdup(void)
{
    results[0] = wcsdup(L"seven b");
    results[0] = NULL;
}

static void by_asprintf(void)
{
    char *text = NULL;

    need(asprintf(&text, "%d", 12345) > 0, "asprintf");
    results[0] = text;
    results[0] = text = NULL;
}

static void by_strdup_kept(void)
{
    held = strdup("seven b");
}

static void frees_all(void)
{
    for (int i = 0; i < 1000; i++) {
        free(own(24));
    }
}

const struct leak_case verb_cases[] = {
    {"by_calloc", by_calloc},
    {"by_realloc", by_realloc},
    {"by_reallocarray", by_reallocarray},
    {"by_realloc_to_nothing", by_realloc_to_nothing},
    {"realloc_fails", realloc_fails},
    {"realloc_fails_and_loses", realloc_fails_and_loses},
    {"of_no_bytes_kept", of_no_bytes_kept},
    {"of_no_bytes_lost", of_no_bytes_lost},
    {"of_one_byte_lost", of_one_byte_lost},
    {"aligned_kept", aligned_kept},
    {"aligned_lost", aligned_lost},
    {"aligned_more_than_a_page", aligned_more_than_a_page},
    {"huge_lost", huge_lost},
    {"huge_holds_another", huge_holds_another},
    {"every_size", every_size},
    {"every_size_kept", every_size_kept},
    {"by_strdup", by_strdup},
    {"by_strndup", by_strndup},
    {"by_wcsdup", by_wcsdup},
    {"by_asprintf", by_asprintf},
    {"by_strdup_kept", by_strdup_kept},
    {"frees_all", frees_all},
    {NULL, NULL},
};
