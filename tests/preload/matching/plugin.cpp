// SPDX-License-Identifier: MIT
//
// A module that is loaded at run time, with its C++ runtime: shared, linked into it and hidden, or with
// operators of its own (OWN=1).
#include <cstdlib>
#include <new>

#ifndef OWN
#define OWN 0
#endif

#if OWN
void *operator new(std::size_t bytes)
{
    return std::malloc(bytes);
}

void operator delete(void *p) noexcept
{
    std::free(p);
}
#endif

extern "C" void *plugin_make();
extern "C" void plugin_release(void *p);

extern "C" void *plugin_make()
{
    return ::operator new(48);
}

extern "C" void plugin_release(void *p)
{
    ::operator delete(p);
}
