// SPDX-License-Identifier: MIT
//
// A program that replaces some of the operators, with malloc and free, and mixes them, as it may.
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

void *operator new(std::size_t bytes)
{
    void *p = std::malloc(bytes == 0 ? 1 : bytes);
    return p == nullptr ? throw std::bad_alloc() : p;
}

void operator delete(void *p) noexcept
{
    std::free(p);
}

int main()
{
    void *volatile p = ::operator new(8);
    std::free(p);
    p = std::malloc(8);
    ::operator delete(p, 8);
    p = new char[3];
    ::operator delete(p);
    std::vector<std::string> strings(100, std::string(100, 'x'));
    return strings.size() == 100 ? 0 : 1;
}
