/* SPDX-License-Identifier: MIT */
/* depot: one site for (family, stack), one frame for (caller, address), in the tables and in the
 * ledger; modules that are unloaded; failing memory; threads. */
#include "tests/support/seam.h"

#include "lib/stacks/depot.h"
#include "lib/stacks/rules.h"
#include "lib/heaps/start.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/stack_of.h"

enum { CALLS_MAX = 8 };

static struct lmm_family *families[3];

static void start(void)
{
    static const char *const names[] = {"one", "two", "three"};

    cr_assert(lmm_start() && lmm_unwind_start() && lmm_depot_start());
    for (size_t i = 0; i < 3; i++) {
        families[i] = lmm_families_add(names[i], 16 * (i + 1), 16, true);
        cr_assert(families[i] != NULL);
    }
}

/* ---- Stacks in the ledger -------------------------------------------------------------------- */

/* Fills a trace with calls, the outermost first, as a walk does: their variants are those of their
 * rules, and their hashes those of unwind.h, I3. */
static void fill(struct lmm_trace *trace, const uintptr_t *pc, uint32_t count)
{
    uint64_t hash = 0;
    uint64_t power = 1;

    trace->count = count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t variant = lmm_rule_of(lmm_table_body(&lmm_code_words), pc[i]).variant;
        hash += lmm_trace_word_of(pc[i], variant) * power;
        power *= 0x9E3779B97F4A7C15u;
        trace->pc[i] = pc[i];
        trace->hash[i] = hash;
        trace->variant[i] = (uint16_t) variant;
        trace->marks[i] = variant != 0 ? LMM_TRACE_VARIANT : 0;
    }
}

static uint32_t site_of(struct lmm_family *family, const uintptr_t *pc, uint32_t count)
{
    static _Thread_local struct lmm_trace trace;

    fill(&trace, pc, count);
    return lmm_depot_site(family, &trace);
}

/* Checks that the ledger has the site's family and stack. */
static void assert_stack(uint32_t site, const struct lmm_family *family, const uintptr_t *pc,
                         uint32_t count)
{
    struct lmm_site_facts facts = lmm_accounts_site_facts(site);
    uint32_t number = stack_of(site);

    cr_assert(facts.family == family->index && facts.line == 0);
    cr_assert(facts.file[0] == '\0' && facts.function[0] == '\0');
    for (uint32_t i = count; i-- > 0; number = lmm_accounts_frame(number)->caller) {
        cr_assert(number != 0 && number < frame_count());
        cr_assert(lmm_accounts_frame(number)->address == pc[i], "call %u", i);
    }
    cr_assert(number == 0, "no more calls");
}

/* ---- Sites ----------------------------------------------------------------------------------- */

/* Stacks by letters, the outermost call first; the address of a letter is in no module. */
static const struct {
    uint32_t family;
    const char *calls;
    uint32_t same_as; /* the first case with the same site */
    uint32_t new_frames;
} cases[] = {
    {0, "abc", 0, 3},  {0, "abc", 0, 0},  {1, "abc", 2, 0}, /* another family, the same frames */
    {0, "abd", 3, 1},                                       /* another innermost call */
    {0, "ab", 4, 0},                                        /* only the outer calls */
    {0, "a", 5, 0},    {0, "c", 6, 1}, /* the same address with another caller is another frame */
    {0, "bc", 7, 2},   {0, "aabc", 8, 3}, /* shares one call from outside */
    {0, "aaaa", 9, 2},                    /* recursion */
    {0, "aaa", 10, 0}, {2, "ab", 11, 0},  {0, "abcdefgh", 12, 5},
    {1, "abc", 2, 0},  {0, "aaaa", 9, 0}, {0, "bac", 15, 2}, /* the order counts */
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static uint32_t pcs_of(const char *calls, uintptr_t *pc)
{
    uint32_t count = 0;

    for (; calls[count] != '\0'; count++) {
        pc[count] = 0x1000u + (uintptr_t) (unsigned char) calls[count] * 16;
    }
    return count;
}

Test(depot, one_site_for_a_family_and_stack, .init = start)
{
    uint32_t sites[CASES];
    uintptr_t pc[CALLS_MAX];

    for (uint32_t i = 0; i < CASES; i++) {
        uint32_t frames = frame_count();
        uint32_t count = pcs_of(cases[i].calls, pc);
        sites[i] = site_of(families[cases[i].family], pc, count);
        uint32_t added = frame_count() - frames - (frames == 0);
        cr_expect(added == cases[i].new_frames, "'%s': %u frames", cases[i].calls, added);
        cr_expect(sites[i] == sites[cases[i].same_as], "case %u", i);
        for (uint32_t other = 0; other < i; other++) {
            cr_expect((sites[other] == sites[i]) == (cases[other].same_as == cases[i].same_as),
                      "cases %u and %u", other, i);
        }
        assert_stack(sites[i], families[cases[i].family], pc, count);
    }
}

Test(depot, no_calls_are_unattributed, .init = start)
{
    for (size_t i = 0; i < 3; i++) {
        cr_expect(site_of(families[i], NULL, 0) == families[i]->site);
        cr_expect(stack_of(families[i]->site) == 0);
    }
}

/* A walk by frame pointers may take any word for a return address. */
Test(depot, a_word_that_is_no_address_is_left_out, .init = start)
{
    static const uintptr_t words[] = {0, (uintptr_t) 1 << 52, (uintptr_t) 1 << 63 | 1, UINTPTR_MAX};
    static const uintptr_t kept[] = {0x1000, 0x2000};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        uintptr_t pc[] = {0x1000, words[i], 0x2000};
        uint32_t site = site_of(families[1], pc, 3);
        assert_stack(site, families[1], kept, 2);
        cr_expect(site_of(families[1], pc, 3) == site);
        cr_expect(site_of(families[0], &words[i], 1) == families[0]->site);
    }
}

Test(depot, families_share_frames, .init = start)
{
    struct lmm_trace trace = {0};
    uintptr_t pc[CALLS_MAX];

    fill(&trace, pc, pcs_of("abc", pc));
    uint32_t frame = stack_of(lmm_depot_site(families[0], &trace));
    cr_expect(frame != 0 && stack_of(lmm_depot_site(families[0], &trace)) == frame);
    cr_expect(stack_of(lmm_depot_site(families[1], &trace)) == frame);
    trace.count = 2;
    cr_expect(stack_of(lmm_depot_site(families[0], &trace)) == lmm_accounts_frame(frame)->caller);
}

/* Only of one call, in a module, at which the family has allocated. */
Test(depot, a_known_call_needs_no_walk, .init = start)
{
    const uintptr_t pc[] = {(uintptr_t) &start + 1, (uintptr_t) &site_of + 1};
    const uintptr_t elsewhere = 0x1000;

    cr_expect(lmm_depot_known_caller(families[0], pc[1]) == LMM_SITE_NONE, "no rule");
    uint32_t two_calls = site_of(families[0], pc, 2);
    cr_expect(lmm_depot_known_caller(families[0], pc[1]) == LMM_SITE_NONE, "another stack");
    uint32_t site = site_of(families[0], &pc[1], 1);
    cr_expect(site != two_calls && lmm_depot_known_caller(families[0], pc[1]) == site);
    cr_expect(lmm_depot_known_caller(families[1], pc[1]) == LMM_SITE_NONE, "another family");
    site_of(families[0], &elsewhere, 1);
    cr_expect(lmm_depot_known_caller(families[0], elsewhere) == LMM_SITE_NONE, "in no module");
}

Test(depot, past_the_last_id_is_other, .init = start)
{
    uintptr_t pc[CALLS_MAX];

    lmm_site_own_ids = lmm_accounts_site_count();
    uint32_t other = site_of(families[0], pc, pcs_of("abc", pc));
    cr_expect(strcmp(lmm_accounts_site_facts(other).file, "(other)") == 0);
    cr_expect(site_of(families[0], pc, pcs_of("abd", pc)) == other);
    cr_expect(site_of(families[0], pc, pcs_of("abc", pc)) == other);
    cr_expect(site_of(families[1], pc, pcs_of("abc", pc)) != other);
    cr_expect(lmm_chunks_header()->sites_merged >= 2);
}

/* The stack of a number: 2 to 6 calls, of which the outer ones are shared. */
static uint32_t numbered(uint32_t number, uintptr_t *pc)
{
    uint32_t count = 2 + number % 5;

    for (uint32_t i = 0; i < count; i++) {
        pc[i] = 0x100000u + ((uintptr_t) (number >> (2 * (count - 1 - i))) << 8) + i;
    }
    return count;
}

/* All tables grow more than once. */
Test(depot, many_stacks, .init = start)
{
    enum { STACKS = 100000 };
    static uint32_t sites[STACKS];
    uintptr_t pc[CALLS_MAX];
    uint32_t before = lmm_accounts_site_count();

    for (uint32_t i = 0; i < STACKS; i++) {
        uint32_t count = numbered(i, pc);
        sites[i] = site_of(families[i % 3], pc, count);
        cr_assert(sites[i] == before + i, "ids are dense, so stack %u is new", i);
    }
    uint32_t frames = frame_count();
    for (uint32_t i = 0; i < STACKS; i++) {
        uint32_t count = numbered(i, pc);
        cr_assert(site_of(families[i % 3], pc, count) == sites[i]);
        if (i % 17 == 0) {
            assert_stack(sites[i], families[i % 3], pc, count);
        }
    }
    cr_expect(lmm_accounts_site_count() == before + STACKS && frame_count() == frames);
}

/* ---- Modules --------------------------------------------------------------------------------- */

/* Loads the file. *ret_pc: an address in it that could be a return address. */
static void *load(const char *file, uintptr_t *ret_pc)
{
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);

    cr_assert(handle != NULL, "%s", dlerror());
    *ret_pc = (uintptr_t) dlsym(handle, "depot_module_call") + 1;
    return handle;
}

/* The module of the innermost call of a site. */
static struct lmm_ledger_module *module_of(uint32_t site)
{
    uint32_t number = lmm_accounts_frame(stack_of(site))->module;

    return number == 0 ? NULL : lmm_accounts_module(number - 1);
}

Test(depot, frames_know_their_module, .init = start)
{
    uintptr_t pc[] = {0x1000, 0};
    uintptr_t outside = 0x2000;
    void *handle = load(LMM_DEPOT_MODULE_ONE, &pc[1]);
    uint32_t site = site_of(families[0], pc, 2);
    const struct lmm_ledger_module *module = module_of(site);

    cr_assert(module != NULL && module->start < pc[1] && pc[1] < module->end && module->gone == 0);
    cr_expect(module->build_id_bytes == 4 && memcmp(module->build_id, "\x11\x11\x11\x11", 4) == 0);
    cr_expect(module_of(site_of(families[0], &outside, 1)) == NULL);
    uint32_t modules = lmm_accounts_module_count();
    pc[1]++;
    cr_expect(module_of(site_of(families[0], pc, 2)) == module);
    lmm_modules_refresh();
    cr_expect(module->gone == 0 && lmm_accounts_module_count() == modules, "it is still there");
    pc[1]--;
    cr_expect(site_of(families[0], pc, 2) == site);
    dlclose(handle);
}

/* The calls of a stack through a module, and what the depot made of them. */
struct passage {
    uintptr_t pc[3];
    uint32_t site;
    uint32_t module; /* its number + 1 */
};

/* Loads the file and goes through it. NULL: the loader took other addresses than `before` has. */
static void *pass_through(const char *file, const struct passage *before,
                          struct passage *ret_passage)
{
    uintptr_t pc;
    void *handle = load(file, &pc);

    if (before != NULL && pc != before->pc[1]) {
        dlclose(handle);
        cr_skip_test("the loader took other addresses");
    }
    *ret_passage = (struct passage) {.pc = {0x1000, pc, 0x1010}};
    ret_passage->site = site_of(families[0], ret_passage->pc, 3);
    assert_stack(ret_passage->site, families[0], ret_passage->pc, 3);
    cr_expect(site_of(families[0], ret_passage->pc, 3) == ret_passage->site);
    ret_passage->module =
        lmm_accounts_frame(lmm_accounts_frame(stack_of(ret_passage->site))->caller)->module;
    cr_assert(ret_passage->module != 0);
    cr_expect(lmm_accounts_module(ret_passage->module - 1)->gone == 0);
    return handle;
}

/* Unloads a module. is_told: as the drop-in does it. */
static void unload(void *handle, const struct passage *passage, bool is_told)
{
    dlclose(handle);
    if (is_told) {
        lmm_modules_refresh();
        cr_expect(lmm_accounts_module(passage->module - 1)->gone == 1);
    }
}

Test(depot, a_module_that_comes_back_is_the_same, .init = start)
{
    struct passage first;
    struct passage again;
    uintptr_t outside = 0x1000;

    unload(pass_through(LMM_DEPOT_MODULE_ONE, NULL, &first), &first, true);
    uint32_t outer = site_of(families[0], &outside, 1);
    uint32_t modules = lmm_accounts_module_count();
    uint32_t frames = frame_count();
    uint32_t sites = lmm_accounts_site_count();
    for (size_t i = 0; i < 100; i++) {
        unload(pass_through(LMM_DEPOT_MODULE_ONE, &first, &again), &again, i % 2 == 0);
        cr_expect(again.site == first.site && again.module == first.module);
        cr_expect(site_of(families[0], &outside, 1) == outer);
    }
    cr_expect(lmm_accounts_module_count() == modules && frame_count() == frames);
    cr_expect(lmm_accounts_site_count() == sites);
}

/* Modules that take turns at one place have their own stacks, and each keeps them. */
static void take_turns(const char *const *files, size_t count, bool is_told)
{
    struct passage first[4];
    struct passage again;

    for (size_t i = 0; i < count; i++) {
        void *handle = pass_through(files[i], i == 0 ? NULL : &first[0], &first[i]);
        for (size_t other = 0; other < i; other++) {
            cr_expect(first[other].site != first[i].site, "%zu and %zu", other, i);
            cr_expect(first[other].module != first[i].module);
            cr_expect(lmm_accounts_module(first[other].module - 1)->gone == 1);
        }
        unload(handle, &first[i], is_told);
    }
    uint32_t modules = lmm_accounts_module_count();
    uint32_t frames = frame_count();
    for (size_t i = 0; i < 30; i++) {
        void *handle = pass_through(files[i % count], &first[0], &again);
        cr_expect(again.site == first[i % count].site, "turn %zu", i);
        cr_expect(again.module == first[i % count].module);
        unload(handle, &again, is_told);
    }
    cr_expect(lmm_accounts_module_count() == modules && frame_count() == frames);
}

Test(depot, modules_that_take_turns, .init = start)
{
    const char *const files[] = {LMM_DEPOT_MODULE_ONE, LMM_DEPOT_MODULE_TWO};

    take_turns(files, 2, true);
}

/* The depot looks a module up for an address that is new in it, even if dlclose was not told. */
Test(depot, a_module_unloaded_without_a_word, .init = start)
{
    struct passage first;
    uintptr_t pc;

    unload(pass_through(LMM_DEPOT_MODULE_ONE, NULL, &first), &first, false);
    void *handle = load(LMM_DEPOT_MODULE_TWO, &pc);
    if (pc != first.pc[1]) {
        cr_skip_test("the loader took other addresses");
    }
    uintptr_t fresh[] = {0x1000, pc + 1};
    uint32_t forgotten = lmm_code_forgotten;
    uint32_t found = site_of(families[0], fresh, 2);
    cr_expect(lmm_accounts_module(first.module - 1)->gone == 1 && lmm_code_forgotten > forgotten);
    cr_expect(module_of(found) != NULL && module_of(found)->build_id[0] == 0x22);
    uint32_t site = site_of(families[0], first.pc, 3);
    cr_expect(site != first.site, "another place, though its addresses are the same");
    dlclose(handle);
}

/* Copies a file over `to`, with its time of change. */
static void copy(const char *from, const char *to)
{
    char command[1024];

    snprintf(command, sizeof(command), "cp -p '%s' '%s'", from, to);
    cr_assert(system(command) == 0);
}

/* Files without a build-id are told apart by the file, or by what is mapped of it. */
Test(depot, without_a_build_id, .init = start)
{
    char folder[] = "/tmp/lmm-depot-XXXXXX";
    char path[64];
    struct passage passage[4];

    cr_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/module.so", folder);
    copy(LMM_DEPOT_MODULE_PLAIN, path);
    for (size_t i = 0; i < 2; i++) {
        unload(pass_through(path, i == 0 ? NULL : &passage[0], &passage[i]), &passage[i], true);
    }
    cr_expect(passage[1].site == passage[0].site && passage[1].module == passage[0].module);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1234567890}};
    cr_assert(utimensat(AT_FDCWD, path, times, 0) == 0);
    unload(pass_through(path, &passage[0], &passage[2]), &passage[2], true);
    cr_expect(passage[2].module != passage[0].module, "it was written meanwhile");
    unload(pass_through(LMM_DEPOT_MODULE_PLAIN, &passage[0], &passage[3]), &passage[3], true);
    cr_expect(passage[3].module != passage[0].module && passage[3].module != passage[2].module);
    cr_assert(unlink(path) == 0 && rmdir(folder) == 0);
}

/* ---- No memory ------------------------------------------------------------------------------- */

/* Starts once for each call to the kernel, which then fails. */
Test(depot, start_without_memory_can_be_tried_again)
{
    cr_assert(lmm_start() && lmm_unwind_start());
    seam_install();
    seam_fail_all(SEAM_MAP);
    while (!lmm_depot_start()) {
        seam_heal();
        uint64_t next = seam_calls(SEAM_MAP) + 2;
        seam_fail(SEAM_MAP, next, SEAM_FOR_EVER);
    }
    seam_heal();
    families[0] = lmm_families_add("one", 16, 16, true);
    uintptr_t pc[CALLS_MAX];
    uint32_t count = pcs_of("abc", pc);
    assert_stack(site_of(families[0], pc, count), families[0], pc, count);
}

/* The site of a stack of one call. */
static uint32_t lone_site(uint32_t number)
{
    uintptr_t pc = 0x200000u + number;

    return site_of(families[0], &pc, 1);
}

static void assert_lone(uint32_t site, uint32_t number)
{
    uintptr_t pc = 0x200000u + number;

    assert_stack(site, families[0], &pc, 1);
}

Test(depot, without_memory_sites_are_unattributed, .init = start)
{
    uint32_t count = 0;

    seam_install();
    seam_fail_all(SEAM_MAP);
    uint32_t site = lone_site(0);
    while (site != families[0]->site) {
        assert_lone(site, count);
        site = lone_site(++count);
        cr_assert(count < 1000000);
    }
    cr_expect(count > 0, "some fit in what there is");
    for (uint32_t i = count; i < count + 1000; i++) {
        cr_assert(lone_site(i) == families[0]->site);
    }
    for (uint32_t i = 0; i < count; i++) {
        assert_lone(lone_site(i), i);
    }
    seam_heal();
    for (uint32_t i = 0; i < count + 1000; i++) {
        assert_lone(lone_site(i), i);
    }
}

/* Each call to the kernel that the growing tables make fails once. */
Test(depot, each_failure_once, .init = start)
{
    enum { STEP = 500, LAST = 60000 };
    uint64_t failed = 0;

    seam_install();
    for (uint32_t first = 0; first < LAST; first += STEP) {
        uint64_t next = seam_calls(SEAM_MAP) + 1;
        seam_fail(SEAM_MAP, next, next);
        for (uint32_t i = first; i < first + STEP; i++) {
            uint32_t site = lone_site(i);
            if (site != families[0]->site) {
                assert_lone(site, i);
            }
        }
        failed += seam_calls(SEAM_MAP) >= next;
        seam_heal();
        for (uint32_t i = first; i < first + STEP; i++) {
            uint32_t site = lone_site(i);
            assert_lone(site, i);
            cr_assert(lone_site(i) == site);
        }
    }
    cr_expect(failed >= 5, "%d calls failed", (int) failed);
}

/* ---- Threads --------------------------------------------------------------------------------- */

enum { THREADS = 4, SHARED_STACKS = 20000 };

struct finder {
    pthread_t thread;
    uint32_t step; /* coprime to the number of stacks, so each thread has another order */
    uint32_t sites[SHARED_STACKS];
    uint32_t wrong;
};

static void *find_all(void *arg)
{
    struct finder *finder = arg;
    uintptr_t pc[CALLS_MAX];

    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < SHARED_STACKS; i++) {
            uint32_t number = i * finder->step % SHARED_STACKS;
            uint32_t count = numbered(number, pc);
            uint32_t site = site_of(families[number % 3], pc, count);
            finder->wrong += pass == 1 && finder->sites[number] != site;
            finder->sites[number] = site;
        }
    }
    return NULL;
}

Test(depot, threads_find_and_add_at_once, .init = start)
{
    static const uint32_t steps[THREADS] = {1, 19999, 7, 11};
    static struct finder finders[THREADS];
    uintptr_t pc[CALLS_MAX];
    uint32_t before = lmm_accounts_site_count();

    for (size_t i = 0; i < THREADS; i++) {
        finders[i].step = steps[i];
        cr_assert(pthread_create(&finders[i].thread, NULL, find_all, &finders[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(finders[i].thread, NULL);
        cr_expect(finders[i].wrong == 0);
        cr_expect(memcmp(finders[i].sites, finders[0].sites, sizeof(finders[0].sites)) == 0);
    }
    cr_expect(lmm_accounts_site_count() == before + SHARED_STACKS, "none twice");
    for (uint32_t i = 0; i < SHARED_STACKS; i++) {
        uint32_t count = numbered(i, pc);
        assert_stack(finders[0].sites[i], families[i % 3], pc, count);
    }
}
