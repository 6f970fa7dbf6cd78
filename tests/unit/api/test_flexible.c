/* SPDX-License-Identifier: MIT */
/* Flexible structs and strings: contents, alignment, exact bytes, and the calls that refuse them. */
#include <lmm/lmm.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fails_with.h"

struct message {
    unsigned length;
    char text[];
};

/* The array starts inside the padding of the struct. */
struct padded {
    double value;
    char kind;
    char text[];
};

struct big {
    char fixed[1000];
    struct {
        double x, y;
    } points[];
};

struct aligned {
    _Alignas(256) char first;
    int numbers[];
};

static struct lmm_stats stats_of(const char *name)
{
    struct lmm_stats stats;
    cr_assert(lmm_family_stats(lmm_family_find(name), &stats) == 0, "no family %s", name);
    return stats;
}

static size_t at_least(size_t bytes, size_t least)
{
    return bytes > least ? bytes : least;
}

/* Checks that the block has so many zeroed bytes, and fills it. */
static void use(void *block, size_t bytes)
{
    unsigned char *byte = block;
    cr_assert(block != NULL && lmm_block_bytes(block) == bytes, "%zu", bytes);
    cr_assert(lmm_block_count(block) == 1);
    for (size_t i = 0; i < bytes; i++) {
        cr_assert(byte[i] == 0, "byte %zu of %zu", i, bytes);
    }
    memset(block, 0xA5, bytes);
}

/* Around the slots' bounds, the lengths of cached runs, and those with pages of their own. */
static const size_t lengths[] = {0,    1,     2,      27,     28,     29,     31,
                                 32,   33,    59,     60,     61,     1000,   2011,
                                 2012, 20000, 131067, 131068, 131069, 300000, 5000000};

enum { LENGTHS = sizeof(lengths) / sizeof(lengths[0]) };

#define EACH_LENGTH(T, member, element_bytes)                                                      \
    do {                                                                                           \
        T *block[LENGTHS];                                                                         \
        uint64_t bytes = 0;                                                                        \
        for (size_t i = 0; i < LENGTHS; i++) {                                                     \
            size_t wanted =                                                                        \
                at_least(offsetof(T, member) + lengths[i] * (element_bytes), sizeof(T));           \
            block[i] = LMM_NEW_FLEX(T, member, lengths[i]);                                        \
            use(block[i], wanted);                                                                 \
            cr_assert((uintptr_t) block[i] % _Alignof(T) == 0);                                    \
            bytes += wanted;                                                                       \
        }                                                                                          \
        struct lmm_stats full = stats_of(#T "[]");                                                 \
        cr_assert(full.live_bytes == bytes && full.live_blocks == LENGTHS);                        \
        cr_assert(full.live_slots == LENGTHS && full.size_bytes == sizeof(T));                     \
        for (size_t i = 0; i < LENGTHS; i++) {                                                     \
            lmm_free(block[i]);                                                                    \
        }                                                                                          \
        struct lmm_stats empty = stats_of(#T "[]");                                                \
        cr_assert(empty.live_bytes == 0 && empty.live_blocks == 0 && empty.frees == LENGTHS);      \
        cr_assert(empty.peak_bytes >= bytes);                                                      \
    } while (0)

Test(flexible, structs_of_every_length)
{
    EACH_LENGTH(struct message, text, 1);
    EACH_LENGTH(struct padded, text, 1);
    EACH_LENGTH(struct big, points, 16);
    EACH_LENGTH(struct aligned, numbers, 4);
}

/* Freed blocks are reused, by any thread, and come zeroed. */
static void *free_half(void *arg)
{
    void **block = arg;
    for (size_t i = 0; i < 1000; i += 2) {
        lmm_free(block[i]);
    }
    return NULL;
}

Test(flexible, frees_by_another_thread_are_exact)
{
    static void *block[1000];
    for (size_t round = 0; round < 5; round++) {
        uint64_t bytes = 0;
        for (size_t i = 0; i < 1000; i++) {
            block[i] = LMM_NEW_FLEX(struct message, text, i);
            use(block[i], at_least(4 + i, 4));
            bytes += i % 2 == 0 ? 0 : 4 + i;
        }
        pthread_t thread;
        cr_assert(pthread_create(&thread, NULL, free_half, block) == 0);
        cr_assert(pthread_join(thread, NULL) == 0);
        cr_assert(stats_of("struct message[]").live_bytes == bytes);
        cr_assert(stats_of("struct message[]").live_blocks == 500);
        free_half(block + 1);
        cr_assert(stats_of("struct message[]").live_bytes == 0);
    }
}

Test(flexible, strings)
{
    static const char *const texts[] = {"", "a", "0123456789012345678901234567890",
                                        "01234567890123456789012345678901", "caf\xc3\xa9"};
    uint64_t bytes = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *next = texts[i];
        char *copy = lmm_strdup(next++);
        cr_assert(copy != NULL && next == texts[i] + 1 && strcmp(copy, texts[i]) == 0);
        cr_assert(lmm_block_bytes(copy) == strlen(texts[i]) + 1);
        bytes += strlen(texts[i]) + 1;
        for (size_t n = 0; n < 40; n++) {
            size_t length = strnlen(texts[i], n);
            size_t asked = n;
            char *part = lmm_strndup(texts[i], asked++);
            cr_assert(part != NULL && asked == n + 1 && strlen(part) == length);
            cr_assert(strncmp(part, texts[i], n) == 0 && lmm_block_bytes(part) == length + 1);
            lmm_free(part);
        }
    }
    const char unended[3] = {'a', 'b', 'c'};
    char *copy = lmm_strndup(unended, sizeof(unended));
    cr_assert(copy != NULL && strcmp(copy, "abc") == 0);
    cr_assert(stats_of("char[]").live_bytes == bytes + 4 && stats_of("char[]").size_bytes == 1);
}

static int see(const struct lmm_block *block, void *arg)
{
    *(struct lmm_block *) arg = *block;
    return 1;
}

/* With leaks=all the leak report has all live blocks. */
static void list_all(void)
{
    setenv("LMM_OPTIONS", "leaks=all:log=/dev/null", 1);
}

Test(flexible, blocks_are_shown_with_their_line_and_bytes, .init = list_all)
{
    struct lmm_block seen;
    const unsigned line = __LINE__ + 1;
    struct message *message = LMM_NEW_FLEX(struct message, text, 100);
    cr_assert(lmm_for_each_block(NULL, see, &seen) == 1);
    cr_assert(seen.address == message && seen.bytes == 104 && seen.slots == 1);
    cr_assert(seen.line == line && strcmp(seen.file, "tests/unit/api/test_flexible.c") == 0);
    cr_assert(strcmp(lmm_family_name(seen.family), "struct message[]") == 0);

    FILE *stream = tmpfile();
    char text[1024] = "";
    char expected[128];
    cr_assert(stream != NULL && lmm_leak_check(stream) == 1);
    rewind(stream);
    cr_assert(fread(text, 1, sizeof(text) - 1, stream) > 0);
    snprintf(expected, sizeof(expected),
             "live: 1 block, 104 bytes of struct message[] allocated at "
             "tests/unit/api/test_flexible.c:%u",
             line);
    cr_expect(strstr(text, expected) != NULL, "%s", text);
    fclose(stream);
}

/* Plain structs of the type are another family. */
Test(flexible, lives_beside_plain_structs)
{
    struct message *plain = LMM_NEW(struct message);
    struct message *flexible = LMM_NEW_FLEX(struct message, text, 0);
    cr_assert(strcmp(lmm_family_name(lmm_family_of(plain)), "struct message") == 0);
    cr_assert(strcmp(lmm_family_name(lmm_family_of(flexible)), "struct message[]") == 0);
    cr_assert(lmm_block_bytes(plain) == 4 && lmm_block_bytes(flexible) == 4);
    cr_assert(lmm_block_bytes(LMM_NEW_ARRAY(struct message, 5)) == 20);
    lmm_free(flexible);
    lmm_free(plain);
}

Test(flexible, what_is_refused)
{
    FAILS_WITH(EOVERFLOW, LMM_NEW_FLEX(struct message, text, SIZE_MAX));
    FAILS_WITH(EOVERFLOW, LMM_NEW_FLEX(struct message, text, SIZE_MAX - 3));
    FAILS_WITH(EOVERFLOW, LMM_NEW_FLEX(struct message, text, (size_t) PTRDIFF_MAX - 3));
    FAILS_WITH(EOVERFLOW, LMM_NEW_FLEX(struct big, points, SIZE_MAX / 16 + 1));
    FAILS_WITH(EOVERFLOW, LMM_NEW_FLEX(struct big, points, (size_t) PTRDIFF_MAX / 16));
    FAILS_WITH(ENOMEM, LMM_NEW_FLEX(struct message, text, (size_t) PTRDIFF_MAX - 4));
    FAILS_WITH(ENOMEM, LMM_NEW_FLEX(struct message, text, (size_t) 1 << 46));

    struct message *message = LMM_NEW_FLEX(struct message, text, 40);
    struct lmm_family *family = lmm_family_of(message);
    for (int i = 0; i < 3; i++) {
        FAILS_WITH(EINVAL, lmm_resize(message, 1));
        FAILS_WITH(EINVAL, lmm_resize(message, 2));
        FAILS_WITH(EINVAL, lmm_alloc(family));
        FAILS_WITH(EINVAL, lmm_zalloc(family));
        FAILS_WITH(EINVAL, lmm_calloc(family, 3));
    }
    cr_assert(stats_of("struct message[]").allocations == 1);
    lmm_free(message);
}
