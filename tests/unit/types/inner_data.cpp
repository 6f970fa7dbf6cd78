// SPDX-License-Identifier: MIT
// Structs in structs, which test_inner_layout.c looks at: v_NAME, and v_NAME_best, what it is when the struct in it has a
// better order.
#include <list>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#define USED static __attribute__((used))

int VARIANT;

#define KEEP(name)                                                                                 \
    USED name<Packet> v_##name;                                                                    \
    USED name<Packet_best> v_##name##_best

struct Packet {
    char kind;
    void *data;
    short flags;
    int length;
    char last;
    int port;
};
struct Packet_best {
    void *data;
    int length;
    int port;
    short flags;
    char kind;
    char last;
};
USED Packet v_Packet;
USED Packet_best v_Packet_best;

template <typename P> struct Field {
    char mark;
    P packet;
    char end;
};
KEEP(Field);

template <typename P> struct Array {
    int count;
    P packets[3];
};
KEEP(Array);

template <typename P> struct Derived : P {
    long more;
};
KEEP(Derived);

template <typename P> struct Deep {
    Field<P> field;
    Array<P> array[2];
    short last;
};
KEEP(Deep);

template <typename P> struct Aligned {
    char mark;
    alignas(16) P packet;
    char end;
};
KEEP(Aligned);

template <typename P> struct InUnion {
    long mark;
    union {
        P packet;
        long number;
    };
};
KEEP(InUnion);

template <typename P> struct __attribute__((packed)) Packed {
    char mark;
    P packet;
};
KEEP(Packed);

#ifdef __GLIBCXX__
template <typename P> using MapNode = std::_Rb_tree_node<std::pair<const int, P>>;
KEEP(MapNode);
template <typename P> using ListNode = std::_List_node<P>;
KEEP(ListNode);
template <typename P> using HashNode = std::__detail::_Hash_node<std::pair<const int, P>, false>;
KEEP(HashNode);
#endif
