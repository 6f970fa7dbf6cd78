/* SPDX-License-Identifier: MIT */
#include "lib/preload/startup.h"

#include "lib/ground/sync.h"
#include "lib/ground/vm.h"

enum { POOL_BYTES = 1 << 20, ALIGN_MIN = 16 };

/* Before each block; as long as the smallest alignment. */
struct head {
    size_t bytes;
    size_t reserved;
};

_Static_assert(sizeof(struct head) == ALIGN_MIN, "a block after its head is aligned");

static struct {
    char *base; /* atomic; NULL: no request yet */
    size_t used;
} pool;

static char *pool_base(void)
{
    if (pool.base == NULL) {
        lmm_store_release(&pool.base, (char *) lmm_vm_map(POOL_BYTES));
    }
    return pool.base;
}

void *lmm_startup_alloc(size_t bytes, size_t align)
{
    char *base = pool_base();

    align = align < ALIGN_MIN ? ALIGN_MIN : align;
    if (base == NULL || bytes > POOL_BYTES || align > POOL_BYTES) {
        return NULL;
    }
    uintptr_t start = lmm_round_up((uintptr_t) base + pool.used + sizeof(struct head), align);
    size_t end = start - (uintptr_t) base + bytes;
    if (end > POOL_BYTES) {
        return NULL;
    }
    pool.used = end;
    struct head *head = (struct head *) start - 1;
    head->bytes = bytes;
    return head + 1;
}

bool lmm_startup_find(const void *p, size_t *ret_bytes)
{
    const char *base = lmm_load_acquire(&pool.base);

    if (base == NULL || (uintptr_t) p - (uintptr_t) base >= POOL_BYTES) {
        return false;
    }
    *ret_bytes = ((const struct head *) p - 1)->bytes;
    return true;
}
