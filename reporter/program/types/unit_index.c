/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/unit_index.h"

#include <dwarf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "reporter/core/compare.h"
#include "reporter/program/types/unit_list.h"

enum {
    DEPTH_MAX = 64,     /* of imports in imports */
    IMPORTS_MAX = 4096, /* units searched for one name */
    CHAIN_MAX = 8,      /* of origins */
};

struct lmm_unit_index {
    struct lmm_unit_list list; /* its `unit` is the key */
    UT_hash_handle hh;
    struct lmm_unit_named
        *by_hash; /* its names in the order of their hashes, at the first search */
    bool is_sorted;
    uint64_t search; /* the last one by name */
};

/* A typedef in another unit than what it names. */
struct foreign {
    uintptr_t target;
    Dwarf_Die typedef_die;
    UT_hash_handle hh;
};

/* The units of a file that are listed. */
struct book {
    struct book *next;
    Dwarf *dwarf;
    bool is_split; /* it is closed together with another file */
    struct lmm_unit_index *indexes;
    struct foreign *foreign;
};

static struct book *books;

const char *const lmm_unit_index_pointers = lmm_unit_list_pointers;

/* ---- Units and files ------------------------------------------------------------------------- */

static struct book *book_of(Dwarf_CU *unit)
{
    Dwarf *dwarf = dwarf_cu_getdwarf(unit);
    struct book *book = books;
    uint8_t type = 0;

    while (book != NULL && book->dwarf != dwarf) {
        book = book->next;
    }
    if (book == NULL && (book = calloc(1, sizeof(*book))) != NULL) {
        dwarf_cu_info(unit, NULL, &type, NULL, NULL, NULL, NULL, NULL);
        book->dwarf = dwarf;
        book->is_split = type == DW_UT_split_compile || type == DW_UT_split_type;
        book->next = books;
        books = book;
    }
    return book;
}

static void add_foreign(struct book *book, const struct lmm_unit_list *list)
{
    for (size_t i = 0; i < list->foreign_count; i++) {
        const struct lmm_unit_target *target = &list->foreign[i];
        struct foreign *foreign;

        HASH_FIND(hh, book->foreign, &target->address, sizeof(target->address), foreign);
        if (foreign != NULL || (foreign = calloc(1, sizeof(*foreign))) == NULL) {
            continue;
        }
        foreign->target = target->address;
        foreign->typedef_die = list->named[target->named].die;
        HASH_ADD(hh, book->foreign, target, sizeof(foreign->target), foreign);
        if (foreign->hh.tbl == NULL) {
            free(foreign);
        }
    }
}

struct lmm_unit_index *lmm_unit_index_of(const Dwarf_Die *die)
{
    struct book *book = book_of(die->cu);
    struct lmm_unit_index *index = NULL;

    if (book == NULL) {
        return NULL;
    }
    HASH_FIND_PTR(book->indexes, &die->cu, index);
    if (index != NULL || (index = calloc(1, sizeof(*index))) == NULL) {
        return index;
    }
    index->list.unit = die->cu;
    HASH_ADD_PTR(book->indexes, list.unit, index);
    if (index->hh.tbl == NULL) {
        free(index);
        return NULL;
    }
    lmm_unit_list_read(&index->list, die);
    add_foreign(book, &index->list);
    return index;
}

bool lmm_unit_index_is_cplusplus(const struct lmm_unit_index *index)
{
    return index->list.is_cplusplus;
}

/* ---- By name --------------------------------------------------------------------------------- */

static int compare_hashes(const void *left, const void *right)
{
    const struct lmm_unit_named *a = left;
    const struct lmm_unit_named *b = right;
    int order = lmm_compare_u64(a->hash, b->hash);

    return order != 0 ? order : lmm_compare_u64((uintptr_t) a->die.addr, (uintptr_t) b->die.addr);
}

static void sort_by_hash(struct lmm_unit_index *index)
{
    index->is_sorted = true;
    if (index->list.named_count > 0) {
        index->by_hash = calloc(index->list.named_count, sizeof(index->by_hash[0]));
    }
    if (index->by_hash != NULL) {
        memcpy(index->by_hash, index->list.named,
               index->list.named_count * sizeof(index->by_hash[0]));
        qsort(index->by_hash, index->list.named_count, sizeof(index->by_hash[0]), compare_hashes);
    }
}

/* Returns the first of by_hash that has at least this hash. */
static size_t first_of_hash(const struct lmm_unit_index *index, uint32_t hash)
{
    size_t low = 0;
    size_t high = index->list.named_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index->by_hash[middle].hash < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_called(Dwarf_Die *die, const char *name)
{
    const char *own =
        dwarf_tag(die) == DW_TAG_pointer_type ? lmm_unit_index_pointers : dwarf_diename(die);
    size_t bytes = strcspn(name, "<");

    return own != NULL && strncmp(own, name, bytes) == 0 &&
           (own[bytes] == '\0' || own[bytes] == '<');
}

static bool find_own(struct lmm_unit_index *index, const char *name,
                     bool (*visit)(void *context, const Dwarf_Die *die), void *context)
{
    uint32_t hash = lmm_unit_list_hash(name);

    if (!index->is_sorted) {
        sort_by_hash(index);
    }
    if (index->by_hash == NULL) {
        return false;
    }
    for (size_t i = first_of_hash(index, hash);
         i < index->list.named_count && index->by_hash[i].hash == hash; i++) {
        if (is_called(&index->by_hash[i].die, name) && visit(context, &index->by_hash[i].die)) {
            return true;
        }
    }
    return false;
}

struct search {
    const char *name;
    bool (*visit)(void *context, const Dwarf_Die *die);
    void *context;
    uint64_t number; /* units that have it are not searched again: imports may loop */
    int budget;      /* of units */
};

static bool find_in(const struct lmm_unit_index *start, struct search *search, int depth);

static bool find_in_unit(struct lmm_unit_index *index, struct search *search, int depth)
{
    if (index == NULL || index->search == search->number || depth == DEPTH_MAX ||
        --search->budget < 0) {
        return false;
    }
    index->search = search->number;
    return find_own(index, search->name, search->visit, search->context) ||
           find_in(index, search, depth);
}

/* Searches the units that a unit imports. */
static bool find_in(const struct lmm_unit_index *start, struct search *search, int depth)
{
    for (size_t i = 0; i < start->list.import_count; i++) {
        if (find_in_unit(lmm_unit_index_of(&start->list.imports[i]), search, depth + 1)) {
            return true;
        }
    }
    return false;
}

bool lmm_unit_index_find(struct lmm_unit_index *index, const char *name,
                         bool (*visit)(void *context, const Dwarf_Die *die), void *context)
{
    static uint64_t last;
    struct search search = {name, visit, context, ++last, IMPORTS_MAX};

    return find_in_unit(index, &search, 0);
}

/* ---- Typedefs and what is around a DIE ------------------------------------------------------- */

static bool find_foreign(uintptr_t address, Dwarf_Die *ret_typedef)
{
    for (const struct book *book = books; book != NULL; book = book->next) {
        const struct foreign *foreign;

        HASH_FIND(hh, book->foreign, &address, sizeof(address), foreign);
        if (foreign != NULL) {
            *ret_typedef = foreign->typedef_die;
            return true;
        }
    }
    return false;
}

bool lmm_unit_index_typedef(const Dwarf_Die *type, Dwarf_Die *ret_typedef)
{
    struct lmm_unit_index *index = lmm_unit_index_of(type);
    uintptr_t address = (uintptr_t) type->addr;
    size_t low = 0;
    size_t high = index == NULL ? 0 : index->list.target_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index->list.targets[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (index != NULL && low < index->list.target_count &&
        index->list.targets[low].address == address) {
        *ret_typedef = index->list.named[index->list.targets[low].named].die;
        return true;
    }
    return find_foreign(address, ret_typedef);
}

static bool ends_before(const struct lmm_unit_index *index, uint32_t scope, uintptr_t address)
{
    while (index->list.scopes[scope].end == 0 &&
           index->list.scopes[scope].parent != LMM_UNIT_OUTSIDE) {
        scope = index->list.scopes[scope].parent;
    }
    return index->list.scopes[scope].end != 0 && index->list.scopes[scope].end <= address;
}

/* Returns the DIE that a DIE is an instance or the definition of: that one lies where it is declared. */
static Dwarf_Die declaration_of(const Dwarf_Die *die)
{
    Dwarf_Die declared = *die;

    for (int i = 0; i < CHAIN_MAX; i++) {
        if (!lmm_unit_list_reference(&declared, DW_AT_abstract_origin, &declared) &&
            !lmm_unit_list_reference(&declared, DW_AT_specification, &declared)) {
            break;
        }
    }
    return declared;
}

bool lmm_unit_index_parent(const Dwarf_Die *die, Dwarf_Die *ret_parent)
{
    const Dwarf_Die declared = declaration_of(die);
    struct lmm_unit_index *index = lmm_unit_index_of(&declared);
    uintptr_t address = (uintptr_t) declared.addr;
    size_t low = 0;
    size_t high = index == NULL ? 0 : index->list.scope_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if ((uintptr_t) index->list.scopes[middle].die.addr < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint32_t scope = low > 0 ? (uint32_t) (low - 1) : LMM_UNIT_OUTSIDE;

    while (scope != LMM_UNIT_OUTSIDE && ends_before(index, scope, address)) {
        scope = index->list.scopes[scope].parent;
    }
    if (scope != LMM_UNIT_OUTSIDE) {
        *ret_parent = index->list.scopes[scope].die;
    }
    return scope != LMM_UNIT_OUTSIDE;
}

/* ---- Forgetting ------------------------------------------------------------------------------ */

static void free_book(struct book *book)
{
    struct lmm_unit_index *index = book->indexes;
    struct foreign *foreign = book->foreign;

    HASH_CLEAR(hh, book->indexes);
    HASH_CLEAR(hh, book->foreign);
    while (index != NULL) {
        struct lmm_unit_index *next = index->hh.next;

        lmm_unit_list_free(&index->list);
        free(index->by_hash);
        free(index);
        index = next;
    }
    while (foreign != NULL) {
        struct foreign *next = foreign->hh.next;

        free(foreign);
        foreign = next;
    }
    free(book);
}

void lmm_unit_index_forget(Dwarf *dwarf)
{
    Dwarf *shared = dwarf_getalt(dwarf);
    struct book **at = &books;

    while (*at != NULL) {
        struct book *book = *at;

        /* Split units of other files go, too: nothing tells which file they belong to. */
        if (book->dwarf == dwarf || book->dwarf == shared || book->is_split) {
            *at = book->next;
            free_book(book);
        } else {
            at = &book->next;
        }
    }
}
