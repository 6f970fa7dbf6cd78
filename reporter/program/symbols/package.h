/* SPDX-License-Identifier: MIT */
/* package: which Debian package a file belongs to, by the lists that dpkg keeps. Stateless. */
#ifndef LMM_PROGRAM_PACKAGE_H
#define LMM_PROGRAM_PACKAGE_H

#define LMM_PACKAGE_LISTS "/var/lib/dpkg/info" /* NAME.list, or NAME:ARCHITECTURE.list */

/* Returns the name of the package that has the file at an absolute path, to be freed, or NULL:
 * unknown. folder: with the lists. Those whose names are like the file's are read first; all are at worst, some 10 MB in
 * 20 ms. Files where no package has any, such as those in /home, are not looked for. */
char *lmm_package_find(const char *folder, const char *path);

#endif
