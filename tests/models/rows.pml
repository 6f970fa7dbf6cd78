/* SPDX-License-Identifier: MIT */
/*
 * rows: live blocks are never fewer than none (I5 of ledger.h, I3 of rows.h).
 *
 * One thread allocates two blocks, frees one, and hands the other to a second thread, which frees it; each
 * counts in its own row. A reader sums the rows: freed, and then allocated. RELEASE_FREED: the counters of
 * frees are stored with release order (lmm_add_single_writer_release()). ACQUIRE_FREED: the reader loads them
 * with acquire order, so before the others. The program's own hand-over is a release store and an acquire load.
 */
#define THREADS 2
#define WORDS   4

#define ALLOCATED 0 /* by the first thread */
#define FREED     1 /* by the first thread */
#define FREED_TOO 2 /* by the second thread */
#define HANDED    3 /* the program's own flag */

#include "weak.pml"

active proctype first()
{
    store(0, ALLOCATED, 1, false);
    store(0, FREED, 1, RELEASE_FREED);
    store(0, ALLOCATED, 2, false);
    store(0, HANDED, 1, true)
}

active proctype second()
{
    memory[HANDED] == 1;
    store(1, FREED_TOO, 1, RELEASE_FREED)
}

active proctype reader()
{
    byte allocated;
    byte freed;
    bool has_allocated = false;

    if
    :: !ACQUIRE_FREED -> allocated = memory[ALLOCATED]; has_allocated = true
    :: true
    fi;
    freed = memory[FREED];
    freed = freed + memory[FREED_TOO];
    if
    :: !has_allocated -> allocated = memory[ALLOCATED]
    :: else
    fi;
    assert(freed <= allocated)
}

init
{
    run drain(0);
    run drain(1)
}
