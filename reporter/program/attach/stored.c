/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/stored.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reporter/program/attach/stack_words.h"
#include "reporter/program/attach/target_map.h"
#include "reporter/program/attach/tracee.h"

enum {
    PAGE_BYTES = 4096,
    PAGE_WORDS = PAGE_BYTES / 8,
    PAGES_AT_ONCE = 512,
    CODE_AT_ONCE = 1 << 16,
    STACK_BYTES = 8 << 20, /* below a thread's stack pointer: what it has left there */
    GUARD_OFFSET = 0x30,   /* of what libc mangles pointers with, in a thread's control block */
    ROTATION = 17,
};

/* ---- Addresses ------------------------------------------------------------------------------- */

/* The lowest and the highest target, so that most words need one comparison. */
struct range {
    uint64_t from;
    uint64_t length;
};

static struct range range_of(const struct lmm_stored_targets *targets)
{
    uint64_t from = UINT64_MAX;
    uint64_t last = 0;

    for (size_t i = 0; i < targets->count; i++) {
        from = targets->addresses[i] < from ? targets->addresses[i] : from;
        last = targets->addresses[i] > last ? targets->addresses[i] : last;
    }
    return (struct range) {from, targets->count == 0 ? 0 : last - from + 1};
}

static bool is_target(const struct lmm_stored_targets *targets, const struct range *range,
                      uint64_t word)
{
    if (word - range->from >= range->length) {
        return false;
    }
    for (size_t i = 0; i < targets->count; i++) {
        if (targets->addresses[i] == word) {
            return true;
        }
    }
    return false;
}

/* ---- Data ------------------------------------------------------------------------------------ */

/* Whether the address is on a thread's stack, or was: what is there may be left from calls that have returned. What is still in use is
 * looked at by lmm_stored_look_at_stack(). */
static bool is_on_stack(const struct lmm_stored_search *search, const struct lmm_mapping *mapping,
                        uint64_t address)
{
    for (size_t i = 0; i < search->tracee->count; i++) {
        struct user_regs_struct now;

        if (!lmm_thread_get(search->tracee->threads[i].id, &now) || now.rsp < mapping->from ||
            now.rsp >= mapping->to) {
            continue;
        }
        bool is_first = strcmp(mapping->path, "[stack]") == 0;
        uint64_t end = is_first ? mapping->to : now.fs_base;
        bool has_block = end > now.rsp && end <= mapping->to;

        if (has_block && address < end && address + STACK_BYTES >= now.rsp) {
            return true;
        }
    }
    return false;
}

/* What a search compares words with. */
struct wanted {
    struct range range;
    uint64_t guard;
};

static uint64_t unmangled(uint64_t word, uint64_t guard)
{
    return (word >> ROTATION | word << (64 - ROTATION)) ^ guard;
}

/* Finds the first word of a page from `search->next` on. */
static bool find_in_page(struct lmm_stored_search *search, const struct lmm_mapping *mapping,
                         const struct wanted *wanted, const uint64_t *words, uint64_t page)
{
    for (size_t i = 0; i < (size_t) PAGE_WORDS; i++) {
        uint64_t address = page + i * sizeof(uint64_t);
        uint64_t clear = unmangled(words[i], wanted->guard);
        bool is_plain = is_target(search->targets, &wanted->range, words[i]);

        if ((is_plain || is_target(search->targets, &wanted->range, clear)) &&
            address >= search->next && !is_on_stack(search, mapping, address)) {
            search->address = address;
            search->target = is_plain ? words[i] : clear;
            search->next = address + sizeof(uint64_t);
            return true;
        }
    }
    return false;
}

/* Which of the pages from an address on have memory. */
static void find_present(int pagemap, uint64_t page, size_t count, bool *ret_present)
{
    enum { PRESENT = 62 }; /* or swapped: one of the highest two bits */
    uint64_t entries[PAGES_AT_ONCE];
    ssize_t bytes = pread(pagemap, entries, count * sizeof(entries[0]),
                          (off_t) (page / PAGE_BYTES * sizeof(entries[0])));

    for (size_t i = 0; i < count; i++) {
        ret_present[i] =
            bytes != (ssize_t) (count * sizeof(entries[0])) || entries[i] >> PRESENT != 0;
    }
}

/* Searches some pages of a mapping. A page that is gone by now, such as one after the end of a file, has nothing. */
static bool find_in_pages(struct lmm_stored_search *search, const struct lmm_mapping *mapping,
                          const struct wanted *wanted, int pagemap, uint64_t page, size_t count)
{
    static uint64_t words[PAGES_AT_ONCE][PAGE_WORDS];
    bool present[PAGES_AT_ONCE];

    find_present(pagemap, page, count, present);
    for (size_t i = 0; i < count;) {
        size_t run = 0;

        while (i + run < count && present[i + run]) {
            run++;
        }
        bool is_read = run != 0 && lmm_tracee_read(search->tracee, page + i * PAGE_BYTES, words,
                                                   run * PAGE_BYTES);

        for (size_t k = 0; k < run && is_read; k++) {
            if (find_in_page(search, mapping, wanted, words[k], page + (i + k) * PAGE_BYTES)) {
                return true;
            }
        }
        i += run == 0 ? 1 : run;
    }
    return false;
}

static bool find_in_mapping(struct lmm_stored_search *search, const struct lmm_mapping *mapping,
                            const struct wanted *wanted, int pagemap)
{
    uint64_t next = search->next > mapping->from ? search->next : mapping->from;

    for (uint64_t page = next & ~(uint64_t) (PAGE_BYTES - 1); page < mapping->to;
         page += (uint64_t) PAGES_AT_ONCE * PAGE_BYTES) {
        uint64_t left = (mapping->to - page) / PAGE_BYTES;
        size_t count = left < (uint64_t) PAGES_AT_ONCE ? (size_t) left : (size_t) PAGES_AT_ONCE;

        if (find_in_pages(search, mapping, wanted, pagemap, page, count)) {
            return true;
        }
    }
    return false;
}

/* Whether a mapping may have the program's data; a device's memory has none, and to read it may have effects. */
static bool is_searched(const struct lmm_stored_search *search, const struct lmm_mapping *mapping)
{
    bool is_own = search->own != NULL && *mapping->path != '\0' &&
                  strcmp(mapping->path, search->own->path) == 0;
    bool is_device = strncmp(mapping->path, "/dev/", 5) == 0 &&
                     strncmp(mapping->path, "/dev/shm/", 9) != 0 &&
                     strncmp(mapping->path, "/dev/zero", 9) != 0;

    return mapping->is_written && !is_own && !is_device && mapping->to > search->next;
}

bool lmm_stored_find(struct lmm_stored_search *search)
{
    struct wanted wanted = {.range = range_of(search->targets)};
    struct user_regs_struct first;
    char path[64];
    bool has_found = false;

    snprintf(path, sizeof(path), "/proc/%d/pagemap", (int) search->tracee->pid);
    search->has_failed = search->tracee->count == 0 ||
                         !lmm_thread_get(search->tracee->threads[0].id, &first) ||
                         !lmm_tracee_read(search->tracee, first.fs_base + GUARD_OFFSET,
                                          &wanted.guard, sizeof(wanted.guard));
    int pagemap = open(path, O_RDONLY | O_CLOEXEC);

    for (size_t i = 0; i < search->map->count && !has_found && !search->has_failed; i++) {
        const struct lmm_mapping *mapping = &search->map->mappings[i];

        has_found =
            is_searched(search, mapping) && find_in_mapping(search, mapping, &wanted, pagemap);
    }
    if (pagemap >= 0) {
        close(pagemap);
    }
    return has_found;
}

/* ---- Code ------------------------------------------------------------------------------------ */

/* What a jump with a distance of one byte leads to, if there is one. */
static uint64_t near_target(const unsigned char *code, uint64_t address)
{
    bool is_jump = code[0] == 0xeb || (code[0] >= 0x70 && code[0] <= 0x7f) ||
                   (code[0] >= 0xe0 && code[0] <= 0xe3);

    return is_jump ? address + 2 + (uint64_t) (int64_t) (int8_t) code[1] : 0;
}

/* An instruction's distance counts from its end, which is that of the distance in all calls, jumps, and lea. */
static bool find_in_bytes(const unsigned char *code, size_t count, uint64_t address,
                          const struct lmm_stored_targets *targets, uint64_t *ret_place,
                          uint64_t *ret_target)
{
    struct range range = range_of(targets);

    for (size_t i = 0; i + sizeof(uint64_t) <= count; i++) {
        uint64_t word;
        int32_t far;

        memcpy(&word, code + i, sizeof(word));
        memcpy(&far, code + i, sizeof(far));
        const uint64_t leads[] = {address + i + sizeof(far) + (uint64_t) (int64_t) far, word,
                                  near_target(code + i, address + i)};

        for (size_t k = 0; k < sizeof(leads) / sizeof(leads[0]); k++) {
            if (is_target(targets, &range, leads[k])) {
                *ret_place = address + i;
                *ret_target = leads[k];
                return true;
            }
        }
    }
    return false;
}

bool lmm_stored_find_in_code(const struct lmm_tracee *tracee, uint64_t from, uint64_t to,
                             const struct lmm_stored_targets *targets, uint64_t *ret_place,
                             uint64_t *ret_target)
{
    static unsigned char code[CODE_AT_ONCE + sizeof(uint64_t)];

    for (; from < to; from += CODE_AT_ONCE) {
        size_t count = to - from < sizeof(code) ? (size_t) (to - from) : sizeof(code);

        memset(code, 0, sizeof(code));
        if (lmm_tracee_read(tracee, from, code, count) &&
            find_in_bytes(code, sizeof(code), from, targets, ret_place, ret_target)) {
            return true;
        }
    }
    return false;
}

/* ---- Stacks ---------------------------------------------------------------------------------- */

/* What words are compared with, and what was found. */
struct look {
    const struct lmm_stored_targets *targets;
    struct range range;
    uint64_t from;
    uint64_t to;
    struct lmm_stack_facts *facts;
};

static void look_at_words(const uint64_t *words, size_t count, void *arg)
{
    struct look *look = arg;

    for (size_t i = 0; i < count; i++) {
        look->facts->has_target =
            look->facts->has_target || is_target(look->targets, &look->range, words[i]);
        look->facts->has_range =
            look->facts->has_range || (words[i] >= look->from && words[i] < look->to);
    }
}

bool lmm_stored_look_at_stack(const struct lmm_tracee *tracee, const struct lmm_target_map *map,
                              pid_t thread, const struct lmm_stored_targets *targets, uint64_t from,
                              uint64_t to, struct lmm_stack_facts *ret_facts)
{
    struct user_regs_struct now;

    *ret_facts = (struct lmm_stack_facts) {.has_target = false};
    struct look look = {targets, range_of(targets), from, to, ret_facts};

    if (!lmm_thread_get(thread, &now)) {
        return false;
    }
    const uint64_t registers[] = {now.rax, now.rbx, now.rcx, now.rdx, now.rsi, now.rdi,
                                  now.rbp, now.r8,  now.r9,  now.r10, now.r11, now.r12,
                                  now.r13, now.r14, now.r15, now.rip};

    look_at_words(registers, sizeof(registers) / sizeof(registers[0]), &look);
    return lmm_stack_words_visit(tracee, map, now.rsp, look_at_words, &look);
}
