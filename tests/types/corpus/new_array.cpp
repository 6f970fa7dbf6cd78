/* SPDX-License-Identifier: MIT */
/* new T[n]. */
#include "keep.h"

struct plain {
    int a, b, c;
};

struct owner {
    owner() : name(new char[8]) /* type: char[] */
    {
    }
    ~owner()
    {
        delete[] name;
    }
    char *name;
};

int main()
{
    size_t n = number(20);
    auto *a = new plain[n];                  /* type: plain[] */
    auto *b = new owner[3];                  /* type: owner[] */
    auto **c = new plain *[n];               /* type: plain *[] */
    auto *d = new double[n]();               /* type: double[] */
    auto *e = new char[number(99)];          /* type: char[] */
    unsigned char *f = new unsigned char[n]; /* type: unsigned char[] */

    a[0].a = 1;
    c[0] = new plain[2]; /* type: plain[] */
    keep(a), keep(b), keep(c), keep(d), keep(e), keep(f);
    return 0;
}
