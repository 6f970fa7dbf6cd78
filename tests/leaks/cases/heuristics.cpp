/* SPDX-License-Identifier: MIT */
/*
 * Pointers of C++ to the inside of a block that are as good as one to its start. Compiled for the old ABI of
 * std::string, whose strings are one pointer to the characters, past their length.
 */
#define _GLIBCXX_USE_CXX11_ABI 0
#include "tests/leaks/cases/case.h"

#include <cstdlib>
#include <string>

namespace
{

struct with_destructor {
    int value = 0;
    ~with_destructor()
    {
        value = 1;
    }
};

struct first_base {
    virtual ~first_base() = default;
    long first = 0;
};

struct second_base {
    virtual ~second_base() = default;
    long second = 0;
};

struct derived : first_base, second_base {
    long own = 0;
};

void *volatile kept;

void old_string()
{
    kept = static_cast<void *>(new std::string(100, 'x'));
}

void old_string_in_global()
{
    alignas(std::string) static char place[sizeof(std::string)];

    new (place) std::string(100, 'x');
}

void array_with_cookie()
{
    kept = new with_destructor[10];
}

void array_with_cookie_lost()
{
    new with_destructor[10];
}

/* A block of 8 bytes, which are the count, and a pointer to its end. */
void array_of_none()
{
    kept = new with_destructor[static_cast<size_t>(std::getenv("NONE") != nullptr)];
}

void second_base_only()
{
    second_base *base = new derived;

    kept = base;
}

} // namespace

const leak_case heuristic_cases[] = {
    {"old_string", old_string},
    {"old_string_in_global", old_string_in_global},
    {"array_with_cookie", array_with_cookie},
    {"array_with_cookie_lost", array_with_cookie_lost},
    {"array_of_none", array_of_none},
    {"second_base_only", second_base_only},
    {nullptr, nullptr},
};
