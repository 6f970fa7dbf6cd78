/* SPDX-License-Identifier: MIT */
/*
 * Every kernel call that can fail, one by one: a fixed scenario runs with the k-th map, unmap,
 * discard, map of the ledger's file or mremap failing, once or from then on, for k = 1, 2, ...
 * until a run makes no k-th call. Each run is a process of its own in which LMM has not started.
 *
 * LMM maps its own records a MiB at a time, so a failing map alone seldom hits them. The runs
 * called starve also take all memory of the arenas, before the scenario's k-th operation
 * (each STARVE_STEP-th of them), for the next STARVE_LENGTH operations or for good.
 *
 * Whatever fails: a function gives NULL and ENOMEM or does its work; every live block keeps its
 * content and can be counted and freed; the counts are those of a naive model; and when nothing
 * fails any longer, everything works again.
 *
 *   faults [map|unmap|discard|file|remap|starve [once|on [K]]]
 */
#include "tests/support/seam.h"

#include "lib/front/block.h"
#include "lib/pages/family.h"
#include "lib/heaps/heap.h"
#include "lib/ground/meta.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"
#include "lib/front/walk.h"

#include <errno.h>
#include <lmm/lmm.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BLOCKS_MAX = 16384,
    FAMILIES_MAX = 72,      /* more than a heap has bins for at first */
    STATUS_NOT_REACHED = 3, /* the run made no k-th call */
    STATUS_WRONG = 4,
    EDGE_BYTES = 128, /* checked at either end of a long block */
    STARVE_STEP = 41,
    STARVE_LENGTH = 70,
    EACH_UP_TO = 64, /* after this many unmaps or discards, which are alike, some are left out */
};

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fail_run(__LINE__, #condition);                                                        \
        }                                                                                          \
    } while (0)

static const char *step = "start";

static _Noreturn void fail_run(int line, const char *condition)
{
    fprintf(stderr, "faults.c:%d: not so after '%s': %s (errno %d)\n", line, step, condition,
            errno);
    _exit(STATUS_WRONG);
}

/* ---- The model ------------------------------------------------------------------------------- */

struct model_block {
    unsigned char *address;
    struct model_family *family;
    size_t slots;
    unsigned char seed;
};

struct model_family {
    struct lmm_family *family; /* NULL: its registration has failed so far */
    char name[32];
    size_t size;
    size_t align;
    uint64_t allocations;
    uint64_t frees;
    uint64_t live_slots;
};

static struct model_block blocks[BLOCKS_MAX];
static size_t block_count;
static struct model_family families[FAMILIES_MAX];
static size_t family_count;
static unsigned char next_seed;

static size_t stride_of(const struct model_family *family)
{
    return (family->size + family->align - 1) / family->align * family->align;
}

static size_t bytes_of(const struct model_block *block)
{
    return (block->slots - 1) * stride_of(block->family) + block->family->size;
}

static unsigned char content(const struct model_block *block, size_t i)
{
    return (unsigned char) (block->seed + i * 7);
}

/* The offset after i among those that are checked. */
static size_t next_position(size_t i, size_t bytes)
{
    i++;
    return i >= EDGE_BYTES && i + EDGE_BYTES < bytes ? bytes - EDGE_BYTES : i;
}

static void fill(const struct model_block *block)
{
    size_t bytes = bytes_of(block);

    for (size_t i = 0; i < bytes; i = next_position(i, bytes)) {
        block->address[i] = content(block, i);
    }
}

static void check_content(const struct model_block *block, size_t bytes)
{
    size_t all = bytes_of(block);

    for (size_t i = 0; i < bytes; i = next_position(i, all)) {
        CHECK(block->address[i] == content(block, i));
    }
}

static void check_zeroed(const unsigned char *address, size_t bytes)
{
    for (size_t i = 0; i < bytes; i = next_position(i, bytes)) {
        CHECK(address[i] == 0);
    }
}

static struct model_family *add_family(const char *name, size_t size, size_t align)
{
    CHECK(family_count < FAMILIES_MAX);
    struct model_family *family = &families[family_count++];

    snprintf(family->name, sizeof(family->name), "%s", name);
    family->size = size;
    family->align = align;
    return family;
}

/* ---- Starving -------------------------------------------------------------------------------- */

struct hoard {
    struct hoard *next;
    size_t bytes;
};

static struct {
    uint64_t first; /* operations [first, last] starve; first 0: none */
    uint64_t last;
    uint64_t operations;
    struct hoard *records;
    struct hoard *tags;
} starving;

static struct hoard *take_all(struct lmm_arena *arena)
{
    struct hoard *hoard = NULL;

    for (size_t bytes = 1 << 16; bytes >= LMM_CACHE_LINE_BYTES; bytes -= LMM_CACHE_LINE_BYTES) {
        struct hoard *record;
        while ((record = lmm_meta_alloc(arena, bytes)) != NULL) {
            *record = (struct hoard) {hoard, bytes};
            hoard = record;
        }
    }
    return hoard;
}

/* Records of the arenas must not have changed, except their first word. */
static void give_all(struct lmm_arena *arena, struct hoard *hoard)
{
    while (hoard != NULL) {
        struct hoard *next = hoard->next;
        size_t bytes = hoard->bytes;
        *hoard = (struct hoard) {0};
        lmm_meta_free(arena, hoard, bytes);
        hoard = next;
    }
}

static void stop_starving(void)
{
    seam_heal();
    give_all(&lmm_arena_records, starving.records);
    give_all(&lmm_arena_tags, starving.tags);
    starving.records = NULL;
    starving.tags = NULL;
}

/* Before each operation of the scenario. */
static void begin_operation(void)
{
    uint64_t operation = ++starving.operations;

    if (starving.first != 0 && operation == starving.first) {
        seam_fail_all(SEAM_MAP);
        starving.records = take_all(&lmm_arena_records);
        starving.tags = take_all(&lmm_arena_tags);
    } else if (starving.first != 0 && operation == starving.last) {
        stop_starving();
    }
}

/* ---- Operations, each on LMM and on the model ------------------------------------------------ */

static bool enter_family(struct model_family *family)
{
    begin_operation();
    errno = 0;
    struct lmm_family *registered = lmm_family_register(family->name, family->size, family->align);

    CHECK(registered != NULL || errno == ENOMEM);
    CHECK(family->family == NULL || family->family == registered);
    family->family = registered;
    return registered != NULL;
}

static bool note_block(struct model_family *family, void *address, size_t slots, bool zeroed)
{
    if (address == NULL) {
        CHECK(errno == ENOMEM);
        return false;
    }
    CHECK((uintptr_t) address % family->align == 0);
    CHECK(block_count < BLOCKS_MAX);
    struct model_block *block = &blocks[block_count++];
    *block = (struct model_block) {address, family, slots, next_seed++};
    if (zeroed) {
        check_zeroed(block->address, bytes_of(block));
    }
    fill(block);
    family->allocations++;
    family->live_slots += slots;
    return true;
}

/* Allocates a block of `slots`; 0: one struct with undefined content. */
static bool allocate(struct model_family *family, size_t slots)
{
    if (family->family == NULL && !enter_family(family)) {
        return false;
    }
    begin_operation();
    errno = 0;
    void *address = slots == 0   ? lmm_alloc(family->family)
                    : slots == 1 ? lmm_zalloc(family->family)
                                 : lmm_calloc(family->family, slots);
    return note_block(family, address, slots == 0 ? 1 : slots, slots != 0);
}

static void allocate_many(struct model_family *family, size_t slots, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        allocate(family, slots);
    }
}

static void free_block(size_t i)
{
    struct model_block *block = &blocks[i];

    begin_operation();
    check_content(block, bytes_of(block));
    CHECK(lmm_block_count(block->address) == block->slots);
    CHECK(lmm_family_of(block->address) == block->family->family);
    errno = EXDEV;
    lmm_free(block->address);
    CHECK(errno == EXDEV);
    block->family->frees++;
    block->family->live_slots -= block->slots;
    *block = blocks[--block_count];
}

/* Frees one block in n of a family (NULL: of each), in an irregular but fixed pattern. */
static void free_some(uint32_t n, const struct model_family *family)
{
    static uint32_t random = 2463534242;

    for (size_t i = block_count; i-- > 0;) {
        random = random * 1664525 + 1013904223;
        if ((family == NULL || blocks[i].family == family) && (random >> 16) % n == 0) {
            free_block(i);
        }
    }
}

/* Whether a block that was resized moved is for the caller to count: another allocation and
 * free. */
static bool resize(size_t i, size_t slots)
{
    struct model_block *block = &blocks[i];

    begin_operation();
    errno = 0;
    unsigned char *address = lmm_resize(block->address, slots);
    if (address == NULL) {
        CHECK(errno == ENOMEM);
        CHECK(lmm_block_count(block->address) == block->slots);
        check_content(block, bytes_of(block));
        return false;
    }
    struct model_block old = *block;
    block->address = address;
    block->slots = slots;
    old.address = address;
    size_t kept = bytes_of(slots < old.slots ? block : &old);
    /* Positions near a longer block's end are not near a shorter one's. */
    for (size_t at = 0; at < EDGE_BYTES && at < kept; at++) {
        CHECK(address[at] == content(&old, at));
    }
    if (slots > old.slots) {
        check_content(&old, bytes_of(&old));
        size_t from = old.slots * stride_of(block->family);
        check_zeroed(address + from, bytes_of(block) - from);
    }
    fill(block);
    block->family->live_slots += slots - old.slots;
    return true;
}

static void resize_all(const struct model_family *family, size_t slots)
{
    for (size_t i = 0; i < block_count; i++) {
        if (blocks[i].family == family) {
            unsigned char *before = blocks[i].address;
            if (resize(i, slots) && blocks[i].address != before) {
                blocks[i].family->allocations++;
                blocks[i].family->frees++;
            }
        }
    }
}

/* ---- Comparing ------------------------------------------------------------------------------- */

struct sum {
    uint64_t blocks;
    uint64_t slots;
    uint64_t addresses;
};

static void add_to_sum(struct sum *sum, const void *address, size_t slots)
{
    sum->blocks++;
    sum->slots += slots;
    sum->addresses += (uintptr_t) address;
}

static int sum_item(const struct lmm_walk_item *item, void *arg)
{
    if (!item->is_page && item->extent.live) {
        add_to_sum(arg, item->extent.base, item->extent.slots);
    }
    return 0;
}

static int sum_block(const struct lmm_block *shown, void *arg)
{
    add_to_sum(arg, shown->address, shown->slots);
    return 0;
}

/* A walk shows exactly the model's blocks: their number, lengths and addresses. */
static void check_walk(bool publicly)
{
    struct sum shown = {0};
    struct sum wanted = {0};

    for (size_t i = 0; i < block_count; i++) {
        add_to_sum(&wanted, blocks[i].address, blocks[i].slots);
    }
    CHECK((publicly ? lmm_for_each_block(NULL, sum_block, &shown)
                    : lmm_walk_family(NULL, sum_item, &shown)) == 0);
    CHECK(memcmp(&shown, &wanted, sizeof(shown)) == 0);
}

static uint64_t live_blocks(const struct model_family *family)
{
    return family->allocations - family->frees;
}

static void check_family(const struct model_family *family)
{
    struct lmm_stats stats;

    if (family->family == NULL) {
        CHECK(family->allocations == 0);
        CHECK(lmm_family_find(family->name) == NULL);
        return;
    }
    CHECK(lmm_family_find(family->name) == family->family);
    CHECK(lmm_family_stats(family->family, &stats) == 0);
    CHECK(stats.live_blocks == live_blocks(family));
    CHECK(stats.live_slots == family->live_slots);
    CHECK(stats.live_bytes == family->live_slots * family->size);
    CHECK(stats.allocations == family->allocations);
    CHECK(stats.frees == family->frees);
    CHECK(stats.peak_bytes >= stats.live_bytes);
    CHECK(stats.committed_bytes <= stats.mapped_bytes);
    CHECK(stats.mapped_bytes >= stats.live_slots * stats.stride_bytes);
    CHECK(family->family->runs.holes.reserved <= family->family->runs.holes.capacity);
    lmm_lock_acquire(&family->family->runs.lock);
    CHECK(lmm_runs_are_valid_locked(&family->family->runs));
    lmm_lock_release(&family->family->runs.lock);
}

static void check_heap(struct lmm_heap *heap, void *arg)
{
    (void) arg;
    lmm_lock_acquire(heap->lock);
    CHECK(lmm_heap_is_valid(heap));
    lmm_lock_release(heap->lock);
}

/* Checks everything; no other thread is inside LMM. */
static void check_all(const char *name)
{
    step = name;
    for (size_t i = 0; i < block_count; i++) {
        check_content(&blocks[i], bytes_of(&blocks[i]));
        CHECK(lmm_block_count(blocks[i].address) == blocks[i].slots);
        CHECK(lmm_family_of(blocks[i].address) == blocks[i].family->family);
    }
    for (size_t i = 0; i < family_count; i++) {
        check_family(&families[i]);
    }
    if (lmm_has_started()) {
        lmm_thread_for_each_heap(check_heap, NULL);
    }
    check_walk(false);
}

static void check_reports(FILE *sink, bool must_work)
{
    errno = 0;
    uint64_t leaks = lmm_leak_check(sink);
    /* This array holds all blocks; a check that fails counts what lives. */
    CHECK(leaks == 0 || leaks == block_count);
    errno = 0;
    CHECK(lmm_print_usage(sink) == 0 || (!must_work && errno == ENOMEM));
    CHECK(lmm_print_usage_json(sink) == 0 || (!must_work && errno == ENOMEM));
    CHECK(lmm_print_blocks(sink, families[2].family) == 0);
}

/* ---- The scenario ---------------------------------------------------------------------------- */

typedef struct {
    char text[40];
} placed_t;

enum { SMALL, MIDDLE, LARGE, HUGE, ALIGNED, BYTE, PLACED, LATE };

static struct {
    sem_t go;
    sem_t done;
    pthread_t thread;
} worker;

static bool work(void)
{
    return sem_wait(&worker.go) == 0;
}

static void rest(void)
{
    sem_post(&worker.done);
}

/* Lets the worker do its next step. */
static void let_work(void)
{
    sem_post(&worker.go);
    sem_wait(&worker.done);
}

/* First step: a heap with few families. Second: frees of the main thread's blocks, some of families
 * and sites that are not open in the heap. */
static void *run_worker(void *arg)
{
    work();
    allocate_many(&families[SMALL], 1, 100);
    allocate_many(&families[MIDDLE], 7, 5);
    rest();
    work();
    free_some(2, &families[MIDDLE]);
    for (size_t i = LATE; i < family_count; i++) {
        free_some(2, &families[i]);
    }
    allocate_many(&families[LARGE], 1, 10);
    allocate_many(&families[LATE + 3], 3, 3);
    rest();
    work(); /* the heap is checked before its thread ends */
    return arg;
}

static void *run_heir(void *arg)
{
    step = "second thread";
    free_some(3, NULL);
    allocate_many(&families[SMALL], 0, 200);
    return arg;
}

static void allocate_placed(void)
{
    for (int i = 0; i < 20; i++) {
        begin_operation();
        errno = 0;
        note_block(&families[PLACED], i % 2 == 0 ? LMM_NEW(placed_t) : LMM_ALLOC(placed_t), 1,
                   i % 2 == 0);
        begin_operation();
        errno = 0;
        note_block(&families[PLACED], LMM_NEW_ARRAY(placed_t, 3), 3, true);
    }
    /* A macro may have registered the type before it found no memory for a block. */
    families[PLACED].family = lmm_family_find("placed_t");
}

static void name_families(void)
{
    add_family("small", 24, 8);
    add_family("middle", 200, 8);
    add_family("large", 5000, 8);
    add_family("huge", 9000, 8);
    add_family("aligned", 100000, 4096);
    add_family("byte", 1, 1);
    add_family("placed_t", sizeof(placed_t), _Alignof(placed_t));
    for (int i = LATE; i < FAMILIES_MAX; i++) {
        char name[32];
        snprintf(name, sizeof(name), "late %d", i);
        add_family(name, 16, 8);
    }
}

static void run_slots_and_runs(void)
{
    for (size_t i = 0; i < LATE; i++) {
        if (i != PLACED) {
            enter_family(&families[i]);
        }
    }
    allocate_many(&families[MIDDLE], 0, 1400);
    allocate_many(&families[LARGE], 1, 120);
    allocate_many(&families[HUGE], 1, 40);
    allocate_many(&families[ALIGNED], 1, 5);
    check_all("slots");
    for (size_t n = 2; n < 80; n++) {
        allocate(&families[SMALL], n);
        allocate(&families[HUGE], n / 8 + 1);
    }
    allocate(&families[MIDDLE], 5000);
    allocate(&families[BYTE], 300000);
    allocate(&families[ALIGNED], 3);
    allocate_placed();
    check_all("runs and spans");
}

static void run_resizes(void)
{
    resize_all(&families[BYTE], 500000);
    resize_all(&families[BYTE], 200000);
    resize_all(&families[BYTE], 50);
    resize_all(&families[ALIGNED], 2);
    resize_all(&families[ALIGNED], 1);
    resize_all(&families[HUGE], 12);
    resize_all(&families[HUGE], 3);
    resize_all(&families[PLACED], 5);
    check_all("resize");
}

static void run_second_thread(void)
{
    pthread_t heir;

    for (size_t i = LATE; i < family_count; i++) {
        allocate(&families[i], 1);
        allocate(&families[i], 2);
        allocate(&families[i], 100);
        allocate(&families[i], 3);
    }
    check_all("many families");
    let_work();
    check_all("foreign frees");
    sem_post(&worker.go);
    pthread_join(worker.thread, NULL);
    check_all("thread exit");
    CHECK(pthread_create(&heir, NULL, run_heir, NULL) == 0);
    pthread_join(heir, NULL);
    check_all("second thread's exit");
}

static void run_endings(FILE *sink)
{
    check_reports(sink, false);
    free_some(2, NULL);
    lmm_trim();
    check_all("trim");
    allocate_many(&families[MIDDLE], 1, 900);
    allocate_many(&families[SMALL], 20, 50);
    allocate_many(&families[BYTE], 140000, 3);
    free_some(3, &families[MIDDLE]);
    free_some(2, &families[LARGE]);
    free_some(2, &families[HUGE]);
    check_all("use after trim");
    lmm_trim();
    check_all("second trim");
    check_reports(sink, false);
}

/* From here on nothing fails. */
static void run_recovery(FILE *sink)
{
    starving.first = 0;
    stop_starving();
    check_all("recovery");
    for (size_t i = 0; i < family_count; i++) {
        CHECK(families[i].family != NULL || enter_family(&families[i]));
        CHECK(allocate(&families[i], 1));
        CHECK(allocate(&families[i], 9));
    }
    CHECK(allocate(&families[BYTE], 300000));
    CHECK(resize(block_count - 1, 600000));
    /* Only the books show whether it was moved. */
    struct lmm_stats stats;
    CHECK(lmm_family_stats(families[BYTE].family, &stats) == 0);
    uint64_t moves = stats.allocations - families[BYTE].allocations;
    CHECK(moves <= 1);
    families[BYTE].allocations += moves;
    families[BYTE].frees += moves;
    check_all("recovered allocation");
    check_walk(true);
    check_reports(sink, true);
    free_some(1, NULL);
    CHECK(block_count == 0);
    lmm_trim();
    check_all("everything freed");
    for (size_t i = 0; i < family_count; i++) {
        CHECK(families[i].family->runs.holes.reserved == 0);
    }
    check_reports(sink, true);
}

/* What fails: a kernel call, or (SEAM_OPERATIONS) the arenas are starved. */
struct fault {
    int operation;
    bool for_ever;
    uint64_t k;
};

static void arm(const struct fault *fault)
{
    seam_install();
    if (fault->operation != SEAM_OPERATIONS) {
        seam_fail((enum seam_operation) fault->operation, fault->k,
                  fault->for_ever ? SEAM_FOR_EVER : fault->k);
        return;
    }
    starving.first = fault->k * STARVE_STEP;
    starving.last = fault->for_ever ? SEAM_FOR_EVER : starving.first + STARVE_LENGTH;
}

/* Whether that failure has happened. */
static bool was_reached(const struct fault *fault)
{
    return fault->operation == SEAM_OPERATIONS
               ? starving.operations >= starving.first
               : seam_calls((enum seam_operation) fault->operation) >= fault->k;
}

static _Noreturn void run_scenario(const struct fault *fault)
{
    FILE *sink = fopen("/dev/null", "w");

    CHECK(sink != NULL);
    setenv("LMM_OPTIONS", "reservoir=1", 1);
    arm(fault);
    name_families();
    sem_init(&worker.go, 0, 0);
    sem_init(&worker.done, 0, 0);
    CHECK(pthread_create(&worker.thread, NULL, run_worker, NULL) == 0);
    let_work();
    check_all("worker's first step");
    run_slots_and_runs();
    run_resizes();
    run_second_thread();
    run_endings(sink);
    bool reached = was_reached(fault);
    run_recovery(sink);
    fclose(sink);
    _exit(reached ? 0 : STATUS_NOT_REACHED);
}

/* ---- All of them ----------------------------------------------------------------------------- */

/* A scenario with fewer calls than that would show little. The ledger's file grows seldom, and only
 * whole regions are unmapped. */
static const struct {
    const char *name;
    unsigned runs_min;
} operations[SEAM_OPERATIONS + 1] = {
    {"map", 20},  {"unmap", 3}, {"discard", 20}, {"file", 3},
    {"remap", 0}, {"open", 3},  {"populate", 3}, {"starve", 20},
};

static int run_child(const struct fault *fault)
{
    pid_t child = fork();

    if (child == 0) {
        run_scenario(fault);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        return STATUS_WRONG;
    }
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "killed by signal %d\n", WTERMSIG(status));
        return STATUS_WRONG;
    }
    return WEXITSTATUS(status);
}

/* True when each run succeeded. */
static bool run_all(int operation, bool for_ever)
{
    struct fault fault = {operation, for_ever, 1};
    const char *mode = for_ever ? "on" : "once";
    bool right = true;
    unsigned runs = 0;
    int status;

    while ((status = run_child(&fault)) != STATUS_NOT_REACHED) {
        if (status != 0) {
            fprintf(stderr, "wrong; by hand: faults %s %s %llu\n", operations[operation].name, mode,
                    (unsigned long long) fault.k);
            right = false;
        }
        runs++;
        fault.k += operation == SEAM_MAP || fault.k < EACH_UP_TO ? 1 : fault.k / 8;
    }
    printf("%s %s: %u runs\n", operations[operation].name, mode, runs);
    fflush(stdout);
    return right && runs >= operations[operation].runs_min;
}

int main(int argc, char **argv)
{
    bool right = true;

    for (int operation = 0; operation <= SEAM_OPERATIONS; operation++) {
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            if ((argc > 1 && strcmp(argv[1], operations[operation].name) != 0) ||
                (argc > 2 && strcmp(argv[2], for_ever ? "on" : "once") != 0)) {
                continue;
            }
            if (argc > 3) {
                struct fault fault = {operation, for_ever, strtoull(argv[3], NULL, 10)};
                run_scenario(&fault);
            }
            right = run_all(operation, for_ever) && right;
        }
    }
    return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
