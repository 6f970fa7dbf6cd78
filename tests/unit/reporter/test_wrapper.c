/* SPDX-License-Identifier: MIT */
/* Wrappers: which names, modules and source files do not belong to the program. */
#include "reporter/program/symbols/wrapper.h"

#include <criterion/criterion.h>

struct name {
    const char *text;
    bool is_one;
};

static void check(const struct name *names, size_t count, bool (*is_one)(const char *))
{
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(is_one(names[i].text), names[i].is_one, "%s", names[i].text);
    }
    cr_expect_not(is_one(NULL));
    cr_expect_not(is_one(""));
}

#define CHECK(names, is_one) check(names, sizeof(names) / sizeof((names)[0]), is_one)

Test(wrapper, libraries)
{
    static const struct name names[] = {
        {"libc.so.6", true},           {"ld-linux-x86-64.so.2", true},
        {"libstdc++.so.6.0.30", true}, {"libm.so.6", false},
        {"libcurl.so.4", false},       {"lda", false},
        {"libc-2.31.so", true},        {"hr", false},
    };

    CHECK(names, lmm_wrapper_is_library);
}

Test(wrapper, cplusplus_functions)
{
    static const struct name names[] = {
        {"_Znwm", true},
        {"_Znam", true},
        {"_ZNSt6vectorIiSaIiEE9push_backERKi", true},
        {"_ZNKSt6vectorIiSaIiEE4sizeEv", true},
        {"_ZSt11make_uniqueIiJEE", true},
        {"_ZN2hr4hireEi", false},
        {"_Z4growi", false},
        {"Stop", false},
    };

    CHECK(names, lmm_wrapper_is_cplusplus);
}

Test(wrapper, c_functions)
{
    static const struct name names[] = {
        {"malloc", true},     {"xmalloc", true},        {"g_malloc0", true},
        {"zcalloc", true},    {"do_xrealloc", true},    {"my_strdup", true},
        {"g_malloc_n", true}, {"malloc_trim", false},   {"load", false},
        {"mallocate", false}, {"reader_malloc", false}, {"strduplicate", false},
    };

    CHECK(names, lmm_wrapper_is_c);
}

Test(wrapper, headers_of_the_system)
{
    static const struct name names[] = {
        {"/usr/include/x86_64-linux-gnu/bits/stdio.h", true},
        {"/usr/include/string.h", true},
        {"/usr/include/c++/12/bits/new_allocator.h", true},
        {"/opt/gcc-14/include/c++/14.1.0/bits/alloc_traits.h", true},
        {"/usr/bin/../lib/gcc/x86_64-linux-gnu/12/../../../../include/c++/12/memory", true},
        {"/usr/lib/gcc/x86_64-linux-gnu/12/include/mm_malloc.h", true},
        {"/usr/lib/llvm-14/lib/clang/14.0.6/include/mm_malloc.h", true},
        {"/home/me/hr/include/staff.h", false},
        {"/home/me/hr/src/staff.c", false},
        {"include/staff.h", false},
        {"/usr/src/hr/staff.c", false},
    };

    CHECK(names, lmm_wrapper_is_header);
}

Test(wrapper, starts)
{
    static const struct name names[] = {
        {"__libc_start_call_main", true},
        {"start_thread", true},
        {"clone3", true},
        {"main", false},
        {"_start", false},
        {"start_thread_pool", false},
    };

    CHECK(names, lmm_wrapper_is_start);
}
