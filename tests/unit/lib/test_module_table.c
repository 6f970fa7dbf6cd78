/* SPDX-License-Identifier: MIT */
/* module_table: LMM's own table against what the loader says, modules that come and go, and threads. The tests run
 * with the loader of this machine, whatever it has. */
#include "lib/ground/module_table.h"

#include "lib/ground/module.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/sanitizers.h"

#if defined(__aarch64__)
enum { HAS_GAPS = 1 }; /* between the segments of a module */
#else
enum { HAS_GAPS = 0 };
#endif

static bool find(const void *address, struct lmm_module_facts *ret_facts)
{
    return lmm_module_table_find((uintptr_t) address, ret_facts);
}

/* ---- Against the loader ---------------------------------------------------------------------- */

static size_t compared;

/* Whether two names are those of one file. */
static bool is_one_file(const char *a, const char *b)
{
    struct stat first;
    struct stat second;

    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* The first and the last byte of each loaded segment of a module lie in it. */
static int compare(struct dl_phdr_info *info, size_t bytes, void *argument)
{
    bool is_kernels = false;
    const unsigned char *eh_frame_hdr = NULL;

    (void) bytes;
    (void) argument;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME) {
            eh_frame_hdr = (const unsigned char *) (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        }
        is_kernels |= info->dlpi_phdr[i].p_type == PT_LOAD &&
                      info->dlpi_addr + info->dlpi_phdr[i].p_vaddr == getauxval(AT_SYSINFO_EHDR);
    }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        uintptr_t addresses[] = {start, start + segment->p_memsz - 1};
        for (size_t k = 0; segment->p_type == PT_LOAD && k < 2; k++) {
            struct lmm_module_facts facts = {0};
            cr_assert(lmm_module_table_find(addresses[k], &facts), "%s", info->dlpi_name);
            cr_expect(facts.start <= addresses[k] && addresses[k] < facts.end);
            cr_expect(facts.bias == info->dlpi_addr, "%s", info->dlpi_name);
            cr_expect(facts.eh_frame_hdr == eh_frame_hdr, "%s", info->dlpi_name);
            cr_expect(memcmp((const void *) facts.start, ELFMAG, SELFMAG) == 0);
            bool is_named = info->dlpi_name[0] == '\0' ? facts.name[0] == '\0'
                            : is_kernels               ? strcmp(facts.name, "[vdso]") == 0
                                                       : is_one_file(facts.name, info->dlpi_name);
            cr_expect(is_named, "%s is called %s", info->dlpi_name, facts.name);
            compared++;
        }
    }
    return 0;
}

Test(module_table, every_module_is_as_the_loader_says)
{
    dl_iterate_phdr(compare, NULL);
    cr_expect(compared > 8);
}

/* Where this machine's loader can be asked, all its facts are the same. */
Test(module_table, facts_are_the_loaders)
{
    const void *const addresses[] = {(const void *) (uintptr_t) find,
                                     (const void *) (uintptr_t) malloc,
                                     (const void *) (uintptr_t) getauxval(AT_SYSINFO_EHDR)};

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct lmm_module_facts own = {0};
        struct lmm_module_facts loaders = {0};
        lmm_module_use_table(true);
        cr_assert(lmm_module_find((uintptr_t) addresses[i], &own));
        cr_expect(lmm_module_is_at(own.start, own.end));
        cr_expect(!lmm_module_is_at(own.start, own.end - 1));
        lmm_module_use_table(false);
        cr_assert(lmm_module_find((uintptr_t) addresses[i], &loaders));
        /* The loader may end a module at the first gap. */
        bool is_end = own.end == loaders.end || (HAS_GAPS && own.end > loaders.end);
        cr_expect(own.start == loaders.start && is_end,
                  "%zu: %#lx to %#lx, the loader has %#lx to %#lx", i, own.start, own.end,
                  loaders.start, loaders.end);
        cr_expect(own.bias == loaders.bias && own.eh_frame_hdr == loaders.eh_frame_hdr, "%zu", i);
        cr_expect(lmm_module_dynamic(&own) != NULL, "%zu", i);
    }
}

/* ---- What is no module ----------------------------------------------------------------------- */

Test(module_table, other_addresses_lie_in_no_module)
{
    struct lmm_module_facts facts = {.start = 77};
    struct lmm_module_facts libc;
    int local = 0;
    char *block = malloc(100);

    cr_assert(find((const void *) (uintptr_t) malloc, &libc));
    int file = open(libc.name, O_RDONLY | O_CLOEXEC);
    cr_assert(file >= 0);
    /* A file that is mapped to be read, as debuggers do, with code after its mapping. */
    char *mapped = mmap(NULL, 1 << 16, PROT_READ, MAP_PRIVATE, file, 0);
    cr_assert(mapped != MAP_FAILED);
    cr_assert(mmap(mapped + (1 << 15), 1 << 15, PROT_READ | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    const void *const addresses[] = {NULL,         (const void *) UINTPTR_MAX, &local, block,
                                     mapped + 100, mapped + (1 << 15)};

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        lmm_module_table_expect();
        cr_expect(!find(addresses[i], &facts), "%zu", i);
    }
    cr_expect(facts.start == 77, "untouched on failure");
    cr_expect(find((const void *) (uintptr_t) malloc, &facts) && facts.start == libc.start);
    munmap(mapped, 1 << 16);
    close(file);
    free(block);
}

/* Code that a program makes while it runs does not cost a look at /proc each time. */
Test(module_table, addresses_in_no_module_are_looked_for_less_and_less_often)
{
    enum { LOOKS = 100000 };
    struct lmm_module_facts facts;
    char *code = mmap(NULL, 1 << 20, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert(code != MAP_FAILED);
    uint32_t before = lmm_module_table_readings;
    for (size_t i = 0; i < LOOKS; i++) {
        cr_assert(!find(code + i, &facts));
        cr_assert(i % 1000 != 0 || find((const void *) (uintptr_t) malloc, &facts));
    }
    cr_expect(lmm_module_table_readings - before < 40, "%u", lmm_module_table_readings - before);
}

/* ---- Modules that come and go ---------------------------------------------------------------- */

static void *load(const char *path, const void **ret_address)
{
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    cr_assert(module != NULL, "%s", dlerror());
    *ret_address = dlsym(module, "depot_module_call");
    cr_assert(*ret_address != NULL);
    return module;
}

/* Two files that differ in their build-id alone, loaded in turn, most often at one place: nobody tells the
 * table. */
Test(module_table, a_module_at_the_place_of_another_is_not_named_as_that)
{
    static const char *const paths[] = {LMM_DEPOT_MODULE_ONE, LMM_DEPOT_MODULE_TWO};
    struct lmm_module_facts facts;
    const void *address;
    uintptr_t last = 0;
    size_t repeated = 0;

    for (size_t i = 0; i < 200; i++) {
        void *module = load(paths[i % 2], &address);
        lmm_module_table_expect();
        cr_assert(find(address, &facts), "%zu", i);
        cr_assert(is_one_file(facts.name, paths[i % 2]), "%zu: %s", i, facts.name);
        repeated += facts.start == last;
        last = facts.start;
        cr_assert(dlclose(module) == 0);
        cr_assert(!find(address, &facts), "%zu: it is unloaded", i);
        cr_assert(!lmm_module_is_at(last, facts.end));
    }
    cr_expect(repeated != 0 || ASAN || TSAN, "no module lay at the place of another");
}

/* The loader loads modules of its own, which no call of dlopen tells. */
Test(module_table, a_module_that_nobody_told_of_is_found)
{
    struct lmm_module_facts facts;
    const void *address;
    bool is_found = false;

    cr_assert(find((const void *) (uintptr_t) malloc, &facts));
    void *module = load(LMM_DEPOT_MODULE_ONE, &address);
    for (size_t i = 0; i < 8192 && !is_found; i++) {
        is_found = find(address, &facts);
    }
    cr_assert(is_found && is_one_file(facts.name, LMM_DEPOT_MODULE_ONE));
    dlclose(module);
}

static atomic_bool is_over;
static _Atomic(const void *) last_address;

/* Looks addresses up while another thread loads and unloads. */
static void *look(void *argument)
{
    const char *libc = argument;
    size_t *found = calloc(1, sizeof(*found));

    while (!atomic_load(&is_over)) {
        struct lmm_module_facts facts;
        cr_assert(find((const void *) (uintptr_t) malloc, &facts) && strcmp(facts.name, libc) == 0);
        const void *address = atomic_load(&last_address);
        if (address != NULL && find(address, &facts)) {
            cr_assert(strstr(facts.name, "depot_module") != NULL, "%s", facts.name);
            cr_assert(facts.start <= (uintptr_t) address && (uintptr_t) address < facts.end);
            ++*found;
        }
    }
    return found;
}

Test(module_table, threads_look_up_while_modules_come_and_go)
{
    enum { THREADS = 3, CYCLES = 400 };
    static const char *const paths[] = {LMM_DEPOT_MODULE_ONE, LMM_DEPOT_MODULE_TWO};
    struct lmm_module_facts libc;
    pthread_t threads[THREADS];
    size_t found = 0;

    cr_assert(find((const void *) (uintptr_t) malloc, &libc));
    for (size_t i = 0; i < THREADS; i++) {
        cr_assert(pthread_create(&threads[i], NULL, look, (void *) (uintptr_t) libc.name) == 0);
    }
    for (size_t i = 0; i < CYCLES; i++) {
        const void *address;
        lmm_module_table_expect();
        void *module = load(paths[i % 2], &address);
        atomic_store(&last_address, address);
        struct lmm_module_facts facts;
        lmm_module_table_expect();
        cr_assert(find(address, &facts) && is_one_file(facts.name, paths[i % 2]), "%zu", i);
        cr_assert(dlclose(module) == 0);
    }
    atomic_store(&is_over, true);
    for (size_t i = 0; i < THREADS; i++) {
        void *one;
        cr_assert(pthread_join(threads[i], &one) == 0);
        found += *(size_t *) one;
        free(one);
    }
    cr_expect(found != 0);
}
