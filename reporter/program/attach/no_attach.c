/* SPDX-License-Identifier: MIT */
/* no_attach: what stands in the place of attachable.c and inject.c where `lmm attach` cannot write the machine's code. */
#include <stdbool.h>

#include "reporter/program/attach/attachable.h"
#include "reporter/program/attach/inject.h"
#include "reporter/program/ledger/ledger_file.h"

bool lmm_attachable(pid_t pid, bool tries_seccomp, struct lmm_reason *ret_reason)
{
    (void) pid;
    (void) tries_seccomp;
    return lmm_reason_set(ret_reason, "lmm attach needs x86-64 or AArch64");
}

bool lmm_inject(struct lmm_injection *injection, struct lmm_reason *ret_reason)
{
    (void) injection;
    return lmm_reason_set(ret_reason, "lmm attach needs x86-64 or AArch64");
}
