/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/memory_name.h"

#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREAD_NAME_BYTES = 64 };

struct lmm_memory_names {
    uint32_t pid;
    Dwfl *dwfl;
};

static char *no_debug_path; /* where libdwfl looks for debug files: the usual places */

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .debuginfo_path = &no_debug_path,
};

struct lmm_memory_names *lmm_memory_names_open(uint32_t pid)
{
    struct lmm_memory_names *names = calloc(1, sizeof(*names));

    if (names == NULL) {
        return NULL;
    }
    names->pid = pid;
    names->dwfl = dwfl_begin(&callbacks);
    if (names->dwfl == NULL || dwfl_linux_proc_report(names->dwfl, (pid_t) pid) != 0 ||
        dwfl_report_end(names->dwfl, NULL, NULL) != 0) {
        lmm_memory_names_close(names);
        return NULL;
    }
    return names;
}

void lmm_memory_names_close(struct lmm_memory_names *names)
{
    if (names != NULL) {
        dwfl_end(names->dwfl);
        free(names);
    }
}

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

/* The module that ends nearest below an address. */
struct below {
    uint64_t address;
    Dwfl_Module *module;
    uint64_t end;
};

static int look_below(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr start,
                      void *context)
{
    struct below *below = context;
    Dwarf_Addr end = 0;

    (void) data;
    (void) name;
    (void) start;
    dwfl_module_info(module, NULL, NULL, &end, NULL, NULL, NULL, NULL);
    if (end <= below->address && end >= below->end) {
        below->module = module;
        below->end = end;
    }
    return DWARF_CB_OK;
}

/* Returns the variable at an address that no mapping of a file has: variables that are zero at the start lie after
 * the last page of their file. NULL: none. */
static const char *find_zeroed(const struct lmm_memory_names *names, uint64_t address,
                               Dwfl_Module **ret_module, GElf_Off *ret_offset)
{
    struct below below = {.address = address};
    GElf_Sym symbol;
    const char *variable = NULL;

    dwfl_getmodules(names->dwfl, look_below, &below, 0);
    if (below.module != NULL) {
        variable =
            dwfl_module_addrinfo(below.module, address, ret_offset, &symbol, NULL, NULL, NULL);
    }
    *ret_module = below.module;
    return variable != NULL && GELF_ST_TYPE(symbol.st_info) == STT_OBJECT &&
                   *ret_offset < symbol.st_size
               ? variable
               : NULL;
}

/* Writes "redis-server!server+0x3a8". */
static void put_variable(const char *path, const char *variable, uint64_t offset,
                         char ret_name[LMM_MEMORY_NAME_BYTES])
{
    const char *file = path == NULL ? "?" : last_component(path);

    if (offset == 0) {
        snprintf(ret_name, LMM_MEMORY_NAME_BYTES, "%s!%s", file, variable);
    } else {
        snprintf(ret_name, LMM_MEMORY_NAME_BYTES, "%s!%s+0x%" PRIx64, file, variable, offset);
    }
}

static const char *path_of(Dwfl_Module *module, GElf_Addr *ret_start, GElf_Addr *ret_end)
{
    return dwfl_module_info(module, NULL, ret_start, ret_end, NULL, NULL, NULL, NULL);
}

static bool name_zeroed(const struct lmm_memory_names *names, uint64_t address,
                        char ret_name[LMM_MEMORY_NAME_BYTES])
{
    GElf_Addr start;
    GElf_Addr end;
    GElf_Off offset = 0;
    Dwfl_Module *module;
    const char *variable = find_zeroed(names, address, &module, &offset);

    if (variable != NULL) {
        put_variable(path_of(module, &start, &end), variable, offset, ret_name);
    }
    return variable != NULL;
}

/* Names a variable of a module, or where in the module the address is. */
static bool name_in_module(const struct lmm_memory_names *names, uint64_t address,
                           char ret_name[LMM_MEMORY_NAME_BYTES])
{
    Dwfl_Module *module = dwfl_addrmodule(names->dwfl, address);
    GElf_Addr start;
    GElf_Addr end;
    GElf_Off offset;
    GElf_Sym symbol;

    if (module == NULL) {
        return name_zeroed(names, address, ret_name);
    }
    const char *path = path_of(module, &start, &end);
    if (address < start || address >= end) {
        return name_zeroed(names, address, ret_name);
    }
    const char *variable =
        dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL);
    if (variable != NULL && GELF_ST_TYPE(symbol.st_info) == STT_OBJECT) {
        put_variable(path, variable, offset, ret_name);
    } else {
        snprintf(ret_name, LMM_MEMORY_NAME_BYTES, "%s+0x%" PRIx64 " (data)",
                 path == NULL ? "?" : last_component(path), address - (uint64_t) start);
    }
    return true;
}

/* Names a mapping by what the kernel calls it. */
static bool name_mapping(uint32_t pid, uint64_t address, char ret_name[LMM_MEMORY_NAME_BYTES])
{
    char path[64];
    char line[4400];
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
        uint64_t from;
        uint64_t to;
        int name_at = 0;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %n", &from, &to, &name_at) == 2 &&
            address >= from && address < to && name_at > 0 && line[name_at] != '\0') {
            line[strcspn(line, "\n")] = '\0';
            snprintf(ret_name, LMM_MEMORY_NAME_BYTES, "%.400s at 0x%" PRIx64,
                     last_component(line + name_at), address);
            found = true;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

void lmm_memory_name(struct lmm_memory_names *names, uint64_t address,
                     char ret_name[LMM_MEMORY_NAME_BYTES])
{
    if ((names == NULL || !name_in_module(names, address, ret_name)) &&
        (names == NULL || !name_mapping(names->pid, address, ret_name))) {
        snprintf(ret_name, LMM_MEMORY_NAME_BYTES, "memory at 0x%" PRIx64, address);
    }
}

/* Reads the name that a thread has, between quotes; none: it is "". */
static void read_thread_name(uint32_t pid, uint64_t thread, char ret_word[THREAD_NAME_BYTES])
{
    char path[80];
    char line[THREAD_NAME_BYTES - 4] = "";

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task/%" PRIu64 "/comm", pid, thread);
    FILE *file = fopen(path, "re");
    if (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
    }
    if (file != NULL) {
        fclose(file);
    }
    ret_word[0] = '\0';
    if (*line != '\0') {
        snprintf(ret_word, THREAD_NAME_BYTES, " \"%s\"", line);
    }
}

void lmm_memory_name_thread(const struct lmm_memory_names *names, uint64_t thread, uint64_t address,
                            char ret_name[LMM_MEMORY_NAME_BYTES])
{
    char word[THREAD_NAME_BYTES] = "";

    if (names != NULL) {
        read_thread_name(names->pid, thread, word);
    }
    if (address == 0) {
        snprintf(ret_name, LMM_MEMORY_NAME_BYTES, "thread %" PRIu64 "%s, a register", thread, word);
    } else {
        snprintf(ret_name, LMM_MEMORY_NAME_BYTES,
                 "thread %" PRIu64 "%s, stack or variables at 0x%" PRIx64, thread, word, address);
    }
}
