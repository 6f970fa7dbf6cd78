/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/run_books.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/ledger/run_folder.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/run/sanitizer.h"
#include "reporter/program/run/unseen_find.h"

enum {
    LIST_READINGS = 20,
    LIST_PAUSE_NS = 2000000,
};

/* ---- Reading --------------------------------------------------------------------------------- */

static int compare_books(const void *left, const void *right)
{
    const struct lmm_run_book *a = left;
    const struct lmm_run_book *b = right;

    if (a->is_program != b->is_program) {
        return a->is_program ? -1 : 1;
    }
    return lmm_compare_u64(a->snapshot->model->start_time_ns, b->snapshot->model->start_time_ns);
}

/* Adds the ledger at path; takes ownership of path. */
static bool add_book(struct lmm_run_books *books, char *path, const struct lmm_ending *ending)
{
    struct lmm_snapshot *snapshot = lmm_snapshot_read_own(path);

    if (snapshot == NULL) {
        free(path);
        return false;
    }
    bool is_program = snapshot->model->pid == (uint32_t) ending->pid;

    assert(books->items != NULL);
    books->items[books->count++] = (struct lmm_run_book) {
        .path = path,
        .snapshot = snapshot,
        .is_program = is_program,
        .has_status = is_program,
        .status = ending->status,
    };
    return true;
}

static bool read_all(const struct lmm_run_folder *folder, const struct lmm_ending *ending,
                     struct lmm_run_books *books)
{
    size_t count = 0;
    char **paths = lmm_run_folder_list(folder, &count);
    bool good = true;

    books->items = calloc(count + 1, sizeof(*books->items));
    for (size_t i = 0; i < count; i++) {
        if (books->items == NULL) {
            free(paths[i]);
            good = false;
        } else {
            good = add_book(books, paths[i], ending) && good;
        }
    }
    free(paths);
    /* In a PID namespace of its own, the program has another number. */
    if (books->items != NULL && books->count == 1) {
        books->items[0].is_program = books->items[0].has_status = true;
    }
    if (books->items != NULL && books->count > 1) {
        qsort(books->items, books->count, sizeof(*books->items), compare_books);
    }
    return good;
}

static struct lmm_run_book *book_of(const struct lmm_run_books *books, uint32_t pid)
{
    for (size_t i = books->count; i > 0; i--) {
        if (books->items[i - 1].snapshot->model->pid == pid) {
            return &books->items[i - 1];
        }
    }
    return NULL;
}

static void take_ends(struct lmm_run_books *books, const struct lmm_run_end *ends, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct lmm_run_book *book = book_of(books, (uint32_t) ends[i].pid);

        if (book != NULL && !book->is_program) {
            book->has_status = true;
            book->status = ends[i].status;
        }
    }
}

/* ---- What is missing ------------------------------------------------------------------------- */

static struct lmm_seen *list_seen(const struct lmm_run_books *books)
{
    struct lmm_seen *seen = calloc(books->count + 1, sizeof(*seen));

    for (size_t i = 0; i < books->count && seen != NULL; i++) {
        const struct lmm_model *model = books->items[i].snapshot->model;

        seen[i] = (struct lmm_seen) {
            .number = i,
            .pid = model->pid,
            .started = model->started,
            .start_time_ns = model->start_time_ns,
            .name = lmm_model_name(model),
            .is_live = lmm_run_book_is_live(&books->items[i]),
        };
    }
    return seen;
}

/* Reads the list of starts again, with patience, while it lacks some. */
static void find_unseen(struct lmm_run_books *books, const struct lmm_run_folder *folder,
                        const struct lmm_ending *ending, bool has_children)
{
    static const struct timespec pause = {0, LIST_PAUSE_NS};
    struct lmm_seen *seen = list_seen(books);
    uint64_t unknown = 1;

    for (int i = 0; i < LIST_READINGS && seen != NULL && unknown > 0; i++) {
        if (i > 0) {
            nanosleep(&pause, NULL);
            lmm_unseen_free(&books->unseen);
            lmm_starts_list_free(&books->starts);
        }
        books->starts = lmm_starts_list_read(folder->starts);
        unknown = lmm_unseen_find(&books->starts, seen, books->count, (uint32_t) ending->pid,
                                  has_children, &books->unseen);
    }
    for (size_t i = 0; i < books->count && seen != NULL; i++) {
        books->items[seen[i].number].became = seen[i].became;
    }
    free(seen);
}

/* ---- Programs with a liblmm of their own ----------------------------------------------------- */

static bool has_own_lmm(const struct lmm_model *model)
{
    char path[PATH_MAX];

    if (!model->is_drop_in || model->executable.bytes >= sizeof(path)) {
        return false;
    }
    memcpy(path, model->executable.text, model->executable.bytes);
    path[model->executable.bytes] = '\0';
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool has = file >= 0 && lmm_sanitizer_has_lmm(file);

    if (file >= 0) {
        close(file);
    }
    return has;
}

/* Sets the book's own_ledger, if there is one. */
static void find_own_ledger(struct lmm_run_book *book)
{
    const struct lmm_model *model = book->snapshot->model;
    struct lmm_ledger_list list = lmm_discover_list();

    for (size_t i = 0; i < list.count && book->own_ledger == NULL; i++) {
        const struct lmm_ledger_entry *entry = &list.entry[i];
        uint64_t start_ns = entry->start_time_ns;

        if (entry->pid == model->pid && strcmp(entry->path, book->path) != 0 &&
            start_ns >= model->start_time_ns) {
            book->own_ledger = strdup(entry->path);
        }
    }
    lmm_discover_free(&list);
}

static void find_own_lmms(struct lmm_run_books *books)
{
    for (size_t i = 0; i < books->count; i++) {
        books->items[i].has_own_lmm = has_own_lmm(books->items[i].snapshot->model);
        if (books->items[i].has_own_lmm) {
            find_own_ledger(&books->items[i]);
        }
    }
}

bool lmm_run_books_read(const struct lmm_run_folder *folder, const struct lmm_ending *ending,
                        const struct lmm_run_end *ends, size_t end_count, bool has_children,
                        struct lmm_run_books *ret_books)
{
    *ret_books = (struct lmm_run_books) {.items = NULL};
    bool good = read_all(folder, ending, ret_books);

    take_ends(ret_books, ends, end_count);
    find_unseen(ret_books, folder, ending, has_children);
    find_own_lmms(ret_books);
    return good;
}

void lmm_run_books_free(struct lmm_run_books *books)
{
    for (size_t i = 0; i < books->count; i++) {
        lmm_spots_free(&books->items[i].spots);
        lmm_snapshot_free(books->items[i].snapshot);
        free(books->items[i].path);
        free(books->items[i].own_ledger);
    }
    free(books->items);
    lmm_unseen_free(&books->unseen);
    lmm_starts_list_free(&books->starts);
}

bool lmm_run_book_is_live(const struct lmm_run_book *book)
{
    return lmm_process_runs(book->snapshot->state) && book->snapshot->state != LMM_PROCESS_UNKNOWN;
}
