/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/die_ranges.h"

#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/program/base/array.h"

enum {
    RANGES_MAX = 1 << 20, /* of one DIE */
};

static bool add_range(struct lmm_die_ranges *ranges, const struct lmm_die_range *range)
{
    struct lmm_die_range *added = lmm_array_add(&ranges->items, &ranges->count, sizeof(*added));

    if (added != NULL) {
        *added = *range;
    }
    return added != NULL;
}

static int compare_ranges(const void *left, const void *right)
{
    const struct lmm_die_range *a = left;
    const struct lmm_die_range *b = right;

    return lmm_compare_u64(a->low, b->low);
}

void lmm_die_ranges_sort(struct lmm_die_ranges *ranges)
{
    if (ranges->count > 0) {
        qsort(ranges->items, ranges->count, sizeof(ranges->items[0]), compare_ranges);
    }
}

const struct lmm_die_range *lmm_die_ranges_find(const struct lmm_die_ranges *ranges,
                                                Dwarf_Addr address)
{
    size_t low = 0;
    size_t high = ranges->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ranges->items[middle].low <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && address < ranges->items[low - 1].high ? &ranges->items[low - 1] : NULL;
}

static bool is_code(const struct lmm_die_ranges *code, Dwarf_Addr address)
{
    return code->count == 0 || lmm_die_ranges_find(code, address) != NULL;
}

void lmm_die_ranges_add(struct lmm_die_ranges *ranges, const struct lmm_die_ranges *code,
                        Dwarf_Die *die, size_t unit)
{
    struct lmm_die_range range = {.die = *die, .unit = unit};
    Dwarf_Addr base;
    ptrdiff_t offset = 0;

    for (int i = 0; i < RANGES_MAX; i++) {
        offset = dwarf_ranges(die, offset, &base, &range.low, &range.high);
        if (offset <= 0) {
            return;
        }
        if (range.low >= range.high) {
            continue;
        }
        if (!is_code(code, range.low)) {
            ranges->dropped++;
        } else if (!add_range(ranges, &range)) {
            return;
        }
    }
}

void lmm_die_ranges_add_code(struct lmm_die_ranges *code, Elf *elf, Dwarf_Addr bias)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;

    while (elf != NULL && (section = elf_nextscn(elf, section)) != NULL) {
        if (gelf_getshdr(section, &header) != NULL && (header.sh_flags & SHF_EXECINSTR) != 0 &&
            header.sh_addr != 0 && header.sh_size > 0) {
            Dwarf_Addr low = header.sh_addr + bias;
            struct lmm_die_range range = {.low = low, .high = low + header.sh_size};

            if (!add_range(code, &range)) {
                break;
            }
        }
    }
    lmm_die_ranges_sort(code);
}

void lmm_die_ranges_free(struct lmm_die_ranges *ranges)
{
    free(ranges->items);
    *ranges = (struct lmm_die_ranges) {.items = NULL};
}
