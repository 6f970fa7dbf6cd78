// SPDX-License-Identifier: MIT
/* lmm::make_unique: the line of the call, arrays, constructors that throw, base classes. */
#include "tests/unit/cxx/check.hpp"

#include <string>
#include <type_traits>
#include <utility>

namespace
{
struct point {
    int x, y;
};

struct many {
    explicit many(int a = 0, int b = 0, int c = 0, int d = 0, int e = 0, int f = 0, int g = 0,
                  int h = 0, int i = 0, int j = 0)
        : sum(a + b + c + d + e + f + g + h + i + j)
    {
    }
    int sum;
};

struct noisy {
    noisy()
    {
        if (left_to_make == 0) {
            throw 42;
        }
        left_to_make--;
        alive++;
    }
    noisy(const noisy &) = delete;
    noisy &operator=(const noisy &) = delete;
    ~noisy()
    {
        alive--;
    }
    long filler = 7;
    static int alive;
    static int left_to_make;
};
int noisy::alive = 0;
int noisy::left_to_make = 1000000;

struct left {
    virtual ~left() = default;
    long a = 1;
};
struct right {
    virtual ~right()
    {
        destroyed++;
    }
    long b = 2;
    static int destroyed;
};
int right::destroyed = 0;
struct both : left, right {
    std::string text = "a text that is too long for a short string";
};

struct plain {
    int a;
};
struct plain_derived : plain {
    int b;
};

struct alignas(128) wide {
    char bytes[200];
};
} // namespace

#define NAME(type) "(anonymous namespace)::" #type

/* The block is counted at that line of this file, in the calling function. */
static bool is_counted_at(const volatile void *p, unsigned line, const char *function)
{
    const struct lmm_block block = block_at(p);

    return block.line == line && std::strcmp(block.function, function) == 0 &&
           std::strstr(block.file, "unique.cpp") != nullptr;
}

static void lines()
{
    auto none = lmm::make_unique<many>();
    const unsigned line_none = __LINE__ - 1;
    auto one = lmm::make_unique<many>(1);
    auto two = lmm::make_unique<many>(1, 2);
    auto eight = lmm::make_unique<many>(1, 2, 3, 4, 5, 6, 7, 8);
    const unsigned line_eight = __LINE__ - 1;
    auto ten = lmm::make_unique<many>(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);

    CHECK(none->sum == 0 && one->sum == 1 && two->sum == 3 && eight->sum == 36 && ten->sum == 55);
    CHECK(is_counted_at(none.get(), line_none, "lines"));
    CHECK(is_counted_at(one.get(), line_none + 2, "lines"));
    CHECK(is_counted_at(two.get(), line_none + 3, "lines"));
    CHECK(is_counted_at(eight.get(), line_eight, "lines"));
    CHECK(std::strcmp(block_at(ten.get()).file, "(unattributed)") == 0);
    CHECK(lives(NAME(many), 5, 5));
    for (int i = 0; i < 2; i++) {
        lmm::unique_ptr<many> again = lmm::make_unique<many>(i);
        CHECK(is_counted_at(again.get(), __LINE__ - 1, "lines"));
    }
}

static void arguments_are_forwarded()
{
    int number = 1;
    auto pair = lmm::make_unique<std::pair<int &, std::string>>(number, std::string("moved"));

    pair->first = 2;
    CHECK(number == 2 && pair->second == "moved");
    auto fixed = lmm::make_unique<const many>(3, 4);
    static_assert(std::is_same<decltype(*fixed), const many &>::value, "stays const");
    CHECK(fixed->sum == 7);
    lmm::unique_ptr<const many> widened = lmm::make_unique<many>(5);
    CHECK(widened->sum == 5);
}

static void arrays()
{
    {
        auto points = lmm::make_unique<point[]>(10);
        CHECK(is_counted_at(points.get(), __LINE__ - 1, "arrays"));
        CHECK(points[9].x == 0 && lives(NAME(point), 1, 10));
        auto one = lmm::make_unique<point[]>(1);
        CHECK(lives(NAME(point), 2, 11));
        CHECK(!lmm::make_unique<point[]>(0));
        lmm::unique_ptr<const point[]> fixed = std::move(points);
        CHECK(fixed[0].y == 0);
        auto objects = lmm::make_unique<noisy[]>(5);
        CHECK(noisy::alive == 5 && objects[4].filler == 7);
        auto aligned = lmm::make_unique<wide[]>(3);
        CHECK(is_aligned(&aligned[1], 128) && is_aligned(lmm::make_unique<wide>().get(), 128));
    }
    CHECK(noisy::alive == 0 && lives(NAME(point), 0, 0) && lives(NAME(noisy), 0, 0));
}

template <class Make> static bool throws(Make make)
{
    try {
        make();
    } catch (int) {
        return true;
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static void nothing_is_left_after_an_exception()
{
    noisy::left_to_make = 0;
    CHECK(throws([] { lmm::make_unique<noisy>(); }));
    noisy::left_to_make = 3;
    CHECK(throws([] { lmm::make_unique<noisy[]>(10); }));
    CHECK(noisy::alive == 0 && lives(NAME(noisy), 0, 0));
    CHECK(throws([] { lmm::make_unique<noisy[]>(SIZE_MAX / 2); }));
    CHECK(throws([] { lmm::make_unique<noisy[]>(std::size_t(1) << 43); }));
    CHECK(lives(NAME(noisy), 0, 0));
}

/* The base class is not at the start of the block. */
static void base_classes()
{
    {
        lmm::unique_ptr<right> base = lmm::make_unique<both>();
        CHECK(base->b == 2 && lives(NAME(both), 1, 1));
        base = lmm::make_unique<both>();
        CHECK(right::destroyed == 1);
    }
    CHECK(right::destroyed == 2 && lives(NAME(both), 0, 0));
    static_assert(
        !std::is_convertible<lmm::unique_ptr<plain_derived>, lmm::unique_ptr<plain>>::value,
        "only a virtual destructor destroys a derived class");
    static_assert(sizeof(lmm::unique_ptr<both>) == sizeof(void *), "the deleter has no state");
}

int main()
{
    lines();
    arguments_are_forwarded();
    arrays();
    nothing_is_left_after_an_exception();
    base_classes();
    CHECK(lmm_leak_check(stderr) == 0);
    return 0;
}
