/* SPDX-License-Identifier: MIT */
/* Wrappers: which names, modules and source files do not belong to the program. */
#include "reporter/program/symbols/wrapper.h"

#include <criterion/criterion.h>
#include <string.h>

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

static bool is_library(const char *name)
{
    return lmm_wrapper_is_library(lmm_string_of(name == NULL ? "" : name));
}

Test(wrapper, libraries)
{
    static const struct name names[] = {
        {"libc.so.6", true},           {"ld-linux-x86-64.so.2", true},
        {"libstdc++.so.6.0.30", true}, {"libm.so.6", false},
        {"libcurl.so.4", false},       {"lda", false},
        {"libc-2.31.so", true},        {"hr", false},
        {"ld-2.31.so", true},          {"ld-linux.so.2", true},
        {"ld-musl-x86_64.so.1", true}, {"ld64.so.2", true},
        {"libc++.so.1.0", true},       {"libc++abi.so.1", true},
        {"liblmm_preload.so", true},   {"libc.musl-x86_64.so.1", true},
        {"ld-parser", false},          {"ld-linux-tool", false},
        {"libc-tools", false},         {"libc-2d.so", false},
        {"libc.so.conf", false},       {"ld.sort", false},
        {"libstdc++.sockets", false},  {"ld-2048", false},
    };

    CHECK(names, is_library);
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

Test(wrapper, components)
{
    static const struct {
        const char *name;
        const char *component;
    } cases[] = {
        {"xmalloc", "xmalloc"},
        {"os::malloc(unsigned long, MEMFLAGS)", "malloc"},
        {"int* hr::make<int>(int)", "make"},
        {"std::map<int, std::pair<int, int> >::insert(int) const", "insert"},
        {"(anonymous namespace)::Pool::alloc(int)", "alloc"},
        {"operator new(unsigned long)", "operator new"},
        {"Chunk::operator new[](unsigned long, void*)", "operator new[]"},
        {"hr::operator<<(std::ostream&, int)", "operator<<"},
        {"hr::F<int>::operator()(int) const", "operator()"},
        {"hr::Box<(hr::E)1>::grow()", "grow"},
        {"<hr::W<[u16; 50]> as hr::Go>::go", "go"},
        {"hr::grow::<u8, fn(u8) -> u8>", "grow"},
        {"hr::main::{closure#0}", "{closure#0}"},
        {"", ""},
        {">>", ">>"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_string component = lmm_wrapper_component(lmm_string_of(cases[i].name));

        cr_expect(component.bytes == strlen(cases[i].component) &&
                      memcmp(component.text, cases[i].component, component.bytes) == 0,
                  "%s: %.*s", cases[i].name, (int) component.bytes, component.text);
    }
}

static bool is_named(const char *name)
{
    return lmm_wrapper_is_named(lmm_string_of(name == NULL ? "" : name));
}

Test(wrapper, named)
{
    static const struct name names[] = {
        {"malloc", true},
        {"xmalloc", true},
        {"g_malloc0", true},
        {"zcalloc", true},
        {"do_xrealloc", true},
        {"my_strdup", true},
        {"g_malloc_n", true},
        {"malloc_trim", false},
        {"load", false},
        {"mallocate", false},
        {"reader_malloc", false},
        {"strduplicate", false},
        {"my_alloc", true},
        {"palloc", true},
        {"lalloc", true},
        {"CRYPTO_zalloc", true},
        {"XtMalloc", true},
        {"ztrymalloc_usable_internal", true},
        {"zmalloc_usable", true},
        {"png_malloc_base", true},
        {"grow_pod", true},
        {"_PyObject_GC_NewVar", true},
        {"luaM_malloc_", true},
        {"janet_gcalloc", true},
        {"ngx_palloc_block", true},
        {"my_internal_malloc", true},
        {"operator new[]", true},
        {"allocate", true},
        {"dealloc", false},
        {"allocator", false},
        {"realloc_list", false},
        {"node_alloc", false},
        {"pool_get", false},
        {"zslCreate", false},
    };

    CHECK(names, is_named);
}

Test(wrapper, headers_of_the_system)
{
    static const struct name names[] = {
        {"/usr/include/x86_64-linux-gnu/bits/stdio.h", true},
        {"/usr/include/string.h", true},
        {"/usr/aarch64-linux-gnu/include/bits/stdio.h", true},
        {"/usr/include/c++/12/bits/new_allocator.h", true},
        {"/opt/gcc-14/include/c++/14.1.0/bits/alloc_traits.h", true},
        {"/usr/bin/../lib/gcc/x86_64-linux-gnu/12/../../../../include/c++/12/memory", true},
        {"/usr/lib/gcc/x86_64-linux-gnu/12/include/mm_malloc.h", true},
        {"/usr/lib/llvm-14/lib/clang/14.0.6/include/mm_malloc.h", true},
        {"/home/me/hr/include/staff.h", false},
        {"/home/me/hr/src/staff.c", false},
        {"include/staff.h", false},
        {"/usr/src/hr/staff.c", false},
        {"/usr/include/boost/any.hpp", true},
        {"/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/vec/mod.rs", true},
        {"/usr/src/rustc-1.63.0/library/core/src/ops/function.rs", true},
        {"/home/me/rustc/src/main.rs", false},
        {"/home/me/rustcraft/library/main.rs", false},
    };
    static const struct name standard[] = {
        {"/usr/include/c++/12/memory", true},
        {"/usr/include/boost/any.hpp", false},
        {"/rust/deps/hashbrown-0.15.2/src/raw/mod.rs", true},
    };

    CHECK(names, lmm_wrapper_is_header);
    CHECK(standard, lmm_wrapper_is_standard_file);
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
