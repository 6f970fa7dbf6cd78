/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/liveness.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <lmm/ledger.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/process_stat.h"

/* What /proc/PID/stat tells. */
struct facts {
    bool found;
    struct lmm_process_stat stat;
};

/* Reads a small file; text ends with a NUL. Returns false when it cannot be read. */
static bool read_small(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return false;
    }
    size_t bytes = fread(text, 1, size - 1, file);
    bool read = !ferror(file) && bytes > 0;

    fclose(file);
    text[bytes] = '\0';
    return read;
}

static struct facts facts_of(uint32_t pid)
{
    struct facts facts = {.found = false, .stat = {.is_dead = true}};
    int file = lmm_process_stat_open(pid);

    if (file >= 0) {
        facts.found = lmm_process_stat_read(file, &facts.stat);
        close(file);
    }
    return facts;
}

bool lmm_process_is_of_another_boot(const struct lmm_ledger_header *header)
{
    char boot_id[LMM_LEDGER_BOOT_ID_MAX];

    if (header->boot_id[0] == '\0' ||
        !read_small("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id))) {
        return false;
    }
    boot_id[strcspn(boot_id, "\n")] = '\0';
    return strcmp(boot_id, header->boot_id) != 0;
}

bool lmm_process_is_of_another_namespace(const struct lmm_ledger_header *header)
{
    struct stat status;

    return header->pid_namespace != 0 && stat("/proc/self/ns/pid", &status) == 0 &&
           status.st_ino != header->pid_namespace;
}

/* Some file systems show another device here than stat() does; then the name decides. */
static bool names_ledger(const char *line, uint64_t device, uint64_t inode)
{
    unsigned major_number = 0;
    unsigned minor_number = 0;
    unsigned long long number = 0;

    if (sscanf(line, "%*s %*s %*s %x:%x %llu", &major_number, &minor_number, &number) != 3 ||
        number != inode) {
        return false;
    }
    return makedev(major_number, minor_number) == device || strstr(line, LMM_LEDGER_SUFFIX) != NULL;
}

enum mapped { MAPPED, NOT_MAPPED, NOT_READABLE };

/* Whether a process has the file mapped, by /proc/PID/maps. */
static enum mapped has_mapped(uint32_t pid, uint64_t device, uint64_t inode)
{
    enum mapped mapped = NOT_MAPPED;
    char *line = NULL;
    size_t room = 0;
    size_t lines = 0;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return NOT_READABLE;
    }
    while (mapped == NOT_MAPPED && getline(&line, &room, file) > 0) {
        lines++;
        mapped = names_ledger(line, device, inode) ? MAPPED : NOT_MAPPED;
    }
    free(line);
    fclose(file);
    return lines == 0 ? NOT_READABLE : mapped;
}

static bool is_owner(const struct facts *facts, const struct lmm_ledger_header *header)
{
    return facts->found && !facts->stat.is_dead &&
           (header->start_ticks == 0 || facts->stat.start_ticks == header->start_ticks);
}

/* Returns the state of a process that no longer runs and did not close its ledger. */
static enum lmm_process_state ended(const struct lmm_ledger_header *header)
{
    return header->state == LMM_LEDGER_LOST ? LMM_PROCESS_LOST_ENDED : LMM_PROCESS_KILLED;
}

/* Returns the state of a process that may run. */
static enum lmm_process_state examine(const struct lmm_ledger_header *header, uint64_t device,
                                      uint64_t inode)
{
    struct facts facts = facts_of(header->pid);

    if (!facts.found && (kill((pid_t) header->pid, 0) == 0 || errno == EPERM)) {
        return LMM_PROCESS_UNKNOWN;
    }
    if (!is_owner(&facts, header)) {
        return ended(header);
    }
    if (header->state == LMM_LEDGER_LOST) {
        return LMM_PROCESS_LOST;
    }
    enum mapped mapped = has_mapped(header->pid, device, inode);

    if (mapped == NOT_READABLE && header->start_ticks == 0) {
        return LMM_PROCESS_UNKNOWN;
    }
    if (mapped != NOT_MAPPED) {
        return LMM_PROCESS_LIVE;
    }
    facts = facts_of(header->pid); /* it may have ended while its mappings were read */
    if (!is_owner(&facts, header) || header->start_ticks == 0) {
        return ended(header);
    }
    return LMM_PROCESS_REPLACED;
}

enum lmm_process_state lmm_process_state(const struct lmm_ledger_header *header, uint64_t device,
                                         uint64_t inode)
{
    if (header->snapshot_time_ns != 0) {
        return LMM_PROCESS_SNAPSHOT;
    }
    if (header->state == LMM_LEDGER_EXITED) {
        return LMM_PROCESS_EXITED;
    }
    if (header->pid == 0 || header->pid > INT32_MAX) {
        return ended(header);
    }
    if (lmm_process_is_of_another_boot(header) || lmm_process_is_of_another_namespace(header)) {
        return LMM_PROCESS_UNKNOWN;
    }
    return examine(header, device, inode);
}

bool lmm_process_pid_is_reused(const struct lmm_ledger_header *header)
{
    if (header->start_ticks == 0 || lmm_process_is_of_another_namespace(header)) {
        return false;
    }
    struct facts facts = facts_of(header->pid);

    return facts.found && !facts.stat.is_dead &&
           (facts.stat.start_ticks != header->start_ticks ||
            lmm_process_is_of_another_boot(header));
}

bool lmm_process_runs(enum lmm_process_state state)
{
    return state == LMM_PROCESS_LIVE || state == LMM_PROCESS_LOST || state == LMM_PROCESS_UNKNOWN;
}

bool lmm_process_is_since(uint32_t pid, uint64_t time_ns)
{
    struct facts facts = facts_of(pid);
    uint64_t boot_ns = lmm_clock_ns(CLOCK_REALTIME) - lmm_clock_ns(CLOCK_BOOTTIME);
    uint64_t tick_ns = LMM_NS_PER_SECOND / (uint64_t) sysconf(_SC_CLK_TCK);

    return facts.found && !facts.stat.is_dead &&
           boot_ns + facts.stat.start_ticks * tick_ns <= time_ns + tick_ns;
}

const char *lmm_process_state_name(enum lmm_process_state state)
{
    static const char *const names[] = {
        [LMM_PROCESS_LIVE] = "live",         [LMM_PROCESS_LOST] = "lost",
        [LMM_PROCESS_EXITED] = "exited",     [LMM_PROCESS_KILLED] = "killed",
        [LMM_PROCESS_REPLACED] = "replaced", [LMM_PROCESS_SNAPSHOT] = "snapshot",
        [LMM_PROCESS_UNKNOWN] = "unknown",   [LMM_PROCESS_LOST_ENDED] = "lost, ended",
    };

    assert((size_t) state < sizeof(names) / sizeof(names[0]));
    return names[state];
}
