/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/inner_malloc.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
    "malloc", "je_malloc", "_rjem_malloc", "mi_malloc", "tc_malloc", "rpmalloc",
};

/* Whether the table defines a function of that name. */
static bool defines(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, const char *name)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = data == NULL || header->sh_entsize == 0 ? 0 : data->d_size / header->sh_entsize;

    for (size_t i = 1; i < count; i++) {
        GElf_Sym symbol;
        const char *found = gelf_getsym(data, (int) i, &symbol) == NULL ||
                                    GELF_ST_TYPE(symbol.st_info) != STT_FUNC ||
                                    symbol.st_shndx == SHN_UNDEF
                                ? NULL
                                : elf_strptr(elf, header->sh_link, symbol.st_name);

        if (found != NULL && strcmp(found, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The same for the first table of that type. */
static bool has_function(Elf *elf, GElf_Word type, const char *name)
{
    Elf_Scn *section = NULL;

    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;

        if (gelf_getshdr(section, &header) != NULL && header.sh_type == type) {
            return defines(elf, section, &header, name);
        }
    }
    return false;
}

static const char *find_in(Elf *elf)
{
    if (has_function(elf, SHT_DYNSYM, "malloc")) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (has_function(elf, SHT_SYMTAB, names[i])) {
            return names[i];
        }
    }
    return NULL;
}

const char *lmm_inner_malloc_find(pid_t pid)
{
    const char *found = NULL;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/exe", (int) pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0) {
        return NULL;
    }
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(file, ELF_C_READ_MMAP, NULL);

    if (elf != NULL) {
        found = find_in(elf);
        elf_end(elf);
    }
    close(file);
    return found;
}
