/* SPDX-License-Identifier: MIT */
/*
 * A thread that is stopped in a system call stands before its instruction when that starts again; the kernel has done it already, and forgot
 * the call. If it ended with EINTR instead, the result is in the place of the first argument. So what a thread waits for is noted before it is told to stop.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "reporter/program/attach/machine.h"
#include "reporter/program/attach/tracee.h"
#include "reporter/program/attach/waits.h"

enum { INSTRUCTION_BYTES = 4, SYSTEM_CALL = 8 /* x8 has its number */, LINK = 30, FRAME = 29 };

const char lmm_machine_name[] = "AArch64";
const unsigned lmm_machine_elf = EM_AARCH64;
const unsigned lmm_machine_float_set = NT_PRFPREG;

uint64_t lmm_machine_ticks(void)
{
    uint64_t ticks;

    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}

/* ---- Registers ------------------------------------------------------------------------------- */

uint64_t lmm_machine_pc(const struct user_regs_struct *registers)
{
    return registers->pc;
}

/* Without the mark of an indirect branch, for which there would have to be an instruction that takes it. */
void lmm_machine_set_pc(struct user_regs_struct *registers, uint64_t pc)
{
    enum { BRANCH_TYPE = 3 << 10 };

    registers->pc = pc;
    registers->pstate &= ~(uint64_t) BRANCH_TYPE;
}

uint64_t lmm_machine_sp(const struct user_regs_struct *registers)
{
    return registers->sp;
}

void lmm_machine_clean(struct user_regs_struct *registers)
{
    enum { SINGLE_STEP = 1 << 21 };

    registers->pstate &= ~(uint64_t) SINGLE_STEP;
}

bool lmm_machine_prepare_call(const struct lmm_tracee *tracee, uint64_t function,
                              uint64_t stack_end, uint64_t return_address,
                              const uint64_t arguments[2], struct user_regs_struct *registers)
{
    (void) tracee;
    lmm_machine_set_pc(registers, function);
    registers->sp = stack_end;
    registers->regs[FRAME] = 0;
    registers->regs[LINK] = return_address;
    registers->regs[0] = arguments[0];
    registers->regs[1] = arguments[1];
    return true;
}

void lmm_machine_prepare_system_call(uint64_t place, uint64_t number, const uint64_t arguments[6],
                                     struct user_regs_struct *registers)
{
    lmm_machine_set_pc(registers, place);
    registers->regs[SYSTEM_CALL] = number;
    for (size_t i = 0; i < 6; i++) {
        registers->regs[i] = arguments[i];
    }
}

uint64_t lmm_machine_result(const struct user_regs_struct *registers)
{
    return registers->regs[1];
}

int64_t lmm_machine_system_result(const struct user_regs_struct *registers)
{
    return (int64_t) registers->regs[0];
}

/* ---- System calls that a stop has interrupted -------------------------------------------------- */

/* A line of /proc/PID/task/TID/syscall: number, six arguments, stack pointer, program counter; or "running", or "-1 ...". */
void lmm_machine_note_call(pid_t pid, struct lmm_thread *thread)
{
    char path[64];
    struct lmm_thread_call call = {.number = -1};

    snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int) pid, (int) thread->id);
    FILE *file = fopen(path, "re");

    thread->call.number = -1;
    if (file == NULL) {
        return;
    }
    if (fscanf(file,
               "%" SCNd64 " %" SCNx64 " %*x %*x %*x %*x %*x %" SCNx64
               " %" SCNx64 /* a number is 0x... */,
               &call.number, &call.first, &call.sp, &call.pc) == 4) {
        thread->call = call;
    }
    fclose(file);
}

/* Whether the thread stands at the noted call: after it, or before it. */
static bool is_at_call(const struct lmm_thread *thread, const struct user_regs_struct *registers,
                       uint64_t offset)
{
    return thread->call.number >= 0 && registers->sp == thread->call.sp &&
           registers->pc + offset == thread->call.pc &&
           registers->regs[SYSTEM_CALL] == (uint64_t) thread->call.number;
}

static bool has_ended(const struct lmm_thread *thread, const struct user_regs_struct *registers)
{
    return is_at_call(thread, registers, 0) && (int64_t) registers->regs[0] == -EINTR;
}

bool lmm_machine_is_waiting(const struct lmm_thread *thread,
                            const struct user_regs_struct *registers)
{
    return is_at_call(thread, registers, INSTRUCTION_BYTES) || has_ended(thread, registers);
}

bool lmm_machine_was_in_call(const struct lmm_thread *thread,
                             const struct user_regs_struct *registers)
{
    return has_ended(thread, registers) &&
           lmm_waits_can_begin_again((uint64_t) thread->call.number);
}

void lmm_machine_put_before_call(const struct lmm_thread *thread,
                                 struct user_regs_struct *registers)
{
    registers->regs[0] = thread->call.first;
    lmm_machine_set_pc(registers, registers->pc - INSTRUCTION_BYTES);
}

struct user_regs_struct lmm_machine_resumed(const struct lmm_thread *thread,
                                            const struct user_regs_struct *registers)
{
    struct user_regs_struct resumed = *registers;

    if (lmm_machine_was_in_call(thread, &resumed)) {
        lmm_machine_put_before_call(thread, &resumed);
    }
    return resumed;
}

/* ---- Stacks ------------------------------------------------------------------------------------ */

bool lmm_machine_give(Dwfl_Thread *thread, const struct user_regs_struct *registers)
{
    enum { GENERAL = 31, STACK = GENERAL };
    Dwarf_Word words[GENERAL + 1];

    for (size_t i = 0; i < (size_t) GENERAL; i++) {
        words[i] = registers->regs[i];
    }
    words[LINK] = lmm_machine_unsigned(words[LINK]);
    words[STACK] = registers->sp;
    dwfl_thread_state_register_pc(thread, registers->pc);
    return dwfl_thread_state_registers(thread, 0, sizeof(words) / sizeof(words[0]), words);
}

/* Addresses of programs have 48 bits, or 52, where bit 55 is 0; a signature is in the others. A word with other high bits is an address only if it is signed. */
uint64_t lmm_machine_unsigned(uint64_t word)
{
    enum { ADDRESS_BITS = 48 };
    const uint64_t select = UINT64_C(1) << 55;

    return (word & select) == 0 ? word & ((UINT64_C(1) << ADDRESS_BITS) - 1) : word;
}

/* mov x8, #SYS_rt_sigreturn; svc #0 */
const unsigned char lmm_machine_signal_return[] = {0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4};
const size_t lmm_machine_signal_return_bytes = sizeof(lmm_machine_signal_return);
