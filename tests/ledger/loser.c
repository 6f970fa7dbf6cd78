/* SPDX-License-Identifier: MIT */
/*
 * loser: a program that loses blocks when it is told to. Reads one command a line:
 *
 *     lose N     allocates N blocks of 104 bytes, and forgets them
 *     keep N     allocates N blocks, and keeps them
 *     spread N   allocates N blocks, and keeps them far from the start of a large array
 *     chain N    allocates N blocks, each with a pointer to the one before
 *     braid N    does so in turn from two call stacks
 *     hidden     allocates a block, and keeps it by a number that is not its address
 *     show       keeps it by its address, too;  unshow: does so no longer;  scratch: writes to it
 *     watch      says "stopped" whenever a check has stopped the process, in a second thread
 *     fork       forks a child, which says so and takes the commands from now on; the parent waits
 *     deaf       blocks all signals by a system call, libc's own too, in a second thread that spins
 *     hold       allocates a block in a second thread, "holder", which alone keeps it
 *     uncopied   refuses itself new processes, but not new threads, by a filter of system calls
 *     take N     handles signal N, by printing "taken"
 *
 * and prints "done" after each. With malloc, or as a typed program (TYPED).
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if TYPED
#include <lmm/lmm.h>
struct lost {
    void *next;
    char bytes[96];
};
#define NEW() LMM_ALLOC(struct lost)
#else
#define NEW() malloc(104)
#endif

static void *volatile kept[100];
static unsigned kept_count;

static __attribute__((noinline)) void lose(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        void *volatile block = NEW();
        memset(block, 1, 104);
        block = NULL;
    }
}

/* Overwrites what lose() left in registers and on the stack, where later calls may have unused room. */
static __attribute__((noinline)) void forget(void)
{
    volatile char room[16384];

    for (size_t i = 0; i < sizeof(room); i++) {
        room[i] = 0;
    }
    free(malloc(1));
}

static void keep(unsigned count)
{
    for (unsigned i = 0; i < count && kept_count < 100; i++) {
        kept[kept_count++] = NEW();
    }
}

/* It ends after the last page of the file. */
static void *volatile wide[20000];

static __attribute__((noinline)) void spread(unsigned count)
{
    for (unsigned i = 0; i < count && i < 5000; i++) {
        wide[15000 + i] = NEW();
    }
}

static void *volatile first;

static __attribute__((noinline)) void add_link(void)
{
    void *block = NEW();

    *(void **) block = first;
    first = block;
}

/* Calls it from here: no jump in place of the call. */
static __attribute__((noinline)) void add_other_link(void)
{
    add_link();
    __asm__ volatile("");
}

static volatile uintptr_t hidden;
static void *volatile shown;

static __attribute__((noinline)) void hide(void)
{
    hidden = ~(uintptr_t) NEW();
}

static __attribute__((noinline)) void show(int is_shown)
{
    shown = is_shown ? (void *) ~hidden : NULL;
}

static __attribute__((noinline)) void scratch(void)
{
    ++*(volatile char *) ~hidden;
}

/* Other signals go to the other thread. */
static void *watch(void *arg)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (;;) {
        if (poll(NULL, 0, -1) != 0 && write(STDOUT_FILENO, "stopped\n", 8) != 8) {
            _exit(1);
        }
    }
    return arg;
}

static void watch_in_a_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, watch, NULL) != 0) {
        _exit(1);
    }
}

static volatile int is_deaf;

static void *be_deaf(void *arg)
{
    const unsigned long all[16] = {~0UL, ~0UL};

    (void) arg;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, all, NULL, 8);
    is_deaf = 1;
    for (;;) {
    }
    return NULL;
}

static void be_deaf_in_a_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, be_deaf, NULL) == 0) {
        while (!is_deaf) {
            usleep(1000);
        }
    }
}

static volatile int is_holding;

static void *hold(void *arg)
{
    void *volatile block = NEW();

    prctl(PR_SET_NAME, "holder");
    is_holding = block != NULL;
    for (;;) {
        poll(NULL, 0, -1);
    }
    return arg;
}

static void hold_in_a_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, hold, NULL) == 0) {
        while (!is_holding) {
            usleep(1000);
        }
    }
}

static void refuse_copies(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        _exit(1);
    }
}

static void say_taken(int number)
{
    (void) number;
    if (write(STDOUT_FILENO, "taken\n", 6) != 6) {
        _exit(1);
    }
}

static void go_on_in_child(void)
{
    pid_t child = fork();

    if (child != 0) {
        waitpid(child, NULL, 0);
        exit(0);
    }
    free(malloc(1));
    printf("%d\n", (int) getpid());
}

int main(void)
{
    char command[32];
    unsigned number = 0;

    setvbuf(stdout, NULL, _IOLBF, 1000);
    while (scanf("%31s", command) == 1) {
        if (strcmp(command, "lose") == 0 && scanf("%u", &number) == 1) {
            lose(number);
            forget();
        } else if (strcmp(command, "keep") == 0 && scanf("%u", &number) == 1) {
            keep(number);
        } else if (strcmp(command, "spread") == 0 && scanf("%u", &number) == 1) {
            spread(number);
        } else if (strcmp(command, "chain") == 0 && scanf("%u", &number) == 1) {
            for (unsigned i = 0; i < number; i++) {
                add_link();
            }
            forget();
        } else if (strcmp(command, "braid") == 0 && scanf("%u", &number) == 1) {
            for (unsigned i = 0; i < number; i++) {
                i % 2 == 0 ? add_link() : add_other_link();
            }
            forget();
        } else if (strcmp(command, "hidden") == 0) {
            hide();
            forget();
        } else if (strcmp(command, "show") == 0 || strcmp(command, "unshow") == 0) {
            show(*command == 's');
            forget();
        } else if (strcmp(command, "scratch") == 0) {
            scratch();
            forget();
        } else if (strcmp(command, "watch") == 0) {
            watch_in_a_thread();
        } else if (strcmp(command, "fork") == 0) {
            go_on_in_child();
        } else if (strcmp(command, "deaf") == 0) {
            be_deaf_in_a_thread();
        } else if (strcmp(command, "hold") == 0) {
            hold_in_a_thread();
        } else if (strcmp(command, "uncopied") == 0) {
            refuse_copies();
        } else if (strcmp(command, "take") == 0 && scanf("%u", &number) == 1) {
            signal((int) number, say_taken);
        }
        puts("done");
    }
    return 0;
}
