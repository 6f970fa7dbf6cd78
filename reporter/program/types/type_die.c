/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/type_die.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/base/array.h"
#include "reporter/program/symbols/mapped_files.h"
#include "reporter/program/symbols/symbol_file.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/type_info.h"

enum {
    FRAMES_MAX = 24, /* of a stack whose units are looked into */
};

struct lmm_type_dies {
    struct lmm_symbols *symbols;
    Dwarf **used; /* whose lists of units are to be forgotten */
    size_t used_count;
    struct lmm_symbol_file *own; /* the file of a program that registers its types */
    bool has_opened;
};

struct lmm_type_dies *lmm_type_dies_new(struct lmm_symbols *symbols)
{
    struct lmm_type_dies *dies = calloc(1, sizeof(*dies));

    if (dies != NULL) {
        dies->symbols = symbols;
    }
    return dies;
}

void lmm_type_dies_free(struct lmm_type_dies *dies)
{
    if (dies == NULL) {
        return;
    }
    for (size_t i = 0; i < dies->used_count; i++) {
        lmm_type_forget(dies->used[i]);
    }
    free(dies->used);
    lmm_symbol_file_close(dies->own);
    free(dies);
}

/* Remembers that a Dwarf is used; returns false when memory ran out. */
static bool use(struct lmm_type_dies *dies, Dwarf *dwarf)
{
    for (size_t i = 0; i < dies->used_count; i++) {
        if (dies->used[i] == dwarf) {
            return true;
        }
    }
    Dwarf **added = lmm_array_add(&dies->used, &dies->used_count, sizeof(Dwarf *));

    if (added != NULL) {
        *added = dwarf;
    }
    return added != NULL;
}

/* Finds a type in the unit of a DIE: by its name, in C also with "struct " before it. */
static bool find_in_unit(const Dwarf_Die *unit, const struct lmm_model_type *type,
                         Dwarf_Die *ret_die)
{
    char name[LMM_TYPE_NAME_MAX + sizeof("struct ")];
    int length =
        snprintf(name, sizeof(name), "struct %.*s", (int) type->element.bytes, type->element.text);

    if (length < 0 || (size_t) length >= sizeof(name)) {
        return false;
    }
    for (size_t skipped = strlen("struct ");; skipped = 0) {
        if (lmm_type_by_text(unit, name + skipped, ret_die) &&
            lmm_type_bytes(ret_die) == type->bytes) {
            return true;
        }
        if (skipped == 0) {
            return false;
        }
    }
}

static bool find_by_frame(struct lmm_type_dies *dies, const struct lmm_model *model, uint32_t frame,
                          const struct lmm_model_type *type, Dwarf_Die *ret_die)
{
    Dwarf_Die scopes[LMM_SYMBOL_FILE_SCOPES_MAX];
    struct lmm_mapped_file *file = NULL;
    Dwarf_Addr bias;

    if (!lmm_symbols_file(dies->symbols, model, frame, &file) || file == NULL ||
        file->symbols == NULL || file->is_library) {
        return false;
    }
    Dwarf *dwarf = lmm_symbol_file_dwarf(file->symbols, &bias);
    size_t count =
        dwarf == NULL || !use(dies, dwarf)
            ? 0
            : lmm_symbol_file_scopes(file->symbols, lmm_model_offset(model, frame) - 1, scopes);

    return count > 0 && find_in_unit(&scopes[0], type, ret_die);
}

/* Finds a type that the program registered. */
static bool find_in_program(struct lmm_type_dies *dies, const struct lmm_model *model,
                            const struct lmm_model_type *type, Dwarf_Die *ret_die)
{
    static const struct lmm_symbol_identity any = {.has_file = false};
    enum lmm_symbol_fault fault;
    Dwarf_Addr bias;
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;

    if (!dies->has_opened && model->executable.bytes > 0) {
        dies->own = lmm_symbol_file_open(model->executable.text, -1, &any, &fault);
    }
    dies->has_opened = true;
    Dwarf *dwarf = dies->own == NULL ? NULL : lmm_symbol_file_dwarf(dies->own, &bias);

    if (dwarf == NULL || !use(dies, dwarf)) {
        return false;
    }
    while (dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        if (find_in_unit(&die, type, ret_die)) {
            return true;
        }
    }
    return false;
}

bool lmm_type_dies_find(struct lmm_type_dies *dies, const struct lmm_model *model,
                        const struct lmm_model_site *site, const struct lmm_model_type *type,
                        Dwarf_Die *ret_die)
{
    int budget = FRAMES_MAX;

    if (site->stack == 0 || dies->symbols == NULL) {
        return site->stack == 0 && find_in_program(dies, model, type, ret_die);
    }
    for (uint32_t frame = site->stack; frame != 0 && budget > 0;
         frame = lmm_model_caller(model, frame), budget--) {
        if (find_by_frame(dies, model, frame, type, ret_die)) {
            return true;
        }
    }
    return false;
}
