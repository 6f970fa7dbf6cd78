/* SPDX-License-Identifier: MIT */
#include "lib/leaks/stop.h"

#include "lib/ground/meta.h"
#include "lib/ground/sync.h"
#include "lib/ground/system.h"
#include "lib/leaks/registers.h"
#include "lib/leaks/tasks.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

enum {
    BLOCK_SHIFT = 10,
    BLOCK_RECORDS = 1 << BLOCK_SHIFT,
    BLOCKS_MAX = 1 << 12, /* for as many records as Linux has ids of threads */
    STATE_BITS = 8,
    WAIT_NS = 1000000,
    LISTINGS_MAX = 1000, /* while threads begin and end, or none of those listed can be asked */
};

/* Looks after this time at the threads that have not answered. */
#define LOOK_NS UINT64_C(3000000)
/* Waits for so long when all of them wait for children made by vfork. */
#define LENT_NS UINT64_C(10000000)

static struct {
    /* Atomic; written by the thread that stops others, read by handlers. */
    uint32_t number;   /* of the current stop */
    uint32_t released; /* of the last stop whose threads may go on */
    uint32_t answers;  /* how many have come, ever */
    struct lmm_stop_thread *blocks[BLOCKS_MAX];

    bool is_installed;
    struct lmm_system_action before;
} stopping;

/* ---- The handler ----------------------------------------------------------------------------- */

static uint64_t state_word(uint32_t number, enum lmm_stop_state state)
{
    return (uint64_t) number << STATE_BITS | (uint64_t) state;
}

static bool change(struct lmm_stop_thread *record, uint32_t number, enum lmm_stop_state to)
{
    uint64_t asked = state_word(number, LMM_STOP_ASKED);

    return __atomic_compare_exchange_n(&record->state, &asked, state_word(number, to), false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void stand_still(struct lmm_stop_thread *record, uint32_t number, const void *context)
{
    /* The caller reads these after it has seen the change of state; if it gave the record up before,
     * the next stop writes them anew. */
    record->sp = lmm_registers_sp(context);
    record->tp = lmm_registers_tp();
    record->context = context;
    if (!change(record, number, LMM_STOP_SEEN)) {
        return;
    }
    __atomic_fetch_add(&stopping.answers, 1, __ATOMIC_RELEASE);
    lmm_system_futex_wake(&stopping.answers);
    for (;;) {
        uint32_t released = lmm_load_acquire(&stopping.released);
        if ((int32_t) (released - number) >= 0) {
            return;
        }
        lmm_system_futex_wait(&stopping.released, released);
    }
}

struct lmm_stop_thread *lmm_stop_thread(size_t i)
{
    return &lmm_load_acquire(&stopping.blocks[i >> BLOCK_SHIFT])[i % BLOCK_RECORDS];
}

/* The record that a value names, if its thread is the caller and it is asked in the current stop. */
static struct lmm_stop_thread *find_record(uint64_t value)
{
    uint32_t number = (uint32_t) (value >> 32);
    size_t i = (uint32_t) value;

    if (number != lmm_load_acquire(&stopping.number) || i >> BLOCK_SHIFT >= BLOCKS_MAX ||
        lmm_load_acquire(&stopping.blocks[i >> BLOCK_SHIFT]) == NULL) {
        return NULL;
    }
    struct lmm_stop_thread *record = lmm_stop_thread(i);
    bool is_asked = lmm_load_acquire(&record->state) == state_word(number, LMM_STOP_ASKED);
    return is_asked && record->thread == lmm_system_gettid() ? record : NULL;
}

/* libc sends its own by tgkill: SI_TKILL. */
static void handle(int number, siginfo_t *info, void *context)
{
    if (info->si_code == SI_QUEUE) {
        uint64_t value = (uint64_t) (uintptr_t) info->si_value.sival_ptr;
        struct lmm_stop_thread *record = find_record(value);
        if (record != NULL) {
            stand_still(record, (uint32_t) (value >> 32), context);
        }
        return;
    }
    uintptr_t before = stopping.before.handler;
    if (before != (uintptr_t) SIG_DFL && before != (uintptr_t) SIG_IGN) {
        ((void (*)(int, siginfo_t *, void *)) before)(number, info, context);
    }
}

/* On a thread's alternate stack, if it has one: the stack of a coroutine may be short. */
static int install(void)
{
    const struct lmm_system_action action = {.handler = (uintptr_t) handle,
                                             .flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK,
                                             .mask = UINT64_MAX};

    lmm_registers_start();
    if (stopping.is_installed) {
        struct lmm_system_action now = {0};
        lmm_system_sigaction(LMM_STOP_SIGNAL, NULL, &now);
        stopping.is_installed = now.handler == (uintptr_t) handle;
    }
    if (stopping.is_installed) {
        return 0;
    }
    /* libc's handler must be known before LMM's is there. */
    int result = lmm_system_sigaction(LMM_STOP_SIGNAL, NULL, &stopping.before);
    result = result != 0 ? result : lmm_system_sigaction(LMM_STOP_SIGNAL, &action, NULL);
    stopping.is_installed = result == 0;
    return result;
}

/* Not while the signal may be pending somewhere: its default action ends the process. */
static void uninstall(void)
{
    struct lmm_system_action now = {0};

    lmm_system_sigaction(LMM_STOP_SIGNAL, NULL, &now);
    if (now.handler == (uintptr_t) handle) {
        lmm_system_sigaction(LMM_STOP_SIGNAL, &stopping.before, NULL);
    }
    stopping.is_installed = false;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

struct asking {
    struct lmm_stop *stop;
    uint32_t number;
    int self;
    int last_thread; /* the highest id asked */
    /* Of the current listing. */
    size_t listed;
    size_t new_threads; /* found by it; some may have ended before they were asked */
    int result;
};

static bool reserve_record(size_t i)
{
    struct lmm_stop_thread **block = &stopping.blocks[i >> BLOCK_SHIFT];

    if (i >> BLOCK_SHIFT >= BLOCKS_MAX) {
        return false;
    }
    if (*block == NULL) {
        lmm_store_release(block, lmm_meta_map(BLOCK_RECORDS * sizeof(**block)));
    }
    return *block != NULL;
}

/* A thread that has ended may still be listed: the main thread is, until all others have. */
static bool is_still_ended(int thread)
{
    uintptr_t sp;

    return lmm_tasks_look(thread, LMM_STOP_SIGNAL, &sp) == LMM_TASK_GONE;
}

static bool is_known(const struct asking *asking, int thread)
{
    if (thread > asking->last_thread) {
        return false;
    }
    for (size_t i = asking->stop->count; i-- > 0;) {
        const struct lmm_stop_thread *record = lmm_stop_thread(i);
        if (record->thread == thread) {
            return lmm_stop_state(record) != LMM_STOP_ENDED || is_still_ended(thread);
        }
    }
    return false;
}

static void ask(int thread, void *arg)
{
    struct asking *asking = arg;
    size_t i = asking->stop->count;

    asking->listed++;
    if (thread == asking->self || asking->result != 0 || is_known(asking, thread)) {
        return;
    }
    asking->new_threads++;
    if (!reserve_record(i)) {
        asking->result = -ENOMEM;
        return;
    }
    struct lmm_stop_thread *record = lmm_stop_thread(i);
    *record = (struct lmm_stop_thread) {.thread = thread};
    lmm_store_release(&record->state, state_word(asking->number, LMM_STOP_ASKED));
    int result =
        lmm_system_queue_signal(thread, LMM_STOP_SIGNAL, (uint64_t) asking->number << 32 | i);
    if (result == -ESRCH) {
        return;
    }
    asking->stop->count++;
    asking->last_thread = thread > asking->last_thread ? thread : asking->last_thread;
    if (result != 0) {
        change(record, asking->number, LMM_STOP_UNSEEN);
    }
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    return lmm_system_clock_ns(CLOCK_MONOTONIC);
}

/* How many have not answered. */
static size_t count_silent(const struct lmm_stop *stop)
{
    size_t silent = 0;

    for (size_t i = 0; i < stop->count; i++) {
        silent += lmm_stop_state(lmm_stop_thread(i)) == LMM_STOP_ASKED;
    }
    return silent;
}

/* Looks at those that have not answered, and returns how long they are waited for. Some may have
 * ended. */
static uint64_t look_at_silent(uint32_t number, const struct lmm_stop *stop)
{
    uint64_t patience_ns = LENT_NS;

    for (size_t i = 0; i < stop->count; i++) {
        struct lmm_stop_thread *record = lmm_stop_thread(i);
        uint64_t wanted_ns = 0;
        uintptr_t sp;
        if (lmm_stop_state(record) != LMM_STOP_ASKED) {
            continue;
        }
        switch (lmm_tasks_look(record->thread, LMM_STOP_SIGNAL, &sp)) {
        case LMM_TASK_GONE: change(record, number, LMM_STOP_ENDED); break;
        case LMM_TASK_OPEN: wanted_ns = LMM_STOP_OPEN_NS; break;
        case LMM_TASK_BUSY: wanted_ns = LMM_STOP_BUSY_NS; break;
        case LMM_TASK_BLOCKED: wanted_ns = LMM_STOP_PATIENCE_NS; break;
        case LMM_TASK_LENT: break;
        }
        patience_ns = wanted_ns > patience_ns ? wanted_ns : patience_ns;
    }
    return patience_ns;
}

static void give_up_silent(struct lmm_stop *stop, uint32_t number)
{
    for (size_t i = 0; i < stop->count; i++) {
        struct lmm_stop_thread *record = lmm_stop_thread(i);
        if (change(record, number, LMM_STOP_UNSEEN)) {
            lmm_tasks_look(record->thread, LMM_STOP_SIGNAL, &record->sp);
        }
    }
}

static void wait_for_answers(struct lmm_stop *stop, uint32_t number)
{
    uint64_t progress_ns = now_ns();

    for (;;) {
        uint32_t answers = lmm_load_acquire(&stopping.answers);
        if (count_silent(stop) == 0) {
            return;
        }
        lmm_system_futex_wait_for(&stopping.answers, answers, WAIT_NS);
        if (lmm_load_acquire(&stopping.answers) != answers) {
            progress_ns = now_ns();
            continue;
        }
        uint64_t waited_ns = now_ns() - progress_ns;
        if (waited_ns >= LOOK_NS && waited_ns >= look_at_silent(number, stop)) {
            break;
        }
    }
    give_up_silent(stop, number);
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* The last listing finds only threads known from the ones before, which cannot begin others: so it is
 * known to be whole. A new one that ended before it was asked could have begun another, and its end
 * could have made the kernel skip that. If there is one thread, it is the caller, whatever its id is
 * in /proc: that may be of another namespace, where none can be asked. */
static int stop_all(struct asking *asking)
{
    for (unsigned listings = 0; listings < LISTINGS_MAX; listings++) {
        asking->listed = asking->new_threads = 0;
        int missing = lmm_tasks_for_each(ask, asking);
        int result = missing < 0 ? missing : asking->result;
        if (result != 0) {
            return result;
        }
        if (missing == 0 && (asking->new_threads == 0 || asking->listed == 1)) {
            return 0;
        }
        wait_for_answers(asking->stop, asking->number);
    }
    return -EAGAIN;
}

static void count_states(struct lmm_stop *stop)
{
    stop->unseen = stop->ended = 0;
    for (size_t i = 0; i < stop->count; i++) {
        stop->unseen += lmm_stop_state(lmm_stop_thread(i)) == LMM_STOP_UNSEEN;
        stop->ended += lmm_stop_state(lmm_stop_thread(i)) == LMM_STOP_ENDED;
    }
}

int lmm_stop_threads(struct lmm_stop *ret_stop)
{
    struct asking asking = {.stop = ret_stop, .self = lmm_system_gettid()};
    int result = install();

    *ret_stop = (struct lmm_stop) {0};
    if (result != 0) {
        return result;
    }
    asking.number = lmm_load_relaxed(&stopping.number) + 1;
    lmm_store_release(&stopping.number, asking.number);
    ret_stop->began_ns = now_ns();
    result = stop_all(&asking);
    count_states(ret_stop);
    if (result != 0) {
        give_up_silent(ret_stop, asking.number);
        lmm_stop_release(ret_stop);
    }
    return result;
}

void lmm_stop_release(struct lmm_stop *stop)
{
    lmm_store_release(&stopping.released, lmm_load_relaxed(&stopping.number));
    lmm_system_futex_wake_all(&stopping.released);
    count_states(stop);
    if (stop->unseen == 0) {
        uninstall();
    }
}
