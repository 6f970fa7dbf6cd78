/* SPDX-License-Identifier: MIT */
/* mems.h in C++17, with other values of its settings. The program has one MeMS, which this finishes
 * and starts again; see header_use.h. */
#define PAGE_SIZE        8192
#define MEMS_VADDR_START (1ull << 40)
#include <mems.h>
#include <mems.h>

#include <sys/user.h>
#include <cstdint>
#include <type_traits>

#include "tests/support/header_use.h"

static_assert(std::is_same_v<decltype(&mems_get), void *(*) (void *)>);

extern "C" int header_use_from_cxx(void *given)
{
    if (*static_cast<int *>(mems_get(given)) != 42) {
        return 1;
    }
    mems_finish();
    mems_init();
    void *first = mems_malloc(1);
    if (reinterpret_cast<std::uintptr_t>(first) != 1ull << 40) {
        return 2;
    }
    void *second = mems_malloc(8191);
    if (static_cast<char *>(mems_get(second)) != static_cast<char *>(mems_get(first)) + 1) {
        return 3;
    }
    mems_free(first);
    mems_print_stats();
    mems_finish();
    return 0;
}
