/* SPDX-License-Identifier: MIT */
/* table: values by key, with checks and without; growth; failing memory; a naive model; readers
 * that run at the same time as a writer. */
#include "tests/support/seam.h"

#include "lib/ground/table.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>

#include "tests/support/random.h"

static struct lmm_table plain = LMM_TABLE_INIT(8, false, false);
static struct lmm_table checked = LMM_TABLE_INIT(8, true, false);
static struct lmm_table shared = LMM_TABLE_INIT(8, true, true);

static uint64_t get(const struct lmm_table *table, uint64_t key, uint32_t check)
{
    const struct lmm_table_body *body = lmm_table_body(table);

    return table->has_checks ? lmm_table_get_checked(body, key, check) : lmm_table_get(body, key);
}

static void put(struct lmm_table *table, uint64_t key, uint32_t check, uint64_t value)
{
    cr_assert(lmm_table_reserve_locked(table));
    lmm_table_put_locked(table, key, check, value);
    cr_assert(lmm_table_is_valid_locked(table));
}

/* ---- Values ---------------------------------------------------------------------------------- */

static const struct {
    uint64_t key;
    uint32_t check;
    uint64_t value;
    size_t used; /* entries afterwards */
} cases[] = {
    {1, 0, 7, 1},
    {1, 0, 8, 1}, /* another value */
    {1, 1, 9, 2}, /* another check */
    {1, UINT32_MAX, 10, 3},
    {(uint64_t) 1 << 32, 0, 11, 4}, /* its search starts where that of (0, check 1) would */
    {(uint64_t) 1 << 32 | 1, 0, 12, 5},
    {UINT64_MAX, UINT32_MAX, UINT32_MAX, 6},
    {UINT64_MAX, 0, 13, 7},
    {1, 0, 0, 7}, /* forgotten, */
    {1, 0, 14, 7} /* and known again */,
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

Test(table, the_last_value_of_a_key_and_check)
{
    for (size_t i = 0; i < CASES; i++) {
        put(&checked, cases[i].key, cases[i].check, cases[i].value);
        cr_expect(lmm_table_used_locked(&checked) == cases[i].used, "put %zu", i);
        for (size_t j = 0; j < CASES; j++) {
            uint64_t expected = 0;
            for (size_t k = 0; k <= i; k++) {
                bool is_same = cases[k].key == cases[j].key && cases[k].check == cases[j].check;
                expected = is_same ? cases[k].value : expected;
            }
            cr_expect(get(&checked, cases[j].key, cases[j].check) == expected, "%zu, %zu", i, j);
        }
    }
}

Test(table, without_checks_a_value_has_64_bits)
{
    put(&plain, 5, 0, UINT64_MAX);
    put(&plain, 6, 0, (uint64_t) 1 << 32);
    cr_expect(get(&plain, 5, 0) == UINT64_MAX && get(&plain, 6, 0) == (uint64_t) 1 << 32);
}

Test(table, before_its_first_memory_a_table_has_nothing)
{
    cr_expect(get(&plain, 1, 0) == 0 && get(&checked, 1, 1) == 0);
    cr_expect(lmm_table_used_locked(&plain) == 0 && lmm_table_is_valid_locked(&plain));
}

/* ---- Growth and memory ----------------------------------------------------------------------- */

/* An outgrown body is freed, unless there are readers: they keep it, with all that was in it. */
Test(table, readers_keep_an_outgrown_body)
{
    put(&shared, 1, 2, 3);
    const struct lmm_table_body *first = lmm_table_body(&shared);
    for (uint64_t key = 2; key < 1000; key++) {
        put(&shared, key, 2, key);
    }
    cr_expect(lmm_table_body(&shared) != first && first->mask == 7 && first->used == 6);
    cr_expect(lmm_table_get_checked(first, 1, 2) == 3 && lmm_table_get_checked(first, 7, 2) == 0);
}

Test(table, without_memory_a_table_stays_as_it_was)
{
    uint64_t key = 1;

    seam_install();
    seam_fail_all(SEAM_MAP);
    errno = 0;
    cr_expect(!lmm_table_reserve_locked(&plain) && errno == ENOMEM);
    seam_heal();
    put(&plain, key, 0, key);
    seam_fail_all(SEAM_MAP);
    while (lmm_table_reserve_locked(&plain)) {
        key++;
        lmm_table_put_locked(&plain, key, 0, key);
        cr_assert(key < 10000000);
    }
    cr_expect(errno == ENOMEM && lmm_table_used_locked(&plain) == key);
    lmm_table_put_locked(&plain, 1, 0, 99); /* no room is needed for a key that is there */
    seam_heal();
    put(&plain, key + 1, 0, key + 1);
    cr_expect(get(&plain, 1, 0) == 99);
    for (uint64_t i = 2; i <= key + 1; i++) {
        cr_assert(get(&plain, i, 0) == i);
    }
}

Test(table, the_walker_finds_damage)
{
    put(&plain, 1, 0, 1);
    struct lmm_table_entry *entries = plain.body->entry;
    size_t at = lmm_table_start(1, 0) & plain.body->mask;
    size_t next = (at + 1) & plain.body->mask;
    entries[next] = entries[at];
    plain.body->used++;
    cr_expect(!lmm_table_is_valid_locked(&plain), "I4: a key twice");
    entries[at].key = 0;
    plain.body->used--;
    cr_expect(!lmm_table_is_valid_locked(&plain), "I2: an empty entry in between");
    entries[at] = entries[next];
    entries[next].key = 0;
    cr_expect(lmm_table_is_valid_locked(&plain));
    plain.body->used = plain.body->mask;
    cr_expect(!lmm_table_is_valid_locked(&plain), "I1");
}

/* ---- A naive model --------------------------------------------------------------------------- */

enum { MODEL_KEYS = 64, MODEL_CHECKS = 8, STEPS = 200000 };

static uint64_t random_state = 0x9E3779B97F4A7C15u;

static uint32_t random_below(uint32_t bound)
{
    return (uint32_t) ((random_next(&random_state) >> 32) % bound);
}

/* Keys that differ only in their high bits, only in their low bits, or in both. */
static uint64_t model_key(uint32_t i)
{
    return 1 + ((uint64_t) (i / 8) << 45) + (uint64_t) (i % 8) * 16;
}

Test(table, random_puts_and_a_model)
{
    static uint32_t model[MODEL_KEYS][MODEL_CHECKS];

    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t key = random_below(MODEL_KEYS);
        uint32_t check = random_below(MODEL_CHECKS);
        if (random_below(2) == 0) {
            model[key][check] = random_below(10) == 0 ? 0 : random_below(UINT32_MAX);
            cr_assert(lmm_table_reserve_locked(&checked));
            lmm_table_put_locked(&checked, model_key(key), check, model[key][check]);
        }
        cr_assert(get(&checked, model_key(key), check) == model[key][check], "step %u", step);
    }
    cr_expect(lmm_table_is_valid_locked(&checked));
    cr_expect(lmm_table_used_locked(&checked) <= MODEL_KEYS * MODEL_CHECKS);
}

/* ---- Readers and a writer -------------------------------------------------------------------- */

enum { READERS = 2, SHARED_KEYS = 200000 };

static uint64_t written[SHARED_KEYS + 1]; /* plain: put's release makes them visible */
static uint64_t last_key;                 /* atomic: that the writer has put */

/* A value that is found belongs to its key, and comes with all that was written before it; entries
 * older than the body are found. Returns how many answers were wrong. */
static void *read_all(void *arg)
{
    uintptr_t wrong = 0;

    (void) arg;
    while (true) {
        uint64_t last = lmm_load_acquire(&last_key);
        const struct lmm_table_body *body = lmm_table_body(&shared);
        for (uint64_t key = last > 50 ? last - 50 : 1; key < last + 50 && key <= SHARED_KEYS;
             key++) {
            uint32_t value = lmm_table_get_checked(body, key, (uint32_t) key * 5);
            wrong += value == 0 ? key <= last : value != key || written[key] != ~key;
        }
        if (last == SHARED_KEYS) {
            return (void *) wrong;
        }
    }
}

Test(table, readers_beside_a_writer)
{
    pthread_t readers[READERS];

    for (size_t i = 0; i < READERS; i++) {
        cr_assert(pthread_create(&readers[i], NULL, read_all, NULL) == 0);
    }
    for (uint64_t key = 1; key <= SHARED_KEYS; key++) {
        cr_assert(lmm_table_reserve_locked(&shared));
        written[key] = ~key;
        lmm_table_put_locked(&shared, key, (uint32_t) key * 5, key);
        lmm_store_release(&last_key, key);
    }
    for (size_t i = 0; i < READERS; i++) {
        void *wrong;
        pthread_join(readers[i], &wrong);
        cr_expect(wrong == NULL, "%zu wrong answers", (size_t) wrong);
    }
    cr_expect(lmm_table_is_valid_locked(&shared));
}
