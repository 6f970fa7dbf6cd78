/* SPDX-License-Identifier: MIT */
/* Relocations are listed once, by the address that they fill: a jump through a slot of the global
 * offset table calls the function that the slot is filled with. */
#include "reporter/program/types/file_code.h"

#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/key_sort.h"
#include "reporter/program/symbols/symbol_file.h"

enum {
    SYMBOLS_MAX = 1 << 24, /* of a table, and relocations of a section */
    SEGMENTS_MAX = 1 << 16,
    SEGMENT_BYTES_MAX = 1 << 30,
    TWO_WORDS = 16,
};

/* A slot of the global offset table, and the function whose address it gets. */
struct slot {
    uint64_t address;
    uint32_t strings; /* these two: where the function's name is */
    uint32_t name;
};

/* A section with code. */
struct section {
    uint64_t address;
    uint64_t bytes;
    struct lmm_code code; /* not read yet: its machine is NONE */
    Elf_Scn *elf;
};

/* An object of the symbol table. */
struct object {
    uint64_t low;
    uint64_t high;
    const char *name;
};

struct lmm_file_code {
    struct lmm_symbol_file *file;
    Elf *elf;
    enum lmm_machine machine;
    struct section *sections;
    size_t section_count;
    bool has_slots;
    struct slot *slots; /* by address */
    size_t slot_count;
    bool has_words;
    struct lmm_thread_words words;
    bool has_objects;
    struct object *objects; /* by low */
    size_t object_count;
};

static enum lmm_machine machine_of(Elf *elf)
{
    GElf_Ehdr header;

    if (gelf_getehdr(elf, &header) == NULL || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_ident[EI_DATA] != ELFDATA2LSB) {
        return LMM_MACHINE_NONE;
    }
    return header.e_machine == EM_X86_64    ? LMM_MACHINE_X86_64
           : header.e_machine == EM_AARCH64 ? LMM_MACHINE_AARCH64
                                            : LMM_MACHINE_NONE;
}

/* Lists the sections with code. */
static void list_sections(struct lmm_file_code *code)
{
    Elf_Scn *section = NULL;

    while (code->machine != LMM_MACHINE_NONE &&
           (section = elf_nextscn(code->elf, section)) != NULL) {
        GElf_Shdr header;

        if (gelf_getshdr(section, &header) == NULL || header.sh_type != SHT_PROGBITS ||
            (header.sh_flags & SHF_EXECINSTR) == 0) {
            continue;
        }
        struct section *added =
            lmm_array_add(&code->sections, &code->section_count, sizeof(*code->sections));

        if (added != NULL) {
            *added = (struct section) {
                .address = header.sh_addr, .bytes = header.sh_size, .elf = section};
        }
    }
}

struct lmm_file_code *lmm_file_code_new(struct lmm_symbol_file *file)
{
    struct lmm_file_code *code = calloc(1, sizeof(*code));

    if (code != NULL) {
        code->file = file;
        code->elf = lmm_symbol_file_elf(file);
        code->machine = code->elf == NULL ? LMM_MACHINE_NONE : machine_of(code->elf);
        list_sections(code);
    }
    return code;
}

void lmm_file_code_free(struct lmm_file_code *code)
{
    if (code != NULL) {
        free(code->sections);
        free(code->slots);
        lmm_thread_words_free(&code->words);
        free(code->objects);
        free(code);
    }
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

/* Reads the bytes of a section at the first call. */
static void read_section(const struct lmm_file_code *code, struct section *section)
{
    Elf_Data *data =
        section->code.machine == LMM_MACHINE_NONE ? elf_getdata(section->elf, NULL) : NULL;

    if (data != NULL && data->d_buf != NULL) {
        section->code =
            (struct lmm_code) {data->d_buf, data->d_size, section->address, code->machine};
    }
}

struct lmm_code lmm_file_code_at(struct lmm_file_code *code, uint64_t address)
{
    for (size_t i = 0; i < code->section_count; i++) {
        struct section *section = &code->sections[i];

        if (address - section->address >= section->bytes) {
            continue;
        }
        read_section(code, section);
        if (address - section->address < section->code.count) {
            return section->code;
        }
        break;
    }
    return (struct lmm_code) {.machine = LMM_MACHINE_NONE};
}

struct lmm_code lmm_file_code_of_function(struct lmm_file_code *code, uint64_t address)
{
    struct lmm_code section = lmm_file_code_at(code, address);
    uint64_t low;
    uint64_t high;

    if (section.machine == LMM_MACHINE_NONE ||
        !lmm_symbol_file_bounds(code->file, address, &low, &high) || low < section.address ||
        high - section.address > section.count) {
        return section;
    }
    return (struct lmm_code) {section.bytes + (low - section.address), (size_t) (high - low), low,
                              section.machine};
}

/* Returns the bytes from an address on, and how many there are. */
static const unsigned char *bytes_at(struct lmm_file_code *code, uint64_t address,
                                     size_t *ret_count)
{
    struct lmm_code section = lmm_file_code_at(code, address);

    *ret_count = section.machine == LMM_MACHINE_NONE
                     ? 0
                     : section.count - (size_t) (address - section.address);
    return *ret_count == 0 ? NULL : section.bytes + (address - section.address);
}

static uint32_t load_u32(const unsigned char *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof(value));
    return le32toh(value);
}

/* ---- Slots ----------------------------------------------------------------------------------- */

/* Adds the slots that a section of relocations fills. */
static void add_relocations(struct lmm_file_code *code, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Scn *symbols = elf_getscn(code->elf, header->sh_link);
    GElf_Shdr of_symbols;
    Elf_Data *relocations = elf_getdata(section, NULL);
    Elf_Data *table = symbols == NULL ? NULL : elf_getdata(symbols, NULL);

    if (relocations == NULL || table == NULL || gelf_getshdr(symbols, &of_symbols) == NULL) {
        return;
    }
    /* libelf has given them the form that they have on this machine; a large library has a million without a symbol. */
    const unsigned char *items = relocations->d_type == ELF_T_RELA ? relocations->d_buf : NULL;
    const unsigned char *names = table->d_type == ELF_T_SYM ? table->d_buf : NULL;
    size_t count = items == NULL || names == NULL ? 0 : relocations->d_size / sizeof(Elf64_Rela);
    size_t symbol_count = names == NULL ? 0 : table->d_size / sizeof(Elf64_Sym);

    for (size_t i = 0; i < count && i < SYMBOLS_MAX; i++) {
        Elf64_Rela relocation;
        Elf64_Sym symbol;

        memcpy(&relocation, items + i * sizeof(relocation), sizeof(relocation));
        size_t number = ELF64_R_SYM(relocation.r_info);

        if (relocation.r_addend != 0 || number == 0 || number >= symbol_count) {
            continue;
        }
        memcpy(&symbol, names + number * sizeof(symbol), sizeof(symbol));
        struct slot *added = lmm_array_add(&code->slots, &code->slot_count, sizeof(*code->slots));

        if (added != NULL) {
            *added = (struct slot) {relocation.r_offset, of_symbols.sh_link, symbol.st_name};
        }
    }
}

static uint64_t address_of(const void *slot)
{
    return ((const struct slot *) slot)->address;
}

/* Sorts the slots by address; without memory for it, there are none. */
static void sort_slots(struct lmm_file_code *code)
{
    struct slot *sorted =
        lmm_key_sort_items(code->slots, code->slot_count, sizeof(*sorted), address_of);

    free(code->slots);
    code->slots = sorted;
    code->slot_count = sorted == NULL ? 0 : code->slot_count;
}

static void list_slots(struct lmm_file_code *code)
{
    Elf_Scn *section = NULL;

    code->has_slots = true;
    while (code->machine != LMM_MACHINE_NONE &&
           (section = elf_nextscn(code->elf, section)) != NULL) {
        GElf_Shdr header;

        if (gelf_getshdr(section, &header) != NULL && header.sh_type == SHT_RELA &&
            (header.sh_flags & SHF_ALLOC) != 0) {
            add_relocations(code, section, &header);
        }
    }
    if (code->slot_count > 0) {
        sort_slots(code);
    }
}

const char *lmm_file_code_slot(struct lmm_file_code *code, uint64_t address)
{
    size_t low = 0;

    if (!code->has_slots) {
        list_slots(code);
    }
    for (size_t high = code->slot_count; low < high;) { /* the first that is not before it */
        size_t middle = low + (high - low) / 2;

        if (code->slots[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct slot *found =
        low < code->slot_count && code->slots[low].address == address ? &code->slots[low] : NULL;

    return found == NULL ? NULL : elf_strptr(code->elf, found->strings, found->name);
}

/* Sets *ret_slot to the slot that the entry of a PLT jumps through: [bnd] jmp *x(%rip), which may
 * follow endbr64. */
static bool slot_of_x86_entry(const unsigned char *bytes, size_t count, uint64_t address,
                              uint64_t *ret_slot)
{
    static const unsigned char mark[] = {0xf3, 0x0f, 0x1e, 0xfa};
    size_t at = count >= sizeof(mark) && memcmp(bytes, mark, sizeof(mark)) == 0 ? sizeof(mark) : 0;

    at += at < count && bytes[at] == 0xf2;
    if (count < at + 6 || bytes[at] != 0xff || bytes[at + 1] != 0x25) {
        return false;
    }
    *ret_slot = address + at + 6 + (uint64_t) (int64_t) (int32_t) load_u32(bytes + at + 2);
    return true;
}

/* The same on AArch64: adrp x16, page; ldr x17, [x16, #offset], which may follow bti. */
static bool slot_of_aarch64_entry(const unsigned char *bytes, size_t count, uint64_t address,
                                  uint64_t *ret_slot)
{
    size_t at = count >= 4 && load_u32(bytes) == 0xd503245f ? 4 : 0;

    if (count < at + 8) {
        return false;
    }
    uint32_t page = load_u32(bytes + at);
    uint32_t load = load_u32(bytes + at + 4);

    if ((page & 0x9f00001f) != 0x90000010 || (load & 0xffc003ff) != 0xf9400211) {
        return false;
    }
    uint32_t pages = (((page >> 5) & 0x7ffff) << 2) | ((page >> 29) & 3); /* 21 bits, signed */
    int64_t distance = (int64_t) ((uint64_t) pages << 43) >> 43;

    *ret_slot = ((address + at) & ~UINT64_C(0xfff)) + (uint64_t) distance * 4096 +
                (uint64_t) ((load >> 10) & 0xfff) * 8;
    return true;
}

const char *lmm_file_code_name(struct lmm_file_code *code, uint64_t address)
{
    size_t count;
    const unsigned char *bytes = bytes_at(code, address, &count);
    uint64_t slot;
    bool is_entry = bytes != NULL && (code->machine == LMM_MACHINE_X86_64
                                          ? slot_of_x86_entry(bytes, count, address, &slot)
                                          : slot_of_aarch64_entry(bytes, count, address, &slot));
    const char *name = is_entry ? lmm_file_code_slot(code, slot) : NULL;

    return name != NULL || bytes == NULL ? name : lmm_symbol_file_name(code->file, address);
}

static const char *callee_on_x86(struct lmm_file_code *code, uint64_t address)
{
    size_t count;
    const unsigned char *bytes = address < 6 ? NULL : bytes_at(code, address - 6, &count);

    if (bytes == NULL || count < 6) {
        return NULL;
    }
    uint64_t distance = (uint64_t) (int64_t) (int32_t) load_u32(bytes + 2);

    if (bytes[0] == 0xff && bytes[1] == 0x15) { /* call *x(%rip) */
        return lmm_file_code_slot(code, address + distance);
    }
    return bytes[1] == 0xe8 ? lmm_file_code_name(code, address + distance) : NULL;
}

static const char *callee_on_aarch64(struct lmm_file_code *code, uint64_t address)
{
    size_t count;
    const unsigned char *bytes = address < 4 ? NULL : bytes_at(code, address - 4, &count);

    if (bytes == NULL || count < 4 || load_u32(bytes) >> 26 != 0x25) { /* bl */
        return NULL;
    }
    int64_t distance = (int64_t) ((uint64_t) load_u32(bytes) << 38) >> 36;

    return lmm_file_code_name(code, address - 4 + (uint64_t) distance);
}

const char *lmm_file_code_callee(struct lmm_file_code *code, uint64_t return_address)
{
    switch (code->machine) {
    case LMM_MACHINE_X86_64: return callee_on_x86(code, return_address);
    case LMM_MACHINE_AARCH64: return callee_on_aarch64(code, return_address);
    default: return NULL;
    }
}

/* ---- Threads --------------------------------------------------------------------------------- */

/* Sets *ret_segment to the template of a thread's block. */
static bool find_thread_segment(struct lmm_file_code *code, GElf_Phdr *ret_segment)
{
    size_t count = 0;

    if (code->machine == LMM_MACHINE_NONE || elf_getphdrnum(code->elf, &count) != 0) {
        return false;
    }
    for (size_t i = 0; i < count && i < SEGMENTS_MAX; i++) {
        if (gelf_getphdr(code->elf, (int) i, ret_segment) != NULL &&
            ret_segment->p_type == PT_TLS) {
            return true;
        }
    }
    return false;
}

bool lmm_file_code_thread(struct lmm_file_code *code, int64_t distance, uint64_t *ret_place)
{
    GElf_Phdr segment;

    if (!find_thread_segment(code, &segment) || segment.p_memsz > SEGMENT_BYTES_MAX ||
        segment.p_align > SEGMENT_BYTES_MAX) {
        return false;
    }
    /* On x86-64 the block ends at the thread pointer; on AArch64 it starts after two words there. */
    uint64_t align = segment.p_align == 0 ? 1 : segment.p_align;
    uint64_t start = code->machine == LMM_MACHINE_X86_64
                         ? 0 - (segment.p_memsz + align - 1) / align * align
                         : (TWO_WORDS + align - 1) / align * align;

    *ret_place = (uint64_t) distance - start;
    return *ret_place < segment.p_memsz;
}

bool lmm_file_code_thread_word(struct lmm_file_code *code, uint64_t address,
                               struct lmm_thread_word *ret_word)
{
    if (!code->has_words) {
        lmm_thread_words_read(code->elf, code->machine, &code->words);
        code->has_words = true;
    }
    const struct lmm_thread_word *word = lmm_thread_words_find(&code->words, address);

    if (word != NULL) {
        *ret_word = *word;
    }
    return word != NULL;
}

/* ---- Objects --------------------------------------------------------------------------------- */

static int compare_objects(const void *left, const void *right)
{
    return lmm_compare_u64(((const struct object *) left)->low,
                           ((const struct object *) right)->low);
}

static void add_objects(struct lmm_file_code *code, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *table = elf_getdata(section, NULL);
    GElf_Sym symbol;

    for (int i = 0; table != NULL && i < SYMBOLS_MAX && gelf_getsym(table, i, &symbol) != NULL;
         i++) {
        const char *name = GELF_ST_TYPE(symbol.st_info) == STT_OBJECT && symbol.st_size > 0 &&
                                   symbol.st_shndx != SHN_UNDEF
                               ? elf_strptr(code->elf, header->sh_link, symbol.st_name)
                               : NULL;
        struct object *object = name == NULL ? NULL
                                             : lmm_array_add(&code->objects, &code->object_count,
                                                             sizeof(*code->objects));

        if (object != NULL) {
            *object = (struct object) {symbol.st_value, symbol.st_value + symbol.st_size, name};
        }
    }
}

static void list_objects(struct lmm_file_code *code)
{
    Elf_Scn *section = NULL;

    code->has_objects = true;
    while ((section = elf_nextscn(code->elf, section)) != NULL) {
        GElf_Shdr header;

        if (gelf_getshdr(section, &header) != NULL &&
            (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM)) {
            add_objects(code, section, &header);
        }
    }
    if (code->object_count > 0) {
        qsort(code->objects, code->object_count, sizeof(*code->objects), compare_objects);
    }
}

const char *lmm_file_code_object(struct lmm_file_code *code, uint64_t address)
{
    size_t low = 0;

    if (code->machine != LMM_MACHINE_NONE && !code->has_objects) {
        list_objects(code);
    }
    for (size_t high = code->object_count; low < high;) { /* the first that starts after it */
        size_t middle = low + (high - low) / 2;

        if (code->objects[middle].low <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && address < code->objects[low - 1].high ? code->objects[low - 1].name : NULL;
}
