/* SPDX-License-Identifier: MIT */
#include "lib/ground/libc.h"

#include <errno.h>

/* The words of glibc. */
static const struct {
    int error;
    const char *text;
} texts[] = {
    {EPERM, "Operation not permitted"},
    {ENOENT, "No such file or directory"},
    {EINTR, "Interrupted system call"},
    {EIO, "Input/output error"},
    {EBADF, "Bad file descriptor"},
    {EAGAIN, "Resource temporarily unavailable"},
    {ENOMEM, "Cannot allocate memory"},
    {EACCES, "Permission denied"},
    {EEXIST, "File exists"},
    {ENOTDIR, "Not a directory"},
    {EISDIR, "Is a directory"},
    {EINVAL, "Invalid argument"},
    {ENFILE, "Too many open files in system"},
    {EMFILE, "Too many open files"},
    {EFBIG, "File too large"},
    {ENOSPC, "No space left on device"},
    {EROFS, "Read-only file system"},
    {ENAMETOOLONG, "File name too long"},
    {ENOSYS, "Function not implemented"},
    {ELOOP, "Too many levels of symbolic links"},
    {EOPNOTSUPP, "Operation not supported"},
    {EDQUOT, "Disk quota exceeded"},
};

const char *lmm_error_text_without_libc(int error)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].error == error) {
            return texts[i].text;
        }
    }
    return "an unknown error";
}

const char *lmm_error_text(int error)
{
    const char *text = strerrordesc_np == NULL ? NULL : strerrordesc_np(error);

    return text == NULL ? lmm_error_text_without_libc(error) : text;
}
