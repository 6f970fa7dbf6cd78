/* SPDX-License-Identifier: MIT */
/* chunks: what fork does with them and their file. */
#include "tests/support/chunk_file.h"
#include "tests/support/seam.h"

TestSuite(chunks_fork, .init = set_up, .fini = tear_down);

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

Test(chunks_fork, a_child_has_the_counts_of_the_fork)
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
Test(chunks_fork, a_parent_that_grows_meanwhile_changes_nothing)
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

Test(chunks_fork, a_child_of_a_child_without_a_file_has_the_counts)
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
Test(chunks_fork, a_child_of_a_process_that_lost_its_file_starts_anew)
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

/* A filter of system calls may forbid mremap. */
Test(chunks_fork, a_child_that_cannot_move_its_copy_copies_it)
{
    struct lmm_ledger_chunk *chunk = add(LMM_LEDGER_ROWS, PAGE);
    struct lmm_ledger_chunk *other = add(LMM_LEDGER_ROWS, 8 * PAGE);

    lmm_chunks_publish();
    row_of(chunk, 0)->allocated_blocks = 1;
    row_of(other, 9)->allocated_blocks = 2;
    seam_install();
    seam_fail_all(SEAM_REMAP);
    pid_t child = fork_chunks();
    if (child == 0) {
        lmm_chunks_after_fork();
        check_in_child(lmm_chunks_are_pending() && ledger_path() == NULL, 1);
        check_in_child(row_of(chunk, 0)->allocated_blocks == 1, 2);
        check_in_child(row_of(other, 9)->allocated_blocks == 2, 3);
        row_of(chunk, 0)->allocated_blocks += 1000;
        lmm_chunks_publish();
        check_in_child(allocated_in_file(0, 0) == 1001 && allocated_in_file(1, 9) == 2, 4);
        row_of(add(LMM_LEDGER_ROWS, PAGE), 0)->allocated_blocks = 3;
        check_in_child(allocated_in_file(2, 0) == 3, 5);
        _exit(0);
    }
    cr_expect(wait_for(child) == 0);
    cr_expect(allocated_in_file(0, 0) == 1, "the parent's books are its own");
}

Test(chunks_fork, a_child_without_memory_says_so_and_goes_on)
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
        seam_fail_all(SEAM_MAP);
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

Test(chunks_fork, a_process_without_a_file_forks_without_one)
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
