/* SPDX-License-Identifier: MIT */
/* decide: which type, and how sure, by evidence and sizes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "reporter/program/types/decide.h"
#include "reporter/program/types/type_info.h"

enum {
    CANDIDATES_MAX = 5,
    RANGES_MAX = 3,
};

static const struct lmm_type_info node = {
    .name = "struct node", .kind = LMM_TYPE_RECORD, .bytes = 48};
static const struct lmm_type_info head = {
    .name = "struct list_head", .kind = LMM_TYPE_RECORD, .bytes = 16, .is_base = true};
static const struct lmm_type_info entry = {
    .name = "struct entry", .kind = LMM_TYPE_RECORD, .bytes = 12};
static const struct lmm_type_info object = {
    .name = "struct object", .kind = LMM_TYPE_RECORD, .bytes = 20, .is_base = true};
static const struct lmm_type_info packet = {.name = "struct packet",
                                            .kind = LMM_TYPE_RECORD,
                                            .bytes = 24,
                                            .tail_offset = 20,
                                            .tail_bytes = 1};
static const struct lmm_type_info vector = {.name = "struct vector",
                                            .kind = LMM_TYPE_RECORD,
                                            .bytes = 16,
                                            .tail_offset = 16,
                                            .tail_bytes = 8};
static const struct lmm_type_info byte = {.name = "char", .kind = LMM_TYPE_BYTE, .bytes = 1};
static const struct lmm_type_info number = {.name = "int", .kind = LMM_TYPE_SCALAR, .bytes = 4};
static const struct lmm_type_info pointer = {
    .name = "struct node *", .kind = LMM_TYPE_POINTER, .bytes = 8};
static const struct lmm_type_info link = {
    .name = "struct cell *", .kind = LMM_TYPE_POINTER, .bytes = 8, .link_bytes = 16};
static const struct lmm_type_info any = {.name = "void *", .kind = LMM_TYPE_POINTER, .bytes = 8};
static const struct lmm_type_info opaque = {.name = "struct opaque", .kind = LMM_TYPE_RECORD};
static const struct lmm_type_info base = {
    .name = "Base", .kind = LMM_TYPE_RECORD, .bytes = 16, .is_cplusplus = true};
static const struct lmm_type_info derived = {
    .name = "Derived", .kind = LMM_TYPE_RECORD, .bytes = 16, .is_cplusplus = true};

static const struct lmm_type_info elements = {.name = "Elements<short>",
                                              .kind = LMM_TYPE_RECORD,
                                              .bytes = 16,
                                              .tail_offset = 16,
                                              .tail_bytes = 2,
                                              .is_cplusplus = true,
                                              .is_typed_header = true};

static const struct lmm_type_info list = {
    .name = "struct list", .kind = LMM_TYPE_RECORD, .bytes = 40, .starts = "|struct object|"};
static const struct lmm_type_info set = {.name = "struct set",
                                         .kind = LMM_TYPE_RECORD,
                                         .bytes = 32,
                                         .starts = "|struct object|",
                                         .is_base = true};
static const struct lmm_type_info tuple = {.name = "struct tuple",
                                           .kind = LMM_TYPE_RECORD,
                                           .bytes = 32,
                                           .tail_offset = 24,
                                           .tail_bytes = 8,
                                           .starts = "|struct object|"};

#define MALLOC    LMM_MAKER_MALLOC
#define NEW       LMM_MAKER_NEW
#define NEW_ARRAY LMM_MAKER_NEW_ARRAY
#define FROM(t, e)                                                                                 \
    {                                                                                              \
        .type = &(t), .evidence = LMM_MODEL_BY_##e                                                 \
    }
#define SEVERAL(t, e)                                                                              \
    {                                                                                              \
        .type = &(t), .evidence = LMM_MODEL_BY_##e, .is_array = true                               \
    }
#define AND_MORE(t, e)                                                                             \
    {                                                                                              \
        .type = &(t), .evidence = LMM_MODEL_BY_##e, .has_more = true                               \
    }
#define LATE(t, e)                                                                                 \
    {                                                                                              \
        .type = &(t), .evidence = LMM_MODEL_BY_##e, .is_late = true                                \
    }
#define INSIDE(t, e)                                                                               \
    {                                                                                              \
        .type = &(t), .evidence = LMM_MODEL_BY_##e, .is_inside = true                              \
    }

/* What a function returns that leaves the question to its caller, and what the caller knows then. */
#define BASE(t, e)                                                                                 \
    {                                                                                              \
        .type = &(t), .evidence = LMM_MODEL_BY_##e, .start = LMM_START_BASE                        \
    }
#define DERIVED(t, e)                                                                              \
    {                                                                                              \
        .type = &(t), .evidence = LMM_MODEL_BY_##e, .start = LMM_START_DERIVED                     \
    }
#define BASE_AFTER(n, t, e)                                                                        \
    {                                                                                              \
        .type = &(t), .evidence = LMM_MODEL_BY_##e, .start = LMM_START_BASE, .header_bytes = (n)   \
    }
#define DERIVED_AFTER(n, t, e)                                                                     \
    {                                                                                              \
        .type = &(t), .evidence = LMM_MODEL_BY_##e, .start = LMM_START_DERIVED,                    \
        .header_bytes = (n)                                                                        \
    }
#define RAW(t, e)                                                                                  \
    {                                                                                              \
        .type = &(t), .evidence = LMM_MODEL_BY_##e, .is_raw = true                                 \
    }
#define CHOICE(t, e)                                                                               \
    {                                                                                              \
        .type = &(t), .evidence = LMM_MODEL_BY_##e, .is_choice = true                              \
    }
#define UNKNOWN LMM_HEADER_UNKNOWN

static const struct decide_case {
    const char *why;
    struct lmm_candidate candidates[CANDIDATES_MAX];
    struct lmm_size_range sizes[RANGES_MAX];
    enum lmm_maker maker;
    const char *type; /* NULL: none */
    bool is_array;
    enum lmm_model_confidence confidence;
} cases[] = {
    {"no evidence", {{0}}, {{48, 48}}, MALLOC, NULL, false, LMM_MODEL_NO_TYPE},
    {"one kind of evidence",
     {FROM(node, VARIABLE)},
     {{48, 48}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_LIKELY},
    {"pointers, and a struct of which one may be the first member",
     {FROM(object, VARIABLE), FROM(pointer, VARIABLE)},
     {{48, 48}},
     MALLOC,
     "struct node *",
     true,
     LMM_MODEL_GUESS},
    {"a variable that points at the link of a node",
     {FROM(link, VARIABLE)},
     {{16, 16}},
     MALLOC,
     "struct cell *",
     true,
     LMM_MODEL_GUESS},
    {"a table of nodes, by where it is stored",
     {FROM(link, STORE)},
     {{16, 16}},
     MALLOC,
     "struct cell *",
     true,
     LMM_MODEL_LIKELY},
    {"a table of another size",
     {FROM(link, VARIABLE)},
     {{64, 64}},
     MALLOC,
     "struct cell *",
     true,
     LMM_MODEL_LIKELY},
    {"pointers that the source tells",
     {FROM(object, VARIABLE), SEVERAL(pointer, SOURCE)},
     {{48, 48}},
     MALLOC,
     "struct node *",
     true,
     LMM_MODEL_LIKELY},
    {"a header of elements",
     {FROM(elements, VARIABLE), FROM(elements, STORE)},
     {{18, 416}},
     MALLOC,
     "Elements<short>",
     false,
     LMM_MODEL_LIKELY},
    {"a header of elements that operator new made",
     {FROM(elements, VARIABLE), FROM(elements, STORE)},
     {{18, 418}},
     NEW,
     NULL,
     false,
     LMM_MODEL_NO_TYPE},
    {"two variables are one kind of evidence",
     {FROM(node, VARIABLE), FROM(node, VARIABLE)},
     {{48, 48}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_LIKELY},
    {"two kinds",
     {FROM(node, VARIABLE), FROM(node, RETURN)},
     {{48, 48}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_CERTAIN},
    {"a record of the compiler",
     {FROM(node, RECORD)},
     {{48, 48}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_CERTAIN},
    {"a record that the sizes refute",
     {FROM(node, RECORD)},
     {{50, 50}},
     MALLOC,
     NULL,
     false,
     LMM_MODEL_NO_TYPE},
    {"the sizes refute it",
     {FROM(node, VARIABLE), FROM(node, SOURCE)},
     {{40, 40}},
     MALLOC,
     NULL,
     false,
     LMM_MODEL_NO_TYPE},
    {"one of several sizes refutes it",
     {FROM(node, VARIABLE)},
     {{48, 48}, {50, 50}},
     MALLOC,
     NULL,
     false,
     LMM_MODEL_NO_TYPE},
    {"different numbers of it",
     {FROM(node, VARIABLE)},
     {{48, 480}},
     MALLOC,
     "struct node",
     true,
     LMM_MODEL_LIKELY},
    {"different numbers, two kinds",
     {FROM(node, VARIABLE), SEVERAL(node, SOURCE)},
     {{96, 480}},
     MALLOC,
     "struct node",
     true,
     LMM_MODEL_CERTAIN},
    {"one byte for no pointers",
     {FROM(pointer, VARIABLE), SEVERAL(pointer, SOURCE)},
     {{1, 480}},
     MALLOC,
     "struct node *",
     true,
     LMM_MODEL_CERTAIN},
    {"one byte for no structs",
     {FROM(node, VARIABLE), SEVERAL(node, SOURCE)},
     {{1, 480}},
     MALLOC,
     NULL,
     false,
     LMM_MODEL_NO_TYPE},
    {"structs with an array without a length, whose sizes are multiples of it",
     {FROM(vector, VARIABLE)},
     {{32, 64}},
     MALLOC,
     "struct vector",
     false,
     LMM_MODEL_LIKELY},
    {"the head of a list in a larger struct",
     {FROM(head, VARIABLE), FROM(head, RETURN)},
     {{48, 48}},
     MALLOC,
     "struct list_head",
     true,
     LMM_MODEL_GUESS},
    {"a constant number of structs, which no larger one starts with",
     {FROM(entry, STORE)},
     {{48, 48}},
     MALLOC,
     "struct entry",
     true,
     LMM_MODEL_LIKELY},
    {"the same by two kinds of evidence",
     {FROM(entry, STORE), FROM(entry, VARIABLE)},
     {{48, 48}},
     MALLOC,
     "struct entry",
     true,
     LMM_MODEL_LIKELY},
    {"a parameter alone, of such a struct",
     {FROM(entry, ARGUMENT)},
     {{48, 48}},
     MALLOC,
     "struct entry",
     true,
     LMM_MODEL_GUESS},
    {"different numbers of them, which are returned",
     {FROM(entry, RETURN)},
     {{12, 48}},
     MALLOC,
     "struct entry",
     true,
     LMM_MODEL_LIKELY},
    {"a struct on one side of a branch, and what it starts with",
     {FROM(object, VARIABLE), LATE(tuple, VARIABLE)},
     {{32, 32}},
     MALLOC,
     "struct tuple",
     false,
     LMM_MODEL_GUESS},
    {"a struct on one side of a branch alone",
     {LATE(tuple, VARIABLE)},
     {{32, 32}},
     MALLOC,
     "struct tuple",
     false,
     LMM_MODEL_LIKELY},
    {"a struct and what it starts with",
     {FROM(object, VARIABLE), FROM(tuple, VARIABLE)},
     {{160, 160}},
     MALLOC,
     "struct tuple",
     true,
     LMM_MODEL_LIKELY},
    {"the struct and the head of its list",
     {FROM(head, VARIABLE), FROM(node, VARIABLE)},
     {{48, 48}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_LIKELY},
    {"three of it, as the source says",
     {SEVERAL(head, SOURCE), FROM(head, VARIABLE)},
     {{48, 48}},
     MALLOC,
     "struct list_head",
     true,
     LMM_MODEL_CERTAIN},
    {"a flexible array",
     {FROM(packet, VARIABLE), FROM(packet, SOURCE)},
     {{21, 1500}},
     MALLOC,
     "struct packet",
     false,
     LMM_MODEL_CERTAIN},
    {"a flexible array of words",
     {FROM(vector, VARIABLE)},
     {{24, 24}, {40, 160}},
     MALLOC,
     "struct vector",
     false,
     LMM_MODEL_LIKELY},
    {"no element has this size",
     {FROM(vector, VARIABLE)},
     {{27, 27}},
     MALLOC,
     NULL,
     false,
     LMM_MODEL_NO_TYPE},
    {"sizeof(T) + n",
     {AND_MORE(node, SOURCE)},
     {{49, 1000}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_LIKELY},
    {"less than sizeof(T) + n",
     {AND_MORE(node, SOURCE)},
     {{40, 1000}},
     MALLOC,
     NULL,
     false,
     LMM_MODEL_NO_TYPE},
    {"bytes", {FROM(byte, VARIABLE)}, {{1, 999}}, MALLOC, "char", true, LMM_MODEL_LIKELY},
    {"bytes in the block",
     {INSIDE(byte, STORE)},
     {{100, 100}},
     MALLOC,
     "char",
     true,
     LMM_MODEL_LIKELY},
    {"bytes behind a struct",
     {FROM(node, VARIABLE), INSIDE(byte, STORE)},
     {{4120, 4120}},
     MALLOC,
     "char",
     true,
     LMM_MODEL_GUESS},
    {"bytes by two kinds",
     {FROM(byte, VARIABLE), FROM(byte, RETURN)},
     {{1, 999}},
     MALLOC,
     "char",
     true,
     LMM_MODEL_LIKELY},
    {"strdup", {SEVERAL(byte, NAME)}, {{1, 999}}, MALLOC, "char", true, LMM_MODEL_CERTAIN},
    {"bytes, and a struct that fits",
     {FROM(byte, VARIABLE), FROM(node, VARIABLE)},
     {{48, 48}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_LIKELY},
    {"text after a header",
     {INSIDE(byte, RETURN)},
     {{10, 300}},
     MALLOC,
     "char",
     true,
     LMM_MODEL_LIKELY},
    {"a struct after a page",
     {INSIDE(node, VARIABLE), INSIDE(node, STORE)},
     {{4144, 4144}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_LIKELY},
    {"a struct after something, by one kind",
     {INSIDE(node, VARIABLE)},
     {{64, 64}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_GUESS},
    {"sizeof(prefix) + sizeof(T), of which T is returned",
     {AND_MORE(node, SOURCE), INSIDE(node, RETURN)},
     {{64, 64}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_GUESS},
    {"a struct that is longer than the block",
     {INSIDE(node, VARIABLE), INSIDE(node, STORE)},
     {{40, 40}},
     MALLOC,
     NULL,
     false,
     LMM_MODEL_NO_TYPE},
    {"n * sizeof(void *), stored as pointers to structs",
     {SEVERAL(any, SOURCE), FROM(pointer, STORE)},
     {{64, 64}},
     MALLOC,
     "struct node *",
     true,
     LMM_MODEL_CERTAIN},
    {"ints", {FROM(number, VARIABLE)}, {{40, 40}}, MALLOC, "int", true, LMM_MODEL_LIKELY},
    {"pointers",
     {FROM(pointer, VARIABLE), SEVERAL(pointer, SOURCE)},
     {{64, 512}},
     MALLOC,
     "struct node *",
     true,
     LMM_MODEL_CERTAIN},
    {"an incomplete type",
     {FROM(opaque, VARIABLE), FROM(opaque, RETURN)},
     {{48, 48}},
     MALLOC,
     "struct opaque",
     false,
     LMM_MODEL_LIKELY},
    {"an incomplete type by one kind of evidence",
     {FROM(opaque, VARIABLE)},
     {{48, 48}},
     MALLOC,
     "struct opaque",
     false,
     LMM_MODEL_GUESS},
    {"an incomplete type, and blocks of several sizes",
     {FROM(opaque, VARIABLE), FROM(opaque, RETURN)},
     {{48, 64}},
     MALLOC,
     "struct opaque",
     false,
     LMM_MODEL_GUESS},
    {"a constant number, and the source names the type",
     {FROM(head, STORE), FROM(head, SOURCE)},
     {{160, 160}},
     MALLOC,
     "struct list_head",
     true,
     LMM_MODEL_LIKELY},
    {"no size is known",
     {FROM(node, VARIABLE), FROM(node, RETURN)},
     {{0, 0}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_GUESS},
    {"a parameter alone",
     {FROM(node, ARGUMENT)},
     {{48, 48}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_GUESS},
    {"a size alone", {FROM(node, SIZE)}, {{48, 48}}, MALLOC, "struct node", false, LMM_MODEL_GUESS},
    {"a pointer to a base class",
     {FROM(base, VARIABLE), FROM(base, RETURN)},
     {{16, 16}},
     NEW,
     "Base",
     false,
     LMM_MODEL_LIKELY},
    {"its class by the constructor",
     {FROM(base, VARIABLE), FROM(derived, OBJECT)},
     {{16, 16}},
     NEW,
     "Derived",
     false,
     LMM_MODEL_LIKELY},
    {"a class by constructor and variable",
     {FROM(derived, VARIABLE), FROM(derived, OBJECT)},
     {{16, 16}},
     NEW,
     "Derived",
     false,
     LMM_MODEL_CERTAIN},
    {"std::allocator<T>",
     {SEVERAL(node, NAME)},
     {{48, 4800}},
     NEW,
     "struct node",
     true,
     LMM_MODEL_CERTAIN},
    {"new[] with the number before it",
     {SEVERAL(derived, SOURCE), FROM(derived, VARIABLE)},
     {{88, 88}},
     NEW,
     "Derived",
     true,
     LMM_MODEL_CERTAIN},
    {"one object of a larger class than the pointer's",
     {FROM(base, VARIABLE), FROM(base, RETURN)},
     {{16, 16}, {64, 64}},
     NEW,
     "Base",
     true,
     LMM_MODEL_GUESS},
    {"objects of new[]",
     {FROM(base, VARIABLE)},
     {{16, 64}},
     NEW_ARRAY,
     "Base",
     true,
     LMM_MODEL_LIKELY},
    {"structs of several kinds that start with one, and are returned as that",
     {FROM(head, VARIABLE), FROM(head, RETURN)},
     {{16, 48}, {64, 64}},
     MALLOC,
     "struct list_head",
     true,
     LMM_MODEL_GUESS},
    {"an array that grows, by two kinds of evidence",
     {FROM(head, VARIABLE), FROM(head, STORE)},
     {{16, 4096}},
     MALLOC,
     "struct list_head",
     true,
     LMM_MODEL_LIKELY},
    {"objects of several sizes after a header",
     {INSIDE(head, VARIABLE), INSIDE(head, RETURN)},
     {{64, 80}},
     MALLOC,
     "struct list_head",
     false,
     LMM_MODEL_GUESS},
    {"a pool: a struct and room after it",
     {FROM(node, VARIABLE), FROM(node, RETURN)},
     {{4096, 4096}},
     MALLOC,
     "struct node",
     false,
     LMM_MODEL_LIKELY},
    {"a part of a pool: sizeof(T) alone is asked for",
     {FROM(node, VARIABLE), FROM(node, SOURCE)},
     {{4096, 4096}},
     MALLOC,
     NULL,
     false,
     LMM_MODEL_NO_TYPE},
    {"a pool by one kind of evidence",
     {FROM(node, VARIABLE)},
     {{4096, 4096}},
     MALLOC,
     NULL,
     false,
     LMM_MODEL_NO_TYPE},
    {"a pool whose bytes are handed out",
     {FROM(node, VARIABLE), FROM(byte, VARIABLE)},
     {{4096, 4096}},
     MALLOC,
     "char",
     true,
     LMM_MODEL_LIKELY},
    {"a buffer, and pointers to records in it",
     {FROM(byte, VARIABLE), FROM(byte, STORE), INSIDE(node, VARIABLE), INSIDE(node, STORE)},
     {{4096, 65536}},
     MALLOC,
     "char",
     true,
     LMM_MODEL_LIKELY},
    {"records in a buffer",
     {FROM(node, VARIABLE), FROM(node, STORE), FROM(byte, VARIABLE), INSIDE(byte, VARIABLE)},
     {{4096, 65536}},
     MALLOC,
     "char",
     true,
     LMM_MODEL_LIKELY},
    {"a struct that larger ones start with",
     {FROM(object, VARIABLE), FROM(object, RETURN)},
     {{48, 48}},
     MALLOC,
     NULL,
     false,
     LMM_MODEL_NO_TYPE},
    {"two structs of one size",
     {FROM(base, VARIABLE), FROM(derived, STORE)},
     {{16, 16}},
     MALLOC,
     "Base",
     false,
     LMM_MODEL_GUESS},
};

/* What a function returns that leaves the question to its caller, and what the caller knows. */
static const struct start_case {
    const char *why;
    struct lmm_candidate candidates[CANDIDATES_MAX];
    struct lmm_size_range sizes;
    const char *type; /* "+": and more */
    enum lmm_model_confidence confidence;
    uint32_t header_bytes;
} starts[] = {
    {"a struct that starts with what a function returns",
     {BASE(object, RETURN), DERIVED(list, VARIABLE)},
     {40, 40},
     "struct list",
     LMM_MODEL_LIKELY,
     0},
    {"nobody knows which struct it is",
     {BASE(object, RETURN)},
     {40, 40},
     "struct object+",
     LMM_MODEL_LIKELY,
     0},
    {"a struct that is too large",
     {BASE(object, RETURN), DERIVED(list, VARIABLE)},
     {32, 32},
     "struct object+",
     LMM_MODEL_LIKELY,
     0},
    {"two structs that contradict each other",
     {BASE(object, RETURN), DERIVED(list, VARIABLE), DERIVED(tuple, VARIABLE)},
     {40, 40},
     "struct object+",
     LMM_MODEL_LIKELY,
     0},
    {"a parameter alone",
     {BASE(object, RETURN), DERIVED(list, ARGUMENT)},
     {48, 48},
     "struct object+",
     LMM_MODEL_LIKELY,
     0},
    {"after a header of known size, two kinds",
     {RAW(byte, VARIABLE), BASE_AFTER(16, object, RETURN), DERIVED_AFTER(16, list, VARIABLE),
      DERIVED_AFTER(16, list, SOURCE)},
     {56, 56},
     "struct list",
     LMM_MODEL_CERTAIN,
     16},
    {"after a header of unknown size, two kinds",
     {RAW(byte, VARIABLE), BASE_AFTER(UNKNOWN, object, RETURN),
      DERIVED_AFTER(UNKNOWN, list, VARIABLE), DERIVED_AFTER(UNKNOWN, list, SOURCE)},
     {72, 72},
     "struct list",
     LMM_MODEL_LIKELY,
     32},
    {"no header has such a size",
     {BASE_AFTER(UNKNOWN, object, RETURN), DERIVED_AFTER(UNKNOWN, list, VARIABLE)},
     {64, 64},
     "struct list+",
     LMM_MODEL_LIKELY,
     0},
    {"a longer header would do, but larger structs start with it",
     {BASE_AFTER(UNKNOWN, object, RETURN), DERIVED_AFTER(UNKNOWN, set, VARIABLE)},
     {64, 64},
     "struct set+",
     LMM_MODEL_LIKELY,
     0},
    {"after a header, elements at the end",
     {BASE_AFTER(UNKNOWN, object, RETURN), DERIVED_AFTER(UNKNOWN, tuple, VARIABLE)},
     {40, 400},
     "struct tuple",
     LMM_MODEL_LIKELY,
     0},
    {"a struct that no other starts with, inside a buffer",
     {RAW(byte, VARIABLE), BASE_AFTER(UNKNOWN, node, RETURN)},
     {87200, 87200},
     "char",
     LMM_MODEL_LIKELY,
     0},
    {"a struct that starts with what the first function returns, and not with what the second one "
     "does",
     {BASE(object, RETURN), BASE(set, RETURN), DERIVED(list, VARIABLE)},
     {40, 40},
     "struct list",
     LMM_MODEL_LIKELY,
     0},
    {"a choice of two, one of which starts with the other",
     {CHOICE(object, SOURCE), CHOICE(list, SOURCE)},
     {30, 400},
     "struct object+",
     LMM_MODEL_LIKELY,
     0},
    {"a choice of two, one of which is too large",
     {CHOICE(object, SOURCE), CHOICE(list, SOURCE)},
     {20, 39},
     "struct object",
     LMM_MODEL_LIKELY,
     0},
    {"a choice of two that have nothing in common",
     {CHOICE(node, SOURCE), CHOICE(list, SOURCE)},
     {48, 48},
     "struct node",
     LMM_MODEL_GUESS,
     0},
    {"what the block is taken for, and nothing else",
     {RAW(byte, VARIABLE)},
     {40, 400},
     "char",
     LMM_MODEL_LIKELY,
     0},
};

static size_t candidates_of(const struct lmm_candidate *candidates)
{
    size_t count = 0;

    while (count < CANDIDATES_MAX && candidates[count].type != NULL) {
        count++;
    }
    return count;
}

static size_t ranges_of(const struct decide_case *this)
{
    size_t count = 1;

    while (count < RANGES_MAX && this->sizes[count].smallest != 0) {
        count++;
    }
    return count;
}

Test(decide, cases)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct decide_case *this = &cases[i];
        struct lmm_verdict verdict = lmm_decide(this->candidates, candidates_of(this->candidates),
                                                this->sizes, ranges_of(this), this->maker);
        const char *name = verdict.type == NULL ? NULL : verdict.type->name;

        cr_expect((name == NULL) == (this->type == NULL) &&
                      (name == NULL || strcmp(name, this->type) == 0),
                  "%s: %s instead of %s", this->why, name == NULL ? "(none)" : name,
                  this->type == NULL ? "(none)" : this->type);
        cr_expect_eq(verdict.confidence, this->confidence, "%s: confidence %d instead of %d",
                     this->why, verdict.confidence, this->confidence);
        cr_expect_eq(verdict.is_array, this->is_array, "%s: array", this->why);
        cr_expect_not(verdict.has_more, "%s: more", this->why);
    }
}

Test(decide, starts)
{
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        const struct start_case *this = &starts[i];
        struct lmm_verdict verdict =
            lmm_decide(this->candidates, candidates_of(this->candidates), &this->sizes, 1, MALLOC);
        char name[LMM_TYPE_NAME_MAX + 1];

        snprintf(name, sizeof(name), "%s%s", verdict.type == NULL ? "" : verdict.type->name,
                 verdict.has_more ? "+" : "");
        cr_expect_str_eq(name, this->type, "%s: %s", this->why, name);
        cr_expect_eq(verdict.confidence, this->confidence, "%s: confidence %d", this->why,
                     verdict.confidence);
        cr_expect_eq(verdict.header_bytes, this->header_bytes, "%s: header", this->why);
    }
}
