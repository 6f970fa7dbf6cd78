// SPDX-License-Identifier: MIT
/* The second source file of bare.cpp: the same families. */
#include "tests/unit/cxx/bare.hpp"

struct lmm_family *bare_other_family()
{
    return lmm::family<bare::item>();
}

bare::shape *bare_other_shape()
{
    return new bare::shape;
}
