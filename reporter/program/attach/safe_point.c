/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/safe_point.h"

#include <elf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmm/attach.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/program/attach/machine.h"
#include "reporter/program/attach/target_map.h"
#include "reporter/program/attach/tracee.h"
#include "reporter/program/base/array.h"
#include "reporter/program/ledger/running.h"

/* Addresses of functions, or of a whole module, that may not be on the stack. */
struct unsafe_range {
    uint64_t from;
    uint64_t to;
};

struct lmm_safe_points {
    const struct lmm_tracee *tracee;
    const struct lmm_target_map *map;
    struct unsafe_range *ranges;
    size_t count;
    struct unsafe_range loader;
    struct lmm_image_symbols libc;
    uint64_t malloc; /* that of the first module which has one; libc's if no other has */
    Dwfl *dwfl;
};

/* ---- Functions that may not be on the stack --------------------------------------------------- */

static const char *const of_malloc[] = {
    "malloc",        "calloc",   "realloc",    "free",         "memalign",
    "aligned_alloc", "valloc",   "pvalloc",    "reallocarray", "posix_memalign",
    "malloc_trim",   "mallinfo", "mallinfo2",  "malloc_stats", "malloc_info",
    "mallopt",       "cfree",    "free_sized", "mallocx",      "rallocx",
    "dallocx",       "sdallocx", "xallocx",    "mallctl",      "malloc_usable_size",
};

static const char *const of_libc[] = {
    "dlopen",
    "dlclose",
    "dlsym",
    "dlvsym",
    "dladdr",
    "dladdr1",
    "dlinfo",
    "dlmopen",
    "dlerror",
    "dl_iterate_phdr",
    "__libc_dlopen_mode",
    "fork",
    "exit",
    "quick_exit",
    "abort",
    "__cxa_finalize",
    "pthread_atfork",
    "pthread_create",
};

static bool add_range(struct lmm_safe_points *points, uint64_t from, uint64_t to)
{
    struct unsafe_range *range =
        lmm_array_add(&points->ranges, &points->count, sizeof(*points->ranges));

    if (range != NULL) {
        *range = (struct unsafe_range) {from, to};
    }
    return range != NULL;
}

static bool add_functions(struct lmm_safe_points *points, const struct lmm_image_symbols *image,
                          const char *const *names, size_t count)
{
    bool done = true;

    for (size_t i = 0; i < count && done; i++) {
        uint64_t bytes = 0;
        uint64_t address = lmm_image_symbol(image, names[i], &bytes);

        done = address == 0 || add_range(points, address, address + bytes);
    }
    return done;
}

/* Functions of C++ by which a program that has an allocator of its own requests memory. */
static bool add_operators(struct lmm_safe_points *points, const struct lmm_image_symbols *image)
{
    bool done = true;

    for (size_t i = 1; i < image->count && done; i++) {
        const Elf64_Sym *symbol = &image->symbols[i];
        const char *name = lmm_image_symbol_name(image, symbol);
        bool is_one = strncmp(name, "_Zn", 3) == 0 || strncmp(name, "_Zd", 3) == 0;

        done = !is_one || symbol->st_shndx == SHN_UNDEF || symbol->st_value == 0 ||
               add_range(points, image->bias + symbol->st_value,
                         image->bias + symbol->st_value + symbol->st_size);
    }
    return done;
}

/* The end of the last mapping of the file that is mapped at `module`. */
static uint64_t end_of(const struct lmm_target_map *map, const struct lmm_mapping *module)
{
    uint64_t end = module->to;

    for (const struct lmm_mapping *at = module + 1; at < map->mappings + map->count; at++) {
        if (strcmp(at->path, module->path) == 0 && at->offset != 0) {
            end = at->to;
        }
    }
    return end;
}

static bool is_called(const struct lmm_mapping *module, const char *start)
{
    return strncmp(lmm_running_last(module->path), start, strlen(start)) == 0;
}

/* A library with a malloc of its own may not be on the stack at all, nor LMM's, if an attempt has loaded it before; of the program itself, whose other functions are
 * in the same module, the functions of malloc. */
static bool take_malloc(struct lmm_safe_points *points, const struct lmm_mapping *module,
                        const struct lmm_image_symbols *image, bool is_program)
{
    uint64_t address = lmm_image_symbol(image, "malloc", NULL);

    if (address == 0) {
        return true;
    }
    if (points->malloc == 0 && lmm_image_symbol(image, LMM_ATTACH_EXCHANGE, NULL) == 0) {
        points->malloc = address;
    }
    return is_program
               ? add_functions(points, image, of_malloc, sizeof(of_malloc) / sizeof(*of_malloc)) &&
                     add_operators(points, image)
               : add_range(points, module->from, end_of(points->map, module));
}

static bool take_module(struct lmm_safe_points *points, const struct lmm_mapping *module,
                        bool is_program)
{
    struct lmm_image_symbols image;
    bool done = true;

    if (is_called(module, "ld-linux") || is_called(module, "ld-2.") || is_called(module, "ld.so")) {
        points->loader = (struct unsafe_range) {module->from, end_of(points->map, module)};
        return add_range(points, points->loader.from, points->loader.to);
    }
    if (!lmm_image_symbols_read(points->tracee, module->from, &image)) {
        return true;
    }
    if (is_called(module, "libc.so.6") || is_called(module, "libc-2.")) {
        points->libc = image;
        return add_functions(points, &image, of_malloc, sizeof(of_malloc) / sizeof(*of_malloc)) &&
               add_functions(points, &image, of_libc, sizeof(of_libc) / sizeof(*of_libc));
    }
    done = take_malloc(points, module, &image, is_program);
    lmm_image_symbols_free(&image);
    return done;
}

static bool take_modules(struct lmm_safe_points *points)
{
    const struct lmm_mapping *module = NULL;
    char path[64];
    char program[4096];
    bool done = true;

    snprintf(path, sizeof(path), "/proc/%d/exe", (int) points->tracee->pid);
    ssize_t bytes = readlink(path, program, sizeof(program) - 1);

    program[bytes < 0 ? 0 : bytes] = '\0';
    while (done && (module = lmm_target_map_next_module(points->map, module)) != NULL) {
        done = take_module(points, module, strcmp(module->path, program) == 0);
    }
    if (points->malloc == 0) {
        points->malloc = lmm_image_symbol(&points->libc, "malloc", NULL);
    }
    return done;
}

/* ---- The stack ------------------------------------------------------------------------------- */

static pid_t followed; /* for find_elf(), which gets no argument of ours */

/* Only what the process itself has mapped is opened, and nothing is searched for or downloaded. */
static int find_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
                    char **ret_name, Elf **ret_elf)
{
    char *path = NULL;

    if (*name == '/' && asprintf(&path, "/proc/%d/root%s", (int) followed, name) >= 0) {
        int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (file >= 0) {
            *ret_name = path;
            return file;
        }
        free(path);
    }
    return dwfl_linux_proc_find_elf(module, data, name, base, ret_name, ret_elf);
}

static int find_no_debuginfo(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
                             const char *file, const char *link, GElf_Word crc, char **ret_name)
{
    (void) module, (void) data, (void) name, (void) base;
    (void) file, (void) link, (void) crc, (void) ret_name;
    return -1;
}

static pid_t no_next_thread(Dwfl *dwfl, void *arg, void **thread)
{
    (void) dwfl, (void) arg, (void) thread;
    return 0;
}

static bool get_thread(Dwfl *dwfl, pid_t id, void *arg, void **thread)
{
    (void) dwfl, (void) id;
    *thread = arg;
    return true;
}

static bool read_word(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret_word, void *arg)
{
    const struct lmm_safe_points *points = arg;

    (void) dwfl;
    if (!lmm_tracee_read(points->tracee, address, ret_word, sizeof(*ret_word))) {
        return false;
    }
    *ret_word = lmm_machine_unsigned(*ret_word);
    return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
    struct user_regs_struct now;

    (void) arg;
    return lmm_thread_get(dwfl_thread_tid(thread), &now) && lmm_machine_give(thread, &now);
}

static bool open_dwfl(struct lmm_safe_points *points)
{
    static const Dwfl_Callbacks callbacks = {.find_elf = find_elf,
                                             .find_debuginfo = find_no_debuginfo};
    static const Dwfl_Thread_Callbacks threads = {.next_thread = no_next_thread,
                                                  .get_thread = get_thread,
                                                  .memory_read = read_word,
                                                  .set_initial_registers = set_registers};

    followed = points->tracee->pid;
    points->dwfl = dwfl_begin(&callbacks);
    if (points->dwfl == NULL) {
        return false;
    }
    dwfl_report_begin(points->dwfl);
    return dwfl_linux_proc_report(points->dwfl, followed) == 0 &&
           dwfl_report_end(points->dwfl, NULL, NULL) == 0 &&
           dwfl_attach_state(points->dwfl, NULL, followed, &threads, points);
}

/* Whether a handler of a signal returns there. */
static bool is_signal_return(const struct lmm_safe_points *points, uint64_t pc)
{
    unsigned char found[16];

    return lmm_tracee_read(points->tracee, pc, found, lmm_machine_signal_return_bytes) &&
           memcmp(found, lmm_machine_signal_return, lmm_machine_signal_return_bytes) == 0;
}

/* A stack with more frames may have no end: where tables of unwinding are wrong, a walk can go in a circle. */
enum { FRAMES_MAX = 10000 };

struct walk {
    const struct lmm_safe_points *points;
    unsigned frames;
    bool is_safe;
};

/* The first frame may be at the entry of a function of malloc, at which it is not in it yet. */
static int look_at_frame(Dwfl_Frame *frame, void *arg)
{
    struct walk *walk = arg;
    const struct lmm_safe_points *points = walk->points;
    bool is_exact = false;
    Dwarf_Addr pc;

    if (!dwfl_frame_pc(frame, &pc, &is_exact)) {
        walk->is_safe = false;
        return DWARF_CB_ABORT;
    }
    bool is_entry = walk->frames == 0 && pc == points->malloc;

    walk->is_safe = walk->is_safe && walk->frames++ < FRAMES_MAX;
    pc -= is_exact || pc == 0 ? 0 : 1;
    walk->is_safe = walk->is_safe && !is_signal_return(points, is_exact ? pc : pc + 1);
    for (size_t i = 0; i < points->count && !is_entry; i++) {
        walk->is_safe =
            walk->is_safe && (pc < points->ranges[i].from || pc >= points->ranges[i].to);
    }
    return walk->is_safe ? DWARF_CB_OK : DWARF_CB_ABORT;
}

bool lmm_safe_points_is_safe(const struct lmm_safe_points *points, pid_t thread)
{
    struct walk walk = {.points = points, .is_safe = true};

    return dwfl_getthread_frames(points->dwfl, thread, look_at_frame, &walk) == 0 && walk.is_safe;
}

struct search {
    uint64_t from;
    uint64_t to;
    unsigned frames;
};

static int look_for(Dwfl_Frame *frame, void *arg)
{
    struct search *search = arg;
    Dwarf_Addr pc = 0;

    return dwfl_frame_pc(frame, &pc, NULL) && (pc < search->from || pc >= search->to) &&
                   search->frames++ < FRAMES_MAX
               ? DWARF_CB_OK
               : DWARF_CB_ABORT;
}

bool lmm_safe_points_may_be_in(const struct lmm_safe_points *points, pid_t thread, uint64_t from,
                               uint64_t to)
{
    struct search search = {from, to, 0};

    return dwfl_getthread_frames(points->dwfl, thread, look_for, &search) != 0;
}

/* ---- The whole ------------------------------------------------------------------------------- */

struct lmm_safe_points *lmm_safe_points_open(const struct lmm_tracee *tracee,
                                             const struct lmm_target_map *map)
{
    struct lmm_safe_points *points = calloc(1, sizeof(*points));

    if (points == NULL) {
        return NULL;
    }
    points->tracee = tracee;
    points->map = map;
    if (!take_modules(points) || !open_dwfl(points)) {
        lmm_safe_points_close(points);
        return NULL;
    }
    return points;
}

void lmm_safe_points_close(struct lmm_safe_points *points)
{
    if (points != NULL) {
        dwfl_end(points->dwfl);
        lmm_image_symbols_free(&points->libc);
        free(points->ranges);
        free(points);
    }
}

uint64_t lmm_safe_points_malloc(const struct lmm_safe_points *points)
{
    return points->malloc;
}

uint64_t lmm_safe_points_libc(const struct lmm_safe_points *points, const char *name,
                              uint64_t *ret_bytes)
{
    return lmm_image_symbol(&points->libc, name, ret_bytes);
}

bool lmm_safe_points_loader(const struct lmm_safe_points *points, uint64_t *ret_from,
                            uint64_t *ret_to)
{
    *ret_from = points->loader.from;
    *ret_to = points->loader.to;
    return points->loader.to != 0;
}
