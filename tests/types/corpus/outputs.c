/* SPDX-License-Identifier: MIT */
/* Results by pointer parameters. */
#include <stdlib.h>

#include "keep.h"

struct session {
    int id;
    char token[36];
};

NOT_INLINED static int open_session(struct session **ret_session)
{
    *ret_session = malloc(sizeof(**ret_session)); /* type: struct session */
    return *ret_session == NULL;
}

NOT_INLINED static int open_checked(struct session **ret_session, int id)
{
    struct session *session = malloc(number(40)); /* type: struct session */

    if (session == NULL) {
        return -1;
    }
    session->id = id;
    *ret_session = session;
    return 0;
}

NOT_INLINED static int read_all(char **ret_text, size_t *ret_length)
{
    *ret_length = number(10);
    *ret_text = malloc(*ret_length); /* type: char[] */
    return 0;
}

NOT_INLINED static int any(void **ret_block)
{
    *ret_block = malloc(number(40)); /* type: none | struct session */
    return 0;
}

int main(void)
{
    struct session *a, *b;
    void *c;
    char *text;
    size_t length;

    if (open_session(&a) != 0 || open_checked(&b, 3) != 0 || read_all(&text, &length) != 0 ||
        any(&c) != 0) {
        return 1;
    }
    keep(a), keep(b), keep(c), keep(text);
    return 0;
}
