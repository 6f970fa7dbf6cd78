/* SPDX-License-Identifier: MIT */
/* options: what a setting string sets, what of it is taken, and paths. */
#include "lib/options.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the settings only what differs from the untouched ones is named. */
static const struct {
    const char *text;
    size_t taken;
    struct lmm_options wanted;
} cases[] = {
    {"", 0, {0}},
    {":", 0, {0}},
    {"leaks=1", 1, {.leaks = true}},
    {"leaks=1:leaks=0", 2, {.leaks = false}},
    {"usage=1:leaks=1", 2, {.usage = true, .leaks = true}},
    {"::usage=1::leaks=1::", 2, {.usage = true, .leaks = true}},
    {"leaks=2", 0, {0}},
    {"leaks=", 0, {0}},
    {"leaks", 0, {0}},
    {"leaks=yes", 0, {0}},
    {"leaks= 1", 0, {0}},
    {"leaks=-1", 0, {0}},
    {"leak=1", 0, {0}},
    {"leakss=1", 0, {0}},
    {"Leaks=1", 0, {0}},
    {"=1", 0, {0}},
    {"nonsense:leaks=1", 1, {.leaks = true}},
    {"exitcode=0", 1, {0}},
    {"exitcode=23", 1, {.exit_code = 23}},
    {"exitcode=255", 1, {.exit_code = 255}},
    {"exitcode=256", 0, {0}},
    {"exitcode=99999999999999999999999999", 0, {0}},
    {"exitcode=18446744073709551617", 0, {0}},
    {"leaks=18446744073709551617", 0, {0}},
    {"exitcode=007", 1, {.exit_code = 7}},
    {"fill=alloc", 1, {.fill_alloc = true}},
    {"fill=free", 1, {.fill_free = true}},
    {"fill=both", 1, {.fill_alloc = true, .fill_free = true}},
    {"fill=both:fill=free", 2, {.fill_free = true}},
    {"fill=none", 0, {0}},
    {"fill=allocs", 0, {0}},
    {"fill=al", 0, {0}},
    {"fit=largest", 1, {0}},
    {"fit=first", 1, {.fit = LMM_FIT_FIRST}},
    {"fit=best", 1, {.fit = LMM_FIT_BEST}},
    {"fit=best:fit=largest", 2, {0}},
    {"fit=worst", 0, {0}},
    {"fit=", 0, {0}},
    {"fit=bestfit", 0, {0}},
    {"reservoir=3", 1, {.reservoir_bytes = 3 << 20}},
    {"reservoir=17592186044415", 1, {.reservoir_bytes = (SIZE_MAX >> 20) << 20}},
    {"reservoir=17592186044416", 0, {0}},
    {"reservoir=1M", 0, {0}},
    {"log=/tmp/a=b", 1, {.log = "/tmp/a=b"}},
    {"log=%p.%e", 1, {.log = "%p.%e"}},
    {"log=", 0, {0}},
    {"help=0", 1, {0}},
};

static bool are_same(const struct lmm_options *a, const struct lmm_options *b)
{
    return a->leaks == b->leaks && a->usage == b->usage && a->fill_alloc == b->fill_alloc &&
           a->fill_free == b->fill_free && a->exit_code == b->exit_code && a->fit == b->fit &&
           a->reservoir_bytes == b->reservoir_bytes && strcmp(a->log, b->log) == 0;
}

Test(options, parse)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_options options = {0};
        size_t taken = lmm_options_parse(cases[i].text, &options);
        cr_expect(taken == cases[i].taken, "'%s': %zu taken", cases[i].text, taken);
        cr_expect(are_same(&options, &cases[i].wanted), "'%s'", cases[i].text);
    }
}

Test(options, longest_path)
{
    for (int over = 0; over < 2; over++) {
        char text[LMM_OPTION_PATH_MAX + 8] = "log=";
        struct lmm_options options = {0};
        memset(text + 4, 'x', (size_t) (LMM_OPTION_PATH_MAX - 1 + over));
        cr_expect(lmm_options_parse(text, &options) == (over == 0 ? 1 : 0));
        cr_expect(strlen(options.log) == (over == 0 ? LMM_OPTION_PATH_MAX - 1 : 0));
    }
}

static void redirect(void)
{
    cr_redirect_stderr();
}

Test(options, bad_parts_are_named, .init = redirect)
{
    struct lmm_options options = {0};

    lmm_options_parse("frob=1:leaks=x:log=", &options);
    fflush(stderr);
    cr_expect_stderr_eq_str("lmm: LMM_OPTIONS: unknown key 'frob' ignored; help=1 lists the keys\n"
                            "lmm: LMM_OPTIONS: bad value 'x' for leaks ignored; it takes 0|1\n"
                            "lmm: LMM_OPTIONS: bad value '' for log ignored; it takes PATH\n");
}

/* ---- Paths ----------------------------------------------------------------------------------- */

Test(options, paths)
{
    char pid[32];
    char pid_twice[80];
    snprintf(pid, sizeof(pid), "%d", (int) getpid());
    snprintf(pid_twice, sizeof(pid_twice), "a%s-%sb", pid, pid);
    const struct {
        const char *pattern;
        const char *wanted;
    } paths[] = {
        {"", ""},
        {"plain", "plain"},
        {"%p", pid},
        {"a%p-%pb", pid_twice},
        {"100%%", "100%"},
        {"%%p", "%p"},
        {"%x", "%x"},
        {"end%", "end%"},
        {"%e", program_invocation_short_name},
    };
    char path[100];

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        cr_expect(lmm_options_expand_path(paths[i].pattern, path, sizeof(path)), "%s",
                  paths[i].pattern);
        cr_expect(strcmp(path, paths[i].wanted) == 0, "'%s' became '%s'", paths[i].pattern, path);
    }
    cr_expect(lmm_options_expand_path("%t", path, sizeof(path)));
    cr_expect(strlen(path) >= 10 && strspn(path, "0123456789") == strlen(path), "%s", path);
}

Test(options, path_that_does_not_fit)
{
    char path[8];

    cr_expect(lmm_options_expand_path("1234567", path, sizeof(path)));
    cr_expect(!lmm_options_expand_path("12345678", path, sizeof(path)));
    cr_expect(!lmm_options_expand_path("123456%%%%", path, sizeof(path)));
    cr_expect(!lmm_options_expand_path("%p%p%p%p%p%p%p%p", path, sizeof(path)));
}
