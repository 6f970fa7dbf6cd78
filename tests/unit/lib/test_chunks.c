/* SPDX-License-Identifier: MIT */
/* chunks: the chain, its file, and a lost file. */
#include "tests/support/chunk_file.h"
#include "tests/support/seam.h"

TestSuite(chunks, .init = set_up, .fini = tear_down);

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
