/* SPDX-License-Identifier: MIT */
/*
 * check: for all programs that run under the drop-in: a check that ends the program and names its
 * place, whether the drop-in is loaded, and values that the compiler cannot know.
 *
 * A check that fails does not allocate: it builds its line on the stack and calls write(2).
 */
#ifndef TESTS_PRELOAD_CHECK_H
#define TESTS_PRELOAD_CHECK_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/patience.h"
#include "tests/support/random.h"

enum { CHECK_SKIPPED = 77 };

#ifdef __cplusplus
#define CHECK_NORETURN          [[noreturn]]
#define CHECK_CAST(type, value) static_cast<type>(value)
#else
#define CHECK_NORETURN          _Noreturn
#define CHECK_CAST(type, value) ((type) (value))
#endif

CHECK_NORETURN static inline void check_fail(const char *file, int line, const char *what,
                                             size_t value)
{
    char text[512];
    int length =
        snprintf(text, sizeof(text), "%s:%d: not true: %s (at %zu)\n", file, line, what, value);
    if (write(STDERR_FILENO, text, CHECK_CAST(size_t, length)) != length) {
        _exit(2);
    }
    _exit(1);
}

/* value: printed; it identifies the iteration of a loop. */
#define CHECK_AT(condition, value)                                                                 \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            check_fail(__FILE__, __LINE__, #condition, CHECK_CAST(size_t, value));                 \
        }                                                                                          \
    } while (0)

#define CHECK(condition) CHECK_AT(condition, 0)

static inline int check_find_drop_in(struct dl_phdr_info *info, size_t bytes, void *ret_found)
{
    (void) bytes;
    if (strstr(info->dlpi_name, "/liblmm_preload.so") != NULL) {
        *CHECK_CAST(bool *, ret_found) = true;
    }
    return 0;
}

/* Whether the drop-in is loaded in this process. */
static inline bool check_is_under_lmm(void)
{
    bool found = false;
    dl_iterate_phdr(check_find_drop_in, &found);
    return found;
}

/* Call it first in main: without the drop-in a test would pass for the wrong reason. */
static inline void check_start(void)
{
    CHECK(getenv("CHECK_PRELOADED") == NULL || check_is_under_lmm());
}

/* The same value, but the compiler does not know it. */
static inline size_t check_opaque(size_t value)
{
    __asm__ volatile("" : "+r"(value));
    return value;
}

static inline void *check_opaque_pointer(void *pointer)
{
    __asm__ volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

/* Contents: a pattern whose length is coprime to every size; the seed chooses where it starts. */
enum { CHECK_PATTERN_BYTES = 4093 };
static unsigned char check_pattern[CHECK_PATTERN_BYTES];

__attribute__((constructor(101))) static void check_make_pattern(void)
{
    uint64_t random = 88172645463325252u;
    for (size_t i = 0; i < CHECK_PATTERN_BYTES; i++) {
        check_pattern[i] = CHECK_CAST(unsigned char, random_next(&random) >> 32);
    }
}

static inline size_t check_pattern_start(uint64_t seed)
{
    return CHECK_CAST(size_t, seed * 31 % CHECK_PATTERN_BYTES);
}

/* Byte i of a block's contents; it differs between blocks and between places. */
static inline unsigned char check_byte(uint64_t seed, size_t i)
{
    return check_pattern[(check_pattern_start(seed) + i) % CHECK_PATTERN_BYTES];
}

static inline void check_paint(void *block, size_t bytes, uint64_t seed)
{
    unsigned char *byte = CHECK_CAST(unsigned char *, block);
    size_t from = check_pattern_start(seed);
    for (size_t done = 0, count; done < bytes; done += count, from = 0) {
        count =
            CHECK_PATTERN_BYTES - from < bytes - done ? CHECK_PATTERN_BYTES - from : bytes - done;
        memcpy(byte + done, check_pattern + from, count);
    }
}

static inline bool check_is_painted(const void *block, size_t bytes, uint64_t seed)
{
    const unsigned char *byte = CHECK_CAST(const unsigned char *, block);
    size_t from = check_pattern_start(seed);
    for (size_t done = 0, count; done < bytes; done += count, from = 0) {
        count =
            CHECK_PATTERN_BYTES - from < bytes - done ? CHECK_PATTERN_BYTES - from : bytes - done;
        if (memcmp(byte + done, check_pattern + from, count) != 0) {
            return false;
        }
    }
    return true;
}

static inline bool check_is_zero(const void *block, size_t bytes)
{
    const unsigned char *byte = CHECK_CAST(const unsigned char *, block);
    return bytes == 0 || (byte[0] == 0 && memcmp(byte, byte + 1, bytes - 1) == 0);
}

static inline bool check_is_aligned(const void *block, size_t align)
{
    return ((uintptr_t) block & (align - 1)) == 0;
}

#endif
