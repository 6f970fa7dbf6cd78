/* SPDX-License-Identifier: MIT */
#include "lib/books/store.h"

#include "lib/ground/options.h"
#include "lib/ground/panic.h"
#include "lib/ground/system.h"
#include "lib/books/process.h"
#include "lib/ground/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmm/ledger.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { NAME_BYTES = 64 }; /* <pid>.<start ticks>.<PID namespace>.lmm */

static struct {
    char directory[LMM_OPTION_PATH_MAX]; /* absolute; empty: not chosen yet */
    uid_t user;                          /* the owner of that directory */
    bool has_complained;                 /* one line is enough, also in forked children */
    char path[LMM_OPTION_PATH_MAX + NAME_BYTES];
    dev_t device;
    ino_t inode;
    int descriptor;   /* between create or open, and close */
    void *first_page; /* of a new file, mapped between create and close */
} store = {.descriptor = -1};

/* ---- The directory --------------------------------------------------------------------------- */

/* Whether the open directory belongs to this user and nobody else has rights to it. */
static bool is_private(int descriptor)
{
    struct stat facts;

    return lmm_system_fstat(descriptor, &facts) == 0 && facts.st_uid == lmm_system_geteuid() &&
           (facts.st_mode & 077) == 0;
}

static bool is_link(const char *path)
{
    struct stat facts;

    return lmm_system_lstat(path, &facts) == 0 && S_ISLNK(facts.st_mode);
}

/* Opens the directory, and makes it first if needed; or -errno, -EPERM: not the user's alone. */
static int open_directory(const char *path)
{
    int made = lmm_system_mkdir(path, 0700);

    /* The umask may take even the user's own rights away. */
    made = made == 0 ? lmm_system_chmod(path, 0700) : made;
    if (made != 0 && made != -EEXIST) {
        return made;
    }
    int descriptor = lmm_system_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (descriptor >= 0 && !is_private(descriptor)) {
        lmm_system_close(descriptor);
        return -EPERM;
    }
    /* The kernel tells a link to a directory by ENOTDIR, too. */
    return descriptor == -ENOTDIR && is_link(path) ? -ELOOP : descriptor;
}

/* After su, XDG_RUNTIME_DIR may name another user's directory, which is not for these files. */
static bool runtime_directory(char *path, size_t bytes)
{
    const char *base = lmm_system_variable("XDG_RUNTIME_DIR");
    struct stat facts;

    return base != NULL && base[0] == '/' && lmm_system_stat(base, &facts) == 0 &&
           S_ISDIR(facts.st_mode) && facts.st_uid == lmm_system_geteuid() &&
           (size_t) snprintf(path, bytes, "%s/lmm", base) < bytes;
}

/* Writes the directory that the settings ask for; false when the name is too long. */
static bool wanted_directory(char *path, size_t bytes)
{
    const char *named = lmm_system_variable("LMM_DIR");

    if (lmm_options.ledger[0] != '\0') {
        return lmm_options_expand_path(lmm_options.ledger, path, bytes);
    }
    if (named != NULL && named[0] != '\0') {
        return (size_t) snprintf(path, bytes, "%s", named) < bytes;
    }
    if (!runtime_directory(path, bytes)) {
        snprintf(path, bytes, "/dev/shm/lmm-%u", lmm_system_geteuid());
    }
    return true;
}

/* The program may change its working directory later. */
static bool make_absolute(const char *path, char *ret_absolute, size_t bytes)
{
    char working[LMM_OPTION_PATH_MAX];

    if (path[0] == '/') {
        return (size_t) snprintf(ret_absolute, bytes, "%s", path) < bytes;
    }
    return lmm_system_getcwd(working, sizeof(working)) != 0 &&
           (size_t) snprintf(ret_absolute, bytes, "%s/%s", working, path) < bytes;
}

static const char *reason_of(int error)
{
    return error == EPERM     ? "it is not a directory of this user alone (mode 0700)"
           : error == ELOOP   ? "it is a symbolic link"
           : error == EEXIST  ? "another copy of LMM in this process keeps one"
           : error == ENOTDIR ? "it is not a directory"
                              : strerrordesc_np(error);
}

/* Prints one line in a process, and none in the children that it forks afterwards. */
static void complain(const char *directory, const char *reason, const char *advice)
{
    if (!store.has_complained) {
        lmm_warn("no ledger in '%.700s': %s%s", directory, reason, advice);
    }
    store.has_complained = true;
}

/* Opens the directory; a forked child keeps its parent's. -errno after one line on stderr. */
static int choose_directory(void)
{
    char path[LMM_OPTION_PATH_MAX] = "";
    int descriptor = -ENAMETOOLONG;

    if (store.user != lmm_system_geteuid()) {
        store.directory[0] = '\0'; /* the process has changed its user since */
        store.user = lmm_system_geteuid();
    }
    if (store.directory[0] != '\0' ||
        (wanted_directory(path, sizeof(path)) &&
         make_absolute(path, store.directory, sizeof(store.directory)))) {
        descriptor = open_directory(store.directory);
    }
    if (descriptor < 0) {
        complain(store.directory[0] != '\0' ? store.directory : path, reason_of(-descriptor),
                 "; set LMM_DIR, or LMM_OPTIONS=ledger=off");
    }
    return descriptor;
}

/* ---- The file -------------------------------------------------------------------------------- */

/* Whether the limit of file sizes allows that size; beyond it the kernel would send SIGXFSZ. */
static bool is_within_limit(size_t bytes)
{
    return bytes <= lmm_system_limit(RLIMIT_FSIZE);
}

/* Writes all of data at offset; 0 or an errno. */
static int write_at(int descriptor, const char *data, size_t bytes, size_t offset)
{
    for (size_t at = 0; at < bytes;) {
        ssize_t done = lmm_system_pwrite(descriptor, data + at, bytes - at, offset + at);
        if (done < 0 && done != -EINTR) {
            return (int) -done;
        }
        at += done < 0 ? 0 : (size_t) done;
    }
    return 0;
}

/* For file systems that cannot allocate ahead: zeroes are written instead. */
static int fill(int descriptor, size_t offset, size_t bytes)
{
    static const char zeroes[LMM_SYSTEM_PAGE_BYTES];
    int error = 0;

    for (size_t at = 0; at < bytes && error == 0; at += sizeof(zeroes)) {
        size_t left = bytes - at;
        error = write_at(descriptor, zeroes, left < sizeof(zeroes) ? left : sizeof(zeroes),
                         offset + at);
    }
    return error;
}

/* Makes sure that stores to these bytes cannot fail; 0 or an errno. */
static int allocate(int descriptor, size_t offset, size_t bytes)
{
    int result;

    if (!is_within_limit(offset + bytes)) {
        return EFBIG;
    }
    do {
        result = lmm_system_fallocate(descriptor, offset, bytes);
    } while (result == -EINTR);
    if (result == -EOPNOTSUPP || result == -ENOSYS) {
        return fill(descriptor, offset, bytes);
    }
    return -result;
}

static int write_parts(int descriptor, const struct lmm_store_part *parts, size_t count)
{
    size_t offset = 0;
    int error = 0;

    for (size_t i = 0; i < count && error == 0; i++) {
        error = write_at(descriptor, parts[i].data, parts[i].bytes, offset);
        offset += parts[i].bytes;
    }
    return error;
}

static size_t total_bytes(const struct lmm_store_part *parts, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += parts[i].bytes;
    }
    return bytes;
}

/* Maps the new file's first page until lmm_store_close(): not every file system maps files shared,
 * and a failure later may unmap memory in use. A process that does not map the ledger of its name
 * counts as another program, and `lmm gc` would remove the file. */
static bool map_first_page(int descriptor)
{
    store.first_page = lmm_vm_map_file(NULL, LMM_SYSTEM_PAGE_BYTES, descriptor, 0, true);
    return store.first_page != NULL;
}

static void unmap_first_page(void)
{
    if (store.first_page != NULL) {
        lmm_vm_unmap(store.first_page, LMM_SYSTEM_PAGE_BYTES);
        store.first_page = NULL;
    }
}

/* Fills the new file `draft` and gives it its name, replacing a file of that name (the program
 * before exec); 0 or an errno. */
static int complete(int directory, int descriptor, const char *draft, const char *name,
                    const struct lmm_store_part *parts, size_t count)
{
    struct stat facts;

    int error = -lmm_system_fchmod(descriptor, 0600);
    error = error == 0 ? -lmm_system_fstat(descriptor, &facts) : error;
    if (error != 0) {
        return error;
    }
    store.device = facts.st_dev;
    store.inode = facts.st_ino;
    error = allocate(descriptor, 0, total_bytes(parts, count));
    if (error == 0) {
        error = map_first_page(descriptor) ? write_parts(descriptor, parts, count) : EOPNOTSUPP;
    }
    return error == 0 ? -lmm_system_renameat(directory, draft, name) : error;
}

static int create_in(int directory, const struct lmm_store_part *parts, size_t count,
                     const struct lmm_ledger_header *header)
{
    char name[NAME_BYTES];
    char draft[NAME_BYTES + 8];

    snprintf(name, sizeof(name), "%" PRIu32 ".%" PRIu64 ".%" PRIu64 LMM_LEDGER_SUFFIX, header->pid,
             header->start_ticks, header->pid_namespace);
    snprintf(draft, sizeof(draft), ".%s.new", name);
    snprintf(store.path, sizeof(store.path), "%s/%s", store.directory, name);
    /* A file of this name belongs to the program before exec, or, if mapped, to another copy of
     * LMM. */
    if (lmm_system_exists_at(directory, name) && lmm_process_has_mapped(name)) {
        return EEXIST;
    }
    lmm_system_unlinkat(directory, draft);
    int descriptor = lmm_system_openat(directory, draft,
                                       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return -descriptor;
    }
    int error = complete(directory, descriptor, draft, name, parts, count);
    if (error != 0) {
        unmap_first_page();
        lmm_system_unlinkat(directory, draft);
        lmm_system_close(descriptor);
        return error;
    }
    store.descriptor = descriptor;
    return 0;
}

int lmm_store_create(const struct lmm_store_part *parts, size_t count,
                     const struct lmm_ledger_header *header)
{
    struct lmm_quiet quiet = lmm_quiet_begin();
    int result = -1;

    LMM_CHECK(count != 0 && store.descriptor < 0);
    if (!lmm_options.ledger_off && getauxval(AT_SECURE) == 0) {
        int directory = choose_directory();
        result = -directory;
        if (directory >= 0) {
            result = create_in(directory, parts, count, header);
            lmm_system_close(directory);
            if (result != 0) {
                complain(store.directory, reason_of(result), "");
            }
        }
    }
    lmm_quiet_end(&quiet);
    return result;
}

bool lmm_store_map_over(void *address, size_t bytes, size_t offset, bool shared)
{
    LMM_CHECK(store.descriptor >= 0);
    struct lmm_quiet quiet = lmm_quiet_begin();
    bool done = lmm_vm_map_file(address, bytes, store.descriptor, offset, shared) != NULL;

    lmm_quiet_end(&quiet);
    return done;
}

void lmm_store_close(void)
{
    struct lmm_quiet quiet = lmm_quiet_begin();

    unmap_first_page();
    lmm_system_close(store.descriptor);
    store.descriptor = -1;
    lmm_quiet_end(&quiet);
}

static bool is_ours(const struct stat *facts)
{
    return facts->st_dev == store.device && facts->st_ino == store.inode;
}

static int reopen(void)
{
    struct stat facts;
    int descriptor = lmm_system_open(store.path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);

    if (descriptor >= 0 && (lmm_system_fstat(descriptor, &facts) != 0 || !is_ours(&facts))) {
        lmm_system_close(descriptor);
        return -ESTALE;
    }
    return descriptor;
}

bool lmm_store_open(void)
{
    struct lmm_quiet quiet = lmm_quiet_begin();

    store.descriptor = reopen();
    lmm_quiet_end(&quiet);
    return store.descriptor >= 0;
}

static void *grow(int descriptor, size_t bytes, size_t more, int *ret_error)
{
    *ret_error = allocate(descriptor, bytes, more);
    if (*ret_error != 0) {
        return NULL;
    }
    void *mapped = lmm_vm_map_file(NULL, more, descriptor, bytes, true);
    *ret_error = mapped == NULL ? ENOMEM : 0;
    return mapped;
}

void *lmm_store_grow(size_t bytes, size_t more, int *ret_error)
{
    struct lmm_quiet quiet = lmm_quiet_begin();
    void *mapped = NULL;
    int descriptor = reopen();

    if (descriptor < 0) {
        *ret_error = -descriptor;
    } else {
        mapped = grow(descriptor, bytes, more, ret_error);
        lmm_system_close(descriptor);
    }
    lmm_quiet_end(&quiet);
    return mapped;
}

void lmm_store_remove(void)
{
    struct lmm_quiet quiet = lmm_quiet_begin();
    struct stat facts;

    if (lmm_system_lstat(store.path, &facts) == 0 && is_ours(&facts)) {
        lmm_system_unlink(store.path);
    }
    lmm_quiet_end(&quiet);
}
