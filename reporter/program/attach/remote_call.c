/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/remote_call.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "reporter/program/attach/target_map.h"
#include "reporter/program/attach/tracee.h"
#include "reporter/program/ledger/ledger_file.h"

enum {
    PAGE_BYTES = 4096,
    CODE_BYTES = PAGE_BYTES, /* first, so that a stack that is too small meets it */
    TEXT_BYTES = 2 * PAGE_BYTES,
    STACK_BYTES = 1 << 20,
    MEMORY_BYTES = CODE_BYTES + STACK_BYTES + TEXT_BYTES,
    RED_ZONE_BYTES = 128,
    PAUSE_US = 50,
    SEARCHED_BYTES = 1 << 20,
};

static const uint64_t PATIENCE_NS = UINT64_C(60000000000);

/* ---- The thread's state ---------------------------------------------------------------------- */

/* Those that an instruction raises stay as they are: the kernel would end the process. */
static uint64_t all_but_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    uint64_t mask = ~UINT64_C(0);

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        mask &= ~(UINT64_C(1) << (faults[i] - 1));
    }
    return mask;
}

static bool set_mask(pid_t thread, uint64_t mask)
{
    return ptrace(PTRACE_SETSIGMASK, thread, (void *) sizeof(mask), &mask) == 0;
}

static bool keep_state(struct lmm_remote *remote)
{
    struct iovec state = {remote->state, sizeof(remote->state)};
    bool done = lmm_thread_get(remote->thread, &remote->registers) &&
                ptrace(PTRACE_GETREGSET, remote->thread, (void *) NT_X86_XSTATE, &state) == 0 &&
                ptrace(PTRACE_GETSIGMASK, remote->thread, (void *) sizeof(remote->mask),
                       &remote->mask) == 0;

    remote->state_bytes = state.iov_len;
    return done && set_mask(remote->thread, all_but_faults());
}

static void restore_state(struct lmm_remote *remote)
{
    struct iovec state = {remote->state, remote->state_bytes};

    ptrace(PTRACE_SETREGSET, remote->thread, (void *) NT_X86_XSTATE, &state);
    lmm_thread_set(remote->thread, &remote->registers);
    set_mask(remote->thread, remote->mask);
}

/* Registers as they are at a call: no system call is started again, and no string is copied downwards. */
static struct user_regs_struct clean_registers(const struct lmm_remote *remote)
{
    enum { DIRECTION = 1 << 10, TRAP = 1 << 8, RESUME = 1 << 16 };
    struct user_regs_struct registers = remote->registers;

    registers.orig_rax = ~0ull;
    registers.eflags &= ~(uint64_t) (DIRECTION | TRAP | RESUME);
    return registers;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* Waits until the thread stops for a signal; returns it, 0: the thread has ended, or goes on for a minute. A stop of the
 * whole process is passed over: this thread goes on, as `request` says. */
static int wait_for_signal(pid_t thread, enum __ptrace_request request)
{
    uint64_t deadline = lmm_tracee_now() + PATIENCE_NS;

    while (lmm_tracee_now() < deadline) {
        int status;
        pid_t got = waitpid(thread, &status, __WALL | WNOHANG);

        if (got == thread && !WIFSTOPPED(status)) {
            return 0;
        }
        if (got == thread && status >> 16 == 0) {
            return WSTOPSIG(status);
        }
        if (got == thread) {
            ptrace(request, thread, NULL, NULL);
        } else if (got < 0 && errno != EINTR) {
            return 0;
        } else {
            lmm_tracee_pause(PAUSE_US);
        }
    }
    return 0;
}

/* Stops the thread again after it did not return. */
static void stop_again(pid_t thread)
{
    int status;

    ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
    waitpid(thread, &status, __WALL);
}

int64_t lmm_remote_system_call(struct lmm_remote *remote, uint64_t number,
                               const uint64_t arguments[6])
{
    struct user_regs_struct registers = clean_registers(remote);

    registers.rip = remote->syscall;
    registers.rsp -= RED_ZONE_BYTES;
    registers.rax = number;
    registers.rdi = arguments[0];
    registers.rsi = arguments[1];
    registers.rdx = arguments[2];
    registers.r10 = arguments[3];
    registers.r8 = arguments[4];
    registers.r9 = arguments[5];
    if (!lmm_thread_set(remote->thread, &registers) ||
        ptrace(PTRACE_SINGLESTEP, remote->thread, NULL, NULL) != 0) {
        return -ESRCH;
    }
    int signal = wait_for_signal(remote->thread, PTRACE_SINGLESTEP);

    if (signal != SIGTRAP || !lmm_thread_get(remote->thread, &registers) ||
        registers.rip != remote->syscall + 2) {
        return -EFAULT;
    }
    return (int64_t) registers.rax;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

bool lmm_remote_call(struct lmm_remote *remote, uint64_t function, uint64_t first, uint64_t second,
                     uint64_t *ret_result)
{
    struct user_regs_struct registers = clean_registers(remote);
    uint64_t stack = remote->memory + CODE_BYTES + STACK_BYTES - sizeof(uint64_t);

    registers.rip = function;
    registers.rsp = stack;
    registers.rbp = 0;
    registers.rdi = first;
    registers.rsi = second;
    registers.rax = 0;
    if (!lmm_tracee_write(remote->tracee, stack, &remote->memory, sizeof(remote->memory)) ||
        !lmm_thread_set(remote->thread, &registers) ||
        ptrace(PTRACE_CONT, remote->thread, NULL, NULL) != 0) {
        return false;
    }
    int signal = wait_for_signal(remote->thread, PTRACE_CONT);

    if (signal == 0) {
        stop_again(remote->thread);
    }
    if (signal != SIGTRAP || !lmm_thread_get(remote->thread, &registers) ||
        registers.rip != remote->memory + 1) {
        return false;
    }
    *ret_result = registers.rax;
    return true;
}

uint64_t lmm_remote_text(struct lmm_remote *remote, const char *text)
{
    uint64_t address = remote->memory + CODE_BYTES + STACK_BYTES;
    size_t bytes = strlen(text) + 1;

    return bytes <= (size_t) TEXT_BYTES && lmm_tracee_write(remote->tracee, address, text, bytes)
               ? address
               : 0;
}

/* ---- Begin and end --------------------------------------------------------------------------- */

/* Finds a system call's instruction in some module's code. */
static uint64_t find_syscall(const struct lmm_tracee *tracee, const struct lmm_target_map *map)
{
    static unsigned char code[SEARCHED_BYTES];
    static const unsigned char wanted[] = {0x0f, 0x05};

    for (size_t i = 0; i < map->count; i++) {
        const struct lmm_mapping *mapping = &map->mappings[i];
        size_t bytes = (size_t) (mapping->to - mapping->from);

        bytes = bytes < sizeof(code) ? bytes : sizeof(code);
        if (mapping->is_code && mapping->is_file &&
            lmm_tracee_read(tracee, mapping->from, code, bytes)) {
            const unsigned char *at = memmem(code, bytes, wanted, sizeof(wanted));

            if (at != NULL) {
                return mapping->from + (uint64_t) (at - code);
            }
        }
    }
    return 0;
}

/* Gives the thread its memory: the first page gets a breakpoint, to which functions return. */
static bool map_memory(struct lmm_remote *remote)
{
    static const unsigned char breakpoint[] = {0xcc};
    const uint64_t map[6] = {
        0, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX, 0};
    int64_t memory = lmm_remote_system_call(remote, SYS_mmap, map);

    if (memory <= 0 && memory > -PAGE_BYTES) {
        return false;
    }
    remote->memory = (uint64_t) memory;
    const uint64_t protect[6] = {remote->memory, CODE_BYTES, PROT_READ | PROT_EXEC, 0, 0, 0};

    return lmm_remote_system_call(remote, SYS_mprotect, protect) == 0 &&
           lmm_tracee_write(remote->tracee, remote->memory, breakpoint, sizeof(breakpoint));
}

bool lmm_remote_begin(struct lmm_remote *remote, const struct lmm_tracee *tracee,
                      const struct lmm_target_map *map, pid_t thread, struct lmm_reason *ret_reason)
{
    remote->tracee = tracee;
    remote->thread = thread;
    remote->memory = 0;
    remote->syscall = find_syscall(tracee, map);
    if (remote->syscall == 0) {
        return lmm_reason_set(ret_reason, "no module of it makes system calls");
    }
    if (!keep_state(remote)) {
        return lmm_reason_set(ret_reason, "the registers of thread %d cannot be kept",
                              (int) thread);
    }
    if (!map_memory(remote)) {
        lmm_remote_end(remote);
        return lmm_reason_set(ret_reason, "it may not map memory with code");
    }
    return true;
}

void lmm_remote_end(struct lmm_remote *remote)
{
    const uint64_t arguments[6] = {remote->memory, MEMORY_BYTES, 0, 0, 0, 0};

    if (remote->memory != 0) {
        lmm_remote_system_call(remote, SYS_munmap, arguments);
    }
    remote->memory = 0;
    restore_state(remote);
}
