/* SPDX-License-Identifier: MIT */
/* Uses the installed library from C; consumer.cpp is this program in C++. */
#include <lmm/ledger.h>
#include <lmm/lmm.h>

#include <string.h>

typedef struct emp {
    char name[32];
    unsigned id;
} emp_t;

int main(void)
{
    emp_t *one = LMM_NEW(emp_t);
    emp_t *many = LMM_NEW_ARRAY(emp_t, 10);
    struct lmm_stats stats;
    struct lmm_family *family = lmm_family_find("emp_t");
    if (one == NULL || many == NULL || lmm_family_stats(family, &stats) != 0) {
        return 1;
    }
    if (stats.live_blocks != 2 || stats.live_slots != 11 || one->id != 0) {
        return 2;
    }
    lmm_free(many);
    lmm_free(one);
    if (lmm_family_stats(family, &stats) != 0 || stats.live_blocks != 0 || stats.frees != 2) {
        return 3;
    }
    return strcmp(lmm_family_name(family), "emp_t") == 0 ? 0 : 4;
}
