/* SPDX-License-Identifier: MIT */
/* recall: lmm_recall_site() gives the site that a new walk leads to, whatever the thread remembers; and it
 * does not walk where it need not. */
#include "lib/heaps/start.h"
#include "lib/stacks/recall.h"

#include <alloca.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

/* No walk leaves that. */
enum { NO_WALK = UINT32_MAX };

static struct lmm_family *families[2];
static struct lmm_trace trace;
static struct lmm_recall recall;
static uint32_t frames = 24;
static uint32_t checks;
static uint32_t walks;     /* of the checks */
static bool has_bp = true; /* false: checks lose their caller's bp */

static void setup(void)
{
    cr_assert(lmm_start() && lmm_unwind_start() && lmm_depot_start());
    families[0] = lmm_families_add("one", 16, 16, true);
    families[1] = lmm_families_add("two", 32, 16, true);
    cr_assert(families[0] != NULL && families[1] != NULL);
    memset(&trace, 0xA5, sizeof(trace)); /* of any contents */
    memset(&recall, 0xA5, sizeof(recall));
    lmm_trace_clear(&trace);
    lmm_recall_init(&recall);
}

TestSuite(recall, .init = setup);

/* Takes the site of its caller's stack in both ways. */
static __attribute__((noinline)) void check_in(struct lmm_family *family)
{
    static _Thread_local struct lmm_trace fresh;
    struct lmm_caller caller = LMM_CALLER();

    caller.bp = has_bp ? caller.bp : 0;
    trace.first = NO_WALK;
    uint32_t got = lmm_recall_site(&recall, &trace, family, &caller, frames);
    walks += trace.first != NO_WALK;
    checks++;
    lmm_trace_clear(&fresh);
    lmm_unwind(&fresh, &caller, frames);
    uint32_t expected = lmm_depot_site(family, &fresh);
    cr_assert_eq(got, expected, "check %u: site %u, a new walk gives %u", checks, got, expected);
}

/* ---- Functions of every kind of frame -------------------------------------------------------- */

static uint32_t next(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

static void go(uint32_t *random, uint32_t depth);

static __attribute__((noinline)) void check(uint32_t *random)
{
    check_in(families[next(random) % 8 == 0]);
    __asm__ volatile("");
}

static __attribute__((noinline)) void small(uint32_t *random, uint32_t depth)
{
    go(random, depth);
    check(random);
    check(random);
}

static __attribute__((noinline)) void large(uint32_t *random, uint32_t depth)
{
    volatile char room[3000];

    room[depth] = 1;
    go(random, depth);
    room[depth + 1] = room[depth];
}

static __attribute__((noinline)) void variable(uint32_t *random, uint32_t depth)
{
    volatile char *room = alloca(16 + 16 * (next(random) % 3));

    room[0] = 1;
    go(random, depth);
    check(random);
    room[1] = room[0];
}

static __attribute__((noinline)) void aligned(uint32_t *random, uint32_t depth)
{
    volatile char room[100] __attribute__((aligned(64)));
    volatile char *more = alloca(16);

    room[0] = more[0] = 1;
    go(random, depth);
    more[1] = room[0];
}

static __attribute__((noinline, optimize("no-omit-frame-pointer"))) void
with_pointer(uint32_t *random, uint32_t depth)
{
    go(random, depth);
    check(random);
    __asm__ volatile("");
}

static void go(uint32_t *random, uint32_t depth)
{
    static void (*const way[])(uint32_t * random, uint32_t depth) = {small, large, variable,
                                                                     aligned, with_pointer};
    uint32_t turns = 1 + next(random) % 2;

    if (depth == 0) {
        check(random);
        return;
    }
    for (uint32_t i = 0; i < turns; i++) {
        way[next(random) % 5](random, depth - 1);
    }
}

/* The same walks again and again, a little different in each turn. */
static void walk_about(uint32_t depth, uint32_t turns)
{
    for (uint32_t i = 0; i < turns; i++) {
        uint32_t random = i % 4;
        go(&random, depth);
    }
}

/* ---- Tests ----------------------------------------------------------------------------------- */

Test(recall, agrees_with_new_walks)
{
    static const uint32_t sizes[] = {1, 2, 3, 8, 24, LMM_STACK_FRAMES_MAX};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        frames = sizes[i];
        lmm_trace_forget(&trace); /* the number of frames is always the same for one trace */
        for (uint32_t depth = 1; depth <= 9; depth++) {
            walk_about(depth, 12);
        }
    }
}

Test(recall, walks_little_where_calls_repeat)
{
    walk_about(3, 400);
    cr_expect_lt(walks, checks * 3 / 4, "%u walks in %u checks", walks, checks);
}

static __attribute__((noinline)) void innermost(void)
{
    check_in(families[0]);
    __asm__ volatile("");
}

/* The same pc and sp inside of two callers; its frame is as long in both. */
static __attribute__((noinline)) void by_two_ways(uint32_t way)
{
    if (way == 0) {
        innermost();
    } else {
        innermost();
    }
    __asm__ volatile("");
}

Test(recall, knows_callers_apart_that_have_one_pc_and_sp)
{
    for (uint32_t i = 0; i < 100; i++) {
        by_two_ways(i % 2);
    }
    cr_expect_eq(checks, 100);
}

Test(recall, keeps_a_caller_that_comes_again)
{
    uint32_t walks_at[8];

    for (uint32_t i = 0; i < 8; i++) {
        innermost();
        walks_at[i] = walks;
    }
    cr_expect_geq(walks_at[0], 1, "nothing is kept at first");
    cr_expect_eq(walks_at[7], walks_at[3]);
}

Test(recall, forgets_code_that_is_gone)
{
    for (uint32_t i = 0; i < 8; i++) {
        innermost();
    }
    uint32_t before = walks;
    lmm_code_forgotten++;
    innermost();
    cr_expect_eq(walks, before + 1);
    walk_about(5, 20);
}

static volatile size_t room_bytes = 16;

/* The CFA is at bp in these two functions. */
static __attribute__((noinline)) void around(void (*inner)(void))
{
    volatile char *room = alloca(room_bytes);

    room[0] = 1;
    inner();
    room[1] = room[0];
}

static __attribute__((noinline)) void check_with_bp(void)
{
    volatile char *room = alloca(room_bytes);

    room[0] = 1;
    check_in(families[0]);
    room[1] = room[0];
}

Test(recall, compares_bp)
{
    for (uint32_t i = 0; i < 12; i++) {
        has_bp = i % 4 != 3; /* without it there is no caller */
        check_with_bp();
    }
    cr_expect_lt(walks, checks);
}

Test(recall, compares_bp_where_the_trace_begins)
{
    volatile uintptr_t damage = 0;
    uint32_t walks_at[8];

    for (uint32_t i = 0; i < 8; i++) {
        damage = i == 7 ? 16 : 0;
        for (uint32_t k = 0; k < trace.count; k++) {
            trace.bp[k] ^= damage;
        }
        around(innermost);
        walks_at[i] = walks;
    }
    cr_expect_eq(walks_at[6], walks_at[4]);
#if !defined(__aarch64__) /* innermost() saves bp, and that word is compared */
    cr_expect_eq(walks_at[7], walks_at[6] + 1);
#endif
}

static __attribute__((noinline)) void at_depth(size_t bytes)
{
    volatile char *room = alloca(bytes);

    room[0] = 1;
    innermost();
    room[1] = room[0];
}

enum { GROUP = 50 };

/* Each depth is another caller. A group of them comes some times in turn. */
static __attribute__((noinline)) void check_depths(size_t from, size_t to, uint32_t turns)
{
    for (size_t group = from; group < to; group += GROUP) {
        for (size_t i = 0; i < turns * GROUP; i++) {
            at_depth(16 + 16 * (group + i % GROUP));
        }
    }
}

Test(recall, gets_more_memory_and_then_drops_all)
{
    enum { CALLERS = (LMM_RECALL_SEGMENTS_MAX / GROUP + 50) * GROUP, LAST = 10 * GROUP };
    static const struct {
        size_t from;
        size_t to;
        uint32_t turns;
    } phases[] = {{0, CALLERS, 3}, {CALLERS - LAST, CALLERS, 1}, {0, LAST, 1}};
    uint32_t walked[3];

    for (size_t i = 0; i < 3; i++) {
        uint32_t before = walks;
        check_depths(phases[i].from, phases[i].to, phases[i].turns);
        walked[i] = walks - before;
    }
    cr_expect_eq(recall.pool->capacity, LMM_RECALL_SEGMENTS_MAX);
    cr_expect_lt(recall.pool->used, LMM_RECALL_SEGMENTS_MAX / 2, "dropped, and filled again");
    cr_expect_lt(walked[1], LAST / 10, "%u walks for %d callers that are kept", walked[1], LAST);
    cr_expect_gt(walked[2], LAST / 2, "what was dropped is walked again");
}

/* More callers come in turn than are noted as seen without a collision: they are kept, too. */
Test(recall, keeps_callers_that_come_in_turn)
{
    enum { CALLERS = LMM_RECALL_SEGMENTS_MAX * 3 / 4, ROUNDS = 10 };
    uint32_t before = 0;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        before = walks;
        for (size_t i = 0; i < CALLERS; i++) {
            at_depth(16 + 16 * i);
        }
    }
    cr_expect_lt(walks - before, CALLERS / 10, "%u walks in the last round", walks - before);
}

/* ---- Long ways to the joint ------------------------------------------------------------------ */

static __attribute__((noinline)) void left(uint32_t calls)
{
    if (calls > 1) {
        left(calls - 1);
    } else {
        innermost();
    }
    __asm__ volatile("");
}

static __attribute__((noinline)) void right(uint32_t calls)
{
    if (calls > 1) {
        right(calls - 1);
    } else {
        innermost();
    }
    __asm__ volatile("");
}

static __attribute__((noinline)) void with_room(void (*way)(uint32_t calls), uint32_t calls)
{
    volatile char room[3000];

    room[0] = 1;
    way(calls);
    room[1] = room[0];
}

/* The words of the stack that tell about the innermost calls of the trace. */
static uint32_t words_of(uint32_t calls)
{
    uint32_t words = calls;

    for (uint32_t k = 0; k < trace.word_count; k++) {
        words += trace.word[k].call + calls >= trace.count;
    }
    return words;
}

/* Two ways of so many calls, in turn. */
static uint32_t last_walks_of(uint32_t calls, bool has_room)
{
    uint32_t before = 0;

    for (uint32_t i = 0; i < 24; i++) {
        before = i < 16 ? walks : before;
        if (has_room) {
            with_room(i % 2 == 0 ? left : right, calls);
        } else {
            (i % 2 == 0 ? left : right)(calls);
        }
    }
    return walks - before;
}

Test(recall, keeps_long_ways)
{
    static const struct {
        uint32_t calls;
        bool has_room;
        uint32_t room; /* words of a segment */
    } ways[] = {
        {2, false, LMM_SEGMENT_WORDS},     {6, false, LMM_SEGMENT_WORDS},
        {14, false, LMM_SEGMENT_WORDS},    {16, false, LMM_SEGMENT_WORDS},
        {1, true, LMM_SEGMENT_FAR_WORDS},  {2, true, LMM_SEGMENT_FAR_WORDS},
        {5, true, LMM_SEGMENT_FAR_WORDS},  {23, false, LMM_SEGMENT_WORDS},
        {14, true, LMM_SEGMENT_FAR_WORDS},
    };

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        uint32_t walked = last_walks_of(ways[i].calls, ways[i].has_room);
        uint32_t words = words_of(ways[i].calls + 1 + ways[i].has_room);
        if (words <= ways[i].room) {
            cr_expect_eq(walked, 0, "way %zu, of %u words: %u walks", i, words, walked);
        }
    }
}

static void *other_thread(void *unused)
{
    walk_about(6, 20);
    return unused;
}

Test(recall, the_trace_may_change_threads)
{
    for (uint32_t i = 0; i < 6; i++) {
        pthread_t thread;

        walk_about(6, 20);
        cr_assert_eq(pthread_create(&thread, NULL, other_thread, NULL), 0);
        pthread_join(thread, NULL);
    }
}

static void on_signal(int number)
{
    (void) number;
    walk_about(3, 4);
}

Test(recall, agrees_on_other_stacks)
{
    static char room[1 << 17];
    stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};

    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    for (uint32_t i = 0; i < 6; i++) {
        walk_about(4, 6);
        raise(SIGUSR1);
    }
}

Test(recall, works_without_memory_of_its_own)
{
    struct lmm_caller caller = LMM_CALLER();

    for (uint32_t i = 0; i < 4; i++) {
        uint32_t site = lmm_recall_site(NULL, &trace, families[0], &caller, 24);
        cr_expect_eq(site, lmm_depot_site(families[0], &trace));
    }
}

Test(recall, knows_stacks_of_one_call)
{
    struct lmm_caller caller = LMM_CALLER();
    struct lmm_caller other = caller;

    other.pc++; /* of the same function, so the same frame */
    cr_expect_eq(lmm_recall_caller(&recall, families[0]->index, caller.pc), LMM_SITE_NONE);
    uint32_t site = lmm_recall_site(&recall, &trace, families[0], &caller, 1);
    for (uint32_t i = 0; i < 4; i++) {
        cr_expect_eq(lmm_recall_caller(&recall, families[0]->index, caller.pc), site);
        cr_expect_eq(lmm_recall_caller(NULL, families[0]->index, caller.pc), site);
        cr_expect_eq(lmm_recall_caller(&recall, families[1]->index, caller.pc), LMM_SITE_NONE);
        cr_expect_eq(lmm_recall_caller(&recall, families[0]->index, other.pc), LMM_SITE_NONE);
        lmm_code_forgotten++;
    }
}
