/* SPDX-License-Identifier: MIT */
/*
 * attach: the drop-in in a process that ran without it, into which `lmm attach` has loaded it (<lmm/attach.h>).
 *
 * The entries of the process's own malloc lead to the functions here, which pass each call on to LMM. To the
 * other malloc, by what was in its entries, they pass
 *   - blocks that it made: LMM's free finds that they are not LMM's (other.h)
 *   - after a detach, all requests for memory; LMM's blocks still go back to LMM, and counting ends with them
 *
 * The entry of libc's _Fork leads here, too. libc's fork calls it after all handlers of fork, those that the program
 * registered before LMM came included, and after it has taken its own locks; so these may allocate, and may wait for a
 * thread that allocates. Handlers that LMM registered itself would run before them, and they would run with its locks held.
 *
 * Invariants (tests/attach):
 *   I1  nothing is served before the entries are led to these functions; then all fields of the exchange are final
 *   I2  no child is made while another thread is in LMM, once the entries are led
 * Locks: none.
 * Not responsible for: which code leads here (reporter/program/attach), functions that only other mallocs have (attached.h).
 */
#include "lib/books/accounts.h"
#include "lib/books/chunks.h"
#include "lib/ground/module.h"
#include "lib/ground/options.h"
#include "lib/ground/panic.h"
#include "lib/heaps/fork.h"
#include "lib/heaps/start.h"
#include "lib/leaks/agent.h"
#include "lib/preload/attached.h"
#include "lib/preload/image.h"
#include "lib/preload/other.h"
#include "lib/preload/own_malloc.h"
#include "lib/preload/serve.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <lmm/attach.h>
#include <lmm/lmm.h>
#include <string.h>

/* Indices of the exchange's functions. */
enum {
    FORK,
    MALLOC,
    CALLOC,
    REALLOC,
    FREE,
    MEMALIGN,
    ALIGNED_ALLOC,
    POSIX_MEMALIGN,
    VALLOC,
    PVALLOC,
    USABLE,
    FUNCTIONS
};

__attribute__((visibility("default"))) struct lmm_attach_exchange lmm_attach_exchange = {
    .version = LMM_ATTACH_VERSION, .bytes = sizeof(lmm_attach_exchange)};

LMM_API int lmm_attach(void);

/* ---- The other malloc ------------------------------------------------------------------------ */

typedef void *allocate_1(size_t bytes);
typedef void *allocate_2(size_t a, size_t b);

static uintptr_t original(size_t function)
{
    return (uintptr_t) lmm_attach_exchange.functions[function].original;
}

static void *old_malloc(size_t bytes)
{
    return ((allocate_1 *) original(MALLOC))(bytes);
}

static void old_free(void *p)
{
    ((void (*)(void *p)) original(FREE))(p);
}

static size_t old_usable(void *p)
{
    return ((size_t(*)(void *p)) original(USABLE))(p);
}

/* ---- What the program calls ------------------------------------------------------------------ */

/* Each of malloc's ends with a jump, so that no call of this file is in a call stack. */

static bool is_diverted(void)
{
    return LMM_UNLIKELY(lmm_load_relaxed(&lmm_attached_is_detached));
}

static LMM_NOINLINE void free_diverted(void *p)
{
    int saved_errno = errno;

    if (p == NULL) {
        return;
    }
    if (lmm_attached_is_own(p)) {
        lmm_own_free(p);
    } else {
        old_free(p);
    }
    errno = saved_errno;
}

/* A block of LMM moves to the other malloc, as glibc's realloc does it. */
static LMM_NOINLINE void *resize_diverted(void *p, size_t bytes)
{
    if (p == NULL) {
        return old_malloc(bytes);
    }
    if (!lmm_attached_is_own(p)) {
        return ((void *(*) (void *p, size_t bytes)) original(REALLOC))(p, bytes);
    }
    if (bytes == 0) {
        free_diverted(p);
        return NULL;
    }
    size_t old_bytes = lmm_serve_usable(p);
    void *moved = old_malloc(bytes);
    if (moved != NULL) {
        memcpy(moved, p, old_bytes < bytes ? old_bytes : bytes);
        free_diverted(p);
    }
    return moved;
}

static void *attached_malloc(size_t bytes)
{
    return is_diverted() ? old_malloc(bytes) : lmm_own_malloc(bytes);
}

static void *attached_calloc(size_t count, size_t size)
{
    return is_diverted() ? ((allocate_2 *) original(CALLOC))(count, size)
                         : lmm_own_calloc(count, size);
}

static void *attached_realloc(void *p, size_t bytes)
{
    return is_diverted() ? resize_diverted(p, bytes) : lmm_own_realloc(p, bytes);
}

static void attached_free(void *p)
{
    if (is_diverted()) {
        free_diverted(p);
    } else {
        lmm_own_free(p);
    }
}

static void *attached_memalign(size_t align, size_t bytes)
{
    return is_diverted() ? ((allocate_2 *) original(MEMALIGN))(align, bytes)
                         : lmm_own_memalign(align, bytes);
}

static void *attached_aligned_alloc(size_t align, size_t bytes)
{
    return is_diverted() ? ((allocate_2 *) original(ALIGNED_ALLOC))(align, bytes)
                         : lmm_own_aligned_alloc(align, bytes);
}

static int attached_posix_memalign(void **ret_block, size_t align, size_t bytes)
{
    typedef int posix_memalign_function(void **ret_block, size_t align, size_t bytes);

    return is_diverted()
               ? ((posix_memalign_function *) original(POSIX_MEMALIGN))(ret_block, align, bytes)
               : lmm_own_posix_memalign(ret_block, align, bytes);
}

static void *attached_valloc(size_t bytes)
{
    return is_diverted() ? ((allocate_1 *) original(VALLOC))(bytes) : lmm_own_valloc(bytes);
}

static void *attached_pvalloc(size_t bytes)
{
    return is_diverted() ? ((allocate_1 *) original(PVALLOC))(bytes) : lmm_own_pvalloc(bytes);
}

static size_t attached_usable(void *p)
{
    return lmm_serve_usable(p);
}

static int attached_fork(void)
{
    return lmm_fork_around((int (*)(void)) original(FORK));
}

/* ---- The start ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*own)(void);
    bool is_needed;
    enum lmm_attach_role role;
} functions[FUNCTIONS] = {
    [FORK] = {"_Fork", (void (*)(void)) attached_fork, true, LMM_ATTACH_TAKES},
    [MALLOC] = {"malloc", (void (*)(void)) attached_malloc, true, LMM_ATTACH_MAKES},
    [CALLOC] = {"calloc", (void (*)(void)) attached_calloc, true, LMM_ATTACH_MAKES},
    [REALLOC] = {"realloc", (void (*)(void)) attached_realloc, true, LMM_ATTACH_RESIZES},
    [FREE] = {"free", (void (*)(void)) attached_free, true, LMM_ATTACH_TAKES},
    [MEMALIGN] = {"memalign", (void (*)(void)) attached_memalign, false, LMM_ATTACH_MAKES},
    [ALIGNED_ALLOC] = {"aligned_alloc", (void (*)(void)) attached_aligned_alloc, false,
                       LMM_ATTACH_MAKES},
    [POSIX_MEMALIGN] = {"posix_memalign", (void (*)(void)) attached_posix_memalign, false,
                        LMM_ATTACH_MAKES},
    [VALLOC] = {"valloc", (void (*)(void)) attached_valloc, false, LMM_ATTACH_MAKES},
    [PVALLOC] = {"pvalloc", (void (*)(void)) attached_pvalloc, false, LMM_ATTACH_MAKES},
    [USABLE] = {"malloc_usable_size", (void (*)(void)) attached_usable, true, LMM_ATTACH_TAKES},
};

static int refuse(const char *message)
{
    strncpy(lmm_attach_exchange.message, message, LMM_ATTACH_MESSAGE_MAX - 1);
    return 1;
}

/* The first module of the loader's list that defines malloc, which is the one that all call; dlsym() gives the
 * address of a jump in the program where that takes the function's address. *ret_is_own: it is LMM. NULL: none does. */
static const struct link_map *find_malloc(struct lmm_image *ret_module, bool *ret_is_own)
{
    struct lmm_module_facts own;

    if (!lmm_module_find((uintptr_t) &find_malloc, &own)) {
        return NULL;
    }
    for (const struct link_map *map = _r_debug.r_map; map != NULL; map = map->l_next) {
        if (lmm_image_read(map->l_addr, map->l_ld, ret_module) &&
            lmm_image_definition(ret_module, "malloc") != 0) {
            *ret_is_own = lmm_module_has(&own, map->l_ld);
            return map;
        }
    }
    return NULL;
}

/* libc, which calls its own functions whatever other modules define. */
static bool find_libc(struct lmm_image *ret_module)
{
    for (const struct link_map *map = _r_debug.r_map; map != NULL; map = map->l_next) {
        if (lmm_image_read(map->l_addr, map->l_ld, ret_module) &&
            lmm_image_definition(ret_module, "gnu_get_libc_version") != 0) {
            return true;
        }
    }
    return false;
}

/* Of a malloc that is part of the program only libc's functions are led to LMM: the program may call its others without their
 * being exported, so that LMM would see operators new, but not all operators delete. */
static bool find_functions(bool *ret_is_own)
{
    struct lmm_attach_function *others = &lmm_attach_exchange.functions[FUNCTIONS];
    struct lmm_image module;
    struct lmm_image libc;
    const struct link_map *map = find_malloc(&module, ret_is_own);

    if (map == NULL || !find_libc(&libc)) {
        return false;
    }
    for (size_t i = 0; i < FUNCTIONS; i++) {
        struct lmm_attach_function *function = &lmm_attach_exchange.functions[i];
        strncpy(function->name, functions[i].name, LMM_ATTACH_NAME_MAX - 1);
        function->old = lmm_image_definition(i == FORK ? &libc : &module, functions[i].name);
        function->own = (uintptr_t) functions[i].own;
        function->is_needed = functions[i].is_needed;
        function->role = functions[i].role;
    }
    lmm_attach_exchange.count = FUNCTIONS;
    if (map != _r_debug.r_map) {
        lmm_attach_exchange.count += (uint32_t) lmm_attached_fill(
            &module, others, LMM_ATTACH_FUNCTIONS_MAX - FUNCTIONS, attached_realloc);
    }
    return lmm_attach_exchange.count <= LMM_ATTACH_FUNCTIONS_MAX;
}

/* The entry of a function that the other malloc lacks is never led to LMM; the others are needed. */
static bool has_needed(void)
{
    const struct lmm_attach_function *found = lmm_attach_exchange.functions;

    return found[MALLOC].old != 0 && found[CALLOC].old != 0 && found[REALLOC].old != 0 &&
           found[FREE].old != 0 && found[USABLE].old != 0;
}

/* Whether the program's calls come to LMM: for the agent, so without a lock, and nothing of libc's. */
static bool switch_calls(bool on)
{
    if (on) {
        lmm_accounts_note_attach();
        lmm_store_release(&lmm_attached_is_detached, false);
    } else {
        lmm_store_release(&lmm_attached_is_detached, true);
        lmm_accounts_note_detach();
    }
    return true;
}

/* Starts LMM; 0, or why not. */
static int start(void)
{
    bool is_own = false;

    if (lmm_has_started()) {
        return refuse("it is on LMM already");
    }
    if (!find_functions(&is_own) || is_own || !has_needed()) {
        return refuse(is_own ? "it is on LMM already"
                             : "its malloc lacks some of libc's functions");
    }
    if (lmm_attach_exchange.functions[FORK].old == 0) {
        return refuse("its glibc is older than 2.34 (it has no _Fork)");
    }
    lmm_attach_exchange.options[LMM_ATTACH_OPTIONS_MAX - 1] = '\0';
    lmm_options_give(lmm_attach_exchange.options);
    lmm_other_set(old_free, old_usable);
    return lmm_serve_start() ? 0 : refuse("it has no memory left");
}

static int attach(void)
{
    static bool has_started;

    if (!has_started && start() != 0) {
        return 1;
    }
    has_started = true;
    if (original(MALLOC) != 0) {
        return refuse("it is on LMM already");
    }
    if (lmm_load_relaxed(&lmm_chunks_header()->file_bytes) == 0) {
        return refuse("it cannot keep a ledger, as it says on its stderr");
    }
    lmm_attach_exchange.attach_time = (uintptr_t) &lmm_chunks_header()->attach_time_ns;
    lmm_agent_set_switch(switch_calls);
    lmm_agent_watch();
    return 0;
}

/* May be called again, if the functions were not led here after all; also while another thread is here, which an attempt has left. */
LMM_API int lmm_attach(void)
{
    static bool is_busy; /* atomic */

    if (lmm_exchange_acq_rel(&is_busy, true)) {
        return refuse("another thread of it starts LMM; try again");
    }
    int result = attach();

    lmm_store_release(&is_busy, false);
    return result;
}
