// SPDX-License-Identifier: MIT
/* The names of families: as the compiler spells the type, short enough, and never the same for two
 * types. */
#include "tests/unit/cxx/check.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace a_namespace_with_quite_a_long_name
{
template <class A, class B> struct a_class_with_a_long_name {
    A a;
    B b;
};
struct first {
    int a;
};
struct secnd {
    int a;
};
} // namespace a_namespace_with_quite_a_long_name

namespace
{
struct hidden {
    struct inner {
        int a;
    };
};
} // namespace

struct plain {
    int a;
};

template <class T> static std::string name_of()
{
    std::string name = lmm_family_name(lmm::family<T>());

    CHECK(!name.empty() && name.size() <= LMM_NAME_MAX);
    CHECK(lmm_family_find(name.c_str()) == lmm::family<T>());
    CHECK(lmm_family_size(lmm::family<T>()) == sizeof(T));
    return name;
}

static std::string made(const std::string &type, const char *suffix = "")
{
    return lmm::detail::family_name(type.data(), type.size(), suffix).text();
}

static void types()
{
    CHECK(name_of<plain>() == "plain");
    CHECK(name_of<hidden::inner>() == "(anonymous namespace)::hidden::inner");
    CHECK(name_of<std::string>() == "std::basic_string<char>");
    CHECK((name_of<std::pair<std::pair<int, char>, std::pair<char, int>>>() ==
           "std::pair<std::pair<int, char>, std::pair<char, int>>"));
    CHECK(lmm::family<plain>() == lmm::family<volatile plain>());
    plain *in_c = LMM_NEW(plain);
    CHECK(lmm_family_of(in_c) == lmm::family<plain>());
    lmm_free(in_c);
}

/* Their first 63 characters are the same. */
static void long_types()
{
    using namespace a_namespace_with_quite_a_long_name;
    const std::string one = name_of<a_class_with_a_long_name<first, first>>();
    const std::string two = name_of<a_class_with_a_long_name<first, secnd>>();
    const std::string three = name_of<a_class_with_a_long_name<secnd, first>>();

    CHECK(one.size() == LMM_NAME_MAX && one[46] == '#');
    CHECK(one.compare(0, 46, two, 0, 46) == 0);
    CHECK(one != two && one != three && two != three);
}

static void lengths()
{
    const std::string fits(LMM_NAME_MAX, 'x');
    const std::string umlauts = std::string(45, 'x') + "\xc3\xa4" + std::string(30, 'y');

    CHECK(made(fits) == fits && made(fits + 'x') != made(fits + 'y'));
    CHECK(made(fits + 'x').size() == LMM_NAME_MAX);
    CHECK(made(fits, "[]").size() == LMM_NAME_MAX);
    CHECK(made(fits, "[]").substr(LMM_NAME_MAX - 2) == "[]");
    CHECK(made(fits.substr(2), "[]") == fits.substr(2) + "[]");
    CHECK(made(umlauts)[45] == '#');
    CHECK(made("a::__cxx11::b<{anonymous}::c<d> >") == "a::b<(anonymous namespace)::c<d>>");
    CHECK(made("") == "");
}

int main()
{
    types();
    long_types();
    lengths();
    return 0;
}
