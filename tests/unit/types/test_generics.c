/* SPDX-License-Identifier: MIT */
/* Functions that allocate by their generic arguments, and constructors: by the debug information of
 * each compiler, and by names. */
#include "reporter/program/types/generics.h"

#include <criterion/criterion.h>
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "reporter/program/types/type_info.h"
#include "tests/unit/types/own_dwarf.h"

TestSuite(generics, .init = own_dwarf_open, .fini = own_dwarf_close);

enum {
    FOUND_MAX = 256,
};

struct found {
    char name[LMM_TYPE_NAME_MAX];
    bool is_array;
};

static struct found found[FOUND_MAX];
static size_t found_count;

static void add_found(const Dwarf_Die *type, bool is_array)
{
    char name[LMM_TYPE_NAME_MAX];

    lmm_type_name(type, name);
    for (size_t i = 0; i < found_count; i++) {
        if (strcmp(found[i].name, name) == 0 && found[i].is_array == is_array) {
            return;
        }
    }
    cr_assert_lt(found_count, (size_t) FOUND_MAX);
    memcpy(found[found_count].name, name, sizeof(name));
    found[found_count++].is_array = is_array;
}

static void add_types_of(const Dwarf_Die *function)
{
    Dwarf_Die type;
    bool is_array;

    if (lmm_generics_of(function, &type, &is_array)) {
        add_found(&type, is_array);
    }
}

static void add_classes_of(const Dwarf_Die *function)
{
    Dwarf_Die type;

    if (lmm_generics_class(function, &type)) {
        add_found(&type, false);
    }
}

static void expect_found(const char *variant, const struct found *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;

        while (k < found_count && (found[k].is_array != expected[i].is_array ||
                                   strcmp(found[k].name, expected[i].name) != 0)) {
            k++;
        }
        cr_expect_lt(k, found_count, "%s: no %s%s", variant, expected[i].name,
                     expected[i].is_array ? "[]" : "");
    }
}

static const struct found allocated[] = {
    {"hr::Employee", true},           {"hr::Employee", false},     {"int", true},
    {"std::_List_node<short>", true}, {"hr::Pair<short> *", true},
};

/* Debug information of gcc has "short int" in the names of templates, that of clang "short". */
static void use_usual_names(void)
{
    for (size_t i = 0; i < found_count; i++) {
        char *at = strstr(found[i].name, "short int");

        if (at != NULL) {
            memmove(at + 5, at + 9, strlen(at + 9) + 1);
        }
    }
}

Test(generics, tell_what_a_function_allocates)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        found_count = 0;
        own_dwarf_each_function(variants[i], add_types_of);
        use_usual_names();
        expect_found(variants[i], allocated, sizeof(allocated) / sizeof(allocated[0]));
        for (size_t k = 0; k < found_count; k++) {
            cr_expect_null(strstr(found[k].name, "allocator<hr"), "%s: %s", variants[i],
                           found[k].name);
        }
    }
}

static const struct found constructed[] = {
    {"hr::Employee", false},
    {"hr::Pair<short>", false},
    {"(anonymous namespace)::Hidden", false},
};

Test(generics, tell_the_class_of_a_constructor)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        Dwarf_Die function;
        Dwarf_Die type;

        found_count = 0;
        own_dwarf_each_function(variants[i], add_classes_of);
        use_usual_names();
        expect_found(variants[i], constructed, sizeof(constructed) / sizeof(constructed[0]));
        cr_assert(own_dwarf_find(variants[i], DW_TAG_subprogram, "use", &function));
        cr_expect_not(lmm_generics_class(&function, &type));
    }
}

static size_t own_count;

static void expect_own_by_name(const Dwarf_Die *function)
{
    char name[LMM_TYPE_NAME_MAX];

    lmm_type_whole_name(function, name);
    if (strncmp(name, "std::", 5) == 0 || strncmp(name, "__gnu_cxx::", 11) == 0) {
        cr_expect_not(lmm_generics_is_own(function), "%s", name);
    } else if (strncmp(name, "hr::", 4) == 0 || strcmp(name, "use") == 0) {
        cr_expect(lmm_generics_is_own(function), "%s", name);
        own_count++;
    }
}

Test(generics, tell_the_program_from_the_library)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        own_count = 0;
        own_dwarf_each_function(variants[i], expect_own_by_name);
        cr_expect_gt(own_count, (size_t) 2, "%s", variants[i]);
    }
}

#ifdef RUST_PROGRAM
static const struct found rust[] = {
    {"generic_data::Node", false},
    {"generic_data::Node", true},
    {"(u32, generic_data::Node)", true},
};

Test(generics, tell_what_a_function_of_rust_allocates)
{
    own_dwarf_close();
    own_dwarf_open_file(RUST_PROGRAM);
    found_count = 0;
    own_dwarf_each_function(NULL, add_types_of);
    expect_found("Rust", rust, sizeof(rust) / sizeof(rust[0]));
}
#endif

/* ---- Names ----------------------------------------------------------------------------------- */

static const struct {
    const char *function;
    const char *type; /* NULL: it is no such function */
    bool is_array;
} names[] = {
    {"std::__new_allocator<hr::Employee>::allocate(unsigned long, void const*)", "hr::Employee",
     true},
    {"__gnu_cxx::new_allocator<std::_Rb_tree_node<std::pair<int const, hr::Employee> > >"
     "::allocate(unsigned long, void const*)",
     "std::_Rb_tree_node<std::pair<int const, hr::Employee> >", true},
    {"std::allocator<int>::allocate(unsigned long)", "int", true},
    {"std::__1::allocator<char>::allocate[abi:v15000](unsigned long)", "char", true},
    {"std::__1::unique_ptr<a::B> std::__1::make_unique[abi:ne180100]<a::B, int>(int&&)", "a::B",
     false},
    {"std::__1::allocator<char>::allocate(unsigned long)", "char", true},
    {"std::allocator_traits<std::allocator<hr::Employee> "
     ">::allocate(std::allocator<hr::Employee>&, "
     "unsigned long)",
     "hr::Employee", true},
    {"std::allocator_traits<my::Arena<hr::Employee> >::allocate(my::Arena<hr::Employee>&, unsigned "
     "long)",
     NULL, false},
    {"std::_MakeUniq<hr::Employee>::__single_object std::make_unique<hr::Employee, int>(int&&)",
     "hr::Employee", false},
    {"std::_MakeUniq<int []>::__array std::make_unique<int []>(unsigned long)", "int", true},
    {"std::make_unique<int [3]>(unsigned long)", "int [3]", false},
    {"std::shared_ptr<hr::Employee> std::make_shared<hr::Employee, int>(int&&)", NULL, false},
    {"std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> "
     ">::_M_create(unsigned long&, unsigned long)",
     "char", true},
    {"std::__cxx11::basic_string<wchar_t, std::char_traits<wchar_t>, std::allocator<wchar_t> "
     ">::basic_string(wchar_t const*, std::allocator<wchar_t> const&)",
     "wchar_t", true},
    {"std::string::_Rep::_S_create(unsigned long, unsigned long, std::allocator<char> const&)",
     NULL, false},
    {"std::_Vector_base<hr::Employee*, std::allocator<hr::Employee*> >::_M_allocate(unsigned long) "
     "[clone .isra.0]",
     "hr::Employee*", true},
    {"std::vector<bool, std::allocator<bool> >::reserve(unsigned long)", NULL, false}, /* of bits */
    {"std::vector<hr::Employee, std::allocator<hr::Employee> >::size() const", NULL, false},
    {"<alloc::boxed::Box<app::Node>>::new", "app::Node", false},
    {"alloc::boxed::Box<app::Node>::new", "app::Node", false},
    {"alloc::boxed::Box<T>::new", NULL, false},
    {"<alloc::raw_vec::RawVec<app::Node>>::grow_one", "app::Node", true},
    {"<alloc::raw_vec::RawVec<(u32, &str), alloc::alloc::Global>>::allocate_in", "(u32, &str)",
     true},
    {"<alloc::raw_vec::RawVec<fn(u8) -> app::Node>>::grow_one", "fn(u8) -> app::Node", true},
    {"alloc::raw_vec::RawVec<T,A>::grow_one", NULL, false},
    {"<alloc::raw_vec::RawVec<_>>::reserve::do_reserve_and_handle::<app::Node, "
     "alloc::alloc::Global>",
     "app::Node", true},
    {"alloc::raw_vec::finish_grow::<alloc::alloc::Global>", NULL, false},
    {"<alloc::vec::Vec<u8>>::with_capacity", "u8", true},
    {"<alloc::vec::Vec<app::Node>>::push", "app::Node", true},
    {"<alloc::vec::Vec<app::Node> as core::ops::drop::Drop>::drop", NULL, false},
    {"alloc::vec::from_elem::<app::Node>", "app::Node", true},
    {"<alloc::string::String>::with_capacity", "u8", true},
    {"<alloc::string::String as core::clone::Clone>::clone", "u8", true},
    {"<alloc::rc::Rc<app::Node>>::new", "alloc::rc::RcInner<app::Node>", false},
    {"<alloc::sync::Arc<app::Node>>::new", "alloc::sync::ArcInner<app::Node>", false},
    {"<hashbrown::raw::RawTable<(u32, "
     "app::Node)>>::reserve_rehash::<hashbrown::map::make_hasher<u32>"
     "::{closure#0}>",
     "(u32, app::Node)", true},
    {"operator new(unsigned long)", NULL, false},
    {"malloc", NULL, false},
    {"main", NULL, false},
    {"", NULL, false},
    {"std::allocator<", NULL, false},
    {"std::allocator<>::allocate(int)", NULL, false},
    {"std::allocator<int>>::allocate(int)", NULL, false},
    {"<<<<>>>>::(", NULL, false},
    {"::::", NULL, false},
    {")", NULL, false},
    {"<alloc::boxed::Box<app::Node>", NULL, false},
};

Test(generics, tell_what_a_function_allocates_by_its_name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char type[128] = "nothing";
        bool is_array = names[i].is_array;

        lmm_generics_of_name(names[i].function, type, sizeof(type), &is_array);
        cr_expect_str_eq(type, names[i].type != NULL ? names[i].type : "nothing", "%s: %s",
                         names[i].function, type);
        cr_expect_eq(is_array, names[i].is_array, "%s", names[i].function);
    }
}

Test(generics, need_room_for_a_name)
{
    char type[4];
    bool is_array;

    cr_expect(
        lmm_generics_of_name("std::allocator<int>::allocate(unsigned long)", type, 4, &is_array));
    cr_expect_str_eq(type, "int");
    cr_expect_not(
        lmm_generics_of_name("std::allocator<long>::allocate(unsigned long)", type, 4, &is_array));
    cr_expect_not(lmm_generics_of_name("<alloc::rc::Rc<app::Node>>::new", type, 4, &is_array));
}

static const struct {
    const char *function;
    const char *name; /* NULL: it is no constructor */
} constructors[] = {
    {"hr::Employee::Employee(int)", "hr::Employee"},
    {"Plain::Plain()", "Plain"},
    {"hr::Pair<short>::Pair<int>(int)", "hr::Pair<short>"},
    {"hr::Pair<short>::Pair(short, std::function<void (int)>)", "hr::Pair<short>"},
    {"(anonymous namespace)::Hidden::Hidden(int) [clone .constprop.0]",
     "(anonymous namespace)::Hidden"},
    {"main::Local::Local(int)", "main::Local"},
    {"in(int)::Local::Local()", "in(int)::Local"},
    {"hr::Employee::~Employee()", NULL},
    {"hr::Employee::rename()", NULL},
    {"hr::Employee::Employees()", NULL},
    {"hr::BigEmployee::Employee()", NULL},
    {"Employee(int)", NULL},
    {"app::Employee::Employee", NULL}, /* no parameters: not C++ */
    {"hr::Employee hr::make(int)", NULL},
    {"", NULL},
};

Test(generics, tell_the_class_of_a_constructor_by_its_name)
{
    for (size_t i = 0; i < sizeof(constructors) / sizeof(constructors[0]); i++) {
        char name[128] = "nothing";

        lmm_generics_class_of_name(constructors[i].function, name, sizeof(name));
        cr_expect_str_eq(name, constructors[i].name != NULL ? constructors[i].name : "nothing",
                         "%s: %s", constructors[i].function, name);
    }
}

Test(generics, tell_the_class_of_a_table)
{
    char name[32] = "nothing";

    cr_expect_not(lmm_generics_class_of_table("typeinfo for hr::Employee", name, sizeof(name)));
    cr_expect_not(lmm_generics_class_of_table("vtable for ", name, sizeof(name)));
    cr_expect_not(
        lmm_generics_class_of_table("construction vtable for A-in-B", name, sizeof(name)));
    cr_expect_str_eq(name, "nothing");
    cr_expect(lmm_generics_class_of_table("vtable for hr::Employee", name, sizeof(name)));
    cr_expect_str_eq(name, "hr::Employee");
}
