/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/remote_call.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "reporter/program/attach/machine.h"
#include "reporter/program/attach/target_map.h"
#include "reporter/program/attach/tracee.h"
#include "reporter/program/ledger/ledger_file.h"

enum {
    ERROR_MAX = 4095,
    GUARD_BYTES =
        64
        << 10, /* first, so that a stack that is too small meets it; whole pages on every system */
    TEXT_BYTES = 8192,
    STACK_BYTES = 1 << 20,
    TEXT_OFFSET = GUARD_BYTES + STACK_BYTES,
    MEMORY_BYTES = TEXT_OFFSET + TEXT_BYTES,
    FRAME_ALIGN = 64,
    YIELDS = 20,
    PAUSE_US = 50,
};

/* For the thread to stop again. */
static const uint64_t STOP_NS = UINT64_C(1000000000);

/* For a call of the kernel, also after the deadline: all of them are short. */
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
        ptrace(PTRACE_GETREGSET, remote->thread, (void *) (uintptr_t) lmm_machine_float_set,
               &bytes) == 0 &&
        ptrace(PTRACE_GETSIGMASK, remote->thread, (void *) sizeof(state->mask), &state->mask) == 0;

    state->count = bytes.iov_len;
    state->resumed =
        lmm_machine_resumed(lmm_tracee_thread(remote->tracee, remote->thread), &state->registers);
    return done;
}

/* The registers come last: until then the thread would restore its state itself. */
static void restore_state(struct lmm_remote *remote)
{
    struct iovec bytes = {remote->state.bytes, remote->state.count};

    set_mask(remote->thread, remote->state.mask);
    ptrace(PTRACE_SETREGSET, remote->thread, (void *) (uintptr_t) lmm_machine_float_set, &bytes);
    lmm_thread_set(remote->thread, &remote->state.registers);
}

static struct user_regs_struct clean_registers(const struct lmm_remote *remote)
{
    struct user_regs_struct registers = remote->state.registers;

    lmm_machine_clean(&registers);
    return registers;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

enum { ENDED = 0, LATE = -1 };

static void wait_a_moment(unsigned turn)
{
    if (turn < YIELDS) {
        sched_yield();
    } else {
        lmm_tracee_pause(PAUSE_US);
    }
}

/* Lets the thread run until it stops for a signal or at a system call, and returns which, or ENDED, or LATE. A stop of the whole process
 * is passed over: this thread goes on. */
static int run_to_stop(pid_t thread, uint64_t deadline_ns)
{
    bool runs = ptrace(PTRACE_SYSCALL, thread, NULL, NULL) == 0;

    for (unsigned turn = 0; runs; turn++) {
        int status;
        pid_t got = waitpid(thread, &status, __WALL | WNOHANG);

        if ((got == thread && !WIFSTOPPED(status)) || (got < 0 && errno != EINTR)) {
            return ENDED;
        }
        if (got == thread && status >> 16 == 0) {
            return WSTOPSIG(status);
        }
        if (got == thread) {
            runs = ptrace(PTRACE_SYSCALL, thread, NULL, NULL) == 0;
        } else if (lmm_tracee_now() > deadline_ns) {
            return LATE;
        } else {
            wait_a_moment(turn);
        }
    }
    return ENDED;
}

/* Whether the thread stands where all calls return to. */
static bool has_returned(const struct lmm_remote *remote, struct user_regs_struct *ret_registers)
{
    return lmm_thread_get(remote->thread, ret_registers) &&
           lmm_machine_pc(ret_registers) == remote->code + LMM_REMOTE_STATE;
}

/* Lets the thread run until it has made the system call of the code, and stands after it. */
static int run_to_return(const struct lmm_remote *remote, uint64_t deadline_ns,
                         struct user_regs_struct *ret_registers)
{
    unsigned stops = 0; /* before that call, and after it */

    while (stops < 2) {
        int signal = run_to_stop(remote->thread, deadline_ns);

        if (signal != LMM_THREAD_IN_CALL) {
            return signal;
        }
        stops += has_returned(remote, ret_registers);
    }
    return LMM_THREAD_IN_CALL;
}

/* Leaves the thread in its call, unless it returns at this moment: then that is true. */
static bool leave(struct lmm_remote *remote, struct user_regs_struct *ret_registers)
{
    struct lmm_thread *thread = lmm_tracee_thread(remote->tracee, remote->thread);

    remote->is_left =
        lmm_thread_stop(remote->tracee->pid, thread, lmm_tracee_now() + STOP_NS) != 1 ||
        !has_returned(remote, ret_registers);
    return !remote->is_left;
}

/* Makes the call that the registers say. */
static bool call(struct lmm_remote *remote, uint64_t deadline_ns,
                 struct user_regs_struct *registers)
{
    struct lmm_thread *thread = lmm_tracee_thread(remote->tracee, remote->thread);

    if (remote->is_left || !lmm_thread_set(remote->thread, registers)) {
        return false;
    }
    thread->is_stopped = false;
    int signal = run_to_return(remote, deadline_ns, registers);

    thread->is_stopped = signal > 0;
    return signal == LATE ? leave(remote, registers) : signal == LMM_THREAD_IN_CALL;
}

int64_t lmm_remote_system_call(struct lmm_remote *remote, uint64_t number,
                               const uint64_t arguments[6])
{
    struct user_regs_struct registers = clean_registers(remote);

    lmm_machine_prepare_system_call(remote->code + LMM_REMOTE_CALL, number, arguments, &registers);
    return call(remote, lmm_tracee_now() + KERNEL_NS, &registers)
               ? lmm_machine_system_result(&registers)
               : -EFAULT;
}

bool lmm_remote_call(struct lmm_remote *remote, uint64_t function, uint64_t first, uint64_t second,
                     uint64_t *ret_result)
{
    struct user_regs_struct registers = clean_registers(remote);
    const uint64_t arguments[2] = {first, second};

    if (!lmm_machine_prepare_call(remote->tracee, function, remote->memory + TEXT_OFFSET,
                                  remote->code, arguments, &registers) ||
        !call(remote, remote->deadline_ns, &registers)) {
        return false;
    }
    *ret_result = lmm_machine_result(&registers);
    return true;
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

/* Puts the code and the frame into bytes that no module uses, a whole frame if one has room. */
static bool put_code(struct lmm_remote *remote, const struct lmm_target_map *map)
{
    static unsigned char frame[LMM_REMOTE_FRAME_BYTES];
    unsigned char code[LMM_REMOTE_CODE_MAX];
    bool is_short = false;

    for (int i = 0; i < 2 && remote->frame == 0; i++) {
        is_short = i != 0;
        remote->frame_bytes = lmm_remote_frame_bytes(&remote->state, is_short);
        const struct lmm_spare wanted = {.bytes = remote->frame_bytes, .align = FRAME_ALIGN};

        remote->frame = lmm_target_map_spare(remote->tracee, map, &wanted);
    }
    if (remote->frame == 0) {
        return false;
    }
    lmm_remote_frame_make(&remote->state, remote->frame, is_short, frame, code);
    if (!lmm_tracee_write(remote->tracee, remote->frame, frame, remote->frame_bytes)) {
        return false;
    }
    const struct lmm_spare wanted = {
        .is_code = true, .bytes = LMM_REMOTE_CODE_BYTES, .align = LMM_REMOTE_CODE_ALIGN};

    remote->code = lmm_target_map_spare(remote->tracee, map, &wanted);
    return remote->code != 0 &&
           lmm_tracee_write(remote->tracee, remote->code, code, LMM_REMOTE_CODE_BYTES);
}

static void take_code(struct lmm_remote *remote)
{
    static const unsigned char zeros[LMM_REMOTE_FRAME_BYTES];

    if (remote->code != 0) {
        lmm_tracee_write(remote->tracee, remote->code, zeros, LMM_REMOTE_CODE_BYTES);
    }
    if (remote->frame != 0) {
        lmm_tracee_write(remote->tracee, remote->frame, zeros, remote->frame_bytes);
    }
}

/* Puts the thread where it restores its state when it is let go; signals are held back only then. */
static bool take_thread(struct lmm_remote *remote)
{
    struct user_regs_struct registers = clean_registers(remote);

    lmm_machine_set_pc(&registers, remote->code + LMM_REMOTE_STATE);
    return ptrace(PTRACE_SETOPTIONS, remote->thread, NULL, PTRACE_O_TRACESYSGOOD) == 0 &&
           lmm_thread_set(remote->thread, &registers) && set_mask(remote->thread, all_but_faults());
}

/* Gives the thread its memory. */
static bool map_memory(struct lmm_remote *remote)
{
    const uint64_t map[6] = {
        0, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX, 0};
    int64_t memory = lmm_remote_system_call(remote, SYS_mmap, map);

    if (memory <= 0 && memory >= -ERROR_MAX) {
        return false;
    }
    remote->memory = (uint64_t) memory;
    const uint64_t guard[6] = {remote->memory, GUARD_BYTES, PROT_NONE, 0, 0, 0};

    return lmm_remote_system_call(remote, SYS_mprotect, guard) == 0;
}

bool lmm_remote_begin(struct lmm_remote *remote, struct lmm_tracee *tracee,
                      const struct lmm_target_map *map, pid_t thread, uint64_t deadline_ns,
                      struct lmm_reason *ret_reason)
{
    remote->tracee = tracee;
    remote->thread = thread;
    remote->code = 0;
    remote->frame = 0;
    remote->memory = 0;
    remote->deadline_ns = deadline_ns;
    remote->is_left = false;
    if (!keep_state(remote)) {
        return lmm_reason_set(ret_reason, "the registers of thread %d cannot be kept",
                              (int) thread);
    }
    if (!put_code(remote, map)) {
        take_code(remote);
        return lmm_reason_set(ret_reason, "no module has room for the code of a call");
    }
    if (!take_thread(remote) || !map_memory(remote)) {
        lmm_remote_end(remote);
        return lmm_reason_set(ret_reason, "it may not map memory");
    }
    return true;
}

/* Stops the thread once more, before its next instruction: there the kernel lets a system call that was interrupted start again, not after
 * a system call. */
static bool stop_thread(struct lmm_remote *remote)
{
    struct lmm_thread *thread = lmm_tracee_thread(remote->tracee, remote->thread);
    uint64_t deadline_ns = lmm_tracee_now() + STOP_NS;
    int signal = thread->signal; /* that comes meanwhile: I2 of tracee.h */
    int state = 1;

    ptrace(PTRACE_INTERRUPT, remote->thread, NULL, NULL);
    do {
        state = ptrace(PTRACE_CONT, remote->thread, NULL, NULL) != 0
                    ? 0
                    : lmm_thread_wait(remote->tracee->pid, thread, deadline_ns);
        signal = state == 1 && thread->signal != 0 ? thread->signal : signal;
    } while (state == 1 && thread->event != PTRACE_EVENT_STOP);
    thread->signal = signal;
    thread->is_stopped = state == 1;
    return thread->is_stopped;
}

void lmm_remote_end(struct lmm_remote *remote)
{
    const uint64_t arguments[6] = {remote->memory, MEMORY_BYTES, 0, 0, 0, 0};

    if (remote->memory != 0) {
        lmm_remote_system_call(remote, SYS_munmap, arguments);
    }
    remote->memory = 0;
    if (!remote->is_left && stop_thread(remote)) {
        restore_state(remote);
        take_code(remote);
    }
}
