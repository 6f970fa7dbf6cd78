/* SPDX-License-Identifier: MIT */
/* The map of this process, and gaps in maps that are made up. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/program/attach/stored.h"
#include "reporter/program/attach/target_map.h"
#include "reporter/program/attach/tracee.h"
#include "reporter/program/ledger/ledger_file.h"

static char no_path[] = "";

/* This process, as lmm sees another one. */
static struct lmm_tracee tracee;
static struct lmm_target_map map;

static void open_this_process(void)
{
    struct lmm_reason reason;

    cr_assert(lmm_tracee_open(getpid(), &tracee, &reason), "%s", reason.text);
    cr_assert(lmm_target_map_read(getpid(), &map));
}

static void close_this_process(void)
{
    lmm_target_map_free(&map);
    lmm_tracee_close(&tracee);
}

#define TEST_OF_THIS_PROCESS(name)                                                                 \
    Test(target_map, name, .init = open_this_process, .fini = close_this_process)

static const struct {
    const char *name;
    uint64_t ranges[3][2]; /* mapped */
    uint64_t near;
    size_t bytes;
    uint64_t gap;
} cases[] = {
    {"before it", {{0x40000000, 0x50000000}}, 0x41000000, 0x1000, 0x3ffff000},
    {"after it",
     {{0x40000000, 0x50000000}, {0x60000000, 0x70000000}},
     0x4ff00000,
     0x1000,
     0x50000000},
    {"at the end of a gap",
     {{0x200000, 0x50000000}, {0x58000000, 0x70000000}},
     0x59000000,
     0x1000,
     0x57fff000},
    {"too small gaps", {{0x100000, 0x50000000}, {0x50001000, 0x70000000}}, 0x4ff00000, 0x2000, 0},
    {"too far", {{0x100000, 0x200000}, {0x300000, 0x7f0000000000}}, 0x7e0000000000, 0x1000, 0},
};

Test(target_map, gaps)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_mapping mappings[3] = {{.path = no_path}, {.path = no_path}, {.path = no_path}};
        struct lmm_target_map made = {.mappings = mappings};

        for (; made.count < 3 && cases[i].ranges[made.count][1] != 0; made.count++) {
            mappings[made.count].from = cases[i].ranges[made.count][0];
            mappings[made.count].to = cases[i].ranges[made.count][1];
        }
        uint64_t gap = lmm_target_map_gap(&made, cases[i].near, cases[i].bytes);

        cr_assert_eq(gap, cases[i].gap, "%s: %#lx", cases[i].name, (unsigned long) gap);
    }
}

/* The symbols of each module of this process, read from its memory, are those that the loader has. */
TEST_OF_THIS_PROCESS(symbols_of_this_process)
{
    const struct lmm_mapping *module = NULL;
    size_t found = 0;

    cr_assert_not_null(lmm_target_map_find(&map, (uintptr_t) &cases));
    cr_assert_null(lmm_target_map_find(&map, 0));
    while ((module = lmm_target_map_next_module(&map, module)) != NULL) {
        struct lmm_image_symbols image;

        if (lmm_image_symbols_read(&tracee, module->from, &image)) {
            uint64_t bytes = 0;
            uint64_t address = lmm_image_symbol(&image, "gai_strerror", &bytes);

            cr_assert(address == 0 || address == (uintptr_t) dlsym(RTLD_DEFAULT, "gai_strerror"));
            cr_assert_eq(lmm_image_symbol(&image, "no such function", NULL), 0);
            found += address != 0 && bytes > 0;
            lmm_image_symbols_free(&image);
        }
    }
    cr_assert_eq(found, 1, "%zu", found);
}

/* Bytes that no module uses are after the end of all that it has, and others follow when some are used. */
TEST_OF_THIS_PROCESS(spare_bytes)
{
    static const char text[] = "used, and ends with a letter";
    const struct lmm_spare wanted = {
        .is_code = true, .bytes = 100, .align = 16, .near = (uintptr_t) &getpid};
    const struct lmm_spare too_many = {.bytes = 8192, .align = 1};

    uint64_t first = lmm_target_map_spare(&tracee, &map, &wanted);
    const struct lmm_mapping *mapping = lmm_target_map_find(&map, first);

    cr_assert(first != 0 && first % 16 == 0 && mapping != NULL && mapping->is_code &&
              mapping->is_lasting);
    cr_assert(mapping->to - first < 4096 && first + 100 <= mapping->to);
    for (size_t i = 0; i < 100; i++) {
        cr_assert_eq(((const char *) first)[i], 0);
    }
    cr_assert(lmm_tracee_write(&tracee, first, text, sizeof(text) - 1));
    uint64_t second = lmm_target_map_spare(&tracee, &map, &wanted);

    cr_assert(second == 0 || second >= first + sizeof(text) || second + 100 <= first, "%#lx",
              (unsigned long) second);
    cr_assert_eq(lmm_target_map_spare(&tracee, &map, &too_many), 0);
}

static pid_t (*const volatile relocated)(void) = getpid;

static bool note_word(void *arg, uint64_t address, uint64_t value)
{
    size_t *found = arg;
    uint64_t now = 0;

    /* Copied by the system: a word may lie in a part of the program that a sanitizer forbids to read. */
    cr_assert(lmm_tracee_read(&tracee, address, &now, sizeof(now)));
    cr_assert_eq(now, value);
    *found += address == (uintptr_t) &relocated && value == (uintptr_t) relocated;
    return true;
}

/* A pointer that the loader has written is among the words of its module. */
TEST_OF_THIS_PROCESS(relocated_words)
{
    const struct lmm_mapping *module = NULL;
    size_t found = 0;

    while ((module = lmm_target_map_next_module(&map, module)) != NULL) {
        lmm_image_visit_words(&tracee, module->from, note_word, &found);
    }
    cr_assert_eq(found, 1, "%zu", found);
}

/* Code that calls a function, jumps to it, or has its address, at any distance from a boundary of pages. */
TEST_OF_THIS_PROCESS(code_that_leads_to_a_function)
{
    static unsigned char code[1 << 17];
    static const size_t offsets[] = {0, 1, 4093, (1 << 16) - 3, (1 << 16), sizeof(code) - 8};
    const uint64_t from = (uintptr_t) code;
    const uint64_t target = from + UINT64_C(0x12345678);
    const struct lmm_stored_targets targets = {.addresses = {target + 5, target}, .count = 2};
    uint64_t place = 0;
    uint64_t found = 0;

    cr_assert_not(
        lmm_stored_find_in_code(&tracee, from, from + sizeof(code), &targets, &place, &found));
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        int32_t far = (int32_t) (target - (from + offsets[i] + sizeof(far)));

        for (size_t is_whole = 0; is_whole < 2; is_whole++) {
            memset(code, 0, sizeof(code));
            memcpy(code + offsets[i], is_whole != 0 ? (const void *) &target : &far,
                   is_whole != 0 ? sizeof(target) : sizeof(far));
            cr_assert(lmm_stored_find_in_code(&tracee, from, from + sizeof(code), &targets, &place,
                                              &found));
            cr_assert(place == from + offsets[i] && found == target, "%zu", offsets[i]);
        }
    }
}
