/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/debug_gap.h"

#include <dwarf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    COMPRESSED_ZSTD = 2, /* ELFCOMPRESS_ZSTD of newer headers */
};

static bool is_debug_info(Elf *elf, size_t names, const GElf_Shdr *header)
{
    const char *name = elf_strptr(elf, names, header->sh_name);

    return name != NULL && header->sh_type != SHT_NOBITS &&
           (strcmp(name, ".debug_info") == 0 || strcmp(name, ".zdebug_info") == 0);
}

enum lmm_debug_gap lmm_debug_gap_of(Elf *elf)
{
    Elf_Scn *section = NULL;
    size_t names = 0;
    GElf_Shdr header;
    GElf_Chdr packing;

    if (elf == NULL || elf_getshdrstrndx(elf, &names) != 0) {
        return LMM_DEBUG_GAP_ABSENT;
    }
    while ((section = elf_nextscn(elf, section)) != NULL) {
        if (gelf_getshdr(section, &header) != NULL && is_debug_info(elf, names, &header)) {
            bool is_packed = gelf_getchdr(section, &packing) != NULL;

            return is_packed && packing.ch_type == COMPRESSED_ZSTD ? LMM_DEBUG_GAP_ZSTD
                                                                   : LMM_DEBUG_GAP_BROKEN;
        }
    }
    return LMM_DEBUG_GAP_ABSENT;
}

const char *lmm_debug_gap_split(Dwarf_Die *unit, const Dwarf_Die *body)
{
    static const unsigned names[] = {DW_AT_dwo_name, DW_AT_GNU_dwo_name};

    for (size_t i = 0; body->addr == NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        Dwarf_Attribute attribute;

        if (dwarf_attr(unit, names[i], &attribute) != NULL) {
            return dwarf_formstring(&attribute);
        }
    }
    return NULL;
}

/* The text for a file whose debug information is in others: all of them in one of the name
 * PATH.dwp, or each unit's in its own. */
static char *text_of_split(const char *path, const char *split)
{
    char *package = NULL;
    char *text = NULL;
    bool has_package = asprintf(&package, "%s.dwp", path) >= 0 && access(package, F_OK) == 0;
    int length = has_package
                     ? asprintf(&text,
                                "%s: libdw cannot read its debug information in %s.dwp; inlined "
                                "functions have no names",
                                path, path)
                     : asprintf(&text,
                                "%s: a file with its debug information is missing: %s; inlined "
                                "functions have no names",
                                path, split);

    free(package);
    return length < 0 ? NULL : text;
}

char *lmm_debug_gap_text(enum lmm_debug_gap gap, const char *path, const char *split)
{
    char *text = NULL;
    int length = -1;

    switch (gap) {
    case LMM_DEBUG_GAP_ZSTD:
        length = asprintf(&text,
                          "%s: libdw cannot read its debug information, which is compressed with "
                          "zstd; its functions have no lines",
                          path);
        break;
    case LMM_DEBUG_GAP_BROKEN:
        length = asprintf(
            &text, "%s: libdw cannot read its debug information; its functions have no lines",
            path);
        break;
    case LMM_DEBUG_GAP_SPLIT: return split == NULL ? NULL : text_of_split(path, split);
    case LMM_DEBUG_GAP_NONE:
    case LMM_DEBUG_GAP_ABSENT:
    default: break;
    }
    return length < 0 ? NULL : text;
}
