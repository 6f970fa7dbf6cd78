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

/* Opens a temporary file in the directory of the file that path names, links followed. Returns 0 or
 * -errno. */
static int open_temporary(struct lmm_output *output, const char *path, mode_t mode)
{
    output->target = realpath(path, NULL);
    if (output->target == NULL) {
        output->target = strdup(path);
    }
    output->temporary = output->target == NULL ? NULL : template_beside(output->target);
    if (output->temporary == NULL) {
        return -ENOMEM;
    }
    output->descriptor = mkostemp(output->temporary, O_CLOEXEC);
    if (output->descriptor < 0) {
        return -errno;
    }
    return fchmod(output->descriptor, mode & ~current_umask()) == 0 ? 0 : -errno;
}

/* Returns 0 or -errno. */
static int open_path(struct lmm_output *output, const char *path, mode_t mode)
{
    struct stat status;

    if (stat(path, &status) != 0 || S_ISREG(status.st_mode)) {
        return open_temporary(output, path, mode);
    }
    output->descriptor = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    return output->descriptor < 0 ? -errno : 0;
}

static void start(struct lmm_output *output, const char *path, int descriptor)
{
    output->descriptor = descriptor;
    output->path = path;
    output->target = NULL;
    output->temporary = NULL;
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

/* Returns 0, or -errno of the first failure. */
static int settle(struct lmm_output *output)
{
    int error = lmm_sink_flush(&output->sink);

    assert(output->descriptor >= 0);
    assert((output->target == NULL) == (output->temporary == NULL));
    if (output->path == NULL) {
        return error;
    }
    if (close(output->descriptor) != 0 && error == 0) {
        error = -errno;
    }
    output->descriptor = -1;
    if (error == 0 && output->target != NULL && rename(output->temporary, output->target) != 0) {
        error = -errno;
    }
    return error;
}

int lmm_output_close(struct lmm_output *output)
{
    int error = settle(output);

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
