// SPDX-License-Identifier: MIT
/* lmm::counted: all forms of new and delete, derived classes, arrays, alignment. */
#include "tests/unit/cxx/check.hpp"

#include <string>

namespace shapes
{
struct shape : lmm::counted<shape> {
    virtual ~shape()
    {
        destroyed++;
    }
    long id = 1;
    static int destroyed;
};
int shape::destroyed = 0;

/* Without counted<>: counted by size. */
struct circle : shape {
    double radius = 2;
};
struct same_size : shape {
};
struct polygon : shape {
    double corners[8] = {};
};

/* With it: a family of its own, and the constructors of the base class. */
struct titled : shape {
    explicit titled(const char *text) : title(text)
    {
    }
    std::string title;
};
struct label : lmm::counted<label, titled> {
    using counted::counted;
    int color = 3;
};

struct point : lmm::counted<point> {
    int x = 1, y = 2;
};
struct alignas(64) line : lmm::counted<line> {
    char bytes[100] = {};
    ~line()
    {
        bytes[0] = 1;
    }
};
struct alignas(512) page_like : line {
};
struct thrower : lmm::counted<thrower> {
    thrower()
    {
        throw 1;
    }
    long filler = 0;
};
} // namespace shapes

using namespace shapes;

static void single_objects()
{
    shape *one = new shape;
    shape *two = new (std::nothrow) shape;
    shape *three = new (lmm::location::current()) shape;
    const unsigned line_of_three = __LINE__ - 1;

    CHECK(lives("shapes::shape", 3, 3) && one->id == 1 && two->id == 1);
    CHECK(std::strcmp(block_at(one).file, "(unattributed)") == 0);
    CHECK(block_at(three).line == line_of_three);
    CHECK(std::strcmp(block_at(three).function, "single_objects") == 0);
    delete one;
    delete two;
    delete three;
    CHECK(lives("shapes::shape", 0, 0));
    void *raw = shape::operator new(sizeof(shape));
    shape::operator delete(raw, sizeof(shape));
    delete static_cast<shape *>(nullptr);
    CHECK(lives("shapes::shape", 0, 0));
}

static void placement_allocates_nothing()
{
    alignas(shape) unsigned char room[sizeof(shape)];
    const std::uint64_t before = stats_of("shapes::shape").allocations;
    shape *there = new (room) shape;

    CHECK(static_cast<void *>(there) == room);
    there->~shape();
    CHECK(stats_of("shapes::shape").allocations == before);
}

/* Deleted through the base class, whose size is another. */
static void derived_classes()
{
    shape *round = new circle;
    shape *angular = new polygon;
    shape *same = new same_size;
    shape *named = new label("a text that is too long for a short string");
    char circle_name[64];
    char polygon_name[64];

    std::snprintf(circle_name, sizeof(circle_name), "shapes::shape (derived, %zu)", sizeof(circle));
    std::snprintf(polygon_name, sizeof(polygon_name), "shapes::shape (derived, %zu)",
                  sizeof(polygon));
    CHECK(lives(circle_name, 1, 1) && stats_of(circle_name).live_bytes == sizeof(circle));
    CHECK(lives(polygon_name, 1, 1) && stats_of(polygon_name).live_bytes == sizeof(polygon));
    CHECK(lives("shapes::shape", 1, 1) && lives("shapes::label", 1, 1));
    const int before = shape::destroyed;
    delete round;
    delete angular;
    delete same;
    delete named;
    CHECK(shape::destroyed == before + 4);
    CHECK(lives(circle_name, 0, 0) && lives(polygon_name, 0, 0) && lives("shapes::shape", 0, 0));
    CHECK(lives("shapes::label", 0, 0));
}

template <int N> struct sized : shape {
    char more[8 * N] = {};
};

template <int N> struct each_size {
    static void check()
    {
        char name[64];
        shape *object = new sized<N>;
        std::snprintf(name, sizeof(name), "shapes::shape (derived, %zu)", sizeof(sized<N>));
        CHECK(stats_of(name).live_blocks == 1 && stats_of(name).size_bytes == sizeof(sized<N>));
        delete object;
        CHECK(lives(name, 0, 0));
        each_size<N - 1>::check();
    }
};
template <> struct each_size<0> {
    static void check()
    {
    }
};

static void arrays()
{
    point *points = new point[7];
    CHECK(lives("shapes::point", 1, 7) && points[6].y == 2);
    point *others = new (std::nothrow) point[3];
    CHECK(lives("shapes::point", 2, 10));
    delete[] points;
    delete[] others;
    CHECK(lives("shapes::point", 0, 0));

    /* These have a destructor, so the compiler keeps their number, too. */
    shape *objects = new shape[5];
    CHECK(lives("shapes::shape", 0, 0));
    CHECK(stats_of("shapes::shape[]").live_bytes == sizeof(std::size_t) + 5 * sizeof(shape));
    const int before = shape::destroyed;
    delete[] objects;
    CHECK(shape::destroyed == before + 5 && stats_of("shapes::shape[]").live_blocks == 0);
    circle *circles = new circle[4];
    CHECK(circles[3].radius == 2);
    delete[] circles;
}

static void alignment()
{
    line *one = new line;
    line *many = new line[3];

    CHECK(is_aligned(one, alignof(line)) && is_aligned(many, alignof(line)));
    CHECK(lives("shapes::line", 1, 1) && stats_of("shapes::line[]").live_blocks == 1);
    delete one;
    delete[] many;
    line *wider = new page_like;
#if defined(__cpp_aligned_new)
    CHECK(is_aligned(wider, alignof(page_like)));
    page_like *several = new (std::nothrow) page_like[2];
    CHECK(is_aligned(several, alignof(page_like)));
    delete[] several;
#endif
    delete static_cast<page_like *>(wider);
    CHECK(lives("shapes::line", 0, 0) && lives("shapes::line[]", 0, 0));
}

static void errors()
{
    bool thrown = false;

    try {
        delete new thrower;
    } catch (int) {
        thrown = true;
    }
    CHECK(thrown && lives("shapes::thrower", 0, 0));
    CHECK(point::operator new[](std::size_t(1) << 46, std::nothrow) == nullptr);
    thrown = false;
    try {
        point::operator new[](std::size_t(1) << 46);
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    CHECK(thrown);
}

int main()
{
    single_objects();
    placement_allocates_nothing();
    derived_classes();
    each_size<12>::check();
    arrays();
    alignment();
    errors();
    static_assert(sizeof(point) == 2 * sizeof(int), "the base class has no size");
    CHECK(lmm_leak_check(stderr) == 0);
    return 0;
}
