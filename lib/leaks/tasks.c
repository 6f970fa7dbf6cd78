/* SPDX-License-Identifier: MIT */
#include "lib/leaks/tasks.h"

#include "lib/ground/system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum {
    NAMES_BYTES = 4096,
    PATH_BYTES = 64,
    TEXT_BYTES = 4096,
    OWN_LINKS = 2, /* of a directory without directories in it */
};

/* The number that a name is; 0: it is none. */
static int number_of(const char *name)
{
    int number = 0;

    for (; *name >= '0' && *name <= '9' && number < INT32_MAX / 10 - 1; name++) {
        number = 10 * number + (*name - '0');
    }
    return *name == '\0' ? number : 0;
}

static ssize_t visit_names(int directory, void (*visit)(int thread, void *arg), void *arg)
{
    char names[NAMES_BYTES] __attribute__((aligned(8)));
    ssize_t visited = 0;
    ssize_t bytes;

    while ((bytes = lmm_system_getdents(directory, names, sizeof(names))) > 0) {
        for (ssize_t at = 0; at < bytes;) {
            const struct dirent *entry = (const struct dirent *) (const void *) (names + at);
            int thread = number_of(entry->d_name);
            if (thread != 0) {
                visit(thread, arg);
                visited++;
            }
            at += entry->d_reclen;
        }
    }
    return bytes < 0 ? bytes : visited;
}

/* The kernel finds its place in the list by the thread that it stands at, or else by how many it has
 * listed. So when one that it has listed ends, it may skip one that lives, or stop there. The directory
 * has a link for each thread. They are counted before the listing: a count after it lacks the thread
 * that ended, as the listing lacks the one that was skipped, and the two would agree. */
int lmm_tasks_for_each(void (*visit)(int thread, void *arg), void *arg)
{
    int directory = lmm_system_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    struct stat facts = {0};

    if (directory < 0) {
        return directory;
    }
    int result = lmm_system_fstat(directory, &facts);
    ssize_t visited = result < 0 ? result : visit_names(directory, visit, arg);
    lmm_system_close(directory);
    if (visited < 0) {
        return (int) visited;
    }
    return (size_t) visited + OWN_LINKS == facts.st_nlink ? 0 : 1;
}

/* Reads the start of a thread's file into text, ended by NUL; its length or -errno. */
static ssize_t read_file(int thread, const char *name, char text[TEXT_BYTES])
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/proc/self/task/%d/%s", thread, name);
    int file = lmm_system_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0) {
        return file;
    }
    ssize_t length = lmm_system_read(file, text, TEXT_BYTES - 1);
    lmm_system_close(file);
    text[length < 0 ? 0 : length] = '\0';
    return length;
}

/* Reads a hexadecimal or decimal number, and moves *at past it and the blank after it. */
static uint64_t read_number(const char **at)
{
    bool is_hex = (*at)[0] == '0' && (*at)[1] == 'x';
    uint64_t base = is_hex ? 16 : 10;
    uint64_t value = 0;

    for (*at += is_hex ? 2 : 0; **at != '\0' && **at != ' ' && **at != '\n'; ++*at) {
        uint64_t digit = (uint64_t) (**at <= '9' ? **at - '0' : **at - 'a' + 10);
        value = value * base + digit;
    }
    *at += **at == ' ';
    return value;
}

/* The file has the number of the call, six arguments, the stack pointer and the program counter; or
 * "running"; or -1 and the last two outside a call. */
static void read_call(int thread, long *ret_call, uintptr_t *ret_sp)
{
    enum { ARGUMENTS = 6 };
    char text[TEXT_BYTES];
    const char *at = text;

    if (read_file(thread, "syscall", text) <= 0 ||
        (text[0] != '-' && (text[0] < '0' || text[0] > '9'))) {
        return;
    }
    if (text[0] == '-') {
        at += text[2] == ' ' ? 3 : 2;
    } else {
        *ret_call = (long) read_number(&at);
        for (int i = 0; i < ARGUMENTS; i++) {
            read_number(&at);
        }
    }
    *ret_sp = read_number(&at);
}

static bool is_vfork(long call)
{
#ifdef SYS_vfork
    if (call == SYS_vfork) {
        return true;
    }
#endif
    return call == SYS_clone || call == SYS_clone3;
}

/* What stands after the word at the start of a line, or NULL. */
static const char *find_value(const char *text, const char *word)
{
    const char *found = strstr(text, word);

    return found == NULL ? NULL : found + strlen(word);
}

static bool is_blocked(const char *status, int signal_number)
{
    const char *digits = find_value(status, "\nSigBlk:\t");
    uint64_t blocked = digits == NULL ? UINT64_MAX : 0;

    for (; digits != NULL && *digits != '\n' && *digits != '\0'; digits++) {
        blocked = blocked << 4 | (uint64_t) (*digits <= '9' ? *digits - '0' : *digits - 'a' + 10);
    }
    return (blocked >> (signal_number - 1) & 1) != 0;
}

/* The kernel escapes line ends in a thread's name. */
enum lmm_task_state lmm_tasks_look(int thread, int signal_number, uintptr_t *ret_sp)
{
    char text[TEXT_BYTES];
    ssize_t length = read_file(thread, "status", text);
    const char *state = length <= 0 ? NULL : find_value(text, "\nState:\t");

    *ret_sp = 0;
    if (length == -ENOENT || length == -ESRCH ||
        (state != NULL && (*state == 'Z' || *state == 'X'))) {
        return LMM_TASK_GONE;
    }
    long call = -1;
    read_call(thread, &call, ret_sp);
    if (state == NULL || *state == 'T' || *state == 't') { /* by a debugger, or SIGSTOP */
        return LMM_TASK_BLOCKED;
    }
    if (*state == 'D') {
        return is_vfork(call) ? LMM_TASK_LENT : LMM_TASK_BUSY;
    }
    if (is_blocked(text, signal_number)) {
        return *state == 'R' ? LMM_TASK_BUSY : LMM_TASK_BLOCKED;
    }
    return LMM_TASK_OPEN;
}

bool lmm_tasks_may_be_swapped(void)
{
    char text[TEXT_BYTES];
    ssize_t length = read_file(lmm_system_gettid(), "status", text);
    const char *kib = length <= 0 ? NULL : find_value(text, "\nVmSwap:");

    while (kib != NULL && (*kib == ' ' || *kib == '\t')) {
        kib++;
    }
    return kib == NULL || *kib != '0';
}
