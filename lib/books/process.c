/* SPDX-License-Identifier: MIT */
#include "lib/books/process.h"

#include "lib/ground/system.h"
#include "lib/ground/short_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Field of /proc/PID/stat: when the process started, in clock ticks since boot; proc(5). */
enum { STAT_START_TICKS = 22 };

/* Reads up to bytes - 1 of a file into buffer, which it ends with NUL; returns the length. */
static size_t read_text(const char *path, char *buffer, size_t bytes)
{
    size_t length = 0;
    int descriptor = lmm_system_open(path, O_RDONLY | O_CLOEXEC, 0);

    while (descriptor >= 0 && length < bytes - 1) {
        ssize_t got = lmm_system_read(descriptor, buffer + length, bytes - 1 - length);
        if (got == 0 || (got < 0 && got != -EINTR)) {
            break;
        }
        length += got < 0 ? 0 : (size_t) got;
    }
    if (descriptor >= 0) {
        lmm_system_close(descriptor);
    }
    buffer[length] = '\0';
    return length;
}

static uint64_t start_ticks(void)
{
    char stat[1024];

    read_text("/proc/self/stat", stat, sizeof(stat));
    /* The name, field 2, is in parentheses and may hold blanks and parentheses itself. */
    const char *at = strrchr(stat, ')');
    for (int field = 2; at != NULL && field < STAT_START_TICKS; field++) {
        at = strchr(at + 1, ' ');
    }
    return at == NULL ? 0 : lmm_short_text_number(at + 1);
}

static uint64_t pid_namespace(void)
{
    char link[64];

    lmm_system_readlink("/proc/self/ns/pid", link, sizeof(link));
    const char *bracket = strchr(link, '['); /* pid:[4026531836] */
    return bracket == NULL ? 0 : lmm_short_text_number(bracket + 1);
}

static void describe_executable(struct lmm_ledger_header *header)
{
    size_t bytes = sizeof(header->executable);

    if (lmm_system_readlink("/proc/self/exe", header->executable, bytes) == 0) {
        lmm_short_text_join(header->executable, bytes, LMM_TEXTS(program_invocation_name));
    }
}

/* The last argument always ends with a NUL, cut or not. */
static void describe_command(struct lmm_ledger_header *header)
{
    size_t length = read_text("/proc/self/cmdline", header->command, sizeof(header->command));

    if (length != 0 && header->command[length - 1] != '\0') {
        length++;
    }
    header->command_bytes = (uint32_t) length;
}

/* Looks at /proc/self/maps piece by piece; each piece begins with the end of the one before. */
bool lmm_process_has_mapped(const char *ending)
{
    char line_end[128];
    char piece[2048];
    size_t length = lmm_short_text_join(line_end, sizeof(line_end), LMM_TEXTS(ending, "\n"));
    size_t kept = 0;
    ssize_t got = 0;
    bool found = false;
    int descriptor = lmm_system_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);

    while (descriptor >= 0 && !found &&
           (got = lmm_system_read(descriptor, piece + kept, sizeof(piece) - kept)) > 0) {
        size_t bytes = kept + (size_t) got;
        found = memmem(piece, bytes, line_end, length) != NULL;
        kept = bytes < length - 1 ? bytes : length - 1;
        memmove(piece, piece + bytes - kept, kept);
    }
    if (descriptor >= 0) {
        lmm_system_close(descriptor);
    }
    return found;
}

void lmm_process_describe(struct lmm_ledger_header *header)
{
    header->pid = (uint32_t) lmm_system_getpid();
    header->parent_pid = (uint32_t) lmm_system_getppid();
    header->user = lmm_system_geteuid();
    header->system_page_bytes = LMM_SYSTEM_PAGE_BYTES;
    header->start_time_ns = lmm_system_time_ns();
    header->start_ticks = start_ticks();
    header->pid_namespace = pid_namespace();
    size_t length =
        read_text("/proc/sys/kernel/random/boot_id", header->boot_id, sizeof(header->boot_id));
    header->boot_id[length != 0 && header->boot_id[length - 1] == '\n' ? length - 1 : length] =
        '\0';
    describe_command(header);
    describe_executable(header);
}
