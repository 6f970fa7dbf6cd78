/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/process_stat.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int lmm_process_stat_open(uint32_t pid)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Fields 3 (state), 10 and 12 (faults), 20 (threads), 22 (start) and 24 (resident pages). They follow
 * the name, which may contain any byte. */
static bool parse(const char *text, struct lmm_process_stat *ret_stat)
{
    const char *name = strchr(text, '(');
    const char *rest = strrchr(text, ')');
    unsigned long long minor = 0;
    unsigned long long major = 0;
    unsigned long long start = 0;
    unsigned long long resident = 0;
    long threads = 0;
    char state = 0;

    if (name == NULL || rest == NULL ||
        sscanf(rest + 1,
               " %c %*s %*s %*s %*s %*s %*s %llu %*s %llu %*s %*s %*s %*s %*s %*s %*s %ld %*s %llu "
               "%*s %llu",
               &state, &minor, &major, &threads, &start, &resident) != 6) {
        return false;
    }
    *ret_stat = (struct lmm_process_stat) {
        .is_dead = (state == 'Z' || state == 'X') && threads <= 1,
        .start_ticks = start,
        .minor_faults = minor,
        .major_faults = major,
        .resident_bytes = resident * (uint64_t) sysconf(_SC_PAGESIZE),
    };
    snprintf(ret_stat->name, sizeof(ret_stat->name), "%.*s", (int) (rest - name - 1), name + 1);
    return true;
}

bool lmm_process_stat_read(int descriptor, struct lmm_process_stat *ret_stat)
{
    char text[2048];
    ssize_t bytes = pread(descriptor, text, sizeof(text) - 1, 0);

    if (bytes <= 0) {
        return false;
    }
    text[bytes] = '\0';
    return parse(text, ret_stat);
}
