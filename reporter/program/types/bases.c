/* SPDX-License-Identifier: MIT */
/* A struct is known by its name, size and line: every unit that includes its header has its own
 * DIE. */
#include "reporter/program/types/bases.h"

#include <dwarf.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/hash.h"
#include "reporter/program/base/array.h"
#include "reporter/program/types/type_walk.h"
#include "reporter/program/types/unit_index.h"

enum {
    DIES_MAX = 1 << 21, /* outer ones, of all units */
};

struct lmm_bases {
    bool is_read;
    bool is_whole;
    int budget;
    uint64_t *keys; /* sorted */
    size_t count;
};

struct lmm_bases *lmm_bases_new(void)
{
    return calloc(1, sizeof(struct lmm_bases));
}

void lmm_bases_free(struct lmm_bases *bases)
{
    if (bases != NULL) {
        free(bases->keys);
        free(bases);
    }
}

static uint64_t key_of(Dwarf_Die *record)
{
    const char *name = dwarf_diename(record);
    int line = 0;

    dwarf_decl_line(record, &line);
    return lmm_hash_string(lmm_hash_u64((uint64_t) line, lmm_type_bytes(record)),
                           lmm_string_of(name == NULL ? "" : name));
}

static void add_starts(struct lmm_bases *bases, Dwarf_Die record)
{
    for (int i = 0; i < LMM_TYPE_DEPTH_MAX && lmm_type_start(&record); i++) {
        uint64_t *key = lmm_array_add(&bases->keys, &bases->count, sizeof(*bases->keys));

        if (key == NULL) {
            bases->budget = 0;
            return;
        }
        *key = key_of(&record);
    }
}

static void read_unit(struct lmm_bases *bases, Dwarf_Die *unit)
{
    Dwarf_Die die;

    if (dwarf_child(unit, &die) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&die);

        if (tag == DW_TAG_structure_type || tag == DW_TAG_union_type) {
            add_starts(bases, die);
        }
    } while (--bases->budget > 0 && dwarf_siblingof(&die, &die) == 0);
}

static bool has_classes(Dwarf_Die *unit)
{
    int language = dwarf_srclang(unit);

    return language > 0 && language != DW_LANG_C && language != DW_LANG_C89 &&
           language != DW_LANG_C99 && language != DW_LANG_C11;
}

static void read_file(struct lmm_bases *bases, Dwarf *dwarf)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;

    while (bases->budget > 0 && dwarf != NULL &&
           dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        if (!has_classes(&die)) {
            read_unit(bases, &die);
        }
    }
}

static int compare_keys(const void *left, const void *right)
{
    return lmm_compare_u64(*(const uint64_t *) left, *(const uint64_t *) right);
}

/* Reads the units of a file, and those of the file that it shares with others (dwz). */
static void read_all(struct lmm_bases *bases, Dwarf *dwarf)
{
    bases->is_read = true;
    bases->budget = DIES_MAX;
    read_file(bases, dwarf);
    read_file(bases, dwarf_getalt(dwarf));
    bases->is_whole = bases->budget > 0;
    if (bases->count > 0) {
        qsort(bases->keys, bases->count, sizeof(*bases->keys), compare_keys);
    }
}

bool lmm_bases_has(struct lmm_bases *bases, Dwarf *dwarf, const Dwarf_Die *type)
{
    struct lmm_unit_index *unit = lmm_unit_index_of(type);
    Dwarf_Die record;

    if (unit == NULL || lmm_unit_index_is_cplusplus(unit) || !lmm_type_strip(type, &record)) {
        return true;
    }
    if (!bases->is_read) {
        read_all(bases, dwarf);
    }
    uint64_t key = key_of(&record);

    return !bases->is_whole || (bases->count > 0 && bsearch(&key, bases->keys, bases->count,
                                                            sizeof(key), compare_keys) != NULL);
}
