// SPDX-License-Identifier: MIT
//
// A module that is loaded at run time, with its C++ runtime: shared, or linked into it and hidden; or with
// two operators of its own (OWN=1), which a version script may hide.
#include <cstdlib>
#include <new>

#ifndef OWN
#define OWN 0
#endif

#if OWN
void *operator new(std::size_t bytes)
{
    void *p = std::malloc(bytes);
    return p == nullptr ? throw std::bad_alloc() : p;
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
    void *volatile p = ::operator new(48);
    return p;
}

extern "C" void plugin_release(void *p)
{
#if OWN
    ::operator delete(p, 48);
#else
    ::operator delete(p);
#endif
}
