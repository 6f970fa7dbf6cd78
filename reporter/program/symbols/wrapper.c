/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/wrapper.h"

#include <stddef.h>
#include <string.h>

bool lmm_wrapper_is_library(const char *name)
{
    static const char *const starts[] = {
        "libc.so",  "libc-",   "libstdc++.so", "libc++.so", "libc++abi.so",     "libgcc_s.so",
        "ld-linux", "ld-musl", "ld-",          "ld.so",     "liblmm_preload.so"};

    for (size_t i = 0; name != NULL && i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (strncmp(name, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool lmm_wrapper_is_cplusplus(const char *name)
{
    static const char *const starts[] = {"nw", "na", "St", "Sa", "Ss",
                                         "Sb", "Si", "So", "Sd", "9__gnu_cxx"};

    if (name == NULL || strncmp(name, "_Z", 2) != 0) {
        return false;
    }
    name += 2 + strspn(name + 2, "Z"); /* a function's own functions */
    if (*name == 'N') {
        name += 1 + strspn(name + 1, "rVKRO"); /* qualifiers of a member function */
    }
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (strncmp(name, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool lmm_wrapper_is_c(const char *name)
{
    static const char *const cores[] = {"malloc", "calloc",   "realloc", "reallocarray", "zalloc",
                                        "strdup", "memalign", "strndup", "memdup"};
    size_t start = name == NULL ? 0 : strspn(name, "abcdefghijklmnopqrstuvwxyz");

    if (name == NULL) {
        return false;
    }
    name += start > 0 && start <= 2 && name[start] == '_' ? start + 1 : 0;
    for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
        size_t length = strlen(cores[i]);
        bool has_letter = strncmp(name, cores[i], length) != 0 && *name != '\0' && *name != '_';
        const char *core = has_letter ? name + 1 : name;

        if (strncmp(core, cores[i], length) == 0 &&
            core[length + strspn(core + length, "0123456789_n")] == '\0') {
            return true;
        }
    }
    return false;
}

bool lmm_wrapper_is_header(const char *file)
{
    static const char *const folders[] = {"/include/c++/", "/usr/include/"};
    static const char *const compilers[] = {"/lib/gcc/", "/lib/gcc-cross/", "/lib/clang/"};

    if (file == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (strstr(file, folders[i]) != NULL) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(compilers) / sizeof(compilers[0]); i++) {
        const char *compiler = strstr(file, compilers[i]);

        if (compiler != NULL && strstr(compiler, "/include") != NULL) {
            return true;
        }
    }
    return false;
}

bool lmm_wrapper_is_start(const char *name)
{
    static const char *const names[] = {"__libc_start_call_main",
                                        "__libc_start_main",
                                        "__libc_start_main_impl",
                                        "start_thread",
                                        "clone",
                                        "__clone",
                                        "clone3",
                                        "__clone3"};

    for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}
