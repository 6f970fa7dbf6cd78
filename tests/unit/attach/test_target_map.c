/* SPDX-License-Identifier: MIT */
/* The map of this process, and gaps in maps that are made up. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/program/attach/target_map.h"
#include "reporter/program/attach/tracee.h"
#include "reporter/program/ledger/ledger_file.h"

static char no_path[] = "";

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
        struct lmm_target_map map = {.mappings = mappings};

        for (; map.count < 3 && cases[i].ranges[map.count][1] != 0; map.count++) {
            mappings[map.count].from = cases[i].ranges[map.count][0];
            mappings[map.count].to = cases[i].ranges[map.count][1];
        }
        uint64_t gap = lmm_target_map_gap(&map, cases[i].near, cases[i].bytes);

        cr_assert_eq(gap, cases[i].gap, "%s: %#lx", cases[i].name, (unsigned long) gap);
    }
}

/* The symbols of each module of this process, read from its memory, are those that the loader has. */
Test(target_map, symbols_of_this_process)
{
    struct lmm_tracee tracee;
    struct lmm_target_map map;
    struct lmm_reason reason;
    const struct lmm_mapping *module = NULL;
    size_t found = 0;

    cr_assert(lmm_tracee_open(getpid(), &tracee, &reason), "%s", reason.text);
    cr_assert(lmm_target_map_read(getpid(), &map));
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
    lmm_target_map_free(&map);
    lmm_tracee_close(&tracee);
}
