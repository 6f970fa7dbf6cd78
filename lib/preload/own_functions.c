/* SPDX-License-Identifier: MIT */
#include "lib/preload/own_functions.h"

#include "lib/ground/meta.h"
#include "lib/ground/module.h"
#include "lib/ground/options.h"
#include "lib/ground/system.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

enum {
    BUFFER_BYTES = 1 << 17,
    OVERLAP_BYTES = 64, /* a name may lie across the end of a buffer */
    SECTIONS_MAX = 1 << 14,
    PLACES_MAX = 8, /* of one name: once in most tables */
};

/* What is looked for, and the file. */
struct search {
    const char *prefix;
    const char *const *names;
    size_t count;
    uintptr_t *addresses;
    struct lmm_module_facts module;
    int file;
    char *buffer;
    uint32_t places[LMM_OWN_FUNCTIONS_MAX][PLACES_MAX]; /* of names, in the string table */
    size_t place_count[LMM_OWN_FUNCTIONS_MAX];
};

/* ---- The file -------------------------------------------------------------------------------- */

/* Reads into the buffer; the bytes that there are. */
static size_t fill_buffer(struct search *search, uint64_t offset, uint64_t bytes)
{
    size_t wanted = bytes < BUFFER_BYTES ? (size_t) bytes : BUFFER_BYTES;
    ssize_t got = lmm_system_pread(search->file, search->buffer, wanted, (size_t) offset);

    return got < 0 ? 0 : (size_t) got;
}

static bool is_mapped_so(struct search *search, size_t offset, size_t bytes)
{
    return bytes <= BUFFER_BYTES && offset <= search->module.end - search->module.start &&
           bytes <= search->module.end - search->module.start - offset &&
           fill_buffer(search, offset, bytes) == bytes &&
           memcmp(search->buffer, (const char *) search->module.start + offset, bytes) == 0;
}

/* Whether the file is the program that runs. The header also tells where the sections are, so another file
 * with the same one would have to be made so. */
static bool is_program(struct search *search)
{
    const ElfW(Ehdr) *head = (const ElfW(Ehdr) *) search->module.start;

    return search->file >= 0 && is_mapped_so(search, 0, sizeof(*head)) &&
           memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 &&
           is_mapped_so(search, head->e_phoff, head->e_phnum * sizeof(ElfW(Phdr)));
}

/* Opens the program's file. It is not /proc/self/exe when it was started as `ld.so PROGRAM`. */
static bool open_program(struct search *search)
{
    char path[LMM_OPTION_PATH_MAX] = "/proc/self/exe";

    for (int i = 0; i < 2; i++) {
        search->file = lmm_system_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
        if (is_program(search)) {
            return true;
        }
        if (search->file >= 0) {
            lmm_system_close(search->file);
        }
        lmm_module_path(&search->module, path, sizeof(path));
    }
    return false;
}

/* Finds the symbol table and its names. */
static bool find_tables(struct search *search, ElfW(Shdr) * ret_symbols, ElfW(Shdr) * ret_names)
{
    const ElfW(Ehdr) *head = (const ElfW(Ehdr) *) search->module.start;
    ElfW(Shdr) section;

    for (size_t i = 0; i < head->e_shnum && i < SECTIONS_MAX; i++) {
        size_t offset = head->e_shoff + i * sizeof(section);
        if (fill_buffer(search, offset, sizeof(section)) != sizeof(section)) {
            return false;
        }
        memcpy(&section, search->buffer, sizeof(section));
        if (section.sh_type == SHT_SYMTAB && section.sh_link < head->e_shnum) {
            *ret_symbols = section;
            offset = head->e_shoff + section.sh_link * sizeof(section);
            bool is_read = fill_buffer(search, offset, sizeof(section)) == sizeof(section);
            memcpy(ret_names, search->buffer, sizeof(*ret_names));
            return is_read;
        }
    }
    return false;
}

/* ---- The names ------------------------------------------------------------------------------- */

static void note_place(struct search *search, const char *found, size_t room, uint64_t place)
{
    for (size_t i = 0; i < search->count; i++) {
        size_t bytes = strlen(search->names[i]) + 1;
        bool is_it = bytes <= room && memcmp(found, search->names[i], bytes) == 0;
        if (is_it && search->place_count[i] < PLACES_MAX && place <= UINT32_MAX) {
            search->places[i][search->place_count[i]++] = (uint32_t) place;
        }
    }
}

/* A table may store such a name as the end of a longer one. True when any of them is there. */
static bool find_names(struct search *search, const ElfW(Shdr) * names)
{
    size_t prefix = strlen(search->prefix);
    size_t got;
    bool is_there = false;

    for (uint64_t at = 0; at < names->sh_size; at += got - OVERLAP_BYTES) {
        got = fill_buffer(search, names->sh_offset + at, names->sh_size - at);
        const char *end = search->buffer + got;
        const char *found = search->buffer;
        while ((found = memmem(found, (size_t) (end - found), search->prefix, prefix)) != NULL) {
            uint64_t place = at + (size_t) (found - search->buffer);
            bool is_again = got == BUFFER_BYTES && found >= end - OVERLAP_BYTES;
            note_place(search, found, is_again ? 0 : (size_t) (end - found), place);
            found++;
        }
        if (got < BUFFER_BYTES) {
            break;
        }
    }
    for (size_t i = 0; i < search->count; i++) {
        is_there = is_there || search->place_count[i] != 0;
    }
    return is_there;
}

/* ---- The symbols ----------------------------------------------------------------------------- */

static bool is_named(const struct search *search, size_t i, uint32_t place)
{
    for (size_t k = 0; k < search->place_count[i]; k++) {
        if (search->places[i][k] == place) {
            return true;
        }
    }
    return false;
}

/* Whether it is a function for all files of the program: a hidden one is a local one in the result. */
static bool is_for_all(const ElfW(Sym) * symbol)
{
    unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other);

    return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF &&
           symbol->st_shndx < SHN_LORESERVE &&
           (ELF64_ST_BIND(symbol->st_info) != STB_LOCAL || visibility == STV_HIDDEN ||
            visibility == STV_INTERNAL);
}

static void take_symbol(struct search *search, const ElfW(Sym) * symbol)
{
    uintptr_t address = search->module.bias + symbol->st_value;

    for (size_t i = 0; i < search->count; i++) {
        if (search->addresses[i] == 0 && is_named(search, i, symbol->st_name) &&
            is_for_all(symbol) && lmm_module_code_before(&search->module, address + 1) != 0) {
            search->addresses[i] = address;
        }
    }
}

static void find_symbols(struct search *search, const ElfW(Shdr) * symbols)
{
    size_t count = 0;

    for (uint64_t at = 0; at < symbols->sh_size; at += count * sizeof(ElfW(Sym))) {
        count =
            fill_buffer(search, symbols->sh_offset + at, symbols->sh_size - at) / sizeof(ElfW(Sym));
        if (count == 0) {
            break;
        }
        for (size_t i = 0; i < count; i++) {
            ElfW(Sym) symbol;
            memcpy(&symbol, search->buffer + i * sizeof(symbol), sizeof(symbol));
            take_symbol(search, &symbol);
        }
    }
}

static void search_file(struct search *search)
{
    ElfW(Shdr) symbols;
    ElfW(Shdr) names;

    if (find_tables(search, &symbols, &names) && symbols.sh_entsize == sizeof(ElfW(Sym)) &&
        find_names(search, &names)) {
        find_symbols(search, &symbols);
    }
}

void lmm_own_functions_find(const char *prefix, const char *const names[], size_t count,
                            uintptr_t ret_addresses[])
{
    struct search search = {
        .prefix = prefix, .names = names, .count = count, .addresses = ret_addresses};

    LMM_CHECK(count <= LMM_OWN_FUNCTIONS_MAX);
    memset(ret_addresses, 0, count * sizeof(ret_addresses[0]));
    search.buffer = lmm_meta_map(BUFFER_BYTES);
    if (search.buffer == NULL) {
        return;
    }
    if (lmm_module_find(getauxval(AT_ENTRY), &search.module) && open_program(&search)) {
        search_file(&search);
        lmm_system_close(search.file);
    }
    lmm_meta_unmap(search.buffer, BUFFER_BYTES);
}
