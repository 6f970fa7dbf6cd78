/* SPDX-License-Identifier: MIT */
/* place: see place.h for the contract; what became of a process is in process.c. */
#include "reporter/program/ledger/place.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/run_folder.h"
#include "reporter/core/words.h"

/* A directory that has been looked at, so that none is looked at twice. */
struct seen {
    dev_t device;
    ino_t inode;
};

struct search {
    struct lmm_places places;
    size_t room;
    struct seen *seen;
    size_t seen_count;
};

/* ---- Listing --------------------------------------------------------------------------------- */

static struct lmm_place *add_place(struct search *search)
{
    struct lmm_places *places = &search->places;

    if (places->count == search->room) {
        size_t room = search->room == 0 ? 16 : 2 * search->room;
        struct lmm_place *place = reallocarray(places->place, room, sizeof(*place));

        if (place == NULL) {
            return NULL;
        }
        places->place = place;
        search->room = room;
    }
    return &places->place[places->count++];
}

static const char *program_of(const struct lmm_ledger_header *header)
{
    const char *slash = strrchr(header->executable, '/');
    const char *program = slash == NULL ? header->executable : slash + 1;

    return *program == '\0' ? "(unknown)" : program;
}

/* Takes path. */
static void look_at_file(struct search *search, char *path)
{
    struct lmm_ledger_file file;
    struct lmm_reason reason = {""};

    if (!lmm_ledger_file_open(path, &file, &reason)) {
        search->places.unreadable++;
        free(path);
        return;
    }
    struct lmm_place *place = add_place(search);

    if (place == NULL) {
        free(path);
    } else {
        *place = (struct lmm_place) {
            .path = path,
            .program = strdup(program_of(&file.header)),
            .pid = file.header.pid,
            .start_time_ns = file.header.start_time_ns,
            .file_bytes = file.bytes,
            .state = lmm_process_state(&file.header, file.device, file.inode),
        };
    }
    lmm_ledger_file_close(&file);
}

static bool has_suffix(const char *name)
{
    size_t bytes = strlen(name);
    size_t suffix = strlen(LMM_LEDGER_SUFFIX);

    return bytes > suffix && strcmp(name + bytes - suffix, LMM_LEDGER_SUFFIX) == 0;
}

/* Also when memory runs out. */
static bool has_seen(struct search *search, const struct stat *status)
{
    for (size_t i = 0; i < search->seen_count; i++) {
        if (search->seen[i].device == status->st_dev && search->seen[i].inode == status->st_ino) {
            return true;
        }
    }
    struct seen *seen = reallocarray(search->seen, search->seen_count + 1, sizeof(*seen));

    if (seen == NULL) {
        return true;
    }
    search->seen = seen;
    seen[search->seen_count++] = (struct seen) {status->st_dev, status->st_ino};
    return false;
}

/* Returns the directory opened, if it is there, the user's own, no link, and new. */
static DIR *open_directory(struct search *search, const char *path)
{
    struct stat status;

    if (lstat(path, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid() ||
        has_seen(search, &status)) {
        return NULL;
    }
    return opendir(path);
}

static void look_at_directory(void *context, const char *path)
{
    struct search *search = context;
    DIR *directory = open_directory(search, path);
    const struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char *file = NULL;

        if (has_suffix(entry->d_name) && asprintf(&file, "%s/%s", path, entry->d_name) >= 0) {
            look_at_file(search, file);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

/* Looks at $XDG_RUNTIME_DIR/lmm and /dev/shm/lmm-<uid>. */
static void look_at_usual_directories(struct search *search)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char shared[64];
    char *path = NULL;

    if (runtime != NULL && *runtime != '\0' && asprintf(&path, "%s/lmm", runtime) >= 0) {
        look_at_directory(search, path);
        free(path);
    }
    snprintf(shared, sizeof(shared), "/dev/shm/lmm-%ju", (uintmax_t) geteuid());
    look_at_directory(search, shared);
}

static int compare_places(const void *left, const void *right)
{
    const struct lmm_place *a = left;
    const struct lmm_place *b = right;

    if (a->start_time_ns != b->start_time_ns) {
        return a->start_time_ns < b->start_time_ns ? -1 : 1;
    }
    return strcmp(a->path, b->path);
}

struct lmm_places lmm_places_list(void)
{
    struct search search = {.room = 0};
    const char *directory = getenv("LMM_DIR");

    if (directory != NULL && *directory != '\0') {
        look_at_directory(&search, directory);
    } else {
        look_at_usual_directories(&search);
    }
    lmm_run_folders_find(look_at_directory, &search);
    free(search.seen);
    if (search.places.count > 1) {
        qsort(search.places.place, search.places.count, sizeof(struct lmm_place), compare_places);
    }
    return search.places;
}

void lmm_places_free(struct lmm_places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        free(places->place[i].path);
        free(places->place[i].program);
    }
    free(places->place);
    *places = (struct lmm_places) {NULL, 0, 0};
}

/* ---- Selecting ------------------------------------------------------------------------------- */

/* Whether word is a PID, and which. */
static bool is_pid(const char *word, uint32_t *ret_pid)
{
    char *end = NULL;
    unsigned long long number = isdigit((unsigned char) *word) ? strtoull(word, &end, 10) : 0;

    if (end == NULL || *end != '\0' || number > UINT32_MAX) {
        return false;
    }
    *ret_pid = (uint32_t) number;
    return true;
}

static bool is_meant(const struct lmm_place *place, const char *word)
{
    uint32_t pid = 0;

    if (word == NULL) {
        return lmm_process_runs(place->state);
    }
    return is_pid(word, &pid) ? place->pid == pid
                              : place->program != NULL && strcmp(place->program, word) == 0;
}

/* Keeps what word means at the front; of live and dead ones the live. Returns how many. */
static size_t narrow(struct lmm_places *places, const char *word)
{
    size_t meant = 0;
    size_t live = 0;

    for (size_t i = 0; i < places->count; i++) {
        if (is_meant(&places->place[i], word)) {
            struct lmm_place held = places->place[meant];

            places->place[meant++] = places->place[i];
            places->place[i] = held;
        }
    }
    for (size_t i = 0; i < meant; i++) {
        if (lmm_process_runs(places->place[i].state)) {
            struct lmm_place held = places->place[live];

            places->place[live++] = places->place[i];
            places->place[i] = held;
        }
    }
    return live > 0 ? live : meant;
}

static void list_choices(const struct lmm_places *places, size_t count)
{
    int descriptor = STDERR_FILENO;
    struct lmm_sink sink;

    lmm_sink_init(&sink, lmm_output_to_descriptor, &descriptor);
    for (size_t i = 0; i < count; i++) {
        const struct lmm_place *place = &places->place[i];

        lmm_sink_printf(&sink, "%10" PRIu32 "  %-8s  ", place->pid,
                        lmm_process_state_name(place->state));
        lmm_put_string(&sink, lmm_string_of(place->program == NULL ? "" : place->program));
        lmm_sink_puts(&sink, "  ");
        lmm_put_string(&sink, lmm_string_of(place->path));
        lmm_sink_puts(&sink, "\n");
    }
    lmm_sink_flush(&sink);
}

/* Returns a copy of the path when count places leave no doubt. A PID leaves none: the newest counts. */
static char *choose(const struct lmm_places *places, size_t count, const char *word)
{
    uint32_t pid = 0;
    const struct lmm_place *newest = &places->place[0];

    if (count > 1 && (word == NULL || !is_pid(word, &pid))) {
        if (word == NULL) {
            lmm_complain("%zu processes have a ledger; say which:", count);
        } else {
            lmm_complain("%zu ledgers are of %s; say which, by PID or file:", count, word);
        }
        list_choices(places, count);
        return NULL;
    }
    for (size_t i = 1; i < count; i++) {
        newest = compare_places(newest, &places->place[i]) < 0 ? &places->place[i] : newest;
    }
    return strdup(newest->path);
}

static void complain_of_none(const struct lmm_places *places, const char *word)
{
    if (word != NULL) {
        lmm_complain("no ledger of %s (lmm ls shows what there is)", word);
    } else if (places->count > 0) {
        lmm_complain("no live process has a ledger; say which of these:");
        list_choices(places, places->count);
    } else {
        lmm_complain("no process has a ledger");
    }
}

char *lmm_place_select(const char *word)
{
    if (word != NULL && (strchr(word, '/') != NULL || has_suffix(word))) {
        return strdup(word);
    }
    struct lmm_places places = lmm_places_list();
    size_t count = narrow(&places, word);
    char *path = NULL;

    if (count > 0) {
        path = choose(&places, count, word);
    } else if (word != NULL && access(word, F_OK) == 0) {
        path = strdup(word);
    } else {
        complain_of_none(&places, word);
    }
    lmm_places_free(&places);
    return path;
}
