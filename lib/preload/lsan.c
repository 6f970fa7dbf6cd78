/* SPDX-License-Identifier: MIT */
/*
 * lsan: the interface of LeakSanitizer, <sanitizer/lsan_interface.h>, so that a program annotated for it
 * works unchanged: what it ignores, which memory it declares as roots, and its options and suppressions.
 * It is asked for these at the first check, never before its own constructors.
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
#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/ground/system.h"
#include "lib/heaps/thread.h"
#include "lib/leaks/registers.h"
#include "lib/preload/lsan_options.h"
#include "lib/preload/own_functions.h"

#include <errno.h>
#include <fcntl.h>
#include <lmm/lmm.h>
#include <string.h>
#include <unistd.h>

/* Declared here, because not every compiler comes with their header. */
const char *__lsan_default_options(void) __attribute__((weak));
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

enum {
    SUPPRESSIONS_BYTES = 60000, /* a text in a ledger has at most 64 KiB */
};

/*
 * Functions that the program may define for LeakSanitizer: its options, whether there shall be no check, and
 * lines leak:PATTERN, for readers. Weak references find those that it exports, because dlsym() asks for
 * memory; its file's symbol table has the others.
 */
static struct {
    const char *(*default_options)(void);
    int (*is_turned_off)(void);
    const char *(*default_suppressions)(void);
} program;

static struct lmm_lsan_options asked; /* what it said */

static void find_functions(void)
{
    static const char *const names[] = {"__lsan_default_options", "__lsan_is_turned_off",
                                        "__lsan_default_suppressions"};
    uintptr_t own[3];

    program.default_options = __lsan_default_options;
    program.is_turned_off = __lsan_is_turned_off;
    program.default_suppressions = __lsan_default_suppressions;
    if (program.default_options == NULL || program.is_turned_off == NULL ||
        program.default_suppressions == NULL) {
        lmm_own_functions_find("__lsan_", names, 3, own);
        if (program.default_options == NULL) {
            program.default_options = (const char *(*) (void) ) own[0];
        }
        if (program.is_turned_off == NULL) {
            program.is_turned_off = (int (*)(void)) own[1];
        }
        if (program.default_suppressions == NULL) {
            program.default_suppressions = (const char *(*) (void) ) own[2];
        }
    }
}

/* Asks for the options before the first check, and keeps those that LMM_OPTIONS has not set. */
static void read_options(void)
{
    static bool is_read;

    if (__atomic_exchange_n(&is_read, true, __ATOMIC_ACQ_REL)) {
        return;
    }
    find_functions();
    asked =
        lmm_lsan_options_parse(program.default_options == NULL ? NULL : program.default_options());
    if (asked.unaligned.text != NULL) {
        lmm_options_default("unaligned", asked.unaligned.text, asked.unaligned.length);
    }
    if (asked.exit_code.text != NULL) {
        lmm_options_default("exitcode", asked.exit_code.text, asked.exit_code.length);
    }
}

/* Whether there shall be checks. */
static bool wants_checks(void)
{
    return asked.makes_checks && (program.is_turned_off == NULL || program.is_turned_off() == 0);
}

/* Appends as much of the text as there is room for. */
static size_t append(char *into, size_t length, const char *text)
{
    size_t bytes = strnlen(text, SUPPRESSIONS_BYTES - length);

    memcpy(into + length, text, bytes);
    into[length + bytes] = '\0';
    return length + bytes;
}

/* A path that is not absolute is looked for in the working directory, then in the program's. */
static int open_suppressions(void)
{
    char name[LMM_OPTION_PATH_MAX];
    char beside[2 * LMM_OPTION_PATH_MAX];
    size_t length = asked.suppressions.length;

    if (asked.suppressions.text == NULL || length == 0 || length >= sizeof(name)) {
        return -ENOENT;
    }
    memcpy(name, asked.suppressions.text, length);
    name[length] = '\0';
    int file = lmm_system_open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
    if (file < 0 && name[0] != '/') {
        lmm_system_readlink("/proc/self/exe", beside, LMM_OPTION_PATH_MAX);
        char *slash = strrchr(beside, '/');
        if (slash != NULL) {
            memcpy(slash + 1, name, length + 1);
            file = lmm_system_open(beside, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
        }
    }
    return file;
}

/* The lines of the program, and those of the file that it names. */
static size_t read_suppressions(char *lines)
{
    const char *own = program.default_suppressions == NULL ? NULL : program.default_suppressions();
    size_t length = append(lines, 0, own == NULL ? "" : own);
    int file = open_suppressions();

    if (file >= 0) {
        length = length != 0 ? append(lines, length, "\n") : 0;
        ssize_t got = lmm_system_pread(file, lines + length, SUPPRESSIONS_BYTES - length, 0);
        length += got > 0 ? (size_t) got : 0;
        lines[length] = '\0';
        lmm_system_close(file);
    }
    return length;
}

/* Tells the books the suppressions, for readers. */
static void note_suppressions(void)
{
    char *lines = lmm_meta_map(SUPPRESSIONS_BYTES + 1);

    if (lines != NULL) {
        if (read_suppressions(lines) != 0) {
            lmm_accounts_note_suppressions(lines);
        }
        lmm_meta_unmap(lines, SUPPRESSIONS_BYTES + 1);
    }
}

/* Called before the check at the end; returns whether there shall be one. */
static bool ask_program(void)
{
    read_options();
    if (!wants_checks() || !asked.checks_at_exit) {
        const struct lmm_ledger_check none = {.time_ns = lmm_system_time_ns(),
                                              .flags = LMM_LEDGER_CHECK_AT_EXIT,
                                              .failure = ECANCELED};
        lmm_checks_write(&none, NULL);
        return false;
    }
    note_suppressions();
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

/* Checks, unless the program wants none, and prints the report if the options ask for one. Returns the
 * number of lost blocks. */
static uint64_t check(int (*make)(const struct lmm_saved_registers *entry),
                      const struct lmm_saved_registers *entry)
{
    read_options();
    if (!wants_checks()) {
        return 0;
    }
    note_suppressions();
    int error = make(entry);
    if (error == 0 && lmm_options.leaks) {
        lmm_report_leaks();
    }
    return error != 0 ? 0 : lmm_leaks_lost_blocks();
}

/* As LeakSanitizer's: it takes the place of the check at the end, and ends the program if it finds leaks,
 * where that changes the status at all. */
LMM_API void __lsan_do_leak_check(void)
{
    struct lmm_saved_registers entry;

    lmm_registers_save(&entry);
    uint64_t lost = check(lmm_leaks_check_instead, &entry);
    if (lost != 0 && lmm_options.exit_code != 0) {
        _exit((int) lmm_options.exit_code);
    }
}

LMM_API int __lsan_do_recoverable_leak_check(void)
{
    struct lmm_saved_registers entry;

    lmm_registers_save(&entry);
    return check(lmm_leaks_check_now, &entry) != 0;
}
