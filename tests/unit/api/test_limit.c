/* SPDX-License-Identifier: MIT */
/* Limits of a family: when the callback is called, and what is refused. */
#include <lmm/lmm.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/support/fails_with.h"
#include "tests/support/random.h"

typedef struct {
    char name[32];
    unsigned id;
} emp_t;

enum { EMP = sizeof(emp_t), MANY = 100000 };

static emp_t *emps[MANY];

static struct lmm_stats stats_of(const struct lmm_family *family)
{
    struct lmm_stats stats;
    cr_assert(lmm_family_stats(family, &stats) == 0);
    return stats;
}

/* What a callback saw, and what it shall do. */
struct told {
    struct lmm_family *family;
    unsigned times;
    uint64_t live_bytes;
    uint64_t raise_to; /* the hard limit; 0: does not */
    size_t free_last;  /* how many of emps, from *count down */
    size_t *count;
    bool allocates;
    bool is_running;
};

static void tell(struct lmm_family *family, uint64_t live_bytes, void *arg)
{
    struct told *told = arg;
    cr_assert(family == told->family && !told->is_running);
    told->is_running = true;
    told->times++;
    told->live_bytes = live_bytes;
    cr_assert(stats_of(family).live_bytes == live_bytes);
    for (size_t i = 0; i < told->free_last; i++) {
        lmm_free(emps[--*told->count]);
    }
    if (told->allocates) {
        lmm_free(LMM_NEW(emp_t));
        lmm_free(LMM_NEW_ARRAY(emp_t, 3));
    }
    if (told->raise_to != 0) {
        cr_assert(lmm_family_limit(family, 0, told->raise_to, tell, told) == 0);
    }
    errno = 1234;
    told->is_running = false;
}

/* Allocates up to `most` into emps; returns how many there were. */
static size_t fill(size_t most)
{
    size_t count = 0;
    while (count < most && (emps[count] = LMM_NEW(emp_t)) != NULL) {
        count++;
    }
    return count;
}

static void empty(size_t count)
{
    while (count > 0) {
        lmm_free(emps[--count]);
    }
}

Test(limit, arguments)
{
    struct lmm_family *family = LMM_REGISTER(emp_t);
    FAILS_WITH(EINVAL, lmm_family_limit(NULL, 0, 1, NULL, NULL) == 0);
    FAILS_WITH(EINVAL, lmm_family_limit(family, 2, 1, tell, NULL) == 0);
    FAILS_WITH(EINVAL, lmm_family_limit(family, 1, 0, NULL, NULL) == 0);
    FAILS_WITH(EINVAL, lmm_family_limit(family, 1, 2, NULL, NULL) == 0);
    cr_assert(lmm_family_limit(family, 0, 0, NULL, NULL) == 0);
    cr_assert(lmm_family_limit(family, 1, UINT64_MAX, tell, NULL) == 0);
}

/* A thread alone is held to the limit exactly, whatever the bytes, and again after frees. */
Test(limit, hard_is_exact)
{
    static const size_t limits[] = {0, 1, 2, 7, 100, 113, 114, 1000, 7281, 7282, 20000};
    struct lmm_family *family = LMM_REGISTER(emp_t);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        cr_assert(lmm_family_limit(family, 0, limits[i] * EMP + EMP - 1, NULL, NULL) == 0);
        for (size_t round = 0; round < 3; round++) {
            size_t count = fill(MANY);
            /* The list that the thread had when the limit was set is its own. */
            cr_assert(count == limits[i] || (round == 0 && count < limits[i] + 8192),
                      "%zu of %zu in round %zu", count, limits[i], round);
            FAILS_WITH(ENOMEM, LMM_NEW(emp_t));
            FAILS_WITH(ENOMEM, LMM_NEW_ARRAY(emp_t, 1));
            FAILS_WITH(ENOMEM, lmm_alloc(family));
            empty(count);
        }
    }
    cr_assert(lmm_family_limit(family, 0, 0, NULL, NULL) == 0);
    cr_assert(fill(MANY) == MANY);
    empty(MANY);
}

Test(limit, arrays_and_lengths)
{
    struct lmm_family *family = LMM_REGISTER(emp_t);
    cr_assert(lmm_family_limit(family, 0, 100 * EMP, NULL, NULL) == 0);
    for (size_t round = 0; round < 3; round++) {
        emp_t *array = LMM_NEW_ARRAY(emp_t, 60);
        cr_assert(array != NULL);
        FAILS_WITH(ENOMEM, LMM_NEW_ARRAY(emp_t, 41));
        FAILS_WITH(ENOMEM, lmm_resize(array, 101));
        cr_assert(lmm_block_count(array) == 60);
        array = lmm_resize(array, 100);
        cr_assert(array != NULL && stats_of(family).live_slots == 100);
        FAILS_WITH(ENOMEM, LMM_NEW_ARRAY(emp_t, 1));
        array = lmm_resize(array, 1);
        cr_assert(array != NULL);
        emp_t *other = LMM_NEW_ARRAY(emp_t, 99);
        cr_assert(other != NULL);
        FAILS_WITH(ENOMEM, lmm_resize(array, 2));
        lmm_free(array);
        lmm_free(other);
    }
    cr_assert(stats_of(family).live_blocks == 0);
}

Test(limit, strings_count_their_bytes)
{
    lmm_free(lmm_strdup(""));
    struct lmm_family *family = lmm_family_find("char[]");
    cr_assert(lmm_family_limit(family, 0, 10, NULL, NULL) == 0);
    for (size_t round = 0; round < 3; round++) {
        FAILS_WITH(ENOMEM, lmm_strdup("0123456789"));
        char *whole = lmm_strdup("012345678");
        cr_assert(whole != NULL);
        FAILS_WITH(ENOMEM, lmm_strdup(""));
        lmm_free(whole);
    }
}

/* ---- Flexible structs against a model ---- */

struct message {
    unsigned length;
    char text[];
};

enum { MODEL_BLOCKS = 2000, MODEL_STEPS = 50000, MODEL_SOFT = 150000, MODEL_HARD = 200000 };

struct model {
    struct told told;
    struct message *block[MODEL_BLOCKS];
    uint64_t bytes[MODEL_BLOCKS];
    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t most_bytes; /* that ever lived */
    uint64_t seen_bytes; /* the most that lived when somebody looked */
    uint64_t refused;
};

/* Mostly short, sometimes longer than what is cached, or than a page of its own needs. */
static size_t length_of(uint64_t dice)
{
    static const size_t most[] = {30, 30, 30, 200, 200, 200, 3000, 150000};
    return (size_t) (dice >> 8) % most[dice % 8];
}

static void allocate_in(struct model *model, size_t i, size_t length)
{
    uint64_t bytes = sizeof(struct message) + length;
    uint64_t after = model->live_bytes + bytes;
    unsigned times = model->told.times;
    struct message *message = LMM_NEW_FLEX(struct message, text, length);

    cr_assert((message != NULL) == (after <= MODEL_HARD), "%zu and %zu bytes",
              (size_t) model->live_bytes, (size_t) bytes);
    bool is_told = model->told.times != times;
    if (message == NULL) {
        cr_assert(is_told && errno == ENOMEM && model->told.live_bytes == model->live_bytes);
        model->refused++;
        return;
    }
    model->block[i] = message;
    model->bytes[i] = bytes;
    model->live_bytes = after;
    model->live_blocks++;
    model->most_bytes = after > model->most_bytes ? after : model->most_bytes;
    cr_assert(!is_told || (after > MODEL_SOFT && model->told.live_bytes == after));
    if (is_told && after > model->seen_bytes) {
        model->seen_bytes = after;
    }
}

static void free_in(struct model *model, size_t i)
{
    lmm_free(model->block[i]);
    model->block[i] = NULL;
    model->live_bytes -= model->bytes[i];
    model->live_blocks--;
}

static void look_at(struct model *model, const struct lmm_family *family)
{
    struct lmm_stats stats = stats_of(family);

    model->seen_bytes =
        model->live_bytes > model->seen_bytes ? model->live_bytes : model->seen_bytes;
    cr_assert(stats.live_bytes == model->live_bytes && stats.live_blocks == model->live_blocks);
    cr_assert(stats.peak_bytes >= model->seen_bytes && stats.peak_bytes <= model->most_bytes,
              "%zu, of %zu to %zu", (size_t) stats.peak_bytes, (size_t) model->seen_bytes,
              (size_t) model->most_bytes);
}

Test(limit, flexible_structs_against_a_model)
{
    static struct model model;
    uint64_t random = 42;
    lmm_free(LMM_NEW_FLEX(struct message, text, 0));
    struct lmm_family *family = lmm_family_find("struct message[]");
    model.told.family = family;
    cr_assert(lmm_family_limit(family, MODEL_SOFT, MODEL_HARD, tell, &model.told) == 0);
    for (unsigned step = 0; step < MODEL_STEPS; step++) {
        uint64_t dice = random_next(&random);
        size_t i = (size_t) (dice >> 32) % MODEL_BLOCKS;
        if (model.block[i] != NULL) {
            free_in(&model, i);
        } else {
            allocate_in(&model, i, length_of(dice));
        }
        if (dice >> 56 == 0) {
            look_at(&model, family);
        }
    }
    cr_assert(model.refused > 300 && model.told.times > model.refused, "both limits were met");
    for (size_t i = 0; i < MODEL_BLOCKS; i++) {
        if (model.block[i] != NULL) {
            free_in(&model, i);
        }
    }
    look_at(&model, family);
}

/* Fills the cache of each length, and then sees how many bytes a thread gets. */
static void *take_what_is_cached(void *limit)
{
    enum { LENGTHS = 64, RUNS = 16, STRIDE = 32 };
    static _Thread_local struct message *block[LENGTHS][RUNS];
    uint64_t bytes = 0;

    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < LENGTHS; i++) {
            for (size_t k = 0; k < RUNS; k++) {
                size_t length = (i + 1) * STRIDE - sizeof(struct message) - 1;
                block[i][k] = LMM_NEW_FLEX(struct message, text, length);
                bytes += block[i][k] == NULL || round == 0 ? 0 : length + sizeof(struct message);
            }
        }
        if (round == 0) {
            for (size_t i = 0; i < LENGTHS * RUNS; i++) {
                lmm_free(block[i / RUNS][i % RUNS]);
            }
            pthread_barrier_wait(limit);
            pthread_barrier_wait(limit);
        }
    }
    return (void *) bytes;
}

Test(limit, what_was_cached_before_is_held_to_it)
{
    pthread_barrier_t limit;
    pthread_t thread;
    void *bytes;
    pthread_barrier_init(&limit, NULL, 2);
    cr_assert(pthread_create(&thread, NULL, take_what_is_cached, &limit) == 0);
    pthread_barrier_wait(&limit);
    struct lmm_family *family = lmm_family_find("struct message[]");
    cr_assert(lmm_family_limit(family, 0, 1000, NULL, NULL) == 0);
    pthread_barrier_wait(&limit);
    cr_assert(pthread_join(thread, &bytes) == 0);
    cr_assert((uint64_t) bytes <= 1000 + 256 * 1024, "%zu", (size_t) bytes);
}

/* Once each time that live bytes pass the limit, at the very block. */
Test(limit, soft_tells_once_for_each_time)
{
    struct lmm_family *family = LMM_REGISTER(emp_t);
    struct told told = {.family = family};
    cr_assert(lmm_family_limit(family, 1000 * EMP, 0, tell, &told) == 0);
    for (unsigned round = 1; round <= 3; round++) {
        errno = 0;
        cr_assert(fill(1000) == 1000 && told.times == round - 1);
        emps[1000] = LMM_NEW(emp_t);
        cr_assert(emps[1000] != NULL && told.times == round && errno == 0);
        cr_assert(told.live_bytes == 1001 * EMP, "%zu", (size_t) told.live_bytes);
        for (size_t i = 1001; i < 5000; i++) {
            emps[i] = LMM_NEW(emp_t);
        }
        cr_assert(told.times == round);
        empty(5000);
        /* Looked at again: live bytes are below the limit. */
        lmm_free(LMM_NEW_ARRAY(emp_t, 200));
    }
}

Test(limit, soft_before_hard)
{
    struct lmm_family *family = LMM_REGISTER(emp_t);
    struct told told = {.family = family};
    cr_assert(lmm_family_limit(family, 10 * EMP, 20 * EMP, tell, &told) == 0);
    cr_assert(fill(10) == 10 && told.times == 0);
    cr_assert(LMM_NEW(emp_t) != NULL && told.times == 1 && told.live_bytes == 11 * EMP);
    for (int i = 11; i < 20; i++) {
        cr_assert(LMM_NEW(emp_t) != NULL && told.times == 1);
    }
    /* Before an allocation is refused, it is told once more. */
    FAILS_WITH(ENOMEM, LMM_NEW(emp_t));
    cr_assert(told.times == 2 && told.live_bytes == 20 * EMP);
}

Test(limit, callback_that_frees_makes_room)
{
    struct lmm_family *family = LMM_REGISTER(emp_t);
    size_t count = 0;
    struct told told = {.family = family, .free_last = 50, .count = &count};
    cr_assert(lmm_family_limit(family, 0, 100 * EMP, tell, &told) == 0);
    for (int i = 0; i < 1000; i++) {
        emp_t *emp = LMM_NEW(emp_t);
        cr_assert(emp != NULL);
        emps[count++] = emp;
    }
    cr_assert(told.times >= 18 && stats_of(family).live_blocks <= 100);
}

Test(limit, callback_that_allocates_and_raises)
{
    struct lmm_family *family = LMM_REGISTER(emp_t);
    struct told told = {.family = family, .allocates = true, .raise_to = 200 * EMP};
    cr_assert(lmm_family_limit(family, 10 * EMP, 100 * EMP, tell, &told) == 0);
    /* Told at 11; it then sets the limit anew, without a soft one. */
    cr_assert(fill(100) == 100 && told.times == 1);
    cr_assert(fill(100) == 100);
    FAILS_WITH(ENOMEM, LMM_NEW(emp_t));
    cr_assert(told.times == 2);
    told.raise_to = 300 * EMP;
    cr_assert(LMM_NEW(emp_t) != NULL && told.times == 3);
}

static int print(FILE *stream)
{
    return lmm_print_usage_json(stream);
}

Test(limit, is_in_the_output)
{
    struct lmm_family *family = LMM_REGISTER(emp_t);
    char text[8192] = "";
    FILE *stream = tmpfile();
    cr_assert(lmm_family_limit(family, 1000, 123456, tell, NULL) == 0);
    cr_assert(stream != NULL && print(stream) == 0);
    rewind(stream);
    cr_assert(fread(text, 1, sizeof(text) - 1, stream) > 0);
    fclose(stream);
    cr_assert(strstr(text, "\"limit_bytes\": 123456") != NULL, "%s", text);
}

/* ---- Threads ---- */

enum { THREADS = 4, LIMIT = 20000, PAGE_SLOTS = 256 * 1024 / EMP };

static atomic_uint calls;
static atomic_bool runs;

static void count_call(struct lmm_family *family, uint64_t live_bytes, void *arg)
{
    cr_assert(!atomic_exchange(&runs, true), "two at once");
    cr_assert(family == arg && live_bytes > 0);
    atomic_fetch_add(&calls, 1);
    lmm_free(LMM_NEW(emp_t));
    atomic_store(&runs, false);
}

/* Allocates until it is refused, and keeps all; then frees half of it, twice over. */
static void *churn(void *arg)
{
    emp_t **own = arg;
    size_t count = 0;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < count / 2; i++) {
            lmm_free(own[--count]);
        }
        while (count < LIMIT + PAGE_SLOTS && (own[count] = LMM_NEW(emp_t)) != NULL) {
            count++;
        }
    }
    return (void *) count;
}

Test(limit, threads_pass_it_by_a_page_of_slots_each)
{
    static emp_t *blocks[THREADS][LIMIT + PAGE_SLOTS];
    struct lmm_family *family = LMM_REGISTER(emp_t);
    pthread_t thread[THREADS];
    cr_assert(
        lmm_family_limit(family, LIMIT / 2 * EMP, (uint64_t) LIMIT * EMP, count_call, family) == 0);
    for (size_t i = 0; i < THREADS; i++) {
        cr_assert(pthread_create(&thread[i], NULL, churn, blocks[i]) == 0);
    }
    size_t total = 0;
    for (size_t i = 0; i < THREADS; i++) {
        void *count;
        cr_assert(pthread_join(thread[i], &count) == 0);
        total += (size_t) count;
    }
    struct lmm_stats stats = stats_of(family);
    cr_assert(stats.live_slots == total && atomic_load(&calls) > 0);
    cr_assert(stats.peak_bytes <= (uint64_t) (LIMIT + THREADS * PAGE_SLOTS) * EMP);
    cr_assert(total >= LIMIT, "%zu", total);
}
