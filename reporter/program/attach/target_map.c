/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/target_map.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/program/attach/tracee.h"
#include "reporter/program/base/array.h"
#include "reporter/program/ledger/running.h"

enum {
    PAGE_BYTES_MAX = 64 << 10,
    PROGRAM_BYTES = 4096, /* of its path */
    PROGRAM_HEADERS_MAX = 64,
    DYNAMIC_MAX = 256,
    SYMBOLS_MAX = 1 << 22,
    STRING_BYTES_MAX = 256 << 20,
    WORD_BYTES_MAX = 1 << 28,
    KERNEL_SHIFT = 55, /* addresses of the kernel have bits from there on */
    LOWEST = 1 << 20,  /* the kernel lets nobody map the first pages */
};

/* Of the system: this program's, and the process's. */
static uint64_t page_bytes(void)
{
    return (uint64_t) sysconf(_SC_PAGESIZE);
}

/* ---- Mappings -------------------------------------------------------------------------------- */

static bool is_lasting(const char *path, const char *program)
{
    static const char *const starts[] = {"libc.so.6", "libc-2.", "ld-linux", "ld-2.", "ld.so"};
    bool is = *path == '/' && strcmp(path, program) == 0;

    for (size_t i = 0; !is && i < sizeof(starts) / sizeof(starts[0]); i++) {
        is = strncmp(lmm_running_last(path), starts[i], strlen(starts[i])) == 0;
    }
    return is;
}

/* program: its path. */
static bool add_mapping(struct lmm_target_map *map, char *line, const char *program)
{
    uint64_t from;
    uint64_t to;
    uint64_t offset;
    char access[8];
    int path = 0;

    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %n", &from, &to, access,
               &offset, &path) < 4) {
        return true;
    }
    struct lmm_mapping *mapping = lmm_array_add(&map->mappings, &map->count, sizeof(*mapping));
    char *name = mapping == NULL ? NULL : strdup(path == 0 ? "" : line + path);

    if (name == NULL) {
        map->count -= mapping != NULL;
        return false;
    }
    *mapping = (struct lmm_mapping) {.from = from,
                                     .to = to,
                                     .offset = offset,
                                     .is_code = access[2] == 'x',
                                     .is_written = access[0] == 'r' && access[1] == 'w',
                                     .is_file = *name == '/',
                                     .is_lasting = is_lasting(name, program),
                                     .path = name};
    return true;
}

bool lmm_target_map_read(pid_t pid, struct lmm_target_map *ret_map)
{
    char path[64];
    char program[PROGRAM_BYTES];
    char *line = NULL;
    size_t room = 0;
    bool done = true;

    *ret_map = (struct lmm_target_map) {.count = 0};
    snprintf(path, sizeof(path), "/proc/%d/exe", (int) pid);
    ssize_t bytes = readlink(path, program, sizeof(program) - 1);

    program[bytes < 0 ? 0 : bytes] = '\0';
    snprintf(path, sizeof(path), "/proc/%d/maps", (int) pid);
    FILE *file = fopen(path, "re");

    while (file != NULL && done && getline(&line, &room, file) >= 0) {
        done = add_mapping(ret_map, line, program);
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
    if (!done || ret_map->count == 0) {
        lmm_target_map_free(ret_map);
        return false;
    }
    return true;
}

void lmm_target_map_free(struct lmm_target_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        free(map->mappings[i].path);
    }
    free(map->mappings);
    *map = (struct lmm_target_map) {.count = 0};
}

const struct lmm_mapping *lmm_target_map_find(const struct lmm_target_map *map, uint64_t address)
{
    for (size_t i = 0; i < map->count; i++) {
        if (address >= map->mappings[i].from && address < map->mappings[i].to) {
            return &map->mappings[i];
        }
    }
    return NULL;
}

const struct lmm_mapping *lmm_target_map_next_module(const struct lmm_target_map *map,
                                                     const struct lmm_mapping *after)
{
    size_t i = after == NULL ? 0 : (size_t) (after - map->mappings) + 1;

    for (; i < map->count; i++) {
        if (map->mappings[i].is_file && map->mappings[i].offset == 0) {
            return &map->mappings[i];
        }
    }
    return NULL;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* The nearest end of each gap. */
uint64_t lmm_target_map_gap(const struct lmm_target_map *map, uint64_t address, size_t bytes)
{
    uint64_t end = LOWEST;
    uint64_t best = 0;

    for (size_t i = 0; i < map->count; i++) {
        const struct lmm_mapping *next = &map->mappings[i];

        if (next->from > end && next->from - end >= bytes && next->from >> KERNEL_SHIFT == 0) {
            const uint64_t ends[] = {end, next->from - bytes};

            for (size_t k = 0; k < 2; k++) {
                if (ends[k] >= LOWEST && distance(ends[k], address) < LMM_TARGET_MAP_REACH &&
                    (best == 0 || distance(ends[k], address) < distance(best, address))) {
                    best = ends[k];
                }
            }
        }
        end = next->to > end ? next->to : end;
    }
    return best;
}

/* ---- Modules --------------------------------------------------------------------------------- */

struct module {
    uint64_t bias;
    Elf64_Phdr headers[PROGRAM_HEADERS_MAX];
    size_t count; /* of these */
};

/* Reads the program headers at the start of a module. */
static bool read_module(const struct lmm_tracee *tracee, uint64_t start, struct module *ret_module)
{
    Elf64_Ehdr head;
    uint64_t first = UINT64_MAX;

    if (!lmm_tracee_read(tracee, start, &head, sizeof(head)) ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
        head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum > PROGRAM_HEADERS_MAX ||
        !lmm_tracee_read(tracee, start + head.e_phoff, ret_module->headers,
                         head.e_phnum * sizeof(Elf64_Phdr))) {
        return false;
    }
    ret_module->count = head.e_phnum;
    for (size_t i = 0; i < ret_module->count; i++) {
        const Elf64_Phdr *header = &ret_module->headers[i];
        if (header->p_type == PT_LOAD && header->p_vaddr < first) {
            first = header->p_vaddr & ~(page_bytes() - 1);
        }
    }
    ret_module->bias = start - first;
    return first != UINT64_MAX;
}

/* The address in a page after all that is not zero, from `from` on, and some bytes more: an address there may end with zeros. 0: unknown. */
static uint64_t end_of_used(const struct lmm_tracee *tracee, uint64_t from, uint64_t page_end)
{
    enum { GAP = 8 };
    static unsigned char found[PAGE_BYTES_MAX];
    size_t used = (size_t) (page_end - from);

    if (used > sizeof(found) || !lmm_tracee_read(tracee, from, found, used)) {
        return 0;
    }
    while (used > 0 && found[used - 1] == 0) {
        used--;
    }
    return from + used + (used == 0 ? 0 : GAP);
}

/* What comes after the end of a segment in its last page; 0: too little. A file that is only read may be mapped
 * otherwise than its segments say. */
static uint64_t spare_of(const struct lmm_tracee *tracee, const struct lmm_target_map *map,
                         const char *path, uint64_t segment_end, const struct lmm_spare *wanted)
{
    const struct lmm_mapping *mapping = lmm_target_map_find(map, segment_end - 1);
    uint64_t page_end = (segment_end + page_bytes() - 1) & ~(page_bytes() - 1);
    bool is_near = wanted->near == 0 || distance(page_end, wanted->near) < LMM_TARGET_MAP_REACH;

    if (!is_near || mapping == NULL || mapping->to != page_end ||
        strcmp(mapping->path, path) != 0 || (wanted->is_code && !mapping->is_code)) {
        return 0;
    }
    uint64_t from = end_of_used(tracee, segment_end, page_end);

    from = (from + wanted->align - 1) & ~(wanted->align - 1);
    return from != 0 && from + wanted->bytes <= page_end ? from : 0;
}

/* In the last pages of a module's segments. */
static uint64_t spare_in(const struct lmm_tracee *tracee, const struct lmm_target_map *map,
                         const struct lmm_mapping *at, const struct lmm_spare *wanted)
{
    struct module module;
    uint64_t found = 0;
    bool is_one = read_module(tracee, at->from, &module);

    for (size_t i = 0; is_one && found == 0 && i < module.count; i++) {
        const Elf64_Phdr *header = &module.headers[i];

        if (header->p_type == PT_LOAD && (header->p_flags & PF_W) == 0) {
            found = spare_of(tracee, map, at->path, module.bias + header->p_vaddr + header->p_memsz,
                             wanted);
        }
    }
    return found;
}

uint64_t lmm_target_map_spare(const struct lmm_tracee *tracee, const struct lmm_target_map *map,
                              const struct lmm_spare *wanted)
{
    const struct lmm_mapping *at = NULL;
    uint64_t found = 0;

    while (found == 0 && (at = lmm_target_map_next_module(map, at)) != NULL) {
        found = at->is_lasting ? spare_in(tracee, map, at, wanted) : 0;
    }
    return found;
}

/* ---- Symbols --------------------------------------------------------------------------------- */

struct tables {
    uint64_t symbols;
    uint64_t strings;
    uint64_t string_bytes;
    uint64_t gnu_hash;
    uint64_t hash;
    uint64_t relocations[2];
    uint64_t relocation_bytes[2];
};

/* The loader adds the bias to the pointers in most modules, but not in the kernel's. */
static uint64_t pointer(uint64_t value, uint64_t bias)
{
    return value >= bias ? value : value + bias;
}

static void take_table(struct tables *tables, const Elf64_Dyn *entry, uint64_t bias)
{
    switch (entry->d_tag) {
    case DT_SYMTAB: tables->symbols = pointer(entry->d_un.d_ptr, bias); break;
    case DT_STRTAB: tables->strings = pointer(entry->d_un.d_ptr, bias); break;
    case DT_STRSZ: tables->string_bytes = entry->d_un.d_val; break;
    case DT_GNU_HASH: tables->gnu_hash = pointer(entry->d_un.d_ptr, bias); break;
    case DT_HASH: tables->hash = pointer(entry->d_un.d_ptr, bias); break;
    case DT_RELA: tables->relocations[0] = pointer(entry->d_un.d_ptr, bias); break;
    case DT_RELASZ: tables->relocation_bytes[0] = entry->d_un.d_val; break;
    case DT_JMPREL: tables->relocations[1] = pointer(entry->d_un.d_ptr, bias); break;
    case DT_PLTRELSZ: tables->relocation_bytes[1] = entry->d_un.d_val; break;
    default: break;
    }
}

static bool read_dynamic(const struct lmm_tracee *tracee, uint64_t address, size_t bytes,
                         uint64_t bias, struct tables *tables)
{
    Elf64_Dyn entries[DYNAMIC_MAX];
    size_t count = bytes / sizeof(entries[0]);

    count = count > DYNAMIC_MAX ? (size_t) DYNAMIC_MAX : count;
    if (!lmm_tracee_read(tracee, address, entries, count * sizeof(entries[0]))) {
        return false;
    }
    for (size_t i = 0; i < count && entries[i].d_tag != DT_NULL; i++) {
        take_table(tables, &entries[i], bias);
    }
    return true;
}

/* Finds the tables by the program headers. */
static bool find_tables(const struct lmm_tracee *tracee, const struct module *module,
                        struct tables *ret_tables)
{
    const Elf64_Phdr *dynamic = NULL;

    for (size_t i = 0; i < module->count; i++) {
        dynamic = module->headers[i].p_type == PT_DYNAMIC ? &module->headers[i] : dynamic;
    }
    *ret_tables = (struct tables) {.symbols = 0};
    return dynamic != NULL && read_dynamic(tracee, module->bias + dynamic->p_vaddr,
                                           dynamic->p_memsz, module->bias, ret_tables);
}

/* The index after the last symbol of the chains: the largest start of a bucket, and its chain to the end. */
static size_t count_by_gnu_hash(const struct lmm_tracee *tracee, uint64_t table)
{
    uint32_t head[4];
    uint32_t last = 0;

    if (!lmm_tracee_read(tracee, table, head, sizeof(head)) || head[0] > SYMBOLS_MAX ||
        head[2] > SYMBOLS_MAX) {
        return 0;
    }
    uint64_t buckets = table + sizeof(head) + (uint64_t) head[2] * 8;
    uint32_t *starts = malloc((size_t) head[0] * sizeof(*starts) + 1);

    if (starts != NULL &&
        lmm_tracee_read(tracee, buckets, starts, (size_t) head[0] * sizeof(*starts))) {
        for (size_t i = 0; i < head[0]; i++) {
            last = starts[i] > last ? starts[i] : last;
        }
    }
    free(starts);
    if (last < head[1] || last > SYMBOLS_MAX) {
        return head[1] > SYMBOLS_MAX ? 0 : head[1];
    }
    uint64_t hashes = buckets + (uint64_t) head[0] * 4;
    uint32_t hash = 0;

    while ((hash & 1) == 0 && last < (uint32_t) SYMBOLS_MAX &&
           lmm_tracee_read(tracee, hashes + (uint64_t) (last - head[1]) * 4, &hash, sizeof(hash))) {
        last++;
    }
    return last;
}

static size_t count_symbols(const struct lmm_tracee *tracee, const struct tables *tables)
{
    uint32_t head[2];

    if (tables->gnu_hash != 0) {
        return count_by_gnu_hash(tracee, tables->gnu_hash);
    }
    return tables->hash != 0 && lmm_tracee_read(tracee, tables->hash, head, sizeof(head)) &&
                   head[1] <= SYMBOLS_MAX
               ? head[1]
               : 0;
}

bool lmm_image_symbols_read(const struct lmm_tracee *tracee, uint64_t start,
                            struct lmm_image_symbols *ret_image)
{
    struct module module;
    struct tables tables;
    struct lmm_image_symbols image = {.start = start};

    *ret_image = image;
    if (!read_module(tracee, start, &module) || !find_tables(tracee, &module, &tables) ||
        tables.symbols == 0 || tables.strings == 0 || tables.string_bytes == 0 ||
        tables.string_bytes > STRING_BYTES_MAX) {
        return false;
    }
    image.bias = module.bias;
    image.table = tables.symbols;
    image.count = count_symbols(tracee, &tables);
    image.string_bytes = tables.string_bytes;
    image.symbols = malloc(image.count * sizeof(*image.symbols) + 1);
    image.strings = malloc(image.string_bytes);
    if (image.symbols == NULL || image.strings == NULL ||
        !lmm_tracee_read(tracee, tables.symbols, image.symbols,
                         image.count * sizeof(*image.symbols)) ||
        !lmm_tracee_read(tracee, tables.strings, image.strings, image.string_bytes)) {
        lmm_image_symbols_free(&image);
        return false;
    }
    image.strings[image.string_bytes - 1] = '\0';
    *ret_image = image;
    return true;
}

void lmm_image_symbols_free(struct lmm_image_symbols *image)
{
    free(image->symbols);
    free(image->strings);
    *image = (struct lmm_image_symbols) {.count = 0};
}

const char *lmm_image_symbol_name(const struct lmm_image_symbols *image, const Elf64_Sym *symbol)
{
    return symbol->st_name < image->string_bytes ? image->strings + symbol->st_name : "";
}

uint64_t lmm_image_symbol(const struct lmm_image_symbols *image, const char *name,
                          uint64_t *ret_bytes)
{
    for (size_t i = 1; i < image->count; i++) {
        const Elf64_Sym *symbol = &image->symbols[i];

        if (symbol->st_shndx != SHN_UNDEF && symbol->st_value != 0 &&
            strcmp(lmm_image_symbol_name(image, symbol), name) == 0) {
            if (ret_bytes != NULL) {
                *ret_bytes = symbol->st_size;
            }
            return image->bias + symbol->st_value;
        }
    }
    return 0;
}

/* ---- Relocated words ------------------------------------------------------------------------- */

/* The words of a module's data, read at once. */
struct words {
    uint64_t from;
    uint64_t to;
    uint64_t *values;
};

static bool is_address(const Elf64_Rela *relocation)
{
    uint64_t type = ELF64_R_TYPE(relocation->r_info);

    return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT || type == R_X86_64_64 ||
           type == R_X86_64_RELATIVE;
}

/* Reads all words between the lowest and the highest one. */
static bool read_words(const struct lmm_tracee *tracee, uint64_t bias,
                       const Elf64_Rela *relocations, size_t count, struct words *ret_words)
{
    struct words words = {.from = UINT64_MAX};

    for (size_t i = 0; i < count; i++) {
        uint64_t address = bias + relocations[i].r_offset;

        if (is_address(&relocations[i]) && address % sizeof(uint64_t) == 0) {
            words.from = address < words.from ? address : words.from;
            words.to = address + 8 > words.to ? address + 8 : words.to;
        }
    }
    *ret_words = words;
    if (words.from >= words.to) {
        return true;
    }
    size_t bytes = (size_t) (words.to - words.from);

    ret_words->values = bytes > (size_t) WORD_BYTES_MAX ? NULL : malloc(bytes);
    return ret_words->values != NULL &&
           lmm_tracee_read(tracee, words.from, ret_words->values, bytes);
}

static bool visit_table(const struct lmm_tracee *tracee, uint64_t bias, uint64_t table,
                        uint64_t table_bytes,
                        bool (*visit)(void *arg, uint64_t address, uint64_t value), void *arg)
{
    size_t count = (size_t) (table_bytes / sizeof(Elf64_Rela));
    Elf64_Rela *relocations =
        table_bytes > (uint64_t) WORD_BYTES_MAX ? NULL : malloc((size_t) table_bytes + 1);
    struct words words = {.values = NULL};
    bool done = relocations != NULL &&
                lmm_tracee_read(tracee, table, relocations, count * sizeof(*relocations)) &&
                read_words(tracee, bias, relocations, count, &words);

    for (size_t i = 0; done && i < count; i++) {
        uint64_t address = bias + relocations[i].r_offset;

        if (is_address(&relocations[i]) && address % sizeof(uint64_t) == 0 &&
            words.values != NULL && address - words.from < words.to - words.from) {
            done = visit(arg, address, words.values[(address - words.from) / sizeof(uint64_t)]);
        }
    }
    free(words.values);
    free(relocations);
    return done;
}

bool lmm_image_visit_words(const struct lmm_tracee *tracee, uint64_t start,
                           bool (*visit)(void *arg, uint64_t address, uint64_t value), void *arg)
{
    struct module module;
    struct tables tables;
    bool done = read_module(tracee, start, &module) && find_tables(tracee, &module, &tables);

    for (size_t i = 0; done && i < 2; i++) {
        done = tables.relocations[i] == 0 || visit_table(tracee, module.bias, tables.relocations[i],
                                                         tables.relocation_bytes[i], visit, arg);
    }
    return done;
}
