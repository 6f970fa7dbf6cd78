/* SPDX-License-Identifier: MIT */
/* Templates: one line allocates several types. */
#include <cstdlib>
#include <utility>

#include "keep.h"

template <typename T> struct cell {
    T value;
    cell *next;
};

template <typename T> class stack
{
  public:
    NOT_INLINED void push(const T &value)
    {
        auto *c = new cell<T>; /* type: cell<int> | cell<double> | cell<point> */
        c->value = value;
        c->next = top_;
        top_ = c;
    }

  private:
    cell<T> *top_ = nullptr;
};

struct point {
    double x, y;
};

template <typename T, typename... Args> static T *make(Args &&...args)
{
    return new T {std::forward<Args>(args)...}; /* type: point | cell<long> */
}

template <typename T> NOT_INLINED static T *array_of(std::size_t n)
{
    return static_cast<T *>(std::calloc(n, sizeof(T))); /* type: point[] | short[] | short int[] */
}

int main()
{
    auto *a = new stack<int>;    /* type: stack<int> */
    auto *b = new stack<double>; /* type: stack<double> */
    auto *c = new stack<point>;  /* type: stack<point> */

    a->push(1);
    b->push(1.5);
    c->push({1, 2});
    keep(a), keep(b), keep(c);
    keep(make<point>(1.0, 2.0));         /* type: point */
    keep(make<cell<long>>(1L, nullptr)); /* type: cell<long> */
    keep(array_of<point>(number(5)));    /* type: point[] */
    keep(array_of<short>(number(5)));    /* type: short[] | short int[] */
    return 0;
}
