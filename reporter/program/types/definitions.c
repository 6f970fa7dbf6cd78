/* SPDX-License-Identifier: MIT */
/* A struct's key is a hash of its name and of the names of the namespaces around it, the outermost first. */
#include "reporter/program/types/definitions.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/hash.h"
#include "reporter/program/base/array.h"
#include "reporter/program/types/unit_index.h"

enum {
    DIES_MAX = 1 << 22, /* outside of structs and functions, of all units */
    DEPTH_MAX = 16,     /* of namespaces */
};

struct definition {
    uint64_t key;
    Dwarf_Die die;
    uint64_t bytes;
};

/* Those of one file. */
struct book {
    struct book *next;
    Dwarf *dwarf;
    int budget;
    struct definition *items; /* by key */
    size_t count;
};

static struct book *books;

static bool is_struct(int tag)
{
    return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

static uint64_t add_name(uint64_t key, const char *name)
{
    return lmm_hash_string(key, lmm_string_of(name));
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void add(struct book *book, Dwarf_Die *die, uint64_t key)
{
    const char *name = dwarf_diename(die);
    Dwarf_Attribute attribute;
    Dwarf_Word bytes;

    if (name == NULL || dwarf_hasattr(die, DW_AT_declaration) ||
        dwarf_formudata(dwarf_attr(die, DW_AT_byte_size, &attribute), &bytes) != 0) {
        return;
    }
    struct definition *added = lmm_array_add(&book->items, &book->count, sizeof(*book->items));

    if (added == NULL) {
        book->budget = 0;
        return;
    }
    *added = (struct definition) {.key = add_name(key, name), .die = *die, .bytes = bytes};
}

static void read_scope(struct book *book, Dwarf_Die *scope, uint64_t key, int depth)
{
    Dwarf_Die die;

    if (depth == 0 || dwarf_child(scope, &die) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&die);

        if (tag == DW_TAG_namespace && dwarf_diename(&die) != NULL) {
            read_scope(book, &die, add_name(key, dwarf_diename(&die)), depth - 1);
        } else if (is_struct(tag)) {
            add(book, &die, key);
        }
    } while (--book->budget > 0 && dwarf_siblingof(&die, &die) == 0);
}

static int compare(const void *left, const void *right)
{
    const struct definition *a = left;
    const struct definition *b = right;

    return a->key != b->key ? lmm_compare_u64(a->key, b->key)
                            : lmm_compare_u64((uintptr_t) a->die.addr, (uintptr_t) b->die.addr);
}

/* Where the budget ends, a name might stand for other structs, too: then there are none. */
static void read_book(struct book *book)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;

    while (book->budget > 0 &&
           dwarf_get_units(book->dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        read_scope(book, &die, 0, DEPTH_MAX);
    }
    book->count = book->budget > 0 ? book->count : 0;
    if (book->count > 0) {
        qsort(book->items, book->count, sizeof(*book->items), compare);
    }
}

/* Returns NULL when memory ran out. */
static struct book *book_of(Dwarf *dwarf)
{
    for (struct book *book = books; book != NULL; book = book->next) {
        if (book->dwarf == dwarf) {
            return book;
        }
    }
    struct book *book = calloc(1, sizeof(*book));

    if (book != NULL) {
        *book = (struct book) {.next = books, .dwarf = dwarf, .budget = DIES_MAX};
        books = book;
        read_book(book);
    }
    return book;
}

/* ---- Finding --------------------------------------------------------------------------------- */

/* Sets *ret_key to that of a struct; returns false for one that is left out. */
static bool find_key(const Dwarf_Die *declaration, uint64_t *ret_key)
{
    const char *names[DEPTH_MAX];
    Dwarf_Die at = *declaration;
    size_t count = 0;
    uint64_t key = 0;

    do {
        names[count] = dwarf_diename(&at);
        if (names[count] == NULL || (count > 0 && dwarf_tag(&at) != DW_TAG_namespace)) {
            return false;
        }
        count++;
    } while (count < DEPTH_MAX && lmm_unit_index_parent(&at, &at));
    while (count > 0) {
        key = add_name(key, names[--count]);
    }
    *ret_key = key;
    return true;
}

/* Returns the first item that is not before a key; the book is not empty. */
static const struct definition *find_first(const struct book *book, uint64_t key)
{
    size_t low = 0;

    for (size_t high = book->count; low < high;) {
        size_t middle = low + (high - low) / 2;

        if (book->items[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return book->items + low;
}

bool lmm_definitions_find(const Dwarf_Die *declaration, Dwarf_Die *ret_die)
{
    struct book *book = book_of(dwarf_cu_getdwarf(declaration->cu));
    uint64_t key;

    if (book == NULL || book->count == 0 || !find_key(declaration, &key)) {
        return false;
    }
    const struct definition *end = book->items + book->count;
    const struct definition *first = find_first(book, key);

    for (const struct definition *at = first; at < end && at->key == key; at++) {
        if (at->bytes != first->bytes) {
            return false;
        }
    }
    if (first == end || first->key != key) {
        return false;
    }
    *ret_die = first->die;
    return true;
}

void lmm_definitions_forget(Dwarf *dwarf)
{
    struct book **at = &books;

    while (*at != NULL) {
        struct book *book = *at;

        if (book->dwarf == dwarf) {
            *at = book->next;
            free(book->items);
            free(book);
        } else {
            at = &book->next;
        }
    }
}
