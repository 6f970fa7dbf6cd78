/* SPDX-License-Identifier: MIT */
/*
 * symbols: the names of frames: function, file and line, and those of inlined functions. libdw
 * finds them in the files that the process had mapped, or in their debug files.
 *
 * Each frame is looked up once, by its offset in its file, and a file is opened when a frame first
 * needs it. So one `struct lmm_symbols` serves any number of models, and another reading of the
 * same process costs only its new frames. Modules that were unloaded are looked up like others.
 *
 * A file is known by its build-id, or else by its device, inode, size and time of change: one that
 * differs from the mapped file is not used, and one line on stderr says so for each file; then its
 * debug file under /usr/lib/debug/.build-id is tried. One line says, too, what cannot be read of its
 * debug information. Ledgers and files are treated as hostile.
 *
 * The network is used only with LMM_SYMBOLS_DEBUGINFOD: without it the variable DEBUGINFOD_URLS is
 * removed from this process's environment, so a program that must inherit it has to be started
 * before.
 */
#ifndef LMM_PROGRAM_SYMBOLS_H
#define LMM_PROGRAM_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/core/utf8.h"

struct lmm_kept_files;
struct lmm_mapped_file;
struct lmm_model;
struct lmm_symbols;

enum {
    LMM_SYMBOLS_DEBUGINFOD = 1, /* ask the servers of DEBUGINFOD_URLS for missing debug files */
    LMM_SYMBOLS_QUIET = 2,      /* write nothing on stderr about files */
};

/* Returns symbols, to be closed with lmm_symbols_close(); NULL: out of memory. flags: any of the
 * above. */
struct lmm_symbols *lmm_symbols_open(unsigned flags);

/* Frees all strings and calls that came from symbols, which may be NULL. */
void lmm_symbols_close(struct lmm_symbols *symbols);

/* Files to use where the file of a module is missing or was replaced; they must live as long as
 * symbols. NULL: none. */
void lmm_symbols_set_kept(struct lmm_symbols *symbols, const struct lmm_kept_files *kept);

/*
 * Makes look-ups brief, or complete again (the default). Brief look-ups take the names of functions
 * in the C and C++ libraries from symbol tables, without lines and inlined functions, so the large
 * DWARF of these libraries is not read. For callers that match names, or print no more than these. symbols may be NULL.
 */
void lmm_symbols_set_brief(struct lmm_symbols *symbols, bool brief);

/*
 * Names the sites of model that have a stack, gives sites of equal stacks one stack (reloads.h), and makes symbols the model's namer; symbols must
 * live as long as the model. A site has the name of the innermost call that has a line and is not a
 * wrapper (wrapper.h); if there is none, of the innermost call that is not a wrapper; if there is
 * none, of the outermost wrapper that is not of a language's library; if there is none, of the
 * outermost function of such a library that is compiled into the program; else of the innermost
 * call that is not operator new, which is looked up briefly. When that call has no line, the site's file is the name of its module, or
 * "libhr.so+0x1f0" when it has no function either. Returns false when memory ran out; sites without
 * a name are then printed as "(unknown)".
 */
bool lmm_symbols_name_sites(struct lmm_symbols *symbols, struct lmm_model *model);

/*
 * Calls lmm_symbols_name_sites() for a model that has stacks, with *symbols, which is opened when
 * it is NULL. A model without stacks, and *symbols, stay as they are. Returns false when memory ran
 * out.
 */
bool lmm_symbols_apply(struct lmm_symbols **symbols, unsigned flags, struct lmm_model *model);

/* Sets *ret_file to the file that a frame of a model lies in; NULL: none is known. lmm_symbols_file() opens it. Return
 * false when memory ran out. */
bool lmm_symbols_file_of(struct lmm_symbols *symbols, const struct lmm_model *model, uint32_t frame,
                         struct lmm_mapped_file **ret_file);
bool lmm_symbols_file(struct lmm_symbols *symbols, const struct lmm_model *model, uint32_t frame,
                      struct lmm_mapped_file **ret_file);

/* Gives symbols a companion, which is closed by close(companion) before them: what other rooms
 * learned with these symbols. Returns the companion, NULL: none. */
void lmm_symbols_set_companion(struct lmm_symbols *symbols, void *companion,
                               void (*close)(void *companion));
void *lmm_symbols_companion(const struct lmm_symbols *symbols);

/* A file without lines that sites should have. */
struct lmm_symbols_gap {
    struct lmm_string path; /* ends with a NUL */
    bool is_absent;         /* there is no debug information; false: the file is missing */
    uint64_t bytes;         /* live, or at the peak, of these sites */
};

/* Sets ret_gaps to the `most` files that most bytes of named sites lack lines of, and returns how
 * many there are. Files about which a line was written on stderr are not among them. */
size_t lmm_symbols_gaps(const struct lmm_symbols *symbols, struct lmm_symbols_gap *ret_gaps,
                        size_t most);

/* Sets the stack_key of all sites by the names of their calls, to compare models whose program
 * files may differ. Every frame of every stack is looked up. Returns false when memory ran out. */
bool lmm_symbols_key_sites(struct lmm_symbols *symbols, struct lmm_model *model);

#endif
