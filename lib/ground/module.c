/* SPDX-License-Identifier: MIT */
#include "lib/ground/module.h"

#include "lib/ground/panic.h"
#include "lib/ground/system.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

bool lmm_module_find(uintptr_t pc, struct lmm_module_facts *ret_facts)
{
    struct dl_find_object found;

    if (_dl_find_object((void *) pc, &found) != 0) {
        return false;
    }
    *ret_facts = (struct lmm_module_facts) {
        .start = (uintptr_t) found.dlfo_map_start,
        .end = (uintptr_t) found.dlfo_map_end,
        .bias = found.dlfo_link_map->l_addr,
        .eh_frame_hdr = found.dlfo_eh_frame,
        .name = found.dlfo_link_map->l_name,
    };
    return true;
}

bool lmm_module_is_at(uintptr_t start, uintptr_t end)
{
    struct dl_find_object found;

    return _dl_find_object((void *) start, &found) == 0 &&
           (uintptr_t) found.dlfo_map_start == start && (uintptr_t) found.dlfo_map_end == end;
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

/* A range of the module's bytes, as mapped. */
struct range {
    const unsigned char *at;
    const unsigned char *end;
};

/* The module's program headers, *ret_count of them, or NULL. They are in the first mapping. */
static const ElfW(Phdr) * program_headers(const struct lmm_module_facts *facts, size_t *ret_count)
{
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *) facts->start;
    size_t mapped = facts->end - facts->start;

    if (mapped < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phoff % sizeof(ElfW(Addr)) != 0) {
        return NULL;
    }
    size_t bytes = (size_t) header->e_phnum * sizeof(ElfW(Phdr));
    if (header->e_phoff > mapped || bytes > mapped - header->e_phoff) {
        return NULL;
    }
    *ret_count = header->e_phnum;
    return (const ElfW(Phdr) *) (facts->start + header->e_phoff);
}

uint64_t lmm_module_headers(const struct lmm_module_facts *facts)
{
    size_t count;
    const ElfW(Phdr) *segments = program_headers(facts, &count);

    if (segments == NULL) {
        return 0;
    }
    return lmm_hash_bytes((const void *) facts->start, sizeof(ElfW(Ehdr))) ^
           lmm_hash_bytes(segments, count * sizeof(segments[0])) * LMM_HASH_MULTIPLIER;
}

/* Where a segment's bytes of the file are mapped; empty when they are not inside the module. */
static struct range segment_range(const struct lmm_module_facts *facts, const ElfW(Phdr) * segment)
{
    uintptr_t at = facts->bias + segment->p_vaddr;
    bool is_inside = at >= facts->start && at <= facts->end && segment->p_filesz <= facts->end - at;
    const unsigned char *bytes = (const unsigned char *) (is_inside ? at : facts->start);

    return (struct range) {bytes, bytes + (is_inside ? segment->p_filesz : 0)};
}

size_t lmm_module_code_before(const struct lmm_module_facts *facts, uintptr_t end)
{
    size_t count = 0;
    const ElfW(Phdr) *segments = program_headers(facts, &count);

    for (size_t i = 0; segments != NULL && i < count; i++) {
        uintptr_t offset = end - (facts->bias + segments[i].p_vaddr);
        if (segments[i].p_type == PT_LOAD && (segments[i].p_flags & PF_R) != 0 &&
            (segments[i].p_flags & PF_X) != 0 && offset != 0 && offset <= segments[i].p_filesz) {
            return offset;
        }
    }
    return 0;
}

/* Takes the next note off the range; false when there is no whole one. gABI 4.1, "Note Section". */
static bool next_note(struct range *notes, size_t align, const ElfW(Nhdr) * *ret_note,
                      const unsigned char **ret_text)
{
    size_t left = (size_t) (notes->end - notes->at);
    const ElfW(Nhdr) *note = (const ElfW(Nhdr) *) notes->at;

    if (left < sizeof(*note)) {
        return false;
    }
    size_t text_at = lmm_round_up(sizeof(*note) + (size_t) note->n_namesz, align);
    size_t bytes = lmm_round_up(text_at + note->n_descsz, align);
    if (text_at > left || note->n_descsz > left - text_at) {
        return false;
    }
    *ret_note = note;
    *ret_text = notes->at + text_at;
    notes->at += bytes < left ? bytes : left;
    return true;
}

static bool is_build_id(const ElfW(Nhdr) * note)
{
    return note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof(ELF_NOTE_GNU) &&
           memcmp(note + 1, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0 &&
           note->n_descsz <= LMM_LEDGER_BUILD_ID_MAX;
}

/* The build-id among a segment's notes; 0 when there is none. */
static size_t find_build_id(struct range notes, size_t align, unsigned char *ret_id)
{
    const ElfW(Nhdr) * note;
    const unsigned char *text;

    while (next_note(&notes, align, &note, &text)) {
        if (is_build_id(note)) {
            memcpy(ret_id, text, note->n_descsz);
            return note->n_descsz;
        }
    }
    return 0;
}

size_t lmm_module_build_id(const struct lmm_module_facts *facts,
                           unsigned char ret_id[LMM_LEDGER_BUILD_ID_MAX])
{
    size_t count = 0;
    size_t length = 0;
    const ElfW(Phdr) *segments = program_headers(facts, &count);

    for (size_t i = 0; segments != NULL && i < count && length == 0; i++) {
        if (segments[i].p_type == PT_NOTE) {
            struct range notes = segment_range(facts, &segments[i]);
            length = find_build_id(notes, segments[i].p_align == 8 ? 8 : 4, ret_id);
        }
    }
    return length;
}
