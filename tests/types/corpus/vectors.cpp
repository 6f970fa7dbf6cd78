/* SPDX-License-Identifier: MIT */
/* Vectors. */
#include <string>
#include <vector>

#include "keep.h"

struct particle {
    double x, y, z;
    int kind;
};

int main()
{
    auto *a = new std::vector<particle>;            /* type: std::vector<particle...> */
    auto *b = new std::vector<int>(100);            /* type: std::vector<int...> | int[] */
    auto *c = new std::vector<particle *>;          /* type: std::vector<particle...> */
    auto *d = new std::vector<std::vector<double>>; /* type: std::vector<std::vector<double...> */
    auto *e = new std::vector<std::string>;         /* type: std::vector<std::...string...> */

    a->resize(50); /* type: particle[] */
    for (int i = 0; i < 20; i++) {
        a->push_back(particle()); /* type: particle[] */
        c->push_back(&(*a)[0]);   /* type: particle *[] */
    }
    b->reserve(1000);     /* type: int[] */
    d->emplace_back();    /* type: std::vector<double...>[] */
    d->back().resize(30); /* type: double[] */
    e->push_back(
        "a text that is too long for the small buffer"); /* type: char[] | std::...string...[] */
    keep(a), keep(b), keep(c), keep(d), keep(e);
    return 0;
}
