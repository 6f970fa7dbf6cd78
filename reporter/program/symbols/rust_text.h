/* SPDX-License-Identifier: MIT */
/* rust_text: the text of a Rust name while it is made (rust_name.h); identifiers that are not
 * ASCII; and names of the older scheme, which only need their escapes replaced. */
#ifndef LMM_PROGRAM_RUST_TEXT_H
#define LMM_PROGRAM_RUST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LMM_RUST_TEXT_MAX = 16384, /* bytes; a longer name stays as it is */
};

/* All zero: empty. */
struct lmm_rust_text {
    char *bytes; /* ends with a NUL; to be freed */
    size_t count;
    size_t room;
};

/* Appends bytes. Returns false when the text would be too long, or memory ran out. */
bool lmm_rust_text_put(struct lmm_rust_text *text, const char *bytes, size_t count);

/* Appends an identifier in Punycode (RFC 3492), with "_" as its delimiter. Returns false as above,
 * and when it is not valid. */
bool lmm_rust_text_put_punycode(struct lmm_rust_text *text, const char *bytes, size_t count);

/* Writes a character as UTF-8, up to 4 bytes, and returns how many; "?" if it is not valid. */
size_t lmm_rust_text_encode(uint32_t character, char *ret_bytes);

/* Returns the readable form of a name of the older scheme, without its hash, to be freed; NULL: it
 * is not such a name, or memory ran out. */
char *lmm_rust_text_of_old_name(const char *name);

#endif
