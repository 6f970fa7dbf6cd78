/* SPDX-License-Identifier: MIT */
/*
 * generics: functions whose generic argument is the type of the blocks that they allocate:
 * std::allocator<T>::allocate, std::make_unique<T>, std::string, Rust's Box<T>::new, Vec<T>,
 * Rc<T>, Arc<T>, hash tables; and functions that begin a block's life as an object: constructors.
 *
 * By DIE where there is one, else by the readable name. Ask for the innermost function first, and
 * for no function around one of the program's own: make_unique<T> contains T's constructor, which may
 * allocate something else. make_shared is not here: its block is that of the allocator inside of it.
 *
 * Names are hostile. For one thread, as unit_index.h is.
 */
#ifndef LMM_PROGRAM_GENERICS_H
#define LMM_PROGRAM_GENERICS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Sets *ret_type to the type of the blocks that a function allocates, by its generic arguments;
 * function: the DIE of a function, or of one that was inlined. *ret_is_array: it may allocate
 * several next to each other. Returns false when it is no such function.
 */
bool lmm_generics_of(const Dwarf_Die *function, Dwarf_Die *ret_type, bool *ret_is_array);

/* Does the same by the readable name of a function; ret_type: a text of `room` bytes. */
bool lmm_generics_of_name(const char *function, char *ret_type, size_t room, bool *ret_is_array);

/* Returns whether a DIE is a function, or one that was inlined, of the program itself: one that is
 * not in the library of its language. */
bool lmm_generics_is_own(const Dwarf_Die *function);

/* Sets *ret_class to the class of a constructor, by the DIE of a function or of one that was inlined;
 * returns false when it is none. */
bool lmm_generics_class(const Dwarf_Die *function, Dwarf_Die *ret_class);

/* Does the same by a readable name: "hr::Employee::Employee(int)" is one of "hr::Employee". */
bool lmm_generics_class_of_name(const char *function, char *ret_class, size_t room);

/* Sets ret_class to the class of "vtable for hr::Employee"; returns false for other names. */
bool lmm_generics_class_of_table(const char *symbol, char *ret_class, size_t room);

#endif
