/* SPDX-License-Identifier: MIT */
/*
 * module_elf: what a mapped ELF file is: the headers, notes and segments of a loaded module.
 *
 * Owns nothing; any thread, async-signal-safe. The functions on facts read mapped memory only, so their
 * caller makes sure that the module stays loaded; every header is checked before it is used.
 * Not responsible for: which modules there are (module).
 */
#ifndef LMM_MODULE_ELF_H
#define LMM_MODULE_ELF_H

#include "lib/ground/base.h"

#include <link.h>
#include <lmm/ledger.h>

struct lmm_module_facts {
    uintptr_t start;                   /* the first byte mapped, that of the ELF header */
    uintptr_t end;                     /* past the last byte mapped */
    uintptr_t bias;                    /* address minus address in the file */
    const unsigned char *eh_frame_hdr; /* the section of that name; NULL: there is none */
    const char *name; /* the loader's, as long as the module stays; "" is the program itself */
};

/* A hash of the ELF header and the program headers, which tell the size and place of everything in
 * the file; 0: they are not mapped where they should be. */
uint64_t lmm_module_headers(const struct lmm_module_facts *facts);

/* How many bytes of the module's code end at `end`: from the start of the executable segment that
 * the byte before it lies in; 0: that byte is no code. */
size_t lmm_module_code_before(const struct lmm_module_facts *facts, uintptr_t end);

/* Copies the GNU build-id to ret_id and returns its length; 0 and nothing when the module has none,
 * or one that is longer than LMM_LEDGER_BUILD_ID_MAX. */
size_t lmm_module_build_id(const struct lmm_module_facts *facts,
                           unsigned char ret_id[LMM_LEDGER_BUILD_ID_MAX]);

/* The module's dynamic section, or NULL. */
const ElfW(Dyn) * lmm_module_dynamic(const struct lmm_module_facts *facts);

/* The program headers of an ELF file whose first bytes are at start, *ret_count of them, in these
 * bytes; or NULL. start: aligned as an ELF header. */
const ElfW(Phdr) * lmm_elf_segments(const void *start, size_t bytes, size_t *ret_count);

#endif
