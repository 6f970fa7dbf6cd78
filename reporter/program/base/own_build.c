/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/own_build.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Writes the build-id of the notes at [at, at + bytes), where notes start at multiples of align. */
static bool find_note(const unsigned char *at, size_t bytes, size_t align, char *ret_name)
{
    while (bytes >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;

        memcpy(&note, at, sizeof(note));
        size_t name = sizeof(note);
        size_t id = name + (note.n_namesz + align - 1) / align * align;
        size_t next = id + (note.n_descsz + align - 1) / align * align;

        if (id + note.n_descsz > bytes) {
            return false;
        }
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
            memcmp(at + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0 && note.n_descsz > 0 &&
            2 * (size_t) note.n_descsz < LMM_OWN_BUILD_BYTES) {
            for (size_t i = 0; i < note.n_descsz; i++) {
                snprintf(ret_name + 2 * i, 3, "%02x", at[id + i]);
            }
            return true;
        }
        if (next >= bytes) {
            return false;
        }
        at += next;
        bytes -= next;
    }
    return false;
}

/* Looks at the first object, which is the program. */
static int look(struct dl_phdr_info *info, size_t bytes, void *name)
{
    (void) bytes;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        const unsigned char *notes =
            (const unsigned char *) (uintptr_t) (info->dlpi_addr + part->p_vaddr);

        if (part->p_type == PT_NOTE &&
            find_note(notes, part->p_memsz, part->p_align == 8 ? 8 : 4, name)) {
            break;
        }
    }
    return 1;
}

void lmm_own_build(char ret_name[LMM_OWN_BUILD_BYTES])
{
    snprintf(ret_name, LMM_OWN_BUILD_BYTES, "none");
    dl_iterate_phdr(look, ret_name);
}
