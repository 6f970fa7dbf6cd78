/* SPDX-License-Identifier: MIT */
/* Every macro of the public headers once; compiled by `dialects` as each C and C++ that they promise. */
#include <lmm/lmm.h>
#include <lmm/uapi_mm.h>
#include <mems.h>

struct message {
    unsigned length;
#ifdef __cplusplus
    char text[1]; /* C++ has no flexible arrays */
#else
    char text[];
#endif
};

typedef struct {
    double x, y;
} point_t;

int use_every_macro(const char *text, size_t n);

int use_every_macro(const char *text, size_t n)
{
    struct lmm_family *family = LMM_REGISTER(point_t);
    point_t *point = LMM_NEW(point_t);
    point_t *other = LMM_ALLOC(point_t);
    point_t *points = LMM_NEW_ARRAY(point_t, n);
    struct message *message = LMM_NEW_FLEX(struct message, text, n);
    char *copy = lmm_strdup(text);
    char *part = lmm_strndup(text, n);
    lmm_free(LMM_NEW_ARRAY(point_t, family != NULL ? 2 : 1));
    lmm_free(point);
    lmm_free(other);
    lmm_free(points);
    lmm_free(message);
    lmm_free(copy);
    lmm_free(part);
    MM_REG_STRUCT(point_t);
    XFREE(XCALLOC(n, point_t));
    return family != NULL;
}
