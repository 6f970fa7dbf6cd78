/* SPDX-License-Identifier: MIT */
/*
 * Each file has a Dwfl of its own, with the addresses of the file's headers, so files that were
 * mapped at the same addresses one after the other do not overlap. libdw finds compilation units by
 * .debug_aranges, which not every compiler writes, and scopes by walks through a whole unit; so
 * both are sorted here, by the address ranges of their DIEs.
 */
#include "reporter/program/symbols/symbol_file.h"

#include <assert.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/core/compare.h"
#include "reporter/program/base/array.h"
#include "reporter/program/symbols/debug_file.h"
#include "reporter/program/symbols/symbol_table.h"

enum {
    RANGES_MAX = 1 << 20, /* of one DIE */
    DIES_MAX = 1 << 22,   /* visited for the functions of one unit, or the calls at one address */
    DEPTH_MAX = 64,       /* of DIEs in DIEs */
};

struct range {
    Dwarf_Addr low;
    Dwarf_Addr high; /* one past the last */
    Dwarf_Die function;
    size_t unit;
};

struct ranges {
    struct range *items; /* by their low ends, after sort_ranges() */
    size_t count;
};

struct unit {
    Dwarf_Die die;
    Dwarf_Die body; /* the same DIE; of a skeleton unit the one in the split file */
    struct ranges functions;
    bool indexed;
};

struct lmm_symbol_file {
    Dwfl *dwfl;
    Dwfl_Module *module;
    Dwarf_Addr elf_bias;
    Dwarf_Addr dwarf_bias;
    Dwarf *dwarf; /* NULL: none, or not read yet */
    bool dwarf_read;
    struct unit *units;
    size_t unit_count;
    struct ranges ranges; /* of the units */
    bool indexed;
    struct lmm_symbol_table table;
};

/* ---- Ranges ---------------------------------------------------------------------------------- */

static bool add_range(struct ranges *ranges, const struct range *range)
{
    struct range *added = lmm_array_add(&ranges->items, &ranges->count, sizeof(*added));

    if (added != NULL) {
        *added = *range;
    }
    return added != NULL;
}

/* Adds the ranges of a DIE, until memory runs out; addresses in the others are not found. */
static void add_ranges(struct ranges *ranges, Dwarf_Die *die, size_t unit)
{
    struct range range = {.function = *die, .unit = unit};
    Dwarf_Addr base;
    ptrdiff_t offset = 0;

    for (int i = 0; i < RANGES_MAX; i++) {
        offset = dwarf_ranges(die, offset, &base, &range.low, &range.high);
        if (offset <= 0 || (range.low < range.high && !add_range(ranges, &range))) {
            return;
        }
    }
}

static int compare_ranges(const void *left, const void *right)
{
    const struct range *a = left;
    const struct range *b = right;

    return lmm_compare_u64(a->low, b->low);
}

static void sort_ranges(struct ranges *ranges)
{
    if (ranges->count > 0) {
        qsort(ranges->items, ranges->count, sizeof(ranges->items[0]), compare_ranges);
    }
}

/* Returns the last range that starts at or before address, if address is in it, or NULL. */
static const struct range *find_range(const struct ranges *ranges, Dwarf_Addr address)
{
    size_t low = 0;
    size_t high = ranges->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ranges->items[middle].low <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && address < ranges->items[low - 1].high ? &ranges->items[low - 1] : NULL;
}

/* ---- Units and functions --------------------------------------------------------------------- */

static bool add_unit(struct lmm_symbol_file *file, const Dwarf_Die *die, const Dwarf_Die *body)
{
    struct unit *unit = lmm_array_add(&file->units, &file->unit_count, sizeof(*unit));

    if (unit != NULL) {
        unit->die = *die;
        unit->body = body->addr != NULL ? *body : *die;
    }
    return unit != NULL;
}

static void index_units(struct lmm_symbol_file *file)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    Dwarf_Die body;

    file->indexed = true;
    while (file->dwarf != NULL &&
           dwarf_get_units(file->dwarf, unit, &unit, NULL, NULL, &die, &body) == 0) {
        if (dwarf_tag(&die) != DW_TAG_compile_unit && dwarf_tag(&die) != DW_TAG_skeleton_unit) {
            continue;
        }
        if (!add_unit(file, &die, &body)) {
            break;
        }
        add_ranges(&file->ranges, &die, file->unit_count - 1);
    }
    sort_ranges(&file->ranges);
}

static bool may_hold_functions(int tag)
{
    switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block: return true;
    default: return false;
    }
}

static void index_functions(struct ranges *functions, Dwarf_Die *parent, int depth, int *budget)
{
    Dwarf_Die die;

    if (depth == DEPTH_MAX || dwarf_child(parent, &die) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&die);

        if (tag == DW_TAG_subprogram) {
            add_ranges(functions, &die, 0);
        }
        if (may_hold_functions(tag)) {
            index_functions(functions, &die, depth + 1, budget);
        }
    } while (--*budget > 0 && dwarf_siblingof(&die, &die) == 0);
}

static struct unit *find_unit(struct lmm_symbol_file *file, Dwarf_Addr address)
{
    const struct range *range;
    int budget = DIES_MAX;

    if (!file->indexed) {
        index_units(file);
    }
    range = find_range(&file->ranges, address);
    if (range == NULL) {
        return NULL;
    }
    struct unit *unit = &file->units[range->unit];

    if (!unit->indexed) {
        unit->indexed = true;
        index_functions(&unit->functions, &unit->body, 0, &budget);
        sort_ranges(&unit->functions);
    }
    return unit;
}

/* ---- Calls at an address --------------------------------------------------------------------- */

static bool is_scope(int tag)
{
    return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
           tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
}

/* Sets *ret_die to the child scope of *parent that holds address; returns whether there is one. */
static bool find_scope(Dwarf_Die *parent, Dwarf_Addr address, int *budget, Dwarf_Die *ret_die)
{
    Dwarf_Die die;

    if (dwarf_child(parent, &die) != 0) {
        return false;
    }
    do {
        if (is_scope(dwarf_tag(&die)) && dwarf_haspc(&die, address) > 0) {
            *ret_die = die;
            return true;
        }
    } while (--*budget > 0 && dwarf_siblingof(&die, &die) == 0);
    return false;
}

/* Lists the function and the functions inlined into it at address, the outermost first. */
static size_t find_chain(const Dwarf_Die *function, Dwarf_Addr address, Dwarf_Die *chain)
{
    Dwarf_Die scope = *function;
    size_t count = 1;
    int budget = DIES_MAX;

    chain[0] = *function;
    for (int depth = 0; depth < 4 * DEPTH_MAX && find_scope(&scope, address, &budget, &scope);
         depth++) {
        if (dwarf_tag(&scope) != DW_TAG_inlined_subroutine) {
            continue;
        }
        if (count == LMM_SYMBOL_FILE_CALLS_MAX) {
            break;
        }
        chain[count++] = scope;
    }
    return count;
}

static const char *linkage_name(Dwarf_Die *die)
{
    static const unsigned names[] = {DW_AT_linkage_name, DW_AT_MIPS_linkage_name};
    const char *name = NULL;

    for (size_t i = 0; i < 2 && name == NULL; i++) {
        Dwarf_Attribute attribute;

        if (dwarf_attr_integrate(die, names[i], &attribute) != NULL) {
            name = dwarf_formstring(&attribute);
        }
    }
    return name != NULL ? name : dwarf_diename(die);
}

static void set_place(struct lmm_symbol *symbol, const char *file, Dwarf_Word line)
{
    if (file != NULL && line > 0 && line <= UINT32_MAX) {
        symbol->file = file;
        symbol->line = (uint32_t) line;
    }
}

static void set_line(struct unit *unit, Dwarf_Addr address, struct lmm_symbol *symbol)
{
    Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
    int number = 0;

    if (line != NULL && dwarf_lineno(line, &number) == 0 && number > 0) {
        set_place(symbol, dwarf_linesrc(line, NULL, NULL), (Dwarf_Word) number);
    }
}

static void set_call(struct unit *unit, Dwarf_Die *inlined, struct lmm_symbol *symbol)
{
    Dwarf_Files *files;
    size_t file_count;
    Dwarf_Attribute attribute;
    Dwarf_Word file = 0;
    Dwarf_Word line = 0;

    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) == 0 &&
        dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) == 0 &&
        dwarf_getsrcfiles(&unit->die, &files, &file_count) == 0 && file < file_count) {
        set_place(symbol, dwarf_filesrc(files, file, NULL, NULL), line);
    }
}

static size_t find_in_dwarf(struct lmm_symbol_file *file, Dwarf_Addr address,
                            struct lmm_symbol *symbols)
{
    struct unit *unit = find_unit(file, address);
    const struct range *range = unit == NULL ? NULL : find_range(&unit->functions, address);
    Dwarf_Die chain[LMM_SYMBOL_FILE_CALLS_MAX];
    size_t count = range == NULL ? 0 : find_chain(&range->function, address, chain);

    if (unit == NULL) {
        return 0;
    }
    symbols[0] = (struct lmm_symbol) {.line = 0};
    set_line(unit, address, &symbols[0]);
    for (size_t i = 0; i < count; i++) {
        Dwarf_Die *die = &chain[count - 1 - i];

        if (i > 0) {
            symbols[i] = (struct lmm_symbol) {.line = 0};
            set_call(unit, die + 1, &symbols[i]);
        }
        symbols[i].function = linkage_name(die);
    }
    return count > 0 ? count : symbols[0].file != NULL;
}

/* ---- Look-ups -------------------------------------------------------------------------------- */

const char *lmm_symbol_file_name(struct lmm_symbol_file *file, uint64_t address)
{
    return lmm_symbol_table_name(&file->table, file->module, address + file->elf_bias);
}

size_t lmm_symbol_file_find(struct lmm_symbol_file *file, uint64_t address,
                            struct lmm_symbol ret_symbols[LMM_SYMBOL_FILE_CALLS_MAX])
{
    size_t count = 0;

    assert(file->module != NULL);
    if (!file->dwarf_read) { /* libdw decompresses all sections at once, those of libc in 0.1 s */
        file->dwarf_read = true;
        file->dwarf = dwfl_module_getdwarf(file->module, &file->dwarf_bias);
    }
    if (file->dwarf != NULL) {
        count = find_in_dwarf(file, address + file->elf_bias - file->dwarf_bias, ret_symbols);
    }
    if (count == 0) {
        ret_symbols[0] = (struct lmm_symbol) {.line = 0};
        count = 1;
    }
    if (ret_symbols[count - 1].function == NULL) {
        ret_symbols[count - 1].function = lmm_symbol_file_name(file, address);
    }
    return count > 1 || ret_symbols[0].function != NULL || ret_symbols[0].file != NULL ? count : 0;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

/* Opens a regular file; reads of others may block, or never end. */
static int open_regular(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;

    if (descriptor >= 0 && (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

static bool load(struct lmm_symbol_file *file, const char *path, int descriptor)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = lmm_debug_file_find,
        .section_address = dwfl_offline_section_address,
    };

    file->dwfl = dwfl_begin(&callbacks);
    if (file->dwfl == NULL) {
        close(descriptor);
        return false;
    }
    dwfl_report_begin(file->dwfl);
    file->module = dwfl_report_elf(file->dwfl, path, path, descriptor, 0, true);
    if (file->module == NULL) {
        close(descriptor); /* else the Dwfl owns it */
    }
    return dwfl_report_end(file->dwfl, NULL, NULL) == 0 && file->module != NULL &&
           dwfl_module_getelf(file->module, &file->elf_bias) != NULL;
}

static bool is_same(const struct lmm_symbol_file *file, const unsigned char *build_id, size_t bytes)
{
    const unsigned char *bits;
    GElf_Addr address;
    int length;

    if (bytes == 0) {
        return true;
    }
    length = dwfl_module_build_id(file->module, &bits, &address);
    return length > 0 && (size_t) length >= bytes && memcmp(bits, build_id, bytes) == 0;
}

struct lmm_symbol_file *lmm_symbol_file_open(const char *path, const unsigned char *build_id,
                                             size_t build_id_bytes, bool *ret_other)
{
    struct lmm_symbol_file *file = calloc(1, sizeof(*file));
    int descriptor = file == NULL || path[0] != '/' ? -1 : open_regular(path);
    bool loaded = descriptor >= 0 && load(file, path, descriptor);

    assert(build_id != NULL || build_id_bytes == 0);
    *ret_other = descriptor >= 0 && !(loaded && is_same(file, build_id, build_id_bytes));
    if (!loaded || *ret_other) {
        lmm_symbol_file_close(file);
        return NULL;
    }
    return file;
}

void lmm_symbol_file_close(struct lmm_symbol_file *file)
{
    if (file == NULL) {
        return;
    }
    for (size_t i = 0; i < file->unit_count; i++) {
        free(file->units[i].functions.items);
    }
    free(file->units);
    free(file->ranges.items);
    lmm_symbol_table_close(&file->table);
    dwfl_end(file->dwfl);
    free(file);
}
