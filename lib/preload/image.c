/* SPDX-License-Identifier: MIT */
#include "lib/preload/image.h"

#include "lib/ground/module.h"

#include <elf.h>
#include <string.h>

/* ---- A module's tables ----------------------------------------------------------------------- */

/* The loader has added the bias to the pointers, except where the section is read-only. */
static const void *pointer(const struct lmm_image *image, uintptr_t value)
{
    return (const void *) (value >= image->bias ? value : value + image->bias);
}

bool lmm_image_is_runtime(const char *name)
{
    static const char *const starts[] = {"libstdc++.so", "libc++.so", "libc++abi.so"};
    bool is_one = false;

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        is_one = is_one || strncmp(name, starts[i], strlen(starts[i])) == 0;
    }
    return is_one;
}

static void take_table(struct lmm_image *image, const ElfW(Dyn) * entry)
{
    switch (entry->d_tag) {
    case DT_SYMTAB: image->symbols = pointer(image, entry->d_un.d_ptr); break;
    case DT_STRTAB: image->strings = pointer(image, entry->d_un.d_ptr); break;
    case DT_GNU_HASH: image->gnu_hash = pointer(image, entry->d_un.d_ptr); break;
    case DT_HASH: image->hash = pointer(image, entry->d_un.d_ptr); break;
    case DT_RELA: image->relocations[0] = pointer(image, entry->d_un.d_ptr); break;
    case DT_RELASZ: image->counts[0] = entry->d_un.d_val / sizeof(ElfW(Rela)); break;
    case DT_JMPREL: image->relocations[1] = pointer(image, entry->d_un.d_ptr); break;
    case DT_PLTRELSZ: image->counts[1] = entry->d_un.d_val / sizeof(ElfW(Rela)); break;
    default: break;
    }
}

static void take_name(struct lmm_image *image, const ElfW(Dyn) * entry)
{
    const char *name = image->strings + entry->d_un.d_val;

    if (entry->d_tag == DT_SONAME) {
        image->name = name;
    } else if (entry->d_tag == DT_NEEDED) {
        image->needs_runtime = image->needs_runtime || lmm_image_is_runtime(name);
    }
}

bool lmm_image_read(uintptr_t bias, const ElfW(Dyn) * dynamic, struct lmm_image *ret_image)
{
    struct lmm_module_facts facts;
    struct lmm_image image = {.bias = bias, .name = ""};

    if (dynamic == NULL || !lmm_module_find((uintptr_t) dynamic, &facts)) {
        return false;
    }
    image.start = facts.start;
    image.end = facts.end;
    for (const ElfW(Dyn) *entry = dynamic; entry->d_tag != DT_NULL; entry++) {
        take_table(&image, entry);
    }
    if (image.symbols == NULL || image.strings == NULL) {
        return false;
    }
    for (const ElfW(Dyn) *entry = dynamic; entry->d_tag != DT_NULL; entry++) {
        take_name(&image, entry);
    }
    *ret_image = image;
    return true;
}

/* ---- Symbols that a module defines ----------------------------------------------------------- */

static bool is_definition(const struct lmm_image *image, size_t index, const char *name)
{
    const ElfW(Sym) *symbol = &image->symbols[index];

    return symbol->st_shndx != SHN_UNDEF && symbol->st_value != 0 &&
           strcmp(image->strings + symbol->st_name, name) == 0;
}

static uint32_t gnu_hash_of(const char *name)
{
    uint32_t hash = 5381;

    for (; *name != '\0'; name++) {
        hash = hash * 33 + (unsigned char) *name;
    }
    return hash;
}

/* The index of the symbol, or 0. The table: counts of buckets and of words of a Bloom filter, the
 * first index, a shift; the filter; the buckets; for each symbol from the first on its hash, whose
 * lowest bit ends a chain. */
static size_t find_by_gnu_hash(const struct lmm_image *image, const char *name)
{
    const uint32_t *table = image->gnu_hash;
    uint32_t first = table[1];
    const uint32_t *buckets = table + 4 + (size_t) table[2] * (sizeof(ElfW(Addr)) / 4);
    const uint32_t *hashes = buckets + table[0];
    uint32_t hash = gnu_hash_of(name);
    size_t index = table[0] == 0 ? 0 : buckets[hash % table[0]];

    for (; index >= first && index != 0; index++) {
        uint32_t found = hashes[index - first];
        if ((found | 1) == (hash | 1) && is_definition(image, index, name)) {
            return index;
        }
        if ((found & 1) != 0) {
            break;
        }
    }
    return 0;
}

/* The same by the older table, whose second word is the number of symbols. */
static size_t find_one_by_one(const struct lmm_image *image, const char *name)
{
    for (size_t index = 1; index < image->hash[1]; index++) {
        if (is_definition(image, index, name)) {
            return index;
        }
    }
    return 0;
}

uintptr_t lmm_image_definition(const struct lmm_image *image, const char *name)
{
    size_t index = image->gnu_hash != NULL ? find_by_gnu_hash(image, name)
                   : image->hash != NULL   ? find_one_by_one(image, name)
                                           : 0;

    return index == 0 ? 0 : image->bias + image->symbols[index].st_value;
}
