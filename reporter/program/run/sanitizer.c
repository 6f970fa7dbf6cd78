/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/sanitizer.h"

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define REASON(name) "it is built with " name ", which has a malloc of its own"

/* The function that starts each of them: the file has it, or refers to the one of a library. */
static const struct {
    const char *function;
    const char *reason;
} sanitizers[] = {
    {"__asan_init", REASON("AddressSanitizer")}, {"__hwasan_init", REASON("HWAddressSanitizer")},
    {"__msan_init", REASON("MemorySanitizer")},  {"__tsan_init", REASON("ThreadSanitizer")},
    {"__lsan_init", REASON("LeakSanitizer")},
};

/* The start of a variable's name that no other library has. A function may be inlined everywhere, and
 * with link-time optimisation a name may have a suffix. */
static const char own_lmm[] = "lmm_arena_locks";

/* Returns what a symbol tells, or NULL. */
typedef const char *judge(const char *name, const GElf_Sym *symbol);

static const char *find_sanitizer(const char *function, const GElf_Sym *symbol)
{
    (void) symbol;
    for (size_t i = 0; i < sizeof(sanitizers) / sizeof(sanitizers[0]); i++) {
        if (strcmp(function, sanitizers[i].function) == 0) {
            return sanitizers[i].reason;
        }
    }
    return NULL;
}

static const char *find_lmm(const char *function, const GElf_Sym *symbol)
{
    bool is_own = strncmp(function, own_lmm, sizeof(own_lmm) - 1) == 0;

    return symbol->st_shndx != SHN_UNDEF && is_own ? own_lmm : NULL;
}

/* Looks through a table of symbols. */
static const char *look_through(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, judge *tell)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = header->sh_entsize == 0 ? 0 : header->sh_size / header->sh_entsize;
    const char *reason = NULL;
    GElf_Sym symbol;

    for (size_t i = 0; data != NULL && reason == NULL && i < count; i++) {
        const char *name = gelf_getsym(data, (int) i, &symbol) == NULL
                               ? NULL
                               : elf_strptr(elf, header->sh_link, symbol.st_name);

        reason = name == NULL ? NULL : tell(name, &symbol);
    }
    return reason;
}

static const char *look_at(int file, judge *tell)
{
    const char *reason = NULL;
    Elf_Scn *section = NULL;
    GElf_Shdr header;

    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(file, ELF_C_READ_MMAP, NULL);

    while (reason == NULL && (section = elf_nextscn(elf, section)) != NULL) {
        bool has_symbols = gelf_getshdr(section, &header) != NULL &&
                           (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB);

        reason = has_symbols ? look_through(elf, section, &header, tell) : NULL;
    }
    elf_end(elf);
    return reason;
}

const char *lmm_sanitizer_of(int file)
{
    return look_at(file, find_sanitizer);
}

bool lmm_sanitizer_has_lmm(int file)
{
    return look_at(file, find_lmm) != NULL;
}
