/* SPDX-License-Identifier: MIT */
#include "lib/preload/imports.h"

#include "lib/ground/module.h"
#include "lib/ground/panic.h"
#include "lib/ground/table.h"
#include "lib/ground/vm.h"
#include "lib/preload/image.h"

#include <ctype.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

/* Types of relocations: of a slot that may be bound late, of another slot, of any word of data. */
#if defined(__x86_64__)
enum { LATE = R_X86_64_JUMP_SLOT, SLOT = R_X86_64_GLOB_DAT, WORD = R_X86_64_64 };
#elif defined(__aarch64__)
enum { LATE = R_AARCH64_JUMP_SLOT, SLOT = R_AARCH64_GLOB_DAT, WORD = R_AARCH64_ABS64 };
#elif defined(__riscv) && __riscv_xlen == 64
enum { LATE = R_RISCV_JUMP_SLOT, SLOT = R_RISCV_64, WORD = R_RISCV_64 };
#else
enum { LATE = -1, SLOT = -1, WORD = -1 }; /* no slot is found, so the imports are not clear */
#endif

static struct {
    struct lmm_import *operators;
    size_t count;
    void (*release)(void *p);

    /* Under the loader's lock: */
    bool is_listed; /* adds and removals are valid */
    unsigned long long adds;
    unsigned long long removals;
    uint64_t generation; /* counts the passes after which modules may have gone */
    uintptr_t runtime;   /* its first byte; 0: there is none yet */
    bool leads_release;  /* a slot of the runtime leads to `release` */

    const char
        *other;      /* atomic; the loader's name of a module with operators; NULL: there is none */
    bool is_unclear; /* atomic */
} imports;

/* By the first byte of a module: generation << 2 | enum lmm_import_module. */
static struct lmm_table modules = LMM_TABLE_INIT(256, false, true);

enum { KIND_BITS = 2 };

/* ---- Slots ----------------------------------------------------------------------------------- */

static struct lmm_import *find_import(const char *name)
{
    if (name[0] != '_' || name[1] != 'Z' || (name[2] != 'n' && name[2] != 'd')) {
        return NULL;
    }
    for (size_t i = 0; i < imports.count; i++) {
        if (strcmp(name, imports.operators[i].name) == 0) {
            return &imports.operators[i];
        }
    }
    return NULL;
}

/* A module whose slots are written: the pages that the loader made read-only after it had written to
 * them, and whether they are writable meanwhile. */
struct writing {
    const struct lmm_image *image;
    uintptr_t from;
    uintptr_t to;
    bool is_open;
};

/* False: the kernel refused. */
static bool write_slot(struct writing *writing, void **slot, void *function)
{
    uintptr_t address = (uintptr_t) slot;
    bool is_closed = address >= writing->from && address < writing->to && !writing->is_open;

    if (is_closed) {
        writing->is_open = lmm_vm_open((void *) writing->from, writing->to - writing->from);
    }
    if (is_closed && !writing->is_open) {
        return false;
    }
    __atomic_store_n(slot, function, __ATOMIC_RELEASE);
    return true;
}

static void end_writing(const struct writing *writing)
{
    if (writing->is_open) {
        lmm_vm_make_read_only((void *) writing->from, writing->to - writing->from);
    }
}

/* Whether a slot holds the function, or may be bound to it later: I1. A slot that is not bound leads
 * into its own module. */
static bool may_write(const struct lmm_image *image, void *const *slot, unsigned type,
                      const void *function)
{
    const void *held = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    bool is_unbound = (uintptr_t) held >= image->start && (uintptr_t) held < image->end;

    return held == function || (type == (unsigned) LATE && is_unbound);
}

/* The name of the symbol whose address the relocation writes to a slot; NULL: it is of another kind. */
static const char *slot_name(const struct lmm_image *image, const ElfW(Rela) * relocation,
                             void ***ret_slot, unsigned *ret_type)
{
    unsigned type = (unsigned) (relocation->r_info & UINT32_MAX);
    size_t symbol = (size_t) ((uint64_t) relocation->r_info >> 32);

    if (symbol == 0 || relocation->r_offset % sizeof(void *) != 0 ||
        (type != (unsigned) LATE && type != (unsigned) SLOT && type != (unsigned) WORD)) {
        return NULL;
    }
    *ret_slot = (void **) (image->bias + relocation->r_offset);
    *ret_type = type;
    return image->strings + image->symbols[symbol].st_name;
}

/* Leads slots of that name to the import's function; true: it did one. */
static bool lead(struct writing *writing, const ElfW(Rela) * relocation,
                 const struct lmm_import *import)
{
    void **slot;
    unsigned type;
    const char *name = slot_name(writing->image, relocation, &slot, &type);

    return name != NULL && strcmp(name, import->name) == 0 && import->original != NULL &&
           may_write(writing->image, slot, type, import->original) &&
           write_slot(writing, slot, import->function);
}

/* What a module imports; the later one says more. */
enum imported {
    IMPORTS_NONE,
    IMPORTS_AN_OPERATOR,
    IMPORTS_NEW, /* operator new(size_t), on which all others of new are built */
};

/* Leads the slot if it is of an operator. */
static enum imported lead_operator(struct writing *writing, const ElfW(Rela) * relocation)
{
    void **slot;
    unsigned type;
    const char *name = slot_name(writing->image, relocation, &slot, &type);
    const struct lmm_import *import = name == NULL ? NULL : find_import(name);

    if (import == NULL) {
        return IMPORTS_NONE;
    }
    lead(writing, relocation, import);
    return import == imports.operators ? IMPORTS_NEW : IMPORTS_AN_OPERATOR;
}

/* Leads the slots of operators. */
static enum imported lead_operators(struct writing *writing)
{
    enum imported most = IMPORTS_NONE;

    for (size_t table = 0; table < 2; table++) {
        for (size_t i = 0; i < writing->image->counts[table]; i++) {
            enum imported found = lead_operator(writing, &writing->image->relocations[table][i]);
            most = found > most ? found : most;
        }
    }
    return most;
}

/* Leads the slots of free; true: there is one. */
static bool lead_free(struct writing *writing)
{
    const struct lmm_import import = {"free", (void *) imports.release, (void *) &free};
    bool has_one = false;

    for (size_t table = 0; table < 2; table++) {
        for (size_t i = 0; i < writing->image->counts[table]; i++) {
            has_one |= lead(writing, &writing->image->relocations[table][i], &import);
        }
    }
    return has_one;
}

/* ---- What a module is ------------------------------------------------------------------------ */

/* Whether a segment has the text as a string of its own, not as the end of a symbol's name. */
static bool has_text(const char *bytes, size_t count, const char *text)
{
    size_t length = strlen(text);
    const char *end = bytes + count;

    for (const char *at = bytes; (at = memmem(at, (size_t) (end - at), text, length)) != NULL;
         at++) {
        if (at == bytes || (!isalnum((unsigned char) at[-1]) && at[-1] != '_')) {
            return true;
        }
    }
    return false;
}

/* Whether a C++ runtime is linked into the module: it has the names of types that only a runtime
 * defines. */
static bool has_runtime_inside(const struct dl_phdr_info *info)
{
    bool has_one = false;

    for (size_t i = 0; i < info->dlpi_phnum && !has_one; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const char *bytes = (const char *) (info->dlpi_addr + segment->p_vaddr);
        bool is_constant = (segment->p_flags & PF_R) != 0 && (segment->p_flags & PF_W) == 0;

        has_one = segment->p_type == PT_LOAD && is_constant &&
                  (has_text(bytes, segment->p_filesz, "St9bad_alloc") ||
                   has_text(bytes, segment->p_filesz, "N10__cxxabiv1"));
    }
    return has_one;
}

/* A module that imports operator new does not define it. A library that imports another operator may
 * define and hide that one; a program, which has no reason to hide it, would have been seen to define it.
 * A module of C has neither operators nor a runtime. */
static enum lmm_import_module kind_of(const struct dl_phdr_info *info,
                                      const struct lmm_image *image, enum imported imported)
{
    bool is_program = info->dlpi_name[0] == '\0';
    bool is_c = imported == IMPORTS_NONE && !image->needs_runtime && !has_runtime_inside(info);

    if (image->start == imports.runtime) {
        return LMM_MODULE_RUNTIME;
    }
    return imported == IMPORTS_NEW || (imported == IMPORTS_AN_OPERATOR && is_program) || is_c
               ? LMM_MODULE_PLAIN
               : LMM_MODULE_UNKNOWN;
}

/* ---- All modules ----------------------------------------------------------------------------- */

static void set_unclear(const char *name)
{
    lmm_store_relaxed(&imports.other, name);
    lmm_store_release(&imports.is_unclear, true);
}

/* The runtime defines the operators; another module that defines one makes the imports unclear. So does
 * one that was loaded at the runtime's place after that had gone. */
static void take_definitions(const struct dl_phdr_info *info, const struct lmm_image *image)
{
    bool is_first = imports.runtime == 0 && lmm_image_is_runtime(image->name);

    for (size_t i = 0; i < imports.count; i++) {
        struct lmm_import *import = &imports.operators[i];
        uintptr_t address = lmm_image_definition(image, import->name);
        if (address == 0) {
            continue;
        }
        if (!is_first &&
            (image->start != imports.runtime || (void *) address != import->original)) {
            set_unclear(info->dlpi_name);
            return;
        }
        imports.runtime = image->start;
        import->original = is_first ? (void *) address : import->original;
    }
}

static void find_closed_pages(const struct dl_phdr_info *info, struct writing *writing)
{
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_GNU_RELRO) {
            uintptr_t start = info->dlpi_addr + segment->p_vaddr;
            writing->from = lmm_vm_page_start(start);
            writing->to = lmm_vm_page_start(start + segment->p_memsz);
        }
    }
}

/* Leads the module's slots, and finds out what it is. Of a module that is not plain, frees may be those
 * of operators. */
static void lead_module(const struct dl_phdr_info *info, const struct lmm_image *image)
{
    struct writing writing = {.image = image};

    find_closed_pages(info, &writing);
    enum lmm_import_module kind = kind_of(info, image, lead_operators(&writing));
    bool leads_free = kind != LMM_MODULE_PLAIN && lead_free(&writing);
    end_writing(&writing);
    imports.leads_release = imports.leads_release || (kind == LMM_MODULE_RUNTIME && leads_free);
    if (lmm_table_reserve_locked(&modules)) {
        lmm_table_put_locked(&modules, image->start, 0,
                             imports.generation << KIND_BITS | (uint64_t) kind);
    }
}

static const ElfW(Dyn) * dynamic_of(const struct dl_phdr_info *info)
{
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC) {
            return (const ElfW(Dyn) *) (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        }
    }
    return NULL;
}

/* Neither LMM nor a module that is known already. */
static bool is_new(const struct lmm_image *image)
{
    uint64_t known = lmm_table_get(lmm_table_body(&modules), image->start);
    uintptr_t own = (uintptr_t) &imports;

    return known >> KIND_BITS != imports.generation && (own < image->start || own >= image->end);
}

typedef void step(const struct dl_phdr_info *info, const struct lmm_image *image);

static int visit(struct dl_phdr_info *info, size_t bytes, void *do_step)
{
    struct lmm_image image = {.bias = 0};
    step *const *chosen = do_step;

    (void) bytes;
    if (lmm_image_read(info->dlpi_addr, dynamic_of(info), &image) && is_new(&image)) {
        (*chosen)(info, &image);
    }
    return 0;
}

/* Both passes, with the loader's lock held, at the first module; it lists all modules again inside. */
static int pass(struct dl_phdr_info *info, size_t bytes, void *arg)
{
    step *define = take_definitions;
    step *write = lead_module;

    (void) bytes;
    (void) arg;
    if (imports.is_listed && imports.adds == info->dlpi_adds &&
        imports.removals == info->dlpi_subs) {
        return 1;
    }
    imports.generation += !imports.is_listed || imports.removals != info->dlpi_subs;
    imports.adds = info->dlpi_adds;
    imports.removals = info->dlpi_subs;
    imports.is_listed = true;
    dl_iterate_phdr(visit, (void *) &define);
    if (!lmm_load_relaxed(&imports.is_unclear)) {
        dl_iterate_phdr(visit, (void *) &write);
    }
    if (imports.runtime != 0 && !imports.leads_release) {
        lmm_store_release(&imports.is_unclear, true);
    }
    return 1;
}

/* Tells once why nothing is said of matching. */
static void tell_unclear(void)
{
    const char *name = lmm_load_relaxed(&imports.other);

    if (name != NULL) {
        lmm_warn("match=1 checks nothing: %s has operators new and delete of its own",
                 *name == '\0' ? "the program" : name);
    } else {
        lmm_warn("match=1 checks nothing: the C++ runtime's calls cannot be followed");
    }
}

void lmm_imports_start(struct lmm_import *operators, size_t count, void (*release)(void *p))
{
    struct lmm_module_facts own;

    if (!lmm_module_find((uintptr_t) &imports, &own) || (uintptr_t) &free < own.start ||
        (uintptr_t) &free >= own.end || !lmm_table_reserve_locked(&modules)) {
        return;
    }
    lmm_table_put_locked(&modules, own.start, 0, LMM_MODULE_RUNTIME);
    imports.operators = operators;
    imports.count = count;
    imports.release = release;
    lmm_imports_refresh();
}

void lmm_imports_refresh(void)
{
    static bool has_told;

    if (imports.count == 0 || lmm_load_acquire(&imports.is_unclear)) {
        return;
    }
    dl_iterate_phdr(pass, NULL);
    if (lmm_load_acquire(&imports.is_unclear) && !lmm_exchange_acq_rel(&has_told, true)) {
        tell_unclear();
    }
}

bool lmm_imports_are_clear(void)
{
    return imports.count != 0 && !lmm_load_acquire(&imports.is_unclear);
}

enum lmm_import_module lmm_imports_module(uintptr_t start)
{
    uint64_t known = lmm_table_get(lmm_table_body(&modules), start);

    return (enum lmm_import_module)(known & ((1u << KIND_BITS) - 1));
}

bool lmm_imports_need_caller(const char *file, uintptr_t pc)
{
    struct lmm_module_facts facts;
    bool has_runpath = false;
    bool has_rpath = false;

    if (file == NULL || strchr(file, '$') != NULL || !lmm_module_find(pc, &facts)) {
        return true;
    }
    const ElfW(Dyn) *entry = lmm_module_dynamic(&facts);
    for (; entry != NULL && entry->d_tag != DT_NULL; entry++) {
        has_runpath = has_runpath || entry->d_tag == DT_RUNPATH;
        has_rpath = has_rpath || entry->d_tag == DT_RPATH;
    }
    return has_rpath || (has_runpath && strchr(file, '/') == NULL);
}
