/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/output.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/base/program.h"
#include "reporter/program/base/target.h"

enum {
    ALL_MODES = 07777,
    COPY_BYTES = 4096,
};

int lmm_output_to_descriptor(void *context, const char *data, size_t bytes)
{
    int descriptor = *(const int *) context;

    while (bytes > 0) {
        ssize_t written = write(descriptor, data, bytes);

        if (written < 0 && errno != EINTR) {
            return -errno;
        }
        data += written > 0 ? written : 0;
        bytes -= written > 0 ? (size_t) written : 0;
    }
    return 0;
}

static const char *name_of(const struct lmm_output *output)
{
    if (output->path != NULL) {
        return output->path;
    }
    return output->descriptor == STDERR_FILENO ? "standard error" : "standard output";
}

/* Returns a template for mkostemp() in the directory of target, to be freed; or NULL. */
static char *template_beside(const char *target)
{
    assert(target != NULL && *target != '\0');
    const char *slash = strrchr(target, '/');
    int folder = slash == NULL ? 0 : (int) (slash + 1 - target);
    char *name = NULL;

    return asprintf(&name, "%.*s.lmm-XXXXXX", folder, target) < 0 ? NULL : name;
}

static mode_t current_umask(void)
{
    mode_t mask = umask(0);

    umask(mask);
    return mask;
}

/* Gives the temporary file the owner and mode of the file that it will replace. Where that is not
 * allowed, it stays private, and the old file must be writable. Returns 0 or -errno. */
static int take_over(struct lmm_output *output, const struct stat *old)
{
    struct stat status;

    if (fstat(output->descriptor, &status) != 0) {
        return -errno;
    }
    bool is_same = status.st_uid == old->st_uid && status.st_gid == old->st_gid;

    if (is_same || fchown(output->descriptor, old->st_uid, old->st_gid) == 0) {
        return fchmod(output->descriptor, old->st_mode & ALL_MODES) == 0 ? 0 : -errno;
    }
    output->overwrites = true;
    return access(output->target, W_OK) == 0 ? 0 : -errno;
}

/* Opens a temporary file beside the target. old: the file that is there; NULL: none. Returns 0 or
 * -errno. */
static int open_temporary(struct lmm_output *output, const struct stat *old, mode_t mode)
{
    output->temporary = template_beside(output->target);
    if (output->temporary == NULL) {
        return -ENOMEM;
    }
    output->descriptor = mkostemp(output->temporary, O_CLOEXEC);
    if (output->descriptor < 0) {
        int error = errno;

        free(output->temporary); /* there is no file to remove */
        output->temporary = NULL;
        return -error;
    }
    if (old != NULL) {
        return take_over(output, old);
    }
    return fchmod(output->descriptor, mode & ~current_umask()) == 0 ? 0 : -errno;
}

/* Returns 0 or -errno. */
static int open_path(struct lmm_output *output, const char *path, mode_t mode)
{
    int number = lmm_target_descriptor(path);
    struct stat status;

    if (number >= 0) {
        output->descriptor = fcntl(number, F_DUPFD_CLOEXEC, 0);
        return output->descriptor < 0 ? -errno : 0;
    }
    output->target = lmm_target_of(path);
    if (output->target == NULL) {
        return -errno;
    }
    bool is_there = stat(path, &status) == 0;

    if (!is_there || S_ISREG(status.st_mode)) {
        return open_temporary(output, is_there ? &status : NULL, mode);
    }
    free(output->target);
    output->target = NULL;
    output->descriptor = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    return output->descriptor < 0 ? -errno : 0;
}

static void start(struct lmm_output *output, const char *path, int descriptor)
{
    output->descriptor = descriptor;
    output->path = path;
    output->target = NULL;
    output->temporary = NULL;
    output->overwrites = false;
    lmm_sink_init(&output->sink, lmm_output_to_descriptor, &output->descriptor);
}

static bool names_stdout(const char *path)
{
    return path == NULL || strcmp(path, "-") == 0;
}

void lmm_output_open_stderr(struct lmm_output *output)
{
    start(output, NULL, STDERR_FILENO);
}

/* Only a regular file is opened: the reader of a FIFO would see its end. */
bool lmm_output_can_open(const char *path)
{
    struct lmm_output output;
    struct stat status;

    if (names_stdout(path)) {
        return true;
    }
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode)) {
        bool can = lmm_output_open(&output, path, 0600);

        if (can) {
            lmm_output_abandon(&output);
        }
        return can;
    }
    int error = S_ISDIR(status.st_mode) ? EISDIR : access(path, W_OK) == 0 ? 0 : errno;

    if (error != 0) {
        lmm_complain("%s: %s", path, strerror(error));
    }
    return error == 0;
}

bool lmm_output_open(struct lmm_output *output, const char *path, mode_t mode)
{
    bool is_stdout = names_stdout(path);

    start(output, is_stdout ? NULL : path, STDOUT_FILENO);
    if (is_stdout && path != NULL) {
        lmm_complain("-o - will name a file; use -o /dev/stdout for standard output");
    }
    if (!is_stdout) {
        output->descriptor = -1;
    }
    int error = is_stdout ? 0 : open_path(output, path, mode);

    if (error != 0) {
        lmm_complain("%s: %s", path, strerror(-error));
        lmm_output_abandon(output);
    }
    return error == 0;
}

bool lmm_output_is_terminal(const struct lmm_output *output)
{
    return isatty(output->descriptor) != 0;
}

bool lmm_output_has_colour(const struct lmm_output *output)
{
    const char *terminal = getenv("TERM");
    const char *no_colour = getenv("NO_COLOR");

    return lmm_output_is_terminal(output) && (no_colour == NULL || *no_colour == '\0') &&
           terminal != NULL && strcmp(terminal, "dumb") != 0;
}

void lmm_output_skip(struct lmm_output *output, size_t bytes)
{
    static const char zeros[COPY_BYTES];
    if (bytes == 0) {
        return;
    }
    int error = output->target == NULL ? 0 : lmm_sink_flush(&output->sink);

    if (output->target != NULL && error == 0) {
        off_t end = lseek(output->descriptor, (off_t) bytes, SEEK_CUR);

        if (end < 0 || ftruncate(output->descriptor, end) != 0) {
            output->sink.error = -errno;
        }
        return;
    }
    for (size_t put = 0; put < bytes; put += sizeof(zeros)) {
        lmm_sink_write(&output->sink, zeros,
                       bytes - put < sizeof(zeros) ? bytes - put : sizeof(zeros));
    }
}

/* Copies the temporary file over the target. Returns 0 or -errno. */
static int overwrite(struct lmm_output *output)
{
    int target = open(output->target, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    int error = target < 0 ? -errno : 0;
    char part[COPY_BYTES];
    ssize_t got = 1;

    for (off_t at = 0; error == 0 && got > 0; at += got) {
        got = pread(output->descriptor, part, sizeof(part), at);
        error = got < 0 ? -errno : lmm_output_to_descriptor(&target, part, (size_t) got);
    }
    if (target >= 0 && close(target) != 0 && error == 0) {
        error = -errno;
    }
    if (error == 0) {
        unlink(output->temporary);
    }
    return error;
}

/* Returns 0, or -errno of the first failure. */
static int settle(struct lmm_output *output)
{
    int error = lmm_sink_flush(&output->sink);

    assert(output->descriptor >= 0);
    assert((output->target == NULL) == (output->temporary == NULL));
    if (output->path == NULL) {
        return error;
    }
    if (error == 0 && output->overwrites) {
        error = overwrite(output);
    }
    if (close(output->descriptor) != 0 && error == 0) {
        error = -errno;
    }
    output->descriptor = -1;
    if (error == 0 && output->target != NULL && !output->overwrites &&
        rename(output->temporary, output->target) != 0) {
        error = -errno;
    }
    return error;
}

int lmm_output_close(struct lmm_output *output)
{
    int error = settle(output);

    if (error == -EPIPE) {
        lmm_output_abandon(output);
        return LMM_EXIT_DONE;
    }
    if (error != 0) {
        lmm_complain("%s: %s", name_of(output), strerror(-error));
        lmm_output_abandon(output);
        return LMM_EXIT_FAILED;
    }
    free(output->target);
    free(output->temporary);
    return LMM_EXIT_DONE;
}

void lmm_output_abandon(struct lmm_output *output)
{
    if (output->path != NULL && output->descriptor >= 0) {
        close(output->descriptor);
    }
    if (output->temporary != NULL) {
        unlink(output->temporary);
    }
    free(output->target);
    free(output->temporary);
}
