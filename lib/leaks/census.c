/* SPDX-License-Identifier: MIT */
#include "lib/leaks/census.h"

#include "lib/ground/vm.h"
#include "lib/heaps/page_visit.h"
#include "lib/leaks/turn.h"
#include "lib/pages/family.h"
#include "lib/pages/run.h"

#include <errno.h>
#include <string.h>

enum { PART_BYTES = 4 << 20 }; /* of a long block, counted under one hold of its lock */

_Static_assert((int) PART_BYTES > (int) LMM_RUN_BYTES_MAX, "only spans are counted in parts");

/* ---- The question ---------------------------------------------------------------------------- */

bool lmm_census_add_site(struct lmm_census *census, uint64_t site)
{
    if (site >= LMM_SITE_NONE) {
        return false;
    }
    census->sites[site / 64] |= UINT64_C(1) << site % 64;
    return true;
}

static bool has_site(const struct lmm_census *census, uint32_t site)
{
    return site < LMM_SITE_NONE && (census->sites[site / 64] >> site % 64 & 1) != 0;
}

/* Whether a field lies in the element, and can be read (I2). */
static bool is_placed(const struct lmm_census *census, const struct lmm_census_field *field)
{
    uint64_t all = (uint64_t) census->element_bytes * 8;

    if (field->bits == 0 || field->bits > all || field->bit > all - field->bits) {
        return false;
    }
    if (field->element_bits != 0) {
        return field->bit % 8 == 0 && field->bits % field->element_bits == 0;
    }
    return field->kind == LMM_CENSUS_BYTES ? (field->bit | field->bits) % 8 == 0
                                           : field->bit % 8 + field->bits <= 64;
}

/* Reads the kind of a question. */
static bool set_kind(struct lmm_census_field *field, uint64_t kind)
{
    if (kind >= LMM_CENSUS_ARRAY && kind < LMM_CENSUS_ARRAY_END) {
        field->kind = kind % 2 == 0 ? LMM_CENSUS_UNSIGNED : LMM_CENSUS_SIGNED;
        field->element_bits = UINT32_C(8) << (kind - LMM_CENSUS_ARRAY) / 2;
        return true;
    }
    field->kind = kind < LMM_CENSUS_KINDS ? (enum lmm_census_kind) kind : LMM_CENSUS_UNSIGNED;
    return kind < LMM_CENSUS_KINDS;
}

bool lmm_census_add_field(struct lmm_census *census, uint64_t bit, uint64_t bits, uint64_t kind)
{
    struct lmm_census_field field = {.bit = (uint32_t) bit, .bits = (uint32_t) bits};

    if (census->field_count == LMM_CENSUS_FIELDS_MAX ||
        census->element_bytes > LMM_CENSUS_ELEMENT_MAX || bit > UINT32_MAX || bits > UINT32_MAX ||
        !set_kind(&field, kind) || !is_placed(census, &field)) {
        return false;
    }
    census->fields[census->field_count++] = field;
    return true;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* The eight bytes at an address; it need not be aligned. */
static uint64_t word_at(const char *at)
{
    uint64_t word;

    memcpy(&word, at,
           sizeof(word)); /* no call, which a sanitizer would watch: a block may be poisoned yet */
    return word;
}

/* The number of so many bits from a bit on; its first byte is the lowest: LMM's machines are little-endian, as its
 * ledgers are. */
static uint64_t number_at(const char *element, uint32_t bit, uint32_t bits, bool is_signed)
{
    const volatile char *at = element + bit / 8;
    unsigned shift = bit % 8;
    unsigned bytes = (shift + bits + 7) / 8;
    uint64_t word = 0;

    if (bytes == sizeof(word)) {
        word = word_at(element + bit / 8);
    } else {
        for (unsigned i = 0; i < bytes; i++) {
            word |= (uint64_t) (unsigned char) at[i] << 8 * i;
        }
    }
    word = word << (64 - bits - shift) >> (64 - bits - shift);
    if (is_signed) {
        return (uint64_t) ((int64_t) (word << (64 - bits - shift)) >> (64 - bits));
    }
    return word >> shift;
}

/* The number of bytes up to the last one that is not zero. */
static uint64_t used_bytes(const char *element, const struct lmm_census_field *field)
{
    const char *at = element + field->bit / 8;
    size_t used = field->bits / 8;

    while (used >= sizeof(uint64_t) && word_at(at + used - sizeof(uint64_t)) == 0) {
        used -= sizeof(uint64_t);
    }
    while (used > 0 && at[used - 1] == 0) {
        used--;
    }
    return used;
}

static bool are_equal(const char *a, const char *b, size_t bytes)
{
    for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t)) {
        if (word_at(a + bytes - sizeof(uint64_t)) != word_at(b + bytes - sizeof(uint64_t))) {
            return false;
        }
    }
    while (bytes > 0 && a[bytes - 1] == b[bytes - 1]) {
        bytes--;
    }
    return bytes == 0;
}

/* Whether a field is as in the first element. */
static bool is_same(const struct lmm_census *census, const struct lmm_census_field *field,
                    const char *element, uint64_t value)
{
    size_t at = field->bit / 8;
    size_t bytes = field->element_bits != 0 ? field->bits / 8 : value;

    return value == field->first &&
           ((field->kind != LMM_CENSUS_BYTES && field->element_bits == 0) ||
            are_equal(element + at, census->first_element + at, bytes));
}

static void widen(struct lmm_census_field *field, uint64_t value, bool is_first)
{
    /* Of signed numbers the order is that of unsigned ones with the other sign bit. */
    uint64_t flip = field->kind == LMM_CENSUS_SIGNED ? UINT64_C(1) << 63 : 0;

    if (is_first || (value ^ flip) < (field->least ^ flip)) {
        field->least = value;
    }
    if (is_first || (value ^ flip) > (field->most ^ flip)) {
        field->most = value;
    }
}

static void count_value(const struct lmm_census *census, struct lmm_census_field *field,
                        const char *element)
{
    bool is_first = census->elements == 0;
    bool is_signed = field->kind == LMM_CENSUS_SIGNED;
    uint32_t bits = field->element_bits != 0 ? field->element_bits : field->bits;
    uint64_t value = field->kind == LMM_CENSUS_BYTES
                         ? used_bytes(element, field)
                         : number_at(element, field->bit, bits, is_signed);

    if (is_first) {
        field->first = value;
    }
    field->zeros += field->element_bits != 0 ? used_bytes(element, field) == 0 : value == 0;
    field->sames += is_first || is_same(census, field, element, value);
    widen(field, value, is_first);
    for (uint32_t at = bits; field->element_bits != 0 && at < field->bits; at += bits) {
        widen(field, number_at(element, field->bit + at, bits, is_signed), false);
    }
}

static void copy_first(struct lmm_census *census, const char *element)
{
    const volatile char *from = element;

    for (uint32_t i = 0; i < census->element_bytes; i++) {
        census->first_element[i] = from[i];
    }
}

static void count_element(struct lmm_census *census, const char *element)
{
    if (census->elements == 0) {
        copy_first(census, element);
    }
    for (uint32_t i = 0; i < census->field_count; i++) {
        count_value(census, &census->fields[i], element);
    }
    census->elements++;
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* How far a block was found readable, and how far not. */
struct reach {
    uintptr_t good_to;
    uintptr_t bad_to;
};

/* Whether the bytes [from, to) of a block with whole system pages can be read; from ascends. */
static bool can_read(struct reach *reach, uintptr_t from, uintptr_t to)
{
    uintptr_t at = from & ~(uintptr_t) (LMM_SYSTEM_PAGE_BYTES - 1);

    for (at = at > reach->good_to ? at : reach->good_to; at < to; at += LMM_SYSTEM_PAGE_BYTES) {
        if (at < reach->bad_to || !lmm_vm_is_readable(at)) {
            reach->bad_to = at + LMM_SYSTEM_PAGE_BYTES;
            return false;
        }
        reach->good_to = at + LMM_SYSTEM_PAGE_BYTES;
    }
    return true;
}

/* A stretch of equal elements in a block. */
struct stretch {
    const char *start;
    const char *end; /* of the block */
    size_t distance; /* bytes from one element to the next */
    uint64_t count;
};

/* Counts the elements [first, stop) of a stretch. Returns how many of them could be read. */
static uint64_t count_elements(struct lmm_census *census, const struct stretch *stretch,
                               uint64_t first, uint64_t stop)
{
    uintptr_t page = lmm_round_up((uintptr_t) stretch->start, LMM_SYSTEM_PAGE_BYTES);
    bool has_whole_pages = page + LMM_SYSTEM_PAGE_BYTES <= (uintptr_t) stretch->end;
    uint64_t before = census->elements;
    struct reach reach = {0};

    if (has_whole_pages && !census->can_probe) {
        return 0;
    }
    for (uint64_t i = first; i < stop; i++) {
        const char *element = stretch->start + i * stretch->distance;

        if (!has_whole_pages ||
            can_read(&reach, (uintptr_t) element, (uintptr_t) element + census->element_bytes)) {
            count_element(census, element);
        }
    }
    return census->elements - before;
}

/* Whether an array of C++ has the number of its elements before them. */
static bool has_cookie(const struct lmm_census *census, const char *start, uint64_t bytes)
{
    struct reach reach = {0};

    if (census->element_bytes <= sizeof(uint64_t) ||
        bytes % census->element_bytes != sizeof(uint64_t) ||
        (bytes >= LMM_SYSTEM_PAGE_BYTES &&
         (!census->can_probe ||
          !can_read(&reach, (uintptr_t) start, (uintptr_t) start + sizeof(uint64_t))))) {
        return false;
    }
    return word_at(start) == bytes / census->element_bytes;
}

/* Returns the elements of a block; perhaps none. */
static struct stretch stretch_of(const struct lmm_census *census, const struct lmm_page *page,
                                 const struct lmm_extent *extent)
{
    const struct lmm_family *family = lmm_families_at(page->family);
    uint64_t bytes = lmm_family_bytes(family, extent->tag, extent->used);
    size_t room = extent->used * page->stride;
    struct stretch stretch = {.start = lmm_page_slot(page, extent->slot),
                              .distance = census->element_bytes};

    stretch.end = stretch.start + room;
    if (!family->counts_bytes) {
        stretch.distance = family->stride;
        stretch.count = census->element_bytes == family->size ? extent->used : 0;
    } else if (family->is_flexible) { /* a block need not have the padding at the end of sizeof */
        stretch.count = census->element_bytes <= room;
    } else if (bytes < census->element_bytes || !census->has_arrays) {
        stretch.count = bytes >= census->element_bytes;
    } else if (has_cookie(census, stretch.start, bytes)) {
        stretch.start += sizeof(uint64_t);
        stretch.count = bytes / census->element_bytes;
    } else if (bytes % census->element_bytes == 0) {
        stretch.count = bytes / census->element_bytes;
    }
    return stretch;
}

/* Counts a block, or goes on with one. False: it is long, and there is more to count. */
static bool count_block(struct lmm_census *census, const struct lmm_page *page,
                        const struct lmm_extent *extent)
{
    struct lmm_census_part *part = &census->part;
    const char *block = lmm_page_slot(page, extent->slot);
    struct stretch stretch = stretch_of(census, page, extent);
    uint64_t most = PART_BYTES / stretch.distance + 1;
    uint64_t stop = stretch.count;

    if (part->block != block) {
        *part = (struct lmm_census_part) {.block = block};
        census->blocks++;
    }
    if (stop > part->next && stop - part->next > most) {
        stop = part->next + most;
    }
    part->read += count_elements(census, &stretch, part->next, stop);
    part->next = stop;
    if (stop < stretch.count) {
        return false;
    }
    census->skipped += stretch.count == 0 || part->read != stretch.count;
    part->block = NULL;
    return true;
}

/* Returns 1 when a part of a long block was counted, and there is more. */
static int count_page(const struct lmm_page *page, void *arg)
{
    struct lmm_census *census = arg;
    const struct lmm_runs *runs = &lmm_families_at(page->family)->runs;
    size_t end = lmm_run_extents_end(page);

    for (size_t slot = 0; slot < end;) {
        struct lmm_extent extent = lmm_run_extent_locked(runs, page, slot);

        if (lmm_tag_state(extent.tag) == LMM_TAG_LIVE &&
            has_site(census, lmm_tag_site(extent.tag)) && !count_block(census, page, &extent)) {
            return 1;
        }
        slot += extent.length;
    }
    return 0;
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* Visits all pages. */
static int walk(void *arg)
{
    struct lmm_census *census = arg;
    struct lmm_page_visitor visitor = {.visit = count_page, .arg = census};
    uint64_t word = 0;

    census->can_probe = lmm_vm_is_readable((uintptr_t) &word);
    while (lmm_pages_visit(&visitor) != 0) { /* without the lock for a moment */
        visitor.from = (uintptr_t) census->part.block;
    }
    LMM_CHECK(lmm_census_is_valid(census));
    return 0;
}

int lmm_census_run(struct lmm_census *census)
{
    if (census->element_bytes == 0 || census->element_bytes > LMM_CENSUS_ELEMENT_MAX) {
        return -EINVAL;
    }
    return lmm_turn_walk(walk, census);
}

/* ---- Invariants ------------------------------------------------------------------------------ */

bool lmm_census_is_valid(const struct lmm_census *census)
{
    for (uint32_t i = 0; i < census->field_count; i++) {
        const struct lmm_census_field *field = &census->fields[i];

        if (!is_placed(census, field) || field->zeros > census->elements ||
            field->sames > census->elements || (field->sames == 0) != (census->elements == 0)) {
            return false;
        }
    }
    return true;
}
