/* SPDX-License-Identifier: MIT */
#include "lib/leaks/declared.h"

#include "lib/ground/meta.h"
#include "lib/ground/sync.h"
#include "lib/pages/family.h"

#include <errno.h>
#include <string.h>

enum { RANGES_FIRST = 16 };

struct declared_range {
    uintptr_t from;
    uintptr_t to;
};

static struct {
    struct declared_range *list;
    size_t count;
    size_t capacity;
} declared;

static bool reserve_locked(void)
{
    if (declared.count < declared.capacity) {
        return true;
    }
    size_t capacity = declared.capacity == 0 ? RANGES_FIRST : 2 * declared.capacity;
    struct declared_range *larger =
        lmm_meta_alloc(&lmm_arena_records, capacity * sizeof(struct declared_range));
    if (larger == NULL) {
        return false;
    }
    if (declared.list != NULL) {
        memcpy(larger, declared.list, declared.count * sizeof(struct declared_range));
        lmm_meta_free(&lmm_arena_records, declared.list,
                      declared.capacity * sizeof(struct declared_range));
    }
    declared.list = larger;
    declared.capacity = capacity;
    return true;
}

bool lmm_declared_add(const void *from, size_t bytes)
{
    lmm_lock_acquire(&lmm_families_lock);
    bool done = reserve_locked();
    if (done) {
        declared.list[declared.count++] =
            (struct declared_range) {(uintptr_t) from, (uintptr_t) from + bytes};
    }
    lmm_lock_release(&lmm_families_lock);
    if (!done) {
        errno = ENOMEM;
    }
    return done;
}

bool lmm_declared_remove(const void *from, size_t bytes)
{
    bool found = false;

    lmm_lock_acquire(&lmm_families_lock);
    for (size_t i = declared.count; i-- > 0 && !found;) {
        const struct declared_range *range = &declared.list[i];
        if (range->from == (uintptr_t) from && range->to == (uintptr_t) from + bytes) {
            declared.list[i] = declared.list[--declared.count];
            found = true;
        }
    }
    lmm_lock_release(&lmm_families_lock);
    if (!found) {
        errno = ENOENT;
    }
    return found;
}

void lmm_declared_for_each(void (*visit)(uintptr_t from, uintptr_t to, void *arg), void *arg)
{
    for (size_t i = 0; i < declared.count; i++) {
        visit(declared.list[i].from, declared.list[i].to, arg);
    }
}
