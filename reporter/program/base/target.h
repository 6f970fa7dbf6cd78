/* SPDX-License-Identifier: MIT */
/*
 * target: which file the argument of -o means: through its links, but never through one that
 * another user has put into a directory where everybody may put files, such as /tmp. (The kernel
 * refuses such links, too, where fs.protected_symlinks is set, but not when a program reads the
 * links itself.) Stateless.
 */
#ifndef LMM_PROGRAM_TARGET_H
#define LMM_PROGRAM_TARGET_H

/* Returns the path of the file that path names, without links, to be freed. The file itself need
 * not exist. NULL and errno: EACCES for a link of another user, ELOOP, ENOMEM, and others. */
char *lmm_target_of(const char *path);

/* Returns the number of the descriptor that path names (/dev/stdout, /dev/fd/3), or -1. */
int lmm_target_descriptor(const char *path);

#endif
