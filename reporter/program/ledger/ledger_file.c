/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/ledger_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/core/books.h"

bool lmm_reason_set(struct lmm_reason *reason, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(reason->text, sizeof(reason->text), format, args);
    va_end(args);
    return false;
}

/* A writer stores the magic last, so a header without it may be incomplete. */
static bool has_no_magic(const struct lmm_ledger_header *header)
{
    static const char none[sizeof(header->magic)];

    return memcmp(header->magic, none, sizeof(none)) == 0;
}

bool lmm_ledger_file_check(const struct lmm_ledger_header *header, uint64_t bytes_there,
                           struct lmm_reason *ret_reason)
{
    switch (lmm_books_check_header(header)) {
    case 0: break;
    case -ENOTSUP:
        return lmm_reason_set(
            ret_reason, "a ledger of version %" PRIu32 "; this lmm reads %d to %d: use %s one",
            header->version, (int) LMM_LEDGER_VERSION_MIN, (int) LMM_LEDGER_VERSION,
            header->version > LMM_LEDGER_VERSION ? "a newer" : "an older");
    case -EBADMSG: return lmm_reason_set(ret_reason, "a damaged ledger: inconsistent header");
    default:
        return lmm_reason_set(ret_reason, has_no_magic(header)
                                              ? "not a ledger, or one that is still being created"
                                              : "not a ledger");
    }
    if (header->file_bytes < sizeof(*header) || header->file_bytes > LMM_LEDGER_FILE_MAX ||
        header->file_bytes % sizeof(struct lmm_ledger_chunk) != 0) {
        return lmm_reason_set(ret_reason,
                              "a damaged ledger: its header gives a size of %" PRIu64 " bytes",
                              header->file_bytes);
    }
    if (header->file_bytes > bytes_there) {
        return lmm_reason_set(ret_reason, "a truncated ledger: %" PRIu64 " of %" PRIu64 " bytes",
                              bytes_there, header->file_bytes);
    }
    return true;
}

/* Reads the header as far as the file goes; the rest of *header is zero. Returns the bytes read, or
 * -1. */
static ssize_t read_header(int descriptor, struct lmm_ledger_header *header)
{
    size_t done = 0;

    memset(header, 0, sizeof(*header));
    while (done < sizeof(*header)) {
        ssize_t got =
            pread(descriptor, (char *) header + done, sizeof(*header) - done, (off_t) done);

        if (got < 0 && errno != EINTR) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        done += got > 0 ? (size_t) got : 0;
    }
    return (ssize_t) done;
}

static bool check_kind(mode_t mode, struct lmm_reason *ret_reason)
{
    if (S_ISDIR(mode)) {
        return lmm_reason_set(ret_reason, "a directory, not a ledger");
    }
    return S_ISREG(mode) || lmm_reason_set(ret_reason, "not a regular file");
}

static bool examine(struct lmm_ledger_file *file, struct lmm_reason *ret_reason)
{
    struct stat status;

    if (fstat(file->descriptor, &status) != 0) {
        return lmm_reason_set(ret_reason, "%s", strerror(errno));
    }
    if (!check_kind(status.st_mode, ret_reason)) {
        return false;
    }
    ssize_t got = read_header(file->descriptor, &file->header);

    if (got < 0) {
        return lmm_reason_set(ret_reason, "%s", strerror(errno));
    }
    if (got == 0) {
        return lmm_reason_set(ret_reason, "an empty file, not a ledger");
    }
    bool ours = memcmp(file->header.magic, LMM_LEDGER_MAGIC, sizeof(file->header.magic)) == 0;

    if ((size_t) got < sizeof(file->header) && ours) {
        return lmm_reason_set(ret_reason, "a truncated ledger: %zd bytes, shorter than its header",
                              got);
    }
    /* The size is read again: the file may have grown before the header was read. */
    if (fstat(file->descriptor, &status) != 0) {
        return lmm_reason_set(ret_reason, "%s", strerror(errno));
    }
    file->device = status.st_dev;
    file->inode = status.st_ino;
    file->bytes = file->header.file_bytes;
    return lmm_ledger_file_check(&file->header, (uint64_t) status.st_size, ret_reason);
}

bool lmm_ledger_file_open(const char *path, struct lmm_ledger_file *ret_file,
                          struct lmm_reason *ret_reason)
{
    ret_file->descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (ret_file->descriptor < 0) {
        return lmm_reason_set(ret_reason, "%s", strerror(errno));
    }
    if (!examine(ret_file, ret_reason)) {
        lmm_ledger_file_close(ret_file);
        return false;
    }
    return true;
}

bool lmm_ledger_file_has_suffix(const char *name)
{
    size_t bytes = strlen(name);
    size_t suffix = strlen(LMM_LEDGER_SUFFIX);

    return bytes > suffix && strcmp(name + bytes - suffix, LMM_LEDGER_SUFFIX) == 0;
}

bool lmm_ledger_file_has_own_name(const char *path, const struct lmm_ledger_header *header)
{
    const char *slash = strrchr(path, '/');
    char name[128]; /* three numbers */

    snprintf(name, sizeof(name), "%" PRIu32 ".%" PRIu64 ".%" PRIu64 LMM_LEDGER_SUFFIX, header->pid,
             header->start_ticks, header->pid_namespace);
    return strcmp(slash == NULL ? path : slash + 1, name) == 0;
}

bool lmm_ledger_file_is_draft(const char *name)
{
    static const char end[] = LMM_LEDGER_SUFFIX ".new";
    size_t digits = *name == '.' ? strspn(name + 1, "0123456789.") : 0;
    const char *rest = name + 1 + digits - (digits > 0); /* the last dot is the suffix's */

    return digits > 1 && strcmp(rest, end) == 0;
}

void lmm_ledger_file_close(struct lmm_ledger_file *file)
{
    assert(file->descriptor >= 0);
    close(file->descriptor);
    file->descriptor = -1;
}
