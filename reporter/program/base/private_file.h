/* SPDX-License-Identifier: MIT */
/*
 * private_file: files that are installed with this program, in a folder that no other program looks into: the drop-in,
 * and modules that are loaded late (late_module.h). They are found relative to the program, so that an installed tree can
 * be moved.
 */
#ifndef LMM_PROGRAM_PRIVATE_FILE_H
#define LMM_PROGRAM_PRIVATE_FILE_H

/* Returns the absolute path of such a file, in an installed tree or in a build tree, to be freed; NULL after one line on
 * stderr. */
char *lmm_private_file_find(const char *name);

/* Returns the real path of a file that can be read, to be freed; or NULL and errno. Where a filter of system calls forbids
 * one that realpath() makes, an absolute path is good enough. */
char *lmm_private_file_real(const char *path);

#endif
