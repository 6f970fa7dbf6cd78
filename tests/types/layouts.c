/* SPDX-License-Identifier: MIT */
/* layouts: prints the layout of each struct of a file of debug information, for layouts.py: a line "NAME STATE BYTES
 * ORDER_BYTES", then a line "  BIT FIELD" for each field of the better order that has a name. */
#include <dwarf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "reporter/program/types/layout.h"
#include "reporter/program/types/type_info.h"

static void print_layout(Dwarf_Die *die)
{
    struct lmm_layout layout;

    if (!lmm_layout_read(die, &layout)) {
        return;
    }
    printf("%s %d %" PRIu64 " %" PRIu64 "\n", dwarf_diename(die), (int) layout.state, layout.bytes,
           layout.order_bytes);
    for (size_t i = 0; layout.order != NULL && i < layout.count; i++) {
        if (layout.order[i].name != NULL && layout.order[i].kind >= LMM_FIELD_MEMBER) {
            printf("  %" PRIu64 " %s\n", layout.order[i].bit, layout.order[i].name);
        }
    }
    lmm_layout_free(&layout);
}

static void print_unit(Dwarf_Die *unit)
{
    Dwarf_Die die;

    if (dwarf_child(unit, &die) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&die);

        if ((tag == DW_TAG_structure_type || tag == DW_TAG_class_type) &&
            dwarf_diename(&die) != NULL) {
            print_layout(&die);
        }
    } while (dwarf_siblingof(&die, &die) == 0);
}

int main(int argc, char **argv)
{
    int descriptor = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    Dwarf *dwarf = dwarf_begin(descriptor, DWARF_C_READ);
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;

    if (dwarf == NULL) {
        fprintf(stderr, "usage: layouts FILE, which has debug information\n");
        return 2;
    }
    while (dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        print_unit(&die);
    }
    lmm_type_forget(dwarf);
    dwarf_end(dwarf);
    close(descriptor);
    return 0;
}
