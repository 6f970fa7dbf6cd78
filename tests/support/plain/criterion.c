/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum {
    FAILED = 99,  /* status of a test with a failed assertion */
    SKIPPED = 77, /* status of a skipped one */
    TIMEOUT_DEFAULT = 60,
    NAME_BYTES = 256,
};

static struct plain_test *first; /* of tests and suites, the last added first */
static bool has_failed;          /* in the process of a test */
static const struct plain_test *running;
static int kept_stderr = -1; /* a file, after cr_redirect_stderr() */
static int real_stderr = STDERR_FILENO;

void plain_add(struct plain_test *test)
{
    test->next = first;
    first = test;
}

/* ---- In the process of a test ------------------------------------------------------------------ */

void plain_fail(const char *file, int line, const char *what, const char *format, ...)
{
    va_list list;

    has_failed = true;
    dprintf(real_stderr, "%s:%d: %s/%s: %s:", file, line, running->suite, running->name, what);
    va_start(list, format);
    vdprintf(real_stderr, format, list);
    va_end(list);
    dprintf(real_stderr, "\n");
}

void plain_end(void)
{
    fflush(NULL);
    _exit(has_failed ? FAILED : 0);
}

void plain_skip(const char *format, ...)
{
    va_list list;

    dprintf(real_stderr, "%s/%s skipped: ", running->suite, running->name);
    va_start(list, format);
    vdprintf(real_stderr, format, list);
    va_end(list);
    dprintf(real_stderr, "\n");
    _exit(SKIPPED);
}

void cr_redirect_stderr(void)
{
    kept_stderr = memfd_create("stderr", MFD_CLOEXEC);
    real_stderr = dup(STDERR_FILENO);
    if (kept_stderr < 0 || real_stderr < 0 || dup2(kept_stderr, STDERR_FILENO) < 0) {
        perror("cannot redirect standard error");
        abort();
    }
}

bool plain_stderr_is(const char *text)
{
    char buffer[4096];

    fflush(stderr);
    ssize_t bytes = pread(kept_stderr, buffer, sizeof(buffer), 0);

    return bytes == (ssize_t) strlen(text) && memcmp(buffer, text, (size_t) bytes) == 0;
}

static void call(void (*function)(void))
{
    if (function != NULL) {
        function();
    }
}

static const struct plain_options *options_of_suite(const char *suite)
{
    static const struct plain_options none;

    for (const struct plain_test *at = first; at != NULL; at = at->next) {
        if (at->name == NULL && strcmp(at->suite, suite) == 0) {
            return at->options;
        }
    }
    return &none;
}

static const struct plain_test *find(const char *wanted)
{
    char name[NAME_BYTES];

    for (const struct plain_test *at = first; at != NULL; at = at->next) {
        snprintf(name, sizeof(name), "%s/%s", at->suite, at->name == NULL ? "" : at->name);
        if (strcmp(name, wanted) == 0) {
            return at;
        }
    }
    fprintf(stderr, "no test %s\n", wanted);
    exit(FAILED);
}

static _Noreturn void run_here(const struct plain_test *test)
{
    const struct plain_options *suite = options_of_suite(test->suite);

    running = test;
    call(suite->init);
    call(test->options->init);
    test->run();
    call(test->options->fini);
    call(suite->fini);
    exit(has_failed ? FAILED : 0);
}

/* ---- In the process that starts them ------------------------------------------------------------ */

/* Waits for a child, and kills it after so many seconds; its status as waitpid() has it. */
static int wait_for(pid_t child, double seconds)
{
    sigset_t ended;
    struct timespec limit = {.tv_sec = (time_t) seconds};
    int status = 0;

    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (sigtimedwait(&ended, NULL, &limit) < 0 && errno == EAGAIN) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            fprintf(stderr, "killed after %.0f s: ", seconds);
            break;
        }
    }
    return status;
}

/* Runs a test; whether it does not fail. */
static bool passes(const char *program, const struct plain_test *test)
{
    double timeout = test->options->timeout > 0 ? test->options->timeout : TIMEOUT_DEFAULT;
    char name[NAME_BYTES];
    sigset_t mask;
    sigset_t before;

    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD); /* stays pending for wait_for() */
    sigprocmask(SIG_BLOCK, &mask, &before);
    fflush(NULL);
    snprintf(name, sizeof(name), "%s/%s", test->suite, test->name);
    pid_t child = fork();
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        execl("/proc/self/exe", program, "--one", name, (char *) NULL);
        _exit(FAILED);
    }
    int status = child < 0 ? -1 : wait_for(child, timeout);
    sigprocmask(SIG_SETMASK, &before, NULL);
    bool is_skipped = WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED;
    bool is_as_said = WIFSIGNALED(status) ? WTERMSIG(status) == test->options->signal
                                          : WEXITSTATUS(status) == test->options->exit_code &&
                                                test->options->signal == 0;

    if (!is_skipped && !is_as_said) {
        fprintf(stderr, "%s/%s failed: %s %d\n", test->suite, test->name,
                WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    return is_skipped || is_as_said;
}

static bool is_chosen(const struct plain_test *test, int count, char **names)
{
    char name[NAME_BYTES];

    snprintf(name, sizeof(name), "%s/%s", test->suite, test->name);
    for (int i = 1; i < count; i++) {
        if (strcmp(names[i], name) == 0 || strcmp(names[i], test->suite) == 0) {
            return true;
        }
    }
    return count < 2;
}

/* Calls for each test in the order of the source, which the list has backwards. */
static void run_from(const struct plain_test *test, int count, char **names, int *runs,
                     int *failures)
{
    if (test != NULL) {
        run_from(test->next, count, names, runs, failures);
        if (test->name != NULL && is_chosen(test, count, names)) {
            ++*runs;
            *failures += !passes(names[0], test);
        }
    }
}

int main(int count, char **names)
{
    int runs = 0;
    int failures = 0;

    if (count == 3 && strcmp(names[1], "--one") == 0) {
        run_here(find(names[2]));
    }
    run_from(first, count, names, &runs, &failures);
    fprintf(stderr, "%d tests, %d failed\n", runs, failures);
    return failures == 0 && runs > 0 ? 0 : 1;
}
