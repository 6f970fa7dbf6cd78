/* SPDX-License-Identifier: MIT */
/* serve_body: the body of a request: one flat object of JSON with known members. Stateless; tests/fuzz/route_fuzz.c. */
#ifndef LMM_PROGRAM_SERVE_BODY_H
#define LMM_PROGRAM_SERVE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A member that may be given: one of these three is not NULL. */
struct lmm_body_member {
    const char *key;
    char *text;       /* UTF-8 without control characters, and a NUL */
    size_t text_room; /* of text, with the NUL */
    uint64_t *number; /* from 0 to most */
    uint64_t most;
    bool *flag;
};

/* Reads the object in text, which ends with a NUL; an empty text is an empty object. Returns false when it is malformed, has another member,
 * one twice, or a value of another kind or out of range. */
bool lmm_body_read(const char *text, const struct lmm_body_member *members, size_t count);

#endif
