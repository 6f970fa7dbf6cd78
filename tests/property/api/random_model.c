/* SPDX-License-Identifier: MIT */
/*
 * Random operations on many families, from one or more threads, against a naive model: each
 * worker's table of the blocks it holds, and counts.
 *
 *   random_model OPERATIONS THREADS [SEED]       LMM_SEED sets the seed too
 *
 * Workers hand blocks to each other, so blocks are freed and resized by threads that did not
 * allocate them. The run is cut into rounds: in the middle of each, with all threads alive and
 * idle, and at its end, when they have ended, every block, every byte of it, and every
 * figure must agree with the model. Workers keep their tables over the rounds, so blocks outlive
 * their threads.
 *
 * Checked: alignment; zeroing; contents (when freed, resized, handed over, and of all blocks at
 * each standstill); no two blocks overlap; lmm_for_each_block() shows each block once, as it is;
 * lmm_block_count(); lmm_family_of(), for insides too; lmm_family_stats(); LMM's own invariants.
 */
#include <lmm/lmm.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "tests/property/api/internals.h"
#include "tests/property/api/kinds.h"
#include "tests/property/api/pattern.h"

enum {
    THREADS_MAX = 16,
    ROUNDS = 8,
    BLOCKS_MAX = 24000,      /* of one worker, when its wave is highest */
    BYTES_MAX = 48 << 20,    /* of one worker */
    WAVE_OPERATIONS = 60000, /* after so many, a worker goes from growing to shrinking or back */
    ARRAY_LENGTH_MAX = 5000,
    SHORT_ARRAY_BYTES = 8 << 10,
    LONG_ARRAY_BYTES = 256 << 10,
    HUGE_ARRAY_BYTES = 8 << 20,
};

struct block {
    unsigned char *address;
    size_t n;
    uint64_t seed;
    const struct kind *kind;
};

struct table {
    struct block *block;
    size_t count;
    size_t room;
};

struct counts {
    uint64_t allocations;
    uint64_t frees;
};

struct worker {
    unsigned number;
    uint64_t random;
    uint64_t operations_left; /* of this round */
    uint64_t operations_done;
    size_t bytes; /* in own */
    struct table own;
    pthread_mutex_t inbox_lock;
    struct table inbox; /* under inbox_lock: from other workers */
    struct counts counts[KINDS_MAX];
};

static struct worker workers[THREADS_MAX];
static unsigned worker_count;
static uint64_t seed;
static pthread_barrier_t standstill;

_Noreturn static void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nseed %" PRIu64 ", %u threads\n", seed, worker_count);
    abort();
}

/* Fails with a message unless the condition holds. */
#define NEED(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fail(__VA_ARGS__);                                                                     \
        }                                                                                          \
    } while (0)

/* ---- Tables ---- */

static void table_add(struct table *table, struct block block)
{
    if (table->count == table->room) {
        table->room = table->room == 0 ? 1024 : table->room * 2;
        table->block = realloc(table->block, table->room * sizeof(*table->block));
        NEED(table->block != NULL, "the model is out of memory");
    }
    table->block[table->count++] = block;
}

static struct block table_take(struct table *table, size_t index)
{
    struct block block = table->block[index];
    table->block[index] = table->block[--table->count];
    return block;
}

/* ---- Contents. The padding between the structs of an array is not checked. ---- */

static size_t block_bytes(const struct block *block)
{
    return block->n * block->kind->stride;
}

/* Visits the structs [from, block->n) of the block as ranges of bytes; true when `each` always
 * was. */
static bool for_each_range(const struct block *block, size_t from, size_t to,
                           bool (*each)(const struct block *block, size_t from, size_t to))
{
    const struct kind *kind = block->kind;
    if (kind->size == kind->stride) {
        return each(block, from * kind->size, to * kind->size);
    }
    for (size_t i = from; i < to; i++) {
        if (!each(block, i * kind->stride, i * kind->stride + kind->size)) {
            return false;
        }
    }
    return true;
}

static bool fill_range(const struct block *block, size_t from, size_t to)
{
    pattern_fill(block->address, from, to, block->seed);
    return true;
}

static bool range_holds(const struct block *block, size_t from, size_t to)
{
    return pattern_holds(block->address, from, to, block->seed);
}

static bool range_is_zero(const struct block *block, size_t from, size_t to)
{
    return pattern_is_zero(block->address, from, to);
}

static void check_contents(const struct block *block, const char *when)
{
    NEED(for_each_range(block, 0, block->n, range_holds),
         "contents damaged, found %s: %p, %zu x %s", when, (void *) block->address, block->n,
         lmm_family_name(block->kind->family));
}

/* ---- Operations ---- */

static size_t random_array_bytes(struct worker *worker)
{
    unsigned dice = (unsigned) random_below(&worker->random, 2000);
    return dice == 0 ? HUGE_ARRAY_BYTES : dice < 100 ? LONG_ARRAY_BYTES : SHORT_ARRAY_BYTES;
}

static size_t random_length(struct worker *worker, const struct kind *kind)
{
    size_t most_bytes = random_array_bytes(worker);
    size_t length = (size_t) 1 << random_below(&worker->random, 13);
    length = 1 + random_below(&worker->random, length);
    size_t most = most_bytes / kind->stride + 1;
    length = length < most ? length : most;
    return length < ARRAY_LENGTH_MAX ? length : ARRAY_LENGTH_MAX;
}

/* Large kinds are rare. */
static const struct kind *random_kind(struct worker *worker)
{
    const struct kind *kind = &kinds[random_below(&worker->random, kind_count)];
    bool reject = kind->stride > 4096 && random_below(&worker->random, kind->stride / 2048) != 0;
    return reject ? &kinds[random_below(&worker->random, 8)] : kind;
}

static void do_alloc(struct worker *worker)
{
    const struct kind *kind = random_kind(worker);
    struct block block = {NULL, 1, random_next(&worker->random), kind};
    unsigned how = (unsigned) random_below(&worker->random, 8);
    if (how < 4) {
        block.address = kind_alloc(kind);
    } else if (how < 7) {
        block.address = kind_zalloc(kind);
    } else {
        block.n = random_length(worker, kind);
        block.address = kind_calloc(kind, block.n);
    }
    NEED(block.address != NULL, "no memory for %zu x %s: errno %d", block.n,
         lmm_family_name(kind->family), errno);
    NEED((uintptr_t) block.address % kind->align == 0, "%p is not aligned for %s",
         (void *) block.address, lmm_family_name(kind->family));
    NEED(how < 4 || for_each_range(&block, 0, block.n, range_is_zero),
         "%p, %zu x %s, is not zeroed", (void *) block.address, block.n,
         lmm_family_name(kind->family));
    for_each_range(&block, 0, block.n, fill_range);
    worker->counts[kind - kinds].allocations++;
    worker->bytes += block_bytes(&block);
    table_add(&worker->own, block);
}

static size_t random_own(struct worker *worker)
{
    /* Often the newest block, as in programs. */
    if (random_below(&worker->random, 4) == 0) {
        return worker->own.count - 1;
    }
    return random_below(&worker->random, worker->own.count);
}

static void do_free(struct worker *worker)
{
    struct block block = table_take(&worker->own, random_own(worker));
    check_contents(&block, "when freed");
    worker->bytes -= block_bytes(&block);
    worker->counts[block.kind - kinds].frees++;
    lmm_free(block.address);
}

static void do_resize(struct worker *worker)
{
    struct block *block = &worker->own.block[random_own(worker)];
    size_t n = random_length(worker, block->kind);
    if (random_below(&worker->random, 2) == 0) {
        n = block->n + random_below(&worker->random, 5);
    }
    worker->bytes -= block_bytes(block);
    unsigned char *address = lmm_resize(block->address, n);
    NEED(address != NULL, "no memory for a resize from %zu to %zu x %s", block->n, n,
         lmm_family_name(block->kind->family));
    /* A move is a new block and the end of the old one. */
    worker->counts[block->kind - kinds].allocations += address != block->address;
    worker->counts[block->kind - kinds].frees += address != block->address;
    size_t kept = n < block->n ? n : block->n;
    block->address = address;
    block->n = n;
    NEED(for_each_range(block, 0, kept, range_holds), "%p: resize to %zu x %s lost contents",
         (void *) address, n, lmm_family_name(block->kind->family));
    NEED(for_each_range(block, kept, n, range_is_zero),
         "%p: resize to %zu x %s: structs added are not zeroed", (void *) address, n,
         lmm_family_name(block->kind->family));
    for_each_range(block, kept, n, fill_range);
    worker->bytes += block_bytes(block);
}

static void do_hand_over(struct worker *worker)
{
    struct worker *other = &workers[random_below(&worker->random, worker_count)];
    struct block block = table_take(&worker->own, random_own(worker));
    worker->bytes -= block_bytes(&block);
    pthread_mutex_lock(&other->inbox_lock);
    table_add(&other->inbox, block);
    pthread_mutex_unlock(&other->inbox_lock);
}

static void empty_inbox(struct worker *worker)
{
    pthread_mutex_lock(&worker->inbox_lock);
    for (size_t i = 0; i < worker->inbox.count; i++) {
        table_add(&worker->own, worker->inbox.block[i]);
        worker->bytes += block_bytes(&worker->inbox.block[i]);
    }
    worker->inbox.count = 0;
    pthread_mutex_unlock(&worker->inbox_lock);
}

static void check_one(const struct block *block)
{
    NEED(lmm_block_count(block->address) == block->n, "lmm_block_count(%p) is %zu, not %zu",
         (void *) block->address, lmm_block_count(block->address), block->n);
    NEED(lmm_family_of(block->address) == block->kind->family, "lmm_family_of(%p) is not %s",
         (void *) block->address, lmm_family_name(block->kind->family));
    size_t inside = block_bytes(block) - 1;
    NEED(inside == 0 || lmm_family_of(block->address + inside) == NULL,
         "%p is inside a block and lmm_family_of() is not NULL",
         (void *) (block->address + inside));
}

static void operate(struct worker *worker)
{
    uint64_t number = worker->operations_done++;
    bool growing = number / WAVE_OPERATIONS % 2 == worker->number % 2;
    unsigned chance = (unsigned) random_below(&worker->random, 100);

    if (number % 64 == 0) {
        empty_inbox(worker);
    }
    if (random_below(&worker->random, 100000) == 0) {
        lmm_trim();
    }
    bool full = worker->own.count >= BLOCKS_MAX || worker->bytes >= BYTES_MAX;
    if (worker->own.count == 0 || (!full && chance < (growing ? 60 : 30))) {
        do_alloc(worker);
    } else if (chance < 64) {
        do_resize(worker);
    } else if (chance < 66) {
        check_one(&worker->own.block[random_own(worker)]);
    } else if (chance < 72 && worker_count > 1) {
        do_hand_over(worker);
    } else {
        do_free(worker);
    }
}

/* ---- Standstill: everything is compared ---- */

struct seen {
    struct lmm_block *block;
    size_t count;
    size_t room;
};

static int note_block(const struct lmm_block *block, void *arg)
{
    struct seen *seen = arg;
    NEED(seen->count != seen->room,
         "lmm_for_each_block() shows more blocks than the model has (%zu)", seen->room);
    seen->block[seen->count++] = *block;
    return 0;
}

static int by_address(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) ((const struct block *) a)->address;
    uintptr_t right = (uintptr_t) ((const struct block *) b)->address;
    return (left > right) - (left < right);
}

static int seen_by_address(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) ((const struct lmm_block *) a)->address;
    uintptr_t right = (uintptr_t) ((const struct lmm_block *) b)->address;
    return (left > right) - (left < right);
}

static struct table all_blocks(void)
{
    struct table all = {NULL, 0, 0};
    for (unsigned i = 0; i < worker_count; i++) {
        empty_inbox(&workers[i]);
        for (size_t j = 0; j < workers[i].own.count; j++) {
            table_add(&all, workers[i].own.block[j]);
        }
    }
    if (all.count != 0) {
        qsort(all.block, all.count, sizeof(*all.block), by_address);
    }
    return all;
}

static void compare_block(const struct block *block, const struct lmm_block *seen)
{
    const struct kind *kind = block->kind;
    NEED(seen->address == block->address && seen->slots == block->n &&
             seen->bytes == block->n * kind->size && seen->family == kind->family,
         "lmm_for_each_block() shows %p, %zu x %s, %zu bytes; the model has %p, %zu x %s",
         seen->address, seen->slots, lmm_family_name(seen->family), seen->bytes,
         (void *) block->address, block->n, lmm_family_name(kind->family));
    NEED(strcmp(seen->file, kind->file) == 0 && (seen->line != 0) == (kind->alloc != NULL),
         "%p, %s, is said to be allocated at %s:%u", seen->address, lmm_family_name(kind->family),
         seen->file, seen->line);
}

static void check_blocks(const struct table *all)
{
    struct seen seen = {calloc(all->count + 1, sizeof(struct lmm_block)), 0, all->count};
    NEED(seen.block != NULL, "the model is out of memory");
    lmm_for_each_block(NULL, note_block, &seen);
    NEED(seen.count == all->count, "lmm_for_each_block() shows %zu blocks, not %zu", seen.count,
         all->count);
    qsort(seen.block, seen.count, sizeof(*seen.block), seen_by_address);
    for (size_t i = 0; i < all->count; i++) {
        const struct block *block = &all->block[i];
        NEED(i == 0 || block[-1].address + block_bytes(&block[-1]) <= block->address,
             "blocks %p and %p overlap", (void *) block[-1].address, (void *) block->address);
        compare_block(block, &seen.block[i]);
        check_contents(block, "at a standstill");
        check_one(block);
    }
    free(seen.block);
}

static void check_figure(const char *family, const char *what, uint64_t is, uint64_t should)
{
    NEED(is == should, "%s: %s is %" PRIu64 ", not %" PRIu64, family, what, is, should);
}

static void check_room(const struct lmm_stats *stats)
{
    bool sane =
        stats->peak_bytes >= stats->live_bytes && stats->committed_bytes >= stats->live_bytes &&
        stats->mapped_bytes >= stats->committed_bytes &&
        stats->longest_free_slots <= stats->free_slots &&
        (stats->live_blocks == 0 || stats->pages != 0) &&
        stats->mapped_bytes >= (stats->live_slots + stats->free_slots) * stats->stride_bytes;
    NEED(sane,
         "%s: live %" PRIu64 " peak %" PRIu64 " committed %" PRIu64 " mapped %" PRIu64
         " bytes, %" PRIu64 " pages, %" PRIu64 " free slots, longest %" PRIu64,
         stats->name, stats->live_bytes, stats->peak_bytes, stats->committed_bytes,
         stats->mapped_bytes, stats->pages, stats->free_slots, stats->longest_free_slots);
}

static void check_family(size_t index, const struct table *all)
{
    const struct kind *kind = &kinds[index];
    struct counts sum = {0, 0};
    uint64_t live_slots = 0;
    for (unsigned i = 0; i < worker_count; i++) {
        sum.allocations += workers[i].counts[index].allocations;
        sum.frees += workers[i].counts[index].frees;
    }
    for (size_t i = 0; i < all->count; i++) {
        live_slots += all->block[i].kind == kind ? all->block[i].n : 0;
    }
    struct lmm_stats stats;
    NEED(lmm_family_stats(kind->family, &stats) == 0, "lmm_family_stats() failed");
    const char *name = lmm_family_name(kind->family);
    check_figure(name, "size_bytes", stats.size_bytes, kind->size);
    check_figure(name, "align_bytes", stats.align_bytes, kind->align);
    check_figure(name, "stride_bytes", stats.stride_bytes, kind->stride);
    check_figure(name, "allocations", stats.allocations, sum.allocations);
    check_figure(name, "frees", stats.frees, sum.frees);
    check_figure(name, "live_blocks", stats.live_blocks, sum.allocations - sum.frees);
    check_figure(name, "live_slots", stats.live_slots, live_slots);
    check_figure(name, "live_bytes", stats.live_bytes, live_slots * kind->size);
    check_room(&stats);
}

static void check_everything(void)
{
    struct table all = all_blocks();
    const char *complaint = internals_complaint();
    NEED(complaint == NULL, "%s", complaint);
    check_blocks(&all);
    for (size_t i = 0; i < kind_count; i++) {
        check_family(i, &all);
    }
    free(all.block);
}

/* ---- Running ---- */

static void *run_worker(void *arg)
{
    struct worker *worker = arg;
    uint64_t half = worker->operations_left / 2;
    for (; worker->operations_left > half; worker->operations_left--) {
        operate(worker);
    }
    if (pthread_barrier_wait(&standstill) == PTHREAD_BARRIER_SERIAL_THREAD) {
        check_everything();
    }
    pthread_barrier_wait(&standstill);
    for (; worker->operations_left > 0; worker->operations_left--) {
        operate(worker);
    }
    return NULL;
}

static void run_round(uint64_t operations)
{
    pthread_t thread[THREADS_MAX];
    for (unsigned i = 0; i < worker_count; i++) {
        workers[i].operations_left = operations / worker_count;
        if (worker_count == 1) {
            run_worker(&workers[i]);
        } else if (pthread_create(&thread[i], NULL, run_worker, &workers[i]) != 0) {
            fail("no thread");
        }
    }
    for (unsigned i = 0; i < worker_count && worker_count != 1; i++) {
        pthread_join(thread[i], NULL);
    }
    check_everything();
}

static void free_everything(void)
{
    for (unsigned i = 0; i < worker_count; i++) {
        while (workers[i].own.count != 0) {
            do_free(&workers[i]);
        }
    }
    check_everything();
    lmm_trim();
    check_everything();
}

static uint64_t choose_seed(const char *argument)
{
    const char *text = argument != NULL ? argument : getenv("LMM_SEED");
    if (text != NULL) {
        return strtoull(text, NULL, 0);
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_nsec * 1000003u ^ (uint64_t) now.tv_sec;
}

int main(int argc, char **argv)
{
    uint64_t operations = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;
    worker_count = argc > 2 ? (unsigned) strtoul(argv[2], NULL, 0) : 1;
    if (worker_count < 1 || worker_count > THREADS_MAX) {
        fprintf(stderr, "usage: random_model OPERATIONS THREADS(1..%d) [SEED]\n", THREADS_MAX);
        return 2;
    }
    seed = choose_seed(argc > 3 ? argv[3] : NULL);
    printf("seed %" PRIu64 "\n", seed);
    fflush(stdout);
    uint64_t random = seed;
    kinds_register(&random);
    pthread_barrier_init(&standstill, NULL, worker_count);
    for (unsigned i = 0; i < worker_count; i++) {
        workers[i].number = i;
        workers[i].random = random_next(&random);
        pthread_mutex_init(&workers[i].inbox_lock, NULL);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        run_round(operations / ROUNDS);
    }
    free_everything();
    printf("%" PRIu64 " operations, %u threads: agreed\n", operations, worker_count);
    for (unsigned i = 0; i < worker_count; i++) {
        free(workers[i].own.block);
        free(workers[i].inbox.block);
    }
    return EXIT_SUCCESS;
}
