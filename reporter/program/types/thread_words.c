/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/thread_words.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/program/base/array.h"

enum {
    RELOCATIONS_MAX = 1 << 24, /* of a section */
    WORD = 8,
};

enum kind {
    KIND_NONE,
    KIND_INDEX,    /* which file's block; the next word is the place in it */
    KIND_DISTANCE, /* from the thread pointer, or what a descriptor's function returns */
};

struct file {
    Elf *elf;
    enum lmm_machine machine;
    struct lmm_thread_words *words;
};

static enum kind kind_of(const struct file *file, uint64_t type)
{
    bool is_x86 = file->machine == LMM_MACHINE_X86_64;

    if (type == (is_x86 ? R_X86_64_DTPMOD64 : R_AARCH64_TLS_DTPMOD)) {
        return KIND_INDEX;
    }
    return type == (is_x86 ? R_X86_64_TPOFF64 : R_AARCH64_TLS_TPREL) ||
                   type == (is_x86 ? R_X86_64_TLSDESC : R_AARCH64_TLSDESC)
               ? KIND_DISTANCE
               : KIND_NONE;
}

/* Sets *ret_word to the word that the file itself has at an address. */
static bool load_word(Elf *elf, uint64_t address, uint64_t *ret_word)
{
    Elf_Scn *section = NULL;

    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;

        if (gelf_getshdr(section, &header) == NULL || header.sh_type != SHT_PROGBITS ||
            address < header.sh_addr || address - header.sh_addr >= header.sh_size) {
            continue;
        }
        const Elf_Data *data = elf_getdata(section, NULL);
        uint64_t at = address - header.sh_addr;

        if (data == NULL || data->d_buf == NULL || data->d_size < WORD ||
            at > data->d_size - WORD) {
            return false;
        }
        memcpy(ret_word, (const unsigned char *) data->d_buf + at, WORD);
        *ret_word = le64toh(*ret_word);
        return true;
    }
    return false;
}

/* Sets the variable that a relocation is about. Returns false when it is not known. */
static bool find_variable(const struct file *file, const GElf_Rela *relocation, enum kind kind,
                          Elf_Data *table, size_t strings, struct lmm_thread_word *word)
{
    GElf_Sym symbol;

    word->offset = (uint64_t) relocation->r_addend;
    if (GELF_R_SYM(relocation->r_info) == 0) {
        return kind != KIND_INDEX ||
               load_word(file->elf, relocation->r_offset + WORD, &word->offset);
    }
    if (gelf_getsym(table, (int) GELF_R_SYM(relocation->r_info), &symbol) == NULL) {
        return false;
    }
    if (symbol.st_shndx != SHN_UNDEF) {
        word->offset += symbol.st_value;
        return true;
    }
    word->name = elf_strptr(file->elf, strings, symbol.st_name);
    return word->name != NULL;
}

static void add_relocations(const struct file *file, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Scn *symbols = elf_getscn(file->elf, header->sh_link);
    GElf_Shdr of_symbols;
    Elf_Data *relocations = elf_getdata(section, NULL);
    Elf_Data *table = symbols == NULL ? NULL : elf_getdata(symbols, NULL);
    GElf_Rela relocation;

    if (table == NULL || gelf_getshdr(symbols, &of_symbols) == NULL) {
        return;
    }
    for (int i = 0; i < RELOCATIONS_MAX && relocations != NULL &&
                    gelf_getrela(relocations, i, &relocation) != NULL;
         i++) {
        enum kind kind = kind_of(file, GELF_R_TYPE(relocation.r_info));
        struct lmm_thread_word word = {.address = relocation.r_offset};

        if (kind == KIND_NONE ||
            !find_variable(file, &relocation, kind, table, of_symbols.sh_link, &word)) {
            continue;
        }
        struct lmm_thread_word *added =
            lmm_array_add(&file->words->items, &file->words->count, sizeof(*file->words->items));

        if (added != NULL) {
            *added = word;
        }
    }
}

static int compare_words(const void *left, const void *right)
{
    return lmm_compare_u64(((const struct lmm_thread_word *) left)->address,
                           ((const struct lmm_thread_word *) right)->address);
}

void lmm_thread_words_read(Elf *elf, enum lmm_machine machine, struct lmm_thread_words *ret_words)
{
    const struct file file = {elf, machine, ret_words};
    Elf_Scn *section = NULL;

    *ret_words = (struct lmm_thread_words) {NULL, 0};
    while (machine != LMM_MACHINE_NONE && (section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;

        if (gelf_getshdr(section, &header) != NULL && header.sh_type == SHT_RELA &&
            (header.sh_flags & SHF_ALLOC) != 0) {
            add_relocations(&file, section, &header);
        }
    }
    if (ret_words->count > 0) {
        qsort(ret_words->items, ret_words->count, sizeof(*ret_words->items), compare_words);
    }
}

void lmm_thread_words_free(struct lmm_thread_words *words)
{
    free(words->items);
    *words = (struct lmm_thread_words) {NULL, 0};
}

const struct lmm_thread_word *lmm_thread_words_find(const struct lmm_thread_words *words,
                                                    uint64_t address)
{
    struct lmm_thread_word key = {.address = address};

    return words->count == 0
               ? NULL
               : bsearch(&key, words->items, words->count, sizeof(*words->items), compare_words);
}
