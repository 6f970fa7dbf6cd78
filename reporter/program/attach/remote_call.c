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
    TEXT_OFFSET = CODE_BYTES + STACK_BYTES,
    FRAME_OFFSET = TEXT_OFFSET + TEXT_BYTES,
    MEMORY_BYTES = FRAME_OFFSET + LMM_REMOTE_FRAME_BYTES,
    RED_ZONE_BYTES = 128,
    PAUSE_US = 50,
    SEARCHED_BYTES = 1 << 20,
};

/* For the thread to stop again. */
static const uint64_t STOP_NS = UINT64_C(1000000000);

/* For a call of the kernel, also after the deadline: there it cannot be left. All of them are short. */
static const uint64_t KERNEL_NS = UINT64_C(30000000000);

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
    struct lmm_remote_state *state = &remote->state;
    struct iovec bytes = {state->bytes, sizeof(state->bytes)};
    bool done =
        lmm_thread_get(remote->thread, &state->registers) &&
        ptrace(PTRACE_GETREGSET, remote->thread, (void *) NT_X86_XSTATE, &bytes) == 0 &&
        ptrace(PTRACE_GETSIGMASK, remote->thread, (void *) sizeof(state->mask), &state->mask) == 0;

    state->count = bytes.iov_len;
    return done && set_mask(remote->thread, all_but_faults());
}

static void restore_state(struct lmm_remote *remote)
{
    struct iovec bytes = {remote->state.bytes, remote->state.count};

    ptrace(PTRACE_SETREGSET, remote->thread, (void *) NT_X86_XSTATE, &bytes);
    lmm_thread_set(remote->thread, &remote->state.registers);
    set_mask(remote->thread, remote->state.mask);
}

/* Registers as they are at a call: no system call is started again, and no string is copied downwards. */
static struct user_regs_struct clean_registers(const struct lmm_remote *remote)
{
    enum { DIRECTION = 1 << 10, TRAP = 1 << 8, RESUME = 1 << 16 };
    struct user_regs_struct registers = remote->state.registers;

    registers.orig_rax = ~0ull;
    registers.eflags &= ~(uint64_t) (DIRECTION | TRAP | RESUME);
    return registers;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

enum { ENDED = 0, LATE = -1 };

/* Waits until the thread stops for a signal, and returns that, or ENDED, or LATE. A stop of the whole process is passed over: this
 * thread goes on, as `request` says. */
static int wait_for_signal(pid_t thread, enum __ptrace_request request, uint64_t deadline_ns)
{
    for (;;) {
        int status;
        pid_t got = waitpid(thread, &status, __WALL | WNOHANG);

        if (got == thread && !WIFSTOPPED(status)) {
            return ENDED;
        }
        if (got == thread && status >> 16 == 0) {
            return WSTOPSIG(status);
        }
        if (got == thread) {
            ptrace(request, thread, NULL, NULL);
        } else if (got < 0 && errno != EINTR) {
            return ENDED;
        } else if (lmm_tracee_now() > deadline_ns) {
            return LATE;
        } else {
            lmm_tracee_pause(PAUSE_US);
        }
    }
}

int64_t lmm_remote_system_call(struct lmm_remote *remote, uint64_t number,
                               const uint64_t arguments[6])
{
    struct user_regs_struct registers = clean_registers(remote);

    if (remote->is_left) {
        return -EBUSY;
    }
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
    int signal = wait_for_signal(remote->thread, PTRACE_SINGLESTEP, lmm_tracee_now() + KERNEL_NS);

    if (signal != SIGTRAP || !lmm_thread_get(remote->thread, &registers) ||
        registers.rip != remote->syscall + 2) {
        return -EFAULT;
    }
    return (int64_t) registers.rax;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* Whether the thread stands where functions return to. */
static bool has_returned(const struct lmm_remote *remote, int signal, uint64_t *ret_result)
{
    struct user_regs_struct registers;
    bool has = signal == SIGTRAP && lmm_thread_get(remote->thread, &registers) &&
               registers.rip == remote->memory + 1;

    if (has) {
        *ret_result = registers.rax;
    }
    return has;
}

/* Leaves the thread in its call, unless it returns at this moment: then that is true. */
static bool leave(struct lmm_remote *remote, uint64_t *ret_result)
{
    static unsigned char frame[LMM_REMOTE_FRAME_BYTES];
    unsigned char code[LMM_REMOTE_RETURN_BYTES];
    struct lmm_thread *thread = lmm_tracee_thread(remote->tracee, remote->thread);
    uint64_t at = remote->memory + FRAME_OFFSET;

    if (lmm_thread_stop(remote->tracee->pid, thread, lmm_tracee_now() + STOP_NS) == 1 &&
        has_returned(remote, thread->signal, ret_result)) {
        return true;
    }
    remote->is_left = true;
    lmm_remote_frame_make(&remote->state, at, frame, code);
    if (lmm_tracee_write(remote->tracee, at, frame, sizeof(frame))) {
        lmm_tracee_write(remote->tracee, remote->memory, code, sizeof(code));
    }
    return false;
}

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
    if (remote->is_left ||
        !lmm_tracee_write(remote->tracee, stack, &remote->memory, sizeof(remote->memory)) ||
        !lmm_thread_set(remote->thread, &registers) ||
        ptrace(PTRACE_CONT, remote->thread, NULL, NULL) != 0) {
        return false;
    }
    struct lmm_thread *thread = lmm_tracee_thread(remote->tracee, remote->thread);

    thread->is_stopped = false;
    int signal = wait_for_signal(remote->thread, PTRACE_CONT, remote->deadline_ns);

    thread->is_stopped = signal > 0;
    return signal == LATE ? leave(remote, ret_result) : has_returned(remote, signal, ret_result);
}

uint64_t lmm_remote_text(struct lmm_remote *remote, const char *text)
{
    uint64_t address = remote->memory + TEXT_OFFSET;
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

bool lmm_remote_begin(struct lmm_remote *remote, struct lmm_tracee *tracee,
                      const struct lmm_target_map *map, pid_t thread, uint64_t deadline_ns,
                      struct lmm_reason *ret_reason)
{
    remote->tracee = tracee;
    remote->thread = thread;
    remote->memory = 0;
    remote->deadline_ns = deadline_ns;
    remote->is_left = false;
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

    if (remote->is_left) {
        return;
    }
    if (remote->memory != 0) {
        lmm_remote_system_call(remote, SYS_munmap, arguments);
    }
    remote->memory = 0;
    restore_state(remote);
}
