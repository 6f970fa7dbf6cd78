/* SPDX-License-Identifier: MIT */
/* check: whole checks: classes in the books, and each way in which the process is looked at. */
#include "lib/leaks/check.h"

#include "lib/books/checks.h"
#include "lib/books/chunks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <lmm/lmm.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/sanitizers.h"

typedef struct kept {
    struct kept *next;
    char text[40];
} kept_t;

typedef struct lost {
    struct lost *next;
    char text[56];
} lost_t;

static kept_t *kept;

/* Blocks of one class that the last check found. */
static uint64_t blocks_of(uint32_t kind, const char *family_name)
{
    struct lmm_ledger_view view;
    uint64_t blocks = 0;
    uint32_t valid = (uint32_t) (lmm_chunks_header()->check_count % 2);
    uint32_t wanted = valid == 0 ? LMM_LEDGER_LEAKS_EVEN : LMM_LEDGER_LEAKS_ODD;
    uint32_t left = lmm_checks_last().leaks;
    const struct lmm_family *family = lmm_family_find(family_name);

    lmm_lock_acquire(&lmm_chunks_lock);
    view = lmm_chunks_view();
    for (size_t i = 0; i < view.count; i++) {
        const struct lmm_ledger_leak *leaks = lmm_chunk_records(view.chunks[i]);
        for (uint32_t j = 0; view.chunks[i]->kind == wanted && j < view.chunks[i]->used && left != 0;
             j++, left--) {
            if (leaks[j].kind == kind && lmm_site_family(leaks[j].site) == family) {
                blocks += leaks[j].blocks;
            }
        }
    }
    lmm_lock_release(&lmm_chunks_lock);
    return blocks;
}
