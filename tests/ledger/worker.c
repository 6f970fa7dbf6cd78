/* SPDX-License-Identifier: MIT */
/*
 * worker: a program that uses LMM as run.py commands. Commands come first from the arguments, then
 * from the lines of stdin. It answers each with one line: "ok" and a result, or "bad ...", after
 * which it ends.
 *
 * It reads lines byte by byte, so that a program that replaces it by exec finds the next lines. A
 * command that allocates or frees also checks that errno does not change.
 */
#include <lmm/lmm.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum {
    LINE_BYTES = 4096,
    WORDS_MAX = 64,
    FAMILIES_MAX = 2000,
    SITES_MAX = 20000,
    SITES_PER_FUNCTION = 16,
    THREADS_MAX = 64,
    ERRNO_MARK = 4242,
};

/* The live blocks of one family, the newest on top. */
struct stack {
    struct lmm_family *family;
    char name[32];
    void **block;
    size_t used;
    size_t room;
};

static struct stack families[FAMILIES_MAX];
static unsigned family_count;
static struct lmm_site sites[SITES_MAX];
static char functions[SITES_MAX / SITES_PER_FUNCTION][24];
static unsigned site_count;
static bool is_silent;
static void *module;

/* ---- Answers --------------------------------------------------------------------------------- */

static __attribute__((format(printf, 1, 2))) void answer(const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line) - 1, format, arguments);
    va_end(arguments);
    line[length++] = '\n';
    if (!is_silent && write(STDOUT_FILENO, line, (size_t) length) != length) {
        _exit(99);
    }
}

static _Noreturn void fail(const char *what)
{
    answer("bad %s: %s", what, strerror(errno));
    _exit(98);
}

static void need(bool is_so, const char *what)
{
    if (!is_so) {
        fail(what);
    }
}

static unsigned number(const char *word, unsigned max)
{
    char *end = NULL;
    unsigned long value = word == NULL ? 0 : strtoul(word, &end, 10);

    if (word == NULL || end == word || *end != '\0' || value > max) {
        errno = EINVAL;
        fail("number");
    }
    return (unsigned) value;
}

static const char *word_at(char **word, int i)
{
    for (int k = 0; k <= i; k++) {
        if (word[k] == NULL) {
            errno = EINVAL;
            fail("too few words");
        }
    }
    return word[i];
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static void keep(struct stack *stack, void *block)
{
    need(block != NULL, "alloc");
    need(errno == ERRNO_MARK, "errno after alloc");
    if (stack->used == stack->room) {
        stack->room = stack->room == 0 ? 64 : 2 * stack->room;
        stack->block = realloc(stack->block, stack->room * sizeof(void *));
        need(stack->block != NULL, "realloc");
    }
    memset(block, 0x5a, lmm_family_size(stack->family));
    stack->block[stack->used++] = block;
    errno = ERRNO_MARK;
}

static struct stack *family_of(char **word)
{
    return &families[number(word_at(word, 1), family_count == 0 ? 0 : family_count - 1)];
}

static void families_more(char **word)
{
    unsigned wanted = number(word_at(word, 1), FAMILIES_MAX - family_count);

    for (unsigned end = family_count + wanted; family_count < end; family_count++) {
        struct stack *stack = &families[family_count];
        snprintf(stack->name, sizeof(stack->name), "family_%u", family_count);
        stack->family = lmm_family_register(stack->name, 16 + 8 * (family_count % 32), 8);
        need(stack->family != NULL, "register");
    }
}

static void alloc(char **word)
{
    struct stack *stack = family_of(word);

    errno = ERRNO_MARK;
    for (unsigned i = number(word_at(word, 2), UINT32_MAX); i > 0; i--) {
        keep(stack, lmm_alloc(stack->family));
    }
}

static void release(char **word)
{
    struct stack *stack = family_of(word);

    errno = ERRNO_MARK;
    for (unsigned i = number(word_at(word, 2), (unsigned) stack->used); i > 0; i--) {
        lmm_free(stack->block[--stack->used]);
    }
    need(errno == ERRNO_MARK, "errno after free");
}

/* More places that allocate, each with one block that stays, in the families by turns. */
static void sites_more(char **word)
{
    unsigned wanted = number(word_at(word, 1), SITES_MAX - site_count);

    errno = ERRNO_MARK;
    for (unsigned end = site_count + wanted; site_count < end; site_count++) {
        struct stack *stack = &families[site_count % family_count];
        char *function = functions[site_count / SITES_PER_FUNCTION];
        snprintf(function, sizeof(functions[0]), "place_%u", site_count / SITES_PER_FUNCTION);
        sites[site_count] = (struct lmm_site) {
            .id = LMM_SITE_UNKNOWN,
            .line = site_count + 1,
            .file = "places.c",
            .function = function,
            .type = stack->name,
            .size_bytes = lmm_family_size(stack->family),
            .align_bytes = 8,
        };
        keep(stack, lmm_site_alloc(&sites[site_count]));
    }
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void obey(char *line);

static void *obey_in_thread(void *line)
{
    obey(line);
    return NULL;
}

static void in_thread(char *rest)
{
    pthread_t thread;

    need(pthread_create(&thread, NULL, obey_in_thread, rest) == 0 &&
             pthread_join(thread, NULL) == 0,
         "thread");
}

static pthread_barrier_t crowd_done;

static void *visit_every_site(void *unused)
{
    for (unsigned i = 0; i < site_count; i++) {
        lmm_free(lmm_site_alloc(&sites[i]));
    }
    pthread_barrier_wait(&crowd_done);
    for (;;) {
        pause();
    }
    return unused;
}

/* Threads that stay, each with rows for every site. */
static void crowd(char **word)
{
    unsigned count = number(word_at(word, 1), THREADS_MAX);
    pthread_t thread;

    pthread_barrier_init(&crowd_done, NULL, count + 1);
    for (unsigned i = 0; i < count; i++) {
        need(pthread_create(&thread, NULL, visit_every_site, NULL) == 0, "thread");
    }
    pthread_barrier_wait(&crowd_done);
}

static void *allocate_cancelled(void *unused)
{
    char line[] = "sites 500";
    char release_one[] = "free 0 1";

    pthread_cancel(pthread_self());
    obey(line);
    obey(release_one);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    return unused;
}

/* A thread with a cancellation under way lets the file grow; LMM has no cancellation point. */
static void cancel(char **word)
{
    pthread_t thread;
    void *result = NULL;

    (void) word;
    bool was_silent = is_silent;
    is_silent = true; /* write() is such a point */
    need(pthread_create(&thread, NULL, allocate_cancelled, NULL) == 0 &&
             pthread_join(thread, &result) == 0,
         "thread");
    is_silent = was_silent;
    if (result == PTHREAD_CANCELED) {
        errno = 0;
        fail("cancelled inside LMM");
    }
}

/* ---- Processes ------------------------------------------------------------------------------- */

/* The child obeys the rest of the line, commands with ';' between them, and _exits at its end. */
static void fork_and_obey(char *rest)
{
    char *state = NULL;
    pid_t child = fork();

    need(child >= 0, "fork");
    if (child > 0) {
        answer("ok %ld", (long) child);
        return;
    }
    is_silent = true;
    for (char *line = strtok_r(rest, ";", &state); line != NULL;
         line = strtok_r(NULL, ";", &state)) {
        obey(line);
    }
    _exit(0);
}

static void wait_for_all(char **word)
{
    int status = 0;
    unsigned count = 0;

    (void) word;
    while (wait(&status) > 0) {
        count++;
    }
    answer("ok %u", count);
}

static void exec_program(char **word)
{
    execv(word_at(word, 1), word + 1);
    fail("exec");
}

static void vfork_and_exec(char **word)
{
    int status = 0;
    const char *program = word_at(word, 1);
    pid_t child = vfork();

    if (child == 0) {
        execv(program, word + 1);
        _exit(97);
    }
    need(child >= 0 && waitpid(child, &status, 0) == child && status == 0, "vfork");
}

static void spawn_program(char **word)
{
    int status = 0;
    pid_t child = 0;

    errno = posix_spawn(&child, word_at(word, 1), NULL, NULL, word + 1, environ);
    need(errno == 0 && waitpid(child, &status, 0) == child && status == 0, "spawn");
}

static void wait_for_signal(char **word)
{
    (void) word;
    for (;;) {
        pause();
    }
}

static void end_exit(char **word)
{
    exit((int) number(word_at(word, 1), 255));
}

static void end_at_once(char **word)
{
    _exit((int) number(word_at(word, 1), 255));
}

static void end_abort(char **word)
{
    (void) word;
    abort();
}

static void end_panic(char **word)
{
    struct stack *stack = family_of(word);
    void *block = lmm_alloc(stack->family);

    need(block != NULL, "alloc");
    lmm_free(block);
    lmm_free(block);
    need(false, "panic");
}

/* ---- Circumstances --------------------------------------------------------------------------- */

/* Closes all descriptors from the first on, and opens files of its own in their places. */
static void close_and_open(char **word)
{
    unsigned first = number(word_at(word, 1), 1000);

    is_silent = is_silent || first <= STDOUT_FILENO;
    need(close_range(first, ~0u, 0) == 0, "close_range");
    for (int i = 2; word[i] != NULL; i++) {
        int descriptor = open(word[i], O_RDWR | O_CREAT, 0600);
        need(descriptor >= 0 && write(descriptor, "mine\n", 5) == 5, "open");
    }
}

static void limit(int resource, const char *value)
{
    struct rlimit limit;

    need(getrlimit(resource, &limit) == 0, "getrlimit");
    limit.rlim_cur = number(value, UINT32_MAX);
    need(setrlimit(resource, &limit) == 0, "setrlimit");
}

static void limit_file_size(char **word)
{
    limit(RLIMIT_FSIZE, word_at(word, 1));
}

static void limit_descriptors(char **word)
{
    limit(RLIMIT_NOFILE, word_at(word, 1));
}

static void limit_address_space(char **word)
{
    limit(RLIMIT_AS, word_at(word, 1));
}

static void change_root(char **word)
{
    need(chroot(word_at(word, 1)) == 0 && chdir("/") == 0, "chroot");
}

/* As a server does that was started by root. */
static void change_user(char **word)
{
    uid_t user = (uid_t) number(word_at(word, 1), UINT32_MAX);

    need(setgid(user) == 0 && setuid(user) == 0, "setuid");
}

static void change_directory(char **word)
{
    need(chdir(word_at(word, 1)) == 0, "chdir");
}

/* Opens the module and calls its module_work(); it stays until `unload`. */
static void load(char **word)
{
    module = dlopen(word_at(word, 1), RTLD_NOW | RTLD_LOCAL);
    if (module == NULL) {
        answer("bad dlopen: %s", dlerror());
        _exit(98);
    }
    void (*work)(unsigned, unsigned) = NULL;
    *(void **) &work = dlsym(module, "module_work");
    work(number(word_at(word, 2), 1000), number(word_at(word, 3), 1000));
}

static void unload(char **word)
{
    (void) word;
    need(dlclose(module) == 0 && dlopen("libmodule-that-is-nowhere.so", RTLD_NOW) == NULL,
         "dlclose");
}

/* ---- Commands -------------------------------------------------------------------------------- */

static const struct command {
    const char *name;
    void (*run)(char **word);
    bool answers; /* by itself */
} commands[] = {
    {"families", families_more, false},
    {"alloc", alloc, false},
    {"free", release, false},
    {"sites", sites_more, false},
    {"crowd", crowd, false},
    {"cancel", cancel, false},
    {"wait", wait_for_all, true},
    {"exec", exec_program, false},
    {"vfork", vfork_and_exec, false},
    {"spawn", spawn_program, false},
    {"pause", wait_for_signal, false},
    {"exit", end_exit, false},
    {"_exit", end_at_once, false},
    {"abort", end_abort, false},
    {"panic", end_panic, false},
    {"closefrom", close_and_open, false},
    {"fsize", limit_file_size, false},
    {"nofile", limit_descriptors, false},
    {"space", limit_address_space, false},
    {"chdir", change_directory, false},
    {"chroot", change_root, false},
    {"setuid", change_user, false},
    {"load", load, false},
    {"unload", unload, false},
};

static void run_words(char **word)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(word[0], commands[i].name) == 0) {
            commands[i].run(word);
            if (!commands[i].answers) {
                answer("ok");
            }
            return;
        }
    }
    errno = EINVAL;
    fail(word[0]);
}

static void split_and_run(char *line)
{
    char *word[WORDS_MAX] = {NULL};
    char *state = NULL;
    int count = 0;

    for (char *at = strtok_r(line, " ", &state); at != NULL && count < WORDS_MAX - 1;
         at = strtok_r(NULL, " ", &state)) {
        word[count++] = at;
    }
    if (count > 0) {
        run_words(word);
    }
}

static void obey(char *line)
{
    line += strspn(line, " ");
    if (strncmp(line, "thread ", 7) == 0) {
        in_thread(line + 7);
    } else if (strncmp(line, "fork ", 5) == 0) {
        fork_and_obey(line + 5);
    } else {
        split_and_run(line);
    }
}

static bool read_line(char *line)
{
    size_t length = 0;

    while (length < LINE_BYTES - 1 && read(STDIN_FILENO, line + length, 1) == 1) {
        if (line[length] == '\n') {
            line[length] = '\0';
            return true;
        }
        length++;
    }
    return false;
}

int main(int argc, char **argv)
{
    char line[LINE_BYTES];

    for (int i = 1; i < argc; i++) {
        snprintf(line, sizeof(line), "%s", argv[i]);
        obey(line);
    }
    while (read_line(line)) {
        obey(line);
    }
    return 0;
}
