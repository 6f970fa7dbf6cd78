/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/symbol_table.h"

#include <assert.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/program/base/key_sort.h"

static int compare_entries(const void *left, const void *right)
{
    const struct lmm_symbol_entry *a = left;
    const struct lmm_symbol_entry *b = right;
    int order = lmm_compare_u64(a->low, b->low);

    order = order != 0 ? order : lmm_compare_u64(a->rank, b->rank);
    return order != 0 ? order : strcmp(b->name, a->name);
}

/* The best name of a function has the highest rank: visible ones (global or weak), then those with
 * a size, then those without a leading underscore: strdup is better than __strdup. */
static unsigned rank_of(const Elf64_Sym *symbol, const char *name)
{
    unsigned visible = GELF_ST_BIND(symbol->st_info) != STB_LOCAL ? 4 : 0;

    return visible + (symbol->st_size > 0 ? 2 : 0) + (name[0] != '_' || name[1] == 'Z');
}

static bool is_code(const Elf64_Sym *symbol)
{
    int type = GELF_ST_TYPE(symbol->st_info);

    return symbol->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC ||
                                             (type == STT_NOTYPE && symbol->st_size > 0));
}

/* Sorts the entries from `from` on that have its address. Returns the end of those. */
static size_t sort_equals(struct lmm_symbol_entry *entries, size_t count, size_t from)
{
    size_t end = from + 1;

    while (end < count && entries[end].low == entries[from].low) {
        end++;
    }
    if (end - from > 1) {
        qsort(&entries[from], end - from, sizeof(entries[0]), compare_entries);
    }
    return end;
}

static uint64_t low_of(const void *entry)
{
    return ((const struct lmm_symbol_entry *) entry)->low;
}

/* Sorts the entries; without memory for it, the slow way. */
static void sort_entries(struct lmm_symbol_table *table)
{
    size_t count = table->count;
    struct lmm_symbol_entry *sorted =
        lmm_key_sort_items(table->entries, count, sizeof(*sorted), low_of);

    if (sorted == NULL) {
        qsort(table->entries, count, sizeof(table->entries[0]), compare_entries);
        return;
    }
    for (size_t i = 0; i < count;) {
        i = sort_equals(sorted, count, i);
    }
    free(table->entries);
    table->entries = sorted;
}

static void add_entry(struct lmm_symbol_table *table, const Elf64_Sym *symbol, GElf_Addr address,
                      const char *name)
{
    if (name != NULL && *name != '\0' && is_code(symbol)) {
        table->entries[table->count++] =
            (struct lmm_symbol_entry) {address, symbol->st_size, name, rank_of(symbol, name)};
    }
}

/* The symbols of one table of a file, as libelf has read them. */
struct raw {
    const unsigned char *symbols;
    const char *names; /* the last byte is a NUL */
    size_t names_bytes;
    GElf_Addr bias;
};

/* Sets *ret_raw to the table of a section, if that has the type and so many symbols; returns whether it has. */
static bool take_section(Elf *elf, Elf_Scn *section, GElf_Word type, size_t count,
                         struct raw *ret_raw)
{
    GElf_Shdr header;
    bool is_table = gelf_getshdr(section, &header) != NULL && header.sh_type == type;
    const Elf_Data *symbols = is_table ? elf_getdata(section, NULL) : NULL;
    bool is_it = symbols != NULL && symbols->d_type == ELF_T_SYM && symbols->d_buf != NULL &&
                 symbols->d_size == count * sizeof(Elf64_Sym);
    Elf_Scn *strings = is_it ? elf_getscn(elf, header.sh_link) : NULL;
    const Elf_Data *names = strings == NULL ? NULL : elf_getdata(strings, NULL);
    const char *text = names == NULL ? NULL : names->d_buf;

    if (text == NULL || names->d_size == 0 || text[names->d_size - 1] != '\0') {
        return false;
    }
    ret_raw->symbols = symbols->d_buf;
    ret_raw->names = text;
    ret_raw->names_bytes = names->d_size;
    return true;
}

/* Finds the table that libdwfl has chosen, if it is the only one; it takes a .symtab before a .dynsym. Returns false when it is
 * not. */
static bool find_raw(Dwfl_Module *module, int count, struct raw *ret_raw)
{
    Elf *elf = NULL;
    static const GElf_Word types[] = {SHT_SYMTAB, SHT_DYNSYM};
    GElf_Sym symbol;
    GElf_Addr address;

    if (count < 2 ||
        dwfl_module_getsym_info(module, 1, &symbol, &address, NULL, &elf, &ret_raw->bias) == NULL ||
        gelf_getclass(elf) != ELFCLASS64) {
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
            if (take_section(elf, section, types[i], (size_t) count, ret_raw)) {
                return true;
            }
        }
    }
    return false;
}

/* Adds the symbols of the only table: libdwfl's own function takes ten times as long for each. */
static void add_raw(struct lmm_symbol_table *table, const struct raw *raw, int count)
{
    for (size_t i = 1; i < (size_t) count; i++) {
        Elf64_Sym symbol;

        memcpy(&symbol, raw->symbols + i * sizeof(symbol), sizeof(symbol));
        add_entry(table, &symbol, symbol.st_value + raw->bias,
                  symbol.st_name < raw->names_bytes ? raw->names + symbol.st_name : NULL);
    }
}

/* libdw walks the whole table for each address, so it is sorted here. */
static void index_symbols(struct lmm_symbol_table *table, Dwfl_Module *module)
{
    int count = dwfl_module_getsymtab(module);
    struct raw raw;

    table->is_indexed = true;
    table->entries = count > 0 ? calloc((size_t) count, sizeof(table->entries[0])) : NULL;
    if (table->entries != NULL && find_raw(module, count, &raw)) {
        add_raw(table, &raw, count);
    } else {
        for (int i = 1; table->entries != NULL && i < count; i++) {
            GElf_Sym symbol;
            GElf_Addr address;
            const char *name =
                dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL);

            add_entry(table, &symbol, address, name);
        }
    }
    if (table->entries != NULL) {
        sort_entries(table);
    }
}

const struct lmm_symbol_entry *lmm_symbol_table_find(struct lmm_symbol_table *table,
                                                     Dwfl_Module *module, Dwarf_Addr address)
{
    size_t low = 0;
    size_t high;

    assert(module != NULL);
    if (!table->is_indexed) {
        index_symbols(table, module);
    }
    high = table->entries == NULL ? 0 : table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table->entries[middle].low <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    const struct lmm_symbol_entry *entry = &table->entries[low - 1];

    assert(entry->low <= address);
    return entry->bytes == 0 || address - entry->low < entry->bytes ? entry : NULL;
}

void lmm_symbol_table_close(struct lmm_symbol_table *table)
{
    free(table->entries);
    *table = (struct lmm_symbol_table) {.entries = NULL};
}
