/* SPDX-License-Identifier: MIT */
/* mems.h in strict C11, where <sys/user.h> has defined PAGE_SIZE; see header_use.h. */
#include <sys/user.h>

#include <mems.h>
#include <mems.h>

/* Together with the typed allocator's header. */
#include <lmm/lmm.h>

#include "tests/support/header_use.h"

int main(void)
{
    void *(*allocate)(size_t) = mems_malloc;

    mems_init();
    int *numbers = allocate(10 * sizeof(int));
    if ((uintptr_t) numbers != MEMS_VADDR_START || PAGE_SIZE < 4096) {
        fprintf(stderr, "C11: not the default settings\n");
        return EXIT_FAILURE;
    }
    *(int *) mems_get(&numbers[9]) = 42;
    int step = header_use_from_cxx(&numbers[9]);
    if (step != 0) {
        fprintf(stderr, "C++17: step %d\n", step);
    }
    return step == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
