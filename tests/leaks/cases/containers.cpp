/* SPDX-License-Identifier: MIT */
/*
 * Containers of C++ that are kept or lost. A container that is kept has no destructor that would empty it at exit.
 */
#include "tests/leaks/cases/case.h"

#include <any>
#include <cstring>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace
{

struct node {
    std::shared_ptr<node> other;
    long value = 0;
};

struct alignas(64) wide {
    char bytes[64];
};

void *volatile kept;

template <typename T> T &keep(T *container)
{
    kept = static_cast<void *>(container);
    return *container;
}

void vector_kept()
{
    auto &vector = keep(new std::vector<int *>);

    vector.reserve(10);
    vector.push_back(new int(1));
}

void vector_lost()
{
    auto vector = new std::vector<int *>;

    vector->reserve(10);
    vector->push_back(new int(1));
}

/* The container goes, what its elements point to stays. */
void vector_elements_lost()
{
    std::vector<int *> vector;

    vector.reserve(10);
    vector.push_back(new int(1));
    vector.push_back(new int(2));
}

void map_kept()
{
    auto &map = keep(new std::map<int, int *>);

    for (int i = 0; i < 100; i++) {
        map[i] = new int(i);
    }
}

void unordered_map_kept()
{
    auto &map = keep(new std::unordered_map<int, int *>);

    map.reserve(100);
    for (int i = 0; i < 100; i++) {
        map[i] = new int(i);
    }
}

void set_lost()
{
    auto set = new std::set<int>;

    for (int i = 0; i < 10; i++) {
        set->insert(i);
    }
}

void list_kept()
{
    auto &list = keep(new std::list<int *>);

    for (int i = 0; i < 10; i++) {
        list.push_back(new int(i));
    }
}

void deque_kept()
{
    auto &deque = keep(new std::deque<int *>);

    for (int i = 0; i < 1000; i++) {
        deque.push_back(new int(i));
    }
}

void shared_pointers_in_ring()
{
    auto first = std::make_shared<node>();
    auto second = std::make_shared<node>();

    first->other = second;
    second->other = first;
}

/* The object is a block of its own, and so is its count. */
void shared_pointer_in_two_blocks()
{
    keep(new std::shared_ptr<node>(new node));
}

void unique_pointer_kept()
{
    keep(new std::unique_ptr<int>(new int(1)));
}

void string_short_kept()
{
    keep(new std::string("short"));
}

void string_long_kept()
{
    keep(new std::string(100, 'x'));
}

void string_long_lost()
{
    new std::string(100, 'x');
}

void function_kept()
{
    int numbers[10] = {};

    keep(new std::function<int()>([numbers] { return numbers[3]; }));
}

void any_kept()
{
    keep(new std::any(std::string(100, 'x')));
}

void new_aligned_kept()
{
    keep(new wide);
}

void new_aligned_lost()
{
    keep(new wide);
    kept = nullptr;
}

void new_nothrow_lost()
{
    (void) new (std::nothrow) char[77];
}

void exception_kept()
{
    alignas(std::exception_ptr) static char place[sizeof(std::exception_ptr)];

    try {
        throw std::unique_ptr<int>(new int(1));
    } catch (...) {
        new (place) std::exception_ptr(std::current_exception());
    }
}

/* Empties itself at exit, before any check. */
void static_container()
{
    static std::vector<std::unique_ptr<int>> vector;

    vector.push_back(std::make_unique<int>(1));
}

struct owner {
    std::unique_ptr<int> number = std::make_unique<int>(1);
};

void thread_local_object()
{
    static thread_local owner object;

    *object.number = 2;
}

} // namespace

const leak_case container_cases[] = {
    {"vector_kept", vector_kept},
    {"vector_lost", vector_lost},
    {"vector_elements_lost", vector_elements_lost},
    {"map_kept", map_kept},
    {"unordered_map_kept", unordered_map_kept},
    {"set_lost", set_lost},
    {"list_kept", list_kept},
    {"deque_kept", deque_kept},
    {"shared_pointers_in_ring", shared_pointers_in_ring},
    {"shared_pointer_in_two_blocks", shared_pointer_in_two_blocks},
    {"unique_pointer_kept", unique_pointer_kept},
    {"string_short_kept", string_short_kept},
    {"string_long_kept", string_long_kept},
    {"string_long_lost", string_long_lost},
    {"function_kept", function_kept},
    {"any_kept", any_kept},
    {"new_aligned_kept", new_aligned_kept},
    {"new_aligned_lost", new_aligned_lost},
    {"new_nothrow_lost", new_nothrow_lost},
    {"exception_kept", exception_kept},
    {"static_container", static_container},
    {"thread_local_object", thread_local_object},
    {nullptr, nullptr},
};
