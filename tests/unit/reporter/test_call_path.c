/* SPDX-License-Identifier: MIT */
/* call_path: what calls further out say, when functions return less than they allocate. */
#include "reporter/program/types/call_path.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/types/type_info.h"

enum {
    PLACES_MAX = 3,
    ITEMS_MAX = 3,
    TEXT_MAX = 1024,
};

static const struct lmm_type_info byte = {.name = "char", .kind = LMM_TYPE_BYTE, .bytes = 1};
static const struct lmm_type_info header = {.name = "header", .kind = LMM_TYPE_RECORD, .bytes = 16};
static const struct lmm_type_info object = {
    .name = "object", .kind = LMM_TYPE_RECORD, .bytes = 16, .is_base = true};
static const struct lmm_type_info node = {.name = "node", .kind = LMM_TYPE_RECORD, .bytes = 24};
static const struct lmm_type_info list = {
    .name = "list", .kind = LMM_TYPE_RECORD, .bytes = 40, .starts = "|var_object|object|"};

static const struct lmm_type_info base_class = {
    .name = "base", .kind = LMM_TYPE_RECORD, .bytes = 16, .is_base = true, .is_cplusplus = true};
static const struct lmm_type_info other_class = {
    .name = "other", .kind = LMM_TYPE_RECORD, .bytes = 24, .is_base = true, .is_cplusplus = true};
static const struct lmm_type_info derived_class = {.name = "derived",
                                                   .kind = LMM_TYPE_RECORD,
                                                   .bytes = 32,
                                                   .starts = "|base|",
                                                   .is_base = true,
                                                   .is_cplusplus = true};
static const struct lmm_type_info virtual_class = {.name = "virtual",
                                                   .kind = LMM_TYPE_RECORD,
                                                   .bytes = 16,
                                                   .is_base = true,
                                                   .is_cplusplus = true,
                                                   .is_polymorphic = true};

#define VARIABLE LMM_MODEL_BY_VARIABLE
#define RETURN   LMM_MODEL_BY_RETURN

struct place {
    struct lmm_candidate items[ITEMS_MAX];
    bool returns;
    bool is_generic;
    int32_t returns_after;
    enum lmm_maker maker;
};

static const struct path_case {
    const char *why;
    struct place places[PLACES_MAX];
    uint64_t bytes;
    const char *candidates; /* a line for each: name, what lies before it, its relation */
    bool leaves_question;   /* the last place does */
} cases[] = {
    {"a function that returns what it allocates",
     {{.items = {{&node, VARIABLE}, {&node, RETURN}}, .returns = true}},
     24,
     "node 0\nnode 0\n",
     false},
    {"one that returns a struct which others start with",
     {{.items = {{&object, RETURN}}, .returns = true}},
     40,
     "object 0 base\n",
     true},
    {"a block of just that size",
     {{.items = {{&object, RETURN}}, .returns = true}},
     16,
     "object 0 base\n",
     false},
    {"a class, whose caller knows the larger one",
     {{.items = {{&base_class, RETURN}}, .returns = true},
      {.items = {{&derived_class, VARIABLE}, {&base_class, VARIABLE}}}},
     32,
     "base 0 base\nderived 0 derived\n",
     false},
    {"a class, and callers that know no larger one",
     {{.items = {{&base_class, RETURN}}, .returns = true},
      {.items = {{&other_class, VARIABLE}}, .returns = true}},
     32,
     "base 0\nother 0\n",
     false},
    {"a class with virtual functions",
     {{.items = {{&virtual_class, RETURN}}, .returns = true}},
     32,
     "virtual 0\n",
     false},
    {"a class that operator new made",
     {{.items = {{&base_class, RETURN}}, .returns = true, .maker = LMM_MAKER_NEW}},
     32,
     "base 0\n",
     false},
    {"its caller knows the larger struct",
     {{.items = {{&object, RETURN}}, .returns = true},
      {.items = {{&list, VARIABLE}, {&object, RETURN}}, .returns = true}},
     40,
     "object 0 base\nlist 0 derived\n",
     false},
    {"its caller knows the larger struct sometimes",
     {{.items = {{&object, RETURN}}, .returns = true},
      {.items = {{&list, VARIABLE, .is_late = true}}, .returns = true}},
     40,
     "object 0 base\n",
     false},
    {"a header of known size before it",
     {{.items = {{&byte, VARIABLE}, {&object, RETURN, .is_inside = true}}, .returns_after = 16},
      {.items = {{&list, VARIABLE}}}},
     56,
     "char 0 raw\nobject 16 base\nlist 16 derived\n",
     false},
    {"a header of unknown size",
     {{.items = {{&byte, VARIABLE}, {&object, RETURN, .is_inside = true}},
       .returns_after = LMM_HEADER_UNKNOWN}},
     56,
     "char 0 raw\nobject ? base\n",
     true},
    {"the struct of the header is what the block is taken for",
     {{.items = {{&header, VARIABLE}}, .is_generic = true, .returns_after = 16},
      {.items = {{&node, VARIABLE}}}},
     40,
     "header 0 raw\nnode 16\n",
     false},
    {"a member of a struct is returned",
     {{.items = {{&object, RETURN, .is_inside = true}}, .returns_after = 8}},
     40,
     "object 0 inside\n",
     false},
    {"a generic wrapper says nothing",
     {{.items = {{&byte, VARIABLE}}, .returns = true, .is_generic = true},
      {.items = {{&node, VARIABLE}}}},
     24,
     "node 0\n",
     false},
};

static void put(FILE *out, const struct lmm_candidate *candidate)
{
    static const char *const relations[] = {
        [LMM_START_BASE] = " base", [LMM_START_DERIVED] = " derived", [LMM_START_NONE] = ""};

    fprintf(out, "%s ", candidate->type->name);
    if (candidate->header_bytes == LMM_HEADER_UNKNOWN) {
        fputs("?", out);
    } else {
        fprintf(out, "%d", (int) candidate->header_bytes);
    }
    fprintf(out, "%s%s%s\n", relations[candidate->start], candidate->is_inside ? " inside" : "",
            candidate->is_raw ? " raw" : "");
}

static void check(const struct path_case *this)
{
    struct lmm_fact_place places[PLACES_MAX];
    struct lmm_candidate items[PLACES_MAX][ITEMS_MAX];
    struct lmm_call_path path = {.count = 0};
    const struct lmm_size_range sizes = {this->bytes, this->bytes};
    char text[TEXT_MAX] = "";
    FILE *out = fmemopen(text, TEXT_MAX, "w");

    cr_assert_not_null(out);
    memset(places, 0, sizeof(places));
    for (size_t i = 0; i < PLACES_MAX && this->places[i].items[0].type != NULL; i++) {
        const struct place *place = &this->places[i];
        struct lmm_facts *facts = &places[i].facts;

        memcpy(items[i], place->items, sizeof(items[i]));
        facts->items = items[i];
        while (facts->count < ITEMS_MAX && items[i][facts->count].type != NULL) {
            facts->count++;
        }
        facts->returns = place->returns;
        facts->is_generic = place->is_generic;
        facts->returns_after = place->returns_after;
        places[i].maker = place->maker;
        lmm_call_path_add(&path, &places[i]);
    }
    cr_expect_eq(lmm_call_path_leaves_question(&path, &sizes, 1), this->leaves_question, "%s",
                 this->why);
    struct lmm_call_path_candidates candidates = lmm_call_path_list(&path);

    for (size_t i = 0; i < candidates.count; i++) {
        put(out, &candidates.items[i]);
    }
    fclose(out);
    cr_expect_str_eq(text, this->candidates, "%s:\n%s", this->why, text);
    free(candidates.items);
}

Test(call_path, cases)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(&cases[i]);
    }
}
