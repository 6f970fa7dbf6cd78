/* SPDX-License-Identifier: MIT */
#include "reporter/program/ledger/named.h"

#include <ctype.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "reporter/program/base/program.h"

bool lmm_named_is_pid(const char *word, uint32_t *ret_pid)
{
    char *end = NULL;
    unsigned long long number = isdigit((unsigned char) *word) ? strtoull(word, &end, 10) : 0;

    if (end == NULL || *end != '\0' || number > UINT32_MAX) {
        return false;
    }
    *ret_pid = (uint32_t) number;
    return true;
}

static bool is_reachable(const struct lmm_running *running)
{
    return geteuid() == 0 || running->user == geteuid();
}

static bool count_named(void *context, const struct lmm_running *running)
{
    struct lmm_named *named = context;

    if (running->pid == (uint32_t) getpid() || !lmm_running_is_called(running, named->word)) {
        return true;
    }
    if (named->count++ == 0 || (is_reachable(running) && !is_reachable(&named->first))) {
        named->first = *running;
    }
    return true;
}

struct lmm_named lmm_named_find(const char *word)
{
    struct lmm_named named = {.word = word};
    uint32_t pid = 0;

    if (lmm_named_is_pid(word, &pid)) {
        named.count = lmm_running_find(pid, &named.first) ? 1 : 0;
    } else {
        lmm_running_each(count_named, &named);
    }
    return named;
}

static void complain_about_another_user(const struct lmm_running *running)
{
    const struct passwd *user = getpwuid(running->user);

    if (user != NULL) {
        lmm_complain("%s (pid %" PRIu32 ") belongs to another user, %s", running->name,
                     running->pid, user->pw_name);
    } else {
        lmm_complain("%s (pid %" PRIu32 ") belongs to another user, of number %ju", running->name,
                     running->pid, (uintmax_t) running->user);
    }
}

void lmm_named_complain(const struct lmm_named *named, const char *earlier)
{
    const struct lmm_running *first = &named->first;

    if (named->count == 0) {
        lmm_complain("no ledger found for %s (lmm ls lists all)", named->word);
    } else if (!is_reachable(first)) {
        complain_about_another_user(first);
    } else if (named->count > 1) {
        lmm_complain("%zu processes are called %s, but none runs under LMM", named->count,
                     named->word);
    } else if (lmm_running_has_lmm(first->pid)) {
        lmm_complain("%s (pid %" PRIu32
                     ") has LMM, but keeps no ledger: start it by lmm run, or with "
                     "LMM_OPTIONS=ledger=on",
                     first->name, first->pid);
    } else if (earlier != NULL) {
        lmm_complain("%s (pid %" PRIu32
                     ") runs, but not under LMM; an earlier process with that PID left %s",
                     first->name, first->pid, earlier);
    } else {
        lmm_complain("%s (pid %" PRIu32 ") runs, but not under LMM", first->name, first->pid);
    }
}

char *lmm_named_ledger(const struct lmm_named *named)
{
    return named->count == 1 ? lmm_running_ledger(named->first.pid) : NULL;
}
