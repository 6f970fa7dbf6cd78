/* SPDX-License-Identifier: MIT */
/* A ledger file that changes, or is truncated, while it is read. */
#include "reporter/program/ledger/snapshot.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reporter/core/model.h"
#include "reporter/program/ledger/ledger_file.h"
#include "tests/support/book.h"

enum {
    OWNERS = 4,
    SITES = 8,
    FILE_MAX = 1 << 20,
    BEFORE_NEW_OWNER = 100000, /* operations */
    BETWEEN_PEAKS = 300,
    LARGE = 64 << 20,
};

static char path[64];

/* Appends a book's chunks to its header, as in a file. Returns the file's length. */
static size_t lay_out(struct book *book, unsigned char *bytes)
{
    size_t end = sizeof(book->header);

    for (size_t i = 0; i < book->view.chunk_count; i++) {
        memcpy(bytes + end, book->chunks[i], book->chunks[i]->bytes);
        end += book->chunks[i]->bytes;
    }
    book->header.file_bytes = end;
    memcpy(bytes, &book->header, sizeof(book->header));
    return end;
}

/* One family. In version 1 each owner has rows, and for each there is a chunk to move them to; in
 * version 2 there is room for a row page of each. A process of another PID namespace may live, so
 * the file is read as one that is written to. */
static void make_book(struct book *book, uint32_t version)
{
    book_open(book, "/bin/busy", 1);
    book->header.version = version;
    book->header.pid_namespace = 1;
    uint32_t family = book_family(book, "t", 8, 8);

    for (uint32_t site = 0; site < SITES; site++) {
        book_site(book, family, "busy.c", site + 1, "f");
    }
    if (version != 1) {
        book_chunk(book, LMM_LEDGER_ROWS, 0, OWNERS * (SITES / BOOK_ROWS));
        book_chunk(book, LMM_LEDGER_PEAKS, 0, SITES)->used = SITES;
        book_chunk(book, LMM_LEDGER_LEAKS_EVEN, 0, SITES)->used = SITES;
        book_chunk(book, LMM_LEDGER_LEAKS_ODD, 0, SITES)->used = SITES;
        book_chunk(book, LMM_LEDGER_PAGES_EVEN, 0, SITES)->used = SITES;
        book_chunk(book, LMM_LEDGER_PAGES_ODD, 0, SITES)->used = SITES;
        return;
    }
    for (uint32_t owner = 1; owner <= OWNERS; owner++) {
        book_chunk(book, LMM_LEDGER_ROWS, owner, SITES);
        book_chunk(book, LMM_LEDGER_ROWS, owner, SITES)->kind = LMM_LEDGER_UNUSED;
    }
    for (uint32_t owner = 0; owner < 2; owner++) {
        book_chunk(book, LMM_LEDGER_PEAKS, owner, SITES)->used = SITES;
    }
}

static int make_file(size_t bytes)
{
    snprintf(path, sizeof(path), "/tmp/lmm-snapshot-XXXXXX");
    int descriptor = mkstemp(path);

    cr_assert(descriptor >= 0 && ftruncate(descriptor, (off_t) bytes) == 0);
    return descriptor;
}

/* ---- Changes --------------------------------------------------------------------------------- */

struct writer {
    struct lmm_ledger_header *header;
    struct lmm_ledger_chunk *pages;
    struct lmm_ledger_chunk *leaks[2];     /* version 2; else NULL */
    struct lmm_ledger_chunk *page_uses[2]; /* the same */
    struct lmm_ledger_chunk *rows[OWNERS + 1];
    struct lmm_ledger_chunk *spare[OWNERS + 1];
    struct lmm_ledger_chunk *peaks[2];
};

static struct lmm_ledger_row_page *page_of(struct writer *writer, uint32_t owner, uint32_t site)
{
    uint32_t i = (owner - 1) * (SITES / BOOK_ROWS) + site / BOOK_ROWS;

    return (void *) ((char *) (writer->pages + 1) + (size_t) i * writer->pages->record_bytes);
}

static struct lmm_ledger_row_v1 *row_of(struct writer *writer, uint32_t owner, uint32_t site)
{
    if (writer->pages != NULL) {
        return (void *) &page_of(writer, owner, site)->row[site % BOOK_ROWS];
    }
    return (struct lmm_ledger_row_v1 *) (writer->rows[owner] + 1) + site;
}

static void count_up(uint64_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELEASE);
}

/* Moves the rows of an owner: the old chunk keeps its figures, which must not be counted twice. */
static void move(struct writer *writer, uint32_t owner)
{
    struct lmm_ledger_chunk *from = writer->rows[owner];
    struct lmm_ledger_chunk *to = writer->spare[owner];

    __atomic_add_fetch(&writer->header->move_sequence, 1, __ATOMIC_SEQ_CST);
    memcpy(to + 1, from + 1, SITES * sizeof(struct lmm_ledger_row_v1));
    __atomic_store_n(&to->kind, LMM_LEDGER_ROWS, __ATOMIC_SEQ_CST);
    __atomic_store_n(&from->kind, LMM_LEDGER_UNUSED, __ATOMIC_SEQ_CST);
    writer->rows[owner] = to;
    writer->spare[owner] = from;
    __atomic_add_fetch(&writer->header->move_sequence, 1, __ATOMIC_SEQ_CST);
}

/* Adds an owner whose blocks another one frees: a snapshot must have both or neither. Nothing
 * moves. */
static void add_owner(struct writer *writer, uint32_t owner)
{
    for (uint32_t site = 0; writer->pages != NULL && site < SITES; site += BOOK_ROWS) {
        page_of(writer, owner, site)->first_site = site;
        page_of(writer, owner, site)->rows = BOOK_ROWS;
    }
    if (writer->pages != NULL) {
        __atomic_store_n(&writer->pages->used, owner * (SITES / BOOK_ROWS), __ATOMIC_SEQ_CST);
        return;
    }
    __atomic_store_n(&writer->rows[OWNERS]->kind, LMM_LEDGER_ROWS, __ATOMIC_SEQ_CST);
}

/* Writes peaks in which all sites and the header have the same figure. */
static void write_peaks(struct writer *writer, uint64_t figure)
{
    uint64_t count = writer->header->peak_count + 1;
    struct lmm_ledger_peak_v1 *single = (void *) (writer->peaks[count % 2] + 1);
    struct lmm_ledger_peak *both = (void *) (writer->peaks[0] + 1);
    bool is_v1 = writer->pages == NULL;

    for (uint32_t site = 0; site < SITES; site++) {
        __atomic_store_n(is_v1 ? &single[site].blocks : &both[site].blocks[count % 2], figure,
                         __ATOMIC_RELAXED);
        __atomic_store_n(is_v1 ? &single[site].bytes : &both[site].bytes[count % 2], figure,
                         __ATOMIC_RELAXED);
    }
    __atomic_store_n(&writer->header->peak_bytes[count % 2], figure, __ATOMIC_RELAXED);
    __atomic_store_n(&writer->header->peak_count, count, __ATOMIC_SEQ_CST);
}

/* Writes a leak check in which all leaks and the header have the same figure. */
static void write_check(struct writer *writer, uint64_t figure)
{
    uint64_t count = writer->header->check_count + 1;
    struct lmm_ledger_leak *leaks = (void *) (writer->leaks[count % 2] + 1);

    for (uint32_t site = 0; site < SITES; site++) {
        leaks[site].site = leaks[site].leader = site;
        leaks[site].kind = LMM_LEDGER_LEAK_REACHABLE;
        __atomic_store_n(&leaks[site].bytes, figure, __ATOMIC_RELAXED);
    }
    writer->header->check[count % 2].leaks = SITES;
    __atomic_store_n(&writer->header->check[count % 2].scan_ns, figure, __ATOMIC_RELAXED);
    __atomic_store_n(&writer->header->check_count, count, __ATOMIC_SEQ_CST);
}

/* The same for a walk over the pages. */
static void write_page_walk(struct writer *writer, uint64_t figure)
{
    uint64_t count = writer->header->page_walk_count + 1;
    struct lmm_ledger_page_use *uses = (void *) (writer->page_uses[count % 2] + 1);

    for (uint32_t site = 0; site < SITES; site++) {
        uses[site].site = site;
        __atomic_store_n(&uses[site].held_bytes, figure, __ATOMIC_RELAXED);
    }
    writer->header->page_walk[count % 2].records = SITES;
    __atomic_store_n(&writer->header->page_walk[count % 2].time_ns, figure, __ATOMIC_RELAXED);
    __atomic_store_n(&writer->header->page_walk_count, count, __ATOMIC_SEQ_CST);
}

static _Noreturn void write_for_ever(unsigned char *bytes)
{
    struct writer writer = {.header = (void *) bytes};
    size_t offset = sizeof(struct lmm_ledger_header);
    uint32_t seen[OWNERS + 1] = {0};

    while (offset < writer.header->file_bytes) {
        struct lmm_ledger_chunk *chunk = (void *) (bytes + offset);

        if (chunk->kind == LMM_LEDGER_PEAKS) {
            writer.peaks[chunk->owner] = chunk;
        } else if (chunk->kind == LMM_LEDGER_LEAKS_EVEN || chunk->kind == LMM_LEDGER_LEAKS_ODD) {
            writer.leaks[chunk->kind - LMM_LEDGER_LEAKS_EVEN] = chunk;
        } else if (chunk->kind == LMM_LEDGER_PAGES_EVEN || chunk->kind == LMM_LEDGER_PAGES_ODD) {
            writer.page_uses[chunk->kind - LMM_LEDGER_PAGES_EVEN] = chunk;
        } else if (chunk->kind == LMM_LEDGER_ROWS && writer.header->version != 1) {
            writer.pages = chunk;
        } else if (chunk->owner != 0) {
            *(seen[chunk->owner]++ == 0 ? &writer.rows[chunk->owner]
                                        : &writer.spare[chunk->owner]) = chunk;
        }
        offset += chunk->bytes;
    }
    if (writer.pages == NULL) {
        writer.rows[OWNERS]->kind = LMM_LEDGER_UNUSED;
    } else {
        for (uint32_t owner = 1; owner < OWNERS; owner++) {
            add_owner(&writer, owner);
        }
    }
    for (uint64_t n = 0;; n++) {
        uint32_t owners = n < BEFORE_NEW_OWNER ? OWNERS - 1 : OWNERS;
        uint32_t owner = (uint32_t) (n % owners) + 1;
        uint32_t freer = (uint32_t) ((n + 1) % owners) + 1;
        uint32_t site = (uint32_t) (n / 3 % SITES);

        if (n == BEFORE_NEW_OWNER) {
            add_owner(&writer, OWNERS);
        }
        count_up(&row_of(&writer, owner, site)->allocated_blocks);
        count_up(&row_of(&writer, freer, site)->freed_blocks);
        if (n % BETWEEN_PEAKS == 0) {
            write_peaks(&writer, n);
        }
        if (n % (8 * BETWEEN_PEAKS) == 1 && writer.pages != NULL) {
            write_check(&writer, n);
            write_page_walk(&writer, n);
        }
        if (n % 2000 == 0 && owner != OWNERS && writer.pages == NULL) {
            move(&writer, owner);
        }
    }
}

static void check_balance(const struct lmm_model *model)
{
    uint64_t live = 0;

    for (size_t i = 0; i < model->site_count; i++) {
        const struct lmm_model_site *site = &model->sites[i];

        cr_assert_leq(site->frees, site->allocations, "site %u: %llu of %llu freed",
                      (unsigned) site->id, (unsigned long long) site->frees,
                      (unsigned long long) site->allocations);
        /* A peak that the reader raised to what lives has the sites' live blocks. */
        cr_assert(
            model->peak_bytes == model->total.live_bytes ||
                (site->peak_blocks == model->peak_bytes && site->peak_bytes == model->peak_bytes),
            "peaks of two moments");
        live += site->live_blocks;
    }
    cr_assert_eq(live, model->total.live_blocks);
    for (size_t i = 0; i < model->check.leak_count; i++) {
        cr_assert_eq(model->check.leaks[i].amount.bytes, model->check.scan_ns,
                     "leaks of two moments");
    }
    for (size_t i = 0; i < model->page_walk.use_count; i++) {
        cr_assert_eq(model->page_walk.uses[i].held_bytes, model->page_walk.time_ns,
                     "page uses of two moments");
    }
}

/* Reads what a process writes from its start on, until so many readings were settled. Not all are: the writer
 * may be off the processor while it moves rows. */
static void read_a_writer(uint32_t version, int settled_readings)
{
    struct book book;
    struct lmm_reason reason = {""};
    uint64_t before = 0;
    int descriptor = make_file(FILE_MAX);
    unsigned char *bytes = mmap(NULL, FILE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);

    cr_assert(bytes != MAP_FAILED);
    make_book(&book, version);
    lay_out(&book, bytes);
    book_close(&book);
    pid_t child = fork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed assertion ends the reader */
        write_for_ever(bytes);
    }
    for (int settled = 0; settled < settled_readings;) {
        struct lmm_snapshot *snapshot = lmm_snapshot_try(path, &reason);

        cr_assert_not_null(snapshot, "%s", reason.text);
        cr_assert_eq(snapshot->header->move_sequence % 2 == 0, snapshot->model->settled);
        if (snapshot->model->settled) {
            check_balance(snapshot->model);
            cr_assert_geq(snapshot->model->total.allocations, before);
            before = snapshot->model->total.allocations;
            settled++;
        }
        lmm_snapshot_free(snapshot);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    unlink(path);
    close(descriptor);
    munmap(bytes, FILE_MAX);
}

/* Each writer adds an owner only once, so there are several writers. */
Test(snapshot, of_a_changing_ledger_balances)
{
    for (uint32_t i = 0; i < 20; i++) {
        read_a_writer(1 + i % 2, 250);
    }
}

/* ---- Truncation ------------------------------------------------------------------------------ */

static atomic_bool is_reading;

static bool is_mapped(void)
{
    char line[4096];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");

    while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL) {
        found = strstr(line, path) != NULL;
    }
    fclose(maps);
    return found;
}

/* Cuts the file short as soon as the reader has mapped it. */
static void *cut_short(void *descriptor)
{
    while (!is_mapped()) {
        if (!atomic_load(&is_reading)) {
            return NULL;
        }
    }
    cr_assert(ftruncate(*(const int *) descriptor, 8192) == 0);
    return NULL;
}

/* The file is so large that it is truncated during a copy, unless the other thread gets no processor. */
Test(snapshot, of_a_ledger_that_is_truncated_while_it_is_read_is_refused)
{
    struct lmm_reason reason = {""};
    bool caught = false;
    struct book book;

    make_book(&book, LMM_LEDGER_VERSION);
    book_chunk(&book, LMM_LEDGER_UNUSED, 0, LARGE);
    unsigned char *bytes = calloc(1, LARGE + FILE_MAX);

    cr_assert_not_null(bytes);
    size_t size = lay_out(&book, bytes);

    book_close(&book);
    for (int i = 0; i < 1000 && !caught; i++) {
        pthread_t thread;
        int descriptor = make_file(size);

        cr_assert_eq(pwrite(descriptor, bytes, FILE_MAX, 0), FILE_MAX);
        atomic_store(&is_reading, true);
        cr_assert_eq(pthread_create(&thread, NULL, cut_short, &descriptor), 0);
        struct lmm_snapshot *snapshot = lmm_snapshot_try(path, &reason);

        atomic_store(&is_reading, false);
        pthread_join(thread, NULL);
        caught = snapshot == NULL && strstr(reason.text, "while it was read") != NULL;
        cr_assert(snapshot != NULL || strstr(reason.text, "truncated") != NULL, "%s", reason.text);
        lmm_snapshot_free(snapshot);
        close(descriptor);
        unlink(path);
    }
    free(bytes);
    cr_expect(caught, "last: %s", reason.text);
}

/* ---- A ledger of this program's own ---------------------------------------------------------- */

static void change_last_byte(int descriptor, size_t size, unsigned char byte)
{
    cr_assert_eq(pwrite(descriptor, &byte, 1, (off_t) size - 1), 1);
}

static unsigned char last_byte(const struct lmm_snapshot *snapshot)
{
    return ((const unsigned char *) snapshot->copy)[snapshot->bytes - 1];
}

/* A later change shows whether a copy shares the file's memory. */
Test(snapshot, of_an_own_ledger_shares_the_file_only_when_its_process_has_ended)
{
    static const struct {
        bool has_ended;
        bool shares;
    } cases[] = {{true, true}, {false, false}};

    for (size_t i = 0; i < 2; i++) {
        struct book book;

        make_book(&book, LMM_LEDGER_VERSION);
        book.header.snapshot_time_ns = cases[i].has_ended ? 1 : 0;
        book_chunk(&book, LMM_LEDGER_UNUSED, 0, FILE_MAX);
        unsigned char *bytes = calloc(1, (size_t) 4 * FILE_MAX);

        cr_assert_not_null(bytes);
        size_t size = lay_out(&book, bytes);

        book_close(&book);
        cr_assert_gt(size, FILE_MAX);
        int descriptor = make_file(size);

        cr_assert_eq(pwrite(descriptor, bytes, size, 0), (ssize_t) size);
        change_last_byte(descriptor, size, 1);
        struct lmm_snapshot *copied = lmm_snapshot_read(path);
        struct lmm_snapshot *own = lmm_snapshot_read_own(path);

        cr_assert(copied != NULL && own != NULL);
        cr_expect_eq(copied->bytes, size);
        cr_expect_eq(own->bytes, size);
        cr_expect_eq(memcmp((unsigned char *) own->copy + size - FILE_MAX,
                            (unsigned char *) copied->copy + size - FILE_MAX, FILE_MAX),
                     0);
        cr_expect_eq(own->model->site_count, copied->model->site_count);
        change_last_byte(descriptor, size, 2);
        cr_expect_eq(last_byte(copied), 1);
        cr_expect_eq(last_byte(own), cases[i].shares ? 2 : 1);
        lmm_snapshot_free(copied);
        lmm_snapshot_free(own);
        close(descriptor);
        unlink(path);
        free(bytes);
    }
}

/* ---- In memory ------------------------------------------------------------------------------- */

Test(snapshot, of_bytes_needs_no_alignment_and_reads_nothing_after_them)
{
    struct lmm_reason reason;
    struct book book;
    unsigned char *bytes = calloc(1, FILE_MAX);

    make_book(&book, LMM_LEDGER_VERSION);
    size_t size = lay_out(&book, bytes);

    book_close(&book);
    for (size_t shift = 0; shift < 8; shift++) {
        unsigned char *exact = malloc(size + shift);

        memcpy(exact + shift, bytes, size);
        struct lmm_snapshot *snapshot = lmm_snapshot_of(exact + shift, size, &reason);

        cr_assert_not_null(snapshot);
        cr_expect_eq(snapshot->bytes, size);
        cr_expect_eq(snapshot->model->family_count, 1);
        lmm_snapshot_free(snapshot);
        free(exact);
    }
    for (size_t length = 0; length < size; length += length < 5000 ? 1 : 64) {
        unsigned char *exact = malloc(length + 1);

        memcpy(exact, bytes, length);
        cr_assert_null(lmm_snapshot_of(exact, length, &reason), "%zu bytes", length);
        free(exact);
    }
    free(bytes);
}
