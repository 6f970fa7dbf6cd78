/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <errno.h>

#include "reporter/program/attach/machine.h"
#include "reporter/program/attach/tracee.h"
#include "reporter/program/attach/waits.h"

const char lmm_machine_name[] = "x86-64";
const unsigned lmm_machine_elf = EM_X86_64;
const unsigned lmm_machine_float_set = NT_X86_XSTATE;

uint64_t lmm_machine_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

/* ---- Registers ------------------------------------------------------------------------------- */

uint64_t lmm_machine_pc(const struct user_regs_struct *registers)
{
    return registers->rip;
}

void lmm_machine_set_pc(struct user_regs_struct *registers, uint64_t pc)
{
    registers->rip = pc;
}

uint64_t lmm_machine_sp(const struct user_regs_struct *registers)
{
    return registers->rsp;
}

void lmm_machine_clean(struct user_regs_struct *registers)
{
    enum { DIRECTION = 1 << 10, TRAP = 1 << 8, RESUME = 1 << 16 };

    registers->orig_rax = ~0ull;
    registers->eflags &= ~(uint64_t) (DIRECTION | TRAP | RESUME);
}

bool lmm_machine_prepare_call(const struct lmm_tracee *tracee, uint64_t function,
                              uint64_t stack_end, uint64_t return_address,
                              const uint64_t arguments[2], struct user_regs_struct *registers)
{
    registers->rip = function;
    registers->rsp = stack_end - sizeof(return_address);
    registers->rbp = 0;
    registers->rdi = arguments[0];
    registers->rsi = arguments[1];
    registers->rax = 0;
    return lmm_tracee_write(tracee, registers->rsp, &return_address, sizeof(return_address));
}

void lmm_machine_prepare_system_call(uint64_t place, uint64_t number, const uint64_t arguments[6],
                                     struct user_regs_struct *registers)
{
    registers->rip = place;
    registers->rax = number;
    registers->rdi = arguments[0];
    registers->rsi = arguments[1];
    registers->rdx = arguments[2];
    registers->r10 = arguments[3];
    registers->r8 = arguments[4];
    registers->r9 = arguments[5];
}

uint64_t lmm_machine_result(const struct user_regs_struct *registers)
{
    return registers->rdi;
}

int64_t lmm_machine_system_result(const struct user_regs_struct *registers)
{
    return (int64_t) registers->rax;
}

/* ---- System calls that a stop has interrupted -------------------------------------------------- */

void lmm_machine_note_call(pid_t pid, struct lmm_thread *thread)
{
    (void) pid, (void) thread; /* the registers of a stopped thread have all of it */
}

static bool is_in_call(const struct user_regs_struct *registers)
{
    return (int64_t) registers->orig_rax >= 0;
}

/* The kernel's own results, which it turns into a new start of the call where the thread returns from it. */
static bool starts_again(const struct user_regs_struct *registers)
{
    enum { RESTARTSYS = 512, RESTARTNOINTR = 513, RESTARTNOHAND = 514, RESTART_BLOCK = 516 };
    int64_t result = -(int64_t) registers->rax;

    return is_in_call(registers) && (result == RESTARTSYS || result == RESTARTNOINTR ||
                                     result == RESTARTNOHAND || result == RESTART_BLOCK);
}

bool lmm_machine_is_waiting(const struct lmm_thread *thread,
                            const struct user_regs_struct *registers)
{
    (void) thread;
    return starts_again(registers) || (is_in_call(registers) && (int64_t) registers->rax == -EINTR);
}

bool lmm_machine_was_in_call(const struct lmm_thread *thread,
                             const struct user_regs_struct *registers)
{
    (void) thread;
    return is_in_call(registers) && (int64_t) registers->rax == -EINTR &&
           lmm_waits_can_begin_again(registers->orig_rax);
}

void lmm_machine_put_before_call(const struct lmm_thread *thread,
                                 struct user_regs_struct *registers)
{
    enum { SYSCALL_BYTES = 2 };

    (void) thread;
    registers->rax = registers->orig_rax;
    registers->rip -= SYSCALL_BYTES;
}

struct user_regs_struct lmm_machine_resumed(const struct lmm_thread *thread,
                                            const struct user_regs_struct *registers)
{
    struct user_regs_struct resumed = *registers;

    if (starts_again(&resumed) || lmm_machine_was_in_call(thread, &resumed)) {
        lmm_machine_put_before_call(thread, &resumed);
    }
    return resumed;
}

/* ---- Stacks ------------------------------------------------------------------------------------ */

/* In the order of DWARF's numbers. */
bool lmm_machine_give(Dwfl_Thread *thread, const struct user_regs_struct *registers)
{
    const struct user_regs_struct *now = registers;
    const Dwarf_Word words[] = {now->rax, now->rdx, now->rcx, now->rbx, now->rsi, now->rdi,
                                now->rbp, now->rsp, now->r8,  now->r9,  now->r10, now->r11,
                                now->r12, now->r13, now->r14, now->r15, now->rip};

    return dwfl_thread_state_registers(thread, 0, sizeof(words) / sizeof(words[0]), words);
}

uint64_t lmm_machine_unsigned(uint64_t word)
{
    return word;
}

/* mov $SYS_rt_sigreturn, %rax; syscall */
const unsigned char lmm_machine_signal_return[] = {0x48, 0xc7, 0xc0, 0x0f, 0x00,
                                                   0x00, 0x00, 0x0f, 0x05};
const size_t lmm_machine_signal_return_bytes = sizeof(lmm_machine_signal_return);
