// SPDX-License-Identifier: MIT
/* bare: what bare.cpp and bare_other.cpp share. */
#ifndef TESTS_UNIT_CXX_BARE_HPP
#define TESTS_UNIT_CXX_BARE_HPP

#include "tests/unit/cxx/check.hpp"

namespace bare
{
struct item {
    int id = 7;
};
struct shape : lmm::counted<shape> {
    virtual ~shape()
    {
        id = 0;
    }
    int id = 1;
};
} // namespace bare

struct lmm_family *bare_other_family();
bare::shape *bare_other_shape();

#endif
