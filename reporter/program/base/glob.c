/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/glob.h"

#include <string.h>

/* Backtracking to the last star is enough: when the part before it matches, an earlier star need
 * not match more. */
bool lmm_glob_fits(const char *pattern, struct lmm_string text)
{
    const char *star = NULL; /* the part of pattern after the last star */
    size_t held = 0;         /* where in text that part was tried */

    for (size_t at = 0; at < text.bytes;) {
        if (*pattern == '*') {
            star = ++pattern;
            held = at;
        } else if ((*pattern == text.text[at] && *pattern != '\0') || *pattern == LMM_GLOB_ONE) {
            pattern++;
            at++;
        } else if (star != NULL) {
            pattern = star;
            at = ++held;
        } else {
            return false;
        }
    }
    pattern += strspn(pattern, "*");
    return *pattern == '\0' && text.bytes > 0;
}
