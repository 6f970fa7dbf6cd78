/* SPDX-License-Identifier: MIT */
/*
 * modules: the modules that stacks lead through, and what was learnt of their code.
 *
 * A module that is unloaded keeps its record. When the same file is loaded at the same addresses
 * again, it is the same module again, with its number and its variant, so the frames and stacks
 * that were stored for it are valid again. "The same file" means the same path and
 * build-id; without a build-id the same path, ELF headers, device, inode, size and time of the last change.
 * Another file at these addresses is another module, with another variant. So a code address and a
 * variant together always mean the same code, and a record made for them is never wrong for a later
 * module.
 *
 * Owns these records, and a table of one word for each code address, which rules.h uses. Only this
 * table has addresses alone as keys; so when a module goes, the words of its own code are
 * forgotten, and nothing else. Invariants, checked by the unit tests of depot:
 *   I1  modules that are present do not overlap
 *   I2  modules whose addresses overlap have different variants, except VARIANT_NONE
 *   I3  the table has words for code of present modules only
 * Locks: MODULES. Not responsible for: what the words mean, or when a module was unloaded. That is
 * noticed at dlclose, or, when libc unloads one by itself, as soon as a new address is met in a
 * module at its place.
 */
#ifndef LMM_MODULES_H
#define LMM_MODULES_H

#include "lib/ground/module.h"
#include "lib/ground/table.h"

enum {
    LMM_VARIANT_BITS = 11,
    /* Code whose address says nothing of its module: it is in none, or too many different modules
     * were at its place, or there was no memory. It has no name. */
    LMM_VARIANT_NONE = (1 << LMM_VARIANT_BITS) - 1,
};

struct lmm_code_module;

/* A word by code address; read without a lock. */
extern struct lmm_table lmm_code_words;

/* How often a module went; atomic, relaxed. What was derived from older words may be wrong. */
extern uint32_t lmm_code_forgotten;

/* Call before the first use. False with errno ENOMEM; may then be called again. */
bool lmm_modules_start(void);

/* The module of the facts, which lmm_module_find() gave, and which stays loaded during the call;
 * added if it is new. Modules that were at its place before have gone. NULL: no memory. */
struct lmm_code_module *lmm_modules_meet_locked(const struct lmm_module_facts *facts);

/* The variant of a module; never changes. module: may be NULL. */
uint32_t lmm_modules_variant(const struct lmm_code_module *module);

/* Keeps a word, not 0, for a code address of the module until that goes. Without memory the word is
 * not kept. */
void lmm_modules_keep_locked(struct lmm_code_module *module, uintptr_t address, uint64_t word);

/* The number + 1 of the module at address in the ledger, to which it is added if it is new there.
 * 0: there is none of that variant, or no memory for it. Takes MODULES and LEDGER. */
uint32_t lmm_modules_number(uintptr_t address, uint32_t variant);

/* Finds out which modules were unloaded. Any thread; takes MODULES. Cost: that of a look-up for
 * each module that is present, and of each word of a module that has gone. */
void lmm_modules_refresh(void);

/* MODULES; exported for fork and rules. */
extern struct lmm_lock lmm_modules_lock;

#endif
