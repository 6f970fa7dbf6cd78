/* SPDX-License-Identifier: MIT */
#include "tests/property/api/kinds.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/property/api/pattern.h"

enum { RANDOM_KINDS = 30 };

struct kind kinds[KINDS_MAX];
size_t kind_count;

typedef struct {
    char name[32];
    uint32_t id;
} emp_t;

typedef struct {
    char name[32];
    uint32_t roll_number;
    uint32_t marks[3];
    void *next;
} student_t;

typedef struct {
    unsigned char byte;
} byte_t;

typedef struct {
    _Alignas(64) unsigned char line[64];
} line_t;

#define MACRO_KIND(T)                                                                              \
    static void *T##_alloc(void)                                                                   \
    {                                                                                              \
        return LMM_ALLOC(T);                                                                       \
    }                                                                                              \
    static void *T##_zalloc(void)                                                                  \
    {                                                                                              \
        return LMM_NEW(T);                                                                         \
    }                                                                                              \
    static void *T##_calloc(size_t n)                                                              \
    {                                                                                              \
        return LMM_NEW_ARRAY(T, n);                                                                \
    }

MACRO_KIND(emp_t)
MACRO_KIND(student_t)
MACRO_KIND(byte_t)
MACRO_KIND(line_t)

static const struct {
    size_t size;
    size_t align;
} plain_kinds[] = {
    {1, 1},    {2, 1},     {3, 1},       {4, 4},        {7, 1},     {8, 8},       {12, 4},
    {16, 16},  {16, 8},    {17, 1},      {24, 8},       {31, 1},    {32, 32},     {40, 8},
    {48, 16},  {56, 8},    {63, 1},      {64, 64},      {65, 1},    {72, 8},      {96, 32},
    {100, 4},  {127, 1},   {128, 128},   {160, 32},     {200, 8},   {256, 256},   {333, 1},
    {36, 64},  {1, 4096},  {5000, 4096}, {500, 4},      {512, 512}, {777, 1},     {1000, 8},
    {1024, 8}, {1500, 4},  {2048, 2048}, {3000, 8},     {4095, 1},  {4096, 4096}, {4097, 1},
    {5000, 8}, {40960, 8}, {40961, 1},   {1048576, 16},
};

static void add(struct kind kind)
{
    if (kind.family == NULL) {
        perror("register");
        exit(EXIT_FAILURE);
    }
    kind.stride = (kind.size + kind.align - 1) / kind.align * kind.align;
    kinds[kind_count++] = kind;
}

static void add_plain(const char *prefix, size_t size, size_t align)
{
    char name[64];
    snprintf(name, sizeof(name), "%s-%zu-%zu-%zu", prefix, kind_count, size, align);
    struct kind kind = {
        .family = lmm_family_register(name, size, align),
        .size = size,
        .align = align,
        .file = "(unattributed)",
    };
    add(kind);
}

#define ADD_MACRO_KIND(T)                                                                          \
    add((struct kind) {LMM_REGISTER(T), sizeof(T), _Alignof(T), 0, T##_alloc, T##_zalloc,          \
                       T##_calloc, "tests/property/api/kinds.c"})

void kinds_register(uint64_t *random_state)
{
    ADD_MACRO_KIND(emp_t);
    ADD_MACRO_KIND(student_t);
    ADD_MACRO_KIND(byte_t);
    ADD_MACRO_KIND(line_t);
    for (size_t i = 0; i < sizeof(plain_kinds) / sizeof(plain_kinds[0]); i++) {
        add_plain("plain", plain_kinds[i].size, plain_kinds[i].align);
    }
    for (size_t i = 0; i < RANDOM_KINDS; i++) {
        size_t most = (size_t) 1 << (3 + random_below(random_state, 10));
        size_t size = 1 + random_below(random_state, most < 5000 ? most : 5000);
        size_t align = (size_t) 1 << random_below(random_state, i % 4 == 0 ? 13 : 5);
        add_plain("random", size, align);
    }
}

void *kind_alloc(const struct kind *kind)
{
    return kind->alloc != NULL ? kind->alloc() : lmm_alloc(kind->family);
}

void *kind_zalloc(const struct kind *kind)
{
    return kind->zalloc != NULL ? kind->zalloc() : lmm_zalloc(kind->family);
}

void *kind_calloc(const struct kind *kind, size_t n)
{
    return kind->calloc != NULL ? kind->calloc(n) : lmm_calloc(kind->family, n);
}
