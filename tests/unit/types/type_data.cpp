// SPDX-License-Identifier: MIT
// Types of C++, whose debug information test_type_info.c looks at.
#include <cstddef>
#include <cstdint>

#define USED static __attribute__((used))

int VARIANT;

namespace hr
{
struct Person {
    virtual ~Person() = default;
    long id;
};

class Employee : public Person
{
  public:
    struct Badge {
        int number;
        Employee *owner;
    };
    enum class Level { Low, High };
    Badge badge;
    Employee *chief;
    static int count;
};

namespace detail
{
template <typename T> struct Box {
    T value;
    Box *next;
};
} // namespace detail

typedef struct {
    int x;
} Point;

struct Opaque {
    struct Inside;
    Inside *inside;
};
struct Opaque::Inside {
    char bytes[24];
};
} // namespace hr

namespace
{
struct Hidden {
    char c;
};
} // namespace

struct Plain : hr::Employee {
    int more;
};
typedef Plain plain_t;

namespace a
{
struct Twin {
    int x;
};
} // namespace a
namespace b
{
struct Twin {
    long x;
};
} // namespace b

namespace hr
{
struct Header {
    int references;
    long bytes;
};
template <typename T> struct Elements : Header {
};
template <typename T> struct Counted : Header {
    T value;
};
template <typename T> struct More : Elements<T> {
};
struct Named : Header {
};
} // namespace hr

USED hr::Elements<short> v_elements;
USED hr::Elements<hr::Person *> v_pointers;
USED hr::Counted<short> v_counted;
USED hr::More<short> v_more;
USED hr::Named v_named;
USED hr::Person *v_person;
USED hr::Employee *v_employee;
USED Plain v_object; /* so that its classes are described */
USED hr::Employee::Badge v_badge;
USED hr::Employee::Level v_level;
USED hr::detail::Box<int> v_box;
USED hr::detail::Box<hr::Employee::Badge> v_badge_box;
USED hr::Point v_point;
USED hr::Opaque v_opaque;
USED Hidden v_hidden;
USED Plain *v_plain;
USED plain_t *v_plain_typedef;
USED std::byte v_byte;
USED char16_t v_char16;
USED const hr::Point &v_reference = v_point;
USED a::Twin v_twin_a;
USED b::Twin v_twin_b;
USED long hr::Person::*v_member;

static __attribute__((noinline, used)) int in_function()
{
    struct Local {
        int value;
    };
    USED Local v_local;
    return v_local.value + v_opaque.inside->bytes[1];
}
