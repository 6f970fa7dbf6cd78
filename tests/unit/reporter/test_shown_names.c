/* SPDX-License-Identifier: MIT */
/* Names and paths that are made to fit. */
#include "reporter/program/report/shown_names.h"

#include <criterion/criterion.h>
#include <string.h>

#include "reporter/core/sink.h"
#include "tests/support/output.h"

static struct output page;
static struct lmm_sink sink;

static void expect(const char *expected, size_t columns)
{
    lmm_sink_flush(&sink);
    cr_expect(page.used == strlen(expected) && memcmp(page.bytes, expected, page.used) == 0,
              "%s: %.*s", expected, (int) page.used, page.bytes);
    cr_expect_eq(columns, strlen(expected), "%s: %zu", expected, columns);
}

static void open_page(void)
{
    page.used = 0;
    lmm_sink_init(&sink, output_take, &page);
}

static const struct {
    const char *function;
    size_t room;
    const char *shown;
} functions[] = {
    {"hire", 40, "hire"},
    {"index<order, std::less<int> >::find(key)", 40, "index<...>::find(key)"},
    {"std::map<int, f<int> >::at(int) const", 40, "std::map<...>::at(int) const"},
    {"f<int, decltype(a->b)>::g()", 40, "f<...>::g()"},
    {"operator<<(std::ostream&, T)", 40, "operator<<(std::ostream&, T)"},
    {"operator< <int>(T)", 40, "operator< <int>(T)"},
    {"a::operator()<long>(int)", 40, "a::operator()<...>(int)"},
    {"<Vec<std::u8> as Trait>::grow", 40, "<Vec<...> as Trait>::grow"},
    {"f<a", 40, "f<a"}, /* not template arguments */
    {"f<>", 40, "f<>"}, /* no shorter */
    {"put(std::string const&, unsigned long)", 20, "put(...)"},
    {"(anonymous namespace)::put(unsigned long) const", 40,
     "(anonymous namespace)::put(...) const"},
    {"(anonymous namespace)::some_variable", 20, "...e)::some_variable"},
    {"a_very_long_name_of_a_function", 11, "...function"},
    {"f(int)", 5, "...t)"},
    {"a\033b", 6, "a\\x1bb"},
    {"a\033b", 5, "...b"}, /* an escape is not cut in two */
};

Test(shown_names, functions_fit)
{
    static const struct lmm_look look = {.folder = "/home/"};
    static const struct lmm_look whole = {.is_whole = true};

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        struct lmm_string function = lmm_string_of(functions[i].function);

        open_page();
        expect(functions[i].shown,
               lmm_shown_put_function(&look, &sink, function, functions[i].room));
        cr_expect_eq(lmm_shown_put_function(&look, NULL, function, functions[i].room),
                     strlen(functions[i].shown));
    }
    open_page();
    expect("f<a>::g(int)", lmm_shown_put_function(&whole, &sink, lmm_string_of("f<a>::g(int)"), 2));
}

Test(shown_names, commands_fit)
{
    static const struct lmm_look look = {.is_brief = true};
    static const struct {
        const char *command;
        const char *shown;
    } commands[] = {
        {"hr a b", "hr a b"},
        {"hr a_file another", "hr a_fi..."},
        {"hr \n\n\n\n", "hr \\x0a..."}, /* an escape is not cut in two */
    };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        open_page();
        expect(commands[i].shown,
               lmm_shown_put_command(&look, &sink, lmm_string_of(commands[i].command), 10));
    }
}

static const struct {
    const char *folder;
    const char *path;
    size_t room;
    const char *shown;
} paths[] = {
    {"/home/hr/", "/home/hr/src/hr.c", 40, "src/hr.c"},
    {"/home/hr/", "/home/hrx/src/hr.c", 40, "/home/hrx/src/hr.c"},
    {"/home/hr/", "/home/hr/", 40, "/home/hr/"},
    {"/home/hr/", "./src/hr.c", 40, "src/hr.c"},
    {"/home/hr/", "/usr/src/project/src/hr.c", 14, ".../src/hr.c"},
    {"/home/hr/", "src/a_long_name.c", 10, "..._name.c"},
    {"/", "/usr/hr.c", 40, "usr/hr.c"},
    {NULL, "/usr/src/project/src/hr.c", 14, "/usr/src/project/src/hr.c"},
};

Test(shown_names, paths_fit)
{
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct lmm_look look = {.folder = paths[i].folder};

        open_page();
        expect(paths[i].shown,
               lmm_shown_put_path(&look, &sink, lmm_string_of(paths[i].path), paths[i].room));
    }
}

static const struct {
    const char *file;
    uint32_t line;
    const char *function;
    size_t room;
    const char *shown;
} places[] = {
    {"/home/hr/hr.c", 42, "hire", 40, "hr.c:42 (hire)"},
    {"libhr.so", 0, "hire", 40, "hire (libhr.so)"},
    {"hr.c", 7, "", 40, "hr.c:7"},
    {"", 0, "", 40, "(unknown)"},
    {"/usr/src/project/hr.c", 42, "a_long_function_name", 30, ".../hr.c:42 (...function_name)"},
};

Test(shown_names, places_fit)
{
    static const struct lmm_look look = {.folder = "/home/hr/"};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        open_page();
        expect(places[i].shown,
               lmm_shown_put_place(&look, &sink, lmm_string_of(places[i].file), places[i].line,
                                   lmm_string_of(places[i].function), places[i].room));
    }
}
