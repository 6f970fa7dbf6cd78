/* SPDX-License-Identifier: MIT */
/* options: what a setting string sets, which parts are taken, and paths. */
#include "lib/ground/options.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Settings that are not named have their defaults. */
static const struct {
    const char *text;
    size_t taken;
    struct lmm_options wanted;
} cases[] = {
    {"exitcode=99999999999999999999999999", 0, {0}},
    {"exitcode=18446744073709551617", 0, {0}},
    {"leaks=18446744073709551617", 0, {0}},
    {"reservoir=17592186044416", 0, {0}},
    {"stacks=4294967297", 0, {0}},
    {"stacks=18446744073709551617", 0, {0}},
    {"leaks=1", 1, {.leaks = true}},
    {"unaligned=1", 1, {.unaligned = true}},
    {"heuristics=all", 1, {.heuristics_off = 0}},
    {"heuristics=none", 1, {.heuristics_off = 31}},
    {"heuristics=length64", 1, {.heuristics_off = 31 - 2}},
    {"heuristics=stdstring,treenode", 1, {.heuristics_off = 31 - 1 - 16}},
    {"heuristics=none:heuristics=newarray,multipleinheritance", 2, {.heuristics_off = 31 - 4 - 8}},
    {"leaks=1:leaks=0", 2, {.leaks = false}},
    {"leaks=all", 1, {.leaks = true, .leaks_all = true}},
    {"leaks=all:leaks=1", 2, {.leaks = true}},
    {"leaks=all:leaks=0", 2, {.leaks = false}},
    {"check=1", 1, {.check = true}},
    {"match=1", 1, {.match = true}},
    {"check=1:retained=1", 2, {.check = true, .retained = true}},
    {"match=1:match=0", 2, {0}},
    {"match=1:match=2", 1, {.match = true}},
    {"usage=1:leaks=1", 2, {.usage = true, .leaks = true}},
    {"::usage=1::leaks=1::", 2, {.usage = true, .leaks = true}},
    {"nonsense:leaks=1", 1, {.leaks = true}},
    {"exitcode=0", 1, {0}},
    {"exitcode=23", 1, {.exit_code = 23}},
    {"exitcode=255", 1, {.exit_code = 255}},
    {"exitcode=007", 1, {.exit_code = 7}},
    {"fill=alloc", 1, {.fill_alloc = true}},
    {"fill=free", 1, {.fill_free = true}},
    {"fill=both", 1, {.fill_alloc = true, .fill_free = true}},
    {"fill=both:fill=free", 2, {.fill_free = true}},
    {"fit=largest", 1, {0}},
    {"fit=first", 1, {.fit = LMM_FIT_FIRST}},
    {"fit=best", 1, {.fit = LMM_FIT_BEST}},
    {"fit=best:fit=largest", 2, {0}},
    {"hugepages=never", 1, {.never_huge_pages = true}},
    {"hugepages=never:hugepages=auto", 2, {0}},
    {"reservoir=3", 1, {.reservoir_bytes = 3 << 20}},
    {"reservoir=17592186044415", 1, {.reservoir_bytes = (SIZE_MAX >> 20) << 20}},
    {"log=/tmp/a=b", 1, {.log = "/tmp/a=b"}},
    {"log=%p.%e", 1, {.log = "%p.%e"}},
    {"help=0", 1, {0}},
    {"ledger=off", 1, {.ledger_off = true}},
    {"ledger=on", 1, {0}},
    {"ledger=/tmp/a", 1, {.ledger = "/tmp/a"}},
    {"ledger=offer", 1, {.ledger = "offer"}},
    {"ledger=OFF", 1, {.ledger = "OFF"}},
    {"ledger=off:ledger=on", 2, {0}},
    {"ledger=/tmp/a:ledger=on", 2, {0}},
    {"ledger=/tmp/a:ledger=off", 2, {.ledger_off = true}},
    {"ledger=off:ledger=%p/%e", 2, {.ledger = "%p/%e"}},
    {"ledger=off:ledger=", 1, {.ledger_off = true}},
    {"keep=1", 1, {.keep = true}},
    {"keep=1:keep=0", 2, {0}},
    {"children=0", 1, {.leaves_children_alone = true}},
    {"children=0:children=1", 2, {0}},
    {"children=1", 1, {0}},
    {"children=0:children=none", 1, {.leaves_children_alone = true}},
    {"starts=/a b/%p", 1, {.starts = "/a b/%p"}},
    {"stacks=0", 1, {0}},
    {"temporary=heaptrack", 1, {.heaptrack_temporaries = true}},
    {"temporary=heaptrack:temporary=lmm", 2, {0}},
    {"stacks=1", 1, {.stack_frames = 1}},
    {"stacks=64", 1, {.stack_frames = 64}},
    {"stacks=024", 1, {.stack_frames = 24}},
    {"stacks=24:stacks=0", 2, {0}},
    {"stacks=24:stacks=65", 1, {.stack_frames = 24}},
    {"fit=best:fit=worst", 1, {.fit = LMM_FIT_BEST}},
    {"ledger=d:keep=1:stacks=24:children=0",
     4,
     {.ledger = "d", .keep = true, .stack_frames = 24, .leaves_children_alone = true}},
};

/* No part of these is taken. */
static const char *const refused[] = {"",
                                      ":",
                                      "leaks=2",
                                      "heuristics=",
                                      "heuristics=length64,",
                                      "heuristics=length",
                                      "leaks=",
                                      "leaks",
                                      "leaks=yes",
                                      "leaks= 1",
                                      "leaks=-1",
                                      "leak=1",
                                      "leakss=1",
                                      "Leaks=1",
                                      "=1",
                                      "exitcode=256",
                                      "fill=none",
                                      "fill=allocs",
                                      "fill=al",
                                      "fit=worst",
                                      "fit=",
                                      "fit=bestfit",
                                      "hugepages=",
                                      "hugepages=1",
                                      "hugepages=always",
                                      "reservoir=1M",
                                      "log=",
                                      "ledger=",
                                      "ledger",
                                      "keep=2",
                                      "keep=",
                                      "keep=yes",
                                      "children=2",
                                      "children=",
                                      "stacks=65",
                                      "stacks=-1",
                                      "stacks=",
                                      "stacks=8k",
                                      "fit=First",
                                      "temporary=",
                                      "temporary=heap"};

static bool are_same(const struct lmm_options *a, const struct lmm_options *b)
{
    return a->leaks == b->leaks && a->leaks_all == b->leaks_all && a->check == b->check &&
           a->usage == b->usage && a->fill_alloc == b->fill_alloc && a->fill_free == b->fill_free &&
           a->exit_code == b->exit_code && a->fit == b->fit &&
           a->reservoir_bytes == b->reservoir_bytes && a->never_huge_pages == b->never_huge_pages &&
           a->ledger_off == b->ledger_off && a->keep == b->keep &&
           a->leaves_children_alone == b->leaves_children_alone &&
           a->stack_frames == b->stack_frames && strcmp(a->ledger, b->ledger) == 0 &&
           a->heaptrack_temporaries == b->heaptrack_temporaries &&
           strcmp(a->starts, b->starts) == 0 && strcmp(a->log, b->log) == 0;
}

Test(options, parse)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_options options = {0};
        size_t taken = lmm_options_parse(cases[i].text, &options);
        cr_expect(taken == cases[i].taken, "'%s': %zu taken", cases[i].text, taken);
        cr_expect(are_same(&options, &cases[i].wanted), "'%s'", cases[i].text);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct lmm_options options = {0};
        size_t taken = lmm_options_parse(refused[i], &options);
        cr_expect(taken == 0, "'%s': %zu taken", refused[i], taken);
        cr_expect(are_same(&options, &(struct lmm_options) {0}), "'%s'", refused[i]);
    }
}

Test(options, longest_path)
{
    static const char *const keys[] = {"log=", "ledger="};

    for (size_t i = 0; i < 4; i++) {
        const char *key = keys[i / 2];
        size_t over = i % 2;
        char text[LMM_OPTION_PATH_MAX + 16] = "";
        struct lmm_options options = {0};
        strcpy(text, key);
        memset(text + strlen(key), 'x', LMM_OPTION_PATH_MAX - 1 + over);
        const char *path = i / 2 == 0 ? options.log : options.ledger;
        cr_expect(lmm_options_parse(text, &options) == (over == 0 ? 1 : 0));
        cr_expect(strlen(path) == (over == 0 ? LMM_OPTION_PATH_MAX - 1 : 0));
    }
}

/* The defaults of the typed library; the drop-in's differ: no ledger file. */
Test(options, defaults)
{
    cr_expect(!lmm_options.ledger_off && lmm_options.fit == LMM_FIT_BEST);
    cr_expect(lmm_options.stack_frames == 0 && !lmm_options.keep &&
              !lmm_options.leaves_children_alone);
}

static void redirect(void)
{
    cr_redirect_stderr();
}

Test(options, bad_parts_are_named, .init = redirect)
{
    struct lmm_options options = {0};

    lmm_options_parse("frob=1:leaks=x:log=:stacks=65:fit=worst:keep=2:children=:ledger=", &options);
    fflush(stderr);
    cr_expect_stderr_eq_str(
        "lmm: LMM_OPTIONS: unknown key 'frob' ignored; help=1 lists the keys\n"
        "lmm: LMM_OPTIONS: bad value 'x' for leaks ignored; it takes 0|1|all\n"
        "lmm: LMM_OPTIONS: bad value '' for log ignored; it takes PATH\n"
        "lmm: LMM_OPTIONS: bad value '65' for stacks ignored; it takes 0..64\n"
        "lmm: LMM_OPTIONS: bad value 'worst' for fit ignored; it takes largest|first|best\n"
        "lmm: LMM_OPTIONS: bad value '2' for keep ignored; it takes 0|1\n"
        "lmm: LMM_OPTIONS: bad value '' for children ignored; it takes 0|1\n"
        "lmm: LMM_OPTIONS: bad value '' for ledger ignored; it takes on|off|DIR\n");
}

/* ---- Variables of teaching allocators -------------------------------------------------------- */

/* What the variables set beside LMM_OPTIONS, which overrides them. */
static const struct {
    const char *text;
    const char *scribble;
    const char *leak_check;
    const char *algorithm;
    struct lmm_options wanted;
} named[] = {
    {"", NULL, NULL, NULL, {0}},
    {"", "1", NULL, NULL, {.fill_alloc = true, .fill_free = true}},
    {"", "0", "0", "nonsense", {0}},
    {"", NULL, "1", NULL, {.leaks = true, .leaks_all = true}},
    {"", NULL, NULL, "first_fit", {.fit = LMM_FIT_FIRST}},
    {"", NULL, NULL, "best_fit", {.fit = LMM_FIT_BEST}},
    {"", NULL, NULL, "worst_fit", {0}},
    {"fill=alloc", "1", NULL, NULL, {.fill_alloc = true}},
    {"fill=free", NULL, NULL, NULL, {.fill_free = true}},
    {"leaks=0", NULL, "1", NULL, {0}},
    {"leaks=1", NULL, NULL, NULL, {.leaks = true}},
    {"fit=best", NULL, NULL, "first_fit", {.fit = LMM_FIT_BEST}},
    {"fit=nonsense",
     "1",
     NULL,
     "first_fit",
     {.fill_alloc = true, .fill_free = true, .fit = LMM_FIT_FIRST}},
};

static void set_variable(const char *name, const char *value)
{
    if (value == NULL) {
        unsetenv(name);
    } else {
        setenv(name, value, 1);
    }
}

Test(options, allocator_names, .init = redirect)
{
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        lmm_options = (struct lmm_options) {0};
        lmm_options_parse(named[i].text, &lmm_options);
        set_variable("ALLOCATOR_SCRIBBLE", named[i].scribble);
        set_variable("ALLOCATOR_LEAK_CHECK", named[i].leak_check);
        set_variable("ALLOCATOR_ALGORITHM", named[i].algorithm);
        lmm_options_follow_allocator_names();
        cr_expect(are_same(&lmm_options, &named[i].wanted), "row %zu", i);
        bool checks = named[i].leak_check != NULL && named[i].leak_check[0] == '1';
        cr_expect(lmm_options.leaks_to_stdout == checks, "row %zu", i);
    }
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
