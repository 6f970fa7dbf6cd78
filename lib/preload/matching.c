/* SPDX-License-Identifier: MIT */
#include "lib/preload/matching.h"

#include "lib/books/accounts.h"
#include "lib/books/mismatch_notes.h"
#include "lib/ground/meta.h"
#include "lib/ground/module.h"
#include "lib/ground/options.h"
#include "lib/ground/panic.h"
#include "lib/preload/imports.h"
#include "lib/stacks/depot.h"
#include "lib/stacks/unwind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LINES = 100, PLACE_BYTES = 256, PHRASE_BYTES = 64, TEXT_BYTES = 2 * PHRASE_BYTES + 16 };

/* A place in the code, for a line. */
struct place {
    uintptr_t pc; /* in the call's instruction; 0: unknown */
    const char *path;
    uintptr_t bias;
    enum lmm_import_module kind;
};

/* Both sides of a mismatch. */
struct mismatch {
    const void *block;
    size_t bytes;
    const struct lmm_origin *origin; /* NULL: malloc, or one of its kin */
    const struct lmm_release *release;
    struct place allocated;
    struct place freed;
    uint32_t freed_stack; /* the number of a frame; 0: unknown */
};

/* ---- Places ---------------------------------------------------------------------------------- */

static struct place place_of(uintptr_t pc)
{
    struct lmm_module_facts facts;

    if (!lmm_module_find(pc, &facts)) {
        return (struct place) {.pc = pc, .path = ""};
    }
    return (struct place) {pc, facts.name, facts.bias, lmm_imports_module(facts.start)};
}

/* The place of a frame of the ledger, in a module that is still loaded. */
static struct place place_of_frame(const struct lmm_ledger_frame *frame)
{
    if (frame->module == 0) {
        return (struct place) {.pc = 0};
    }
    const struct lmm_ledger_module *module = lmm_accounts_module(frame->module - 1);
    struct place place = place_of(frame->address - 1);
    bool is_loaded = lmm_module_is_at(module->start, module->end);

    place.path = lmm_accounts_module_path(frame->module - 1);
    place.bias = module->bias;
    place.kind = is_loaded ? place.kind : LMM_MODULE_UNKNOWN;
    return place;
}

/* Where the block of a site was allocated: the innermost call outside the runtime. *ret_is_direct: it
 * called malloc itself. */
static struct place allocation(uint32_t site, bool *ret_is_direct)
{
    uint32_t stack = lmm_accounts_site_stack(site);
    struct place place = {.pc = 0};

    *ret_is_direct = true;
    while (stack != 0) {
        const struct lmm_ledger_frame *frame = lmm_accounts_frame(stack);
        place = place_of_frame(frame);
        if (place.kind != LMM_MODULE_RUNTIME) {
            break;
        }
        *ret_is_direct = false;
        stack = frame->caller;
    }
    return place;
}

/* Where the program is now, outside LMM and the runtime. *ret_is_direct: as above, of free. */
static LMM_NOINLINE struct place current(bool *ret_is_direct, uint32_t *ret_stack)
{
    struct lmm_caller caller = LMM_CALLER();
    struct lmm_trace *trace = lmm_meta_alloc(&lmm_arena_records, sizeof(*trace));
    struct place place = {.pc = 0};

    *ret_is_direct = true;
    *ret_stack = 0;
    if (trace == NULL) {
        return place;
    }
    lmm_trace_clear(trace);
    lmm_unwind(trace, &caller, lmm_options.stack_frames);
    *ret_stack = lmm_depot_stack(trace);
    for (uint32_t i = trace->count; i > trace->first; i--) {
        place = place_of(trace->pc[i - 1] - 1);
        if (place.kind != LMM_MODULE_RUNTIME) {
            break;
        }
        *ret_is_direct = false;
    }
    lmm_meta_free(&lmm_arena_records, trace, sizeof(*trace));
    return place;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static const char *const makers[] = {
    [LMM_MADE_BY_NEW] = "new",
    [LMM_MADE_BY_NEW_ARRAY] = "new[]",
};

static const char *const freers[] = {
    [LMM_FREED_BY_FREE] = "free",
    [LMM_FREED_BY_REALLOC] = "realloc",
    [LMM_FREED_BY_DELETE] = "delete",
    [LMM_FREED_BY_DELETE_ARRAY] = "delete[]",
};

static bool is_operator(const struct lmm_release *release)
{
    return release->freer == LMM_FREED_BY_DELETE || release->freer == LMM_FREED_BY_DELETE_ARRAY;
}

/* Whether the function is the one for such blocks. */
static bool is_pair(const struct mismatch *mismatch)
{
    static const enum lmm_freer wanted[] = {
        [LMM_MADE_BY_NEW] = LMM_FREED_BY_DELETE,
        [LMM_MADE_BY_NEW_ARRAY] = LMM_FREED_BY_DELETE_ARRAY,
    };

    return mismatch->origin == NULL ? !is_operator(mismatch->release)
                                    : mismatch->release->freer == wanted[mismatch->origin->maker];
}

static bool has_other_align(const struct mismatch *mismatch)
{
    return mismatch->origin != NULL && is_operator(mismatch->release) &&
           mismatch->origin->align != mismatch->release->align;
}

static bool has_other_size(const struct mismatch *mismatch)
{
    return mismatch->origin != NULL && mismatch->release->has_size &&
           mismatch->origin->bytes != mismatch->release->bytes;
}

static void put_align(char *text, size_t bytes, size_t align)
{
    if (align == 0) {
        snprintf(text, bytes, " without alignment");
    } else {
        snprintf(text, bytes, " with alignment %zu", align);
    }
}

/* "delete with alignment 32", "delete with size 8". */
static void put_release(char text[PHRASE_BYTES], const struct mismatch *mismatch)
{
    int length = snprintf(text, PHRASE_BYTES, "%s", freers[mismatch->release->freer]);

    if (has_other_align(mismatch)) {
        put_align(text + length, (size_t) (PHRASE_BYTES - length), mismatch->release->align);
    } else if (is_pair(mismatch) && has_other_size(mismatch)) {
        snprintf(text + length, (size_t) (PHRASE_BYTES - length), " with size %zu",
                 mismatch->release->bytes);
    }
}

static void put_origin(char text[PHRASE_BYTES], const struct mismatch *mismatch)
{
    const struct lmm_origin *origin = mismatch->origin;
    int length =
        snprintf(text, PHRASE_BYTES, "%s", origin == NULL ? "malloc" : makers[origin->maker]);

    if (has_other_align(mismatch)) {
        put_align(text + length, (size_t) (PHRASE_BYTES - length), origin->align);
    }
}

static void put_place(char text[PLACE_BYTES], const struct place *place)
{
    const char *slash = strrchr(place->path, '/');
    const char *name = slash == NULL ? place->path : slash + 1;

    snprintf(text, PLACE_BYTES, "%s+0x%" PRIxPTR,
             *name == '\0' ? program_invocation_short_name : name, place->pc - place->bias);
}

/* "free of a block of new[]" */
static void put_text(char text[TEXT_BYTES], const struct mismatch *mismatch)
{
    char release[PHRASE_BYTES];
    char origin[PHRASE_BYTES];

    put_release(release, mismatch);
    put_origin(origin, mismatch);
    snprintf(text, TEXT_BYTES, "%s of a block of %s", release, origin);
}

/* Tells a mismatch, and adds it to the ledger. Returns its record, or NULL. */
static struct lmm_ledger_mismatch *tell(const struct mismatch *mismatch, uint32_t site)
{
    char text[TEXT_BYTES];
    char allocated[PLACE_BYTES];
    char freed[PLACE_BYTES];
    const struct lmm_ledger_mismatch record = {
        .allocated = lmm_accounts_site_stack(site),
        .freed = mismatch->freed_stack,
        .bytes = mismatch->bytes,
    };

    put_text(text, mismatch);
    put_place(allocated, &mismatch->allocated);
    put_place(freed, &mismatch->freed);
    lmm_warn("mismatch: %s: %p (%zu bytes, allocated at %s), freed at %s", text, mismatch->block,
             mismatch->bytes, allocated, freed);
    return lmm_mismatch_note(text, &record);
}

static uint64_t hash_of(const struct mismatch *mismatch)
{
    uint64_t maker = mismatch->origin == NULL ? 0 : 1 + (uint64_t) mismatch->origin->maker;
    uint64_t places = mismatch->allocated.pc * LMM_HASH_MULTIPLIER + mismatch->freed.pc;

    return (places * LMM_HASH_MULTIPLIER + maker * 8 + (uint64_t) mismatch->release->freer) | 1;
}

/* Tells the first mismatch of a pair of places, up to LINES pairs, and counts the others. */
static void take_note(const struct mismatch *mismatch, uint32_t site)
{
    static struct {
        uint64_t hash;                      /* atomic; 0: free */
        struct lmm_ledger_mismatch *record; /* atomic; NULL: none, or not yet */
    } told[LINES];
    static bool is_full; /* atomic */
    uint64_t hash = hash_of(mismatch);

    for (size_t i = 0; i < LINES; i++) {
        uint64_t found = 0;
        if (__atomic_compare_exchange_n(&told[i].hash, &found, hash, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
            lmm_store_release(&told[i].record, tell(mismatch, site));
            return;
        }
        if (found == hash) {
            struct lmm_ledger_mismatch *record = lmm_load_acquire(&told[i].record);
            if (record != NULL) {
                lmm_fetch_add_relaxed(&record->count, 1);
            }
            return;
        }
    }
    if (!lmm_exchange_acq_rel(&is_full, true)) {
        lmm_warn("mismatch: told of %d pairs of places, and not of any more", LINES);
    }
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static bool is_right(const struct mismatch *mismatch)
{
    return is_pair(mismatch) && !has_other_align(mismatch) && !has_other_size(mismatch);
}

/* Whether the places leave no doubt. A block without an origin is one of malloc if a module without
 * hidden operators requested it; so is a free of a block with one. */
static bool is_certain(struct mismatch *mismatch, uint32_t site)
{
    bool is_direct_allocation;
    bool is_direct_free;

    mismatch->allocated = allocation(site, &is_direct_allocation);
    mismatch->freed = current(&is_direct_free, &mismatch->freed_stack);
    if (mismatch->allocated.pc == 0 || mismatch->freed.pc == 0) {
        return false;
    }
    if (mismatch->origin == NULL) {
        return is_direct_allocation && mismatch->allocated.kind == LMM_MODULE_PLAIN;
    }
    return is_operator(mismatch->release) ||
           (is_direct_free && mismatch->freed.kind == LMM_MODULE_PLAIN);
}

void lmm_matching_made(const void *p, const struct lmm_origin *origin)
{
    struct lmm_block_facts facts;
    int saved_errno = errno;

    if (origin->bytes < LMM_ORIGIN_BYTES_END && lmm_block_find(p, &facts)) {
        lmm_origin_put(p, facts.tag, origin);
    }
    errno = saved_errno;
}

void lmm_matching_freed(const void *p, const struct lmm_block_facts *facts,
                        const struct lmm_release *release)
{
    struct lmm_origin origin;
    int saved_errno = errno;
    bool has_origin = lmm_origin_take(p, facts->tag, &origin);
    struct mismatch mismatch = {
        .block = p,
        .bytes = has_origin ? origin.bytes
                            : (size_t) lmm_family_extra(facts->family, facts->tag, facts->slots),
        .origin = has_origin ? &origin : NULL,
        .release = release,
    };

    uint32_t site = lmm_tag_site(facts->tag);

    if (!is_right(&mismatch) && lmm_imports_are_clear() && is_certain(&mismatch, site)) {
        take_note(&mismatch, site);
    }
    errno = saved_errno;
}

void lmm_matching_forget(const void *p)
{
    struct lmm_origin origin;

    lmm_origin_take(p, 0, &origin);
}
