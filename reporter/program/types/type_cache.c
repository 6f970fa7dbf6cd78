/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/type_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "reporter/program/base/array.h"
#include "reporter/program/base/own_build.h"
#include "reporter/program/base/regular_file.h"
#include "reporter/program/types/call_facts.h"
#include "reporter/program/types/type_info.h"
#include "reporter/program/types/type_table.h"

enum {
    CACHE_BYTES_MAX = 64 << 20,
    CACHES_MAX = 512,
    CANDIDATES_MAX = 1024, /* of one call */
    BUILD_ID_MAX = 64,
};

/* ---- Version --------------------------------------------------------------------------------- */

enum {
    HEAD_MAX = 192,
    FORMAT = 3, /* of the lines */
};

/* Prints the first line of a cache. */
static void put_head(char head[HEAD_MAX])
{
    char build[LMM_OWN_BUILD_BYTES];

    lmm_own_build(build);
    snprintf(head, HEAD_MAX, "lmm types %d " LMM_PROGRAM_VERSION " %s\n", FORMAT, build);
}

/* ---- Paths ----------------------------------------------------------------------------------- */

/* Sets folder to that of the caches; returns false: there is none. */
static bool find_folder(char folder[PATH_MAX])
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int length = -1;

    if (cache != NULL && cache[0] == '/') {
        length = snprintf(folder, PATH_MAX, "%s/lmm/types", cache);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(folder, PATH_MAX, "%s/.cache/lmm/types", home);
    }
    return length > 0 && length < PATH_MAX;
}

static bool find_path(const unsigned char *build_id, size_t bytes, char path[PATH_MAX])
{
    char folder[PATH_MAX];
    char name[2 * BUILD_ID_MAX + 1];

    if (bytes == 0 || bytes > BUILD_ID_MAX || !find_folder(folder)) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        snprintf(name + 2 * i, 3, "%02x", build_id[i]);
    }
    int length = snprintf(path, PATH_MAX, "%s/%s", folder, name);

    return length > 0 && length < PATH_MAX;
}

/* Makes the folders of a path, of which the first, ~/.cache, may be made, too. */
static void make_folders(const char *path)
{
    char folder[PATH_MAX];

    snprintf(folder, sizeof(folder), "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(folder, 0700);
        *slash = '/';
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

struct reading {
    char *at; /* the next line; its end is a NUL, and so is that of the text */
    const struct lmm_type_info **types;
    size_t type_count;
    struct lmm_type_table *table;
};

/* Returns whether the last line is the checksum of all before it, and cuts it off. */
static bool is_whole(char *text, size_t bytes)
{
    char *last = bytes < 2 ? NULL : memrchr(text, '\n', bytes - 1);
    char expected[32];

    if (last == NULL) {
        return false;
    }
    snprintf(expected, sizeof(expected), "E %lx\n",
             crc32(0, (const Bytef *) text, (uInt) (last + 1 - text)));
    if (strlen(text) != bytes || strcmp(last + 1, expected) != 0) {
        return false;
    }
    last[1] = '\0';
    return true;
}

/* Returns the next line, NULL at the end. */
static char *next_line(struct reading *reading)
{
    char *line = reading->at;
    char *end = strchr(line, '\n');

    if (end == NULL) {
        return NULL;
    }
    *end = '\0';
    reading->at = end + 1;
    return line;
}

/* Copies the text before a TAB, or the end; returns what follows the TAB, "" at the end, NULL: there is no room. */
static const char *read_text(const char *text, char *ret_text, size_t room)
{
    size_t bytes = strcspn(text, "\t");

    if (bytes >= room) {
        return NULL;
    }
    memcpy(ret_text, text, bytes);
    return text + bytes + (text[bytes] == '\t');
}

static unsigned digit_of(char byte)
{
    return byte >= '0' && byte <= '9'   ? (unsigned) (byte - '0')
           : byte >= 'a' && byte <= 'f' ? (unsigned) (byte - 'a') + 10
                                        : UINT_MAX;
}

/* Reads a number of at least one digit, and moves *at after it; returns false when there is none, or it is more than `most`, which
 * is at least 15. A file has tens of thousands of numbers, for which sscanf() is slow. */
static bool read_digits(const char **at, unsigned base, uint64_t most, uint64_t *ret_number)
{
    const char *text = *at;
    uint64_t number = 0;
    unsigned digit;

    for (; (digit = digit_of(*text)) < base; text++) {
        if (number > (most - digit) / base) {
            return false;
        }
        number = number * base + digit;
    }
    if (text == *at) {
        return false;
    }
    *at = text;
    *ret_number = number;
    return true;
}

/* The same after a blank. */
static bool read_u64(const char **at, unsigned base, uint64_t *ret_number)
{
    return *(*at)++ == ' ' && read_digits(at, base, UINT64_MAX, ret_number);
}

static bool read_u32(const char **at, unsigned base, uint32_t *ret_number)
{
    uint64_t number = 0;
    bool good = *(*at)++ == ' ' && read_digits(at, base, UINT32_MAX, &number);

    *ret_number = (uint32_t) number;
    return good;
}

/* The same of a number that may be negative. */
static bool read_i32(const char **at, int32_t *ret_number)
{
    uint64_t number = 0;
    bool has_blank = *(*at)++ == ' ';
    bool is_negative = has_blank && **at == '-';

    *at += is_negative;
    bool good = has_blank && read_digits(at, 10, INT32_MAX, &number);

    *ret_number = is_negative ? -(int32_t) number : (int32_t) number;
    return good;
}

/* Reads "T bytes kind flags tail_offset tail_bytes link_bytes line name TAB file TAB starts". */
static bool read_type(struct reading *reading, const char *line)
{
    struct lmm_type_info info;
    uint32_t kind;
    uint32_t flags;
    const char *at = line + 1;

    memset(&info, 0, sizeof(info));
    if (!read_u64(&at, 16, &info.bytes) || !read_u32(&at, 10, &kind) ||
        !read_u32(&at, 16, &flags) || !read_u64(&at, 16, &info.tail_offset) ||
        !read_u64(&at, 16, &info.tail_bytes) || !read_u64(&at, 16, &info.link_bytes) ||
        !read_u32(&at, 10, &info.line) || *at != ' ' || kind > LMM_TYPE_RECORD) {
        return false;
    }
    const char *text = read_text(at + 1, info.name, sizeof(info.name));

    text = text == NULL ? NULL : read_text(text, info.file, sizeof(info.file));
    if (text == NULL || read_text(text, info.starts, sizeof(info.starts)) == NULL) {
        return false;
    }
    info.kind = kind;
    info.is_cplusplus = (flags & 1) != 0;
    info.is_polymorphic = (flags & 2) != 0;
    info.is_base = (flags & 4) != 0;
    info.is_typed_header = (flags & 8) != 0;
    const struct lmm_type_info **added =
        lmm_array_add(&reading->types, &reading->type_count, sizeof(const struct lmm_type_info *));

    if (added != NULL) {
        *added = lmm_type_table_keep(reading->table, &info);
    }
    return added != NULL && *added != NULL;
}

/* Reads "C type evidence flags". */
static bool read_candidate(const struct reading *reading, const char *line,
                           struct lmm_candidate *candidate)
{
    uint64_t type;
    uint32_t evidence;
    uint32_t flags;
    const char *at = line + 1;

    if (line[0] != 'C' || !read_u64(&at, 16, &type) || !read_u32(&at, 16, &evidence) ||
        !read_u32(&at, 16, &flags) || *at != '\0' || type >= reading->type_count || evidence == 0 ||
        (evidence & (evidence - 1)) != 0 || evidence > LMM_MODEL_BY_SIZE) {
        return false;
    }
    *candidate = (struct lmm_candidate) {.type = reading->types[type],
                                         .evidence = evidence,
                                         .is_array = (flags & 1) != 0,
                                         .has_more = (flags & 2) != 0,
                                         .is_inside = (flags & 4) != 0,
                                         .is_late = (flags & 8) != 0,
                                         .is_choice = (flags & 16) != 0};
    return true;
}

/* Reads "P offset flags returns_after count", and so many candidates. */
static bool read_place(struct reading *reading, const char *line, lmm_type_cache_take take,
                       void *context)
{
    uint64_t offset;
    uint32_t flags;
    uint64_t count;
    struct lmm_facts facts = {.items = NULL};
    const char *at = line + 1;
    bool good = true;

    if (line[0] != 'P' || !read_u64(&at, 16, &offset) || !read_u32(&at, 16, &flags) ||
        !read_i32(&at, &facts.returns_after) || !read_u64(&at, 16, &count) || *at != '\0' ||
        facts.returns_after < LMM_HEADER_UNKNOWN || count > CANDIDATES_MAX) {
        return false;
    }
    facts.items = calloc(count + 1, sizeof(*facts.items));
    facts.returns = (flags & 1) != 0;
    facts.is_generic = (flags & 2) != 0;
    facts.has_debug = (flags & 4) != 0;
    facts.output = flags >> 3;
    while (facts.items != NULL && good && facts.count < count) {
        const char *next = next_line(reading);

        good = next != NULL && read_candidate(reading, next, &facts.items[facts.count++]);
    }
    if (facts.items == NULL || !good) {
        free(facts.items);
        return false;
    }
    return take(context, offset, &facts);
}

/* Reads "R offset returns", of a file without debug information. */
static bool read_blind(const char *line, lmm_type_cache_take take, void *context)
{
    struct lmm_facts facts = {.is_blind = true};
    char *end;
    uint64_t offset = strtoull(line + 1, &end, 16);

    facts.returns = strcmp(end, " 1") == 0;
    facts.is_generic = facts.returns;
    return (facts.returns || strcmp(end, " 0") == 0) && take(context, offset, &facts);
}

static bool read_line(struct reading *reading, const char *line, lmm_type_cache_take take,
                      void *context)
{
    switch (line[0]) {
    case 'T': return read_type(reading, line);
    case 'R': return read_blind(line, take, context);
    default: return read_place(reading, line, take, context);
    }
}

static bool read_lines(struct reading *reading, lmm_type_cache_take take, void *context)
{
    char expected[HEAD_MAX];
    const char *line = next_line(reading);
    bool good = true;

    put_head(expected);
    expected[strlen(expected) - 1] = '\0';
    if (line == NULL || strcmp(line, expected) != 0) {
        return false;
    }
    while (good && (line = next_line(reading)) != NULL) {
        good = read_line(reading, line, take, context);
    }
    return good;
}

bool lmm_type_cache_read(const unsigned char *build_id, size_t build_id_bytes,
                         struct lmm_type_table *table, lmm_type_cache_take take, void *context)
{
    char path[PATH_MAX];
    size_t bytes = 0;
    struct stat status;
    char *text = find_path(build_id, build_id_bytes, path)
                     ? lmm_regular_file_read(path, O_NOFOLLOW, CACHE_BYTES_MAX, &status, &bytes)
                     : NULL;
    struct reading reading = {.at = text, .table = table};
    bool good = text != NULL && is_whole(text, bytes) && read_lines(&reading, take, context);

    free((void *) reading.types);
    free(text);
    return good;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The number of a type in the file. */
struct numbered {
    UT_hash_handle hh;
    const struct lmm_type_info *type;
    size_t number;
};

struct writing {
    FILE *stream; /* into memory */
    struct numbered *types;
    size_t type_count;
};

/* Returns whether a text can stand in a line. */
static bool is_plain(const char *text)
{
    for (const unsigned char *at = (const unsigned char *) text; *at != '\0'; at++) {
        if (*at < ' ') {
            return false;
        }
    }
    return true;
}

/* Writes a type at its first use; returns its number, SIZE_MAX: it is not written. */
static size_t number_of(struct writing *writing, const struct lmm_type_info *type)
{
    struct numbered *known;

    HASH_FIND_PTR(writing->types, &type, known);
    if (known != NULL) {
        return known->number;
    }
    known = is_plain(type->name) && is_plain(type->file) && is_plain(type->starts)
                ? calloc(1, sizeof(*known))
                : NULL;
    if (known == NULL) {
        return SIZE_MAX;
    }
    known->type = type;
    known->number = writing->type_count;
    HASH_ADD_PTR(writing->types, type, known);
    if (known->hh.tbl == NULL) {
        free(known);
        return SIZE_MAX;
    }
    fprintf(writing->stream,
            "T %" PRIx64 " %u %x %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIu32 " %s\t%s\t%s\n",
            type->bytes, type->kind,
            (type->is_cplusplus ? 1U : 0U) | (type->is_polymorphic ? 2U : 0U) |
                (type->is_base ? 4U : 0U) | (type->is_typed_header ? 8U : 0U),
            type->tail_offset, type->tail_bytes, type->link_bytes, type->line, type->name,
            type->file, type->starts);
    writing->type_count++;
    return known->number;
}

static void write_place(struct writing *writing, const struct lmm_type_cache_item *item)
{
    const struct lmm_facts *facts = item->facts;

    if (facts->is_blind) {
        fprintf(writing->stream, "R %" PRIx64 " %d\n", item->offset, facts->returns);
        return;
    }
    if (facts->count > CANDIDATES_MAX) {
        return;
    }
    for (size_t i = 0; i < facts->count; i++) {
        if (number_of(writing, facts->items[i].type) == SIZE_MAX) {
            return;
        }
    }
    fprintf(writing->stream, "P %" PRIx64 " %x %" PRId32 " %zx\n", item->offset,
            (facts->returns ? 1U : 0U) | (facts->is_generic ? 2U : 0U) |
                (facts->has_debug ? 4U : 0U) | facts->output << 3,
            facts->returns_after, facts->count);
    for (size_t i = 0; i < facts->count; i++) {
        const struct lmm_candidate *candidate = &facts->items[i];

        fprintf(writing->stream, "C %zx %x %x\n", number_of(writing, candidate->type),
                candidate->evidence,
                (candidate->is_array ? 1U : 0U) | (candidate->has_more ? 2U : 0U) |
                    (candidate->is_inside ? 4U : 0U) | (candidate->is_late ? 8U : 0U) |
                    (candidate->is_choice ? 16U : 0U));
    }
}

/* Removes the oldest cache when there are too many; the one just written is the newest. */
static void sweep(const char *path)
{
    char folder[PATH_MAX];
    struct dirent **entries = NULL;

    snprintf(folder, sizeof(folder), "%.*s", (int) (strrchr(path, '/') - path), path);
    int count = scandir(folder, &entries, NULL, NULL);
    int files = 0;
    char *oldest = NULL;
    int64_t oldest_ns = INT64_MAX;

    for (int i = 0; i < count; i++) {
        struct stat status;
        char name[PATH_MAX + sizeof(entries[i]->d_name)];

        snprintf(name, sizeof(name), "%s/%s", folder, entries[i]->d_name);
        if (lstat(name, &status) == 0 && S_ISREG(status.st_mode)) {
            files++;
            if (status.st_mtim.tv_sec < oldest_ns) {
                oldest_ns = status.st_mtim.tv_sec;
                free(oldest);
                oldest = strdup(name);
            }
        }
        free(entries[i]);
    }
    free((void *) entries);
    if (files > CACHES_MAX && oldest != NULL) {
        unlink(oldest);
    }
    free(oldest);
}

/* Writes a text to a file that then has the path. */
static void save(const char *path, const char *text, size_t bytes)
{
    char draft[PATH_MAX + 16];
    size_t done = 0;

    make_folders(path);
    snprintf(draft, sizeof(draft), "%s.XXXXXX", path);
    int descriptor = mkostemp(draft, O_CLOEXEC);

    if (descriptor < 0) {
        return;
    }
    while (done < bytes) {
        ssize_t put = write(descriptor, text + done, bytes - done);

        if (put <= 0) {
            break;
        }
        done += (size_t) put;
    }
    if (close(descriptor) != 0 || done < bytes || rename(draft, path) != 0) {
        unlink(draft);
        return;
    }
    sweep(path);
}

static void free_numbers(struct writing *writing)
{
    struct numbered *known = writing->types;

    HASH_CLEAR(hh, writing->types); /* the items stay linked to each other */
    while (known != NULL) {
        struct numbered *next = known->hh.next;

        free(known);
        known = next;
    }
}

void lmm_type_cache_write(const unsigned char *build_id, size_t build_id_bytes,
                          const struct lmm_type_cache_item *items, size_t count)
{
    char path[PATH_MAX];
    char *text = NULL;
    size_t bytes = 0;
    struct writing writing = {.stream = NULL};
    char head[HEAD_MAX];

    if (!find_path(build_id, build_id_bytes, path) ||
        (writing.stream = open_memstream(&text, &bytes)) == NULL) {
        return;
    }
    put_head(head);
    fputs(head, writing.stream);
    for (size_t i = 0; i < count; i++) {
        write_place(&writing, &items[i]);
    }
    bool good = fflush(writing.stream) == 0;

    if (good) {
        fprintf(writing.stream, "E %lx\n", crc32(0, (const Bytef *) text, (uInt) bytes));
    }
    good = fclose(writing.stream) == 0 && good;
    if (good && bytes <= CACHE_BYTES_MAX) {
        save(path, text, bytes);
    }
    free(text);
    free_numbers(&writing);
}
