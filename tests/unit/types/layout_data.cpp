// SPDX-License-Identifier: MIT
// Classes, whose layouts test_layout_cxx.c looks at; as layout_data.c.
#include <map>

#define USED static __attribute__((used))

int VARIANT;

#define KEEP(name) USED name v_##name

struct Person {
    virtual ~Person() = default;
    char level;
    long id;
    char kind;
};
KEEP(Person);
struct Person_best {
    virtual ~Person_best() = default;
    long id;
    char level;
    char kind;
};
KEEP(Person_best);

struct Plain { // its padding is not used by what derives from it
    long key;
    char kind;
};
struct FromPlain : Plain {
    char flags;
    long count;
    char last;
};
KEEP(FromPlain);
struct FromPlain_best : Plain {
    long count;
    char flags;
    char last;
};
KEEP(FromPlain_best);

struct Base { // its padding is used by what derives from it
    virtual void run()
    {
    }
    int count = 0;
};
class Derived : public Base
{
  public:
    long id;
    int flags;
    char last;
    int more;
};
KEEP(Derived);
class Derived_best : public Base
{
  public:
    int flags;
    long id;
    int more;
    char last;
};
KEEP(Derived_best);

struct Short { // debug information does not tell whether its padding is used
    long key;
    int count;
};
struct Unclear : Short {
    long id;
    int flags;
    char last;
    int more;
};
KEEP(Unclear);

struct Empty {
};
struct FromEmpty : Empty {
    char kind;
    Plain plain;
    char flags;
};
KEEP(FromEmpty);
struct FromEmpty_best : Empty {
    Plain plain;
    char kind;
    char flags;
};
KEEP(FromEmpty_best);

struct Holder {
    char kind;
    std::map<int, long> names;
    bool is_open;
    int Holder::*member;
    void (Holder::*call)();
    static const long shared = 1;
    Empty empty;
};
KEEP(Holder);
struct Holder_best {
    std::map<int, long> names;
    int Holder::*member;
    void (Holder::*call)();
    char kind;
    bool is_open;
    Empty empty;
};
KEEP(Holder_best);

struct Virtual : virtual Base {
    char kind;
    long key;
    char flags;
};
KEEP(Virtual);

struct HoldsVirtual {
    char kind;
    Virtual inside;
    char flags;
};
KEEP(HoldsVirtual);

template <typename T> struct Box {
    char kind;
    T value;
    char flags;
};
using IntBox = Box<int>;
KEEP(IntBox);
struct IntBox_best {
    int value;
    char kind;
    char flags;
};
KEEP(IntBox_best);
