/* SPDX-License-Identifier: MIT */
/*
 * Threads exchange arrays of all lengths, flexible structs and strings through a table: a new one for
 * a random one, which is checked and freed, or resized first. So runs go from the cache of one heap to
 * that of another. Threads end, and others go on with their caches. Meanwhile one thread walks over
 * all blocks, gives memory back, and sets and removes a limit of one family, which closes its caches.
 */
#include "tests/stress/stress.h"

#include <stdatomic.h>
#include <string.h>

enum {
    THREADS = 4,
    LIVES = 6,                      /* of each thread's successors, one after the other */
    EXCHANGES = TSAN ? 1000 : 6000, /* of each life */
    CELLS = 512,
    SHORT_MAX = 64,  /* structs of an array */
    LONG_MAX = 3000, /* words of an array */
    TEXT_MAX = 400,
    PAGE_WORDS = 2000, /* too many for a slot page */
};

typedef struct {
    uint64_t word[3];
} triple_t;

typedef struct {
    uint64_t word[PAGE_WORDS];
} table_t;

typedef struct {
    uint64_t count;
    unsigned char bytes[];
} packet_t;

enum kind { TRIPLES, WORDS, TABLE, PACKET, TEXT, KINDS };

/* What is in a cell. Its first byte after the kind is that of all its bytes. */
struct parcel {
    enum kind kind;
    size_t bytes;
    unsigned char *block;
};

static _Atomic(struct parcel *) cells[CELLS];
static atomic_bool is_over;

static unsigned char stamp_of(const void *block)
{
    return (unsigned char) (1 + (uintptr_t) block / 16 % 251);
}

static void fill(struct parcel *parcel)
{
    memset(parcel->block, stamp_of(parcel), parcel->bytes);
}

static void check(const struct parcel *parcel, size_t bytes)
{
    CHECK(parcel->block[0] == stamp_of(parcel) && parcel->block[bytes - 1] == stamp_of(parcel));
    CHECK(parcel->block[bytes / 2] == stamp_of(parcel));
}

static void check_zeroed(const struct parcel *parcel)
{
    for (size_t i = 0; i < parcel->bytes; i++) {
        CHECK(parcel->block[i] == 0);
    }
}

static void *make_block(enum kind kind, uint64_t dice, size_t *ret_bytes)
{
    size_t n = kind == TRIPLES ? 2 + dice % (SHORT_MAX - 1) : 1 + dice % LONG_MAX;
    char text[TEXT_MAX + 1];

    switch (kind) {
    case TRIPLES: *ret_bytes = n * sizeof(triple_t); return LMM_NEW_ARRAY(triple_t, n);
    case WORDS: *ret_bytes = n * sizeof(uint64_t); return LMM_NEW_ARRAY(uint64_t, n);
    case TABLE: *ret_bytes = sizeof(table_t); return LMM_NEW(table_t);
    case PACKET: *ret_bytes = sizeof(packet_t) + n; return LMM_NEW_FLEX(packet_t, bytes, n);
    default:
        n = dice % TEXT_MAX;
        memset(text, 'x', n);
        text[n] = '\0';
        *ret_bytes = n + 1;
        return lmm_strdup(text);
    }
}

static struct parcel *make(uint64_t dice)
{
    struct parcel *parcel = LMM_NEW(struct parcel);

    CHECK(parcel != NULL);
    parcel->kind = (enum kind)(dice % KINDS);
    parcel->block = make_block(parcel->kind, dice >> 8, &parcel->bytes);
    CHECK(parcel->block != NULL);
    if (parcel->kind == TEXT) {
        CHECK(strlen((char *) parcel->block) + 1 == parcel->bytes);
    } else {
        check_zeroed(parcel);
    }
    fill(parcel);
    return parcel;
}

/* Changes an array's length; what stays is still there, what is added is zeroed. */
static void resize(struct parcel *parcel, uint64_t dice)
{
    size_t size = parcel->kind == TRIPLES ? sizeof(triple_t) : sizeof(uint64_t);
    size_t bytes = size * (1 + dice % (parcel->kind == TRIPLES ? SHORT_MAX : LONG_MAX));

    parcel->block = lmm_resize(parcel->block, bytes / size);
    CHECK(parcel->block != NULL && lmm_block_bytes(parcel->block) == bytes);
    check(parcel, bytes < parcel->bytes ? bytes : parcel->bytes);
    CHECK(bytes <= parcel->bytes || parcel->block[bytes - 1] == 0);
}

static void take(struct parcel *parcel, uint64_t dice)
{
    if (parcel == NULL) {
        return;
    }
    check(parcel, parcel->bytes);
    if ((parcel->kind == TRIPLES || parcel->kind == WORDS) && dice % 4 == 0) {
        resize(parcel, dice >> 8);
    }
    lmm_free(parcel->block);
    lmm_free(parcel);
}

static void *live(void *number)
{
    uint64_t random = 88172645463325252u + (uintptr_t) number;

    for (unsigned i = 0; i < EXCHANGES; i++) {
        struct parcel *parcel = make(random_next(&random));
        uint64_t dice = random_next(&random);
        take(atomic_exchange(&cells[dice % CELLS], parcel), dice >> 16);
    }
    return NULL;
}

static void *run(void *number)
{
    for (uintptr_t i = 0; i < LIVES; i++) {
        pthread_t thread;
        uintptr_t life = (uintptr_t) number * LIVES + i;
        CHECK(pthread_create(&thread, NULL, live, (void *) life) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    return NULL;
}

static int count(const struct lmm_block *block, void *arg)
{
    CHECK(block->bytes != 0);
    ++*(size_t *) arg;
    return 0;
}

static void *disturb(void *arg)
{
    for (uint64_t round = 0; !atomic_load(&is_over); round++) {
        struct lmm_family *words = lmm_family_find("uint64_t");
        uint64_t hard_bytes = round % 2 == 0 ? UINT64_C(1) << 40 : 0;
        size_t blocks = 0;
        lmm_for_each_block(NULL, count, &blocks);
        lmm_trim();
        CHECK(lmm_family_limit(words, 0, hard_bytes, NULL, NULL) == 0);
        usleep(2000);
    }
    return arg;
}

static int check_freed(struct lmm_family *family, void *arg)
{
    stress_check_all_freed(family, stress_stats(family).allocations);
    ++*(size_t *) arg;
    return 0;
}

int main(void)
{
    pthread_t disturber;
    size_t families = 0;

    lmm_free(LMM_NEW(uint64_t)); /* starts LMM */
    CHECK(pthread_create(&disturber, NULL, disturb, NULL) == 0);
    stress_run(THREADS, run);
    atomic_store(&is_over, true);
    CHECK(pthread_join(disturber, NULL) == 0);
    for (size_t i = 0; i < CELLS; i++) {
        take(atomic_load(&cells[i]), i);
    }
    lmm_for_each_family(check_freed, &families);
    CHECK(families == KINDS + 1);
    return EXIT_SUCCESS;
}
