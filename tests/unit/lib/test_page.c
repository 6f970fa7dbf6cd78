/* SPDX-License-Identifier: MIT */
/* page: tags, exact division, look-up of any address, threading, trimming. */
#include "tests/support/seam.h"

#include "lib/ground/meta.h"
#include "lib/pages/memory.h"
#include "lib/pages/slots.h"
#include "lib/ground/reservoir.h"
#include "lib/ground/vm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/fails_with.h"

Test(page, tags)
{
    static const uint32_t values[] = {0, 1, 12345, LMM_TAG_END};

    for (uint32_t state = LMM_TAG_FREE; state <= LMM_TAG_HOLE; state++) {
        for (size_t i = 0; i < 4; i++) {
            uint32_t tag = lmm_tag_make(state, values[i]);
            cr_expect(lmm_tag_state(tag) == state && lmm_tag_value(tag) == values[i]);
        }
    }
    cr_expect(lmm_tag_make(LMM_TAG_FREE, LMM_TAG_END) == LMM_TAG_END,
              "a FREE tag is the next slot");
    cr_expect(lmm_tag_make(LMM_TAG_LIVE, 7) == LMM_TAG_LIVE_BASE + 7);
}

/* Every stride, with offsets at and around the start of every slot. */
Test(page, division_is_exact)
{
    for (uint64_t stride = 1; stride <= LMM_SLOT_STRIDE_MAX; stride += stride < 600 ? 1 : 37) {
        uint64_t multiplier = lmm_page_multiplier(stride);
        for (uint64_t slot = 0; slot * stride < LMM_UNIT_BYTES; slot++) {
            for (uint64_t inside = 0; inside < stride; inside += inside < 2 ? 1
                                                                 : stride - inside > 1
                                                                     ? stride - inside - 1
                                                                     : 1) {
                uint64_t offset = slot * stride + inside;
                if (offset >= LMM_UNIT_BYTES) {
                    break;
                }
                uint64_t product = offset * multiplier;
                cr_assert(product >> 32 == slot &&
                              ((uint32_t) product < multiplier) == (inside == 0),
                          "stride %d offset %d", (int) stride, (int) offset);
            }
        }
    }
}

/* What a page notes of the blocks that its owner frees: the last one's site, and whether there were
 * several. */
Test(page, notes_sites)
{
    enum { NONE = LMM_SITE_NONE, MANY = LMM_PAGE_SITES };
    static const struct {
        uint32_t before;
        uint32_t site;
        uint32_t after;
    } cases[] = {
        {NONE, 0, 0},
        {NONE, 7, 7},
        {7, 7, 7},
        {7, 0, 0 | MANY},
        {0 | MANY, 0, 0 | MANY},
        {0 | MANY, 7, 7 | MANY},
        {7 | MANY, 7, 7 | MANY},
    };
    struct lmm_page page;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        page.head_site = cases[i].before;
        lmm_page_note_site(&page, cases[i].site);
        cr_expect(page.head_site == cases[i].after, "case %zu: %x", i, page.head_site);
    }
}

Test(page, any_address_can_be_asked_for)
{
    static int here;
    const uintptr_t addresses[] = {0,
                                   1,
                                   4096,
                                   (uintptr_t) &here,
                                   (uintptr_t) &addresses,
                                   0x800000000000,
                                   0x7fffffffffff,
                                   UINTPTR_MAX,
                                   0xffff800000000000};

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        const struct lmm_page *page = lmm_page_of(addresses[i]);
        cr_expect(page == NULL || page->kind == LMM_PAGE_NONE, "%zx", (size_t) addresses[i]);
    }
}

static struct lmm_page *create(uint32_t stride)
{
    bool fresh;
    char *base = lmm_reservoir_take(1, &fresh);
    struct lmm_page *page = lmm_slots_create(base, 3, stride, fresh);

    cr_assert(page != NULL);
    cr_expect(lmm_page_base(page) == base && page->family == 3 && page->stride == stride);
    return page;
}

/* What a bin does: takes slots that were threaded out of the page's free slots. */
static uint32_t take(struct lmm_page *page, uint32_t *ret_count)
{
    uint32_t head = lmm_slots_thread(page, ret_count);

    page->countdown += *ret_count;
    return head;
}

static void push(struct lmm_page *page, uint32_t slot)
{
    page->tags[slot] = page->head;
    page->head = slot;
    page->countdown--;
}

static const uint32_t strides[] = {1, 3, 16, 36, 100, 4095, 4096, 5000, 8192};

/* All slots are threaded in address order, each of them once. */
Test(page, threads_every_slot_once)
{
    for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
        struct lmm_page *page = create(strides[i]);
        uint32_t slots = LMM_UNIT_BYTES / strides[i];
        uint32_t next = 0;
        cr_expect(lmm_slots_free_count(page) == slots && lmm_memory_committed_bytes(page) == 0);
        while (lmm_slots_free_count(page) != 0) {
            uint32_t count;
            uint32_t slot = take(page, &count);
            cr_assert(count >= 1 && lmm_slots_are_valid(page, slot));
            cr_assert(lmm_memory_committed_bytes(page) >= (size_t) (next + count) * strides[i]);
            for (; slot != LMM_TAG_END; count--) {
                cr_assert(slot == next++ && lmm_memory_holds_slot(page, slot));
                uint32_t following = page->tags[slot];
                page->tags[slot] = LMM_TAG_LIVE_BASE;
                slot = following;
            }
            cr_assert(count == 0);
        }
        cr_expect(next == slots);
        cr_expect(lmm_page_of((uintptr_t) lmm_page_slot(page, slots - 1)) == page);
    }
}

/* The memory of fresh slots is asked for in one call, where it is more than a page and absent; no call asks for
 * memory that is counted already, and none beyond what is counted. */
Test(page, memory_of_fresh_slots_is_asked_for_at_once)
{
    seam_install();
    for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
        struct lmm_page *page = create(strides[i]);
        while (lmm_slots_free_count(page) != 0) {
            size_t committed = lmm_memory_committed_bytes(page);
            uint64_t calls = seam_calls(SEAM_POPULATE);
            uint64_t bytes = seam_bytes(SEAM_POPULATE);
            uint32_t count;
            take(page, &count);
            size_t added = lmm_memory_committed_bytes(page) - committed;
            bool is_more = added > lmm_vm_page_bytes();
            cr_expect(seam_calls(SEAM_POPULATE) == calls + is_more, "%zu: %zu bytes", i, added);
            cr_expect(seam_bytes(SEAM_POPULATE) == bytes + (is_more ? added : 0), "%zu", i);
        }
    }
}

/* On a kernel that does not know the call, pages come as they are touched. */
Test(page, fresh_slots_without_populate)
{
    uint32_t count;

    seam_install();
    seam_fail_all(SEAM_POPULATE);
    struct lmm_page *page = create(LMM_SLOT_STRIDE_MAX);
    uint32_t slot = take(page, &count);
    cr_expect(seam_calls(SEAM_POPULATE) == 1 && seam_bytes(SEAM_POPULATE) == 0);
    cr_assert(count != 0 && lmm_memory_holds_slot(page, slot));
    memset(lmm_page_slot(page, slot), 1, LMM_SLOT_STRIDE_MAX);
}

/* Makes the slots of a list live; returns their number. */
static uint32_t make_live(struct lmm_page *page, uint32_t head)
{
    uint32_t count = 0;

    for (; head != LMM_TAG_END; count++) {
        uint32_t slot = head;
        head = page->tags[slot];
        page->tags[slot] = LMM_TAG_LIVE_BASE;
    }
    return count;
}

static uint32_t live_slots(const struct lmm_page *page)
{
    uint32_t live = 0;

    for (uint32_t slot = 0; slot < page->fresh; slot++) {
        live += lmm_tag_state(page->tags[slot]) == LMM_TAG_LIVE;
    }
    return live;
}

/* Makes every slot live and fills its memory, then frees the slots for which `free` is true. */
static struct lmm_page *fill(uint32_t stride, bool (*is_freed)(uint32_t slot))
{
    struct lmm_page *page = create(stride);
    uint32_t count;

    while (lmm_slots_free_count(page) != 0) {
        make_live(page, take(page, &count));
    }
    for (uint32_t slot = 0; slot < page->slots; slot++) {
        memset(lmm_page_slot(page, slot), (int) slot | 1, stride);
    }
    for (uint32_t slot = 0; slot < page->slots; slot++) {
        if (is_freed(slot)) {
            push(page, slot);
        }
    }
    cr_assert(lmm_slots_are_valid(page, LMM_TAG_END));
    return page;
}

/* Which slots of a page are freed. */
#define PATTERN(name, condition)                                                                   \
    static bool name(uint32_t slot)                                                                \
    {                                                                                              \
        return condition;                                                                          \
    }

PATTERN(all, slot != UINT32_MAX)
PATTERN(none, slot == UINT32_MAX)
PATTERN(second_half, slot > 40)
PATTERN(first_half, slot < 3000)
PATTERN(in_stretches, slot / 300 % 2 == 0)
PATTERN(every_other, slot % 2 == 0)

static void check_live_content(const struct lmm_page *page)
{
    for (uint32_t slot = 0; slot < page->fresh; slot++) {
        const unsigned char *byte = (unsigned char *) lmm_page_slot(page, slot);
        if (lmm_tag_state(page->tags[slot]) == LMM_TAG_LIVE) {
            cr_assert(byte[0] == (unsigned char) (slot | 1) &&
                      byte[page->stride - 1] == (unsigned char) (slot | 1));
        }
    }
}

/* The bytes of the system pages without a live slot, computed from each live slot in turn. */
static size_t spare_bytes(const struct lmm_page *page)
{
    uint8_t used[LMM_UNIT_SYSTEM_PAGES] = {0};
    size_t bytes = LMM_UNIT_BYTES;

    for (uint32_t slot = 0; slot < page->slots; slot++) {
        if (lmm_tag_state(page->tags[slot]) == LMM_TAG_LIVE) {
            for (size_t at = 0; at < page->stride; at++) {
                used[(slot * page->stride + at) / LMM_SYSTEM_PAGE_BYTES] = 1;
            }
        }
    }
    for (size_t i = 0; i < LMM_UNIT_SYSTEM_PAGES; i++) {
        bytes -= used[i] * (size_t) LMM_SYSTEM_PAGE_BYTES;
    }
    return bytes;
}

static bool (*const patterns[])(uint32_t) = {all,        none,         second_half,
                                             first_half, in_stretches, every_other};

Test(page, trim_gives_back_exactly_what_is_spare)
{
    seam_install();
    for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
        for (size_t j = 0; j < sizeof(patterns) / sizeof(patterns[0]); j++) {
            struct lmm_page *page = fill(strides[i], patterns[j]);
            uint32_t live = live_slots(page);
            size_t committed = lmm_memory_committed_bytes(page);
            size_t absent = LMM_UNIT_BYTES - committed;
            uint64_t before = seam_bytes(SEAM_DISCARD);
            size_t bytes = lmm_slots_trim(page);
            cr_assert(bytes == spare_bytes(page) - absent, "stride %u pattern %zu: %zu", strides[i],
                      j, bytes);
            cr_assert(seam_bytes(SEAM_DISCARD) - before == bytes);
            cr_assert(lmm_memory_committed_bytes(page) == committed - bytes);
            cr_assert(lmm_slots_are_valid(page, LMM_TAG_END) && live_slots(page) == live);
            cr_assert(lmm_slots_free_count(page) == page->slots - live);
            cr_assert(lmm_slots_trim(page) == 0, "a second trim finds nothing");
            check_live_content(page);
        }
    }
}

/* After a trim all free slots can be taken again. */
Test(page, threads_trimmed_slots_again)
{
    for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
        for (size_t j = 0; j < sizeof(patterns) / sizeof(patterns[0]); j++) {
            struct lmm_page *page = fill(strides[i], patterns[j]);
            uint32_t free_slots = lmm_slots_free_count(page);
            uint32_t taken = lmm_slots_listed(page);
            lmm_slots_trim(page);
            taken = 0;
            for (uint32_t slot = page->head; slot != LMM_TAG_END; slot = page->tags[slot]) {
                taken++;
            }
            cr_assert(taken == lmm_slots_listed(page));
            while (taken < free_slots) {
                uint32_t count;
                uint32_t head = take(page, &count);
                cr_assert(lmm_slots_are_valid(page, head));
                taken += make_live(page, head);
            }
            cr_assert(taken == free_slots, "stride %u pattern %zu", strides[i], j);
        }
    }
}

Test(page, trim_when_the_kernel_will_not)
{
    struct lmm_page *page = fill(100, in_stretches);
    uint32_t listed = lmm_slots_listed(page);

    seam_install();
    seam_fail_all(SEAM_DISCARD);
    cr_expect(lmm_slots_trim(page) == 0);
    cr_expect(lmm_slots_are_valid(page, LMM_TAG_END) && lmm_slots_listed(page) == listed);
    seam_heal();
    cr_expect(lmm_slots_trim(page) != 0);
}

/* A page whose lists are wrong is rebuilt from the states of its tags. */
Test(page, rebuild_believes_the_states_alone)
{
    for (size_t j = 0; j < sizeof(patterns) / sizeof(patterns[0]); j++) {
        struct lmm_page *page = fill(64, patterns[j]);
        uint32_t live = live_slots(page);
        for (uint32_t slot = 0; slot < page->slots; slot++) {
            if (lmm_tag_state(page->tags[slot]) == LMM_TAG_FREE) {
                page->tags[slot] = slot * 7919 % page->slots;
            }
        }
        page->head = 1;
        cr_assert(lmm_slots_rebuild(page) == page->slots - live);
        page->target = page->slots;
        page->countdown = live;
        cr_assert(lmm_slots_are_valid(page, LMM_TAG_END) && live_slots(page) == live);
        cr_assert(lmm_slots_listed(page) == page->slots - live);
    }
}

Test(page, destroyed_page_is_remembered)
{
    struct lmm_page *page = fill(64, all);
    char *base = lmm_page_base(page);

    page->countdown = 0;
    page->target = page->slots;
    lmm_slots_destroy(page);
    cr_expect(lmm_page_of((uintptr_t) base) == page && page->kind == LMM_PAGE_NONE);
    cr_expect(page->gone && page->family == 3 && page->multiplier == 0);
    cr_expect(lmm_slots_create(base, 4, 32, false) == page && !page->gone);
    cr_expect(lmm_memory_committed_bytes(page) == LMM_UNIT_BYTES, "still committed");
}

static struct lmm_page *seen;

/* Checks that *field, wrong, makes the page `seen` invalid, whether that looks like a double free, and restores it. */
#define EXPECT_SEEN(field, wrong, twice, ...)                                                      \
    do {                                                                                           \
        __typeof__(field) saved = (field);                                                         \
        (field) = (wrong);                                                                         \
        cr_expect(!lmm_slots_are_valid(seen, LMM_TAG_END), __VA_ARGS__);                           \
        cr_expect(lmm_slots_were_freed_twice(seen, LMM_TAG_END) == (twice), __VA_ARGS__);          \
        (field) = saved;                                                                           \
        cr_assert(lmm_slots_are_valid(seen, LMM_TAG_END));                                         \
    } while (0)

Test(page, validity_sees_what_is_wrong)
{
    seen = fill(64, every_other);
    uint32_t *tag = &seen->tags[seen->head];

    EXPECT_SEEN(*tag, LMM_TAG_END, false, "a list cut short");
    EXPECT_SEEN(*tag, seen->head, true, "a list in a circle");
    EXPECT_SEEN(*tag, LMM_TAG_LIVE_BASE, true, "a live slot on the list");
    EXPECT_SEEN(*tag, LMM_TAG_UNLISTED, false, "an unlisted slot on the list");
    EXPECT_SEEN(*tag, lmm_tag_make(LMM_TAG_HOLE, 1), true, "a run's tag");
    cr_expect(!lmm_slots_are_valid(seen, *tag), "a slot on the private list and the page's");
    cr_expect(lmm_slots_were_freed_twice(seen, *tag));
    EXPECT_SEEN(seen->foreign, (uint64_t) 1 << 32 | *tag, true,
                "a slot on the foreign list and the page's");
    EXPECT_SEEN(seen->foreign, (uint64_t) 1 << 32 | LMM_TAG_END, false,
                "a foreign list shorter than its count");
    EXPECT_SEEN(seen->fresh, seen->fresh - 1, false, "a live slot that was never handed out");
    EXPECT_SEEN(lmm_page_facts(seen)->unlisted, 1, false, "an unlisted slot that is not there");
    EXPECT_SEEN(lmm_page_facts(seen)->absent, lmm_page_facts(seen)->absent | 1, false,
                "a live slot on an absent system page");
}

static int count_page(struct lmm_page *page, void *arg)
{
    struct lmm_page **last = arg;

    cr_assert(*last == NULL || lmm_page_base(page) > lmm_page_base(*last), "in order of address");
    *last = page;
    return 0;
}

static int stop_at_once(struct lmm_page *page, void *arg)
{
    *(struct lmm_page **) arg = page;
    return 7;
}

Test(page, for_each)
{
    struct lmm_page *last = NULL;
    struct lmm_page *lowest = NULL;

    cr_expect(lmm_page_for_each(count_page, &last) == 0 && last == NULL);
    for (int i = 0; i < 40; i++) {
        struct lmm_page *page = create(64);
        lowest = lowest == NULL || lmm_page_base(page) < lmm_page_base(lowest) ? page : lowest;
    }
    cr_expect(lmm_page_for_each(count_page, &last) == 0 && last != NULL);
    cr_expect(lmm_page_for_each(stop_at_once, &last) == 7 && last == lowest);
}

static size_t limit_bytes;

static size_t limited_bytes(void)
{
    return limit_bytes;
}

static bool charged(void)
{
    return true;
}

/* Creates pages, and finds each of them again. */
static void check_pages(size_t count)
{
    static char *base[1200];
    struct lmm_page *last = NULL;

    for (size_t i = 0; i < count; i++) {
        base[i] = lmm_page_base(create(64));
    }
    for (size_t i = 0; i < count; i++) {
        struct lmm_page *page = lmm_page_of((uintptr_t) base[i] + LMM_UNIT_BYTES - 1);
        cr_assert(page != NULL && lmm_page_base(page) == base[i]);
        cr_assert(lmm_page_facts(page)->units == 1);
        cr_assert(lmm_page_near((uintptr_t) base[i]) == NULL ||
                  lmm_page_near((uintptr_t) base[i]) == page);
    }
    cr_expect(lmm_page_for_each(count_page, &last) == 0 && last != NULL);
}

/* The bytes of the window's table by the limit of address space. */
Test(page, window_is_as_large_as_the_limit_allows)
{
    static const struct {
        size_t limit;
        bool is_charged;
        size_t units;
    } cases[] = {
        {SIZE_MAX, false, LMM_WINDOW_UNITS},
        {SIZE_MAX, true, 1 << 14},
        {(size_t) 1 << 40, false, LMM_WINDOW_UNITS},
        {(size_t) 64 * LMM_UNIT_BYTES, false, LMM_WINDOW_ABOVE + 128},
        {(size_t) 64 * LMM_UNIT_BYTES, true, LMM_WINDOW_ABOVE + 128},
        {0, false, LMM_WINDOW_ABOVE + 64},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pid_t child = fork();
        if (child == 0) {
            limit_bytes = cases[i].limit;
            lmm_vm.limit_bytes = limited_bytes;
            if (cases[i].is_charged) {
                lmm_vm.is_charged = charged;
            }
            check_pages(300);
            _exit(lmm_page_near_window.window.units == cases[i].units ? 0 : 1);
        }
        int status;
        cr_assert(waitpid(child, &status, 0) == child);
        cr_expect(status == 0, "case %zu", i);
    }
}

/* A small window, and pages on both sides of its lower end. */
Test(page, window_and_tree)
{
    lmm_vm.limit_bytes = limited_bytes;
    check_pages(1200);
    cr_expect(lmm_page_near_window.window.units == LMM_WINDOW_ABOVE + 64);
}

/* A window that the kernel refuses is smaller, or is not there, and the tree serves. */
Test(page, window_refused)
{
    bool fresh;

    cr_assert(lmm_page_near((uintptr_t) &fresh) == NULL && lmm_page_near(0) == NULL);
    cr_assert(lmm_page_near(UINTPTR_MAX) == NULL);
    lmm_reservoir_take(1, &fresh);
    seam_install();
    seam_fail(SEAM_MAP, 1, 7);
    check_pages(100);
    cr_expect(lmm_page_near_window.window.units == 0);
    seam_heal();
    check_pages(100);
    cr_expect(lmm_page_near_window.window.units == 0, "it is tried once");
}

/* A thread may load one word before the window is set or wiped, and the other one after that. */
Test(page, window_with_one_word)
{
    struct lmm_page *page = create(64);
    const struct lmm_window *whole = &lmm_page_near_window.window;
    const void *const addresses[] = {NULL, lmm_page_base(page), &page, whole};

    cr_assert(whole->complement != 0 && whole->units != 0);
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct lmm_window first = {.complement = whole->complement};
        struct lmm_window second = {.units = whole->units};
        cr_expect(lmm_window_page(&first, (uintptr_t) addresses[i]) == NULL, "address %zu", i);
        cr_expect(lmm_window_page(&second, (uintptr_t) addresses[i]) == NULL, "address %zu", i);
    }
}

Test(page, half_a_window)
{
    bool fresh;

    lmm_reservoir_take(1, &fresh);
    seam_install();
    seam_fail(SEAM_MAP, 1, 2);
    check_pages(100);
    cr_expect(lmm_page_near_window.window.units == LMM_WINDOW_UNITS / 4);
}

Test(page, no_memory)
{
    bool fresh;
    char *base = lmm_reservoir_take(1, &fresh);
    struct lmm_page *last = NULL;

    seam_install();
    seam_fail_all(SEAM_MAP);
    FAILS_WITH(ENOMEM, lmm_slots_create(base, 3, 64, fresh));
    cr_expect(lmm_page_for_each(count_page, &last) == 0 && last == NULL);
    seam_heal();
    cr_expect(lmm_slots_create(base, 3, 64, fresh) != NULL);
}
