/* SPDX-License-Identifier: MIT */
/* check: whole checks, with each way in which the process is looked at. */
#include "lib/leaks/check.h"
#include "lib/leaks/marks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <lmm/lmm.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/glibc.h"
#include "tests/support/leaks_found.h"
#include "tests/support/sanitizers.h"

/* Asked by LeakSanitizer, which cannot work in a process that has changed its user. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

typedef struct check_item {
    struct check_item *next;
    char text[40];
} check_item_t;

enum { D = LMM_LEDGER_LEAK_DEFINITE, I = LMM_LEDGER_LEAK_INDIRECT };
enum { P = LMM_LEDGER_LEAK_POSSIBLE, R = LMM_LEDGER_LEAK_REACHABLE };

static check_item_t *volatile held;
static uintptr_t held_hidden;
static uintptr_t inside_hidden;
static uintptr_t lost_hidden;
static uintptr_t hanging_hidden;
static char *volatile inside;

static uintptr_t hide(const void *p)
{
    return ~(uintptr_t) p;
}

/* Overwrites what calls have left on the stack. */
static __attribute__((noinline)) void clear_stack(void)
{
    volatile char room[20000];

    for (size_t i = 0; i < sizeof(room); i++) {
        room[i] = 0;
    }
}

static __attribute__((noinline)) void allocate(void)
{
    held = LMM_NEW(check_item_t);
    check_item_t *other = LMM_NEW(check_item_t);
    check_item_t *lost = LMM_NEW(check_item_t);
    lost->next = LMM_NEW(check_item_t);
    held_hidden = hide(held);
    inside = other->text;
    inside_hidden = hide(other);
    lost_hidden = hide(lost);
    hanging_hidden = hide(lost->next);
}

/* Blocks of all classes, whose addresses are kept only as their complements. */
static __attribute__((noinline)) void make_blocks(void)
{
    allocate();
    clear_stack();
}

static void expect_classes(const char *name, bool is_seen)
{
    cr_expect(leaks_kind(held_hidden) == R, "%s: %u", name, leaks_kind(held_hidden));
    if (ASAN || !GLIBC) {
        return; /* frames are laid out so that clear_stack() does not reach all of the old ones */
    }
    cr_expect(leaks_kind(inside_hidden) == P, "%s: %u", name, leaks_kind(inside_hidden));
    cr_expect(leaks_kind(lost_hidden) == (is_seen ? D : P), "%s: %u", name,
              leaks_kind(lost_hidden));
    cr_expect(leaks_kind(hanging_hidden) == (is_seen ? I : P), "%s: %u", name,
              leaks_kind(hanging_hidden));
}

static const struct lmm_check_request plain;

static struct lmm_ledger_check check(const struct lmm_check_request *request)
{
    struct lmm_ledger_check result;

    clear_stack();
    cr_assert(lmm_check_run(request, &result) == 0);
    cr_expect(result.failure == 0);
    return result;
}

Test(check, classes_of_a_process_with_one_thread)
{
    make_blocks();
    struct lmm_ledger_check result = check(&plain);
    expect_classes("plain", true);
    cr_expect(result.threads >= 1 && result.threads_unseen == 0);
    cr_expect((result.flags & LMM_LEDGER_CHECK_STOPPED) == 0);
    cr_expect(result.scanned_bytes > 0 && result.time_ns > 0);
    cr_expect(result.pause_ns > 0 && result.scan_ns > 0);
    cr_expect(lmm_checks_last().time_ns == result.time_ns);
}

Test(check, at_exit)
{
    const struct lmm_check_request request = {.at_exit = true};

    make_blocks();
    struct lmm_ledger_check result = check(&request);
    expect_classes("at exit", true);
    cr_expect((result.flags & LMM_LEDGER_CHECK_AT_EXIT) != 0);
}

Test(check, again_and_again)
{
    make_blocks();
    for (unsigned i = 0; i < 50; i++) {
        check(&plain);
        expect_classes("again", true);
    }
    cr_expect(lmm_chunks_header()->check_count == 50);
}

/* ---- Without a copy -------------------------------------------------------------------------- */

static sem_t may_end;

static void *stand_by(void *arg)
{
    while (sem_wait(&may_end) != 0) {
    }
    return arg;
}

/* A limit of processes does not hold for root. */
static bool forbid_copies(void)
{
    const struct rlimit none = {0, 0};

    return setrlimit(RLIMIT_NPROC, &none) == 0 &&
           (geteuid() != 0 || setresuid(12345, 12345, 12345) == 0);
}

Test(check, where_no_copy_can_be_made)
{
    pthread_t thread;

    if (ASAN) {
        cr_skip_test("shadow memory would be looked at page by page");
    }
    sem_init(&may_end, 0, 0);
    cr_assert(pthread_create(&thread, NULL, stand_by, NULL) == 0);
    make_blocks();
    cr_assert(forbid_copies());
    struct lmm_ledger_check result = check(&plain);
    cr_expect((result.flags & LMM_LEDGER_CHECK_STOPPED) != 0);
    cr_expect(result.threads >= 2);
    expect_classes("stopped", true);
    sem_post(&may_end);
    pthread_join(thread, NULL);
}

/* ---- Threads that cannot be seen ------------------------------------------------------------- */

static sem_t is_ready;

static void *block_all(void *arg)
{
    uint64_t all = UINT64_MAX;

    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
    sem_post(&is_ready);
    return stand_by(arg);
}

Test(check, a_thread_that_does_not_answer)
{
    pthread_t thread;

    sem_init(&may_end, 0, 0);
    sem_init(&is_ready, 0, 0);
    cr_assert(pthread_create(&thread, NULL, block_all, NULL) == 0);
    sem_wait(&is_ready);
    make_blocks();
    struct lmm_ledger_check result = check(&plain);
    cr_expect(result.threads_unseen == 1);
    expect_classes("unseen", false);
    sem_post(&may_end);
    pthread_join(thread, NULL);
    result = check(&plain);
    cr_expect(result.threads_unseen == 0);
    expect_classes("seen again", true);
}

/* ---- What the program sees ------------------------------------------------------------------- */

static volatile int children_told;
static volatile int handlers_run;

static void note_child(int number)
{
    (void) number;
    children_told = children_told + 1;
}

static void note_fork(void)
{
    handlers_run = handlers_run + 1;
}

Test(check, the_program_sees_no_child)
{
    make_blocks();
    signal(SIGCHLD, note_child);
    pthread_atfork(note_fork, note_fork, note_fork);
    for (unsigned i = 0; i < 10; i++) {
        check(&plain);
        cr_expect(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    }
    cr_expect(children_told == 0);
    cr_expect(handlers_run == 0);
    signal(SIGCHLD, SIG_IGN);
    check(&plain);
    expect_classes("children ignored", true);
}

/* A pipe whose writing end the copy has, too, would not end. */
Test(check, descriptors_are_the_program_s_alone)
{
    int ends[2];
    char byte;

    cr_assert(pipe(ends) == 0);
    make_blocks();
    check(&plain);
    close(ends[1]);
    cr_expect(read(ends[0], &byte, 1) == 0);
}

/* In a child, because Criterion needs descriptors. */
Test(check, without_free_descriptors)
{
    const struct rlimit none = {0, 0};
    struct lmm_ledger_check result;
    int status = 0;

    make_blocks();
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_NOFILE, &none);
        int error = lmm_check_run(&plain, &result);
        _exit(error == -EMFILE && result.failure == EMFILE && lmm_checks_last().failure == EMFILE
                  ? EXIT_SUCCESS
                  : EXIT_FAILURE);
    }
    cr_assert(waitpid(child, &status, 0) == child);
    cr_expect(status == 0);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

Test(check, a_range_that_the_copy_lacks)
{
    static const int advice[] = {MADV_DONTFORK, MADV_WIPEONFORK};

    make_blocks();
    for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
        uintptr_t *apart =
            mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        cr_assert(madvise(apart, 1 << 16, advice[i]) == 0);
        apart[100] = ~lost_hidden;
        check(&plain);
        cr_expect(leaks_kind(lost_hidden) == R, "row %zu", i);
        cr_expect(leaks_kind(hanging_hidden) == R, "row %zu", i);
        munmap(apart, 1 << 16);
        check(&plain);
        expect_classes("unmapped", true);
    }
}

/* The words of blocks that the copy does not have count as roots. */
Test(check, blocks_that_the_copy_lacks)
{
    make_blocks();
    char *page = (char *) (~lost_hidden & ~(uintptr_t) 4095);
    cr_assert(madvise(page, 4096, MADV_DONTFORK) == 0);
    check(&plain);
    cr_expect(leaks_kind(held_hidden) == R);
    cr_expect(ASAN || leaks_kind(lost_hidden) == D); /* as in expect_classes() */
    cr_expect(leaks_kind(hanging_hidden) == R);
    cr_assert(madvise(page, 4096, MADV_DOFORK) == 0);
    check(&plain);
    expect_classes("all of it", true);
}

Test(check, a_mark)
{
    struct lmm_check_request request = {.mark = 7};
    struct lmm_ledger_check result;

    make_blocks();
    cr_expect(lmm_check_run(&request, &result) == -ENOENT);
    cr_assert(lmm_marks_keep(7) == 0);
    uintptr_t old = lost_hidden;
    make_blocks();
    result = check(&request);
    cr_expect(result.mark == 7);
    cr_expect(leaks_kind(old) == 0);
    expect_classes("new", true);
}

Test(check, two_passes)
{
    const struct lmm_check_request request = {.confirm_ms = 1};
    const struct lmm_check_request late = {.confirm_ms = 1, .mark = 9};
    struct lmm_ledger_check result;

    make_blocks();
    result = check(&request);
    cr_expect(result.flags == LMM_LEDGER_CHECK_TWICE);
    cr_expect(result.pause_ns > 0 && result.threads_unseen == 0);
    expect_classes("confirmed", true);
    cr_expect(lmm_checks_last().flags == LMM_LEDGER_CHECK_TWICE);
    cr_expect(lmm_check_run(&late, &result) == -ENOENT && result.failure == ENOENT);
    check(&plain);
    cr_expect((lmm_checks_last().flags & LMM_LEDGER_CHECK_TWICE) == 0);
}

/* ---- Filters and faults ---------------------------------------------------------------------- */

/* Forbids one system call, as containers do. */
static bool forbid(uint32_t call)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

Test(check, where_a_filter_forbids_system_calls)
{
    static const struct {
        uint32_t call;
        uint32_t flags;
    } cases[] = {
        {SYS_clone, LMM_LEDGER_CHECK_STOPPED},
        {SYS_close_range, 0},
        {SYS_ioctl, 0}, /* PAGEMAP_SCAN */
        {SYS_mincore, 0},
        {SYS_pread64, 0}, /* pagemap and mem, too */
        {SYS_prctl, 0},
    };

    make_blocks();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = 0;
        if (ASAN && cases[i].call == SYS_ioctl) {
            continue; /* shadow memory would be looked at page by page */
        }
        pid_t child = fork();
        if (child == 0) {
            struct lmm_ledger_check result;
            bool is_forbidden = forbid(cases[i].call);
            int error = lmm_check_run(&plain, &result);
            bool is_good = is_forbidden && error == 0 && result.flags == cases[i].flags &&
                           (ASAN || leaks_kind(lost_hidden) == D) && leaks_kind(held_hidden) == R;
            _exit(is_good ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        cr_assert(waitpid(child, &status, 0) == child);
        cr_expect(status == 0, "row %zu: %d", i, status);
    }
}

/* Nobody answers for the range's pages: a thread that reads one waits for ever. */
Test(check, a_range_whose_pages_another_thread_provides)
{
    struct uffdio_api api = {.api = UFFD_API};
    int faults = (int) syscall(SYS_userfaultfd, O_CLOEXEC);

    if (faults < 0) {
        cr_skip_test("no userfaultfd here");
    }
    char *range = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register place = {.range = {(uintptr_t) range, 1 << 20},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};
    range[5000] = 1;
    cr_assert(ioctl(faults, UFFDIO_API, &api) == 0);
    cr_assert(ioctl(faults, UFFDIO_REGISTER, &place) == 0);
    make_blocks();
    check(&plain);
    expect_classes("userfaultfd", true);
    close(faults);
}

/* Memory that cannot be read, or not without harm. */
Test(check, ranges_that_cannot_be_read)
{
    int file = memfd_create("check", MFD_CLOEXEC);

    cr_assert(ftruncate(file, 1 << 16) == 0);
    char *none = mmap(NULL, 1 << 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *write_only = mmap(NULL, 1 << 16, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    char *private = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    char *device =
        mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE, open("/dev/zero", O_RDWR), 0);
    cr_assert(none != MAP_FAILED && write_only != MAP_FAILED && device != MAP_FAILED);
    shared[9000] = 1;
    private[5000] = 1;
    device[100] = 1;
    cr_assert(ftruncate(file, 4096) == 0);
    make_blocks();
    check(&plain);
    expect_classes("unreadable", true);
    if (!ASAN) { /* whose shadow memory would be looked at page by page */
        cr_assert(forbid_copies());
        check(&plain);
        expect_classes("unreadable, stopped", true);
    }
}
