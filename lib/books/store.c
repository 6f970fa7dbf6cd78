/* SPDX-License-Identifier: MIT */
#include "lib/books/store.h"

#include "lib/ground/libc.h"
#include "lib/ground/options.h"
#include "lib/ground/panic.h"
#include "lib/ground/system.h"
#include "lib/ground/short_text.h"
#include "lib/books/process.h"
#include "lib/ground/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <lmm/ledger.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
    NAME_BYTES = 64, /* <pid>.<start ticks>.<PID namespace>.lmm */
    KEPT_FROM = 500, /* the first number to try for a kept descriptor: programs choose low ones */
};

static struct {
    char directory[LMM_OPTION_PATH_MAX];         /* absolute; empty: not chosen yet */
    uid_t user;                                  /* the owner of that directory */
    bool has_complained;                         /* one line is enough, also in forked children */
    char path[LMM_OPTION_PATH_MAX + NAME_BYTES]; /* empty: the file has no name */
    dev_t device;
    ino_t inode;
    size_t file_bytes; /* the length of the sparse file */
    int descriptor;    /* kept open; -1: none is */
    bool can_populate; /* the kernel has MADV_POPULATE_WRITE, for this file */
} store = {.descriptor = -1};

/* ---- Directories ----------------------------------------------------------------------------- */

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

/* The places for the file, in the order in which they are tried. */
enum place { CHOSEN, OPTION, VARIABLE, RUNTIME, SHARED_MEMORY, TEMPORARY, PLACES };

/* After su, XDG_RUNTIME_DIR may name another user's directory, which is not for these files. */
static bool runtime_directory(char *path, size_t bytes)
{
    const char *base = lmm_system_variable("XDG_RUNTIME_DIR");
    struct stat facts;

    return base != NULL && base[0] == '/' && lmm_system_stat(base, &facts) == 0 &&
           S_ISDIR(facts.st_mode) && facts.st_uid == lmm_system_geteuid() &&
           lmm_short_text_join(path, bytes, LMM_TEXTS(base, "/lmm")) < bytes;
}

static size_t users_directory(const char *start, char *path, size_t bytes)
{
    struct lmm_short_text text = lmm_short_text_begin(path, bytes);

    lmm_short_text_put(&text, start);
    lmm_short_text_put_number(&text, lmm_system_geteuid());
    return text.length;
}

/* Writes the directory of a place, as far as it fits. The result is its length; 0: the place does
 * not apply; at least bytes: it is too long. */
static size_t directory_of(enum place place, char *path, size_t bytes)
{
    const char *named = lmm_system_variable("LMM_DIR");

    path[0] = '\0';
    switch (place) {
    case CHOSEN: return lmm_short_text_join(path, bytes, LMM_TEXTS(store.directory));
    case OPTION:
        return lmm_options_expand_path(lmm_options.ledger, path, bytes) ? strlen(path) : bytes;
    case VARIABLE: return lmm_short_text_join(path, bytes, LMM_TEXTS(named));
    case RUNTIME: return runtime_directory(path, bytes) ? strlen(path) : 0;
    case SHARED_MEMORY: return users_directory("/dev/shm/lmm-", path, bytes);
    case TEMPORARY: return users_directory("/tmp/lmm-", path, bytes);
    case PLACES: break;
    }
    return 0;
}

/* The program may change its working directory later. */
static bool make_absolute(const char *path, char *ret_absolute, size_t bytes)
{
    char working[LMM_OPTION_PATH_MAX];

    if (path[0] == '/') {
        return lmm_short_text_join(ret_absolute, bytes, LMM_TEXTS(path)) < bytes;
    }
    return lmm_system_getcwd(working, sizeof(working)) != 0 &&
           lmm_short_text_join(ret_absolute, bytes, LMM_TEXTS(working, "/", path)) < bytes;
}

/* ---- The contents ---------------------------------------------------------------------------- */

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
        error = write_at(descriptor, zeroes, sizeof(zeroes), offset + at);
    }
    return error;
}

/* Gives a part of the file its space; 0 or an errno. */
static int allocate(int descriptor, size_t offset, size_t bytes)
{
    int result;

    do {
        result = lmm_system_fallocate(descriptor, offset, bytes);
    } while (result == -EINTR);
    return result == -EOPNOTSUPP || result == -ENOSYS ? fill(descriptor, offset, bytes) : -result;
}

/* Makes the new file as long as the bound, or as the file system and the limit of file sizes allow:
 * past the limit the kernel would send SIGXFSZ. 0 or an errno. */
static int stretch(int descriptor, size_t bytes, size_t bound_bytes)
{
    uint64_t limit = lmm_vm_page_start(lmm_system_limit(RLIMIT_FSIZE));
    size_t length = bound_bytes < limit ? bound_bytes : (size_t) limit;
    int error = EFBIG;

    while (length >= bytes && length != 0) {
        error = -lmm_system_ftruncate(descriptor, length);
        if (error == 0) {
            store.file_bytes = length;
            return 0;
        }
        length = lmm_vm_page_start(length / 2);
    }
    return error;
}

/* ---- The file -------------------------------------------------------------------------------- */

static bool is_ours(const struct stat *facts)
{
    return facts->st_dev == store.device && facts->st_ino == store.inode;
}

static bool is_our_descriptor(int descriptor)
{
    struct stat facts;

    return descriptor >= 0 && lmm_system_fstat(descriptor, &facts) == 0 && is_ours(&facts);
}

/* The kept descriptor, or a new one by the file's name; or -errno. */
static int reach(void)
{
    if (is_our_descriptor(store.descriptor)) {
        return store.descriptor;
    }
    int descriptor = lmm_system_open(store.path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    if (descriptor >= 0 && !is_our_descriptor(descriptor)) {
        lmm_system_close(descriptor);
        return -ESTALE;
    }
    return descriptor;
}

static void leave_alone(int descriptor)
{
    if (descriptor >= 0 && descriptor != store.descriptor) {
        lmm_system_close(descriptor);
    }
}

/* Gives up the descriptor, unless its number is the program's by now. */
static void drop_descriptor(void)
{
    if (is_our_descriptor(store.descriptor)) {
        lmm_system_close(store.descriptor);
    }
    store.descriptor = -1;
}

/* Keeps the descriptor, under a number that programs rarely use. */
static void keep_descriptor(int descriptor)
{
    int high = lmm_system_fcntl(descriptor, F_DUPFD_CLOEXEC, KEPT_FROM);

    store.descriptor = high >= 0 ? high : descriptor;
}

/* Maps the file over the region: first what is not accessible yet, where nothing is lost if the
 * kernel refuses. */
static bool map_over(void *region, size_t bytes, int descriptor)
{
    size_t rest = store.file_bytes - bytes;

    return (rest == 0 || lmm_vm_reserve_file((char *) region + bytes, rest, descriptor, bytes)) &&
           lmm_vm_map_file(region, bytes, descriptor, 0, true) != NULL;
}

/*
 * Whether the file can be mapped shared: not every file system does that, and a failure later may
 * unmap memory in use. The mapping stays while the file gets its name: a process that does not map
 * the ledger of its name counts as another program, and `lmm gc` would remove the file.
 */
static void *try_mapping(int descriptor)
{
    void *page = lmm_vm_map_file(NULL, lmm_vm_page_bytes(), descriptor, 0, true);
    int error = page == NULL ? -EINVAL : lmm_vm_populate(page, lmm_vm_page_bytes());

    /* ENOSYS and EPERM: a filter of system calls. */
    store.can_populate = error != -EINVAL && error != -ENOSYS && error != -EPERM;
    return page;
}

/* What a file needs. */
struct contents {
    void *region;
    size_t bytes;
    size_t bound_bytes;
};

/* Fills the new file and maps it; in a directory it gets its name before it is mapped over the
 * region. 0 or an errno. */
static int complete(int descriptor, const struct contents *contents, int directory,
                    const char *draft, const char *name)
{
    struct stat facts;
    int error = -lmm_system_fchmod(descriptor, 0600);

    error = error == 0 ? -lmm_system_fstat(descriptor, &facts) : error;
    error = error == 0 ? stretch(descriptor, contents->bytes, contents->bound_bytes) : error;
    if (error != 0) {
        return error;
    }
    store.device = facts.st_dev;
    store.inode = facts.st_ino;
    error = write_at(descriptor, contents->region, contents->bytes, 0);
    void *page = error == 0 ? try_mapping(descriptor) : NULL;
    if (page == NULL) {
        return error == 0 ? EOPNOTSUPP : error;
    }
    error = name == NULL ? 0 : -lmm_system_renameat(directory, draft, name);
    if (error == 0 && !map_over(contents->region, contents->bytes, descriptor)) {
        error = ENOMEM;
        if (name != NULL) {
            lmm_system_unlinkat(directory, name);
        }
    }
    lmm_vm_unmap(page, lmm_vm_page_bytes());
    return error;
}

static int create_in(int directory, const struct contents *contents, const char *name)
{
    char draft[NAME_BYTES + 8];

    lmm_short_text_join(draft, sizeof(draft), LMM_TEXTS(".", name, ".new"));
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
    int error = complete(descriptor, contents, directory, draft, name);
    if (error != 0) {
        lmm_system_unlinkat(directory, draft);
    } else if (!store.can_populate) {
        keep_descriptor(descriptor);
    }
    leave_alone(descriptor);
    return error;
}

/* The last place: memory that only this process has; readers find the descriptor in /proc. */
static int create_memory_file(const struct contents *contents, const char *name)
{
    int descriptor = lmm_system_memfd_create(name);

    if (descriptor < 0) {
        return -descriptor;
    }
    int error = complete(descriptor, contents, -1, NULL, NULL);
    if (error == 0) {
        keep_descriptor(descriptor);
        store.path[0] = '\0';
    }
    leave_alone(descriptor);
    return error;
}

/* ---- The place ------------------------------------------------------------------------------- */

static const char *reason_of(int error)
{
    return error == EPERM     ? "it is not a directory of this user alone (mode 0700)"
           : error == ELOOP   ? "it is a symbolic link"
           : error == EEXIST  ? "another copy of LMM in this process keeps one"
           : error == ENOTDIR ? "it is not a directory"
                              : lmm_error_text(error);
}

/* What happened so far, for the one line about it. */
struct trouble {
    char directory[LMM_OPTION_PATH_MAX]; /* the first that failed; empty: none did */
    int error;
    bool is_asked_for; /* somebody named it */
};

static void note(struct trouble *trouble, enum place place, const char *directory, int error)
{
    bool is_asked_for = place <= VARIABLE;

    if (trouble->error == 0 || (is_asked_for && !trouble->is_asked_for)) {
        lmm_short_text_join(trouble->directory, sizeof(trouble->directory), LMM_TEXTS(directory));
        trouble->error = error;
        trouble->is_asked_for = is_asked_for;
    }
}

/* Tries one place. 0: the file is there; -1: the place does not apply; or an errno. */
static int create_at(enum place place, const struct contents *contents, const char *name,
                     struct trouble *trouble)
{
    static char path[LMM_OPTION_PATH_MAX]; /* the thread's stack may be small; under LEDGER */
    static char absolute[LMM_OPTION_PATH_MAX];
    size_t length = directory_of(place, path, sizeof(path));

    absolute[0] = '\0';
    if (length == 0) {
        return -1;
    }
    bool fits = length < sizeof(path) && make_absolute(path, absolute, sizeof(absolute));
    int directory = fits ? open_directory(absolute) : -ENAMETOOLONG;
    int error = -directory;
    if (directory >= 0) {
        error = create_in(directory, contents, name);
        lmm_system_close(directory);
    }
    if (error == 0) {
        memcpy(store.directory, absolute, sizeof(absolute));
        lmm_short_text_join(store.path, sizeof(store.path), LMM_TEXTS(absolute, "/", name));
    } else {
        note(trouble, place, absolute[0] == '\0' ? path : absolute, error);
    }
    return error;
}

/* Prints one line in a process, and none in the children that it forks afterwards. */
static void complain(const struct trouble *trouble, int result)
{
    const char *reason = reason_of(trouble->error);

    if (store.has_complained || trouble->error == 0) {
        return;
    }
    store.has_complained = true;
    if (result == 0 && store.path[0] == '\0') {
        lmm_warn("no ledger in '%.600s': %s; lmm can see this process only while it lives",
                 trouble->directory, reason);
    } else if (result == 0) {
        lmm_warn("no ledger in '%.600s': %s; it is in '%.300s'", trouble->directory, reason,
                 store.directory);
    } else {
        lmm_warn("no ledger in '%.700s': %s%s", trouble->directory, reason,
                 trouble->error == EEXIST ? "" : "; set LMM_DIR, or LMM_OPTIONS=ledger=off");
    }
}

static int create(const struct contents *contents, const char *name)
{
    static struct trouble trouble; /* as the paths in create_at() */
    int result = -1;

    trouble = (struct trouble) {.error = 0};
    if (store.user != lmm_system_geteuid()) {
        store.directory[0] = '\0'; /* the process has changed its user since */
        store.user = lmm_system_geteuid();
    }
    for (enum place place = CHOSEN; place < PLACES && result != 0 && result != EEXIST; place++) {
        result = create_at(place, contents, name, &trouble);
    }
    if (result != 0 && result != EEXIST) {
        result = create_memory_file(contents, name);
    }
    /* Only what was asked for, and did not happen, is worth a line. */
    if (result != 0 || trouble.is_asked_for || store.path[0] == '\0') {
        complain(&trouble, result);
    }
    return result == 0 ? 0 : trouble.error != 0 ? trouble.error : result;
}

bool lmm_store_is_wanted(void)
{
    return !lmm_options.ledger_off && getauxval(AT_SECURE) == 0;
}

int lmm_store_create(void *region, size_t bytes, size_t bound_bytes,
                     const struct lmm_ledger_header *header)
{
    struct contents contents = {region, bytes, bound_bytes};
    int saved_errno = errno;
    char name[NAME_BYTES];

    LMM_CHECK(bytes != 0 && bytes <= bound_bytes && store.descriptor < 0);
    if (!lmm_store_is_wanted()) {
        return -1;
    }
    struct lmm_short_text text = lmm_short_text_begin(name, sizeof(name));
    lmm_short_text_put_number(&text, header->pid);
    lmm_short_text_put(&text, ".");
    lmm_short_text_put_number(&text, header->start_ticks);
    lmm_short_text_put(&text, ".");
    lmm_short_text_put_number(&text, header->pid_namespace);
    lmm_short_text_put(&text, LMM_LEDGER_SUFFIX);
    int result = create(&contents, name);
    errno = saved_errno;
    return result;
}

/* ---- Growth and end -------------------------------------------------------------------------- */

static int grow_by_descriptor(size_t offset, size_t more)
{
    int descriptor = reach();
    int error = descriptor < 0 ? -descriptor : allocate(descriptor, offset, more);

    leave_alone(descriptor);
    return error;
}

/* The kernel answers EFAULT where a store would raise SIGBUS: when the file gets no space. */
static int populate(void *address, size_t bytes)
{
    int error;

    do {
        error = -lmm_vm_populate(address, bytes);
    } while (error == EINTR || error == EAGAIN);
    return error == EFAULT ? ENOSPC : error;
}

int lmm_store_grow(void *region, size_t bytes, size_t more)
{
    char *address = (char *) region + bytes;
    int saved_errno = errno;

    if (more > store.file_bytes || bytes > store.file_bytes - more) {
        return EFBIG;
    }
    int error = store.can_populate ? 0 : grow_by_descriptor(bytes, more);
    if (error == 0 && !lmm_vm_open(address, more)) {
        error = ENOMEM;
    }
    errno = saved_errno;
    return error == 0 && store.can_populate ? populate(address, more) : error;
}

bool lmm_store_leave(void *region, size_t bytes)
{
    int saved_errno = errno;
    int descriptor = reach();
    bool done = descriptor >= 0 && lmm_vm_map_file(region, bytes, descriptor, 0, false) != NULL;

    leave_alone(descriptor);
    errno = saved_errno;
    return done;
}

const char *lmm_store_path(void)
{
    return store.path;
}

void lmm_store_remove(void)
{
    struct stat facts;

    if (store.path[0] != '\0' && lmm_system_lstat(store.path, &facts) == 0 && is_ours(&facts)) {
        lmm_system_unlink(store.path);
    }
    drop_descriptor();
}

void lmm_store_after_fork_in_child(void)
{
    drop_descriptor();
}
