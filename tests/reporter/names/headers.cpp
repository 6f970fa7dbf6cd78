// SPDX-License-Identifier: MIT
// A stack that has only functions of headers, of std and of another library, in the calls that are kept; an allocator
// of a class; and a function with the name of one. "MARK name" is a line's name.
#include <cstddef>
#include <cstdlib>
#include <new>

#define APART __attribute__((noinline))

static void *volatile kept[10];

namespace std
{
template <int N> struct lmm_deep {
    static APART void *make(size_t n)
    {
        void *volatile block = lmm_deep<N - 1>::make(n);
        return block;
    }
};
template <> struct lmm_deep<0> {
    static APART void *make(size_t n)
    {
        void *volatile block = ::operator new(n);
        return block;
    }
};
} // namespace std

#line 1 "/usr/include/boost/any.hpp"
namespace boost
{
template <int N> struct any {
    static APART void *make(size_t n)
    {
        void *volatile block = any<N - 1>::make(n);
        return block;
    }
};
template <> struct any<0> {
    static APART void *make(size_t n)
    {
        void *volatile block = std::lmm_deep<3>::make(n);
        return block;
    }
};
} // namespace boost
#line 100 "headers.cpp"

struct node {
    char bytes[600];
    static APART void *operator new(size_t n)
    {
        void *volatile block = std::malloc(n);
        return block;
    }
    static void operator delete(void *block)
    {
        std::free(block);
    }
};

namespace os
{
static APART void *malloc(size_t n)
{
    void *volatile block = std::malloc(n);
    return block;
}
} // namespace os

int main()
{
    kept[0] = std::lmm_deep<40>::make(1000);
    kept[1] = boost::any<40>::make(2000);
    kept[2] = boost::any<4>::make(4000); // MARK shallow
    kept[3] = new node;                  // MARK node
    kept[4] = os::malloc(500);           // MARK os
    return 0;
}
