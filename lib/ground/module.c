/* SPDX-License-Identifier: MIT */
#include "lib/ground/module.h"

#include "lib/ground/module_table.h"
#include "lib/ground/panic.h"
#include "lib/ground/system.h"
#include "lib/ground/vm.h"

#include <link.h>
#include <string.h>
#include <sys/auxv.h>

/* glibc's struct dl_find_object on 64-bit machines; <dlfcn.h> has it since 2.35. */
struct found_object {
    unsigned long long flags;
    void *map_start;
    void *map_end;
    struct link_map *link_map;
    void *eh_frame;
    unsigned long long reserved[7];
};

_Static_assert(sizeof(void *) == 8, "struct dl_find_object of other machines differs");

/* NULL where the C library that runs has no such function. */
extern int find_object(void *pc, struct found_object *ret_found) __asm__("_dl_find_object")
    __attribute__((weak));

static bool uses_table; /* atomic */

void lmm_module_use_table(bool always)
{
    lmm_store_relaxed(&uses_table, always);
}

void lmm_module_expect(void)
{
    lmm_module_table_expect();
}

/* The program headers of a module that the kernel mapped; NULL: it is another one, or has none that
 * are known. */
static const ElfW(Phdr) * kernel_mapped(const struct lmm_module_facts *facts, size_t *ret_count)
{
    uintptr_t loader = getauxval(AT_BASE); /* 0: the program was started as `ld.so PROGRAM` */

    if (loader != 0 && facts->name[0] == '\0') {
        *ret_count = getauxval(AT_PHNUM);
        return (const ElfW(Phdr) *) getauxval(AT_PHDR);
    }
    if (loader != 0 && facts->bias == loader) {
        return lmm_elf_segments((const void *) loader, lmm_vm_page_bytes(), ret_count);
    }
    return NULL;
}

/* Makes facts of one segment those of its whole module. glibc tells segments where the kernel has mapped
 * the module, the program or the loader, and has left a gap between two of them. */
static void widen(struct lmm_module_facts *facts)
{
    size_t count = 0;
    const ElfW(Phdr) *segments = kernel_mapped(facts, &count);

    for (size_t i = 0; segments != NULL && i < count; i++) {
        uintptr_t start = facts->bias + segments[i].p_vaddr;
        uintptr_t end = start + segments[i].p_memsz;
        if (segments[i].p_type == PT_LOAD) {
            facts->start = start < facts->start ? start : facts->start;
            facts->end = end > facts->end ? end : facts->end;
        }
    }
}

bool lmm_module_find(uintptr_t pc, struct lmm_module_facts *ret_facts)
{
    struct found_object found;

    if (find_object == NULL || lmm_load_relaxed(&uses_table)) {
        return lmm_module_table_find(pc, ret_facts);
    }
    if (find_object((void *) pc, &found) != 0) {
        return false;
    }
    *ret_facts = (struct lmm_module_facts) {
        .start = (uintptr_t) found.map_start,
        .end = (uintptr_t) found.map_end,
        .bias = found.link_map->l_addr,
        .eh_frame_hdr = found.eh_frame,
        .name = found.link_map->l_name,
    };
    widen(ret_facts);
    return true;
}

bool lmm_module_is_at(uintptr_t start, uintptr_t end)
{
    struct lmm_module_facts facts;

    return lmm_module_find(start, &facts) && facts.start == start && facts.end == end;
}

bool lmm_module_file(const char *path, struct lmm_module_file *ret_file)
{
    struct stat status;
    bool exists = lmm_system_stat(path, &status) == 0;

    if (exists) {
        *ret_file = (struct lmm_module_file) {
            .device = status.st_dev,
            .inode = status.st_ino,
            .bytes = (uint64_t) status.st_size,
            .changed_ns = status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec,
        };
    }
    return exists;
}

/* Appends as much of text to path as fits; returns the new length. */
static size_t append(char *path, size_t bytes, size_t length, const char *text)
{
    size_t added = strnlen(text, bytes - 1 - length);

    memcpy(path + length, text, added);
    path[length + added] = '\0';
    return length + added;
}

/* The working directory and a slash; empty when it is unknown or does not fit. */
static size_t directory_path(char *path, size_t bytes)
{
    size_t length = lmm_system_getcwd(path, bytes);

    if (length == 0) {
        return 0;
    }
    return append(path, bytes, length, path[length - 1] == '/' ? "" : "/");
}

/* The program's path when it was started as `ld.so PROGRAM`: then /proc/self/exe is the loader, which has no
 * loader itself, and which has corrected this entry. Else NULL. */
static const char *path_given_to_loader(void)
{
    const char *path = (const char *) getauxval(AT_EXECFN);

    return getauxval(AT_BASE) == 0 && path != NULL && *path != '\0' ? path : NULL;
}

size_t lmm_module_path(const struct lmm_module_facts *facts, char *ret_path, size_t bytes)
{
    const char *name = facts->name;
    size_t length = 0;

    LMM_CHECK(bytes != 0 && name != NULL);
    if (name[0] == '\0' && path_given_to_loader() != NULL) {
        name = path_given_to_loader();
    }
    if (facts->start == getauxval(AT_SYSINFO_EHDR)) {
        length = append(ret_path, bytes, 0, "[vdso]");
    } else if (name[0] == '\0') {
        length = lmm_system_readlink("/proc/self/exe", ret_path, bytes);
    } else {
        length = name[0] == '/' ? 0 : directory_path(ret_path, bytes);
        length = append(ret_path, bytes, length, name);
    }
    return length;
}
