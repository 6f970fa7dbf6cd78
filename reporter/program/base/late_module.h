/* SPDX-License-Identifier: MIT */
/*
 * late_module: a module of this program that is loaded when it is first needed.
 *
 * Libraries that few commands use, and that take long to load, are linked with a small module of ours, which has a table of
 * their functions, and not with the program: Capstone alone takes as long to load as a report of a small program takes
 * otherwise. The module is an ELF file beside the drop-in (private_file.h), so a packager sees what it needs.
 */
#ifndef LMM_PROGRAM_LATE_MODULE_H
#define LMM_PROGRAM_LATE_MODULE_H

/* Loads a module, for good, and returns its object `table`; NULL after one line on stderr. A module that is loaded already
 * is not loaded again. Any thread. */
const void *lmm_late_module_open(const char *name, const char *table);

#endif
