/* SPDX-License-Identifier: MIT */
/* panic_note: a panic never waits for a lock that nobody gives back, and its note is taken once. */
#include "lib/books/site.h"
#include "lib/ground/meta.h"
#include "lib/ground/reservoir.h"
#include "lib/heaps/fork.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"
#include "lib/pages/page.h"
#include "lib/stacks/depot.h"
#include "lib/stacks/modules.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    struct lmm_lock *lock;
    bool is_needed; /* for a stack, or comes after one that is */
} locks[] = {
    {"heaps", &lmm_heaps_lock, false},        {"shared heap", &lmm_shared_heap_lock, false},
    {"families", &lmm_families_lock, false},  {"stacks", &lmm_depot_lock, true},
    {"modules", &lmm_modules_lock, true},     {"sites", &lmm_sites_lock, true},
    {"ledger", &lmm_chunks_lock, true},       {"table", &lmm_page_table_lock, true},
    {"reservoir", &lmm_reservoir_lock, true}, {"meta", &lmm_arena_locks[0], true},
    {"last meta", &lmm_arena_locks[2], true},
};

enum { LOCKS = sizeof(locks) / sizeof(locks[0]) };

static void *take_and_end(void *arg)
{
    struct lmm_lock *lock = arg;

    cr_expect(lmm_lock_take(lock, lmm_lock_self()));
    return NULL;
}

Test(panic_note, locks_that_may_never_become_free)
{
    cr_assert(lmm_start());
    cr_expect(lmm_fork_locks_are_usable());
    for (size_t i = 0; i < LOCKS; i++) {
        cr_expect(lmm_lock_take(locks[i].lock, lmm_lock_self()));
        cr_expect_eq(lmm_fork_locks_are_usable(), !locks[i].is_needed, "this thread has %s",
                     locks[i].name);
        lmm_lock_drop(locks[i].lock);
        cr_expect(lmm_fork_locks_are_usable(), "%s is free again", locks[i].name);
    }
}

Test(panic_note, locks_of_a_thread_that_is_gone)
{
    pthread_t thread;

    cr_assert(lmm_start());
    for (size_t i = 0; i < LOCKS; i++) {
        cr_assert(pthread_create(&thread, NULL, take_and_end, locks[i].lock) == 0);
        pthread_join(thread, NULL);
        cr_expect_eq(lmm_fork_locks_are_usable(), !locks[i].is_needed, "%s", locks[i].name);
        lmm_lock_drop(locks[i].lock);
    }
}

/* ---- The note -------------------------------------------------------------------------------- */

static char noted[64];
static unsigned notes;

static void note(const char *message)
{
    notes++;
    strncpy(noted, message, sizeof(noted) - 1);
}

static void note_and_panic(const char *message)
{
    note(message);
    lmm_panic("within the note");
}

static void end_well(int number)
{
    (void) number;
    _exit(notes == 1 && strcmp(noted, "bad 7?") == 0 ? 0 : 1);
}

Test(panic_note, a_message_as_it_was_printed, .exit_code = 0)
{
    signal(SIGABRT, end_well);
    lmm_panic_set_note(note);
    lmm_panic("bad %d\n", 7);
}

Test(panic_note, a_panic_within_a_note_ends_it, .exit_code = 0)
{
    signal(SIGABRT, end_well);
    lmm_panic_set_note(note_and_panic);
    lmm_panic("bad %d\n", 7);
}

/* In the typed library, where no stacks are taken. */
static void end_with_header(int number)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();

    (void) number;
    _exit(header->panic_bytes == 5 && memcmp(header->panic_message, "bad 7", 5) == 0 &&
                  header->panic_stack == 0
              ? 0
              : 1);
}

Test(panic_note, message_in_the_ledger, .exit_code = 0)
{
    cr_assert(lmm_start());
    signal(SIGABRT, end_with_header);
    lmm_lock_acquire(&lmm_chunks_lock);
    lmm_panic("bad %d", 7);
}

/* A child made by vfork, or by a system call that LMM does not see, has another pid. */
static void end_without_note(int number)
{
    (void) number;
    _exit(lmm_chunks_header()->panic_bytes == 0 ? 0 : 1);
}

Test(panic_note, not_in_the_books_of_another_process, .exit_code = 0)
{
    cr_assert(lmm_start());
    signal(SIGABRT, end_without_note);
    lmm_chunks_header()->pid++;
    lmm_panic("bad %d", 7);
}

Test(panic_note, not_in_the_books_of_an_unsettled_childs_parent, .exit_code = 0)
{
    cr_assert(lmm_start() && lmm_thread_unsettle());
    signal(SIGABRT, end_without_note);
    lmm_panic("bad %d", 7);
}
