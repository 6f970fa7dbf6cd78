/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/tracee.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "reporter/program/base/array.h"
#include "reporter/program/ledger/ledger_file.h"

enum { PATH_BYTES = 64 };

static const uint64_t LOOK_NS = UINT64_C(5000000);

/* ---- Memory ---------------------------------------------------------------------------------- */

bool lmm_tracee_read(const struct lmm_tracee *tracee, uint64_t address, void *ret_bytes,
                     size_t count)
{
    return pread(tracee->memory, ret_bytes, count, (off_t) address) == (ssize_t) count;
}

bool lmm_tracee_write(const struct lmm_tracee *tracee, uint64_t address, const void *bytes,
                      size_t count)
{
    return pwrite(tracee->memory, bytes, count, (off_t) address) == (ssize_t) count;
}

/* Where its first module is mapped, which stays there; 0: unknown. */
static uint64_t find_place(pid_t pid)
{
    char path[PATH_BYTES];
    uint64_t address = 0;

    snprintf(path, sizeof(path), "/proc/%d/maps", (int) pid);
    FILE *file = fopen(path, "re");

    if (file != NULL) {
        if (fscanf(file, "%" SCNx64, &address) != 1) {
            address = 0;
        }
        fclose(file);
    }
    return address;
}

bool lmm_tracee_is_there(const struct lmm_tracee *tracee)
{
    char byte;

    return lmm_tracee_read(tracee, tracee->some_place, &byte, 1);
}

bool lmm_tracee_open(pid_t pid, struct lmm_tracee *ret_tracee, struct lmm_reason *ret_reason)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/proc/%d/mem", (int) pid);
    *ret_tracee = (struct lmm_tracee) {
        .pid = pid, .memory = open(path, O_RDWR | O_CLOEXEC), .some_place = find_place(pid)};
    return ret_tracee->memory >= 0 ||
           lmm_reason_set(ret_reason, "its memory cannot be opened: %s", strerror(errno));
}

void lmm_tracee_close(struct lmm_tracee *tracee)
{
    lmm_tracee_release(tracee, 0);
    free(tracee->threads);
    tracee->threads = NULL;
    if (tracee->memory >= 0) {
        close(tracee->memory);
    }
    tracee->memory = -1;
}

/* ---- Stopping -------------------------------------------------------------------------------- */

struct lmm_thread *lmm_tracee_thread(struct lmm_tracee *tracee, pid_t id)
{
    for (size_t i = 0; i < tracee->count; i++) {
        if (tracee->threads[i].id == id) {
            return &tracee->threads[i];
        }
    }
    return NULL;
}

void lmm_tracee_forget(struct lmm_tracee *tracee, struct lmm_thread *thread)
{
    *thread = tracee->threads[--tracee->count];
}

/* Begins to trace a thread, and to stop it. False and *ret_reason; true also when it has ended. */
static bool take_thread(struct lmm_tracee *tracee, pid_t id, struct lmm_reason *ret_reason)
{
    if (ptrace(PTRACE_SEIZE, id, NULL, NULL) != 0) {
        int error = errno;

        return error == ESRCH || lmm_thread_is_zombie(tracee->pid, id) ||
               lmm_reason_set(ret_reason, "thread %d cannot be traced: %s", (int) id,
                              strerror(error));
    }
    struct lmm_thread *thread =
        lmm_array_add(&tracee->threads, &tracee->count, sizeof(*tracee->threads));

    if (thread == NULL) {
        ptrace(PTRACE_DETACH, id, NULL, NULL);
        return lmm_reason_set(ret_reason, "out of memory");
    }
    thread->id = id;
    lmm_thread_tell_to_stop(tracee->pid, thread);
    return true;
}

/* Takes the threads that are not in the list. Returns how many; -1 and *ret_reason. */
static int take_new_threads(struct lmm_tracee *tracee, struct lmm_reason *ret_reason)
{
    char path[PATH_BYTES];
    int taken = 0;
    bool done = true;

    snprintf(path, sizeof(path), "/proc/%d/task", (int) tracee->pid);
    DIR *folder = opendir(path);

    if (folder == NULL) {
        lmm_reason_set(ret_reason, "it has ended");
        return -1;
    }
    for (struct dirent *entry; done && (entry = readdir(folder)) != NULL;) {
        pid_t id = (pid_t) strtol(entry->d_name, NULL, 10);

        if (id > 0 && lmm_tracee_thread(tracee, id) == NULL) {
            size_t before = tracee->count;

            done = take_thread(tracee, id, ret_reason);
            taken += tracee->count > before;
        }
    }
    closedir(folder);
    return done ? taken : -1;
}

/* Forgets those that were killed while they stood still. */
static void forget_killed(struct lmm_tracee *tracee)
{
    for (size_t i = 0; i < tracee->count;) {
        struct lmm_thread *thread = &tracee->threads[i];

        if (thread->is_stopped && lmm_thread_has_ended(thread->id)) {
            lmm_tracee_forget(tracee, thread);
        } else {
            i++;
        }
    }
}

/* The first that does not stand still; NULL: all do. */
static struct lmm_thread *find_running(struct lmm_tracee *tracee)
{
    for (size_t i = 0; i < tracee->count; i++) {
        if (!tracee->threads[i].is_stopped) {
            return &tracee->threads[i];
        }
    }
    return NULL;
}

/* Waits for all that do not stand still yet. A thread that executes another program waits for those that were killed. */
static bool wait_for_all(struct lmm_tracee *tracee, uint64_t deadline_ns,
                         struct lmm_reason *ret_reason)
{
    struct lmm_thread *thread;

    while ((thread = find_running(tracee)) != NULL) {
        int result = lmm_thread_wait(tracee->pid, thread, lmm_tracee_now() + LOOK_NS);

        if (result < 0 && lmm_tracee_now() > deadline_ns) {
            return lmm_reason_set(ret_reason, "thread %d does not stop", (int) thread->id);
        }
        if (result == 0) {
            lmm_tracee_forget(tracee, thread);
        }
        if (result < 0) {
            forget_killed(tracee);
        }
    }
    return true;
}

bool lmm_tracee_stop(struct lmm_tracee *tracee, uint64_t deadline_ns, pid_t keep,
                     struct lmm_reason *ret_reason)
{
    int taken = 1;
    bool done = true;

    while (done && taken > 0) {
        taken = take_new_threads(tracee, ret_reason);
        done = taken >= 0 && wait_for_all(tracee, deadline_ns, ret_reason);
        if (done && taken > 0 && lmm_tracee_now() > deadline_ns) {
            done = lmm_reason_set(ret_reason, "it starts threads faster than they can be stopped");
        }
    }
    if (!done) {
        lmm_tracee_release(tracee, keep);
    }
    return done;
}

/* ---- Letting go ------------------------------------------------------------------------------ */

bool lmm_tracee_release(struct lmm_tracee *tracee, pid_t keep)
{
    uint64_t deadline_ns = lmm_tracee_now() + LMM_TRACEE_GRACE_NS;
    size_t kept = 0;
    size_t left = 0;

    for (size_t i = 0; i < tracee->count; i++) {
        struct lmm_thread *thread = &tracee->threads[i];
        bool keeps = thread->id == keep;

        if (keeps || !lmm_thread_release(tracee->pid, thread, deadline_ns)) {
            left += !keeps;
            tracee->threads[kept++] = *thread;
        }
    }
    tracee->count = kept;
    return left == 0;
}
