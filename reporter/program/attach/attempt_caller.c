/* SPDX-License-Identifier: MIT */
/*
 * attempt_caller: finds a thread that calls malloc, where no thread waits: for some milliseconds the entry of malloc leads to code of ours, the
 * room, in which callers wait in a system call; one of them is stopped there, and put back to the entry.
 *
 * Nothing in the process depends on this one afterwards, also when this one is killed: callers wait for WAIT_MS at most, and from a
 * moment on, by the processor's counter of time, they pass at once (room.h). The room stays where it is, in bytes that no module uses:
 * a thread may be in it when it is closed.
 */
#include "reporter/program/attach/attempt.h"

#include "reporter/program/attach/machine.h"
#include "reporter/program/attach/room.h"
#include "reporter/program/attach/safe_point.h"
#include "reporter/program/ledger/ledger_file.h"

enum { FIRST_PAUSE_US = 500 };

static const uint64_t OPEN_NS = UINT64_C(200000000);
static const uint64_t PASS_NS = UINT64_C(400000000); /* after the room was opened */

/* ---- The room -------------------------------------------------------------------------------- */

/* When callers do not wait any more, as the processor counts. The process's processors count as this one's. */
static uint64_t time_to_pass(const struct lmm_attempt *attempt)
{
    uint64_t ticks = lmm_machine_ticks();
    double elapsed = (double) (lmm_tracee_now() - attempt->begun_ns);
    double rate = (double) (ticks - attempt->begun_ticks) / elapsed;

    return ticks + (uint64_t) (rate * (double) PASS_NS);
}

static bool write_room(struct lmm_attempt *attempt, const struct lmm_entry *entry)
{
    unsigned char code[LMM_ROOM_BYTES_MAX];

    lmm_room_make(time_to_pass(attempt), entry->original, code);
    return lmm_tracee_write(&attempt->tracee, attempt->room, entry->island,
                            LMM_ENTRY_ISLAND_BYTES) &&
           lmm_tracee_write(&attempt->tracee, attempt->room + LMM_ENTRY_ISLAND_BYTES, code,
                            lmm_room_bytes);
}

/* Leads malloc's entry there. False: it cannot be done, or a thread is in the way now. */
static bool open_room(struct lmm_attempt *attempt, struct lmm_entry *entry, unsigned char *before)
{
    uint64_t address = lmm_safe_points_malloc(attempt->points);
    const struct lmm_spare wanted = {.is_code = true,
                                     .bytes = LMM_ENTRY_ISLAND_BYTES + lmm_room_bytes,
                                     .align = lmm_room_align,
                                     .near = address};

    if (attempt->room == 0 && address != 0) {
        attempt->room = lmm_target_map_spare(&attempt->tracee, &attempt->map, &wanted);
    }
    return attempt->room != 0 &&
           lmm_attempt_plan(attempt, address, attempt->room, attempt->room + LMM_ENTRY_ISLAND_BYTES,
                            entry) == NULL &&
           lmm_attempt_is_clear(attempt, entry, 1) &&
           lmm_tracee_read(&attempt->tracee, entry->address, before, entry->patch_bytes) &&
           write_room(attempt, entry) &&
           lmm_tracee_write(&attempt->tracee, entry->address, entry->patch, entry->patch_bytes);
}

/* ---- Callers --------------------------------------------------------------------------------- */

/* Puts a thread that waits in the room back to the function's entry, as it came. False: it does not wait there. */
static bool take_out(const struct lmm_attempt *attempt, pid_t thread,
                     struct user_regs_struct *ret_registers)
{
    if (!lmm_thread_get(thread, ret_registers) ||
        !lmm_room_take_out(&attempt->tracee, attempt->room + LMM_ENTRY_ISLAND_BYTES,
                           ret_registers)) {
        return false;
    }
    lmm_machine_set_pc(ret_registers, lmm_safe_points_malloc(attempt->points));
    return lmm_thread_set(thread, ret_registers);
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
            lmm_machine_set_pc(&registers, entry->original);
            lmm_thread_set(thread->id, &registers);
        }
    }
    return found;
}

bool lmm_attempt_find_caller(struct lmm_attempt *attempt)
{
    unsigned char before[LMM_ENTRY_PATCH_MAX];
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
    return lmm_tracee_write(&attempt->tracee, entry.address, before, entry.patch_bytes) ||
           lmm_reason_set(attempt->reason, "its code cannot be written");
}
