/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/wrapper.h"

#include <stddef.h>
#include <string.h>

#include "reporter/program/base/glob.h"
#include "reporter/program/base/program.h"
#include "reporter/program/symbols/wrapper_table.h"

/* Returns whether text is only dots, digits and ".so", as in "-2.31.so" or ".so.6". */
static bool is_version(struct lmm_string text)
{
    size_t at = 0;

    while (at < text.bytes) {
        bool is_so = text.bytes - at >= 3 && memcmp(text.text + at, ".so", 3) == 0;

        if (!is_so && memchr(".0123456789", text.text[at], 11) == NULL) {
            return false;
        }
        at += is_so ? 3 : 1;
    }
    return true;
}

/* Returns whether name starts with `start`, a "*" at the end of which stands for a machine, and
 * continues as a library's version. */
static bool is_one(struct lmm_string name, const char *start)
{
    size_t bytes = strcspn(start, "*");

    if (name.bytes < bytes || memcmp(name.text, start, bytes) != 0) {
        return false;
    }
    struct lmm_string rest = {name.text + bytes, name.bytes - bytes};

    if (start[bytes] == '*') {
        const char *end = memmem(rest.text, rest.bytes, ".so", 3);

        if (end == NULL) {
            return false;
        }
        rest.bytes -= (size_t) (end - rest.text);
        rest.text = end;
    }
    return is_version(rest);
}

bool lmm_wrapper_is_file_of(struct lmm_string name, const char *const *starts)
{
    while (*starts != NULL && !is_one(name, *starts)) {
        starts++;
    }
    return *starts != NULL;
}

bool lmm_wrapper_is_library(struct lmm_string name)
{
    static const char *const starts[] = {
        "libc.so",        "libc-2.",   "libc.musl-*", "libstdc++.so", "libc++.so", "libc++abi.so",
        "libgcc_s.so",    "ld-linux*", "ld-musl-*",   "ld-2.",        "ld.so",     "ld64.so",
        LMM_DROP_IN_NAME, NULL};

    return lmm_wrapper_is_file_of(name, starts);
}

/* ---- Mangled names --------------------------------------------------------------------------- */

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

/* ---- Names ----------------------------------------------------------------------------------- */

/* Returns where an operator's name ends that starts at `at`; `at` when none does. */
static size_t skip_operator(struct lmm_string name, size_t at)
{
    static const char word[] = "operator";
    size_t bytes = sizeof(word) - 1;

    if (name.bytes - at < bytes || memcmp(name.text + at, word, bytes) != 0) {
        return at;
    }
    at += bytes;
    if (name.bytes - at >= 2 && memcmp(name.text + at, "()", 2) == 0) {
        return at + 2;
    }
    while (at < name.bytes && name.text[at] != '(') {
        at++;
    }
    return at;
}

/* Returns how far the character at `at` goes into, or out of, brackets. */
static int step_of(struct lmm_string name, size_t at)
{
    char here = name.text[at];

    if (here == '>' && at > 0 && name.text[at - 1] == '-') {
        return 0; /* an arrow */
    }
    bool opens = here == '<' || here == '(' || here == '{';

    return opens ? 1 : here == '>' || here == ')' || here == '}' ? -1 : 0;
}

/* Returns whether the generic arguments of a Rust function start at `at`. */
static bool is_turbofish(struct lmm_string name, size_t at)
{
    return name.bytes - at > 3 && memcmp(name.text + at, "::<", 3) == 0;
}

struct lmm_string lmm_wrapper_component(struct lmm_string name)
{
    size_t start = 0;
    size_t end = 0; /* where generic arguments start; 0: there are none */
    int depth = 0;
    size_t i = skip_operator(name, 0);

    for (; i < name.bytes && !(depth == 0 && i > start && name.text[i] == '('); i++) {
        bool is_start = depth == 0 && i > start && end == 0;

        if (is_start && (name.text[i] == '<' || is_turbofish(name, i))) {
            end = i;
            i += name.text[i] == '<' ? 0 : 2; /* to the "<" */
        } else if (depth == 0 && (name.text[i] == ':' || name.text[i] == ' ')) {
            start = i + 1;
            end = 0;
            i = skip_operator(name, start) - 1;
            continue;
        }
        depth += step_of(name, i);
        depth = depth < 0 ? 0 : depth;
    }
    return (struct lmm_string) {name.text + start, (end > start ? end : i) - start};
}

/* Returns whether name is core, and after it only digits, "_" and "n". */
static bool is_core(struct lmm_string name, const char *core)
{
    size_t length = strlen(core);

    if (name.bytes < length || memcmp(name.text, core, length) != 0) {
        return false;
    }
    while (length < name.bytes && strchr("0123456789_n", name.text[length]) != NULL) {
        length++;
    }
    return length == name.bytes;
}

/* Follows the rule: one or two letters and "_", or nothing; a letter, or nothing; and malloc. */
static bool is_by_rule(struct lmm_string name)
{
    static const char *const cores[] = {"malloc", "calloc", "realloc",  "reallocarray",
                                        "zalloc", "strdup", "memalign", "strndup",
                                        "memdup", "alloc",  "valloc",   "aligned_alloc"};
    size_t letters = 0;

    while (letters < name.bytes && name.text[letters] >= 'a' && name.text[letters] <= 'z') {
        letters++;
    }
    if (letters > 0 && letters <= 2 && letters < name.bytes && name.text[letters] == '_') {
        name = (struct lmm_string) {name.text + letters + 1, name.bytes - letters - 1};
    }
    for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
        bool has_letter = name.bytes > 1 && name.text[0] != '_';
        struct lmm_string rest = {name.text + has_letter, name.bytes - has_letter};

        if (is_core(name, cores[i]) || is_core(rest, cores[i])) {
            return true;
        }
    }
    return false;
}

bool lmm_wrapper_is_new(struct lmm_string component)
{
    return component.bytes > 0 && lmm_glob_fits("operator new*", component);
}

bool lmm_wrapper_is_named(struct lmm_string component)
{
    if (component.bytes == 0) {
        return false;
    }
    if (is_by_rule(component)) {
        return true;
    }
    for (size_t i = 0; lmm_wrapper_table[i].patterns != NULL; i++) {
        for (const char *const *at = lmm_wrapper_table[i].patterns; *at != NULL; at++) {
            /* No pattern starts with a star, and most names differ in the first character. */
            if ((*at)[0] == component.text[0] && lmm_glob_fits(*at, component)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- Files ----------------------------------------------------------------------------------- */

bool lmm_wrapper_is_standard_file(const char *file)
{
    /* Rust's library is compiled as /rustc/HASH/library/..., Debian's as /usr/src/rustc-1.63.0/... */
    const char *rust = file == NULL ? NULL : strstr(file, "/rustc");

    return file != NULL &&
           (strstr(file, "/include/c++/") != NULL || strstr(file, "/rust/deps/") != NULL ||
            strstr(file, "/rustlib/src/rust/library/") != NULL ||
            (rust != NULL && strchr("/-", rust[6]) != NULL && strstr(rust, "/library/") != NULL));
}

bool lmm_wrapper_is_header(const char *file)
{
    static const char *const compilers[] = {"/lib/gcc/", "/lib/gcc-cross/", "/lib/clang/"};

    if (file == NULL) {
        return false;
    }
    /* Debian's cross compilers have those of libc in /usr/aarch64-linux-gnu/include, and so on. */
    if (lmm_wrapper_is_standard_file(file) || strstr(file, "/usr/include/") != NULL ||
        strstr(file, "-linux-gnu/include/") != NULL) {
        return true;
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
