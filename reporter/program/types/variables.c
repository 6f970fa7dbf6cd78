/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/variables.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/array.h"
#include "reporter/program/types/fixed_variables.h"
#include "reporter/program/types/type_walk.h"
#include "reporter/program/types/unit_index.h"

enum {
    DIES_MAX = 1 << 18,  /* visited for one list */
    DEPTH_MAX = 64,      /* of blocks in blocks */
    PLACES_MAX = 1 << 14 /* of one variable; also ranges of one block */
};

/* What is kept of a file. */
struct book {
    struct book *next;
    Dwarf *dwarf;
    bool has_fixed; /* `fixed` is listed */
    bool has_cfi;   /* `cfi` was looked for */
    struct lmm_fixed_variables fixed;
    bool has_thread; /* `thread` is listed */
    struct lmm_fixed_variables thread;
    Dwarf_CFI *cfi; /* of .eh_frame; NULL: none */
};

static struct book *books;

static struct book *book_of(Dwarf *dwarf)
{
    struct book *book = books;

    while (book != NULL && book->dwarf != dwarf) {
        book = book->next;
    }
    if (book == NULL && (book = calloc(1, sizeof(*book))) != NULL) {
        book->dwarf = dwarf;
        book->next = books;
        books = book;
    }
    return book;
}

/* ---- The frame ------------------------------------------------------------------------------- */

static Dwarf_CFI *own_cfi(Dwarf *dwarf)
{
    struct book *book = book_of(dwarf);

    if (book == NULL) {
        return NULL;
    }
    if (!book->has_cfi) {
        book->has_cfi = true;
        book->cfi = dwarf_getcfi_elf(dwarf_getelf(dwarf));
    }
    return book->cfi;
}

bool lmm_variables_frame_offset(Dwarf *dwarf, Dwarf_CFI *cfi, uint64_t address, int reg,
                                int64_t offset, int64_t *ret_offset)
{
    int cfa_register;
    int64_t distance;

    if (!lmm_place_cfa(cfi, address, &cfa_register, &distance) &&
        !lmm_place_cfa(own_cfi(dwarf), address, &cfa_register, &distance) &&
        !lmm_place_cfa(dwarf_getcfi(dwarf), address, &cfa_register, &distance)) {
        return false;
    }
    return cfa_register == reg && !__builtin_sub_overflow(offset, distance, ret_offset);
}

/* ---- Places of the variables of scopes ------------------------------------------------------- */

struct lister {
    const Dwarf_Die *scopes;
    size_t scope_count;
    uint64_t low;
    uint64_t high;
    Dwarf *dwarf; /* NULL: it has no call frame information */
    bool has_base;
    struct lmm_place base; /* of the frame */
    struct lmm_variables *variables;
    int budget; /* of DIEs */
    bool has_failed;
};

static void add_place(struct lister *lister, const Dwarf_Die *variable,
                      const struct lmm_place *place, uint64_t low, uint64_t high, uint32_t depth)
{
    struct lmm_variable_place *added =
        lmm_array_add(&lister->variables->items, &lister->variables->count, sizeof(*added));
    uint64_t address = low > lister->low ? low : lister->low;
    int64_t offset;

    if (added == NULL) {
        lister->has_failed = true;
        return;
    }
    *added = (struct lmm_variable_place) {
        .variable = *variable,
        .low = low,
        .high = high,
        .kind = place->kind,
        .reg = place->reg,
        .offset = place->offset,
        .depth = depth,
    };
    if (place->kind == LMM_PLACE_MEMORY && lister->dwarf != NULL &&
        lmm_variables_frame_offset(lister->dwarf, NULL, address, place->reg, place->offset,
                                   &offset)) {
        added->kind = LMM_PLACE_FRAME;
        added->reg = LMM_REGISTER_NONE;
        added->offset = offset;
    }
}

/* Adds a place that holds in the whole scope; a scope without ranges holds everywhere. */
static void add_in_scope(struct lister *lister, const Dwarf_Die *variable, const Dwarf_Die *scope,
                         const struct lmm_place *place, uint32_t depth)
{
    Dwarf_Die block = *scope;
    Dwarf_Addr base;
    Dwarf_Addr low;
    Dwarf_Addr high;
    ptrdiff_t next = 0;
    int count = 0;

    while (count < PLACES_MAX && (next = dwarf_ranges(&block, next, &base, &low, &high)) > 0) {
        count++;
        if (low < lister->high && high > lister->low) {
            add_place(lister, variable, place, low, high, depth);
        }
    }
    if (count == 0) {
        add_place(lister, variable, place, 0, UINT64_MAX, depth);
    }
}

static void list_places(struct lister *lister, Dwarf_Die *variable, const Dwarf_Die *scope,
                        uint32_t depth)
{
    Dwarf_Attribute attribute;
    Dwarf_Addr base = 0;
    Dwarf_Addr low;
    Dwarf_Addr high;
    Dwarf_Op *operations;
    size_t count;
    ptrdiff_t next = 0;

    if (dwarf_attr(variable, DW_AT_location, &attribute) == NULL) {
        return;
    }
    for (int i = 0; i < PLACES_MAX && !lister->has_failed; i++) {
        struct lmm_place place;

        next = dwarf_getlocations(&attribute, next, &base, &low, &high, &operations, &count);
        if (next <= 0) {
            return;
        }
        if (low >= lister->high || high <= lister->low ||
            !lmm_place_of(&attribute, operations, count, lister->has_base ? &lister->base : NULL,
                          &place)) {
            continue;
        }
        if (low == 0 && high == UINT64_MAX) { /* no list of locations */
            add_in_scope(lister, variable, scope, &place, depth);
        } else {
            add_place(lister, variable, &place, low, high, depth);
        }
    }
}

static void list_variables(struct lister *lister, const Dwarf_Die *scope, uint32_t depth)
{
    Dwarf_Die parent = *scope;
    Dwarf_Die die;

    if (dwarf_child(&parent, &die) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&die);

        if (tag == DW_TAG_variable || tag == DW_TAG_formal_parameter) {
            list_places(lister, &die, scope, depth);
        }
    } while (--lister->budget > 0 && dwarf_siblingof(&die, &die) == 0);
}

/* Lists the static variables of a function that was inlined: they are those of the function itself. */
static void list_origin(struct lister *lister, const Dwarf_Die *scope, uint32_t depth)
{
    Dwarf_Die inlined = *scope;
    Dwarf_Die function;
    Dwarf_Attribute attribute;

    if (dwarf_tag(&inlined) == DW_TAG_inlined_subroutine &&
        dwarf_formref_die(dwarf_attr(&inlined, DW_AT_abstract_origin, &attribute), &function) !=
            NULL) {
        list_variables(lister, &function, depth);
    }
}

static bool is_block(Dwarf_Die *die)
{
    switch (dwarf_tag(die)) {
    case DW_TAG_lexical_block:
    case DW_TAG_try_block:
    case DW_TAG_catch_block: return true;
    default: return false;
    }
}

static bool overlaps(const struct lister *lister, Dwarf_Die *block)
{
    Dwarf_Addr base;
    Dwarf_Addr low;
    Dwarf_Addr high;
    ptrdiff_t next = 0;

    for (int i = 0; i < PLACES_MAX; i++) {
        next = dwarf_ranges(block, next, &base, &low, &high);
        if (next <= 0) {
            return false;
        }
        if (low < lister->high && high > lister->low) {
            return true;
        }
    }
    return false;
}

static bool is_one_of(const Dwarf_Die *scopes, size_t count, const Dwarf_Die *die)
{
    for (size_t i = 0; i < count; i++) {
        if (scopes[i].addr == die->addr) {
            return true;
        }
    }
    return false;
}

/* Lists the blocks in a scope that overlap the range, except those that are scopes themselves. */
static void list_blocks(struct lister *lister, const Dwarf_Die *scope, uint32_t depth)
{
    Dwarf_Die parent = *scope;
    Dwarf_Die die;

    if (depth >= DEPTH_MAX || dwarf_child(&parent, &die) != 0) {
        return;
    }
    do {
        if ((is_block(&die) || dwarf_tag(&die) == DW_TAG_inlined_subroutine) &&
            !is_one_of(lister->scopes, lister->scope_count, &die) && overlaps(lister, &die)) {
            list_blocks(lister, &die, depth + 1);
            list_variables(lister, &die, depth + 1);
        }
    } while (--lister->budget > 0 && dwarf_siblingof(&die, &die) == 0);
}

/* Returns the Dwarf of a unit; NULL: that of a split unit, which has no code in its file. */
static Dwarf *dwarf_of(Dwarf_CU *unit)
{
    uint8_t type = 0;

    dwarf_cu_info(unit, NULL, &type, NULL, NULL, NULL, NULL, NULL);
    return type == DW_UT_split_compile || type == DW_UT_split_type ? NULL : dwarf_cu_getdwarf(unit);
}

bool lmm_variables_list(const Dwarf_Die *scopes, size_t scope_count, uint64_t low, uint64_t high,
                        struct lmm_variables *ret_variables)
{
    struct lmm_variables variables = {.items = NULL};
    struct lister lister = {
        .scopes = scopes,
        .scope_count = scope_count,
        .low = low,
        .high = high,
        .variables = &variables,
        .budget = DIES_MAX,
    };

    if (scope_count > 0) {
        lister.dwarf = dwarf_of(scopes[0].cu);
        lister.has_base = lmm_place_frame_base(&scopes[0], low, &lister.base);
    }
    for (size_t i = scope_count; i > 0; i--) {
        list_blocks(&lister, &scopes[i - 1], (uint32_t) (i - 1));
        list_variables(&lister, &scopes[i - 1], (uint32_t) (i - 1));
        list_origin(&lister, &scopes[i - 1], (uint32_t) (i - 1));
    }
    if (lister.has_failed) {
        lmm_variables_free(&variables);
        return false;
    }
    *ret_variables = variables;
    return true;
}

void lmm_variables_free(struct lmm_variables *variables)
{
    free(variables->items);
    *variables = (struct lmm_variables) {.items = NULL};
}

/* ---- By address ------------------------------------------------------------------------------ */

static bool have_same_type(const Dwarf_Die *left, const Dwarf_Die *right)
{
    Dwarf_Die a;
    Dwarf_Die b;

    return lmm_type_of(left, &a) && lmm_type_of(right, &b) && a.addr == b.addr;
}

bool lmm_variables_at(Dwarf *dwarf, uint64_t address, Dwarf_Die *ret_variable, uint64_t *ret_offset)
{
    struct book *book = book_of(dwarf);

    if (book == NULL) {
        return false;
    }
    if (!book->has_fixed) {
        book->has_fixed = true;
        lmm_fixed_variables_read(&book->fixed, dwarf, LMM_PLACE_FIXED);
    }
    const struct lmm_fixed_variable *found = lmm_fixed_variables_find(&book->fixed, address);

    if (found != NULL) {
        *ret_variable = found->die;
        *ret_offset = address - found->address;
    }
    return found != NULL;
}

bool lmm_variables_of_thread(Dwarf *dwarf, uint64_t place, Dwarf_Die *ret_variable,
                             uint64_t *ret_offset)
{
    struct book *book = book_of(dwarf);

    if (book == NULL) {
        return false;
    }
    if (!book->has_thread) {
        book->has_thread = true;
        lmm_fixed_variables_read(&book->thread, dwarf, LMM_PLACE_THREAD);
    }
    const struct lmm_fixed_variable *found = lmm_fixed_variables_find(&book->thread, place);

    if (found == NULL) {
        return false;
    }
    for (size_t i = 0; i < book->thread.count; i++) {
        const struct lmm_fixed_variable *other = &book->thread.items[i];

        if (other->address == found->address && !have_same_type(&other->die, &found->die)) {
            return false;
        }
    }
    *ret_variable = found->die;
    *ret_offset = place - found->address;
    return true;
}

/* ---- By name --------------------------------------------------------------------------------- */

struct name_search {
    const char *name;
    bool is_found;
    bool is_ambiguous;
    Dwarf_Die die;
    int budget; /* of DIEs */
};

static void consider(struct name_search *search, Dwarf_Die *die)
{
    const char *name = dwarf_diename(die);

    if (name == NULL || strcmp(name, search->name) != 0) {
        return;
    }
    if (search->is_found) {
        search->is_ambiguous = search->is_ambiguous || !have_same_type(&search->die, die);
    } else {
        search->is_found = true;
        search->die = *die;
    }
}

/* Looks at the variables of a scope, and with `deep` at those of all blocks in it. */
static void search_scope(struct name_search *search, const Dwarf_Die *scope, bool deep, int depth)
{
    Dwarf_Die parent = *scope;
    Dwarf_Die die;

    if (depth == DEPTH_MAX || dwarf_child(&parent, &die) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&die);

        if (tag == DW_TAG_variable || tag == DW_TAG_formal_parameter) {
            consider(search, &die);
        } else if (deep && is_block(&die)) {
            search_scope(search, &die, deep, depth + 1);
        }
    } while (--search->budget > 0 && dwarf_siblingof(&die, &die) == 0);
}

static bool visit_variable(void *context, const Dwarf_Die *die)
{
    Dwarf_Die copy = *die;

    if (dwarf_tag(&copy) == DW_TAG_variable) {
        consider(context, &copy);
    }
    return false;
}

static bool has_blocks(const Dwarf_Die *scopes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        Dwarf_Die scope = scopes[i];

        if (is_block(&scope)) {
            return true;
        }
    }
    return false;
}

bool lmm_variables_by_name(const Dwarf_Die *scopes, size_t scope_count, const char *name,
                           Dwarf_Die *ret_variable)
{
    struct name_search search = {.name = name, .budget = DIES_MAX};
    bool deep = !has_blocks(scopes, scope_count);

    for (size_t i = scope_count; i > 0; i--) {
        search_scope(&search, &scopes[i - 1], deep || i == scope_count, 0);
        if (search.is_found) {
            break;
        }
    }
    struct lmm_unit_index *index =
        scope_count == 0 || search.is_found ? NULL : lmm_unit_index_of(&scopes[0]);

    if (index != NULL) {
        lmm_unit_index_find(index, name, visit_variable, &search);
    }
    if (!search.is_found || search.is_ambiguous) {
        return false;
    }
    *ret_variable = search.die;
    return true;
}

void lmm_variables_forget(Dwarf *dwarf)
{
    for (struct book **at = &books; *at != NULL; at = &(*at)->next) {
        struct book *book = *at;

        if (book->dwarf == dwarf) {
            *at = book->next;
            lmm_fixed_variables_free(&book->fixed);
            lmm_fixed_variables_free(&book->thread);
            dwarf_cfi_end(book->cfi);
            free(book);
            return;
        }
    }
}
