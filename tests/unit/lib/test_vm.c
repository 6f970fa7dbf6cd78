/* SPDX-License-Identifier: MIT */
/* vm: rounding, alignment, and what failing operations leave behind. */
#include "tests/support/seam.h"

#include "lib/ground/vm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/mman.h>

#include "tests/support/fails_with.h"

static bool is_mapped(void *address)
{
    unsigned char resident;

    return mincore(address, 1, &resident) == 0;
}

Test(vm, map_rounds_up_and_is_zeroed)
{
    static const size_t sizes[] = {1, 4095, 4096, 4097, 1000000};

    seam_install();
    uint64_t wanted = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned char *memory = lmm_vm_map(sizes[i]);
        cr_assert(memory != NULL);
        for (size_t at = 0; at < sizes[i]; at++) {
            cr_assert(memory[at] == 0);
        }
        memory[sizes[i] - 1] = 1;
        wanted += lmm_vm_round_up(sizes[i]);
        cr_assert(seam_bytes(SEAM_MAP) == wanted);
        cr_assert(lmm_vm_unmap(memory, sizes[i]));
        cr_assert(seam_bytes(SEAM_UNMAP) == wanted);
        cr_assert(!is_mapped(memory));
    }
}

Test(vm, too_much_is_enomem)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4095, SIZE_MAX - 4096, SIZE_MAX / 2};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        errno = 0;
        cr_expect(lmm_vm_map(sizes[i]) == NULL, "%zu", sizes[i]);
        cr_expect(errno == ENOMEM, "%zu: errno %d", sizes[i], errno);
    }
}

static char *misaligned_room;

/* The kernel may return memory that is only aligned to a system page. */
static void *map_misaligned(size_t bytes)
{
    char *room = mmap(NULL, bytes + (1 << 21), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    misaligned_room = (char *) lmm_round_up((uintptr_t) room, 1 << 20) + LMM_SYSTEM_PAGE_BYTES;
    return misaligned_room;
}

Test(vm, map_aligned_when_the_kernel_is_not)
{
    static const struct {
        size_t bytes;
        size_t align;
    } cases[] = {
        {4096, 4096}, {4096, 1 << 18}, {1 << 18, 1 << 18}, {3 << 18, 1 << 18}, {8192, 1 << 20}};

    lmm_vm.map = map_misaligned;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *memory = lmm_vm_map_aligned(cases[i].bytes, cases[i].align);
        cr_assert(memory != NULL);
        cr_expect((uintptr_t) memory % cases[i].align == 0, "case %zu", i);
        memory[0] = 1;
        memory[cases[i].bytes - 1] = 1;
        if (cases[i].align > 4096) {
            size_t padded = cases[i].bytes + cases[i].align - 4096;
            cr_expect(!is_mapped(misaligned_room), "case %zu: margin before", i);
            cr_expect(memory + cases[i].bytes == misaligned_room + padded ||
                          !is_mapped(misaligned_room + padded - 4096),
                      "case %zu: margin after", i);
        }
    }
}

Test(vm, map_aligned_fails_with_either_map)
{
    lmm_vm.map = map_misaligned;
    seam_install();
    for (uint64_t succeed = 0; succeed < 2; succeed++) {
        uint64_t unmaps = seam_calls(SEAM_UNMAP);
        seam_fail(SEAM_MAP, seam_calls(SEAM_MAP) + succeed + 1, SEAM_FOR_EVER);
        FAILS_WITH(ENOMEM, lmm_vm_map_aligned(1 << 18, 1 << 18));
        cr_expect(seam_calls(SEAM_UNMAP) - unmaps == succeed, "a misaligned try is given back");
    }
}

Test(vm, map_aligned_wants_too_much)
{
    FAILS_WITH(ENOMEM, lmm_vm_map_aligned(SIZE_MAX - 8191, 1 << 18));
}

Test(vm, failures_are_told_and_keep_errno)
{
    size_t page = lmm_vm_page_bytes();

    seam_install();
    char *memory = lmm_vm_map(2 * page);
    memory[0] = 7;
    memory[page] = 8;
    errno = EXDEV;
    seam_fail_all(SEAM_UNMAP);
    cr_expect(!lmm_vm_unmap(memory, 2 * page));
    cr_expect(errno == EXDEV);
    seam_fail_all(SEAM_DISCARD);
    cr_expect(!lmm_vm_discard(memory, 2 * page));
    cr_expect(errno == EXDEV);
    cr_expect(memory[0] == 7 && memory[page] == 8);
    seam_heal();
    cr_expect(lmm_vm_discard(memory + page, page));
    cr_expect(memory[0] == 7 && memory[page] == 0);
    seam_fail_all(SEAM_MAP);
    cr_expect(lmm_vm_map(1) == NULL);
    cr_expect(errno == ENOMEM, "whatever the kernel called it");
}

/* ---- Growing and moving ---------------------------------------------------------------------- */

enum { UNIT = 1 << 18 };

/* Maps `units` units of which each holds its number. */
static char *map_units(size_t units)
{
    char *memory = lmm_vm_map_aligned(units * UNIT, UNIT);

    cr_assert(memory != NULL);
    for (size_t i = 0; i < units; i++) {
        memory[i * UNIT] = (char) ('a' + i);
    }
    return memory;
}

static void assert_units(const char *memory, size_t units, size_t all)
{
    for (size_t i = 0; i < units; i++) {
        cr_assert(memory[i * UNIT] == (char) ('a' + i), "unit %zu", i);
    }
    for (size_t at = units * UNIT; at < all * UNIT; at += LMM_SYSTEM_PAGE_BYTES) {
        cr_assert(memory[at] == 0, "what is added reads as zero");
    }
}

Test(vm, grow_where_there_is_room)
{
    seam_install();
    char *memory = map_units(8);
    cr_assert(lmm_vm_unmap(memory + 3 * UNIT, 5 * UNIT));
    errno = EXDEV;
    cr_expect(lmm_vm_grow(memory, 3 * UNIT, 7 * UNIT) == 0);
    assert_units(memory, 3, 7);
    cr_expect(seam_calls(SEAM_REMAP) == 1 && seam_bytes(SEAM_REMAP) == 7 * UNIT);
    cr_expect(lmm_vm_grow(memory, 3 * UNIT, 4 * UNIT) == -ENOMEM, "the next units are mapped");
    cr_assert(mprotect(memory + UNIT, UNIT, PROT_READ) == 0);
    cr_expect(lmm_vm_grow(memory, 7 * UNIT, 8 * UNIT) == -EFAULT, "three mappings by now");
    cr_expect(errno == EXDEV);
    assert_units(memory, 3, 7);
}

Test(vm, move_takes_the_memory_along)
{
    char *memory = map_units(3);
    char *target = map_units(6);
    cr_expect(lmm_vm_grow(memory, 2 * UNIT, 6 * UNIT) == -ENOMEM);
    cr_assert(lmm_vm_move(memory, 2 * UNIT, target, 6 * UNIT));
    assert_units(target, 2, 6);
    cr_expect(!is_mapped(memory) && is_mapped(memory + 2 * UNIT));
}

Test(vm, move_fails)
{
    seam_install();
    char *memory = map_units(2);
    char *target = map_units(3);
    seam_fail_all(SEAM_REMAP);
    cr_expect(lmm_vm_grow(memory, 2 * UNIT, 3 * UNIT) == -EFAULT, "not for want of room");
    errno = 0;
    cr_expect(!lmm_vm_move(memory, 2 * UNIT, target, 3 * UNIT));
    cr_expect(errno == ENOMEM, "whatever the kernel called it");
    assert_units(memory, 2, 2);
    assert_units(target, 3, 3);
}

Test(vm, tells_what_can_be_read)
{
    const size_t page = lmm_vm_page_bytes();
    uintptr_t memory = (uintptr_t) mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert(mprotect((void *) (memory + page), page, PROT_NONE) == 0);
    cr_assert(mprotect((void *) (memory + 2 * page), page, PROT_READ) == 0);
    cr_assert(munmap((void *) (memory + 3 * page), page) == 0);
    errno = EXDEV;
    for (uintptr_t at = 0; at < 4 * page; at += 13) {
        bool is_readable = at / page == 0 || at / page == 2;
        cr_assert(lmm_vm_is_readable(memory + at) == is_readable, "byte %u", (unsigned) at);
    }
    cr_expect(!lmm_vm_is_readable(0) && !lmm_vm_is_readable(UINTPTR_MAX));
    cr_expect(errno == EXDEV);
}
