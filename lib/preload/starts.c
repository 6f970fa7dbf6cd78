/* SPDX-License-Identifier: MIT */
#include "lib/preload/starts.h"

#include "lib/books/accounts.h"
#include "lib/books/chunks.h"
#include "lib/ground/options.h"
#include "lib/ground/panic.h"
#include "lib/ground/system.h"
#include "lib/ground/short_text.h"

#include "lib/preload/arrival.h"
#include "lib/preload/bare.h"
#include "lib/preload/unfit.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <lmm/lmm.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- The file -------------------------------------------------------------------------------- */

enum {
    LINE_BYTES = LMM_LEDGER_PATH_MAX + 64,
    FILE_BYTES_MAX = 64 << 20,
    FILE_BYTES_MAX_ALONE = 16 << 10, /* with children=0 */
};

static bool has_room(int file)
{
    struct stat facts;
    off_t most = lmm_options.leaves_children_alone ? FILE_BYTES_MAX_ALONE : FILE_BYTES_MAX;

    return lmm_system_fstat(file, &facts) == 0 && facts.st_size < most;
}

/* Writes the directory that a path starts from, and a slash, where it is not in the path itself; a name
 * without a slash is searched for. Returns the length. */
static size_t put_directory(char *text, size_t bytes, const char *path)
{
    if (path[0] == '/' || strchr(path, '/') == NULL) {
        return 0;
    }
    size_t length = lmm_system_getcwd(text, bytes - 1);
    text[length] = '/';
    return length + 1;
}

/* Returns the length of the line, which ends with a newline. */
static size_t write_line(char line[LINE_BYTES], char kind, uint32_t pid, uint64_t time_ns,
                         const char *path)
{
    struct lmm_short_text text = lmm_short_text_begin(line, LINE_BYTES);

    lmm_short_text_put(&text, (const char[]) {kind, ' ', '\0'});
    lmm_short_text_put_number(&text, pid);
    lmm_short_text_put(&text, " ");
    lmm_short_text_put_number(&text, time_ns);
    lmm_short_text_put(&text, " ");
    size_t length = text.length;
    length += put_directory(line + length, LINE_BYTES - length, path);
    size_t rest = strnlen(path, LINE_BYTES - length - 1);
    memcpy(line + length, path, rest);
    length += rest;
    for (size_t i = 0; i < length; i++) {
        line[i] = line[i] == '\n' ? '?' : line[i];
    }
    line[length] = '\n';
    return length + 1;
}

/* The file is opened anew each time: programs close descriptors that they do not know. */
static void add_line(char kind, uint32_t pid, uint64_t time_ns, const char *path)
{
    char line[LINE_BYTES];

    if (lmm_options.starts[0] == '\0') {
        return;
    }
    int file = lmm_system_open(lmm_options.starts, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0);
    if (file >= 0) {
        if (has_room(file)) {
            size_t length = write_line(line, kind, pid, time_ns, path);
            lmm_system_write(file, line, length);
        }
        lmm_system_close(file);
    }
}

/* ---- Fork and exec --------------------------------------------------------------------------- */

static void after_fork_in_child(void)
{
    add_line('f', (uint32_t) lmm_system_getpid(), lmm_system_time_ns(), "");
}

/* As late as possible: all handlers of fork run, in the order in which they were registered. In a process that LMM
 * came into later nobody asks which children it has; and a thread that forks may hold the lock of the handlers, while one of them
 * waits for the loader's, which this thread has. */
__attribute__((constructor(102))) static void watch_forks(void)
{
    if (!lmm_arrival_is_late() &&
        pthread_atfork(NULL, lmm_accounts_count_started, after_fork_in_child) != 0) {
        lmm_warn("no memory to count forks");
    }
}

/* Whether this process has another one's books: it was made by vfork, or by a system call. */
static bool is_guest(uint32_t pid)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();

    return header != NULL && header->pid != pid;
}

void lmm_starts_note_exec(const char *path)
{
    static uint32_t last_guest; /* atomic; it may call exec again after a failure */
    uint32_t pid = (uint32_t) lmm_system_getpid();

    if (is_guest(pid) && lmm_load_relaxed(&last_guest) != pid) {
        lmm_store_relaxed(&last_guest, pid);
        lmm_accounts_count_started();
    }
    add_line('x', pid, lmm_system_time_ns(), path);
}

void lmm_starts_note_exec_failed(void)
{
    add_line('!', (uint32_t) lmm_system_getpid(), lmm_system_time_ns(), "");
}

/* ---- libc's names ---------------------------------------------------------------------------- */

typedef int spawn(pid_t *ret_pid, const char *path, const posix_spawn_file_actions_t *actions,
                  const posix_spawnattr_t *attributes, char *const arguments[],
                  char *const variables[]);

static struct {
    spawn *posix_spawn;
    spawn *posix_spawnp;
    int (*system)(const char *command);
    FILE *(*popen)(const char *command, const char *mode);
} next;

static void find_next(void)
{
    if (next.popen == NULL) {
        *(void **) &next.posix_spawn = dlsym(RTLD_NEXT, "posix_spawn");
        *(void **) &next.posix_spawnp = dlsym(RTLD_NEXT, "posix_spawnp");
        *(void **) &next.system = dlsym(RTLD_NEXT, "system");
        *(void **) &next.popen = dlsym(RTLD_NEXT, "popen");
    }
}

__attribute__((constructor(102))) static void find_next_early(void)
{
    find_next();
}

/* The time is that before the start, so that it is before the program's own ledger. */
static int spawn_by(spawn *call, pid_t *ret_pid, const char *path,
                    const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                    char *const arguments[], char *const variables[])
{
    uint64_t time_ns = lmm_system_time_ns();
    bool is_bare = lmm_bare_has_lmm(variables) && lmm_unfit_path(path);
    struct lmm_bare bare = {.copy = NULL};
    pid_t pid = 0;
    int error = call(&pid, path, actions, attributes, arguments,
                     is_bare ? lmm_bare_make(variables, &bare) : variables);

    lmm_bare_free(&bare);
    if (error == 0) {
        lmm_accounts_count_started();
        add_line('s', (uint32_t) pid, time_ns, path);
    }
    if (error == 0 && ret_pid != NULL) {
        *ret_pid = pid;
    }
    return error;
}

LMM_API int posix_spawn(pid_t *ret_pid, const char *path, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const arguments[],
                        char *const variables[])
{
    find_next();
    return spawn_by(next.posix_spawn, ret_pid, path, actions, attributes, arguments, variables);
}

LMM_API int posix_spawnp(pid_t *ret_pid, const char *file,
                         const posix_spawn_file_actions_t *actions,
                         const posix_spawnattr_t *attributes, char *const arguments[],
                         char *const variables[])
{
    find_next();
    return spawn_by(next.posix_spawnp, ret_pid, file, actions, attributes, arguments, variables);
}

static void note_shell(void)
{
    lmm_accounts_count_started();
    add_line('c', 0, lmm_system_time_ns(), "sh");
}

/* These two are tail calls, so that no call of LMM is in the stack of what libc allocates there. */
LMM_API int system(const char *command)
{
    find_next();
    if (command != NULL) {
        note_shell();
    }
    return next.system(command);
}

LMM_API FILE *popen(const char *command, const char *mode)
{
    find_next();
    note_shell();
    return next.popen(command, mode);
}
