/* SPDX-License-Identifier: MIT */
#include "lib/ground/module_elf.h"

#include <elf.h>
#include <string.h>

/* A range of bytes. */
struct range {
    const unsigned char *at;
    const unsigned char *end;
};

/* ---- Headers --------------------------------------------------------------------------------- */

const ElfW(Phdr) * lmm_elf_segments(const void *start, size_t bytes, size_t *ret_count)
{
    const ElfW(Ehdr) *header = start;

    if (bytes < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phoff % sizeof(ElfW(Addr)) != 0) {
        return NULL;
    }
    size_t segment_bytes = (size_t) header->e_phnum * sizeof(ElfW(Phdr));
    if (header->e_phoff > bytes || segment_bytes > bytes - header->e_phoff) {
        return NULL;
    }
    *ret_count = header->e_phnum;
    return (const ElfW(Phdr) *) ((uintptr_t) start + header->e_phoff);
}

/* The module's program headers, which are in the first mapping, or NULL. */
static const ElfW(Phdr) * segments_of(const struct lmm_module_facts *facts, size_t *ret_count)
{
    return lmm_elf_segments((const void *) facts->start, facts->end - facts->start, ret_count);
}

uint64_t lmm_module_headers(const struct lmm_module_facts *facts)
{
    size_t count;
    const ElfW(Phdr) *segments = segments_of(facts, &count);

    if (segments == NULL) {
        return 0;
    }
    return lmm_hash_bytes((const void *) facts->start, sizeof(ElfW(Ehdr))) ^
           lmm_hash_bytes(segments, count * sizeof(segments[0])) * LMM_HASH_MULTIPLIER;
}

/* ---- Segments -------------------------------------------------------------------------------- */

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
    const ElfW(Phdr) *segments = segments_of(facts, &count);

    for (size_t i = 0; segments != NULL && i < count; i++) {
        uintptr_t offset = end - (facts->bias + segments[i].p_vaddr);
        if (segments[i].p_type == PT_LOAD && (segments[i].p_flags & PF_R) != 0 &&
            (segments[i].p_flags & PF_X) != 0 && offset != 0 && offset <= segments[i].p_filesz) {
            return offset;
        }
    }
    return 0;
}

const ElfW(Dyn) * lmm_module_dynamic(const struct lmm_module_facts *facts)
{
    size_t count = 0;
    const ElfW(Phdr) *segments = segments_of(facts, &count);

    for (size_t i = 0; segments != NULL && i < count; i++) {
        if (segments[i].p_type == PT_DYNAMIC) {
            struct range bytes = segment_range(facts, &segments[i]);
            return bytes.at == bytes.end ? NULL : (const ElfW(Dyn) *) bytes.at;
        }
    }
    return NULL;
}

/* ---- Notes ----------------------------------------------------------------------------------- */

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
    const ElfW(Phdr) *segments = segments_of(facts, &count);

    for (size_t i = 0; segments != NULL && i < count && length == 0; i++) {
        if (segments[i].p_type == PT_NOTE) {
            struct range notes = segment_range(facts, &segments[i]);
            length = find_build_id(notes, segments[i].p_align == 8 ? 8 : 4, ret_id);
        }
    }
    return length;
}
