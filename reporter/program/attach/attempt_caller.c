/* SPDX-License-Identifier: MIT */
/*
 * attempt_caller: finds a thread that calls malloc, where no thread waits: for some milliseconds the entry of malloc leads to code of ours, the
 * room, in which callers wait in a system call; one of them is stopped there, and put back to the entry.
 *
 * Nothing in the process depends on this one afterwards, also when this one is killed: callers wait for WAIT_MS at most, and from a
 * moment on, by the processor's counter of time, they pass at once. The room stays where it is, in bytes that no module uses:
 * a thread may be in it when it is closed.
 */
#include "reporter/program/attach/attempt.h"

#include <string.h>
#include <sys/syscall.h>

#include "reporter/program/attach/safe_point.h"
#include "reporter/program/ledger/ledger_file.h"

enum { WAIT_MS = 100, FIRST_PAUSE_US = 500, SAVED = 6 };

static const uint64_t OPEN_NS = UINT64_C(200000000);
static const uint64_t PASS_NS = UINT64_C(400000000); /* after the room was opened */

/* What the room does at first: keeps the registers that a system call changes, and those of arguments. */
static const unsigned char room_start[] = {
    0x50, 0x51, 0x52, 0x56, 0x57, 0x41, 0x53, /* push %rax, %rcx, %rdx, %rsi, %rdi, %r11 */
    0x0f, 0x31,                               /* rdtsc */
    0x48, 0xc1, 0xe2, 0x20,                   /* shl $32, %rdx */
    0x48, 0x09, 0xd0,                         /* or %rdx, %rax */
    0x48, 0xb9,                               /* mov the time, %rcx */
};
static const unsigned char room_wait[] = {
    0x48, 0x39,     0xc8,       /* cmp %rcx, %rax */
    0x73, 0x10,                 /* jae after the system call */
    0xb8, SYS_poll, 0,    0, 0, /* mov $SYS_poll, %eax */
    0x31, 0xff,                 /* xor %edi, %edi */
    0x31, 0xf6,                 /* xor %esi, %esi */
    0xba, WAIT_MS,  0,    0, 0, /* mov $WAIT_MS, %edx */
    0x0f, 0x05,                 /* syscall */
};
static const unsigned char room_end[] = {
    0x41, 0x5b, 0x5f, 0x5e, 0x5a, 0x59, 0x58, /* pop %r11, %rdi, %rsi, %rdx, %rcx, %rax */
    0xff, 0x25, 0,    0,    0,    0,          /* jmp to the address after it */
};

enum {
    TIME_OFFSET = sizeof(room_start),
    WAIT_OFFSET = TIME_OFFSET + sizeof(uint64_t),
    WAITING_OFFSET = WAIT_OFFSET + sizeof(room_wait), /* where a thread stands that waits */
    TARGET_OFFSET = WAITING_OFFSET + sizeof(room_end),
    ROOM_BYTES = TARGET_OFFSET + sizeof(uint64_t),
};

/* ---- The room -------------------------------------------------------------------------------- */

/* When callers do not wait any more, as the processor counts. The process's processors count as this one's. */
static uint64_t time_to_pass(const struct lmm_attempt *attempt)
{
    uint64_t ticks = __builtin_ia32_rdtsc();
    double elapsed = (double) (lmm_tracee_now() - attempt->begun_ns);
    double rate = (double) (ticks - attempt->begun_ticks) / elapsed;

    return ticks + (uint64_t) (rate * (double) PASS_NS);
}

static bool write_room(struct lmm_attempt *attempt, const struct lmm_entry *entry)
{
    unsigned char code[ROOM_BYTES];
    uint64_t time = time_to_pass(attempt);

    memcpy(code, room_start, sizeof(room_start));
    memcpy(code + TIME_OFFSET, &time, sizeof(time));
    memcpy(code + WAIT_OFFSET, room_wait, sizeof(room_wait));
    memcpy(code + WAITING_OFFSET, room_end, sizeof(room_end));
    memcpy(code + TARGET_OFFSET, &entry->original, sizeof(entry->original));
    return lmm_tracee_write(&attempt->tracee, attempt->room, entry->island,
                            LMM_ENTRY_ISLAND_BYTES) &&
           lmm_tracee_write(&attempt->tracee, attempt->room + LMM_ENTRY_ISLAND_BYTES, code,
                            sizeof(code));
}

/* Leads malloc's entry there. False: it cannot be done, or a thread is in the way now. */
static bool open_room(struct lmm_attempt *attempt, struct lmm_entry *entry, unsigned char *before)
{
    uint64_t address = lmm_safe_points_malloc(attempt->points);
    const struct lmm_spare wanted = {
        .is_code = true, .bytes = LMM_ENTRY_ISLAND_BYTES + ROOM_BYTES, .align = 1, .near = address};

    if (attempt->room == 0 && address != 0) {
        attempt->room = lmm_target_map_spare(&attempt->tracee, &attempt->map, &wanted);
    }
    return attempt->room != 0 &&
           lmm_attempt_plan(attempt, address, attempt->room, attempt->room + LMM_ENTRY_ISLAND_BYTES,
                            entry) == NULL &&
           lmm_attempt_is_clear(attempt, entry, 1) &&
           lmm_tracee_read(&attempt->tracee, entry->address, before, LMM_ENTRY_PATCH_BYTES) &&
           write_room(attempt, entry) &&
           lmm_tracee_write(&attempt->tracee, entry->address, entry->patch, LMM_ENTRY_PATCH_BYTES);
}

/* ---- Callers --------------------------------------------------------------------------------- */

/* Puts a thread that waits in the room back to the function's entry, as it came. False: it does not wait there. */
static bool take_out(const struct lmm_attempt *attempt, pid_t thread,
                     struct user_regs_struct *ret_registers)
{
    struct user_regs_struct *now = ret_registers;
    uint64_t saved[SAVED];

    if (!lmm_thread_get(thread, now) ||
        now->rip != attempt->room + LMM_ENTRY_ISLAND_BYTES + WAITING_OFFSET ||
        !lmm_tracee_read(&attempt->tracee, now->rsp, saved, sizeof(saved))) {
        return false;
    }
    now->r11 = saved[0];
    now->rdi = saved[1];
    now->rsi = saved[2];
    now->rdx = saved[3];
    now->rcx = saved[4];
    now->rax = saved[5];
    now->orig_rax = ~0ull;
    now->rsp += sizeof(saved);
    now->rip = lmm_safe_points_malloc(attempt->points);
    return lmm_thread_set(thread, now);
}

/* The first caller from a safe place; all others pass. 0: there is none. */
static pid_t take_callers(const struct lmm_attempt *attempt, const struct lmm_entry *entry)
{
    pid_t found = 0;

    for (size_t i = 0; i < attempt->tracee.count; i++) {
        const struct lmm_thread *thread = &attempt->tracee.threads[i];
        struct user_regs_struct registers;

        if (!take_out(attempt, thread->id, &registers)) {
            continue;
        }
        if (found == 0 && thread->is_interrupted && !thread->is_held &&
            lmm_safe_points_is_safe(attempt->points, thread->id)) {
            found = thread->id;
        } else {
            registers.rip = entry->original;
            lmm_thread_set(thread->id, &registers);
        }
    }
    return found;
}

bool lmm_attempt_find_caller(struct lmm_attempt *attempt)
{
    unsigned char before[LMM_ENTRY_PATCH_BYTES];
    struct lmm_entry entry;
    uint64_t until = lmm_tracee_now() + OPEN_NS;
    unsigned pause_us = FIRST_PAUSE_US;

    if (!open_room(attempt, &entry, before)) {
        return true;
    }
    while (attempt->thread == 0 && lmm_tracee_now() < until && !lmm_attempt_is_over(attempt)) {
        lmm_tracee_release(&attempt->tracee, 0);
        lmm_tracee_pause(pause_us);
        pause_us *= 2;
        if (!lmm_tracee_stop(&attempt->tracee, lmm_tracee_now() + LMM_ATTEMPT_STOP_NS, 0,
                             attempt->reason)) {
            return false;
        }
        attempt->thread = take_callers(attempt, &entry);
    }
    return lmm_tracee_write(&attempt->tracee, entry.address, before, sizeof(before)) ||
           lmm_reason_set(attempt->reason, "its code cannot be written");
}
