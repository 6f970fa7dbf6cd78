/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/kept_files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/base/array.h"

struct item {
    char *path; /* NULL: any */
    int descriptor;
    dev_t device;
    ino_t inode;
};

struct lmm_kept_files {
    struct item *items;
    size_t count;
    size_t most;
};

struct lmm_kept_files *lmm_kept_files_new(void)
{
    struct lmm_kept_files *kept = calloc(1, sizeof(*kept));
    struct rlimit limit;

    if (kept != NULL) {
        bool is_known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;

        kept->most = is_known ? (size_t) limit.rlim_cur / 2 : 512;
    }
    return kept;
}

static bool has(const struct lmm_kept_files *kept, const char *path, const struct stat *status)
{
    for (size_t i = 0; i < kept->count; i++) {
        const struct item *item = &kept->items[i];

        bool is_path =
            path == NULL || item->path == NULL ? path == item->path : strcmp(item->path, path) == 0;

        if (item->device == status->st_dev && item->inode == status->st_ino && is_path) {
            return true;
        }
    }
    return false;
}

bool lmm_kept_files_add(struct lmm_kept_files *kept, const char *path, const char *source)
{
    struct stat status;

    if (kept->count >= kept->most || stat(source, &status) != 0 || !S_ISREG(status.st_mode) ||
        has(kept, path, &status)) {
        return false;
    }
    char *name = path == NULL ? NULL : strdup(path);
    bool is_named = path == NULL || name != NULL;
    int descriptor = is_named ? open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    struct item *added = NULL;

    /* Again: another file may have taken its place. */
    if (descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
        added = lmm_array_add(&kept->items, &kept->count, sizeof(*added));
    }
    if (added != NULL) {
        *added = (struct item) {name, descriptor, status.st_dev, status.st_ino};
        return true;
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
    free(name);
    return false;
}

int lmm_kept_files_open(const struct lmm_kept_files *kept, const char *path, bool with_any,
                        size_t index)
{
    for (size_t i = 0; kept != NULL && i < kept->count; i++) {
        const char *name = kept->items[i].path;

        if ((name == NULL ? with_any : strcmp(name, path) == 0) && index-- == 0) {
            return fcntl(kept->items[i].descriptor, F_DUPFD_CLOEXEC, 0);
        }
    }
    return -1;
}

void lmm_kept_files_free(struct lmm_kept_files *kept)
{
    for (size_t i = 0; kept != NULL && i < kept->count; i++) {
        close(kept->items[i].descriptor);
        free(kept->items[i].path);
    }
    if (kept != NULL) {
        free(kept->items);
        free(kept);
    }
}
