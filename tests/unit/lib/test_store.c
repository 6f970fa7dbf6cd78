/* SPDX-License-Identifier: MIT */
/* store: creation, places, growth and end of the file, the errno of each refusal, what calls leave
 * alone; with a kernel that populates, and with an older one. */
#include "tests/support/seam.h"

#include "lib/ground/options.h"
#include "lib/books/store.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/patience.h"

enum { PAGE = 4096, TICKS = 77, NAMESPACE = 88, MARK = 4242 };
enum { USED = 3 * PAGE, BOUND = 64 * PAGE };

static char folder[64];
static char path[256];
static char next[80]; /* the place after `folder` */
static char *region;
static struct lmm_ledger_header owner = {.start_ticks = TICKS, .pid_namespace = NAMESPACE};

static void set_up(void)
{
    snprintf(folder, sizeof(folder), "/tmp/lmm-store-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    setenv("LMM_DIR", folder, 1);
    snprintf(next, sizeof(next), "%s-next", folder);
    cr_assert(mkdir(next, 0700) == 0);
    setenv("XDG_RUNTIME_DIR", next, 1);
    owner.pid = (uint32_t) getpid();
    snprintf(path, sizeof(path), "%s/%ld.%d.%d.lmm", folder, (long) getpid(), TICKS, NAMESPACE);
    region = mmap(NULL, BOUND, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(region != MAP_FAILED && mprotect(region, USED, PROT_READ | PROT_WRITE) == 0);
    memset(region, 'a', PAGE);
    memset(region + PAGE, 'b', 2 * PAGE);
}

static unsigned entries(void)
{
    unsigned count = 0;
    DIR *directory = opendir(folder);

    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(directory);
    return count;
}

static void tear_down(void)
{
    char command[256];

    snprintf(command, sizeof(command), "rm -rf %s %s-target %s", folder, folder, next);
    cr_assert(system(command) == 0);
}

TestSuite(store, .init = set_up, .fini = tear_down);

static int create(void)
{
    errno = MARK;
    int result = lmm_store_create(region, USED, BOUND, &owner);
    cr_expect(errno == MARK);
    return result;
}

static bool is_mapped(void)
{
    char line[4096];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        found |= strstr(line, LMM_LEDGER_SUFFIX "\n") != NULL;
    }
    fclose(maps);
    return found;
}

/* A process that does not map its ledger looks like another program to a reader. */
Test(store, a_file_that_has_its_name_is_mapped)
{
    cr_assert(create() == 0);
    cr_expect(is_mapped());
}

static int grow(size_t bytes, size_t more)
{
    errno = MARK;
    int error = lmm_store_grow(region, bytes, more);
    cr_expect(errno == MARK);
    return error;
}

static int grow_error(void)
{
    return grow(USED, PAGE);
}

static void read_file(char *bytes, size_t expected)
{
    int descriptor = open(path, O_RDONLY);

    cr_assert(descriptor >= 0 && read(descriptor, bytes, expected) == (ssize_t) expected);
    close(descriptor);
}

/* The number that the next open() would return. */
static int lowest_descriptor(void)
{
    int descriptor = dup(STDIN_FILENO);

    close(descriptor);
    return descriptor;
}

/* ---- Creating -------------------------------------------------------------------------------- */

Test(store, a_new_file_has_the_parts_and_is_the_users_alone)
{
    char bytes[3 * PAGE + 1];
    struct stat facts;
    mode_t before = umask(0);

    cr_assert(create() == 0);
    umask(before);
    cr_assert(stat(path, &facts) == 0 && facts.st_size == BOUND);
    cr_expect((facts.st_mode & 07777) == 0600);
    cr_expect(facts.st_blocks * 512 >= USED && facts.st_blocks * 512 < BOUND, "it is sparse");
    read_file(bytes, 3 * PAGE);
    cr_expect(bytes[0] == 'a' && bytes[PAGE - 1] == 'a' && bytes[PAGE] == 'b' &&
              bytes[3 * PAGE - 1] == 'b');
    cr_expect(entries() == 1);
}

Test(store, between_calls_it_holds_no_descriptor)
{
    int lowest = lowest_descriptor();

    cr_assert(create() == 0);
    cr_expect(lowest_descriptor() == lowest);
    cr_expect(grow_error() == 0);
    cr_expect(lowest_descriptor() == lowest);
    lmm_store_remove();
    cr_expect(lowest_descriptor() == lowest);
}

Test(store, what_stands_under_the_name_is_replaced)
{
    char bytes[3 * PAGE + 1];
    int old = open(path, O_RDWR | O_CREAT, 0644);

    cr_assert(old >= 0 && write(old, "old", 3) == 3);
    cr_assert(create() == 0);
    read_file(bytes, 3 * PAGE);
    cr_expect(pread(old, bytes, sizeof(bytes), 0) == 3, "the old file is another, and as it was");
    cr_expect(entries() == 1);
}

Test(store, a_draft_left_behind_is_no_obstacle)
{
    char draft[256];

    snprintf(draft, sizeof(draft), "%s/.%ld.%d.%d.lmm.new", folder, (long) getpid(), TICKS,
             NAMESPACE);
    cr_assert(symlink("/dev/null", draft) == 0);
    cr_assert(create() == 0);
    cr_expect(entries() == 1);
}

Test(store, off_is_no_file_and_no_word, .init = cr_redirect_stderr)
{
    lmm_options.ledger_off = true;
    cr_expect(create() == -1);
    cr_expect(entries() == 0);
    fflush(stderr);
    cr_assert_stderr_eq_str("");
}

static void make_link(void)
{
    char target[80];

    snprintf(target, sizeof(target), "%s-target", folder);
    cr_assert(rename(folder, target) == 0 && symlink(target, folder) == 0);
}

static void make_file(void)
{
    cr_assert(rmdir(folder) == 0);
    int descriptor = open(folder, O_WRONLY | O_CREAT, 0600);
    cr_assert(descriptor >= 0);
    close(descriptor);
}

static void want_a_long_name(void)
{
    static char name[2 * LMM_OPTION_PATH_MAX];

    memset(name, '/', sizeof(name) - 1);
    setenv("LMM_DIR", name, 1);
}

static void limit_files(void)
{
    cr_assert(signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
    cr_assert(setrlimit(RLIMIT_FSIZE, &(struct rlimit) {3 * PAGE - 1, RLIM_INFINITY}) == 0);
}

/* Runs with stderr in a pipe; returns the result, and counts the lines. */
static int refuse(void (*prepare)(void), unsigned *ret_lines)
{
    char text[4096];
    int ends[2];

    cr_assert(pipe(ends) == 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    prepare();
    int result = create();
    setrlimit(RLIMIT_NOFILE, &(struct rlimit) {1024, 1024});
    dup2(saved, STDERR_FILENO);
    ssize_t length = read(ends[0], text, sizeof(text));
    *ret_lines = 0;
    for (ssize_t i = 0; i < length; i++) {
        *ret_lines += text[i] == '\n';
    }
    return result;
}

/* Each is a process of its own, because the store remembers its folder. */
#define REFUSAL_TEST(name, error, statement)                                                       \
    static void prepare_##name(void)                                                               \
    {                                                                                              \
        statement;                                                                                 \
    }                                                                                              \
    Test(store, name)                                                                              \
    {                                                                                              \
        unsigned lines;                                                                            \
        int result = refuse(prepare_##name, &lines);                                               \
        cr_expect(result == (error), "%d", result);                                                \
        cr_expect(lines == ((error) != 0), "%u lines", lines);                                     \
        cr_expect(region[0] == 'a' && region[USED - 1] == 'b', "the memory is as it was");         \
    }

REFUSAL_TEST(success_says_nothing, 0, (void) 0)
REFUSAL_TEST(a_limit_of_file_sizes_is_kept, EFBIG, limit_files())
REFUSAL_TEST(no_descriptor_is_told, EMFILE,
             cr_assert(setrlimit(RLIMIT_NOFILE, &(struct rlimit) {.rlim_max = 1024}) == 0))

Test(store, a_refusal_leaves_nothing)
{
    unsigned lines;

    cr_expect(refuse(limit_files, &lines) == EFBIG && entries() == 0);
}

/* A directory that was named and does not work gets a line, and the file goes to the next place. */
#define NEXT_PLACE_TEST(name, statement)                                                           \
    static void prepare_##name(void)                                                               \
    {                                                                                              \
        statement;                                                                                 \
    }                                                                                              \
    Test(store, name)                                                                              \
    {                                                                                              \
        unsigned lines;                                                                            \
        cr_expect(refuse(prepare_##name, &lines) == 0 && lines == 1);                              \
        snprintf(path, sizeof(path), "%s/lmm/%ld.%d.%d.lmm", next, (long) getpid(), TICKS,         \
                 NAMESPACE);                                                                       \
        cr_expect(access(path, F_OK) == 0 && is_mapped());                                         \
    }

NEXT_PLACE_TEST(after_a_link_the_next_place_is_tried, make_link())
NEXT_PLACE_TEST(after_a_file_the_next_place_is_tried, make_file())
NEXT_PLACE_TEST(after_a_folder_open_to_others_the_next_place_is_tried,
                cr_assert(chmod(folder, 0750) == 0))
NEXT_PLACE_TEST(without_a_parent_the_next_place_is_tried,
                setenv("LMM_DIR", "/tmp/no/such/folder", 1))
NEXT_PLACE_TEST(after_a_folder_under_its_name_the_next_place_is_tried,
                cr_assert(mkdir(path, 0700) == 0))
NEXT_PLACE_TEST(after_a_long_name_the_next_place_is_tried, want_a_long_name())

/* ---- Growing --------------------------------------------------------------------------------- */

static void check_growth(void)
{
    static char bytes[8 * PAGE + 1];

    cr_assert(grow(USED, PAGE) == 0 && grow(USED + PAGE, 4 * PAGE) == 0);
    char *first = region + USED;
    char *second = first + PAGE;
    cr_expect(first[0] == 0 && second[0] == 0 && second[4 * PAGE - 1] == 0);
    region[1] = 'c';
    first[0] = '1';
    second[4 * PAGE - 1] = '2';
    read_file(bytes, 8 * PAGE);
    cr_expect(bytes[3 * PAGE] == '1' && bytes[8 * PAGE - 1] == '2' && bytes[0] == 'a' &&
              bytes[1] == 'c');
}

/* A kernel before Linux 5.14. */
static void create_without_populate(void)
{
    seam_install();
    seam_fail_all(SEAM_POPULATE);
    cr_assert(create() == 0);
}

Test(store, growth_is_zeroed_and_shared)
{
    cr_assert(create() == 0);
    check_growth();
}

Test(store, growth_is_the_same_without_populate)
{
    create_without_populate();
    check_growth();
}

static void remove_and_replace(void)
{
    cr_assert(unlink(path) == 0);
    cr_assert(mkfifo(path, 0600) == 0);
}

/* All but those of the test's framework, which are low. */
static void close_all(void)
{
    syscall(SYS_close_range, 400, ~0u, 0);
}

static int grow_without_descriptors(void)
{
    setrlimit(RLIMIT_NOFILE, &(struct rlimit) {0, 1024});
    int error = grow_error();
    setrlimit(RLIMIT_NOFILE, &(struct rlimit) {1024, 1024});
    return error;
}

/* The mapping is all that it needs; on an older kernel, its name or its descriptor. */
Test(store, growth_needs_neither_name_nor_descriptor)
{
    cr_assert(create() == 0);
    remove_and_replace();
    close_all();
    cr_expect(grow_without_descriptors() == 0);
    region[USED] = 'x';
}

Test(store, without_populate_the_descriptor_will_do)
{
    create_without_populate();
    remove_and_replace();
    cr_expect(grow_without_descriptors() == 0);
}

Test(store, without_populate_the_name_will_do)
{
    create_without_populate();
    close_all();
    cr_expect(grow_error() == 0);
}

Test(store, without_populate_another_file_is_left_alone)
{
    struct stat facts;

    create_without_populate();
    close_all();
    int other = 3;
    unlink(path);
    cr_expect(grow_error() == ENOENT);
    while (other >= 0 && other < 600) { /* one of them has the number of the kept one */
        other = open(path, O_RDWR | O_CREAT, 0600);
    }
    cr_expect(grow_error() == ESTALE);
    cr_expect(!lmm_store_leave(region, USED));
    lmm_store_remove();
    cr_expect(stat(path, &facts) == 0 && facts.st_size == 0, "neither written nor removed");
    cr_expect(fcntl(500, F_GETFD) >= 0, "nor closed");
}

Test(store, without_populate_a_link_to_the_file_is_not_the_file)
{
    char aside[280];

    create_without_populate();
    close_all();
    snprintf(aside, sizeof(aside), "%s.aside", path);
    cr_assert(rename(path, aside) == 0 && symlink(aside, path) == 0);
    cr_expect(grow_error() == ELOOP);
    lmm_store_remove();
    cr_expect(entries() == 2);
}

Test(store, without_populate_a_fifo_is_not_waited_for)
{
    create_without_populate();
    close_all();
    remove_and_replace();
    patience_alarm(60);
    cr_expect(grow_error() == ESTALE);
}

Test(store, the_bound_is_an_error)
{
    cr_assert(create() == 0);
    cr_expect(grow(USED, BOUND - USED + PAGE) == EFBIG);
    cr_expect(grow(USED, BOUND - USED) == 0);
    cr_expect(grow(BOUND, PAGE) == EFBIG);
}

/* The kernel would send SIGXFSZ at the file's stretching; what is stretched may be filled. */
Test(store, the_limit_of_file_sizes_is_a_bound)
{
    signal(SIGXFSZ, SIG_DFL);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit) {USED + 2 * PAGE - 1, RLIM_INFINITY});
    cr_assert(create() == 0);
    cr_expect(grow(USED, 2 * PAGE) == EFBIG);
    cr_expect(grow(USED, PAGE) == 0);
}

Test(store, no_memory_is_an_error)
{
    cr_assert(create() == 0);
    seam_install();
    seam_fail_all(SEAM_OPEN);
    cr_expect(grow_error() == ENOMEM);
    seam_heal();
    cr_expect(grow_error() == 0, "and can be tried again");
}

Test(store, what_is_left_keeps_its_contents)
{
    char bytes[USED + 1];

    cr_assert(create() == 0);
    cr_expect(lmm_store_leave(region, USED));
    region[0] = 'z';
    read_file(bytes, USED);
    cr_expect(bytes[0] == 'a' && region[PAGE] == 'b');
}

/* ---- The end --------------------------------------------------------------------------------- */

/* Two copies of LMM in one process would use the same name. */
Test(store, a_file_that_this_process_has_mapped_is_not_replaced)
{
    struct stat before;
    struct stat after;

    cr_assert(create() == 0);
    cr_assert(stat(path, &before) == 0);
    cr_redirect_stderr();
    cr_expect(create() == EEXIST);
    cr_expect(stat(path, &after) == 0 && after.st_ino == before.st_ino && entries() == 1);
}

/* A umask may remove even the user's own rights. */
Test(store, the_umask_does_not_matter)
{
    struct stat facts;

    cr_assert(rmdir(folder) == 0);
    mode_t before = umask(0777);
    cr_assert(create() == 0);
    umask(before);
    cr_expect(stat(folder, &facts) == 0 && (facts.st_mode & 0777) == 0700);
    cr_expect(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0600);
}

Test(store, removing_removes)
{
    cr_assert(create() == 0);
    errno = MARK;
    lmm_store_remove();
    cr_expect(errno == MARK && entries() == 0);
    lmm_store_remove();
    cr_expect(errno == MARK);
}

/* ---- Cancellation ---------------------------------------------------------------------------- */

static bool got_through;

static void *create_cancelled(void *unused)
{
    pthread_cancel(pthread_self());
    got_through = lmm_store_create(region, USED, BOUND, &owner) == 0;
    got_through = got_through && lmm_store_grow(region, USED, PAGE) == 0;
    lmm_store_remove();
    got_through = got_through && access(path, F_OK) != 0;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    return unused;
}

Test(store, nothing_is_a_cancellation_point)
{
    pthread_t thread;
    void *result = NULL;

    cr_assert(pthread_create(&thread, NULL, create_cancelled, NULL) == 0);
    cr_assert(pthread_join(thread, &result) == 0);
    cr_expect(result != PTHREAD_CANCELED && got_through);
}
