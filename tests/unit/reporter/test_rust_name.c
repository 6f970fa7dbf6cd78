/* SPDX-License-Identifier: MIT */
/* Names of Rust functions, of both schemes, and hostile ones. */
#include "reporter/program/symbols/rust_name.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct name {
    const char *mangled;
    const char *readable; /* NULL: it is not a Rust name */
    bool is_standard;
};

/* Some are examples of RFC 2603; what LLVM's demangler makes of them is the same. */
static const struct name names[] = {
    {"_RNvC6_123foo3bar", "123foo::bar", false},
    {"_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_", "cc::spawn::{closure#0}::{closure#0}", false},
    {"_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator"
     "9rpositionNCNgNpB9_6memchr7memrchrs_0E0Bb_",
     "<core::slice::Iter<u8> as core::iter::iterator::Iterator>::rposition::<core::slice::memchr::"
     "memrchr::{closure#1}>::{closure#0}",
     true},
    {"_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_"
     "ECs1iopQbuBiw2_3std",
     "alloc::alloc::box_free::<dyn alloc::boxed::FnBox<(), Output = ()>>", true},
    {"_RNvMC8arrayvecINtB2_8ArrayVechKj7b_E3new", "<arrayvec::ArrayVec<u8, 123>>::new", false},
    {"_RMC0INtC8const_in8RevConstKln7b_E", "<const_in::RevConst<-123>>", false},
    {"_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y",
     "utf8_idents::\u10e1\u10d0\u10ed\u10db\u10d4\u10da\u10d0\u10d3_\u10d2\u10d4\u10db\u10e0\u10d8"
     "\u10d4\u10da\u10d8_\u10e1\u10d0\u10d3\u10d8\u10da\u10d8",
     false},
    {"_RNvXs5_Cs1a_4mineINtB5_1WAtj32_ENtB5_2Go2go", "<mine::W<[u16; 50]> as mine::Go>::go", false},
    {"_RINvC1a1fKb1_Kc76_KRe616263_KVNtC1a1SS1xh1_EE",
     "a::f::<true, 'v', \"abc\", {a::S { x: 1 }}>", false},
    {"_RINvC1a1fFG_RL0_hEuTlEE", "a::f::<for<'a> fn(&'a u8), (i32,)>", false},
    {"_RINvC1a1fFUKCEbDG_INtC1a1TRL0_hEEL_E",
     "a::f::<unsafe extern \"C\" fn() -> bool, dyn for<'a> a::T<&'a u8>>", false},
    {"_RINvC1a1fOaPbQhSjKpE", "a::f::<*mut i8, *const bool, &mut u8, [usize], _>", false},
    /* What a type of the program inherits from a trait is that trait's. */
    {"_RNvYNtC1a1SNtC4core1T1f", "<a::S as core::T>::f", true},
    {"_RNvYNtC4core1SNtC1a1T1f", "<core::S as a::T>::f", false},
    {"_RNvXC1aNtB2_1SNtC4core5Clone5clone", "<a::S as core::Clone>::clone", false},
    {"_RNvCs_7___rustc12___rust_alloc", "__rustc::__rust_alloc", true},
    {"_RNvC1a1f.llvm.123", "a::f", false},
    {"_RNSC1a4drop", "a::{shim:drop#0}", false},
    {"_ZN10rust_names8leak_vec17h0123456789abcdefE", "rust_names::leak_vec", false},
    {"_ZN10rust_names4main28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE",
     "rust_names::main::{{closure}}", false},
    {"_ZN5alloc5alloc15exchange_malloc17h0123456789abcdefE.llvm.1", "alloc::alloc::exchange_malloc",
     true},
    {"_ZN50_$LT$T$u20$as$u20$core..convert..Into$LT$U$GT$$GT$4into17h0123456789abcdefE",
     "<T as core::convert::Into<U>>::into", true},
    {"_ZN44_$LT$my..S$u20$as$u20$core..clone..Clone$GT$5clone17h0123456789abcdefE",
     "<my::S as core::clone::Clone>::clone", false},
    /* Names of C and C++, and parts of names. */
    {"_ZN2hr4hireEi", NULL, false},
    {"_ZN2hr17h0000000000000000E", NULL, false},
    {"_ZN2hr17h0123456789abcdefEi", NULL, false},
    {"main", NULL, false},
    {"_Read", NULL, false},
    {"_R", NULL, false},
    {"", NULL, false},
    {"_RNvC1a", NULL, false},
    {"_RNvC1a9z", NULL, false},
    {"_RB_", NULL, false},
    {"_RNvB0_1f", NULL, false},
    {"_RNvC1au3_z", NULL, false},
    {"_RINvC1a1fKce00000000_E", NULL, false},
    {"_RNvC99999999999999999999991a", NULL, false},
    {"_ZN99999999999999999999991a17h0123456789abcdefE", NULL, false},
    {"_ZN4$u7$17h0123456789abcdefE", NULL, false},
};

Test(rust_name, names)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *readable = lmm_rust_name_demangle(names[i].mangled);

        if (names[i].readable == NULL) {
            cr_expect_null(readable, "%s: %s", names[i].mangled, readable);
        } else {
            cr_assert_not_null(readable, "%s", names[i].mangled);
            cr_expect_str_eq(readable, names[i].readable);
        }
        cr_expect_eq(lmm_rust_name_is_standard(names[i].mangled), names[i].is_standard, "%s",
                     names[i].mangled);
        free(readable);
    }
}

/* Each cut of a name, and each with one character changed: nothing is read past the end. */
Test(rust_name, damaged_names)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t at = 0; at < strlen(names[i].mangled); at++) {
            char *damaged = strdup(names[i].mangled);

            damaged[at] = (char) (at % 3 == 0 ? 'B' : at % 3 == 1 ? '9' : 'I');
            free(lmm_rust_name_demangle(damaged));
            lmm_rust_name_is_standard(damaged);
            damaged[at] = '\0';
            free(lmm_rust_name_demangle(damaged));
            lmm_rust_name_is_standard(damaged);
            free(damaged);
        }
    }
}

/* Back references double the text at each level; the work and the result stay bounded. */
Test(rust_name, references_that_explode)
{
    char name[4096] = "_RINvC1a1fTuuE";
    size_t bytes = strlen(name);
    const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t last = 8; /* where the tuple is, counted from after "_R" */

    for (int i = 0; i < 40; i++) {
        size_t at = bytes - 2;
        char reference[8];
        size_t place = last - 1;

        snprintf(reference, sizeof(reference), "B%c%c_", digits[place / 62], digits[place % 62]);
        bytes +=
            (size_t) snprintf(name + bytes, sizeof(name) - bytes, "T%s%sE", reference, reference);
        last = at;
    }
    snprintf(name + bytes, sizeof(name) - bytes, "E");
    free(lmm_rust_name_demangle(name));
    cr_expect_not(lmm_rust_name_is_standard(name));
    memset(name, 'S', sizeof(name) - 1);
    memcpy(name, "_RIC1a", 6);
    cr_expect_null(lmm_rust_name_demangle(name));
}
