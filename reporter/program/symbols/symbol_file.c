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
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/base/array.h"
#include "reporter/program/base/lost_pages.h"
#include "reporter/program/base/regular_file.h"
#include "reporter/program/symbols/debug_file.h"
#include "reporter/program/symbols/die_ranges.h"
#include "reporter/program/symbols/line_rows.h"
#include "reporter/program/symbols/symbol_table.h"

enum {
    DIES_MAX = 1 << 22, /* visited for the functions of one unit, or the calls at one address */
    DEPTH_MAX = 64,     /* of DIEs in DIEs */
};

struct unit {
    Dwarf_Die die;
    Dwarf_Die body; /* the same DIE; of a skeleton unit the one in the split file */
    struct lmm_die_ranges functions;
    struct lmm_line_rows rows; /* only if has_dropped */
    bool has_dropped; /* functions, so that lines are looked up in the rows; see line_rows.h */
    bool is_indexed;  /* the functions that are children of the unit and of namespaces */
    bool is_complete; /* all functions */
};

struct lmm_symbol_file {
    Dwfl *dwfl;
    Dwfl_Module *module;
    Dwarf_Addr elf_bias;
    Dwarf_Addr dwarf_bias;
    Dwarf *dwarf; /* NULL: none, or not read yet */
    bool dwarf_read;
    enum lmm_debug_gap gap;
    const char *split; /* LMM_DEBUG_GAP_SPLIT: a file that is missing */
    struct unit *units;
    size_t unit_count;
    struct lmm_die_ranges code;   /* sections with code, in addresses of dwarf; none: unknown */
    struct lmm_die_ranges ranges; /* of the units */
    bool indexed;
    struct lmm_symbol_table table;
};

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
    Elf *elf = dwfl_module_getelf(file->module, &file->elf_bias);

    lmm_die_ranges_add_code(&file->code, elf, file->elf_bias - file->dwarf_bias);
    while (file->dwarf != NULL &&
           dwarf_get_units(file->dwarf, unit, &unit, NULL, NULL, &die, &body) == 0) {
        if (dwarf_tag(&die) != DW_TAG_compile_unit && dwarf_tag(&die) != DW_TAG_skeleton_unit) {
            continue;
        }
        const char *split = lmm_debug_gap_split(&die, &body);

        if (split != NULL && file->gap == LMM_DEBUG_GAP_NONE) {
            file->gap = LMM_DEBUG_GAP_SPLIT;
            file->split = split;
        }
        if (!add_unit(file, &die, &body)) {
            break;
        }
        size_t dropped = file->ranges.dropped;

        lmm_die_ranges_add(&file->ranges, &file->code, &die, file->unit_count - 1);
        file->units[file->unit_count - 1].has_dropped = file->ranges.dropped > dropped;
    }
    lmm_die_ranges_sort(&file->ranges);
}

struct search {
    struct lmm_die_ranges *functions;
    const struct lmm_die_ranges *code;
    bool is_complete;
    int budget; /* of DIEs */
};

static bool may_hold_functions(const struct search *search, int tag)
{
    switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_module: return true;
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block: return search->is_complete;
    default: return false;
    }
}

static void index_functions(struct search *search, Dwarf_Die *parent, int depth)
{
    Dwarf_Die die;

    if (depth == DEPTH_MAX || dwarf_child(parent, &die) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&die);

        if (tag == DW_TAG_subprogram) {
            lmm_die_ranges_add(search->functions, search->code, &die, 0);
        }
        if (may_hold_functions(search, tag)) {
            index_functions(search, &die, depth + 1);
        }
    } while (--search->budget > 0 && dwarf_siblingof(&die, &die) == 0);
}

/* Finds the functions of a unit. */
static void index_unit(struct lmm_symbol_file *file, struct unit *unit, bool is_complete)
{
    struct search search = {&unit->functions, &file->code, is_complete, DIES_MAX};

    lmm_die_ranges_free(&unit->functions);
    index_functions(&search, &unit->body, 0);
    lmm_die_ranges_sort(&unit->functions);
    if (unit->rows.count == 0 && (unit->has_dropped || unit->functions.dropped > 0)) {
        lmm_line_rows_read(&unit->rows, file->dwarf, &unit->die, &file->code);
    }
    unit->has_dropped = unit->rows.count > 0;
    unit->is_indexed = true;
    unit->is_complete = is_complete;
}

static struct unit *find_unit(struct lmm_symbol_file *file, Dwarf_Addr address)
{
    const struct lmm_die_range *range;

    if (!file->indexed) {
        index_units(file);
    }
    range = lmm_die_ranges_find(&file->ranges, address);
    if (range == NULL) {
        return NULL;
    }
    struct unit *unit = &file->units[range->unit];

    if (!unit->is_indexed) {
        index_unit(file, unit, false);
    }
    return unit;
}

/* Returns the function at an address, or NULL. Those of C and C++ are outside of types and of other functions, which are
 * nearly all of a unit: these are searched only for an address that is nowhere else, as in Rust and in nested functions. */
static const struct lmm_die_range *find_function(struct lmm_symbol_file *file, struct unit *unit,
                                                 Dwarf_Addr address)
{
    const struct lmm_die_range *range = lmm_die_ranges_find(&unit->functions, address);

    if (range == NULL && !unit->is_complete) {
        index_unit(file, unit, true);
        range = lmm_die_ranges_find(&unit->functions, address);
    }
    return range;
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

/* Lists the function and at most most - 1 scopes in it at address, the outermost first; `calls`:
 * only the functions inlined there. */
static size_t find_chain(const Dwarf_Die *function, Dwarf_Addr address, bool calls,
                         Dwarf_Die *chain, size_t most)
{
    Dwarf_Die scope = *function;
    size_t count = 1;
    int budget = DIES_MAX;

    chain[0] = *function;
    for (int depth = 0; depth < 4 * DEPTH_MAX && find_scope(&scope, address, &budget, &scope);
         depth++) {
        if (calls && dwarf_tag(&scope) != DW_TAG_inlined_subroutine) {
            continue;
        }
        if (count == most) {
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

/* Sets the line from the rows of a unit with dropped functions. */
static void set_line_of_row(struct unit *unit, Dwarf_Addr address, struct lmm_symbol *symbol)
{
    const struct lmm_line_row *row = lmm_line_rows_find(&unit->rows, address);
    Dwarf_Files *files;
    size_t file_count;

    if (row != NULL && dwarf_getsrcfiles(&unit->die, &files, &file_count) == 0 &&
        row->file < file_count) {
        set_place(symbol, dwarf_filesrc(files, row->file, NULL, NULL), row->line);
    }
}

static void set_line(struct unit *unit, Dwarf_Addr address, struct lmm_symbol *symbol)
{
    Dwarf_Line *line = unit->has_dropped ? NULL : dwarf_getsrc_die(&unit->die, address);
    int number = 0;

    if (unit->has_dropped) {
        set_line_of_row(unit, address, symbol);
    } else if (line != NULL && dwarf_lineno(line, &number) == 0 && number > 0) {
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
    const struct lmm_die_range *range = unit == NULL ? NULL : find_function(file, unit, address);
    Dwarf_Die chain[LMM_SYMBOL_FILE_CALLS_MAX];
    size_t count = range == NULL
                       ? 0
                       : find_chain(&range->die, address, true, chain, LMM_SYMBOL_FILE_CALLS_MAX);

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
    const struct lmm_symbol_entry *entry =
        lmm_symbol_table_find(&file->table, file->module, address + file->elf_bias);

    return entry == NULL ? NULL : entry->name;
}

bool lmm_symbol_file_bounds(struct lmm_symbol_file *file, uint64_t address, uint64_t *ret_low,
                            uint64_t *ret_high)
{
    const struct lmm_symbol_entry *entry =
        lmm_symbol_table_find(&file->table, file->module, address + file->elf_bias);

    if (entry == NULL || entry->bytes == 0) {
        return false;
    }
    *ret_low = entry->low - file->elf_bias;
    *ret_high = *ret_low + entry->bytes;
    return true;
}

static void read_dwarf(struct lmm_symbol_file *file)
{
    assert(file->module != NULL);
    if (!file->dwarf_read) { /* libdw decompresses all sections at once, those of libc in 0.1 s */
        file->dwarf_read = true;
        file->dwarf = dwfl_module_getdwarf(file->module, &file->dwarf_bias);
        file->gap = file->dwarf != NULL
                        ? LMM_DEBUG_GAP_NONE
                        : lmm_debug_gap_of(dwfl_module_getelf(file->module, &file->elf_bias));
    }
}

bool lmm_symbol_file_has_debug(struct lmm_symbol_file *file)
{
    read_dwarf(file);
    return file->dwarf != NULL;
}

Elf *lmm_symbol_file_elf(const struct lmm_symbol_file *file)
{
    Dwarf_Addr bias;

    return dwfl_module_getelf(file->module, &bias);
}

Dwarf *lmm_symbol_file_dwarf(struct lmm_symbol_file *file, Dwarf_Addr *ret_bias)
{
    read_dwarf(file);
    *ret_bias = file->elf_bias - file->dwarf_bias;
    return file->dwarf;
}

Dwarf_CFI *lmm_symbol_file_cfi(struct lmm_symbol_file *file, Dwarf_Addr *ret_bias)
{
    Dwarf_Addr bias = 0;
    Dwarf_CFI *cfi = dwfl_module_eh_cfi(file->module, &bias);

    *ret_bias = file->elf_bias - bias;
    return cfi;
}

size_t lmm_symbol_file_scopes(struct lmm_symbol_file *file, uint64_t address,
                              Dwarf_Die ret_scopes[LMM_SYMBOL_FILE_SCOPES_MAX])
{
    Dwarf_Addr bias;
    Dwarf *dwarf = lmm_symbol_file_dwarf(file, &bias);
    struct unit *unit = dwarf == NULL ? NULL : find_unit(file, address + bias);
    const struct lmm_die_range *range =
        unit == NULL ? NULL : find_function(file, unit, address + bias);

    return range == NULL ? 0
                         : find_chain(&range->die, address + bias, false, ret_scopes,
                                      LMM_SYMBOL_FILE_SCOPES_MAX);
}

size_t lmm_symbol_file_find(struct lmm_symbol_file *file, uint64_t address,
                            struct lmm_symbol ret_symbols[LMM_SYMBOL_FILE_CALLS_MAX])
{
    size_t count = 0;

    read_dwarf(file);
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

enum lmm_debug_gap lmm_symbol_file_gap(const struct lmm_symbol_file *file)
{
    return file->gap;
}

char *lmm_symbol_file_gap_text(const struct lmm_symbol_file *file, const char *path)
{
    return lmm_debug_gap_text(file->gap, path, file->split);
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static bool load(struct lmm_symbol_file *file, const char *path, int descriptor)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = lmm_debug_file_find,
        .section_address = dwfl_offline_section_address,
    };

    lmm_lost_pages_start(); /* elfutils maps files, which may be truncated */
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

static bool has_build_id(const struct lmm_symbol_file *file,
                         const struct lmm_symbol_identity *identity)
{
    const unsigned char *bits;
    GElf_Addr address;
    int length = dwfl_module_build_id(file->module, &bits, &address);

    return length > 0 && (size_t) length >= identity->build_id_bytes &&
           memcmp(bits, identity->build_id, identity->build_id_bytes) == 0;
}

static bool is_file(int descriptor, const struct lmm_symbol_identity *identity)
{
    struct stat status;

    return fstat(descriptor, &status) == 0 && status.st_dev == identity->device &&
           status.st_ino == identity->inode && (uint64_t) status.st_size == identity->bytes &&
           status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec ==
               identity->changed_ns;
}

struct lmm_symbol_file *lmm_symbol_file_open(const char *path, int descriptor,
                                             const struct lmm_symbol_identity *identity,
                                             enum lmm_symbol_fault *ret_fault)
{
    struct lmm_symbol_file *file = calloc(1, sizeof(*file));
    bool by_file = identity->build_id_bytes == 0 && identity->has_file;
    struct stat status;

    descriptor =
        descriptor < 0 && path[0] == '/' ? lmm_regular_file_open(path, 0, &status) : descriptor;
    *ret_fault = descriptor < 0 ? LMM_SYMBOL_MISSING : LMM_SYMBOL_OTHER;
    if (descriptor >= 0 && (file == NULL || (by_file && !is_file(descriptor, identity)))) {
        close(descriptor);
        descriptor = -1;
    }
    if (descriptor < 0 || !load(file, path, descriptor) ||
        (identity->build_id_bytes > 0 && !has_build_id(file, identity))) {
        lmm_symbol_file_close(file);
        return NULL;
    }
    *ret_fault = LMM_SYMBOL_SOUND;
    return file;
}

void lmm_symbol_file_close(struct lmm_symbol_file *file)
{
    if (file == NULL) {
        return;
    }
    for (size_t i = 0; i < file->unit_count; i++) {
        lmm_die_ranges_free(&file->units[i].functions);
        lmm_line_rows_free(&file->units[i].rows);
    }
    free(file->units);
    lmm_die_ranges_free(&file->ranges);
    lmm_die_ranges_free(&file->code);
    lmm_symbol_table_close(&file->table);
    dwfl_end(file->dwfl);
    free(file);
}
