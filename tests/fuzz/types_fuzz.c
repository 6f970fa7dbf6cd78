/* SPDX-License-Identifier: MIT */
/*
 * types_fuzz: libFuzzer gives any bytes as an ELF file to the code that finds types of blocks in its
 * debug information.
 *
 *   ninja -C build/dev lmm_types_fuzz
 *   build/dev/tests/fuzz/types_fuzz -max_total_time=3600 -max_len=32768 NEW SEEDS
 */
#include <dwarf.h>
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reporter/program/symbols/symbol_file.h"
#include "reporter/program/types/bases.h"
#include "reporter/program/types/facts.h"
#include "reporter/program/types/file_code.h"
#include "reporter/program/types/generics.h"
#include "reporter/program/types/inner_layout.h"
#include "reporter/program/types/layout.h"
#include "reporter/program/types/layout_change.h"
#include "reporter/program/types/leaves.h"
#include "reporter/program/types/sources.h"
#include "reporter/program/types/type_info.h"
#include "reporter/program/types/type_table.h"
#include "reporter/program/types/variables.h"
#include "reporter/program/types/way.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    DIES = 300, /* looked at in one file */
    DEPTH = 8,
    ADDRESSES = 48,
    STEP = 8,
    CODE = 0x1000, /* where a library usually has its code */
};

/* Lists the fields of a struct, takes some of them away, and looks for structs in it. */
static void try_layout(const struct lmm_layout *layout)
{
    struct lmm_field_change *changes = calloc(layout->count + 1, sizeof(*changes));
    struct lmm_leaves leaves;
    struct lmm_inners inners;
    struct lmm_layout_size size;

    for (size_t i = 0; changes != NULL && i < layout->count; i++) {
        changes[i].bytes = i % 3 == 2 ? LMM_FIELD_SAME : i % 3;
        changes[i].align = i % 2;
    }
    if (changes != NULL) {
        lmm_layout_best(layout, &size);
        lmm_layout_change(layout, changes, &size);
        lmm_layout_resize(layout, changes, &size);
    }
    free(changes);
    if (lmm_leaves_read(layout, &leaves)) {
        lmm_leaves_free(&leaves);
    }
    if (lmm_inners_read(layout, &inners)) {
        lmm_inners_free(&inners);
    }
}

static void try_type(const Dwarf_Die *die)
{
    static const char *const texts[] = {"struct node *", "robj", "hr::Employee", "unsigned long"};
    struct lmm_type_info info;
    struct lmm_layout layout;
    Dwarf_Die type;

    if (lmm_layout_read(die, &layout)) {
        try_layout(&layout);
        lmm_layout_free(&layout);
    }
    lmm_type_info_of(die, &info);
    lmm_type_target(die, &type);
    lmm_type_starts_with(die, "struct node");
    for (uint64_t offset = 0; offset < 40; offset += 8) {
        lmm_type_at(die, offset, &type);
    }
    lmm_type_by_text(die, texts[((uintptr_t) die->addr) % 4], &type);
}

static void try_function(const Dwarf_Die *die)
{
    struct lmm_variables variables;
    Dwarf_Die found;
    bool is_array;

    lmm_generics_of(die, &found, &is_array);
    lmm_generics_class(die, &found);
    lmm_variables_by_name(die, 1, "local", &found);
    if (lmm_variables_list(die, 1, 0, UINT64_MAX, &variables)) {
        lmm_variables_free(&variables);
    }
}

static void try_dies(Dwarf_Die *parent, int depth, int *budget)
{
    Dwarf_Die die;
    Dwarf_Die type;

    if (depth == DEPTH || dwarf_child(parent, &die) != 0) {
        return;
    }
    do {
        try_type(&die);
        if (lmm_type_of(&die, &type)) {
            try_type(&type);
        }
        try_function(&die);
        try_dies(&die, depth + 1, budget);
    } while (--*budget > 0 && dwarf_siblingof(&die, &die) == 0);
}

static void try_dwarf(Dwarf *dwarf)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    Dwarf_Die variable;
    uint64_t offset;
    int budget = DIES;

    while (budget > 0 && dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        try_dies(&die, 0, &budget);
    }
    for (uint64_t address = 0x4000; address < 0x4100; address += STEP) {
        lmm_variables_at(dwarf, address, &variable, &offset);
    }
}

/* Asks for the facts near the entry, where a small program has its code. */
static void try_code(struct lmm_symbol_file *file, uint64_t entry)
{
    struct lmm_facts_reader reader = {
        .file = file,
        .code = lmm_file_code_new(file),
        .sources = lmm_sources_new(),
        .follower = lmm_way_follower_new(),
        .types = lmm_type_table_new(),
        .bases = lmm_bases_new(),
    };

    if (reader.code == NULL || reader.sources == NULL || reader.follower == NULL ||
        reader.types == NULL || reader.bases == NULL) {
        abort();
    }
    for (uint64_t i = 0; i < ADDRESSES; i++) {
        struct lmm_facts facts = {.items = NULL};

        lmm_facts_find(&reader, entry + i * STEP, "malloc", LMM_WAY_RESULT, &facts);
        free(facts.items);
    }
    lmm_file_code_free(reader.code);
    lmm_sources_free(reader.sources);
    lmm_way_follower_free(reader.follower);
    lmm_type_table_free(reader.types);
    lmm_bases_free(reader.bases);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int descriptor = memfd_create("types_fuzz", MFD_CLOEXEC);
    const struct lmm_symbol_identity any = {.build_id = NULL};
    enum lmm_symbol_fault fault;
    Elf64_Ehdr header;
    Dwarf_Addr bias;

    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t) size) {
        abort();
    }
    memset(&header, 0, sizeof(header));
    memcpy(&header, data, size < sizeof(header) ? size : sizeof(header));
    struct lmm_symbol_file *file = lmm_symbol_file_open("/nowhere", descriptor, &any, &fault);
    Dwarf *dwarf = file == NULL ? NULL : lmm_symbol_file_dwarf(file, &bias);

    if (dwarf != NULL) {
        try_code(file, header.e_entry != 0 ? header.e_entry : CODE);
        try_dwarf(dwarf);
        lmm_type_forget(dwarf);
        lmm_variables_forget(dwarf);
    }
    lmm_symbol_file_close(file);
    return 0;
}
