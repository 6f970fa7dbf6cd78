/* SPDX-License-Identifier: MIT */
/* The type that a compiler says that a call allocates, in the debug information of this program. */
#include <criterion/criterion.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>

#include "reporter/program/symbols/symbol_file.h"
#include "reporter/program/types/bases.h"
#include "reporter/program/types/facts.h"
#include "reporter/program/types/file_code.h"
#include "reporter/program/types/sources.h"
#include "reporter/program/types/type_info.h"
#include "reporter/program/types/type_table.h"
#include "reporter/program/types/way.h"

extern const char record_typed[];
extern const char record_gnu[];
extern const char record_plain[];

static struct lmm_facts_reader reader;

/* A callback of dl_iterate_phdr(): the program itself comes first. */
static int put_base(struct dl_phdr_info *info, size_t bytes, void *base)
{
    (void) bytes;
    *(uint64_t *) base = info->dlpi_addr;
    return 1;
}

/* Returns the facts about the call that returns to an address of this process. */
static struct lmm_facts facts_of(const char *address)
{
    struct lmm_facts facts;
    uint64_t base = 0;

    dl_iterate_phdr(put_base, &base);
    cr_assert(lmm_facts_find(&reader, (uint64_t) (uintptr_t) address - base, "make_any",
                             LMM_WAY_RESULT, &facts));
    return facts;
}

static void open_all(void)
{
    const struct lmm_symbol_identity identity = {.build_id = NULL};
    enum lmm_symbol_fault fault;

    reader.file = lmm_symbol_file_open("/proc/self/exe", -1, &identity, &fault);
    cr_assert_not_null(reader.file);
    reader.code = lmm_file_code_new(reader.file);
    reader.sources = lmm_sources_new();
    reader.follower = lmm_way_follower_new();
    reader.types = lmm_type_table_new();
    reader.bases = lmm_bases_new();
}

static void close_all(void)
{
    lmm_bases_free(reader.bases);
    lmm_type_table_free(reader.types);
    lmm_sources_free(reader.sources);
    lmm_way_follower_free(reader.follower);
    lmm_file_code_free(reader.code);
    lmm_symbol_file_close(reader.file);
}

TestSuite(record, .init = open_all, .fini = close_all);

static void expect_record(const char *address)
{
    struct lmm_facts facts = facts_of(address);

    cr_assert_eq(facts.count, 1);
    cr_expect_str_eq(facts.items[0].type->name, "struct record");
    cr_expect_eq(facts.items[0].type->bytes, 48);
    cr_expect_eq(facts.items[0].evidence, (unsigned) LMM_MODEL_BY_RECORD);
    free(facts.items);
}

Test(record, a_call_with_a_type)
{
    expect_record(record_typed);
}

Test(record, a_call_with_a_type_as_gnu_has_it)
{
    expect_record(record_gnu);
}

Test(record, a_call_without_one)
{
    struct lmm_facts facts = facts_of(record_plain);

    cr_expect(facts.has_debug);
    cr_expect_eq(facts.count, 0);
    free(facts.items);
}
