/* SPDX-License-Identifier: MIT */
/* The name of this build, compared with what libdwelf reads from the file. */
#include "reporter/program/base/own_build.h"

#include <criterion/criterion.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

Test(own_build, is_the_build_id_of_the_file)
{
    char name[LMM_OWN_BUILD_BYTES];
    char expected[LMM_OWN_BUILD_BYTES] = "none";
    const void *id = NULL;
    int descriptor = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(descriptor, ELF_C_READ_MMAP, NULL);

    cr_assert_not_null(elf);
    ssize_t bytes = dwelf_elf_gnu_build_id(elf, &id);

    for (ssize_t i = 0; i < bytes; i++) {
        snprintf(expected + 2 * i, 3, "%02x", ((const unsigned char *) id)[i]);
    }
    lmm_own_build(name);
    cr_expect_str_eq(name, expected);
    elf_end(elf);
    close(descriptor);
}
