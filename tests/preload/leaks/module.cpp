// SPDX-License-Identifier: MIT
// A module that leaks and is unloaded; see plants.cpp.
#include <cstddef>
#include <cstdlib>

#include "tests/preload/leaks/plants.h"

extern "C" void module_leak();

extern "C" void module_leak()
{
    for (std::size_t i = 0; i < 3; i++) {
        plant(std::malloc(500)); /* leak: module_leak, 3, 1500 */
    }
}
