/* SPDX-License-Identifier: MIT */
/*
 * symbols: names of frames: function, file and line of each, with the functions that were inlined there,
 * found by libdw in the files that the process had mapped, or in the debug files that belong to them.
 *
 * A frame is looked up once, by its place in its file, and a file is opened when a frame first needs it;
 * so one `struct lmm_symbols` serves any number of models, and readings of one process cost what is new
 * in them. A module that is gone, or has another's addresses, is looked up as any other.
 *
 * A file that is not the one that was mapped (its build-id differs) is not used; that is said on stderr
 * once a file. What a ledger says and what is in the files is treated as hostile.
 *
 * Nothing is fetched from the network unless the caller says so: without LMM_SYMBOLS_DEBUGINFOD the
 * variable DEBUGINFOD_URLS is taken out of this process's environment, so programs that shall inherit it
 * are started before.
 *
 * Locks: none.
 */
#ifndef LMM_PROGRAM_SYMBOLS_H
#define LMM_PROGRAM_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_model;
struct lmm_model_call;
struct lmm_symbols;

enum {
    LMM_SYMBOLS_DEBUGINFOD =
        1, /* ask the servers of DEBUGINFOD_URLS for debug files that are not here */
    LMM_SYMBOLS_QUIET = 2, /* say nothing of files that are others now */
};

/* Returns symbols, to be closed with lmm_symbols_close(); NULL: out of memory. flags: any of the above. */
struct lmm_symbols *lmm_symbols_open(unsigned flags);

/* symbols may be NULL. Strings and calls that came from it go with it. */
void lmm_symbols_close(struct lmm_symbols *symbols);

/*
 * Makes look-ups brief, or whole again, as they are at first. Brief is that functions in the C and C++ libraries
 * have the names of symbol tables, without lines and without what was inlined: their DWARF, which is large,
 * is not read. For who looks for names and prints none.
 */
void lmm_symbols_set_brief(struct lmm_symbols *symbols, bool brief);

/*
 * Sets *ret_calls to the calls that a frame of model is, the innermost first, and returns how many there
 * are: at least 1, but 0 when memory ran out. Those in which a program or a thread starts, outside of what is
 * its own, are always brief. frame: 1 to model->frame_count - 1.
 */
size_t lmm_symbols_of(struct lmm_symbols *symbols, const struct lmm_model *model, uint32_t frame,
                      const struct lmm_model_call **ret_calls);

/*
 * Names the sites of model that have a stack, and makes symbols the model's namer; symbols must live as
 * long as the model is used. A site is called by the innermost call that has a line and is no wrapper;
 * else by the innermost that is no wrapper; else by the innermost. Wrappers are operator new, what is called
 * like xmalloc, functions of std, what the C and C++ libraries have inside, and functions that headers of the
 * system or the compiler define. Where that call has no line, the
 * site's file is its module's name, or "libhr.so+0x1f0" where there is no function either.
 * Returns false when memory ran out; sites without a name are then called "(unknown)".
 */
bool lmm_symbols_name_sites(struct lmm_symbols *symbols, struct lmm_model *model);

/*
 * Does that for a model that has stacks, with *symbols, which are opened when they are NULL; a model
 * without stacks is left as it is, and so is *symbols. Returns false when memory ran out.
 */
bool lmm_symbols_apply(struct lmm_symbols **symbols, unsigned flags, struct lmm_model *model);

/*
 * Sets the stack_key of all sites by the names of their calls, for models of files that differ. Every
 * frame of every stack is looked up. Returns false when memory ran out.
 */
bool lmm_symbols_key_sites(struct lmm_symbols *symbols, struct lmm_model *model);

#endif
