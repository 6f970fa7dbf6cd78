/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/attempt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "reporter/program/attach/machine.h"
#include "reporter/program/attach/safe_point.h"
#include "reporter/program/attach/stack_words.h"
#include "reporter/program/ledger/ledger_file.h"

enum {
    CODE_BYTES_MAX = 16 << 10, /* of a function, that are searched for branches */
    CODE_BYTES_LEAST = 64,     /* where its length is not known */
    ISLAND_BYTES = 8192,
    RETRY_US = 1000,
    TRIES = 16,
};

_Static_assert((size_t) LMM_ATTACH_FUNCTIONS_MAX *LMM_ENTRY_ISLAND_BYTES <= (size_t) ISLAND_BYTES,
               "all islands have room");

/* ---- What is known of the process ------------------------------------------------------------ */

bool lmm_attempt_read_modules(struct lmm_attempt *attempt)
{
    if (!lmm_target_map_read(attempt->tracee.pid, &attempt->map)) {
        return lmm_reason_set(attempt->reason, "its memory map cannot be read");
    }
    attempt->points = lmm_safe_points_open(&attempt->tracee, &attempt->map);
    return attempt->points != NULL || lmm_reason_set(attempt->reason, "its modules cannot be read");
}

void lmm_attempt_forget_modules(struct lmm_attempt *attempt)
{
    lmm_safe_points_close(attempt->points);
    attempt->points = NULL;
    lmm_target_map_free(&attempt->map);
}

bool lmm_attempt_is_over(const struct lmm_attempt *attempt)
{
    sigset_t pending;

    sigpending(&pending);
    return lmm_tracee_now() > attempt->deadline_ns || sigismember(&pending, SIGINT) == 1 ||
           sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGHUP) == 1;
}

/* ---- Entries --------------------------------------------------------------------------------- */

/* The length of a function, of which at least the first bytes are looked at. */
static size_t length_of(const struct lmm_attempt *attempt, uint64_t address)
{
    const struct lmm_mapping *mapping = lmm_target_map_find(&attempt->map, address);
    uint64_t left = mapping == NULL ? 0 : mapping->to - address;

    return left < (uint64_t) CODE_BYTES_MAX ? (size_t) left : (size_t) CODE_BYTES_MAX;
}

/* Whether a function before it in the table has the same entry. */
static bool is_repeated(const struct lmm_attempt *attempt, size_t i, size_t *ret_first)
{
    for (size_t k = 0; k < i; k++) {
        if (attempt->there.functions[k].old == attempt->there.functions[i].old &&
            attempt->there.functions[k].own != 0) {
            *ret_first = k;
            return true;
        }
    }
    return false;
}

/* The module's symbol at the address says how long the function is. */
static size_t symbol_bytes(struct lmm_attempt *attempt, uint64_t address)
{
    const struct lmm_mapping *module = lmm_target_map_find(&attempt->map, address);
    struct lmm_image_symbols image;
    size_t bytes = 0;

    while (module != NULL && module > attempt->map.mappings && module->offset != 0) {
        module--;
    }
    if (module != NULL && lmm_image_symbols_read(&attempt->tracee, module->from, &image)) {
        for (size_t i = 1; i < image.count; i++) {
            if (image.bias + image.symbols[i].st_value == address &&
                image.symbols[i].st_size > bytes) {
                bytes = image.symbols[i].st_size;
            }
        }
        lmm_image_symbols_free(&image);
    }
    return bytes == 0 ? (size_t) CODE_BYTES_LEAST : bytes;
}

const char *lmm_attempt_plan(struct lmm_attempt *attempt, uint64_t address, uint64_t island,
                             uint64_t own, struct lmm_entry *ret_entry)
{
    static unsigned char code[CODE_BYTES_MAX];
    size_t bytes = length_of(attempt, address);
    size_t known = symbol_bytes(attempt, address);

    bytes = bytes < known ? bytes : known;
    if (!lmm_tracee_read(&attempt->tracee, address, code, bytes)) {
        return "its code cannot be read";
    }
    return lmm_entry_plan(code, bytes, address, island, own, ret_entry);
}

static bool check_exchange(struct lmm_attempt *attempt)
{
    if (attempt->there.count > LMM_ATTACH_FUNCTIONS_MAX) {
        return lmm_reason_set(attempt->reason, "the library there makes no sense");
    }
    for (size_t i = 0; i < attempt->there.count; i++) {
        attempt->there.functions[i].name[LMM_ATTACH_NAME_MAX - 1] = '\0';
    }
    return true;
}

/* Plans all entries. A function that only allocates may be left out: its blocks are those of the old malloc. */
static bool plan_entries(struct lmm_attempt *attempt)
{
    for (size_t i = 0; i < attempt->there.count; i++) {
        struct lmm_attach_function *function = &attempt->there.functions[i];
        size_t first;

        if (function->old == 0 || function->own == 0) {
            function->original = function->old;
            continue;
        }
        if (is_repeated(attempt, i, &first)) {
            function->original = attempt->there.functions[first].original;
            continue;
        }
        const char *obstacle = lmm_attempt_plan(attempt, function->old, attempt->islands[i],
                                                function->own, &attempt->entries[i]);

        if (obstacle != NULL && function->is_needed != 0) {
            return function->old == attempt->fork
                       ? lmm_reason_set(attempt->reason, "its %s cannot be led to LMM: %s",
                                        function->name, obstacle)
                       : lmm_attempt_choose_tables(attempt, function->name, obstacle);
        }
        attempt->is_led[i] = obstacle == NULL;
        attempt->entries[i].bytes = obstacle == NULL ? attempt->entries[i].bytes : 0;
        function->original = obstacle == NULL ? attempt->entries[i].original : 0;
    }
    return true;
}

/* Maps a page of islands near the address. */
static uint64_t map_islands(struct lmm_attempt *attempt, uint64_t near)
{
    size_t page = (size_t) sysconf(_SC_PAGESIZE);
    size_t bytes = page > (size_t) ISLAND_BYTES ? page : (size_t) ISLAND_BYTES;

    for (unsigned i = 0; i < TRIES; i++) { /* another thread may map there first */
        lmm_target_map_free(&attempt->map);
        if (!lmm_target_map_read(attempt->tracee.pid, &attempt->map)) {
            return 0;
        }
        uint64_t gap = lmm_target_map_gap(&attempt->map, near, bytes);
        const uint64_t arguments[6] = {gap,
                                       bytes,
                                       PROT_READ | PROT_EXEC,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                                       UINT64_MAX,
                                       0};
        if (gap == 0) {
            return 0;
        }
        if (lmm_remote_system_call(&attempt->remote, SYS_mmap, arguments) == (int64_t) gap) {
            return gap;
        }
    }
    return 0;
}

/* Where the island of each function is to be: those of libc and of another malloc may be far from each other. */
static bool choose_islands(struct lmm_attempt *attempt)
{
    uint64_t page = 0;

    lmm_attempt_forget_modules(attempt);
    for (size_t i = 0; i < attempt->there.count; i++) {
        uint64_t old = attempt->there.functions[i].old;
        uint64_t distance = page > old ? page - old : old - page;

        if (old != 0 && (page == 0 || distance > lmm_entry_reach)) {
            page = map_islands(attempt, old);
        }
        if (old != 0 && page == 0) {
            return lmm_reason_set(attempt->reason, "no memory for code near its %s",
                                  attempt->there.functions[i].name);
        }
        attempt->islands[i] = page + i * LMM_ENTRY_ISLAND_BYTES;
    }
    return true;
}

static bool write_islands(struct lmm_attempt *attempt)
{
    for (size_t i = 0; i < attempt->there.count; i++) {
        if (attempt->is_led[i] &&
            !lmm_tracee_write(&attempt->tracee, attempt->islands[i], attempt->entries[i].island,
                              LMM_ENTRY_ISLAND_BYTES)) {
            return lmm_reason_set(attempt->reason, "code cannot be written there");
        }
    }
    return true;
}

/* What the words of a thread's stack are compared with: entries (one that is not planned has no bytes), and where libc's _Fork is;
 * and what they may be. */
struct look {
    const struct lmm_entry *entries;
    size_t count;
    uint64_t fork;
    uint64_t fork_bytes;
    bool has_moved; /* an address of an instruction that is moved: of a return, or of a handler's */
    bool has_fork;  /* one in _Fork */
};

/* Whether a word is the address of an instruction that is moved. */
static bool is_moved(const struct look *look, uint64_t word)
{
    for (size_t i = 0; i < look->count; i++) {
        if (lmm_entry_has(&look->entries[i], word)) {
            return true;
        }
    }
    return false;
}

static void look_at_words(const uint64_t *words, size_t count, void *arg)
{
    struct look *look = arg;

    for (size_t i = 0; i < count; i++) {
        look->has_moved = look->has_moved || is_moved(look, words[i]);
        look->has_fork = look->has_fork || words[i] - look->fork < look->fork_bytes;
    }
}

/* Whether the thread is in _Fork: LMM's locks would not be held when its child is made. */
static bool is_forking(struct lmm_attempt *attempt, pid_t thread)
{
    if (attempt->points == NULL) {
        attempt->points = lmm_safe_points_open(&attempt->tracee, &attempt->map);
    }
    return attempt->points == NULL ||
           lmm_safe_points_may_be_in(attempt->points, thread, attempt->fork,
                                     attempt->fork + attempt->fork_bytes);
}

/* Whether a thread is among the instructions that are moved, or may return to them, or forks. */
static bool is_in_the_way(struct lmm_attempt *attempt, const struct lmm_entry *entries,
                          size_t count, pid_t thread)
{
    struct look look = {entries, count, attempt->fork, attempt->fork_bytes, false, false};
    struct user_regs_struct now;

    if (!lmm_thread_get(thread, &now) || is_moved(&look, lmm_machine_pc(&now)) ||
        !lmm_stack_words_visit(&attempt->tracee, &attempt->map, lmm_machine_sp(&now), look_at_words,
                               &look)) {
        return true;
    }
    return look.has_moved || lmm_machine_pc(&now) - attempt->fork < attempt->fork_bytes ||
           (look.has_fork && is_forking(attempt, thread));
}

bool lmm_attempt_is_clear(struct lmm_attempt *attempt, const struct lmm_entry *entries,
                          size_t count)
{
    for (size_t i = 0; i < attempt->tracee.count; i++) {
        if (is_in_the_way(attempt, entries, count, attempt->tracee.threads[i].id)) {
            return false;
        }
    }
    return true;
}

/* Tells the ledger that the process's blocks are counted now. */
static bool write_time(const struct lmm_attempt *attempt)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t time_ns = (uint64_t) now.tv_sec * UINT64_C(1000000000) + (uint64_t) now.tv_nsec;

    return lmm_tracee_write(&attempt->tracee, attempt->there.attach_time, &time_ns,
                            sizeof(time_ns));
}

/* Adds the entries to what is changed. */
static bool collect_entries(struct lmm_attempt *attempt)
{
    bool done = true;

    for (size_t i = 0; done && i < attempt->there.count; i++) {
        done = !attempt->is_led[i] ||
               lmm_attempt_add_patch(attempt, attempt->entries[i].address,
                                     attempt->entries[i].patch, attempt->entries[i].patch_bytes,
                                     attempt->there.functions[i].role);
    }
    return done;
}

static enum lmm_attempt_result collect(struct lmm_attempt *attempt)
{
    lmm_attempt_drop_patches(attempt);
    if (!lmm_attempt_is_clear(attempt, attempt->entries, attempt->there.count)) {
        return LMM_ATTEMPT_AGAIN;
    }
    if (!collect_entries(attempt)) {
        return LMM_ATTEMPT_REFUSED;
    }
    return attempt->is_by_tables ? lmm_attempt_collect_words(attempt) : LMM_ATTEMPT_DONE;
}

static unsigned count_functions(const struct lmm_attempt *attempt)
{
    unsigned count = 0;

    for (size_t i = 0; i < attempt->there.count; i++) {
        const struct lmm_attach_function *function = &attempt->there.functions[i];

        count += attempt->is_led[i] || (attempt->is_by_tables && function->old != 0 &&
                                        function->own != 0 && function->old != attempt->fork);
    }
    return count;
}

/* Nothing leads to LMM before it knows the old functions. */
static bool write_all(struct lmm_attempt *attempt)
{
    if (!lmm_tracee_write(&attempt->tracee, attempt->exchange, &attempt->there,
                          sizeof(attempt->there)) ||
        !write_time(attempt)) {
        return lmm_reason_set(attempt->reason, "its memory cannot be written");
    }
    attempt->functions = count_functions(attempt);
    return lmm_attempt_write_patches(attempt);
}

bool lmm_attempt_lead(struct lmm_attempt *attempt)
{
    for (;;) {
        lmm_attempt_forget_modules(attempt);
        uint64_t begun = lmm_tracee_now();

        if (!lmm_tracee_stop(&attempt->tracee, begun + LMM_ATTEMPT_STOP_NS, attempt->thread,
                             attempt->reason)) {
            return false;
        }
        if (!lmm_target_map_read(attempt->tracee.pid, &attempt->map)) {
            return lmm_reason_set(attempt->reason, "its memory map cannot be read");
        }
        enum lmm_attempt_result result = collect(attempt);
        bool done = result == LMM_ATTEMPT_DONE && write_all(attempt);

        lmm_tracee_release(&attempt->tracee, 0);
        attempt->pause_ns = lmm_tracee_now() - begun;
        if (result != LMM_ATTEMPT_AGAIN) {
            return done;
        }
        if (lmm_attempt_is_over(attempt)) {
            return lmm_reason_set(attempt->reason,
                                  attempt->is_by_tables
                                      ? "its threads are in its malloc or the loader all the time, "
                                        "or have a pointer to its free"
                                      : "its threads are in its malloc all the time");
        }
        lmm_tracee_pause(RETRY_US);
    }
}

bool lmm_attempt_prepare_entries(struct lmm_attempt *attempt)
{
    return check_exchange(attempt) && choose_islands(attempt) &&
           lmm_attempt_check_others(attempt) && plan_entries(attempt) && write_islands(attempt);
}
