// SPDX-License-Identifier: MIT
// thread_locals_module: a module with a thread_local object of its own; see thread_locals.cpp.
#include "tests/preload/moments/thread_locals.h"

extern "C" void module_use(std::size_t count);

namespace
{
thread_local Keeper keeper;
Keeper of_module;
} // namespace

extern "C" void module_use(std::size_t count)
{
    keeper.add(count);
}
