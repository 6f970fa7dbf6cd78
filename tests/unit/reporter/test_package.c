/* SPDX-License-Identifier: MIT */
/* The package of a file, by lists as dpkg has them. */
#include "reporter/program/symbols/package.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void write_list(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    cr_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

Test(package, files_and_their_packages)
{
    static const struct {
        const char *path;
        const char *package;
    } cases[] = {
        {"/usr/lib/libhr.so.1", "libhr1"},
        {"/usr/lib/libpay.so", "pay"},
        {"/usr/bin/hr", "hr-tools"},
        {"/bin/hr", "hr-tools"}, /* what the loader calls it */
        {"/usr/lib/libhr.so", NULL},
        {"/usr", "hr-tools"},
        {"/usr/local/bin/hr", NULL},
        {"/usr/lib/libHR-2.so.1", "libhr2"},
        {"/nowhere", NULL},
    };
    char folder[] = "/tmp/lmm-package-XXXXXX";

    cr_assert(mkdtemp(folder) != NULL && chdir(folder) == 0);
    write_list("libhr1:amd64.list", "/usr/lib/libhr.so.1");
    write_list("pay.list", "/.\n/lib/libpay.so\n"); /* before /lib was /usr/lib */
    write_list("hr-tools.list", "/usr\n/usr/bin/hr\n/usr/local/bin/hr\n");
    write_list("libhr2.list", "/usr/lib/libHR-2.so.1\n");
    write_list("other.md5sums", "/nowhere\n");
    write_list("empty.list", "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *package = lmm_package_find(folder, cases[i].path);

        cr_expect_eq(package == NULL, cases[i].package == NULL, "%s", cases[i].path);
        if (package != NULL && cases[i].package != NULL) {
            cr_expect_str_eq(package, cases[i].package);
        }
        free(package);
    }
    cr_expect_null(lmm_package_find("/nowhere", "/usr/bin/hr"));

    static const char *const lists[] = {"libhr1:amd64.list", "libhr2.list",   "pay.list",
                                        "hr-tools.list",     "other.md5sums", "empty.list"};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        unlink(lists[i]);
    }
    rmdir(folder);
}
