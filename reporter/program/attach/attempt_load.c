/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/attempt.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "reporter/program/attach/safe_point.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/ledger_file.h"

enum { PATH_BYTES = 4096 + 64 };

/* ---- The library --------------------------------------------------------------------------------- */

/* Whether the process finds the same file at that path. */
static bool sees_library(const struct lmm_attempt *attempt)
{
    char path[PATH_BYTES];
    struct stat here;
    struct stat there;

    snprintf(path, sizeof(path), "/proc/%d/root%s", (int) attempt->tracee.pid, attempt->library);
    return stat(attempt->library, &here) == 0 && stat(path, &there) == 0 &&
           here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

static bool copy_file(int from, int to)
{
    static char buffer[1 << 16];
    ssize_t got;

    while ((got = read(from, buffer, sizeof(buffer))) > 0) {
        if (write(to, buffer, (size_t) got) != got) {
            return false;
        }
    }
    return got == 0;
}

/* Copies the library into a file without a name that the process has; its descriptor there, or -1. */
static int64_t lend_library(struct lmm_attempt *attempt)
{
    uint64_t name = lmm_remote_text(&attempt->remote, LMM_DROP_IN_NAME);
    const uint64_t arguments[6] = {name, MFD_CLOEXEC, 0, 0, 0, 0};
    int64_t descriptor = lmm_remote_system_call(&attempt->remote, SYS_memfd_create, arguments);
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/proc/%d/fd/%" PRId64, (int) attempt->tracee.pid, descriptor);
    int from = open(attempt->library, O_RDONLY | O_CLOEXEC);
    int to = descriptor < 0 ? -1 : open(path, O_WRONLY | O_CLOEXEC);
    bool done = from >= 0 && to >= 0 && copy_file(from, to);

    if (from >= 0) {
        close(from);
    }
    if (to >= 0) {
        close(to);
    }
    return done ? descriptor : -1;
}

/* Tells why dlopen failed, by dlerror. */
static bool refuse_by_loader(struct lmm_attempt *attempt)
{
    uint64_t function = lmm_safe_points_libc(attempt->points, "dlerror", NULL);
    uint64_t text = 0;
    char message[192] = "";

    if (function != 0 && lmm_remote_call(&attempt->remote, function, 0, 0, &text) && text != 0) {
        for (size_t i = 0; i < sizeof(message) - 1; i++) {
            if (!lmm_tracee_read(&attempt->tracee, text + i, &message[i], 1) || message[i] == 0) {
                message[i] = '\0';
                break;
            }
        }
    }
    return lmm_reason_set(attempt->reason, "its loader cannot load LMM: %s",
                          *message == '\0' ? "dlopen fails" : message);
}

/* Returns what dlopen returned: struct link_map, whose first field is the bias. */
static bool call_dlopen(struct lmm_attempt *attempt, const char *path, uint64_t *ret_module)
{
    static const char *const names[] = {"dlopen", "__libc_dlopen_mode"};
    uint64_t function = 0;

    for (size_t i = 0; i < 2 && function == 0; i++) {
        function = lmm_safe_points_libc(attempt->points, names[i], NULL);
    }
    if (function == 0) {
        return lmm_reason_set(attempt->reason, "its libc has no dlopen");
    }
    if (!lmm_remote_call(&attempt->remote, function, lmm_remote_text(&attempt->remote, path),
                         RTLD_NOW | RTLD_LOCAL, ret_module)) {
        return lmm_reason_set(attempt->reason, "dlopen did not return in it");
    }
    return *ret_module != 0 || refuse_by_loader(attempt);
}

static bool load_library(struct lmm_attempt *attempt, uint64_t *ret_bias)
{
    char path[PATH_BYTES];
    int64_t descriptor = -1;
    uint64_t module = 0;

    snprintf(path, sizeof(path), "%s", attempt->library);
    if (!sees_library(attempt)) {
        descriptor = lend_library(attempt);
        if (descriptor < 0) {
            return lmm_reason_set(attempt->reason, "it cannot see %s, nor take a copy of it",
                                  attempt->library);
        }
        snprintf(path, sizeof(path), "/proc/self/fd/%" PRId64, descriptor);
    }
    bool done = call_dlopen(attempt, path, &module);

    if (descriptor >= 0) {
        const uint64_t arguments[6] = {(uint64_t) descriptor, 0, 0, 0, 0, 0};
        lmm_remote_system_call(&attempt->remote, SYS_close, arguments);
    }
    return done && (lmm_tracee_read(&attempt->tracee, module, ret_bias, sizeof(*ret_bias)) ||
                    lmm_reason_set(attempt->reason, "its loader's list cannot be read"));
}

/* Finds the two symbols of the library. */
static bool find_library(struct lmm_attempt *attempt, uint64_t bias, uint64_t *ret_function)
{
    struct lmm_image_symbols image;

    if (!lmm_image_symbols_read(&attempt->tracee, bias, &image)) {
        return lmm_reason_set(attempt->reason, "LMM's library there cannot be read");
    }
    *ret_function = lmm_image_symbol(&image, LMM_ATTACH_CALL, NULL);
    attempt->exchange = lmm_image_symbol(&image, LMM_ATTACH_EXCHANGE, NULL);
    lmm_image_symbols_free(&image);
    return (*ret_function != 0 && attempt->exchange != 0 &&
            lmm_tracee_read(&attempt->tracee, attempt->exchange, &attempt->there,
                            sizeof(attempt->there)) &&
            attempt->there.version == LMM_ATTACH_VERSION &&
            attempt->there.bytes == sizeof(attempt->there)) ||
           lmm_reason_set(attempt->reason, "the library there is of another version of LMM");
}

bool lmm_attempt_load(struct lmm_attempt *attempt)
{
    struct lmm_attach_exchange *there = &attempt->there;
    const char *options = attempt->options;
    uint64_t bias = 0;
    uint64_t function = 0;
    uint64_t result = 1;

    if (!load_library(attempt, &bias) || !find_library(attempt, bias, &function)) {
        return false;
    }
    if (strlen(options) >= sizeof(there->options)) {
        return lmm_reason_set(attempt->reason, "the options are too long");
    }
    uint64_t at = attempt->exchange + offsetof(struct lmm_attach_exchange, options);

    if (!lmm_tracee_write(&attempt->tracee, at, options, strlen(options) + 1) ||
        !lmm_remote_call(&attempt->remote, function, 0, 0, &result) ||
        !lmm_tracee_read(&attempt->tracee, attempt->exchange, there, sizeof(*there))) {
        return lmm_reason_set(attempt->reason, attempt->remote.is_left
                                                   ? "LMM's start did not return in it"
                                                   : "LMM did not start in it");
    }
    there->message[sizeof(there->message) - 1] = '\0';
    return (int) result == 0 || lmm_reason_set(attempt->reason, "%s", there->message);
}
