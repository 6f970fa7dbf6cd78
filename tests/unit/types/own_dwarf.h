/* SPDX-License-Identifier: MIT */
/* own_dwarf: the debug information of the test program itself, and the DIEs of its data files. */
#ifndef LMM_TEST_OWN_DWARF_H
#define LMM_TEST_OWN_DWARF_H

#include <elfutils/libdw.h>
#include <stdbool.h>

/* The names of the variants of the test's data file. */
static const char *const variants[] = {VARIANTS};

enum {
    VARIANT_COUNT = sizeof(variants) / sizeof(variants[0]),
};

extern Dwarf *own_dwarf;

/* Open and close it, and forget what is listed of it; for a test suite's init and fini. */
void own_dwarf_open(void);
void own_dwarf_open_file(const char *path);
void own_dwarf_close(void);

/* Finds the DIE with a name and a tag in the variant of a data file: anywhere in the unit that
 * defines a variable called `variant`. Declarations do not count. */
bool own_dwarf_find(const char *variant, int tag, const char *name, Dwarf_Die *ret_die);

/* Expects a text to name, in the unit of a DIE, a type called `name`; NULL: it names none. */
void own_dwarf_expect_text(const char *variant, const Dwarf_Die *unit, const char *text,
                           const char *name);

/* Calls look() for each function, also an inlined one, in the unit of a variant, NULL: in all. */
void own_dwarf_each_function(const char *variant, void (*look)(const Dwarf_Die *function));

#endif
