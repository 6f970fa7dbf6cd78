/* SPDX-License-Identifier: MIT */
/*
 * module_table: the loaded modules as the kernel's list of mappings shows them, for C libraries whose
 * loader cannot be asked without its lock (glibc before 2.35; module.h says when it is used).
 *
 * A module is an ELF file whose first bytes are mapped, and whose code is mapped where its program
 * headers say: a file that a program has merely mapped to read it is none. The table is read again
 * from /proc/thread-self/maps when an address lies in no module of it, but less and less often (at
 * most at every MISSES_MAX-th such address) until a module comes or goes: generated code lies in no
 * module, and must not cost a look at /proc each time. Each answer is checked against the first bytes
 * that are mapped, the file's headers and build-id, so a module that was unloaded is never named for
 * what lies at its place now.
 *
 * Owns the table and one record for each module that was ever met. Invariants (I1 is checked after
 * each reading; tests/unit/lib/test_module_table.c):
 *   I1  modules ascend by their ends and do not overlap, except that the kernel's may lie in a gap between two
 *       segments of another one (on AArch64, in the dynamic loader)
 *   I2  records never change and are never freed, so names stay valid, and readers need no lock
 *   I3  `sequence` is odd while the list is written; a reader that saw it change reads again
 * Locks: LOADED, to read the table again. Async-signal-safe: a handler that interrupted this finds
 * what is in the table. Not responsible for: what loads and unloads modules; it only hears of it.
 * Where /proc is not mounted, there are no modules.
 */
#ifndef LMM_MODULE_TABLE_H
#define LMM_MODULE_TABLE_H

#include "lib/ground/module_elf.h"
#include "lib/ground/sync.h"

/* True and *ret_facts when pc lies in a module. The name is the path of the mapped file, links
 * resolved; "" for the program, "[vdso]" for the kernel's module. O(log modules) and a system call. */
bool lmm_module_table_find(uintptr_t pc, struct lmm_module_facts *ret_facts);

/* Tells that modules may be loaded or unloaded from now on: the next address that lies in no module
 * is looked for in /proc. */
void lmm_module_table_expect(void);

/* How often /proc was read; atomic. */
extern uint32_t lmm_module_table_readings;

/* LOADED; exported for fork. */
extern struct lmm_lock lmm_module_table_lock;

#endif
