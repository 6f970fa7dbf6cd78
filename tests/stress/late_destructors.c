/* SPDX-License-Identifier: MIT */
/* Frees and allocations in thread destructors: of pthread keys made before and after LMM's own, in
 * all the rounds that the system grants them, and of thread_local objects. LMM's own destructor may
 * have run before any of them. */
#include "tests/stress/stress.h"

#include <limits.h>

enum {
    THREADS = 4,
    REPEATS = 300,
    KEYS = 12,
    /* TSan needs the last round for itself: instrumented code that runs after it crashes. */
    ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS - TSAN,
    EARLY_KEYS = 6, /* made before the first call of LMM */
};

typedef struct {
    uint64_t stamp;
    unsigned key;
    unsigned rounds;
} ticket_t;

/* What C++ compilers call for a thread_local object with a destructor. */
int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *dso);

static pthread_key_t keys[KEYS];
static _Atomic uint64_t made;
static _Atomic uint64_t destroyed;

static ticket_t *make_ticket(unsigned key, unsigned rounds)
{
    ticket_t *ticket = LMM_NEW(ticket_t);
    CHECK(ticket != NULL && ticket->stamp == 0);
    ticket->stamp = (uintptr_t) ticket;
    ticket->key = key;
    ticket->rounds = rounds;
    made++;
    return ticket;
}

static void drop_ticket(ticket_t *ticket)
{
    CHECK(ticket->stamp == (uintptr_t) ticket);
    ticket->stamp = 0;
    lmm_free(ticket);
    destroyed++;
}

/* Frees its ticket and, until its rounds are over, buys another for the next round. */
static void destroy_ticket(void *arg)
{
    ticket_t *ticket = arg;
    unsigned key = ticket->key;
    unsigned rounds = ticket->rounds;
    ticket_t *extra[20];
    for (unsigned i = 0; i < 20; i++) {
        extra[i] = make_ticket(key, 0);
    }
    drop_ticket(ticket);
    ticket_t *array = LMM_NEW_ARRAY(ticket_t, 5);
    CHECK(array != NULL);
    made++;
    if (rounds > 1) {
        CHECK(pthread_setspecific(keys[key], make_ticket(key, rounds - 1)) == 0);
    }
    for (unsigned i = 0; i < 20; i++) {
        drop_ticket(extra[i]);
    }
    lmm_free(array);
    destroyed++;
}

static void destroy_thread_local(void *arg)
{
    ticket_t *extra = make_ticket(0, 0);
    drop_ticket(arg);
    drop_ticket(extra);
}

static void *run(void *arg)
{
    static char dso;
    uintptr_t number = (uintptr_t) arg;
    /* Registered before LMM sees the thread, in every other thread. */
    ticket_t *early = number % 2 == 0 ? make_ticket(0, 0) : NULL;
    for (unsigned i = 0; i < KEYS; i++) {
        ticket_t *ticket = make_ticket(i, 1 + (i + (unsigned) number) % ROUNDS);
        CHECK(pthread_setspecific(keys[i], ticket) == 0);
    }
    ticket_t *late = make_ticket(0, 0);
    CHECK(__cxa_thread_atexit_impl(destroy_thread_local, late, &dso) == 0);
    if (early != NULL) {
        CHECK(__cxa_thread_atexit_impl(destroy_thread_local, early, &dso) == 0);
    }
    return NULL;
}

int main(void)
{
    for (unsigned i = 0; i < EARLY_KEYS; i++) {
        CHECK(pthread_key_create(&keys[i], destroy_ticket) == 0);
    }
    drop_ticket(make_ticket(0, 0));
    for (unsigned i = EARLY_KEYS; i < KEYS; i++) {
        CHECK(pthread_key_create(&keys[i], destroy_ticket) == 0);
    }
    for (unsigned i = 0; i < REPEATS; i++) {
        stress_run(THREADS, run);
    }
    CHECK(made == destroyed);
    stress_check_all_freed(lmm_family_find("ticket_t"), made);
    return EXIT_SUCCESS;
}
