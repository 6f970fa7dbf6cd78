/* SPDX-License-Identifier: MIT */
/* What the user names as wrappers: patterns, and the files that have them. */
#include "reporter/program/symbols/wrapper_list.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct match {
    const char *pattern;
    const char *text;
    bool is_one;
};

static void check(const struct match *matches, size_t count, bool (*has)(struct lmm_string))
{
    for (size_t i = 0; i < count; i++) {
        cr_assert(lmm_wrapper_list_add(matches[i].pattern));
        cr_expect_eq(has(lmm_string_of(matches[i].text)), matches[i].is_one, "%s in %s",
                     matches[i].pattern, matches[i].text);
        lmm_wrapper_list_clear();
    }
}

Test(wrapper_list, functions)
{
    static const struct match matches[] = {
        {"pool_get", "pool_get", true},
        {"pool_*", "pool_get", true},
        {"pool", "pool_get", false},
        {"get", "hr::Pool<int>::get(int)", true},
        {"hr::Pool<int>::get", "hr::Pool<int>::get(int)", true},
        {"hr::Pool<*>::get", "hr::Pool<int>::get(int)", true},
        {"hr::Pool<int>::get(int)", "hr::Pool<int>::get(int)", true},
        {"Pool", "hr::Pool<int>::get(int)", false},
        {"*", "", false},
    };

    check(matches, sizeof(matches) / sizeof(matches[0]), lmm_wrapper_list_has_function);
    cr_expect_not(lmm_wrapper_list_has_function(lmm_string_of("pool_get")));
}

Test(wrapper_list, paths)
{
    static const struct match matches[] = {
        {"pool.c", "/home/me/hr/src/pool.c", true},
        {"src/pool.c", "/home/me/hr/src/pool.c", true},
        {"/home/me/*", "/home/me/hr/src/pool.c", true},
        {"src/*", "/home/me/hr/src/pool.c", true},
        {"ool.c", "/home/me/hr/src/pool.c", false},
        {"libpool.so*", "/usr/lib/libpool.so.1", true},
        {"pool.c", "pool.c", true},
        {"*", "", false},
    };

    check(matches, sizeof(matches) / sizeof(matches[0]), lmm_wrapper_list_has_path);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

Test(wrapper_list, files, .init = cr_redirect_stderr)
{
    char folder[] = "/tmp/lmm-wrapper-list-XXXXXX";

    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    cr_assert_eq(mkdir("lmm", 0700), 0);
    write_file(".lmmrc", "# ours\n\n  wrapper:pool_get  \nwrapper:\nwarper:x\n");
    write_file("lmm/lmmrc", "wrapper: grow\nwrapper:last");
    setenv("XDG_CONFIG_HOME", folder, 1);
    lmm_wrapper_list_read();
    lmm_wrapper_list_read(); /* only the first call counts */

    static const char *const names[] = {"pool_get", "grow", "last"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cr_expect(lmm_wrapper_list_has_function(lmm_string_of(names[i])), "%s", names[i]);
    }
    cr_expect_not(lmm_wrapper_list_has_function(lmm_string_of("x")));
    fflush(stderr);
    cr_assert_stderr_eq_str("lmm: .lmmrc:4: ignored: 'wrapper:' (expected wrapper:PATTERN)\n"
                            "lmm: .lmmrc:5: ignored: 'warper:x' (expected wrapper:PATTERN)\n");
    unlink(".lmmrc");
    unlink("lmm/lmmrc");
    rmdir("lmm");
    rmdir(folder);
    lmm_wrapper_list_clear();
}
