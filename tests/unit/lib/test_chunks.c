/* SPDX-License-Identifier: MIT */
/* chunks: the chain, its file, a lost file, and fork. The tests read the file through a second
 * mapping, as another process would. */
#include "tests/support/seam.h"

#include "lib/books/chunks.h"
#include "lib/books/rows.h"
#include "lib/ground/options.h"
#include "lib/ground/sync.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = LMM_SYSTEM_PAGE_BYTES, HEADER = sizeof(struct lmm_ledger_header) };

static char folder[64];

static void set_up(void)
{
    snprintf(folder, sizeof(folder), "/tmp/lmm-chunks-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    setenv("LMM_DIR", folder, 1);
    signal(SIGXFSZ, SIG_DFL);
    cr_assert(lmm_chunks_start());
}

static void tear_down(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert(system(command) == 0);
}

TestSuite(chunks, .init = set_up, .fini = tear_down);

/* The path of this process's ledger; NULL: none. */
static const char *ledger_path(void)
{
    static char path[400];
    char start[32];
    const char *found = NULL;
    DIR *directory = opendir(folder);

    snprintf(start, sizeof(start), "%ld.", (long) getpid());
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strncmp(entry->d_name, start, strlen(start)) == 0) {
            snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            found = path;
        }
    }
    closedir(directory);
    return found;
}

/* The ledger as another process sees it. */
static const struct lmm_ledger_header *look(size_t *ret_bytes)
{
    const char *path = ledger_path();
    struct stat facts;

    cr_assert(path != NULL);
    int descriptor = open(path, O_RDONLY);
    cr_assert(descriptor >= 0 && fstat(descriptor, &facts) == 0);
    void *mapped = mmap(NULL, (size_t) facts.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
    cr_assert(mapped != MAP_FAILED);
    close(descriptor);
    *ret_bytes = (size_t) facts.st_size;
    return mapped;
}

/* Chunk i of the chain in the file; NULL past the end. */
static const struct lmm_ledger_chunk *chunk_in_file(size_t i)
{
    size_t bytes;
    const struct lmm_ledger_header *header = look(&bytes);
    size_t offset = header->header_bytes;

    cr_assert(header->file_bytes <= bytes);
    for (; offset < header->file_bytes; i--) {
        const struct lmm_ledger_chunk *chunk = (const void *) ((const char *) header + offset);
        cr_assert(chunk->bytes >= PAGE && chunk->bytes <= header->file_bytes - offset);
        if (i == 0) {
            return chunk;
        }
        offset += chunk->bytes;
    }
    return NULL;
}

static struct lmm_ledger_chunk *add(enum lmm_ledger_kind kind, size_t bytes)
{
    struct lmm_ledger_chunk *chunk = lmm_chunk_add(sizeof(struct lmm_ledger_row), 0, bytes);

    cr_assert(chunk != NULL);
    chunk->used = chunk->capacity;
    chunk->kind = kind;
    return chunk;
}

static struct lmm_ledger_row *row_of(struct lmm_ledger_chunk *chunk, size_t i)
{
    return (struct lmm_ledger_row *) lmm_chunk_records(chunk) + i;
}

static uint64_t allocated_in_file(size_t chunk, size_t row)
{
    const struct lmm_ledger_chunk *found = chunk_in_file(chunk);

    cr_assert(found != NULL && row < found->capacity);
    return ((const struct lmm_ledger_row *) (const void *) (found + 1))[row].allocated_blocks;
}

/* Sends stderr to another descriptor, which is closed; returns a copy of the old one. */
static int redirect_stderr(int descriptor)
{
    int saved = dup(STDERR_FILENO);

    dup2(descriptor, STDERR_FILENO);
    close(descriptor);
    return saved;
}

static void limit_files(rlim_t bytes)
{
    cr_assert(setrlimit(RLIMIT_FSIZE, &(struct rlimit) {bytes, RLIM_INFINITY}) == 0);
}

/* Publishes; discards the messages. */
static void publish_silently(void)
{
    int saved = redirect_stderr(open("/dev/null", O_WRONLY));

    lmm_chunks_publish();
    close(redirect_stderr(saved));
}

/* Publishes a file that has no room for more than so many pages of chunks. */
static void publish_full(size_t pages)
{
    limit_files(HEADER + pages * PAGE);
    lmm_chunks_publish();
    limit_files(RLIM_INFINITY);
}

/* Adds a chunk that does not fit into the file, which detects that. */
static struct lmm_ledger_chunk *lose(size_t bytes)
{
    int saved = redirect_stderr(open("/dev/null", O_WRONLY));
    struct lmm_ledger_chunk *chunk = add(LMM_LEDGER_ROWS, bytes);

    close(redirect_stderr(saved));
    return chunk;
}

/* ---- The chain ------------------------------------------------------------------------------- */

Test(chunks, a_chunk_is_empty_and_has_room)
{
    struct lmm_ledger_chunk *chunk = lmm_chunk_add(16, 300, 2 * PAGE);

    cr_assert(chunk != NULL);
    cr_expect(chunk->kind == LMM_LEDGER_UNUSED && chunk->used == 0 && chunk->first == 300);
    cr_expect(chunk->bytes == 2 * PAGE && chunk->record_bytes == 16);
    cr_expect(chunk->capacity == (2 * PAGE - sizeof(*chunk)) / 16);
    struct lmm_ledger_view view = lmm_chunks_view();
    cr_expect(view.chunk_count == 1 && view.chunks[0] == chunk &&
              view.header == lmm_chunks_header());
}

Test(chunks, the_chain_keeps_its_order)
{
    enum { COUNT = 300 };
    struct lmm_ledger_chunk *chunk[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        chunk[i] = add(LMM_LEDGER_ROWS, PAGE);
    }
    struct lmm_ledger_view view = lmm_chunks_view();
    cr_assert(view.chunk_count == COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        cr_assert(view.chunks[i] == chunk[i]);
    }
}

Test(chunks, no_memory_changes_nothing)
{
    add(LMM_LEDGER_ROWS, PAGE);
    lmm_chunks_publish();
    uint64_t file_bytes = lmm_chunks_header()->file_bytes;
    seam_install();
    for (enum seam_operation operation = SEAM_MAP; operation < SEAM_OPERATIONS; operation++) {
        seam_fail_all(operation);
        errno = 0;
        bool is_needed = operation == SEAM_MAP || operation == SEAM_OPEN; /* MAP: for the mirror */
        struct lmm_ledger_chunk *chunk = lmm_chunk_add(32, 0, 64 * PAGE);
        cr_expect((chunk == NULL) == is_needed || operation == SEAM_POPULATE, "%d",
                  (int) operation);
        cr_expect(chunk != NULL || errno == ENOMEM);
        seam_heal();
        if (chunk == NULL) {
            cr_expect(lmm_chunks_header()->file_bytes == file_bytes);
            cr_expect(lmm_chunks_header()->state == LMM_LEDGER_RUNNING, "and can be tried again");
        }
        file_bytes = lmm_chunks_header()->file_bytes;
    }
}

/* ---- The file -------------------------------------------------------------------------------- */

Test(chunks, publishing_keeps_what_there_is_where_it_is)
{
    struct lmm_ledger_chunk *first = add(LMM_LEDGER_ROWS, PAGE);
    struct lmm_ledger_chunk *second = add(LMM_LEDGER_ROWS, 4 * PAGE);
    struct lmm_ledger_header *header = lmm_chunks_header();

    row_of(first, 1)->allocated_blocks = 11;
    row_of(second, 2)->allocated_blocks = 22;
    cr_expect(header->file_bytes == 0 && ledger_path() == NULL);
    lmm_chunks_publish();
    cr_expect(lmm_chunks_header() == header && header->file_bytes == HEADER + 5 * PAGE);
    cr_expect(row_of(first, 1)->allocated_blocks == 11 &&
              row_of(second, 2)->allocated_blocks == 22);
    cr_expect(allocated_in_file(0, 1) == 11 && allocated_in_file(1, 2) == 22);
    row_of(second, 2)->allocated_blocks++;
    cr_expect(allocated_in_file(1, 2) == 23, "and goes on in the file");
    cr_expect(chunk_in_file(2) == NULL);
}

Test(chunks, growth_is_in_the_file)
{
    lmm_chunks_publish();
    for (size_t i = 0; i < 100; i++) {
        row_of(add(LMM_LEDGER_ROWS, PAGE + PAGE * (i % 3)), i % 50)->allocated_blocks = i + 1;
    }
    for (size_t i = 0; i < 100; i++) {
        cr_assert(allocated_in_file(i, i % 50) == i + 1);
    }
    cr_expect(chunk_in_file(100) == NULL);
}

Test(chunks, publishing_twice_is_once)
{
    size_t bytes;

    lmm_chunks_publish();
    ino_t inode = 0;
    struct stat facts;
    cr_assert(stat(ledger_path(), &facts) == 0);
    inode = facts.st_ino;
    lmm_chunks_publish();
    cr_assert(stat(ledger_path(), &facts) == 0 && facts.st_ino == inode);
    cr_expect(look(&bytes)->state == LMM_LEDGER_RUNNING);
}

Test(chunks, without_a_file_all_stays_as_it_is)
{
    struct lmm_ledger_chunk *chunk = add(LMM_LEDGER_ROWS, PAGE);

    lmm_options.ledger_off = true;
    row_of(chunk, 0)->allocated_blocks = 5;
    publish_silently();
    cr_expect(lmm_chunks_header()->file_bytes == 0);
    cr_expect(row_of(chunk, 0)->allocated_blocks == 5);
    cr_expect(row_of(add(LMM_LEDGER_ROWS, PAGE), 0)->allocated_blocks == 0);
    lmm_chunks_end(true);
    cr_expect(lmm_chunks_header()->state == LMM_LEDGER_RUNNING);
}

Test(chunks, a_file_that_cannot_be_mapped_is_removed)
{
    struct lmm_ledger_chunk *chunk = add(LMM_LEDGER_ROWS, PAGE);

    add(LMM_LEDGER_ROWS, PAGE);
    row_of(chunk, 0)->allocated_blocks = 5;
    seam_install();
    seam_fail(SEAM_FILE, 2, SEAM_FOR_EVER);
    publish_silently();
    seam_heal();
    cr_expect(ledger_path() == NULL && lmm_chunks_header()->file_bytes == 0);
    cr_expect(row_of(chunk, 0)->allocated_blocks == 5);
    add(LMM_LEDGER_ROWS, PAGE);
}

Test(chunks, the_end_removes_or_keeps)
{
    size_t bytes;

    lmm_chunks_publish();
    lmm_chunks_end(true);
    const struct lmm_ledger_header *header = look(&bytes);
    cr_expect(header->state == LMM_LEDGER_EXITED && header->end_time_ns >= header->start_time_ns);
    lmm_chunks_end(false);
    cr_expect(ledger_path() == NULL);
    cr_expect(header->state == LMM_LEDGER_EXITED);
}

/* ---- Loss ------------------------------------------------------------------------------------ */

Test(chunks, a_lost_file_says_so_and_keeps_its_chunks)
{
    struct lmm_ledger_chunk *kept = add(LMM_LEDGER_ROWS, PAGE);
    size_t bytes;

    publish_full(1);
    row_of(kept, 3)->allocated_blocks = 7;
    struct lmm_ledger_chunk *outside = lose(PAGE);
    const struct lmm_ledger_header *header = look(&bytes);
    cr_expect(header->state == LMM_LEDGER_LOST && header->lost_errno == EFBIG);
    cr_expect(header->end_time_ns >= header->start_time_ns);
    cr_expect(header->file_bytes == HEADER + PAGE);
    cr_expect(allocated_in_file(0, 3) == 7);
    cr_expect(lmm_chunks_view().chunk_count == 2 && lmm_chunks_view().chunks[1] == outside);
}

/* The process goes on in copies: nothing that it counts after the loss is in the file. */
Test(chunks, a_lost_file_is_of_one_moment)
{
    struct lmm_ledger_chunk *kept = add(LMM_LEDGER_ROWS, PAGE);

    publish_full(1);
    row_of(kept, 3)->allocated_blocks = 7;
    struct lmm_ledger_chunk *outside = lose(PAGE);
    cr_expect(row_of(kept, 3)->allocated_blocks == 7, "nothing is lost here");
    row_of(kept, 3)->allocated_blocks = 8;
    cr_expect(allocated_in_file(0, 3) == 7);
    cr_expect(!lmm_chunk_is_lost(kept) && !lmm_chunk_is_lost(outside));
}

/* A loss where the file cannot be mapped privately: the chunks stay in the file. */
static struct lmm_ledger_chunk *lose_out_of_reach(size_t bytes)
{
    seam_install();
    seam_fail_all(SEAM_FILE);
    struct lmm_ledger_chunk *outside = lose(bytes);
    seam_heal();
    return outside;
}

/* The rows in it go on, and this process keeps them. */
Test(chunks, rows_in_a_lost_file_go_on)
{
    struct lmm_ledger_chunk *kept = add(LMM_LEDGER_ROWS, PAGE);

    publish_full(1);
    struct lmm_ledger_chunk *outside = lose_out_of_reach(PAGE);
    row_of(kept, 0)->allocated_blocks = 7;
    cr_expect(chunk_in_file(0)->kind == LMM_LEDGER_ROWS && allocated_in_file(0, 0) == 7);
    struct lmm_ledger_view view = lmm_chunks_view();
    cr_expect(view.chunk_count == 2 && view.chunks[0] == kept && view.chunks[1] == outside);
    cr_expect(!lmm_chunk_is_lost(outside) && lmm_chunk_is_lost(kept));
}

Test(chunks, a_lost_file_stays_lost_at_the_end)
{
    size_t bytes;

    publish_full(0);
    lose(PAGE);
    lmm_chunks_end(true);
    cr_expect(look(&bytes)->state == LMM_LEDGER_LOST);
    lmm_chunks_end(false);
    cr_expect(ledger_path() == NULL);
}

/* ---- Fork ------------------------------------------------------------------------------------ */

static pid_t fork_chunks(void)
{
    lmm_chunks_before_fork();
    pid_t child = fork();
    if (child == 0) {
        lmm_chunks_after_fork_in_child();
    }
    lmm_chunks_after_fork();
    return child;
}

/* Ends a child: its exit status is the number of the first check that failed. */
static void check_in_child(bool right, int number)
{
    if (!right) {
        _exit(number);
    }
}

static int wait_for(pid_t child)
{
    int status = -1;

    cr_assert(waitpid(child, &status, 0) == child);
    cr_assert(WIFEXITED(status), "signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

/* A gate that the parent opens after it has counted more. */
static int gate[2];

static void pass_gate(void)
{
    char byte;

    check_in_child(read(gate[0], &byte, 1) == 1, 99);
}

static void open_gate(void)
{
    cr_assert(write(gate[1], "x", 1) == 1);
}

Test(chunks, a_child_has_the_counts_of_the_fork)
{
    struct lmm_ledger_chunk *chunk = add(LMM_LEDGER_ROWS, 4 * PAGE);

    cr_assert(pipe(gate) == 0);
    lmm_chunks_publish();
    row_of(chunk, 0)->allocated_blocks = 10;
    row_of(chunk, chunk->capacity - 1)->freed_extra = 20;
    pid_t child = fork_chunks();
    if (child == 0) {
        pass_gate();
        check_in_child(row_of(chunk, 0)->allocated_blocks == 10, 1);
        check_in_child(row_of(chunk, chunk->capacity - 1)->freed_extra == 20, 2);
        check_in_child(lmm_chunks_are_pending() && ledger_path() == NULL, 3);
        row_of(chunk, 0)->allocated_blocks += 1000;
        check_in_child(lmm_chunks_header()->pid == (uint32_t) getpid(), 4);
        check_in_child(lmm_chunks_header()->parent_pid == (uint32_t) getppid(), 5);
        lmm_chunks_publish();
        check_in_child(!lmm_chunks_are_pending() && ledger_path() != NULL, 6);
        check_in_child(allocated_in_file(0, 0) == 1010, 7);
        row_of(add(LMM_LEDGER_ROWS, PAGE), 0)->allocated_blocks = 3;
        check_in_child(allocated_in_file(1, 0) == 3, 8);
        _exit(0);
    }
    row_of(chunk, 0)->allocated_blocks = 11;
    row_of(chunk, chunk->capacity - 1)->freed_extra = 21;
    open_gate();
    cr_expect(wait_for(child) == 0);
    cr_expect(!lmm_chunks_are_pending());
    cr_expect(allocated_in_file(0, 0) == 11 && chunk_in_file(1) == NULL);
    cr_expect(lmm_chunks_header()->pid == (uint32_t) getpid());
}

/* The copy is as long as the chunks were at the fork; they may have grown since. */
Test(chunks, a_parent_that_grows_meanwhile_changes_nothing)
{
    struct lmm_ledger_chunk *first = lmm_chunk_add(1, 0, PAGE);
    struct lmm_ledger_chunk *second = add(LMM_LEDGER_ROWS, PAGE);

    cr_assert(pipe(gate) == 0 && first != NULL);
    lmm_chunks_publish();
    first->kind = LMM_LEDGER_STRINGS;
    memcpy(lmm_chunk_records(first), "\0abc", 5);
    first->used = 5;
    row_of(second, 1)->allocated_blocks = 5;
    pid_t child = fork_chunks();
    if (child == 0) {
        pass_gate();
        check_in_child(first->used == 5 && memcmp(lmm_chunk_records(first), "\0abc\0", 6) == 0, 1);
        check_in_child(row_of(second, 1)->allocated_blocks == 5, 2);
        _exit(0);
    }
    memcpy((char *) lmm_chunk_records(first) + 5, "def", 4);
    first->used = 9;
    row_of(second, 1)->allocated_blocks = 6;
    open_gate();
    cr_expect(wait_for(child) == 0);
}

Test(chunks, a_child_of_a_child_without_a_file_has_the_counts)
{
    struct lmm_ledger_chunk *chunk = add(LMM_LEDGER_ROWS, PAGE);

    lmm_chunks_publish();
    row_of(chunk, 0)->allocated_blocks = 1;
    pid_t child = fork_chunks();
    if (child == 0) {
        row_of(chunk, 0)->allocated_blocks++;
        pid_t grandchild = fork_chunks();
        if (grandchild == 0) {
            check_in_child(lmm_chunks_are_pending(), 1);
            check_in_child(row_of(chunk, 0)->allocated_blocks == 2, 2);
            lmm_chunks_publish();
            row_of(chunk, 0)->allocated_blocks++;
            check_in_child(allocated_in_file(0, 0) == 3, 3);
            _exit(0);
        }
        int status = wait_for(grandchild);
        check_in_child(row_of(chunk, 0)->allocated_blocks == 2 && ledger_path() == NULL, 4);
        _exit(status);
    }
    cr_expect(wait_for(child) == 0);
    cr_expect(allocated_in_file(0, 0) == 1);
}

/* After the loss the chunks outside the file are copied, too, and there is room for them. */
Test(chunks, a_child_of_a_process_that_lost_its_file_starts_anew)
{
    enum { MORE = 200 };
    struct lmm_ledger_chunk *first = add(LMM_LEDGER_ROWS, PAGE);
    struct lmm_ledger_chunk *chunk[MORE];
    size_t bytes;

    publish_full(1);
    row_of(first, 0)->allocated_blocks = 1;
    row_of(lose(PAGE), 0)->allocated_blocks = 2;
    for (size_t i = 0; i < MORE; i++) {
        chunk[i] = add(LMM_LEDGER_ROWS, 8 * PAGE);
        row_of(chunk[i], 9)->allocated_blocks = i;
    }
    pid_t child = fork_chunks();
    if (child == 0) {
        lmm_chunks_publish();
        check_in_child(ledger_path() != NULL, 1);
        const struct lmm_ledger_header *header = look(&bytes);
        check_in_child(header->state == LMM_LEDGER_RUNNING && header->lost_errno == 0, 2);
        check_in_child(header->end_time_ns == 0, 3);
        check_in_child(allocated_in_file(0, 0) == 1 && allocated_in_file(1, 0) == 2, 4);
        for (size_t i = 0; i < MORE; i += 50) {
            check_in_child(allocated_in_file(2 + i, 9) == i, 5);
        }
        _exit(0);
    }
    cr_expect(wait_for(child) == 0);
    cr_expect(look(&bytes)->state == LMM_LEDGER_LOST);
}

Test(chunks, a_child_without_memory_says_so_and_goes_on)
{
    struct lmm_ledger_chunk *chunk = add(LMM_LEDGER_ROWS, PAGE);

    lmm_chunks_publish();
    row_of(chunk, 0)->allocated_blocks = 1;
    seam_install();
    lmm_chunks_before_fork();
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        seam_fail_all(SEAM_REMAP);
        lmm_chunks_after_fork_in_child();
        lmm_chunks_after_fork();
        check_in_child(!lmm_chunks_are_pending(), 1);
        check_in_child(row_of(chunk, 0)->allocated_blocks == 1, 2);
        /* Its parent writes, too. Internal checks, if built in, do not stop the child. */
        seam_heal();
        chunk->capacity++;
        lmm_lock_acquire(&lmm_chunks_lock);
        check_in_child(lmm_rows_reach_locked(1), 3);
        lmm_lock_release(&lmm_chunks_lock);
        check_in_child(lmm_rows_take(2, 0) != NULL, 4);
        lmm_lock_acquire(&lmm_chunks_lock);
        lmm_rows_take_peak_locked(0, 1, NULL);
        lmm_lock_release(&lmm_chunks_lock);
        lmm_chunks_before_fork();
        lmm_chunks_after_fork();
        lmm_chunks_end(false);
        _exit(0);
    }
    lmm_chunks_after_fork();
    cr_expect(wait_for(child) == 0);
    cr_expect(ledger_path() != NULL && lmm_chunks_header()->pid == (uint32_t) getpid(),
              "the child leaves its parent's file and header alone");
}

Test(chunks, a_process_without_a_file_forks_without_one)
{
    struct lmm_ledger_chunk *chunk = add(LMM_LEDGER_ROWS, PAGE);

    lmm_options.ledger_off = true;
    lmm_chunks_publish();
    row_of(chunk, 0)->allocated_blocks = 4;
    pid_t child = fork_chunks();
    if (child == 0) {
        check_in_child(!lmm_chunks_are_pending(), 1);
        check_in_child(row_of(chunk, 0)->allocated_blocks == 4, 2);
        check_in_child(lmm_chunks_header()->pid == (uint32_t) getpid(), 3);
        _exit(0);
    }
    cr_expect(wait_for(child) == 0);
    cr_expect(ledger_path() == NULL);
}

/* ---- The walker ------------------------------------------------------------------------------ */

Test(chunks, the_walker_finds_damage)
{
    struct lmm_ledger_chunk *chunk = add(LMM_LEDGER_ROWS, PAGE);

    cr_expect(lmm_chunks_are_valid_locked());
    chunk->capacity++;
    cr_expect(!lmm_chunks_are_valid_locked(), "I1: more records than fit");
    chunk->capacity--;
    chunk->used++;
    cr_expect(!lmm_chunks_are_valid_locked(), "I1: more records than there is room for");
    chunk->used--;
    publish_full(1);
    cr_expect(lmm_chunks_are_valid_locked());
    lmm_chunks_header()->file_bytes -= PAGE;
    cr_expect(!lmm_chunks_are_valid_locked(), "I1: a chunk is not part of the file");
    lmm_chunks_header()->file_bytes += PAGE;
    lose_out_of_reach(PAGE);
    cr_expect(lmm_chunks_are_valid_locked() && lmm_chunk_is_lost(chunk));
    chunk->bytes += (uint64_t) 1 << 40;
    cr_expect(!lmm_chunks_are_valid_locked(), "I3: no room for a copy");
    chunk->bytes -= (uint64_t) 1 << 40;
    cr_expect(lmm_chunks_are_valid_locked());
}
