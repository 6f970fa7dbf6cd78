/* SPDX-License-Identifier: MIT */
#include "lib/leaks/ranges.h"

#include "lib/ground/map_line.h"
#include "lib/ground/meta.h"
#include "lib/ground/panic.h"
#include "lib/ground/system.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum {
    RANGES_FIRST = 1024,
    RANGES_MAX = 1 << 24,
    TEXT_BYTES = 1 << 14,
    BUFFER_BYTES = TEXT_BYTES + sizeof(struct lmm_ranges_reader),
};

/* ---- The list -------------------------------------------------------------------------------- */

static bool reserve_one(struct lmm_ranges *ranges)
{
    if (ranges->count < ranges->capacity) {
        return true;
    }
    size_t capacity = ranges->capacity == 0 ? RANGES_FIRST : 2 * ranges->capacity;
    struct lmm_range *larger =
        capacity > RANGES_MAX ? NULL : lmm_meta_map(capacity * sizeof(*larger));
    if (larger == NULL) {
        return false;
    }
    if (ranges->list != NULL) {
        memcpy(larger, ranges->list, ranges->count * sizeof(*larger));
        lmm_meta_unmap(ranges->list, ranges->capacity * sizeof(*larger));
    }
    ranges->list = larger;
    ranges->capacity = capacity;
    return true;
}

int lmm_ranges_add(struct lmm_ranges *ranges, const struct lmm_range *range)
{
    uintptr_t end = ranges->count == 0 ? 0 : ranges->list[ranges->count - 1].to;
    struct lmm_range added = *range;

    added.from = added.from < end ? end : added.from;
    if (added.from >= added.to) {
        return 0;
    }
    if (!reserve_one(ranges)) {
        return -ENOMEM;
    }
    ranges->list[ranges->count++] = added;
    return 0;
}

void lmm_ranges_free(struct lmm_ranges *ranges)
{
    if (ranges->list != NULL) {
        lmm_meta_unmap(ranges->list, ranges->capacity * sizeof(*ranges->list));
    }
    if (ranges->buffer != NULL) {
        lmm_meta_unmap(ranges->buffer, BUFFER_BYTES);
    }
    *ranges = (struct lmm_ranges) {0};
}

const struct lmm_range *lmm_ranges_find(const struct lmm_ranges *ranges, uintptr_t address)
{
    size_t low = 0;
    size_t high = ranges->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges->list[middle].to <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ranges->count && ranges->list[low].from <= address ? &ranges->list[low] : NULL;
}

bool lmm_ranges_have(const struct lmm_ranges *ranges, uint32_t flags)
{
    for (size_t i = 0; i < ranges->count; i++) {
        if ((ranges->list[i].flags & flags) != 0) {
            return true;
        }
    }
    return false;
}

bool lmm_ranges_are_valid(const struct lmm_ranges *ranges)
{
    uintptr_t end = 0;

    for (size_t i = 0; i < ranges->count; i++) {
        if (ranges->list[i].from < end || ranges->list[i].from >= ranges->list[i].to) {
            return false;
        }
        end = ranges->list[i].to;
    }
    return ranges->count <= ranges->capacity;
}

/* ---- One line -------------------------------------------------------------------------------- */

/* Moves *at past the word there and the blanks after it. */
static void skip_word(const char **at, const char *end)
{
    while (*at < end && **at != ' ') {
        ++*at;
    }
    while (*at < end && **at == ' ') {
        ++*at;
    }
}

static bool starts_with(const char *name, size_t length, const char *prefix)
{
    size_t wanted = strlen(prefix);

    return length >= wanted && memcmp(name, prefix, wanted) == 0;
}

/* What the name of a mapping says. Names of files start with a slash; only the kernel's own are in
 * brackets. Objects without a name of their own ("anon_inode:[io_uring]", "socket:[7]") are no
 * memory, except those of memfd_create ("/memfd:...") and shared memory ("/dev/zero", "/SYSV...").
 */
static uint32_t flags_of_name(const char *name, size_t length)
{
    static const char *const memory[] = {"/dev/shm/", "/dev/zero", "/dev/hugepages/",
                                         "/dev/mqueue/"};

    if (length == 0 || starts_with(name, length, "[heap]") || starts_with(name, length, "[anon")) {
        return 0;
    }
    if (starts_with(name, length, "[stack")) {
        return LMM_RANGE_STACK;
    }
    if (name[0] == '[') {
        return LMM_RANGE_KERNEL;
    }
    for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++) {
        if (starts_with(name, length, memory[i])) {
            return 0;
        }
    }
    bool is_device = starts_with(name, length, "/dev/") || starts_with(name, length, "/[aio]") ||
                     starts_with(name, length, "/sys/") || starts_with(name, length, "/proc/") ||
                     (name[0] != '/' && name[0] != '(');
    return is_device ? LMM_RANGE_DEVICE : 0;
}

/* A line of a range. False: it is none. */
static bool parse_range(const char *at, const char *end, struct lmm_range *ret_range)
{
    struct lmm_map_line line;

    if (!lmm_map_line_parse(at, end, &line)) {
        return false;
    }
    bool has_file = line.inode != 0 || (line.name_length != 0 && line.name[0] != '[');
    uint32_t flags = (line.access[0] == 'r' ? LMM_RANGE_READ : 0u) |
                     (line.access[1] == 'w' ? LMM_RANGE_WRITE : 0u) |
                     (line.access[2] == 'x' ? LMM_RANGE_EXECUTE : 0u) |
                     (line.access[3] == 's' ? LMM_RANGE_SHARED : 0u) |
                     (has_file ? LMM_RANGE_FILE : 0u);
    *ret_range =
        (struct lmm_range) {line.from, line.to, flags | flags_of_name(line.name, line.name_length)};
    return true;
}

/* The line "VmFlags: rd wr mr ...", which belongs to the range before it. */
static uint32_t parse_marks(const char *at, const char *end)
{
    static const struct {
        char word[3];
        uint32_t flag;
    } marks[] = {{"dc", LMM_RANGE_NO_FORK},   {"wf", LMM_RANGE_WIPED},
                 {"um", LMM_RANGE_USERFAULT}, {"uw", LMM_RANGE_USERFAULT},
                 {"ui", LMM_RANGE_USERFAULT}, {"io", LMM_RANGE_IO},
                 {"pf", LMM_RANGE_IO}};
    uint32_t flags = 0;

    while (end - at >= 2) {
        for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
            flags |= memcmp(at, marks[i].word, 2) == 0 ? marks[i].flag : 0u;
        }
        skip_word(&at, end);
    }
    return flags;
}

static int parse_line(struct lmm_ranges *ranges, const char *line, size_t length)
{
    static const char marks[] = "VmFlags:";
    struct lmm_range range;

    if (starts_with(line, length, marks)) {
        const char *at = line;
        skip_word(&at, line + length);
        if (ranges->count != 0) {
            ranges->list[ranges->count - 1].flags |= parse_marks(at, line + length);
        }
        return 0;
    }
    return parse_range(line, line + length, &range) ? lmm_ranges_add(ranges, &range) : 0;
}

int lmm_ranges_parse(struct lmm_ranges *ranges, struct lmm_ranges_reader *reader, const char *text,
                     size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] != '\n') {
            if (reader->length < LMM_RANGES_LINE_MAX) {
                reader->line[reader->length++] = text[i];
            }
            continue;
        }
        int result = parse_line(ranges, reader->line, reader->length);
        reader->length = 0;
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

/* ---- The file -------------------------------------------------------------------------------- */

static int read_all(struct lmm_ranges *ranges, int file)
{
    char *text = ranges->buffer;
    struct lmm_ranges_reader *reader = (struct lmm_ranges_reader *) (void *) (text + TEXT_BYTES);
    int result = 0;

    *reader = (struct lmm_ranges_reader) {.length = 0};
    while (result == 0) {
        ssize_t got = lmm_system_read(file, text, TEXT_BYTES);
        if (got == -EINTR) {
            continue;
        }
        if (got <= 0) {
            return (int) got;
        }
        result = lmm_ranges_parse(ranges, reader, text, (size_t) got);
    }
    return result;
}

/* By thread-self: the file of a process whose main thread has ended is empty. */
static int read_file(struct lmm_ranges *ranges, bool with_marks)
{
    int file = lmm_system_open(with_marks ? "/proc/thread-self/smaps" : "/proc/thread-self/maps",
                               O_RDONLY | O_CLOEXEC, 0);

    if (file < 0) {
        return file;
    }
    ranges->count = 0;
    int result = read_all(ranges, file);
    lmm_system_close(file);
    return result;
}

int lmm_ranges_read(struct lmm_ranges *ranges, bool with_marks)
{
    size_t capacity;
    int result = 0;

    *ranges = (struct lmm_ranges) {.buffer = lmm_meta_map(BUFFER_BYTES)};
    if (ranges->buffer == NULL || !reserve_one(ranges)) {
        result = -ENOMEM;
    }
    /* A list that moved is in itself, at its old place. */
    do {
        capacity = ranges->capacity;
        result = result != 0 ? result : read_file(ranges, with_marks);
    } while (result == 0 && ranges->capacity != capacity);
    if (result != 0) {
        lmm_ranges_free(ranges);
    }
    LMM_CHECK(lmm_ranges_are_valid(ranges));
    return result;
}
