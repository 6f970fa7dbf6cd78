/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/attachable.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/attach/machine.h"
#include "reporter/program/attach/target_map.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/running.h"

enum { TEXT_BYTES = 4096, SECCOMP_FILTER = 2, SECCOMP_STRICT = 1 };

/* ---- /proc/PID/status ------------------------------------------------------------------------ */

static void read_text(const char *path, char text[TEXT_BYTES])
{
    FILE *file = fopen(path, "re");
    size_t bytes = file == NULL ? 0 : fread(text, 1, TEXT_BYTES - 1, file);

    text[bytes] = '\0';
    if (file != NULL) {
        fclose(file);
    }
}

/* The number after a key; 0: it is not there. */
static long number_of(const char *status, const char *key)
{
    const char *at = strstr(status, key);

    return at == NULL ? 0 : strtol(at + strlen(key), NULL, 10);
}

/* The first letter after the key; 0: it is not there. */
static char state_of(const char *status)
{
    const char *at = strstr(status, "\nState:");

    return at == NULL ? '\0'
                      : at[sizeof("\nState:") - 1 + strspn(at + sizeof("\nState:") - 1, " \t")];
}

static bool check_status(pid_t pid, const char *status, bool tries_seccomp,
                         struct lmm_reason *ret_reason)
{
    long seccomp = number_of(status, "\nSeccomp:");
    char state = state_of(status);

    if (*status == '\0') {
        return lmm_reason_set(ret_reason, "there is no such process");
    }
    if (pid == getpid()) {
        return lmm_reason_set(ret_reason, "it is this program");
    }
    if (state == 'Z' || state == 'X') {
        return lmm_reason_set(ret_reason,
                              number_of(status, "\nThreads:") > 1
                                  ? "its first thread has ended, so nothing can be read of it"
                                  : "it has ended");
    }
    if (state == 'T') {
        return lmm_reason_set(ret_reason, "it is stopped; let it go on first (kill -CONT)");
    }
    if (strstr(status, "\nVmSize:") == NULL) {
        return lmm_reason_set(ret_reason, "it is a thread of the kernel");
    }
    if (number_of(status, "\nTracerPid:") != 0) {
        return lmm_reason_set(ret_reason, "process %ld traces it already (a debugger?)",
                              number_of(status, "\nTracerPid:"));
    }
    if (seccomp == SECCOMP_STRICT || (seccomp == SECCOMP_FILTER && !tries_seccomp)) {
        return lmm_reason_set(
            ret_reason, "it filters its system calls (seccomp), and a call of LMM might end it; "
                        "--seccomp tries nevertheless");
    }
    return true;
}

/* ---- Rights ---------------------------------------------------------------------------------- */

/* Why its memory cannot be opened: the usual causes, most likely first. */
static bool explain_denied(const char *status, uid_t owner, int error,
                           struct lmm_reason *ret_reason)
{
    char text[TEXT_BYTES];

    read_text("/proc/sys/kernel/yama/ptrace_scope", text);
    if (geteuid() != 0 && (long) geteuid() != number_of(status, "\nUid:")) {
        return lmm_reason_set(ret_reason,
                              "it belongs to another user (needs root, or CAP_SYS_PTRACE)");
    }
    if (geteuid() != 0 && owner == 0) {
        return lmm_reason_set(ret_reason,
                              "it is not dumpable, since it changed its rights (needs root, or "
                              "CAP_SYS_PTRACE)");
    }
    if (strtol(text, NULL, 10) > 0) {
        return lmm_reason_set(ret_reason,
                              "ptrace is restricted: kernel.yama.ptrace_scope is %ld (sysctl -w "
                              "kernel.yama.ptrace_scope=0, or CAP_SYS_PTRACE)",
                              strtol(text, NULL, 10));
    }
    return lmm_reason_set(ret_reason, "ptrace is not allowed: %s (needs CAP_SYS_PTRACE)",
                          strerror(error));
}

static bool check_rights(pid_t pid, const char *status, struct lmm_reason *ret_reason)
{
    char path[64];
    struct stat facts = {.st_uid = 0};

    snprintf(path, sizeof(path), "/proc/%d/mem", (int) pid);
    int file = open(path, O_RDWR | O_CLOEXEC);

    if (file < 0) {
        int error = errno;

        snprintf(path, sizeof(path), "/proc/%d", (int) pid);
        stat(path, &facts);
        return explain_denied(status, facts.st_uid, error, ret_reason);
    }
    close(file);
    return true;
}

/* ---- The program ----------------------------------------------------------------------------- */

static bool is_of_this_machine(pid_t pid)
{
    unsigned char head[EI_NIDENT + 4] = {0};
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/exe", (int) pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool is_one = file >= 0 && read(file, head, sizeof(head)) == (ssize_t) sizeof(head) &&
                  head[EI_CLASS] == ELFCLASS64 &&
                  (head[EI_NIDENT + 2] | head[EI_NIDENT + 3] << 8) == (int) lmm_machine_elf;

    if (file >= 0) {
        close(file);
    }
    return is_one;
}

/* What its modules are called. */
struct modules {
    bool has_loader;
    bool has_glibc;
    bool has_musl;
    bool has_lmm; /* the typed library */
    bool has_sanitizer;
};

static bool starts(const char *name, const char *start)
{
    return strncmp(name, start, strlen(start)) == 0;
}

static struct modules look_at_modules(const struct lmm_target_map *map)
{
    struct modules found = {.has_loader = false};

    for (size_t i = 0; i < map->count; i++) {
        const char *name = map->mappings[i].is_file ? lmm_running_last(map->mappings[i].path) : "";

        found.has_musl = found.has_musl || starts(name, "ld-musl") || starts(name, "libc.musl");
        found.has_loader = found.has_loader || starts(name, "ld-") || starts(name, "ld.so");
        found.has_glibc = found.has_glibc || starts(name, "libc.so.6") || starts(name, "libc-2.");
        found.has_lmm = found.has_lmm || starts(name, "liblmm.so");
        found.has_sanitizer = found.has_sanitizer || starts(name, "libasan.so") ||
                              starts(name, "libtsan.so") || starts(name, "liblsan.so");
    }
    return found;
}

static bool check_modules(pid_t pid, struct lmm_reason *ret_reason)
{
    struct lmm_target_map map;

    if (!lmm_target_map_read(pid, &map)) {
        return lmm_reason_set(ret_reason, "its memory map cannot be read");
    }
    struct modules found = look_at_modules(&map);

    lmm_target_map_free(&map);
    if (!is_of_this_machine(pid)) {
        return lmm_reason_set(ret_reason, "it is not an %s program", lmm_machine_name);
    }
    if (found.has_musl) {
        return lmm_reason_set(ret_reason, "its C library is musl; LMM needs glibc");
    }
    if (!found.has_glibc) {
        return lmm_reason_set(ret_reason, found.has_loader ? "its C library is not glibc"
                                                           : "it is statically linked");
    }
    if (found.has_sanitizer) {
        return lmm_reason_set(ret_reason, "it has a sanitizer, whose malloc cannot be replaced");
    }
    return !found.has_lmm ||
           lmm_reason_set(ret_reason, "it uses liblmm, which counts its blocks already");
}

bool lmm_attachable(pid_t pid, bool tries_seccomp, struct lmm_reason *ret_reason)
{
    char path[64];
    char status[TEXT_BYTES];

    snprintf(path, sizeof(path), "/proc/%d/status", (int) pid);
    read_text(path, status);
    return check_status(pid, status, tries_seccomp, ret_reason) &&
           check_rights(pid, status, ret_reason) && check_modules(pid, ret_reason);
}
