// SPDX-License-Identifier: MIT
/* All of lmm.hpp without exceptions and without run-time type information, from two source files
 * (bare_other.cpp is the second). */
#include "tests/unit/cxx/bare.hpp"

#include <vector>

namespace
{
struct left {
    virtual ~left() = default;
    long a = 1;
};
struct right {
    virtual ~right() = default;
    long b = 2;
};
struct both : left, right {
};
} // namespace

static void use_all()
{
    std::vector<bare::item, lmm::allocator<bare::item>> items(10);
    lmm::unique_ptr<right> base = lmm::make_unique<both>();
    auto array = lmm::make_unique<bare::item[]>(3);
    bare::shape *one = new bare::shape;
    bare::shape *many = new bare::shape[2];

    CHECK(items.size() == 10 && base->b == 2 && array[2].id == 7 && one->id == 1);
    CHECK(lives("bare::item", 2, 13) && lives("bare::shape", 1, 1));
    delete one;
    delete[] many;
#if defined(__cpp_lib_memory_resource)
    lmm::memory_resource resource;
    std::pmr::vector<int> numbers(100, &resource);
    CHECK(numbers[99] == 0 && resource == resource);
#endif
}

int main()
{
    CHECK(lmm::family<bare::item>() == bare_other_family());
    bare::shape *given = bare_other_shape();
    CHECK(lives("bare::shape", 1, 1));
    delete given;
    use_all();
    CHECK(lmm_leak_check(stderr) == 0);
    return 0;
}
