/* SPDX-License-Identifier: MIT */
/*
 * lsan: the interface of LeakSanitizer, <sanitizer/lsan_interface.h>, so that a program annotated for it
 * works unchanged: what it ignores, and which memory it declares as roots.
 *
 * A program with a sanitizer has its own definitions and never comes here (`lmm run` does not load
 * the drop-in there).
 * Locks: none, except those of the functions it calls. No other file needs a function of this one.
 */
#include "lib/books/accounts.h"
#include "lib/books/checks.h"
#include "lib/front/block.h"
#include "lib/front/leaks.h"
#include "lib/front/report.h"
#include "lib/ground/options.h"
#include "lib/ground/system.h"
#include "lib/heaps/thread.h"
#include "lib/leaks/registers.h"

#include <errno.h>
#include <lmm/lmm.h>
#include <unistd.h>

/* Declared here, because not every compiler comes with their header. */
int __lsan_is_turned_off(void) __attribute__((weak));
const char *__lsan_default_suppressions(void) __attribute__((weak));
LMM_API void __lsan_ignore_object(const void *p);
LMM_API void __lsan_disable(void);
LMM_API void __lsan_enable(void);
LMM_API void __lsan_register_root_region(const void *start, size_t bytes);
LMM_API void __lsan_unregister_root_region(const void *start, size_t bytes);
LMM_API void __lsan_do_leak_check(void);
LMM_API int __lsan_do_recoverable_leak_check(void);

/* ---- What the program defines ---------------------------------------------------------------- */

/*
 * Functions that the program may define, and export, for LeakSanitizer: whether there shall be no check,
 * and lines leak:PATTERN, for readers. Called at the end. They are weak references, because dlsym() asks
 * for memory.
 */
static bool ask_program(void)
{
    if (__lsan_is_turned_off != NULL && __lsan_is_turned_off() != 0) {
        const struct lmm_ledger_check none = {.time_ns = lmm_system_time_ns(),
                                              .flags = LMM_LEDGER_CHECK_AT_EXIT,
                                              .failure = ECANCELED};
        lmm_checks_write(&none, NULL);
        return false;
    }
    const char *lines = __lsan_default_suppressions == NULL ? NULL : __lsan_default_suppressions();
    if (lines != NULL && *lines != '\0') {
        lmm_accounts_note_suppressions(lines);
    }
    return true;
}

__attribute__((constructor(103))) static void ask_before_exit(void)
{
    lmm_leaks_ask_before_exit(ask_program);
}

/* ---- What the program calls ------------------------------------------------------------------ */

/* As LeakSanitizer does, passes over a pointer that is not a block's start. */
LMM_API void __lsan_ignore_object(const void *p)
{
    struct lmm_block_facts facts;

    if (lmm_block_find(p, &facts)) {
        lmm_block_ignore((void *) (uintptr_t) p, &facts);
    }
}

LMM_API void __lsan_disable(void)
{
    lmm_thread_ignore_begin();
}

LMM_API void __lsan_enable(void)
{
    lmm_thread_ignore_end();
}

LMM_API void __lsan_register_root_region(const void *start, size_t bytes)
{
    lmm_root_add(start, bytes);
}

LMM_API void __lsan_unregister_root_region(const void *start, size_t bytes)
{
    lmm_root_remove(start, bytes);
}

/* Checks, and prints the report if the options ask for one. */
static uint64_t check_now(const struct lmm_saved_registers *entry)
{
    int error = lmm_leaks_check_now(entry);

    if (error == 0 && lmm_options.leaks) {
        lmm_report_leaks();
    }
    return error != 0 ? 0 : lmm_leaks_lost_blocks();
}

/* As LeakSanitizer's: it is the last check, and ends the program if it finds leaks, where that
 * changes the status at all. */
LMM_API void __lsan_do_leak_check(void)
{
    struct lmm_saved_registers entry;

    lmm_registers_save(&entry);
    uint64_t lost = check_now(&entry);
    lmm_leaks_skip_at_exit();
    if (lost != 0 && lmm_options.exit_code != 0) {
        _exit((int) lmm_options.exit_code);
    }
}

LMM_API int __lsan_do_recoverable_leak_check(void)
{
    struct lmm_saved_registers entry;

    lmm_registers_save(&entry);
    return check_now(&entry) != 0;
}
