/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/type_info.h"

#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "reporter/program/types/definitions.h"
#include "reporter/program/types/unit_index.h"

/* ---- What a type is -------------------------------------------------------------------------- */

static enum lmm_type_kind kind_of(const Dwarf_Die *stripped, const struct lmm_type_info *info)
{
    Dwarf_Die die = *stripped;

    switch (dwarf_tag(&die)) {
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_array_type: return LMM_TYPE_RECORD;
    case DW_TAG_base_type: return info->bytes == 1 ? LMM_TYPE_BYTE : LMM_TYPE_SCALAR;
    case DW_TAG_enumeration_type:
        return strcmp(info->name, "std::byte") == 0 ? LMM_TYPE_BYTE : LMM_TYPE_SCALAR;
    case DW_TAG_subrange_type:
    case DW_TAG_ptr_to_member_type: return LMM_TYPE_SCALAR;
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type: return LMM_TYPE_POINTER;
    default: return LMM_TYPE_NONE;
    }
}

/* Sets the tail of a struct: its last member, or that of its last member. */
static void set_tail(const Dwarf_Die *record, struct lmm_type_info *info)
{
    Dwarf_Die at = *record;
    int budget = LMM_TYPE_DIES_MAX;
    uint64_t base = 0;

    for (int depth = 0; depth < LMM_TYPE_DEPTH_MAX; depth++) {
        Dwarf_Die member = at;
        Dwarf_Die type;
        uint64_t offset = 0;
        uint64_t count;

        while (lmm_type_next_member(&at, &member, &offset, &budget)) {
        }
        if (member.addr == at.addr || dwarf_tag(&at) == DW_TAG_union_type ||
            !lmm_type_of(&member, &type) || !lmm_type_strip(&type, &type)) {
            return;
        }
        base += offset;
        if (lmm_type_elements(&type, &type, &count)) {
            info->tail_bytes = count <= 1 ? lmm_type_bytes(&type) : 0;
            info->tail_offset = info->tail_bytes > 0 ? base : 0;
            return;
        }
        if (!lmm_type_is_record(&type)) {
            return;
        }
        at = type;
    }
}

/* Sets the tail of a class that only says what follows its base. */
static void set_typed_header(const Dwarf_Die *record, struct lmm_type_info *info)
{
    Dwarf_Die member = *record;
    Dwarf_Die argument;
    Dwarf_Die other;
    Dwarf_Die base;
    uint64_t offset;
    int budget = LMM_TYPE_DIES_MAX;

    if (info->tail_bytes > 0 || !lmm_type_argument(record, &argument) ||
        !lmm_type_next_member(record, &member, &offset, &budget) || offset != 0 ||
        dwarf_tag(&member) != DW_TAG_inheritance || !lmm_type_of(&member, &base) ||
        !lmm_type_strip(&base, &base) || lmm_type_bytes(&base) != info->bytes ||
        lmm_type_next_member(record, &member, &offset, &budget) ||
        lmm_type_argument(&base, &other) || !lmm_type_strip(&argument, &argument)) {
        return;
    }
    info->tail_bytes = lmm_type_bytes(&argument);
    info->tail_offset = info->tail_bytes > 0 ? info->bytes : 0;
    info->is_typed_header = info->tail_bytes > 0;
}

static bool is_virtual(Dwarf_Die *member)
{
    const char *name;

    switch (dwarf_tag(member)) {
    case DW_TAG_subprogram: return dwarf_hasattr(member, DW_AT_virtuality);
    case DW_TAG_member:
        name = dwarf_diename(member);
        return name != NULL && strncmp(name, "_vptr", 5) == 0;
    default: return false;
    }
}

/* Returns whether a class, or one that it starts with, has virtual functions. */
static bool is_polymorphic(const Dwarf_Die *record)
{
    Dwarf_Die at = *record;
    int budget = LMM_TYPE_DIES_MAX;

    for (int depth = 0; depth < LMM_TYPE_DEPTH_MAX && lmm_type_is_record(&at); depth++) {
        Dwarf_Die member;
        Dwarf_Die base = at;

        if (dwarf_child(&at, &member) != 0) {
            return false;
        }
        do {
            if (is_virtual(&member)) {
                return true;
            }
            if (dwarf_tag(&member) == DW_TAG_inheritance && base.addr == at.addr) {
                base = member;
            }
        } while (--budget > 0 && dwarf_siblingof(&member, &member) == 0);
        if (base.addr == at.addr || !lmm_type_of(&base, &at) || !lmm_type_strip(&at, &at)) {
            return false;
        }
    }
    return false;
}

static void set_place(const Dwarf_Die *stripped, struct lmm_type_info *info)
{
    Dwarf_Die die = *stripped;
    const char *file = lmm_type_file(&die);
    int line = 0;

    if (file != NULL && strlen(file) < sizeof(info->file) && dwarf_decl_line(&die, &line) == 0 &&
        line > 0) {
        snprintf(info->file, sizeof(info->file), "%s", file);
        info->line = (uint32_t) line;
    }
}

/* Sets the names of what a struct starts with. */
static void set_starts(const Dwarf_Die *record, struct lmm_type_info *info)
{
    Dwarf_Die at = *record;
    size_t used = 0;

    for (int depth = 0; depth < LMM_TYPE_DEPTH_MAX && lmm_type_start(&at); depth++) {
        char name[LMM_TYPE_NAME_MAX];

        lmm_type_name(&at, name);
        int length = snprintf(info->starts + used, sizeof(info->starts) - used, "%s%s|",
                              used == 0 ? "|" : "", name);

        if (length < 0 || (size_t) length >= sizeof(info->starts) - used) {
            info->starts[used] = '\0';
            return;
        }
        used += (size_t) length;
    }
}

bool lmm_type_info_starts_with(const struct lmm_type_info *info, const char *name)
{
    size_t bytes = strlen(name);

    for (const char *at = info->starts; at != NULL && *at == '|'; at = strchr(at + 1, '|')) {
        if (strncmp(at + 1, name, bytes) == 0 && at[1 + bytes] == '|') {
            return true;
        }
    }
    return false;
}

/* Returns the size of a struct that a pointer leads to, and that starts with such a pointer; 0: there is none. */
static uint64_t link_bytes(const Dwarf_Die *pointer)
{
    Dwarf_Die record;
    Dwarf_Die first;
    Dwarf_Die next;
    bool is_link = lmm_type_target(pointer, &record) && lmm_type_strip(&record, &record) &&
                   lmm_type_is_record(&record) && lmm_type_at(&record, 0, &first) &&
                   lmm_type_target(&first, &next) && lmm_type_strip(&next, &next) &&
                   next.addr == record.addr;

    return is_link ? lmm_type_bytes(&record) : 0;
}

bool lmm_type_info_of(const Dwarf_Die *type, struct lmm_type_info *ret_info)
{
    Dwarf_Die die;
    struct lmm_type_info info = {.kind = LMM_TYPE_NONE};

    if (!lmm_type_strip(type, &die)) {
        return false;
    }
    lmm_type_name(type, info.name);
    info.bytes = lmm_type_bytes(&die);
    info.kind = kind_of(&die, &info);
    if (info.kind == LMM_TYPE_NONE) {
        return false;
    }
    struct lmm_unit_index *index = lmm_unit_index_of(&die);

    info.is_cplusplus = index != NULL && lmm_unit_index_is_cplusplus(index);
    if (lmm_type_is_record(&die)) {
        set_tail(&die, &info);
        info.is_polymorphic = info.is_cplusplus && is_polymorphic(&die);
        set_starts(&die, &info);
        if (info.is_cplusplus && !info.is_polymorphic) {
            set_typed_header(&die, &info);
        }
    }
    info.link_bytes = info.kind == LMM_TYPE_POINTER ? link_bytes(&die) : 0;
    set_place(&die, &info);
    *ret_info = info;
    return true;
}

/* ---- What a struct starts with --------------------------------------------------------------- */

static bool starts_with(const Dwarf_Die *type, const char *name, int depth, int *budget)
{
    Dwarf_Die record;
    uint64_t offset;

    if (depth == LMM_TYPE_DEPTH_MAX || !lmm_type_strip(type, &record) ||
        !lmm_type_is_record(&record)) {
        return false;
    }
    Dwarf_Die member = record;

    while (lmm_type_next_member(&record, &member, &offset, budget) && offset == 0) {
        Dwarf_Die first;
        char first_name[LMM_TYPE_NAME_MAX];

        if (!lmm_type_of(&member, &first)) {
            continue;
        }
        lmm_type_name(&first, first_name);
        if (strcmp(first_name, name) == 0 || starts_with(&first, name, depth + 1, budget)) {
            return true;
        }
    }
    return false;
}

bool lmm_type_starts_with(const Dwarf_Die *type, const char *name)
{
    int budget = LMM_TYPE_DIES_MAX;

    return starts_with(type, name, 0, &budget);
}

void lmm_type_forget(Dwarf *dwarf)
{
    lmm_unit_index_forget(dwarf);
    lmm_definitions_forget(dwarf);
}
