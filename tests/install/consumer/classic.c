/* SPDX-License-Identifier: MIT */
/* Uses the names of the classic LMM from the installed header. */
#include <lmm/uapi_mm.h>

#include <stddef.h>

typedef struct emp {
    char name[32];
    unsigned id;
} emp_t;

int main(void)
{
    mm_init();
    MM_REG_STRUCT(emp_t);
    emp_t *emp = XCALLOC(1, emp_t);
    if (emp == NULL || emp->id != 0) {
        return 1;
    }
    XFREE(emp);
    return 0;
}
