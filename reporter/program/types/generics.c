/* SPDX-License-Identifier: MIT */
/* No function is known yet. */
#include "reporter/program/types/generics.h"

bool lmm_generics_of(const Dwarf_Die *function, Dwarf_Die *ret_type, bool *ret_is_array)
{
    (void) function;
    (void) ret_type;
    (void) ret_is_array;
    return false;
}

bool lmm_generics_of_name(const char *function, char *ret_type, size_t room, bool *ret_is_array)
{
    (void) function;
    (void) ret_type;
    (void) room;
    (void) ret_is_array;
    return false;
}

bool lmm_generics_class(const Dwarf_Die *function, Dwarf_Die *ret_class)
{
    (void) function;
    (void) ret_class;
    return false;
}

bool lmm_generics_class_of_name(const char *function, char *ret_class, size_t room)
{
    (void) function;
    (void) ret_class;
    (void) room;
    return false;
}

bool lmm_generics_class_of_table(const char *symbol, char *ret_class, size_t room)
{
    (void) symbol;
    (void) ret_class;
    (void) room;
    return false;
}
