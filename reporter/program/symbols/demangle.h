/* SPDX-License-Identifier: MIT */
/* demangle: the readable names of functions and objects of C++. Stateless. */
#ifndef LMM_PROGRAM_DEMANGLE_H
#define LMM_PROGRAM_DEMANGLE_H

#include <stddef.h>

/* From libsupc++, a static part of libstdc++, which itself takes long to load; part of the C++ ABI that all compilers share.
 * C has no header for it. */
extern char *__cxa_demangle(const char *mangled, char *buffer, size_t *length, int *status);

/* Returns the readable name of a mangled one, to be freed; NULL: it is not mangled, or is NULL
 * itself, or memory ran out. */
static inline char *lmm_demangle(const char *mangled)
{
    return mangled == NULL ? NULL : __cxa_demangle(mangled, NULL, NULL, NULL);
}

#endif
