/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/ask.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <lmm/ledger.h>

#include "reporter/core/model.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/snapshot.h"

_Static_assert((int) LMM_LONG_ANSWER_BYTES <= (int) LMM_LONG_QUESTION_BYTES,
               "an answer takes the place of its question");

enum {
    TRIES = 500, /* to connect */
    PAUSE_MS = 10,
};

/* The process, by a descriptor that stays its own when its PID is used again; -1: none. */
static int open_process(const struct lmm_snapshot *snapshot, struct lmm_reason *reason)
{
    uint32_t pid = snapshot->header->pid;
    struct stat facts;

    if (snapshot->state != LMM_PROCESS_LIVE) {
        lmm_reason_set(reason, "process %" PRIu32 " is %s: only a live process can be asked", pid,
                       lmm_process_state_name(snapshot->state));
        return -1;
    }
    int process = (int) syscall(SYS_pidfd_open, (pid_t) pid, 0);
    if (process < 0 || fstat(process, &facts) != 0) {
        lmm_reason_set(reason, "process %" PRIu32 ": %s", pid, strerror(errno));
        return -1;
    }
    return process;
}

/* A mask of signals in /proc/PID/status; false: it cannot be read. */
static bool read_mask(uint32_t pid, const char *name, uint64_t *ret_mask)
{
    char path[64];
    char line[256];
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
        found = strncmp(line, name, strlen(name)) == 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    if (found) {
        *ret_mask = strtoull(line + strlen(name), NULL, 16);
    }
    return found;
}

/* Whether the process handles the signal that its ledger names. */
static bool handles_signal(const struct lmm_ledger_header *header, struct lmm_reason *reason)
{
    uint64_t handled;
    uint32_t number = header->check_signal;

    if (number == 0 || number > 64) {
        lmm_reason_set(reason,
                       "process %" PRIu32
                       " cannot be asked: LMM has no signal there (an older LMM, or "
                       "LMM_OPTIONS=signal=0)",
                       header->pid);
        return false;
    }
    if (!read_mask(header->pid, "SigCgt:", &handled) || (handled >> (number - 1) & 1) == 0) {
        lmm_reason_set(reason,
                       "process %" PRIu32 " cannot be asked: it uses signal %" PRIu32
                       " for itself; start it with LMM_OPTIONS=signal=N, another one",
                       header->pid, number);
        return false;
    }
    return true;
}

static bool wake(int process, uint32_t number)
{
    siginfo_t info = {.si_signo = (int) number, .si_code = SI_QUEUE};

    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = LMM_LEDGER_SIGNAL_VALUE;
    return syscall(SYS_pidfd_send_signal, process, (int) number, &info, 0) == 0;
}

/* Connects to the socket of that name, by its directory: a socket's path has at most 107 bytes. */
static int connect_once(int directory, const char *name, int flags)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int written = snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s",
                           directory, name);

    if (written < 0 || (size_t) written >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (connection >= 0 &&
        connect(connection, (struct sockaddr *) &address, sizeof(address)) != 0) {
        int error = errno;
        close(connection);
        errno = error;
        return -1;
    }
    return connection;
}

/* Whether the process has ended. */
static bool has_ended(int process)
{
    struct pollfd ended = {.fd = process, .events = POLLIN};

    return poll(&ended, 1, 0) == 1;
}

/* Removes the socket on which a process that has ended listened when it was killed. */
static void remove_stale(int directory, const char *socket_name)
{
    if (lmm_ask_socket_is_stale(directory, socket_name)) {
        unlinkat(directory, socket_name, 0);
    }
}

/* The signal is sent again: a thread that was about to end may not have seen it. */
static int connect_to(int process, int directory, const char *name, uint32_t number)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    char socket_name[NAME_MAX + 1];
    int connection = -1;

    snprintf(socket_name, sizeof(socket_name), "%s%s", name, LMM_LEDGER_SOCKET_SUFFIX);
    for (unsigned i = 0; i < TRIES && connection < 0 && !has_ended(process); i++) {
        if (i % 50 == 0 && !wake(process, number)) {
            return -1;
        }
        connection = connect_once(directory, socket_name, 0);
        if (connection < 0 && errno != ENOENT && errno != ECONNREFUSED) {
            return -1;
        }
        if (connection < 0) {
            errno = ETIMEDOUT;
            nanosleep(&pause, NULL);
        }
    }
    if (connection < 0 && has_ended(process)) {
        remove_stale(directory, socket_name);
        errno = ESRCH;
    }
    return connection;
}

/* Reads until the other end closes, without the last end of a line. False: there was no whole line. */
static bool read_answer(int connection, char *text, size_t room)
{
    size_t length = 0;

    while (length < room - 1) {
        ssize_t got = read(connection, text + length, room - 1 - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        length += (size_t) got;
    }
    bool is_whole = length > 0 && text[length - 1] == '\n';
    text[is_whole ? length - 1 : length] = '\0';
    return is_whole;
}

static bool exchange(int connection, const char *question, uint32_t pid, char *ret_answer,
                     size_t room, struct lmm_reason *reason)
{
    static _Thread_local char line[LMM_LONG_QUESTION_BYTES]; /* then the answer */
    int written = snprintf(line, sizeof(line), "%s\n", question);

    assert(written > 0 && (size_t) written < sizeof(line));
    if (send(connection, line, (size_t) written, MSG_NOSIGNAL) != written ||
        !read_answer(connection, line, room)) {
        lmm_reason_set(reason, "process %" PRIu32 " ended before it answered", pid);
        return false;
    }
    if (strncmp(line, "ok", 2) == 0) {
        memmove(ret_answer, line + 2 + (line[2] == ' '), strlen(line + 2 + (line[2] == ' ')) + 1);
        return true;
    }
    char *end = line;
    int error = strncmp(line, "error ", 6) == 0 ? (int) strtol(line + 6, &end, 10) : EPROTO;
    lmm_reason_set(reason, "process %" PRIu32 " answers:%s (%s)", pid, end, strerror(error));
    return false;
}

static void name_silence(const struct lmm_ledger_header *header, struct lmm_reason *reason)
{
    uint64_t blocked = 0;
    int error = errno;

    read_mask(header->pid, "SigBlk:", &blocked);
    bool blocks = (blocked >> (header->check_signal - 1) & 1) != 0;
    lmm_reason_set(
        reason, "process %" PRIu32 " does not answer: %s", header->pid,
        error != ETIMEDOUT ? strerror(error)
        : blocks           ? "it blocks the signal by which LMM asks"
                 : "it is stopped, cannot start a thread, or cannot reach the directory of its "
                   "ledger any more");
}

/* Opens the ledger's directory; *ret_name is the ledger's name there. */
static int open_directory(const char *path, const char **ret_name, struct lmm_reason *reason)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t) (slash - path) + 1);
    int directory = folder == NULL ? -1 : open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

    *ret_name = slash == NULL ? path : slash + 1;
    if (directory < 0) {
        lmm_reason_set(reason, "%s: %s", path, strerror(errno));
    }
    free(folder);
    return directory;
}

bool lmm_ask_try(const char *path, const struct lmm_snapshot *snapshot, const char *question,
                 char ret_answer[LMM_ANSWER_BYTES], struct lmm_reason *ret_reason)
{
    return lmm_ask_long(path, snapshot, question, ret_answer, LMM_ANSWER_BYTES, ret_reason);
}

bool lmm_ask_long(const char *path, const struct lmm_snapshot *snapshot, const char *question,
                  char *ret_answer, size_t room, struct lmm_reason *ret_reason)
{
    const struct lmm_ledger_header *header = snapshot->header;
    const char *name;
    bool done = false;
    int process = open_process(snapshot, ret_reason);

    assert(room <= LMM_LONG_ANSWER_BYTES);

    if (process < 0) {
        return false;
    }
    int directory =
        handles_signal(header, ret_reason) ? open_directory(path, &name, ret_reason) : -1;
    if (directory >= 0) {
        int connection = connect_to(process, directory, name, header->check_signal);
        if (connection < 0) {
            name_silence(header, ret_reason);
        } else {
            done = exchange(connection, question, header->pid, ret_answer, room, ret_reason);
            close(connection);
        }
        close(directory);
    }
    close(process);
    return done;
}

bool lmm_ask(const char *path, const struct lmm_snapshot *snapshot, const char *question,
             char ret_answer[LMM_ANSWER_BYTES])
{
    struct lmm_reason reason;
    bool done = lmm_ask_try(path, snapshot, question, ret_answer, &reason);

    if (!done) {
        lmm_complain("%s", reason.text);
    }
    return done;
}

bool lmm_ask_socket_is_stale(int directory, const char *name)
{
    static const char end[] = LMM_LEDGER_SUFFIX LMM_LEDGER_SOCKET_SUFFIX;
    size_t digits = strspn(name, "0123456789.");

    if (digits < 2 || strcmp(name + digits - 1, end) != 0) { /* the last dot is the suffix's */
        return false;
    }
    int connection = connect_once(directory, name, SOCK_NONBLOCK);
    int error = errno;

    if (connection >= 0) {
        close(connection);
    }
    return connection < 0 && error == ECONNREFUSED;
}
