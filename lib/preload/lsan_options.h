/* SPDX-License-Identifier: MIT */
/*
 * lsan_options: the options that a program gives LeakSanitizer by __lsan_default_options(), as far as LMM
 * has the same. Other ones, and bad values, are passed over. Owns nothing; takes no lock; does not allocate.
 */
#ifndef LMM_LSAN_OPTIONS_H
#define LMM_LSAN_OPTIONS_H

#include "lib/ground/base.h"

/* A part of the text. */
struct lmm_lsan_word {
    const char *text; /* NULL: the option was not given */
    size_t length;
};

/* Of each option the last value. */
struct lmm_lsan_options {
    bool makes_checks;              /* detect_leaks */
    bool checks_at_exit;            /* leak_check_at_exit */
    struct lmm_lsan_word unaligned; /* use_unaligned: "0" or "1" */
    struct lmm_lsan_word exit_code;
    struct lmm_lsan_word suppressions; /* a file */
};

/* Parses "NAME=VALUE:NAME=VALUE", with any of LeakSanitizer's separators, and quotes around values. The
 * result has parts of text. text: NULL is as empty. */
struct lmm_lsan_options lmm_lsan_options_parse(const char *text);

#endif
