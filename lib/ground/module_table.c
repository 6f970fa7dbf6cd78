/* SPDX-License-Identifier: MIT */
#include "lib/ground/module_table.h"

#include "lib/ground/map_line.h"
#include "lib/ground/meta.h"
#include "lib/ground/panic.h"
#include "lib/ground/system.h"
#include "lib/ground/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>

enum {
    LIST_FIRST = 64,
    MISSES_MAX = 4096,
    READER_TRIES = 100,
    TEXT_BYTES = 1 << 14,
    LINE_BYTES = PATH_MAX + 128,
    PAGE_BYTES = 4096, /* of a file, with its program headers */
    HEAD_BYTES = 1024, /* with its headers and, as linkers write it, its build-id */
};

/* A module that was met. Immutable. */
struct record {
    struct record *older;
    struct lmm_module_facts facts; /* its name is the one below */
    uint64_t device;
    uint64_t inode;
    unsigned char head[HEAD_BYTES]; /* of the file */
    char name[];
};

/* Modules by the address of their end. They do not overlap, except that the kernel's may lie in a gap between two
 * segments of another one, of which it is there the first. */
struct list {
    uint32_t capacity;
    uint32_t count;         /* atomic */
    struct record *entry[]; /* each atomic */
};

uint32_t lmm_module_table_readings;

struct lmm_lock lmm_module_table_lock = LMM_LOCK_INIT(LMM_RANK_LOADED);

static struct {
    uint32_t sequence;  /* atomic: I3 */
    struct list *list;  /* atomic; what readers use; an outgrown one is not freed */
    uint32_t misses;    /* atomic: addresses in no module since the last reading */
    uint32_t threshold; /* atomic: so many of them lead to a reading; 0 as 1 */
    uint32_t told;      /* atomic: changes of which lmm_module_table_expect() has told */
    uint32_t heeded;    /* atomic: of them, those before the last reading began */

    /* Under the lock: */
    struct record *newest;
    struct list *next; /* what a reading finds */
} table;

/* A reading of the kernel's list, under the lock. */
static struct {
    struct record
        *kernels; /* the kernel's own module, which is read first; NULL: it is in the list */
    char text[TEXT_BYTES];
    char line[LINE_BYTES];
    size_t length; /* of the line so far; a longer one is cut */

    /* The module whose lines are read. */
    bool has_module;
    bool has_code; /* its code is mapped where its headers say */
    struct record module;
    uintptr_t code_shift; /* of its code: address minus offset in the file */
    char name[PATH_MAX];

    _Alignas(ElfW(Ehdr)) unsigned char page[PAGE_BYTES];
} reading;

/* ---- Looking up ------------------------------------------------------------------------------ */

static struct record *search(const struct list *list, uintptr_t pc)
{
    uint32_t low = 0;
    uint32_t count = list == NULL ? 0 : lmm_load_acquire(&list->count);
    uint32_t high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (lmm_load_acquire(&list->entry[middle])->facts.end > pc) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    for (uint32_t i = low; i < count && i - low < 2; i++) {
        struct record *record = lmm_load_acquire(&list->entry[i]);
        if (record->facts.start <= pc) {
            return record;
        }
    }
    return NULL;
}

/* The record of an address, or NULL; also when the list is being written for too long, as in a handler
 * that interrupted its writer. */
static const struct record *look_up(uintptr_t pc)
{
    for (unsigned tries = 0; tries < READER_TRIES; tries++) {
        uint32_t before = lmm_load_acquire(&table.sequence);
        if (before % 2 == 0) {
            const struct record *record = search(lmm_load_acquire(&table.list), pc);
            __atomic_thread_fence(__ATOMIC_ACQUIRE);
            if (lmm_load_relaxed(&table.sequence) == before) {
                return record;
            }
        }
        lmm_system_yield();
    }
    return NULL;
}

/* Reads the process's memory, which another thread may unmap meanwhile. */
static bool read_memory(uintptr_t address, void *buffer, size_t bytes)
{
    int result = lmm_vm_read(address, buffer, bytes);

    if (result == -EFAULT || result == 0) {
        return result == 0;
    }
    /* The kernel or a filter does not allow it. */
    if (!lmm_vm_is_readable(address) || !lmm_vm_is_readable(address + bytes - 1)) {
        return false;
    }
    memcpy(buffer, (const void *) address, bytes);
    return true;
}

/* Whether the module is still at its place. */
static bool is_there(const struct record *record)
{
    unsigned char head[HEAD_BYTES];

    return read_memory(record->facts.start, head, sizeof(head)) &&
           memcmp(head, record->head, sizeof(head)) == 0;
}

/* ---- Records --------------------------------------------------------------------------------- */

static bool is_same(const struct record *a, const struct record *b, const char *name)
{
    return a->facts.start == b->facts.start && a->facts.end == b->facts.end &&
           a->facts.bias == b->facts.bias && a->facts.eh_frame_hdr == b->facts.eh_frame_hdr &&
           a->device == b->device && a->inode == b->inode &&
           memcmp(a->head, b->head, sizeof(a->head)) == 0 && strcmp(a->name, name) == 0;
}

/* The record of the module that was read, a new one if need be; NULL: no memory. */
static struct record *record_module_locked(void)
{
    struct record *record = search(table.list, reading.module.facts.start);

    if (record != NULL && is_same(record, &reading.module, reading.name)) {
        return record;
    }
    record = table.newest;
    while (record != NULL && !is_same(record, &reading.module, reading.name)) {
        record = record->older;
    }
    if (record == NULL) {
        size_t name_bytes = strlen(reading.name) + 1;
        record = lmm_meta_alloc(&lmm_arena_records, sizeof(*record) + name_bytes);
        if (record != NULL) {
            *record = reading.module;
            memcpy(record->name, reading.name, name_bytes);
            record->facts.name = record->name;
            record->older = table.newest;
            table.newest = record;
        }
    }
    return record;
}

static struct list *list_with_capacity(uint32_t capacity)
{
    struct list *list = lmm_meta_zalloc(sizeof(*list) + capacity * sizeof(struct record *));

    if (list != NULL) {
        list->capacity = capacity;
    }
    return list;
}

/* Adds a record at the end of what the reading has found. False: no memory. */
static bool append_locked(struct record *record)
{
    struct list *list = table.next;

    if (list->count == list->capacity) {
        struct list *larger = list_with_capacity(2 * list->capacity);
        if (larger == NULL) {
            return false;
        }
        memcpy(larger->entry, list->entry, list->count * sizeof(struct record *));
        larger->count = list->count;
        lmm_meta_free(&lmm_arena_records, list,
                      sizeof(*list) + list->capacity * sizeof(struct record *));
        table.next = list = larger;
    }
    LMM_CHECK(list->count == 0 || list->entry[list->count - 1]->facts.end < record->facts.end);
    list->entry[list->count++] = record;
    return true;
}

/* Adds the kernel's module, unless it is there. False: no memory. */
static bool add_kernels_locked(void)
{
    struct record *kernels = reading.kernels;

    reading.kernels = NULL;
    return kernels == NULL || append_locked(kernels);
}

/* Adds a record, and before it the kernel's module if that ends first. False: no memory. */
static bool add_locked(struct record *record)
{
    bool is_next = reading.kernels != NULL && reading.kernels->facts.end < record->facts.end;

    return (!is_next || add_kernels_locked()) && append_locked(record);
}

/* ---- One module ------------------------------------------------------------------------------ */

/* Takes the place of one segment. */
static void take_segment(const ElfW(Phdr) * segment, bool *has_code_segment)
{
    struct lmm_module_facts *facts = &reading.module.facts;
    uintptr_t address = facts->bias + segment->p_vaddr;

    if (segment->p_type == PT_GNU_EH_FRAME) {
        facts->eh_frame_hdr = (const unsigned char *) address;
    }
    if (segment->p_type != PT_LOAD) {
        return;
    }
    if (address + segment->p_memsz > facts->end) {
        facts->end = address + segment->p_memsz;
    }
    if ((segment->p_flags & PF_X) != 0 && !*has_code_segment) {
        *has_code_segment = true;
        reading.code_shift = address - segment->p_offset;
    }
}

/* Takes the name of a file: the kernel writes a line end as \012, and marks a file that has no name any
 * more. */
static void take_name(const struct lmm_map_line *line)
{
    static const char deleted[] = " (deleted)";
    size_t mark = sizeof(deleted) - 1;
    size_t length = line->name_length;
    size_t to = 0;

    if (length > mark && memcmp(line->name + length - mark, deleted, mark) == 0) {
        length -= mark;
    }
    for (size_t from = 0; from < length && to + 1 < sizeof(reading.name); to++) {
        bool is_line_end = length - from >= 4 && memcmp(line->name + from, "\\012", 4) == 0;
        reading.name[to] = is_line_end ? '\n' : line->name[from];
        from += is_line_end ? 4 : 1;
    }
    reading.name[to] = '\0';
}

static bool is_kernels(const struct lmm_map_line *line)
{
    return line->from == getauxval(AT_SYSINFO_EHDR);
}

/* Whether the first bytes of a file are mapped there. */
static bool is_start(const struct lmm_map_line *line)
{
    return line->access[0] == 'r' && line->offset == 0 && (line->inode != 0 || is_kernels(line));
}

/* Begins a module, if the line is the start of one. */
static void begin_module(const struct lmm_map_line *line)
{
    bool has_code_segment = false;
    size_t count;

    reading.has_module = false;
    if (!is_start(line) || !read_memory(line->from, reading.page, PAGE_BYTES)) {
        return;
    }
    const ElfW(Phdr) *segments = lmm_elf_segments(reading.page, PAGE_BYTES, &count);
    size_t first = 0;
    while (segments != NULL && first < count && segments[first].p_type != PT_LOAD) {
        first++;
    }
    if (segments == NULL || first == count || segments[first].p_offset >= PAGE_BYTES) {
        return;
    }
    uintptr_t first_page = segments[first].p_vaddr - segments[first].p_offset;
    reading.module = (struct record) {
        .facts = {.start = line->from, .end = line->from, .bias = line->from - first_page},
        .device = line->device,
        .inode = line->inode,
    };
    for (size_t i = 0; i < count; i++) {
        take_segment(&segments[i], &has_code_segment);
    }
    memcpy(reading.module.head, reading.page, HEAD_BYTES);
    uintptr_t program = getauxval(AT_PHDR);
    take_name(line);
    if (program >= line->from && program < reading.module.facts.end) {
        reading.name[0] = '\0';
    }
    reading.has_module = has_code_segment;
    reading.has_code = is_kernels(line);
}

/* Adds the module whose lines have been read. False: no memory. */
static bool end_module_locked(void)
{
    bool is_module = reading.has_module && reading.has_code;

    reading.has_module = false;
    if (!is_module) {
        return true;
    }
    struct record *record = record_module_locked();
    return record != NULL && add_locked(record);
}

/* Reads the kernel's own module. Its code has no file, and on AArch64 it may lie between two segments of the
 * dynamic loader. False: no memory. */
static bool read_kernels_locked(void)
{
    static const char name[] = "[vdso]"; /* the kernel's name for it */
    const struct lmm_map_line line = {.from = getauxval(AT_SYSINFO_EHDR),
                                      .access = {'r', '-', 'x', 'p'},
                                      .name = name,
                                      .name_length = sizeof(name) - 1};

    reading.kernels = NULL;
    if (line.from == 0) {
        return true;
    }
    begin_module(&line);
    if (reading.has_module) {
        reading.kernels = record_module_locked();
    }
    bool is_recorded = !reading.has_module || reading.kernels != NULL;
    reading.has_module = false;
    return is_recorded;
}

/* ---- The kernel's list ----------------------------------------------------------------------- */

static bool take_line_locked(const struct lmm_map_line *line)
{
    const struct record *module = &reading.module;
    bool is_inside = reading.has_module && line->from < module->facts.end;
    bool is_same_file = line->device == module->device && line->inode == module->inode;

    if (is_kernels(line)) {
        return true;
    }
    /* A file that was mapped to be read seems to be longer than its mapping. */
    if (is_inside && !reading.has_code && line->inode != 0 && !is_same_file) {
        reading.has_module = is_inside = false;
    }
    if (!is_inside) {
        if (!end_module_locked()) {
            return false;
        }
        begin_module(line);
        is_same_file = true;
    }
    if (reading.has_module && is_same_file && line->access[2] == 'x' &&
        line->from - line->offset == reading.code_shift) {
        reading.has_code = true;
    }
    return true;
}

/* Takes the next piece of the kernel's text; false: no memory. */
static bool take_text_locked(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        struct lmm_map_line line;
        if (text[i] != '\n') {
            if (reading.length < LINE_BYTES) {
                reading.line[reading.length++] = text[i];
            }
            continue;
        }
        bool is_line = lmm_map_line_parse(reading.line, reading.line + reading.length, &line);
        reading.length = 0;
        if (is_line && !take_line_locked(&line)) {
            return false;
        }
    }
    return true;
}

/* Fills table.next. False: no memory, or the kernel's list cannot be read. By thread-self: the list of a
 * process whose main thread has ended is empty. */
static bool read_list_locked(void)
{
    int file = lmm_system_open("/proc/thread-self/maps", O_RDONLY | O_CLOEXEC, 0);
    ssize_t got = 1;

    reading.has_module = false;
    reading.length = 0;
    table.next->count = 0;
    bool is_whole = file >= 0 && read_kernels_locked();
    while (is_whole && got != 0) {
        got = lmm_system_read(file, reading.text, TEXT_BYTES);
        is_whole = got == -EINTR || (got >= 0 && take_text_locked(reading.text, (size_t) got));
    }
    if (file >= 0) {
        lmm_system_close(file);
    }
    return is_whole && end_module_locked() && add_kernels_locked();
}

/* Whether readers have the list that was read. */
static bool is_published_locked(void)
{
    const struct list *list = table.list;

    return list != NULL && table.sequence % 2 == 0 && list->count == table.next->count &&
           memcmp(list->entry, table.next->entry, list->count * sizeof(struct record *)) == 0;
}

/* Gives readers what was read. False: no memory. */
static bool publish_locked(void)
{
    struct list *list = table.list;

    if (list == NULL || list->capacity < table.next->count) {
        list = list_with_capacity(table.next->capacity);
        if (list == NULL) {
            return false;
        }
    }
    lmm_store_relaxed(&table.sequence, table.sequence | 1u);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    lmm_store_relaxed(&list->count, 0);
    for (uint32_t i = 0; i < table.next->count; i++) {
        lmm_store_release(&list->entry[i], table.next->entry[i]);
    }
    lmm_store_release(&list->count, table.next->count);
    lmm_store_release(&table.list, list);
    lmm_store_release(&table.sequence, table.sequence + 1);
    return true;
}

/* Reads the table again. A handler that interrupted this, or runs while fork has the locks, leaves it. */
static LMM_COLD void read_again(void)
{
    bool is_new = false;

    if (lmm_lock_is_mine(&lmm_module_table_lock)) {
        return;
    }
    lmm_lock_acquire(&lmm_module_table_lock);
    uint32_t told = lmm_load_acquire(&table.told); /* partner: lmm_module_table_expect() */
    uint32_t threshold = told != table.heeded || table.threshold == 0 ? 1 : table.threshold;
    lmm_store_relaxed(&lmm_module_table_readings, lmm_module_table_readings + 1);
    if (table.next == NULL) {
        table.next = list_with_capacity(LIST_FIRST);
    }
    if (table.next != NULL && read_list_locked() && !is_published_locked()) {
        is_new = publish_locked();
    }
    lmm_store_release(&table.heeded, told); /* partner: has_heeded() */
    lmm_store_relaxed(&table.misses, 0);
    lmm_store_relaxed(&table.threshold, is_new                   ? 1
                                        : threshold < MISSES_MAX ? 2 * threshold
                                                                 : MISSES_MAX);
    lmm_lock_release(&lmm_module_table_lock);
}

/* ---- The interface --------------------------------------------------------------------------- */

void lmm_module_table_expect(void)
{
    /* A thread that sees this in read_again() finds in /proc what was mapped before. */
    __atomic_fetch_add(&table.told, 1, __ATOMIC_RELEASE);
}

/* Whether the list has all changes of which lmm_module_table_expect() has told. */
static bool has_heeded(void)
{
    /* The list is read after this, so it is the one of that reading, or a later one; partner: read_again(). */
    return lmm_load_acquire(&table.heeded) == lmm_load_relaxed(&table.told);
}

/* Counts an address in no module. Whether it is a reason to read the table again. */
static bool is_missed_often(void)
{
    return lmm_fetch_add_relaxed(&table.misses, 1) + 1 >= lmm_load_relaxed(&table.threshold);
}

bool lmm_module_table_find(uintptr_t pc, struct lmm_module_facts *ret_facts)
{
    /* A reading while modules change may join the name of one to the memory of the next at its place. */
    if (!has_heeded()) {
        read_again();
    }
    const struct record *record = look_up(pc);
    bool is_module = record != NULL && is_there(record);

    if (!is_module && (record != NULL || is_missed_often())) {
        read_again();
        record = look_up(pc);
        is_module = record != NULL && is_there(record);
    }
    if (is_module) {
        *ret_facts = record->facts;
    }
    return is_module;
}
