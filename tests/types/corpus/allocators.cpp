/* SPDX-License-Identifier: MIT */
/* Allocators of the program. */
#include <cstdlib>
#include <list>
#include <new>
#include <vector>

#include "keep.h"

template <typename T> struct heap_allocator {
    using value_type = T;

    heap_allocator() = default;
    template <typename U> heap_allocator(const heap_allocator<U> &)
    {
    }
    T *allocate(std::size_t n)
    {
        return static_cast<T *>(
            std::malloc(n * sizeof(T))); /* type: measure[] | std::_List_node<measure> */
    }
    void deallocate(T *p, std::size_t)
    {
        std::free(p);
    }
    template <typename U> bool operator==(const heap_allocator<U> &) const
    {
        return true;
    }
    template <typename U> bool operator!=(const heap_allocator<U> &) const
    {
        return false;
    }
};

struct measure {
    double value;
    long time;
};

struct pooled {
    long a, b, c;

    static void *operator new(std::size_t size)
    {
        return std::malloc(size); /* type: pooled | none */
    }
    static void operator delete(void *p)
    {
        std::free(p);
    }
};

int main()
{
    auto *a = new std::vector<measure, heap_allocator<measure>>; /* type: std::vector<measure...> */
    auto *b = new std::list<measure, heap_allocator<measure>>; /* type: std::...list<measure...> */
    auto *c = new pooled;                                      /* type: pooled */
    std::allocator<measure> standard;
    measure *d = standard.allocate(5); /* type: measure[] */

    a->resize(10);        /* type: measure[] */
    b->push_back({1, 2}); /* type: std::_List_node<measure> */
    c->a = 1;
    d->value = 1;
    keep(a), keep(b), keep(c), keep(d);
    return 0;
}
