/* SPDX-License-Identifier: MIT */
/*
 * place: site records that are made at run time, for calls that cannot have a static one: a C++
 * template, which gets its caller's place as an argument, and a call that serves several families.
 *
 * A set of places is a few lists, which only grow. A record is complete before it is on its list
 * (compare-and-swap, and the head is loaded with acquire order), and afterwards only the id and the
 * family of its site change.
 *
 * Invariant: a list has no two records of one place, unless two threads add it at the same time;
 * then both records get the same id (tests/unit/lib/test_place.c).
 * Locks: none of its own; any thread. Not responsible for: ids (site), static records (api).
 */
#include "lib/ground/base.h"
#include "lib/ground/meta.h"
#include "lib/ground/sync.h"
#include "lib/heaps/start.h"

#include <lmm/lmm.h>

struct lmm_place {
    struct lmm_site site;
    struct lmm_place *next; /* immutable */
};

/* Texts are compared by address: a text is a literal, or belongs to a family. */
static bool is_same_place(const struct lmm_site *a, const struct lmm_site *b)
{
    return a->line == b->line && a->file == b->file && a->function == b->function &&
           a->type == b->type && a->size_bytes == b->size_bytes && a->align_bytes == b->align_bytes;
}

static struct lmm_place **list_of(struct lmm_places *places, const struct lmm_site *site)
{
    return &places->first[(lmm_hash((uintptr_t) site->type) + site->line) % LMM_PLACE_LISTS];
}

static LMM_COLD struct lmm_site *add_place(struct lmm_place **first, const struct lmm_site *site)
{
    struct lmm_place *place = lmm_start() ? lmm_meta_zalloc(sizeof(*place)) : NULL;

    if (place == NULL) {
        return NULL;
    }
    place->site = *site;
    place->site.id = LMM_SITE_UNKNOWN;
    place->next = lmm_load_relaxed(first);
    while (!lmm_compare_exchange_acq_rel(first, &place->next, place)) {
    }
    return &place->site;
}

LMM_API struct lmm_site *lmm_place_site(struct lmm_places *places, const struct lmm_site *site)
{
    struct lmm_place **first = list_of(places, site);

    for (struct lmm_place *place = lmm_load_acquire(first); place != NULL; place = place->next) {
        if (is_same_place(&place->site, site)) {
            return &place->site;
        }
    }
    return add_place(first, site);
}
