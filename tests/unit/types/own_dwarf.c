/* SPDX-License-Identifier: MIT */
#include "tests/unit/types/own_dwarf.h"

#include <criterion/criterion.h>
#include <dwarf.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "reporter/program/types/type_info.h"

/* test_type_info.c has another one of this name. */
struct differing {
    long two[2];
};

static struct differing differing __attribute__((used));

static int descriptor = -1;

Dwarf *own_dwarf;

void own_dwarf_open_file(const char *path)
{
    descriptor = open(path, O_RDONLY | O_CLOEXEC);
    own_dwarf = dwarf_begin(descriptor, DWARF_C_READ);
    cr_assert_not_null(own_dwarf, "%s has no debug information", path);
}

void own_dwarf_open(void)
{
    own_dwarf_open_file("/proc/self/exe");
}

void own_dwarf_close(void)
{
    lmm_type_forget(own_dwarf);
    dwarf_end(own_dwarf);
    close(descriptor);
}

/* Finds a DIE at any depth. */
static bool find_below(Dwarf_Die *parent, int tag, const char *name, Dwarf_Die *ret_die)
{
    Dwarf_Die die;

    if (dwarf_child(parent, &die) != 0) {
        return false;
    }
    do {
        const char *own = dwarf_diename(&die);

        if (dwarf_tag(&die) == tag && own != NULL && strcmp(own, name) == 0 &&
            !dwarf_hasattr(&die, DW_AT_declaration)) {
            *ret_die = die;
            return true;
        }
        if (find_below(&die, tag, name, ret_die)) {
            return true;
        }
    } while (dwarf_siblingof(&die, &die) == 0);
    return false;
}

bool own_dwarf_find(const char *variant, int tag, const char *name, Dwarf_Die *ret_die)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    Dwarf_Die marker;

    while (dwarf_get_units(own_dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        if (dwarf_tag(&die) == DW_TAG_compile_unit &&
            find_below(&die, DW_TAG_variable, variant, &marker)) {
            return find_below(&die, tag, name, ret_die);
        }
    }
    return false;
}

void own_dwarf_expect_text(const char *variant, const Dwarf_Die *unit, const char *text,
                           const char *name)
{
    Dwarf_Die type;
    char found[LMM_TYPE_NAME_MAX] = "nothing";

    if (lmm_type_by_text(unit, text, &type)) {
        lmm_type_name(&type, found);
    }
    cr_expect_str_eq(found, name != NULL ? name : "nothing", "%s '%s': %s", variant, text, found);
}

static void each_function_below(Dwarf_Die *parent, void (*look)(const Dwarf_Die *function))
{
    Dwarf_Die die;

    if (dwarf_child(parent, &die) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&die);

        if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine) {
            look(&die);
        }
        each_function_below(&die, look);
    } while (dwarf_siblingof(&die, &die) == 0);
}

void own_dwarf_each_function(const char *variant, void (*look)(const Dwarf_Die *function))
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    Dwarf_Die marker;

    while (dwarf_get_units(own_dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        if (variant == NULL || (dwarf_tag(&die) == DW_TAG_compile_unit &&
                                find_below(&die, DW_TAG_variable, variant, &marker))) {
            each_function_below(&die, look);
        }
    }
}
