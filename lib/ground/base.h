/* SPDX-License-Identifier: MIT */
/*
 * base: attributes, constants that everything shares, and arithmetic that cannot wrap unnoticed.
 */
#ifndef LMM_BASE_H
#define LMM_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1 in liblmm_preload.so, which stands for libc's malloc; 0 in the typed library. */
#ifndef LMM_DROP_IN
#define LMM_DROP_IN 0
#endif

#define LMM_LIKELY(x)           __builtin_expect(!!(x), 1)
#define LMM_UNLIKELY(x)         __builtin_expect(!!(x), 0)
#define LMM_NOINLINE            __attribute__((noinline))
#define LMM_COLD                __attribute__((noinline, cold))
#define LMM_PRINTF(text, first) __attribute__((format(printf, text, first)))

enum {
    LMM_CACHE_LINE_BYTES = 64,
    LMM_SYSTEM_PAGE_BYTES = 4096,   /* the granule of the books, and the kernel's page on x86-64 */
    LMM_LARGE_PAGE_BYTES = 2 << 20, /* the kernel moves page tables of so much at once, too */
    LMM_UNIT_SHIFT = 18,
    LMM_UNIT_BYTES = 1 << LMM_UNIT_SHIFT, /* a page of LMM; larger ones are whole units */
    LMM_UNIT_SYSTEM_PAGES = LMM_UNIT_BYTES / LMM_SYSTEM_PAGE_BYTES,
#if defined(__x86_64__)
    LMM_KERNEL_PAGE_BYTES_MAX = LMM_SYSTEM_PAGE_BYTES,
    LMM_ADDRESS_BITS = 47, /* of user space: what mmap gives unless a caller asks for more */
#else
    LMM_KERNEL_PAGE_BYTES_MAX = 1 << 16, /* see vm.h */
    LMM_ADDRESS_BITS = 48,
#endif
};

_Static_assert(LMM_UNIT_SYSTEM_PAGES == 64, "a page's system pages fit one 64-bit mask");

/* True and *ret_sum = a + b when that fits; else false. */
static inline bool lmm_add_fits(size_t a, size_t b, size_t *ret_sum)
{
    return !__builtin_add_overflow(a, b, ret_sum);
}

/* True and *ret_product = a x b when that fits; else false. */
static inline bool lmm_multiply_fits(size_t a, size_t b, size_t *ret_product)
{
    return !__builtin_mul_overflow(a, b, ret_product);
}

static inline bool lmm_is_power_of_two(size_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* x rounded up to a multiple of align, a power of two; x is at most SIZE_MAX - align + 1. */
static inline size_t lmm_round_up(size_t x, size_t align)
{
    return (x + align - 1) & ~(align - 1);
}

/* Knuth's multiplicative hash (The Art of Computer Programming, 6.4), for tables of a power of two:
 * 2^64 / golden ratio, odd. The high half is mixed best, so it is used. */
#define LMM_HASH_MULTIPLIER 0x9E3779B97F4A7C15u

static inline size_t lmm_hash(uint64_t key)
{
    return (size_t) ((key * LMM_HASH_MULTIPLIER) >> 32);
}

/* A hash of bytes: FNV-1a. */
static inline uint64_t lmm_hash_bytes(const void *bytes, size_t count)
{
    const unsigned char *at = (const unsigned char *) bytes;
    uint64_t hash = 0xCBF29CE484222325u;

    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ at[i]) * 0x100000001B3u;
    }
    return hash;
}

/* floor(log2(x)); x is not 0. */
static inline uint32_t lmm_log2(uint32_t x)
{
    return 31u - (uint32_t) __builtin_clz(x);
}

#endif
