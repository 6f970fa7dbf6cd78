/* SPDX-License-Identifier: MIT */
/* roots: a word is kept at one place alone, and either a root's walk finds it or must not. */
#include "lib/leaks/roots.h"

#include "lib/ground/meta.h"
#include "lib/ground/vm.h"
#include "lib/leaks/declared.h"
#include "lib/leaks/registers.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/support/sanitizers.h"

/* The word's complement, so that the word itself is nowhere else. */
static const uintptr_t hidden = ~(uintptr_t) 0x5a5a12345678;
static bool is_found;

__attribute__((no_sanitize("address"))) static void look_in_range(const void *from, const void *to,
                                                                  uintptr_t address, void *arg)
{
    (void) address;
    (void) arg;
    for (const uintptr_t *at = from; at + 1 <= (const uintptr_t *) to; at++) {
        is_found = is_found || ~*at == hidden;
    }
}

static void look_at_word(uintptr_t word, void *arg)
{
    (void) arg;
    is_found = is_found || ~word == hidden;
}

/* Blocks of the tests that hold stacks. */
static struct {
    uintptr_t start;
    size_t bytes;
} block;

static bool look_for_block(uintptr_t address, uintptr_t *ret_start, size_t *ret_bytes, void *arg)
{
    (void) arg;
    *ret_start = block.start;
    *ret_bytes = block.bytes;
    return address - block.start < block.bytes;
}

static uint64_t unread_bytes;

/* Whether the walk finds the word; -1: the walk failed. */
static __attribute__((noinline)) int find_word(void)
{
    struct lmm_saved_registers self;
    struct lmm_ranges marked;
    struct lmm_stop stop;
    struct lmm_roots roots;
    struct lmm_roots_visitor visitor = {
        .range = look_in_range, .word = look_at_word, .is_block = look_for_block};

    lmm_registers_save(&self);
    is_found = false;
    if (lmm_ranges_read(&marked, true) != 0 || lmm_stop_threads(&stop) != 0) {
        return -1;
    }
    const struct lmm_roots_settings settings = {.self = &self, .stop = &stop, .marked = &marked};
    int error = lmm_roots_init(&roots, &settings);
    if (error == 0) {
        lmm_roots_visit(&roots, &visitor);
        lmm_roots_free(&roots);
    }
    lmm_stop_release(&stop);
    lmm_ranges_free(&marked);
    unread_bytes = visitor.unread_bytes;
    return error != 0 ? -1 : is_found;
}

/* Leaves no copy of the word on the stack or in a register that lasts. */
static __attribute__((noinline)) void put(volatile uintptr_t *place)
{
    *place = ~hidden;
}

/* ---- Places of one thread -------------------------------------------------------------------- */

static void *place; /* what `clear` needs */
static uintptr_t in_data = 1;
static uintptr_t in_bss;
static _Thread_local uintptr_t in_tls;
static pthread_key_t keys[100];

static void put_data(void)
{
    put(&in_data);
}

static void put_bss(void)
{
    put(&in_bss);
}

static void put_tls(void)
{
    put(&in_tls);
}

static void put_heap(void)
{
    place = malloc(100);
    put((uintptr_t *) place + 3);
}

static void put_large_heap(void)
{
    place = malloc(1 << 24);
    put((uintptr_t *) place + (1 << 20));
}

enum { MAPPED_BYTES = 1 << 20 };

static void map(int flags, int descriptor)
{
    place = mmap(NULL, MAPPED_BYTES, PROT_READ | PROT_WRITE, flags, descriptor, 0);
    cr_assert(place != MAP_FAILED);
}

static void put_private(void)
{
    map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    put((uintptr_t *) place + 10000);
}

static void put_read_only(void)
{
    put_private();
    mprotect(place, MAPPED_BYTES, PROT_READ);
}

static void put_shared(void)
{
    map(MAP_SHARED | MAP_ANONYMOUS, -1);
    put((uintptr_t *) place + 10000);
}

static int make_file(size_t bytes)
{
    int file = memfd_create("roots", MFD_CLOEXEC);

    cr_assert(file >= 0 && ftruncate(file, (off_t) bytes) == 0);
    return file;
}

static void put_file(void)
{
    map(MAP_SHARED, make_file(MAPPED_BYTES));
    put((uintptr_t *) place + 10000);
}

static void put_private_file(void)
{
    map(MAP_PRIVATE, make_file(MAPPED_BYTES));
    put((uintptr_t *) place + 10000);
}

/* Pages past the end of the file raise SIGBUS when they are read. */
static void put_short_file(void)
{
    map(MAP_SHARED, make_file(MAPPED_BYTES / 2));
    put((uintptr_t *) place + 10000);
}

static void put_shrunk_file(void)
{
    int file = make_file(MAPPED_BYTES);

    map(MAP_PRIVATE, file);
    put((uintptr_t *) place + 10000);
    cr_assert(ftruncate(file, 0) == 0);
}

static void put_key(unsigned number)
{
    for (unsigned i = 0; i <= number; i++) {
        cr_assert(pthread_key_create(&keys[i], NULL) == 0);
    }
    pthread_setspecific(keys[number], (void *) ~hidden);
}

static void put_first_key(void)
{
    put_key(0);
}

static void put_late_key(void)
{
    put_key(99);
}

static void put_declared(void)
{
    place = lmm_meta_map(4096);
    put((uintptr_t *) place + 100);
    cr_assert(lmm_declared_add((uintptr_t *) place + 100, sizeof(uintptr_t)));
}

static void put_undeclared(void)
{
    put_declared();
    cr_assert(lmm_declared_remove((uintptr_t *) place + 100, sizeof(uintptr_t)));
    cr_assert(!lmm_declared_remove((uintptr_t *) place + 100, sizeof(uintptr_t)));
    cr_assert(errno == ENOENT);
}

typedef struct {
    uintptr_t words[8];
} roots_item_t;

static void put_lmm_block(void)
{
    roots_item_t *item = LMM_ALLOC(roots_item_t);

    put(&item->words[3]);
}

static void no_limit(struct lmm_family *family, uint64_t live, void *arg)
{
    (void) family;
    (void) live;
    (void) arg;
}

static void put_limit(void)
{
    lmm_free(LMM_ALLOC(roots_item_t));
    lmm_family_limit(lmm_family_find("roots_item_t"), 1u << 20, 0, no_limit, (void *) ~hidden);
}

static void put_own(void)
{
    put(lmm_meta_zalloc(64));
}

static void put_no_access(void)
{
    put_private();
    mprotect(place, MAPPED_BYTES, PROT_NONE);
}

static void put_unmapped(void)
{
    put_private();
    munmap(place, MAPPED_BYTES);
}

static void put_given_back(void)
{
    put_private();
    madvise(place, MAPPED_BYTES, MADV_DONTNEED);
}

static __attribute__((noinline)) void put_deep_frame(void)
{
    volatile uintptr_t frame[4000];

    frame[100] = 0;
    put(&frame[10]);
}

static const struct {
    const char *name;
    void (*put)(void);
    int is_root;
} places[] = {
    {"data", put_data, 1},
    {"bss", put_bss, 1},
    {"thread-local storage", put_tls, 1},
    {"libc's heap", put_heap, 1},
    {"a mapping of libc's heap", put_large_heap, 1},
    {"a private mapping", put_private, 1},
    {"a mapping made read-only", put_read_only, 1},
    {"a shared mapping", put_shared, 1},
    {"a shared mapping of a file", put_file, 1},
    {"a private mapping of a file", put_private_file, 1},
    {"a file that ends within its mapping", put_short_file, 1},
    {"a pthread key of the first level", put_first_key, 1},
    {"a pthread key of the second level", put_late_key, 1},
    {"a declared range", put_declared, 1},
    {"the argument of a limit's callback", put_limit, 1},
    {"a range that is declared no more", put_undeclared, 0},
    {"a block of LMM's", put_lmm_block, 0},
    {"a record of LMM's", put_own, 0},
    {"memory without access", put_no_access, 0},
    {"memory that was unmapped", put_unmapped, 0},
    {"memory that was given back", put_given_back, 0},
    {"a file that became empty", put_shrunk_file, 0},
    {"a frame that has ended", put_deep_frame, 0},
};

enum { PLACES = sizeof(places) / sizeof(places[0]) };

/* Each in a child, so that no word is left over from the case before. */
static int in_child(void (*prepare)(void))
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        prepare();
        _exit(find_word() + 1);
    }
    cr_assert(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) - 1 : -100 - status;
}

static void put_nothing(void)
{
}

Test(roots, a_word_at_one_place)
{
    cr_assert(in_child(put_nothing) == 0);
    for (size_t i = 0; i < PLACES; i++) {
        /* ASan keeps frames of its own elsewhere, and libc's heap is its own. */
        int found = in_child(places[i].put);
        cr_expect(found == places[i].is_root, "%s: %d", places[i].name, found);
    }
}

/* ---- Other threads --------------------------------------------------------------------------- */

static sem_t is_ready;
static sem_t may_end;
static pthread_t thread;

static void wait_until_end(void)
{
    sem_post(&is_ready);
    while (sem_wait(&may_end) != 0) {
    }
}

static void start(void *(*run)(void *), void *arg)
{
    sem_init(&is_ready, 0, 0);
    sem_init(&may_end, 0, 0);
    cr_assert(pthread_create(&thread, NULL, run, arg) == 0);
    while (sem_wait(&is_ready) != 0) {
    }
}

static void *hold_on_stack(void *arg)
{
    volatile uintptr_t here;

    put(&here);
    wait_until_end();
    return here == 0 ? arg : NULL;
}

static void *hold_in_tls(void *arg)
{
    put(&in_tls);
    wait_until_end();
    return arg;
}

static void *hold_in_key(void *arg)
{
    put_key(99);
    wait_until_end();
    return arg;
}

static void *hold_below_stack(void *arg)
{
    put_deep_frame();
    wait_until_end();
    return arg;
}

static void hold_stack(void)
{
    start(hold_on_stack, NULL);
}

static void hold_tls(void)
{
    start(hold_in_tls, NULL);
}

static void hold_key(void)
{
    start(hold_in_key, NULL);
}

static void hold_below(void)
{
    start(hold_below_stack, NULL);
}

/* The main thread's stack, while another one checks. */
static void *ignore_argument(void *arg)
{
    (void) arg;
    wait_until_end();
    return NULL;
}

static void hold_argument(void)
{
    start(ignore_argument, (void *) ~hidden);
}

static void *give_result(void *arg)
{
    (void) arg;
    sem_post(&is_ready);
    return (void *) ~hidden;
}

static pid_t task; /* of a thread that tells it */

static void *give_result_and_task(void *arg)
{
    task = gettid();
    return give_result(arg);
}

/* A thread has ended when it is no more listed; it is not joined. */
static void hold_result(void)
{
    char path[64];

    start(give_result_and_task, NULL);
    snprintf(path, sizeof(path), "/proc/self/task/%d", (int) task);
    while (access(path, F_OK) == 0) {
        usleep(100);
    }
}

#if defined(__x86_64__)
static void wait_for_end_of_thread(void)
{
    while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
        usleep(100);
    }
}

static void hold_joined_result(void)
{
    start(give_result, NULL);
    wait_for_end_of_thread();
}

static void *end_with_frame(void *arg)
{
    volatile uintptr_t here[64];

    put(&here[20]);
    sem_post(&is_ready);
    return here[20] == 0 ? arg : NULL;
}

static void hold_in_ended(void)
{
    start(end_with_frame, NULL);
    wait_for_end_of_thread();
}

static volatile char is_held; /* the word is at its place */
static volatile char is_over;

static void wait_until_held(void)
{
    while (!is_held) {
        usleep(100);
    }
}

static void *hold_in_red_zone(void *arg)
{
    uintptr_t word = hidden;

    sem_post(&is_ready);
    __asm__ volatile("not %0\n\tmov %0, -120(%%rsp)\n\txor %0, %0\n\tmovb $1, %1\n"
                     "1: cmpb $0, %2\n\tje 1b"
                     : "+&r"(word), "+m"(is_held)
                     : "m"(is_over)
                     : "memory", "cc");
    return arg;
}

static void *hold_in_register(void *arg)
{
    uintptr_t word = hidden;

    sem_post(&is_ready);
    __asm__ volatile("not %0\n\tmov %0, %%r13\n\txor %0, %0\n\tmovb $1, %1\n"
                     "1: cmpb $0, %2\n\tje 1b"
                     : "+&r"(word), "+m"(is_held)
                     : "m"(is_over)
                     : "r13", "memory", "cc");
    return arg;
}

static void hold_red_zone(void)
{
    start(hold_in_red_zone, NULL);
    wait_until_held();
}

static void hold_register(void)
{
    start(hold_in_register, NULL);
    wait_until_held();
}
#endif

/* Coroutines: one that runs on a stack of its own while its thread's stack has the word, one whose
 * own stack has it, and one that is suspended. */
static ucontext_t outer;
static ucontext_t inner;
enum { COROUTINE_BYTES = 1 << 16 };

static void run_coroutine(void)
{
    volatile uintptr_t here;

    put(&here);
    wait_until_end();
    here = 0;
}

static void suspend_coroutine(void)
{
    volatile uintptr_t here;

    put(&here);
    swapcontext(&inner, &outer);
    here = 0;
}

static void idle_coroutine(void)
{
    wait_until_end();
}

static void *make_stack_in_map(void)
{
    map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    return place;
}

static void enter_coroutine(void *stack, void (*run)(void))
{
    getcontext(&inner);
    inner.uc_stack.ss_sp = stack;
    inner.uc_stack.ss_size = COROUTINE_BYTES;
    inner.uc_link = &outer;
    makecontext(&inner, run, 0);
    swapcontext(&outer, &inner);
}

static void *hold_in_coroutine(void *arg)
{
    enter_coroutine(make_stack_in_map(), run_coroutine);
    return arg;
}

static void *hold_beside_coroutine(void *arg)
{
    volatile uintptr_t here;

    put(&here);
    enter_coroutine(make_stack_in_map(), idle_coroutine);
    return here == 0 ? arg : NULL;
}

static void *hold_in_suspended(void *arg)
{
    enter_coroutine(make_stack_in_map(), suspend_coroutine);
    wait_until_end();
    return arg;
}

static void *hold_in_block_stack(void *arg)
{
    enter_coroutine((void *) block.start, run_coroutine);
    return arg;
}

static void coroutine(void)
{
    start(hold_in_coroutine, NULL);
}

static void beside_coroutine(void)
{
    start(hold_beside_coroutine, NULL);
}

static void suspended(void)
{
    start(hold_in_suspended, NULL);
}

/* LMM's memory is no root, but a thread's stack in it is. */
static void block_stack(void)
{
    block.start = (uintptr_t) lmm_meta_map(COROUTINE_BYTES);
    block.bytes = COROUTINE_BYTES;
    start(hold_in_block_stack, NULL);
}

static const struct {
    const char *name;
    void (*put)(void);
    int is_root;
} threads[] = {
    {"a stack", hold_stack, 1},
    {"thread-local storage", hold_tls, 1},
    {"a key of the second level", hold_key, 1},
    {"the argument", hold_argument, 1},
    {"the result of an ended thread", hold_result, 1},
#if defined(__x86_64__)
    {"the red zone", hold_red_zone, 1},
    {"a register", hold_register, 1},
    {"the result of a joined thread", hold_joined_result, 0},
    {"a frame of an ended thread", hold_in_ended, 0},
#endif
    {"a coroutine", coroutine, 1},
    {"the stack that a coroutine was entered from", beside_coroutine, 1},
    {"a suspended coroutine", suspended, 1},
    {"a coroutine's stack in a block", block_stack, 1},
    {"a frame below the stack", hold_below, 0},
};

enum { THREADS = sizeof(threads) / sizeof(threads[0]) };

Test(roots, a_word_in_another_thread)
{
    for (size_t i = 0; i < THREADS; i++) {
        if (ASAN && threads[i].is_root == 0) {
            continue; /* frames may lie elsewhere */
        }
        int found = in_child(threads[i].put);
        cr_expect(found == threads[i].is_root, "%s: %d", threads[i].name, found);
    }
}

/* ---- What a copy lacks ----------------------------------------------------------------------- */

Test(roots, words_that_a_copy_lacks)
{
    static const int advice[] = {MADV_DONTFORK, MADV_WIPEONFORK, MADV_NORMAL};
    roots_item_t *item = LMM_ALLOC(roots_item_t);

    for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
        struct lmm_ranges marked;
        uintptr_t words[16];
        put_private();
        ((uintptr_t *) place)[500] = (uintptr_t) item;
        cr_assert(madvise(place, MAPPED_BYTES, advice[i]) == 0);
        cr_assert(lmm_ranges_read(&marked, true) == 0);
        size_t count = lmm_roots_collect(&marked, words, 16);
        cr_expect(count == (advice[i] != MADV_NORMAL), "row %zu: %zu", i, count);
        cr_expect(count == 0 || words[0] == (uintptr_t) item);
        lmm_ranges_free(&marked);
        munmap(place, MAPPED_BYTES);
    }
}
