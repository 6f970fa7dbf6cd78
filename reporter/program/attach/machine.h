/* SPDX-License-Identifier: MIT */
/*
 * machine: what differs between x86-64 and AArch64 in a stopped thread's registers: calls that it is made to make, and system calls that its
 * stop has interrupted. One file for each: machine_x86.c, machine_aarch64.c.
 *
 * Stateless.
 */
#ifndef LMM_PROGRAM_MACHINE_H
#define LMM_PROGRAM_MACHINE_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct lmm_thread;
struct lmm_tracee;

/* What programs for this machine are called, and their e_machine of ELF. */
extern const char lmm_machine_name[];
extern const unsigned lmm_machine_elf;

/* The set of registers (NT_...) that functions may change, beside those of user_regs_struct. */
extern const unsigned lmm_machine_float_set;

/* The processor's counter of time, which a program can read, too. */
uint64_t lmm_machine_ticks(void);

/* ---- Registers ------------------------------------------------------------------------------- */

uint64_t lmm_machine_pc(const struct user_regs_struct *registers);
void lmm_machine_set_pc(struct user_regs_struct *registers, uint64_t pc);
uint64_t lmm_machine_sp(const struct user_regs_struct *registers);

/* Makes them as they are at a call: no system call is started again, no string is copied downwards. */
void lmm_machine_clean(struct user_regs_struct *registers);

/* Prepares a call of a function of two arguments. stack_end: the end of a stack, at a multiple of 64, of which bytes may be written. False: they
 * cannot. */
bool lmm_machine_prepare_call(const struct lmm_tracee *tracee, uint64_t function,
                              uint64_t stack_end, uint64_t return_address,
                              const uint64_t arguments[2], struct user_regs_struct *registers);

/* Prepares a system call, by an instruction at `place`. */
void lmm_machine_prepare_system_call(uint64_t place, uint64_t number, const uint64_t arguments[6],
                                     struct user_regs_struct *registers);

/* Results: of a function that has returned to the code of remote_frame.h, and of a system call. */
uint64_t lmm_machine_result(const struct user_regs_struct *registers);
int64_t lmm_machine_system_result(const struct user_regs_struct *registers);

/* ---- System calls that a stop has interrupted -------------------------------------------------- */

/* Notes what of a thread that waits in a system call cannot be read any more once it is stopped. */
void lmm_machine_note_call(pid_t pid, struct lmm_thread *thread);

/* Whether a stopped thread's system call, for which it would have waited on, starts again when the thread goes on, or has ended with EINTR
 * because of the stop. */
bool lmm_machine_is_waiting(const struct lmm_thread *thread,
                            const struct user_regs_struct *registers);

/* Whether the call has ended with EINTR because of the stop, and has done nothing. */
bool lmm_machine_was_in_call(const struct lmm_thread *thread,
                             const struct user_regs_struct *registers);

/* Changes registers to those before the instruction of that call. */
void lmm_machine_put_before_call(const struct lmm_thread *thread,
                                 struct user_regs_struct *registers);

/* The registers with which the thread can go on without the kernel's own record of the call that was interrupted. */
struct user_regs_struct lmm_machine_resumed(const struct lmm_thread *thread,
                                            const struct user_regs_struct *registers);

/* ---- Stacks ------------------------------------------------------------------------------------ */

/* Gives the registers to elfutils. */
bool lmm_machine_give(Dwfl_Thread *thread, const struct user_regs_struct *registers);

/* A return address without what the processor has signed it with; other words stay as they are. */
uint64_t lmm_machine_unsigned(uint64_t word);

/* What a handler of a signal returns to, in the code of libc or of the kernel. */
extern const unsigned char lmm_machine_signal_return[];
extern const size_t lmm_machine_signal_return_bytes;

#endif
