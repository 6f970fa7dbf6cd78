/* SPDX-License-Identifier: MIT */
/*
 * require: LMM_REQUIRE(condition) traps where a caller breaks a promise, in builds with
 * LMM_VALIDATE. In other builds it generates no code. core/ is part of liblmm, so it must not use
 * assert(), which prints and may allocate. reporter/program/ uses assert().
 */
#ifndef LMM_REPORTER_REQUIRE_H
#define LMM_REPORTER_REQUIRE_H

#define LMM_REQUIRE(condition)                                                                     \
    do {                                                                                           \
        if (LMM_VALIDATE && !(condition)) {                                                        \
            __builtin_trap();                                                                      \
        }                                                                                          \
    } while (0)

#endif
