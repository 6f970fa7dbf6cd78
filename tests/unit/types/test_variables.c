/* SPDX-License-Identifier: MIT */
/*
 * Where variables lie: the functions of the data file tell it while they run, in each variant, and
 * the debug information must say the same of the addresses to which their calls return.
 */
#include "reporter/program/types/variables.h"

#include <criterion/criterion.h>
#include <dwarf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "reporter/program/types/type_info.h"
#include "tests/unit/types/own_dwarf.h"
#include "tests/unit/types/variable_data.h"

enum {
    SEEN_MAX = 64,
    SCOPES_MAX = 16,
};

struct seen {
    const char *function;
    const char *variable;
    uint64_t address;
    uint64_t cfa;
    uint64_t code; /* where see() returned to */
};

static struct {
    const char *name;
    void (*run)(void);
} joined[VARIANT_COUNT];

static size_t joined_count;
static struct seen seen[SEEN_MAX];
static size_t seen_count;

void join(const char *variant, void (*run)(void))
{
    if (joined_count < VARIANT_COUNT) {
        joined[joined_count].name = variant;
        joined[joined_count++].run = run;
    }
}

__attribute__((noinline)) void see(const char *function, const char *variable, const void *address,
                                   const void *cfa)
{
    cr_assert_lt(seen_count, (size_t) SEEN_MAX);
    seen[seen_count++] = (struct seen) {
        .function = function,
        .variable = variable,
        .address = (uint64_t) address,
        .cfa = (uint64_t) cfa,
        .code = (uint64_t) __builtin_return_address(0),
    };
}

static int take_bias(struct dl_phdr_info *info, size_t size, void *ret_bias)
{
    (void) size;
    *(uint64_t *) ret_bias = info->dlpi_addr;
    return 1; /* the program is the first */
}

static uint64_t bias(void)
{
    uint64_t result = 0;

    dl_iterate_phdr(take_bias, &result);
    return result;
}

static void close_lists(void)
{
    lmm_variables_forget(own_dwarf);
    own_dwarf_close();
}

TestSuite(variables, .init = own_dwarf_open, .fini = close_lists);

/* Lists the function and the scopes in it at an address; with `blocks`, also the lexical blocks. */
static size_t list_scopes(const char *variant, const char *function, uint64_t address, bool blocks,
                          Dwarf_Die *scopes)
{
    Dwarf_Die scope;
    size_t count = 1;
    int end;

    cr_assert(own_dwarf_find(variant, DW_TAG_subprogram, function, &scope), "%s %s", variant,
              function);
    scopes[0] = scope;
    for (end = dwarf_child(&scope, &scope); end == 0 && count < SCOPES_MAX;) {
        int tag = dwarf_tag(&scope);
        bool is_scope = tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block;

        if (!is_scope || dwarf_haspc(&scope, address) <= 0) {
            end = dwarf_siblingof(&scope, &scope);
            continue;
        }
        if (blocks || tag == DW_TAG_inlined_subroutine) {
            scopes[count++] = scope;
        }
        end = dwarf_child(&scope, &scope);
    }
    return count;
}

/* Returns the place of a variable at an address, or NULL. */
static const struct lmm_variable_place *find_place(const struct lmm_variables *variables,
                                                   const char *name, uint64_t address)
{
    for (size_t i = 0; i < variables->count; i++) {
        struct lmm_variable_place *place = &variables->items[i];
        const char *own = dwarf_diename(&place->variable);

        if (own != NULL && strcmp(own, name) == 0 && place->low <= address &&
            address < place->high) {
            return place;
        }
    }
    return NULL;
}

static void expect_place(const char *variant, const struct seen *one, bool blocks)
{
    uint64_t address = one->code - bias() - 1; /* in the call: a block may end with it */
    Dwarf_Die scopes[SCOPES_MAX];
    size_t count = list_scopes(variant, one->function, address, blocks, scopes);
    struct lmm_variables variables;

    cr_assert(lmm_variables_list(scopes, count, address, address + 40, &variables));
    const struct lmm_variable_place *place = find_place(&variables, one->variable, address + 1);

    if (place == NULL) { /* its life ends with the call */
        place = find_place(&variables, one->variable, address);
    }
    cr_assert_not_null(place, "%s %s: %s is nowhere", variant, one->function, one->variable);
    if (one->cfa == 0) {
        cr_expect_eq(place->kind, LMM_PLACE_FIXED);
        cr_expect_eq((uint64_t) place->offset, one->address - bias());
    } else if (one->address != 0) {
        cr_expect_eq(place->kind, LMM_PLACE_FRAME, "%s %s: %s: %d", variant, one->function,
                     one->variable, (int) place->kind);
        cr_expect_eq(place->offset, (int64_t) (one->address - one->cfa), "%s %s: %s: %ld", variant,
                     one->function, one->variable, (long) place->offset);
    }
    lmm_variables_free(&variables);
}

Test(variables, lie_where_the_program_has_them)
{
    cr_assert_eq(joined_count, (size_t) VARIANT_COUNT);
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        seen_count = 0;
        joined[i].run();
        cr_assert_gt(seen_count, (size_t) 10);
        for (size_t k = 0; k < seen_count; k++) {
            if (seen[k].function[0] != '\0') {
                expect_place(joined[i].name, &seen[k], false);
                expect_place(joined[i].name, &seen[k], true);
            }
        }
    }
}

/* A pointer that is needed after a call is in a register that calls keep, or in the frame. */
Test(variables, lie_in_registers)
{
    size_t registers = 0;

    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        Dwarf_Die scopes[SCOPES_MAX];
        struct lmm_variables variables;

        seen_count = 0;
        joined[i].run();
        for (size_t k = 0; k < seen_count; k++) {
            if (strcmp(seen[k].function, "in_register") != 0) {
                continue;
            }
            uint64_t address = seen[k].code - bias();
            size_t count = list_scopes(joined[i].name, "in_register", address, true, scopes);

            cr_assert(lmm_variables_list(scopes, count, address, address + 1, &variables));
            const struct lmm_variable_place *place = find_place(&variables, "held", address);

            cr_assert_not_null(place);
            if (place->kind == LMM_PLACE_REGISTER) {
                registers++;
                cr_expect(place->reg == 3 || place->reg == 6 ||
                              (place->reg >= 12 && place->reg < 29),
                          "%s: %d", joined[i].name, place->reg);
            }
            lmm_variables_free(&variables);
        }
    }
    cr_expect_geq(registers, (size_t) 1);
}

Test(variables, are_found_by_address)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        seen_count = 0;
        joined[i].run();
        for (size_t k = 0; k < seen_count; k++) {
            Dwarf_Die die;
            uint64_t offset = 99;
            const struct seen *one = &seen[k];

            if (one->function[0] != '\0') {
                continue;
            }
            cr_assert(lmm_variables_at(own_dwarf, one->address - bias(), &die, &offset), "%s",
                      one->variable);
            cr_expect_str_eq(dwarf_diename(&die), one->variable);
            cr_expect_eq(offset, 0);
            cr_assert(lmm_variables_at(own_dwarf, one->address - bias() + 7, &die, &offset));
            cr_expect_str_eq(dwarf_diename(&die), one->variable);
            cr_expect_eq(offset, 7);
        }
    }
    Dwarf_Die die;
    uint64_t offset;

    cr_expect_not(lmm_variables_at(own_dwarf, 1, &die, &offset));
    cr_expect_not(lmm_variables_at(own_dwarf, UINT64_MAX, &die, &offset));
}

static const struct {
    const char *function;
    const char *name;
    const char *type; /* NULL: it is not found */
} named[] = {
    {"in_frame", "local", "struct node"},
    {"in_frame", "argument", "long"},
    {"in_frame", "inner", "struct node *"},
    {"in_frame", "nodes", "struct node[4]"},
    {"in_frame", "counter", "long"},
    {"in_frame", "outer", NULL},
    {"with_names", "outer", "struct node *"},
    {"with_names", "same", "struct node *"},
    {"with_names", "other", NULL}, /* it may be either of two */
    {"with_static", "kept", "struct node[2]"},
    {"with_static", "in_frame", NULL},
    {"with_static", "", NULL},
};

Test(variables, are_found_by_name)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        for (size_t k = 0; k < sizeof(named) / sizeof(named[0]); k++) {
            Dwarf_Die scope;
            Dwarf_Die die;
            Dwarf_Die type;
            char name[LMM_TYPE_NAME_MAX] = "nothing";

            cr_assert(own_dwarf_find(variants[i], DW_TAG_subprogram, named[k].function, &scope));
            if (lmm_variables_by_name(&scope, 1, named[k].name, &die) && lmm_type_of(&die, &type)) {
                lmm_type_name(&type, name);
            }
            cr_expect_str_eq(name, named[k].type != NULL ? named[k].type : "nothing",
                             "%s %s %s: %s", variants[i], named[k].function, named[k].name, name);
        }
    }
}

/* ---- Expressions ----------------------------------------------------------------------------- */

static const struct lmm_place cfa_base = {LMM_PLACE_FRAME, 0, 0};
static const struct lmm_place rbp_base = {LMM_PLACE_MEMORY, 6, 16};

static const struct {
    const char *what;
    Dwarf_Op operations[3];
    size_t count;
    const struct lmm_place *base;
    bool is_place;
    struct lmm_place place;
} expressions[] = {
    {"reg0", {{DW_OP_reg0, 0, 0, 0}}, 1, NULL, true, {LMM_PLACE_REGISTER, 0, 0}},
    {"reg31", {{DW_OP_reg31, 0, 0, 0}}, 1, NULL, true, {LMM_PLACE_REGISTER, 31, 0}},
    {"regx", {{DW_OP_regx, 40, 0, 0}}, 1, NULL, true, {LMM_PLACE_REGISTER, 40, 0}},
    {"a register without end", {{DW_OP_regx, UINT64_MAX, 0, 0}}, 1, NULL, false, {0}},
    {"fbreg from the CFA",
     {{DW_OP_fbreg, (uint64_t) -24, 0, 0}},
     1,
     &cfa_base,
     true,
     {LMM_PLACE_FRAME, 0, -24}},
    {"fbreg from rbp",
     {{DW_OP_fbreg, (uint64_t) -24, 0, 0}},
     1,
     &rbp_base,
     true,
     {LMM_PLACE_MEMORY, 6, -8}},
    {"fbreg without a base", {{DW_OP_fbreg, 8, 0, 0}}, 1, NULL, false, {0}},
    {"breg7", {{DW_OP_breg7, 8, 0, 0}}, 1, NULL, true, {LMM_PLACE_MEMORY, 7, 8}},
    {"bregx", {{DW_OP_bregx, 31, 16, 0}}, 1, NULL, true, {LMM_PLACE_MEMORY, 31, 16}},
    {"a value",
     {{DW_OP_breg3, 16, 0, 0}, {DW_OP_stack_value, 0, 0, 2}},
     2,
     NULL,
     true,
     {LMM_PLACE_VALUE, 3, 16}},
    {"an address", {{DW_OP_addr, 0x4010, 0, 0}}, 1, NULL, true, {LMM_PLACE_FIXED, 0, 0x4010}},
    {"an address and more",
     {{DW_OP_addr, 0x4010, 0, 0}, {DW_OP_plus_uconst, 8, 0, 9}},
     2,
     NULL,
     true,
     {LMM_PLACE_FIXED, 0, 0x4018}},
    {"a thread's",
     {{DW_OP_const8u, 0x10, 0, 0}, {DW_OP_GNU_push_tls_address, 0, 0, 9}},
     2,
     NULL,
     true,
     {LMM_PLACE_THREAD, 0, 0x10}},
    {"a thread's in DWARF 3",
     {{DW_OP_const4u, 0x10, 0, 0}, {DW_OP_form_tls_address, 0, 0, 5}},
     2,
     NULL,
     true,
     {LMM_PLACE_THREAD, 0, 0x10}},
    {"a thread's, by what is no number",
     {{DW_OP_addr, 0x10, 0, 0}, {DW_OP_GNU_push_tls_address, 0, 0, 9}},
     2,
     NULL,
     false,
     {0}},
    {"a parameter's old value",
     {{DW_OP_entry_value, 0, 0, 0}, {DW_OP_stack_value, 0, 0, 4}},
     2,
     NULL,
     false,
     {0}},
    {"a pointer into the frame",
     {{DW_OP_fbreg, 8, 0, 0}, {DW_OP_stack_value, 0, 0, 2}},
     2,
     &cfa_base,
     false,
     {0}},
    {"a part", {{DW_OP_reg0, 0, 0, 0}, {DW_OP_piece, 8, 0, 1}}, 2, NULL, false, {0}},
    {"by reference", {{DW_OP_fbreg, 8, 0, 0}, {DW_OP_deref, 0, 0, 2}}, 2, &cfa_base, false, {0}},
    {"a number", {{DW_OP_lit1, 0, 0, 0}, {DW_OP_stack_value, 0, 0, 1}}, 2, NULL, false, {0}},
    {"nothing", {{0, 0, 0, 0}}, 0, NULL, false, {0}},
};

Test(variables, reads_expressions)
{
    for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
        const char *const what = expressions[i].what;
        struct lmm_place place = {LMM_PLACE_REGISTER, -7, -7};
        bool is_place = lmm_place_of(NULL, expressions[i].operations, expressions[i].count,
                                     expressions[i].base, &place);

        cr_expect_eq(is_place, expressions[i].is_place, "%s", what);
        cr_expect_eq(place.kind, is_place ? expressions[i].place.kind : LMM_PLACE_REGISTER, "%s",
                     what);
        cr_expect_eq(place.reg, is_place ? expressions[i].place.reg : -7, "%s", what);
        cr_expect_eq(place.offset, is_place ? expressions[i].place.offset : -7, "%s", what);
    }
}
