/* SPDX-License-Identifier: MIT */
/* type_cache: facts come back as they were written, and a damaged cache is ignored. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/types/call_facts.h"
#include "reporter/program/types/type_cache.h"
#include "reporter/program/types/type_info.h"
#include "reporter/program/types/type_table.h"

enum { TAKEN_MAX = 8 };

static const unsigned char build_id[] = {0xde, 0xad, 0x00, 0x01};
static const struct lmm_type_info node = {.name = "struct node",
                                          .kind = LMM_TYPE_RECORD,
                                          .bytes = 48,
                                          .tail_offset = 40,
                                          .tail_bytes = 8,
                                          .file = "/src/a b/tree.h",
                                          .line = 12,
                                          .starts = "|struct head|"};
static const struct lmm_type_info list = {.name = "std::pair<int const, hr::Employee>",
                                          .kind = LMM_TYPE_RECORD,
                                          .bytes = 24,
                                          .is_cplusplus = true,
                                          .is_polymorphic = true};
static const struct lmm_type_info strange = {.name = "two\nlines", .kind = LMM_TYPE_SCALAR};

static char folder[] = "/tmp/lmm-type-cache-XXXXXX";

struct taken {
    uint64_t offsets[TAKEN_MAX];
    struct lmm_facts facts[TAKEN_MAX];
    size_t count;
};

static bool take(void *context, uint64_t offset, const struct lmm_facts *facts)
{
    struct taken *taken = context;

    cr_assert_lt(taken->count, TAKEN_MAX);
    taken->offsets[taken->count] = offset;
    taken->facts[taken->count++] = *facts;
    return true;
}

static void forget(struct taken *taken)
{
    for (size_t i = 0; i < taken->count; i++) {
        free(taken->facts[i].items);
    }
    taken->count = 0;
}

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(folder));
    setenv("XDG_CACHE_HOME", folder, 1);
}

static void tear_down(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    cr_assert_eq(system(command), 0);
}

static void write_two(void)
{
    struct lmm_candidate first[] = {{.type = &node, .evidence = LMM_MODEL_BY_VARIABLE},
                                    {.type = &list,
                                     .evidence = LMM_MODEL_BY_NAME,
                                     .is_array = true,
                                     .has_more = true,
                                     .is_inside = true,
                                     .is_late = true}};
    struct lmm_facts facts[] = {
        {.items = first, .count = 2, .returns = true, .is_generic = true, .has_debug = true},
        {.has_debug = true, .output = 3, .returns_after = LMM_HEADER_UNKNOWN}};
    struct lmm_type_cache_item items[] = {{0x1234, &facts[0]}, {0xffffffff12345678, &facts[1]}};

    lmm_type_cache_write(build_id, sizeof(build_id), items, 2);
}

static bool read_all(struct lmm_type_table *table, struct taken *taken)
{
    return lmm_type_cache_read(build_id, sizeof(build_id), table, take, taken);
}

TestSuite(type_cache, .init = set_up, .fini = tear_down);

Test(type_cache, what_was_written_is_read)
{
    struct lmm_type_table *table = lmm_type_table_new();
    struct taken taken = {.count = 0};

    write_two();
    cr_assert(read_all(table, &taken));
    cr_assert_eq(taken.count, 2);
    cr_expect_eq(taken.offsets[0], 0x1234);
    cr_expect_eq(taken.offsets[1], 0xffffffff12345678);
    cr_assert_eq(taken.facts[0].count, 2);
    cr_expect_eq(taken.facts[1].count, 0);
    cr_expect(taken.facts[0].returns && taken.facts[0].is_generic && taken.facts[0].has_debug);
    cr_expect_eq(taken.facts[0].output, 0);
    cr_expect_eq(taken.facts[1].output, 3);
    cr_expect_eq(taken.facts[0].returns_after, 0);
    cr_expect_eq(taken.facts[1].returns_after, LMM_HEADER_UNKNOWN);
    cr_expect(!taken.facts[1].returns && !taken.facts[1].is_generic && taken.facts[1].has_debug);
    cr_expect_eq(memcmp(taken.facts[0].items[0].type, &node, sizeof(node)), 0);
    cr_expect_eq(memcmp(taken.facts[0].items[1].type, &list, sizeof(list)), 0);
    cr_expect_eq(taken.facts[0].items[1].evidence, LMM_MODEL_BY_NAME);
    cr_expect(taken.facts[0].items[1].is_array && taken.facts[0].items[1].has_more &&
              taken.facts[0].items[1].is_inside && taken.facts[0].items[1].is_late);
    cr_expect(!taken.facts[0].items[0].is_late);
    forget(&taken);
    lmm_type_table_free(table);
}

Test(type_cache, a_call_whose_type_cannot_stand_in_a_line_is_left_out)
{
    struct lmm_type_table *table = lmm_type_table_new();
    struct taken taken = {.count = 0};
    struct lmm_candidate bad = {.type = &strange, .evidence = LMM_MODEL_BY_VARIABLE};
    struct lmm_facts facts[] = {{.items = &bad, .count = 1, .has_debug = true},
                                {.returns = true, .has_debug = true}};
    struct lmm_type_cache_item items[] = {{1, &facts[0]}, {2, &facts[1]}};

    lmm_type_cache_write(build_id, sizeof(build_id), items, 2);
    cr_assert(read_all(table, &taken));
    cr_assert_eq(taken.count, 1);
    cr_expect_eq(taken.offsets[0], 2);
    forget(&taken);
    lmm_type_table_free(table);
}

Test(type_cache, facts_of_a_file_without_debug_information)
{
    struct lmm_type_table *table = lmm_type_table_new();
    struct taken taken = {.count = 0};
    struct lmm_facts facts[] = {{.is_blind = true, .returns = true, .is_generic = true},
                                {.is_blind = true},
                                {.returns = true, .has_debug = true}};
    struct lmm_type_cache_item items[] = {
        {0x10, &facts[0]}, {0xffffffff12345678, &facts[1]}, {0x20, &facts[2]}};

    lmm_type_cache_write(build_id, sizeof(build_id), items, 3);
    cr_assert(read_all(table, &taken));
    cr_assert_eq(taken.count, 3);
    for (size_t i = 0; i < taken.count; i++) {
        cr_expect_eq(taken.offsets[i], items[i].offset, "%zu", i);
        cr_expect_eq(taken.facts[i].is_blind, facts[i].is_blind, "%zu", i);
        cr_expect_eq(taken.facts[i].returns, facts[i].returns, "%zu", i);
        cr_expect_eq(taken.facts[i].is_generic, facts[i].is_generic, "%zu", i);
        cr_expect_eq(taken.facts[i].count, 0, "%zu", i);
    }
    forget(&taken);
    lmm_type_table_free(table);
}

Test(type_cache, without_a_cache_there_are_no_facts)
{
    struct lmm_type_table *table = lmm_type_table_new();
    struct taken taken = {.count = 0};

    cr_expect_not(read_all(table, &taken));
    cr_expect_eq(taken.count, 0);
    lmm_type_table_free(table);
}

Test(type_cache, a_damaged_cache_is_not_believed)
{
    char path[PATH_MAX];
    char text[4096];

    snprintf(path, sizeof(path), "%s/lmm/types/dead0001", folder);
    write_two();
    FILE *file = fopen(path, "r");

    cr_assert_not_null(file);
    size_t bytes = fread(text, 1, sizeof(text), file);

    fclose(file);
    for (size_t i = 0; i < bytes; i++) { /* each byte once changed, and once the end */
        for (int cut = 0; cut < 2; cut++) {
            struct lmm_type_table *table = lmm_type_table_new();
            struct taken taken = {.count = 0};

            file = fopen(path, "w");
            text[i] ^= 1;
            fwrite(text, 1, cut ? i : bytes, file);
            text[i] ^= 1;
            fclose(file);
            cr_expect_not(read_all(table, &taken), "byte %zu, cut %d", i, cut);
            cr_expect_eq(taken.count, 0);
            forget(&taken);
            lmm_type_table_free(table);
        }
    }
}

Test(type_cache, a_folder_that_cannot_be_written_is_no_error)
{
    struct lmm_type_table *table = lmm_type_table_new();
    struct taken taken = {.count = 0};

    setenv("XDG_CACHE_HOME", "/proc/self/nothing", 1);
    write_two();
    cr_expect_not(read_all(table, &taken));
    lmm_type_table_free(table);
}
