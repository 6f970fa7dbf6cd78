/* SPDX-License-Identifier: MIT */
#include "lib/preload/other.h"

#include "lib/books/accounts.h"
#include "lib/ground/module.h"
#include "lib/ground/sync.h"
#include "lib/heaps/start.h"
#include "lib/pages/page.h"

#include <dlfcn.h>
#include <gnu/lib-names.h>
#include <gnu/libc-version.h>
#include <lmm/ledger.h>
#include <malloc.h>

struct allocator {
    void (*free)(void *p); /* NULL: there is no such allocator */
    size_t (*usable)(void *p);
};

static struct {
    bool is_known;           /* atomic; then the other fields do not change, except the last */
    struct allocator linked; /* the one that the program is linked with */
    struct allocator libc;
    struct mallinfo (*libc_figures)(void);
    bool libc_was_used; /* atomic; once true, it stays so */
} others;

/* Allocators that a program may be linked with under names of their own. */
static const struct {
    const char *free;
    const char *usable;
} prefixed[] = {
    {"je_free", "je_malloc_usable_size"},
    {"mi_free", "mi_usable_size"},
    {"tc_free", "tc_malloc_size"},
    {"rpfree", "rpmalloc_usable_size"},
};

/* ---- Who has the name malloc ----------------------------------------------------------------- */

/* Whether the function is in the same module as the other one. */
static bool is_beside(const void *function, const void *other)
{
    struct lmm_module_facts facts;

    return lmm_module_find((uintptr_t) other, &facts) && facts.start <= (uintptr_t) function &&
           (uintptr_t) function < facts.end;
}

/* Whether the malloc with that address, not LMM's, asks LMM for its blocks, as one that only traces
 * calls does. */
static bool leads_to_lmm(void *function)
{
    void *(*allocate)(size_t bytes);
    void (*release)(void *p);
    struct lmm_location location;

    *(void **) &allocate = function;
    *(void **) &release = dlsym(RTLD_DEFAULT, "free");
    void *block = allocate(1);
    bool leads = lmm_page_locate(block, &location);
    release(block);
    return leads;
}

/* Tells the books the path of the module that has the function. */
static void note_module(const void *function, void (*note)(const char *path))
{
    struct lmm_module_facts facts;
    char path[LMM_LEDGER_PATH_MAX];

    if (lmm_module_find((uintptr_t) function, &facts)) {
        lmm_module_path(&facts, path, sizeof(path));
        note(path);
    }
}

/* After the start (serve.c). All names that are looked up exist: dlsym() allocates memory when one
 * does not. */
__attribute__((constructor(102))) static void look_around(void)
{
    if (!lmm_has_started()) {
        return;
    }
    void *used = dlsym(RTLD_DEFAULT, "malloc");
    if (!is_beside(used, &others) && !leads_to_lmm(used)) {
        note_module(used, lmm_accounts_note_other_malloc);
    }
    const void *next = dlsym(RTLD_NEXT, "malloc_usable_size");
    if (!is_beside(next, (const void *) &gnu_get_libc_version)) {
        note_module(next, lmm_accounts_note_linked_allocator);
    }
}

/* ---- Finding them ---------------------------------------------------------------------------- */

/* Looks both names up; the allocator stays as it is unless both are in one module, and not libc's. */
static void look_up(void *scope, const char *free_name, const char *usable_name,
                    struct allocator *allocator)
{
    void *free_found = dlsym(scope, free_name);
    void *usable_found = free_found == NULL ? NULL : dlsym(scope, usable_name);

    if (usable_found != NULL && is_beside(free_found, usable_found) &&
        !is_beside(free_found, (const void *) &gnu_get_libc_version)) {
        *(void **) &allocator->usable = usable_found;
        *(void **) &allocator->free = free_found;
    }
}

/* libc's functions, also where another allocator has all of their names. */
static void find_libc(void)
{
    void *libc = dlopen(LIBC_SO, RTLD_LAZY | RTLD_NOLOAD);

    if (libc != NULL) {
        *(void **) &others.libc.usable = dlsym(libc, "malloc_usable_size");
        *(void **) &others.libc.free = dlsym(libc, "free");
        *(void **) &others.libc_figures = dlsym(libc, "__libc_mallinfo");
    }
}

/* Two threads that come here at the same time find the same. */
static LMM_COLD void find_others(void)
{
    find_libc();
    look_up(RTLD_NEXT, "free", "malloc_usable_size", &others.linked);
    for (size_t i = 0; others.linked.free == NULL && i < sizeof(prefixed) / sizeof(prefixed[0]);
         i++) {
        look_up(RTLD_DEFAULT, prefixed[i].free, prefixed[i].usable, &others.linked);
    }
    lmm_store_release(&others.is_known, true);
}

/* Asks libc whether its malloc has ever requested memory from the kernel. Cost: libc counts its free
 * blocks one by one, 329 us at 20,000 of them. */
static LMM_COLD bool ask_libc(void)
{
    if (others.libc_figures == NULL) {
        return false;
    }
    struct mallinfo info = others.libc_figures();
    bool was_used = info.arena != 0 || info.hblkhd != 0;
    lmm_store_relaxed(&others.libc_was_used, was_used);
    return was_used;
}

static bool libc_was_used(void)
{
    return lmm_load_relaxed(&others.libc_was_used) || ask_libc();
}

/* The allocator that p may be a block of; NULL: there is none. */
static const struct allocator *owner_of(const void *p)
{
    const struct lmm_page *page = lmm_page_of((uintptr_t) p);

    if (page != NULL && lmm_load_acquire(&page->kind) != LMM_PAGE_NONE) {
        return NULL;
    }
    if (!lmm_load_acquire(&others.is_known)) {
        find_others();
    }
    return others.linked.free != NULL ? &others.linked : libc_was_used() ? &others.libc : NULL;
}

void lmm_other_set(void (*release)(void *p), size_t (*usable)(void *p))
{
    others.linked = (struct allocator) {release, usable};
    lmm_store_release(&others.is_known, true);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

bool lmm_other_free(void *p)
{
    const struct allocator *owner = owner_of(p);

    if (owner == NULL) {
        return false;
    }
    owner->free(p);
    return true;
}

bool lmm_other_usable(void *p, size_t *ret_bytes)
{
    const struct allocator *owner = owner_of(p);

    if (owner == NULL) {
        return false;
    }
    *ret_bytes = owner->usable(p);
    return true;
}
