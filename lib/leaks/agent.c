/* SPDX-License-Identifier: MIT */
#include "lib/leaks/agent.h"

#include "lib/books/checks.h"
#include "lib/books/chunks.h"
#include "lib/books/store.h"
#include "lib/ground/bare_thread.h"
#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/ground/sync.h"
#include "lib/ground/system.h"
#include "lib/leaks/agent_text.h"
#include "lib/leaks/cells_question.h"
#include "lib/leaks/census_question.h"
#include "lib/leaks/check.h"
#include "lib/leaks/holders_question.h"
#include "lib/leaks/mark.h"
#include "lib/leaks/marks.h"
#include "lib/leaks/page_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <lmm/ledger.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

enum {
    FIRST_CANDIDATE = 62, /* programs that use real-time signals take the first or the last ones */
    LAST_CANDIDATE = 50,
    IDLE_MS = 5000,
    CONFIRM_MS_MAX = 600000,
    MARK_BYTES_MAX = 255,
    PATIENCE_MS = 2000,    /* for a question on a connection */
    LINE_BYTES = 64 << 10, /* of a question; a census with its sites needs most */
    NAME_BYTES = 96,       /* of a ledger; its socket has a suffix */
    SOCKET_BYTES = NAME_BYTES + sizeof(LMM_LEDGER_SOCKET_SUFFIX),
};

/* A sanitizer's code needs variables that the thread does not have. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

static struct {
    struct lmm_bare_thread thread;
    int number;                     /* of the signal; 0: none */
    uint32_t asked;                 /* how often the signal came; atomic */
    int pid;                        /* whose thread it is: a forked child has none; atomic */
    char path[LMM_LEDGER_PATH_MAX]; /* of the ledger; the thread's */
} agent;

/* ---- Questions ------------------------------------------------------------------------------- */

/* The thread's own registers are no roots, as its stack is none: they hold what it is asked about. */
static struct lmm_saved_registers no_registers(void)
{
    return (struct lmm_saved_registers) {.sp = (uintptr_t) __builtin_frame_address(0)};
}

/* "check FLAGS MARK WHICH [MS]": makes a check; MS: of two passes, so many milliseconds apart. "ok" and the number of the ledger's check. */
static void answer_check(const char *question, struct lmm_answer *answer)
{
    const struct lmm_saved_registers entry = no_registers();
    struct lmm_ledger_check check;
    uint64_t flags;
    uint64_t mark;
    uint64_t which;
    uint64_t confirm_ms = 0;

    if (!lmm_question_take_number(&question, &flags) ||
        !lmm_question_take_number(&question, &mark) ||
        !lmm_question_take_number(&question, &which) ||
        (*question != '\0' && !lmm_question_take_number(&question, &confirm_ms)) ||
        *question != '\0' || confirm_ms > CONFIRM_MS_MAX) {
        lmm_answer_put_error(answer, EINVAL, "the question is not understood");
        return;
    }
    const struct lmm_check_request request = {
        .entry = &entry,
        .unaligned = (flags & LMM_LEDGER_CHECK_UNALIGNED) != 0,
        .heuristics = LMM_HEURISTICS_ALL & ~lmm_options.heuristics_off,
        .mark = (uint32_t) mark,
        .wants_old = which == 1,
        .confirm_ms = (uint32_t) confirm_ms,
    };
    int result = lmm_check_run(&request, &check);
    if (result != 0) {
        lmm_answer_put_error(answer, (uint32_t) -result,
                             result == -ENOENT ? "the mark is not kept any more, or was never made"
                                               : "the check failed");
        return;
    }
    lmm_answer_put_text(answer, "ok");
    lmm_answer_put_number(answer, lmm_load_acquire(&lmm_chunks_header()->check_count));
}

/* "mark TEXT": makes a mark. "ok" and its number. */
static void answer_mark(const char *question, struct lmm_answer *answer)
{
    uint32_t number;
    bool is_short = strnlen(question, MARK_BYTES_MAX + 1) <= MARK_BYTES_MAX;
    int result = is_short ? lmm_marks_add(question, &number) : -EINVAL;

    if (result != 0) {
        lmm_answer_put_error(answer, (uint32_t) -result, "no mark was made");
        return;
    }
    lmm_answer_put_text(answer, "ok");
    lmm_answer_put_number(answer, number);
}

/*
 * "why ADDRESS": who holds the block at that address. "ok 0" when no live block is there; "ok 1 LENGTH"
 * and then, for each link of the chain, a line: 1 when the pointer lies in a root, 2 in a register that
 * was saved there; the block or the address that it lies in; how far into the block, or the thread
 * whose register or stack it is; the block that it leads to, how far into that; the site and the bytes of
 * that block.
 */
static void answer_why(const char *question, struct lmm_answer *answer)
{
    struct lmm_chain chain; /* on the stack, which is no root: a static one would hold the blocks */
    const struct lmm_saved_registers entry = no_registers();
    uint64_t address = 0;

    for (; *question >= '0' && *question <= '9'; question++) {
        address = address * 10 + (uint64_t) (*question - '0');
    }
    if (address == 0 || *question != '\0') {
        lmm_answer_put_error(answer, EINVAL, "the question is not understood");
        return;
    }
    int result = lmm_check_find_chain(address, &entry, &chain);
    if (result != 0) {
        lmm_answer_put_error(answer, (uint64_t) -result, "the check failed");
        return;
    }
    lmm_answer_put_text(answer, "ok");
    lmm_answer_put_number(answer, chain.is_block);
    lmm_answer_put_number(answer, chain.length);
    for (size_t i = 0; i < chain.count; i++) {
        const struct lmm_chain_link *link = &chain.links[i];
        bool is_root = link->step.is_root;
        const uint64_t figures[] = {
            (uint64_t) is_root + (is_root && chain.is_in_register),
            link->step.from,
            is_root ? (uint64_t) chain.thread : link->step.offset,
            link->step.to,
            link->step.to_offset,
            link->to_site,
            link->to_bytes,
        };
        lmm_answer_put_text(answer, "\n");
        for (size_t k = 0; k < sizeof(figures) / sizeof(figures[0]); k++) {
            lmm_answer_put_number(answer, figures[k]);
        }
    }
}

/* "holders SITE ...": who holds the blocks of sites (holders_question.h). */
static void answer_holders(const char *question, struct lmm_answer *answer)
{
    const struct lmm_saved_registers entry = no_registers();

    lmm_holders_answer(question, &entry, answer);
}

static int find_keepers(const char *question, struct lmm_keepers *ret_keepers)
{
    const struct lmm_saved_registers entry = no_registers();
    struct lmm_site_groups *groups = lmm_meta_map(sizeof(*groups));
    uint32_t first;
    int result = -ENOMEM;

    if (groups != NULL) {
        result = lmm_question_take_groups(&question, groups, &first)
                     ? lmm_check_find_keepers(&entry, false, groups, ret_keepers)
                     : -EINVAL;
        lmm_meta_unmap(groups, sizeof(*groups));
    }
    return result;
}

/* "retained [SITE ... , SITE ... , ...]": the sites that retain most bytes, where those of each group count as the
 * first of them. "ok COUNT", and for each site a line: the site, the bytes. */
static void answer_retained(const char *question, struct lmm_answer *answer)
{
    static struct lmm_keepers keepers; /* the thread's */
    int result = find_keepers(question, &keepers);

    if (result != 0) {
        lmm_answer_put_error(answer, (uint64_t) -result, "the check failed");
        return;
    }
    lmm_answer_put_text(answer, "ok");
    lmm_answer_put_number(answer, keepers.count);
    for (size_t i = 0; i < keepers.count; i++) {
        lmm_answer_put_text(answer, "\n");
        lmm_answer_put_number(answer, keepers.list[i].site);
        lmm_answer_put_number(answer, keepers.list[i].bytes);
    }
}

/* "pages": walks over the pages. "ok" and the number of the ledger's walk. */
static void answer_pages(const char *question, struct lmm_answer *answer)
{
    int result = *question != '\0' ? -EINVAL : lmm_page_walk_run(0);

    if (result != 0) {
        lmm_answer_put_error(answer, (uint64_t) -result, "the walk failed");
        return;
    }
    lmm_answer_put_text(answer, "ok");
    lmm_answer_put_number(answer, lmm_load_acquire(&lmm_chunks_header()->page_walk_count));
}

static lmm_agent_switch *switch_calls; /* NULL: the process was not attached to */

void lmm_agent_set_switch(lmm_agent_switch *change)
{
    switch_calls = change;
}

static void answer_switch(bool on, const char *question, struct lmm_answer *answer)
{
    if (*question != '\0' || switch_calls == NULL || !switch_calls(on)) {
        lmm_answer_put_error(answer, EINVAL, "the process has LMM's malloc from its start");
        return;
    }
    lmm_answer_put_text(answer, "ok");
}

/* "attach", "detach": whether the process calls LMM's malloc from now on, or its own again. "ok". */
static void answer_attach(const char *question, struct lmm_answer *answer)
{
    answer_switch(true, question, answer);
}

static void answer_detach(const char *question, struct lmm_answer *answer)
{
    answer_switch(false, question, answer);
}

static const struct {
    const char *word;
    void (*answer)(const char *question, struct lmm_answer *answer);
} questions[] = {
    {"check", answer_check},       {"mark", answer_mark},       {"why", answer_why},
    {"retained", answer_retained}, {"pages", answer_pages},     {"census", lmm_census_answer},
    {"holders", answer_holders},   {"cells", lmm_cells_answer}, {"attach", answer_attach},
    {"detach", answer_detach},
};

static void answer_line(const char *line, struct lmm_answer *answer)
{
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        const char *rest = line;
        if (lmm_question_take_word(&rest, questions[i].word)) {
            questions[i].answer(rest, answer);
            return;
        }
    }
    lmm_answer_put_error(answer, ENOSYS, "this version of LMM does not know the question");
}

/* Reads a line, without its end. False: it does not come, or is too long. */
static bool read_line(int connection, char line[LINE_BYTES])
{
    size_t length = 0;

    while (length < LINE_BYTES - 1 && lmm_system_wait_readable(connection, PATIENCE_MS) == 1) {
        ssize_t got = lmm_system_read(connection, line + length, LINE_BYTES - 1 - length);
        if (got <= 0) {
            return false;
        }
        char *end = memchr(line + length, '\n', (size_t) got);
        length += (size_t) got;
        if (end != NULL) {
            *end = '\0';
            return true;
        }
    }
    return false;
}

static void serve(int connection)
{
    static struct lmm_answer answer; /* these two: the thread's */
    static char line[LINE_BYTES];
    unsigned user;

    answer.length = 0;

    if (!lmm_system_peer(connection, &user) || (user != lmm_system_geteuid() && user != 0)) {
        lmm_answer_put_error(&answer, EPERM, "the process belongs to another user");
    } else if (read_line(connection, line)) {
        answer_line(line, &answer);
    } else {
        lmm_answer_put_error(&answer, EINVAL, "a question is one line");
    }
    lmm_answer_put_text(&answer, "\n");
    lmm_system_send(connection, answer.line, answer.length);
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* Splits agent.path: the directory is opened, and the name of the socket made. */
static int open_directory(char name[SOCKET_BYTES])
{
    static struct lmm_answer text; /* the thread's */

    lmm_lock_acquire(&lmm_chunks_lock);
    size_t bytes = strnlen(lmm_store_path(), sizeof(agent.path) - 1);
    memcpy(agent.path, lmm_store_path(), bytes);
    agent.path[bytes] = '\0';
    lmm_lock_release(&lmm_chunks_lock);
    char *slash = strrchr(agent.path, '/');
    if (slash == NULL || strlen(slash) >= NAME_BYTES) {
        return -ENOENT;
    }
    *slash = '\0';
    text.length = 0;
    lmm_answer_put_text(&text, slash + 1);
    lmm_answer_put_text(&text, LMM_LEDGER_SOCKET_SUFFIX);
    memcpy(name, text.line, text.length);
    name[text.length] = '\0';
    return lmm_system_open(agent.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

/* A socket's path has at most 107 bytes, a directory's may have more. */
static int listen_in(int directory, const char *name)
{
    static struct lmm_answer path; /* the thread's */

    path.length = 0;
    lmm_answer_put_text(&path, "/proc/self/fd/");
    char *space = path.line + path.length;
    lmm_answer_put_number(&path, (uint64_t) directory);
    memmove(space, space + 1, (size_t) (path.line + --path.length - space));
    lmm_answer_put_text(&path, "/");
    lmm_answer_put_text(&path, name);
    path.line[path.length < sizeof(path.line) ? path.length : sizeof(path.line) - 1] = '\0';
    lmm_system_unlinkat(directory, name);
    return lmm_system_listen(path.line);
}

/* Answers those who connect to a new socket. Its name is there only until the first one has connected, so that
 * none stays when the process ends, however it ends. False: nobody came, or there is no socket. */
static bool serve_all(int directory, const char *name)
{
    int listener = listen_in(directory, name);
    bool is_named = listener >= 0;
    int connection = 0;

    while (listener >= 0 && connection != -EAGAIN) {
        connection = lmm_system_accept(listener, is_named ? IDLE_MS : 0);
        if (connection >= 0) {
            if (is_named) {
                lmm_system_unlinkat(directory, name);
                is_named = false;
            }
            serve(connection);
            lmm_system_close(connection);
        } else if (connection != -EINTR && connection != -ECONNABORTED) {
            break;
        }
    }
    bool has_served = listener >= 0 && !is_named;
    if (is_named) {
        lmm_system_unlinkat(directory, name);
    }
    if (listener >= 0) {
        lmm_system_close(listener);
    }
    return has_served;
}

/* Each signal asks for a socket. */
static void run(void *arg)
{
    char name[SOCKET_BYTES];
    int directory = open_directory(name);
    uint32_t asked = lmm_load_acquire(&agent.asked) - 1;

    (void) arg;
    while (directory >= 0 && lmm_load_acquire(&agent.asked) != asked) {
        asked = lmm_load_acquire(&agent.asked);
        if (!serve_all(directory, name)) {
            break;
        }
        lmm_system_futex_wait_for(&agent.asked, asked, IDLE_MS * UINT64_C(1000000));
    }
    if (directory >= 0) {
        lmm_system_close(directory);
    }
}

/* ---- The signal ------------------------------------------------------------------------------ */

/* What the signal does without LMM: it ends the process. */
static void act_as_default(int number)
{
    const struct lmm_system_action ends = {.handler = 0};

    lmm_system_sigaction(number, &ends, NULL);
    lmm_system_queue_signal(lmm_system_gettid(), number, 0);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void) context;
    if (info->si_code != SI_QUEUE || info->si_value.sival_int != LMM_LEDGER_SIGNAL_VALUE) {
        act_as_default(number);
        return;
    }
    int pid = lmm_system_getpid();
    if (lmm_load_acquire(&agent.pid) != pid) {
        lmm_bare_thread_forget(&agent.thread);
        lmm_store_release(&agent.pid, pid);
    }
    __atomic_fetch_add(&agent.asked, UINT32_C(1), __ATOMIC_RELEASE);
    lmm_system_futex_wake(&agent.asked);
    lmm_bare_thread_start(&agent.thread, run, NULL);
}

static bool is_free(int number)
{
    struct lmm_system_action now;

    return lmm_system_sigaction(number, NULL, &now) == 0 && now.handler == 0;
}

static int choose_signal(void)
{
    int number = (int) lmm_options.signal;

    if (number != LMM_SIGNAL_AUTO) {
        return number != 0 && is_free(number) ? number : 0;
    }
    for (number = FIRST_CANDIDATE; number >= LAST_CANDIDATE; number--) {
        if (is_free(number)) {
            return number;
        }
    }
    return 0;
}

/* The thread inherits the handler's mask: of libc's own signals it blocks none, since checks stop
 * threads by one of them. */
static void take_signal(int number)
{
    const uint64_t libcs = UINT64_C(3) << 31;
    const struct lmm_system_action action = {.handler = (uintptr_t) on_signal,
                                             .flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK,
                                             .mask = ~libcs};

    agent.pid = lmm_system_getpid();
    if (lmm_bare_thread_prepare(&agent.thread) &&
        lmm_system_sigaction(number, &action, NULL) == 0) {
        lmm_store_release(&lmm_chunks_header()->check_signal, (uint32_t) number);
    }
}

void lmm_agent_watch(void)
{
    static bool is_done;

    if (lmm_load_relaxed(&is_done) || __atomic_exchange_n(&is_done, true, __ATOMIC_RELAXED) ||
        IS_SANITIZED || lmm_load_relaxed(&lmm_chunks_header()->file_bytes) == 0) {
        return;
    }
    int number = choose_signal();
    if (number != 0) {
        take_signal(number);
    }
}
