/* SPDX-License-Identifier: MIT */
/*
 * check: one leak check, from the stop of the threads to the result in the books.
 *
 *   1  The caller's registers are saved; its signals are blocked; what is mapped is read with the
 *      kernel's marks. All of LMM's locks are taken, so that pages, runs and tags are at rest.
 *   2  All other threads are stopped (stop). Only this and step 3 are a pause for them.
 *   3  A copy of the process is made (process_copy). Then the threads go on, and the locks are released.
 *   4  The copy marks (roots, mark), finds the classes (leak_classes), and leaves the result in memory
 *      that it shares with the process, which waits for it.
 *   5  The result goes to the books (books/checks).
 * At the end of a process whose main() has returned, the main thread's frames are no roots.
 * Where no copy can be made (a limit, a filter of system calls, a userfaultfd, whose thread might have to
 * agree), step 4 is done by the caller while the others stand still; the result says so. When the
 * process ends and has one thread, it needs no copy.
 *
 * Precision before recall: where the registers of a thread could not be seen, all that would be lost
 * is possibly lost.
 *
 * A check that confirms what it finds does steps 1 to 4 twice; in between the threads run, and no lock is held.
 * One thread checks at a time; others wait (turn). fork does not wait for a check, except for the steps with
 * locks. Owns nothing. Works in threads that are not libc's, if they have thread-local
 * storage for LMM's.
 */
#ifndef LMM_CHECK_H
#define LMM_CHECK_H

#include "lib/ground/base.h"
#include "lib/leaks/chain.h"
#include "lib/leaks/chain_shapes.h"
#include "lib/leaks/keepers.h"
#include "lib/leaks/registers.h"

#include <lmm/ledger.h>

struct lmm_check_request {
    uint32_t flags; /* LMM_LEDGER_CHECK_...: the result has them, too */
    uint32_t mark;  /* only blocks newer than this mark count (-ENOENT: it is not kept); 0: all */
    bool wants_old; /* with a mark: only blocks that lived at it count */
    /* Not 0: the check has two passes, so many milliseconds apart, and what the first one did not find lost
     * is not lost, but possibly lost (confirm.h). */
    uint32_t confirm_ms;
    bool at_exit;   /* the process ends; no other thread will begin */
    bool unaligned; /* words at any address count */
    unsigned heuristics;
    /* Saved where the program, or libc at the end, called LMM: what lies below its sp is no root, so that function
     * has little in its own frame. NULL: here. */
    const struct lmm_saved_registers *entry;
};

/*
 * Checks, and writes the result to the books and to *ret_check. Returns 0; or -errno, and then
 * ret_check->failure has it, too, and the books say so, except for:
 *   -EDEADLK  the caller interrupts LMM, or a check of its own (a handler of a signal)
 *   -ENOMEM   LMM could not start
 * The caller holds no lock of LMM.
 */
int lmm_check_run(const struct lmm_check_request *request, struct lmm_ledger_check *ret_check);

/* Finds who holds the block at address, which is not 0 (chain.h), at this moment. entry: as in a
 * request, not NULL. 0 or -errno, as above. The caller holds no lock of LMM. */
int lmm_check_find_chain(uintptr_t address, const struct lmm_saved_registers *entry,
                         struct lmm_chain *ret_chain);

/* The same for the shapes of the chains to all blocks of a site (chain_shapes.h). */
int lmm_check_find_shapes(const struct lmm_site_groups *groups, uint32_t site,
                          const struct lmm_saved_registers *entry,
                          struct lmm_chain_shapes *ret_shapes);

/* The same for the sites that retain most bytes (keepers.h). at_exit: as in a request. groups: NULL: none. */
int lmm_check_find_keepers(const struct lmm_saved_registers *entry, bool at_exit,
                           const struct lmm_site_groups *groups, struct lmm_keepers *ret_keepers);

#endif
